"""What an operator reads: one JSON line a request, and one for whatever else is said. No facts, no identifiers, no keys.

A query may carry a proposal, so only the path is told; an exception's text may quote one, so only its kind and place are.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, BinaryIO

import orjson
import structlog

Event = MutableMapping[str, Any]


class Lines:
    """A sink of lines that never fails the request which it tells of: a full disk costs lines. Shapes: `lost` how many."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.lost = 0

    def msg(self, line: bytes) -> None:
        try:
            self._stream.write(line + b"\n")  # one write, so that lines of several threads do not mix
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = msg


def request_log(stream: BinaryIO | None = None) -> Any:
    """A logger of one line a request. Shapes: `.info("request", **facts_of_the_request)`."""
    lines = Lines(stream or sys.stdout.buffer)
    processors = [structlog.processors.add_log_level, structlog.processors.TimeStamper("iso"), structlog.processors.JSONRenderer(orjson.dumps)]
    return structlog.wrap_logger(lines, processors=processors, wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=True)


def configure(level: str) -> None:
    """Makes JSON lines of what libraries and modules say through the standard library. Shapes: `level` a name such as warning."""
    handler = _Handler()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


class _Handler(logging.Handler):
    """Standard logging as JSON lines on the error stream."""

    def emit(self, record: logging.LogRecord) -> None:
        event: Event = {"level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        event["timestamp"] = structlog.processors.TimeStamper("iso")(None, "", {})["timestamp"]
        if record.exc_info and record.exc_info[1] is not None:
            event |= place_of(record.exc_info[1])
        try:
            sys.stderr.buffer.write(orjson.dumps(event, default=str) + b"\n")
            sys.stderr.buffer.flush()
        except (OSError, ValueError, AttributeError):
            pass  # there is nowhere left to say so


def place_of(error: BaseException) -> Mapping[str, Any]:
    """An exception without its words: what kind, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"exception": type(error).__name__, "at": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]}
