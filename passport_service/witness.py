"""Tells operators of each request, once, when its status is known: a log line and numbers, without facts or identifiers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .access import CALLER
from .cache import Finished
from .metrics import Metrics

REQUEST_ID, DECIDED, MARK = "passport.request_id", "passport.decided", "passport.mark"
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class Witness:
    """Shapes: `log` a structlog logger or None for no request lines."""

    def __init__(self, metrics: Metrics, log: Any | None):
        self.metrics, self.log = metrics, log

    def tell(self, environ: Mapping[str, Any], status: int, seconds: float) -> None:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        self.metrics.request(path, method, status, seconds)
        decided: tuple[Finished, str] | None = environ.get(DECIDED)
        if decided is not None:
            finished, how = decided
            self.metrics.decided([decided])
        if self.log is None:
            return
        said: dict[str, Any] = {
            "request_id": environ[REQUEST_ID],
            "method": method[:20],
            "path": path[:200],
            "status": status,
            "ms": round(seconds * 1000, 3),
            "caller": environ.get(CALLER),
        }
        trace = trace_of(environ)
        if trace:
            said["trace_id"] = trace.split("-")[1]
        if decided is not None:
            said |= {"decision": finished.id, "decision_status": finished.status, "cache": how}
        if MARK in environ:
            said["registration"] = environ[MARK]
        self.log.info("request", **said)


def trace_of(environ: Mapping[str, Any]) -> str | None:
    """The caller's trace context (W3C), if it is one."""
    stated = environ.get("HTTP_TRACEPARENT", "")
    return stated if _TRACE.fullmatch(stated) else None
