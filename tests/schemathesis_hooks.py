"""What schemathesis does not know of our media types. It loads this by itself: see `tests/schemathesis.toml`."""

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/jose", "application/jose+json")
def as_written(ctx, value):
    """Text goes out as it is, anything else as JSON."""
    return (
        value
        if isinstance(value, bytes)
        else value.encode("utf-8", "surrogatepass")
        if isinstance(value, str)
        else schemathesis.transport.serialization.serialize_json(value)
    )
