"""What an operator reads: one JSON line a request, and one for whatever else is said. No facts, no identifiers, no keys.

A query may carry a proposal, so only the path is told; an exception's text may quote one, so only its kind and place are.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import stat
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import orjson
import structlog

Event = MutableMapping[str, Any]
Write = Callable[[bytes], int]  # how many bytes of a line could be written


class Lines:
    """A sink of lines that neither fails nor keeps waiting whoever writes to it: a full disk costs lines. `lost` is called for each."""

    def __init__(self, write: Write, lost: Callable[[], None]):
        self._write, self._lost = write, lost
        self._cut = False

    def msg(self, line: bytes) -> None:
        whole = (b"\n" if self._cut else b"") + line + b"\n"  # one write, so that lines of several threads do not mix
        try:
            written = self._write(whole)
        except OSError:
            self._lost()
            return
        self._cut = written < len(whole)
        if self._cut:
            self._lost()

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = msg


def write_at_once(stream: TextIO | None) -> Write:
    """What writes to standard output or error, or raises OSError rather than wait: there may be no room, and nobody who reads."""
    try:
        descriptor = stream.fileno() if stream is not None else -1
        kind = os.fstat(descriptor).st_mode
    except (OSError, ValueError):  # it is closed
        return _no_output
    if stat.S_ISREG(kind):
        return lambda line: os.write(descriptor, line)
    if stat.S_ISSOCK(kind):
        connection = socket.socket(fileno=os.dup(descriptor))
        return lambda line: connection.send(line, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(kind):
        try:
            # Opened anew, it can be told not to wait without telling those who share it.
            own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            pass
        else:
            return lambda line: os.write(own, line)
    return lambda line: os.write(descriptor, line) if select.select([], [descriptor], [], 0)[1] else _no_output(line)


def _no_output(_line: bytes) -> int:
    raise BlockingIOError


def request_log(lost: Callable[[], None], write: Write | None = None) -> Any:
    """A logger of one line a request. Shapes: `.info("request", **facts_of_the_request)`."""
    lines = Lines(write or write_at_once(sys.stdout), lost)
    processors = [structlog.processors.add_log_level, structlog.processors.TimeStamper("iso"), structlog.processors.JSONRenderer(orjson.dumps)]
    return structlog.wrap_logger(lines, processors=processors, wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=True)


def configure(level: str, lost: Callable[[], None]) -> None:
    """Makes JSON lines of what libraries and modules say through the standard library. Shapes: `level` a name such as warning."""
    root = logging.getLogger()
    root.handlers[:] = [_Handler(Lines(write_at_once(sys.stderr), lost))]
    root.setLevel(level.upper())


class _Handler(logging.Handler):
    """Standard logging as JSON lines on the error stream."""

    def __init__(self, lines: Lines):
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        event: Event = {"level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        event["timestamp"] = structlog.processors.TimeStamper("iso")(None, "", {})["timestamp"]
        if record.exc_info and record.exc_info[1] is not None:
            event |= place_of(record.exc_info[1])
        self._lines.msg(orjson.dumps(event, default=str))


def place_of(error: BaseException) -> Mapping[str, Any]:
    """An exception without its words: what kind, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"exception": type(error).__name__, "at": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-12:]]}
