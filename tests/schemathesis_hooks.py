"""What schemathesis does not know of our media types. `tests/schemathesis.toml` names this module."""

import schemathesis
from schemathesis.transport.serialization import serialize_json


@schemathesis.serializer("application/x-ndjson", "application/jose", "application/jose+json")
def as_written(ctx, value):
    """Text goes out as it is, anything else as JSON."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else serialize_json(value)


@schemathesis.hook
def map_body(context, body):
    """JSON Schema counts 1.0 among the integers and cannot say otherwise; the service reads no number with a point (see the contract)."""
    if isinstance(body, dict):
        return {key: map_body(context, value) for key, value in body.items()}
    if isinstance(body, list):
        return [map_body(context, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body
