"""What schemathesis does not know of our media types. `tests/schemathesis.toml` names this module."""

import schemathesis
from schemathesis.transport.serialization import serialize_json


@schemathesis.serializer("application/x-ndjson", "application/jose", "application/jose+json")
def as_written(ctx, value):
    """Text goes out as it is, anything else as JSON."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else serialize_json(value)
