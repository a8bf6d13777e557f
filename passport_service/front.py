"""Before the application: what was answered a moment ago in the same bytes is answered again, without waking anything else.

The key is everything the answer depends on as the caller sent it: method, query, the headers that choose a representation,
and the body. So a hit needs no reading of the body at all.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterable
from typing import Any

from . import replies
from .cache import Cache

PATH = "/v1/decisions"
METHODS = ("POST", "QUERY")
RAW = "passport.raw"
_CHOOSING = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_PREFER")
Start = Callable[..., Any]


class Front:
    """A WSGI application before another. Units: `timer` counts seconds; `clock` gives times aware of their zone."""

    def __init__(
        self,
        app: Callable[[dict[str, Any], Start], Iterable[bytes]],
        cache: Cache,
        max_body: int,
        clock: Callable[[], dt.datetime],
        timer: Callable[[], float],
        finish: Callable[[dict[str, Any], replies.Headers], None],
    ):
        self.app, self.cache, self.max_body, self.clock, self.timer, self.finish = app, cache, max_body, clock, timer, finish

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        began = self.timer()

        def timed(status: str, headers: replies.Headers, *more: Any) -> Any:
            headers.append(("Server-Timing", f"total;dur={(self.timer() - began) * 1000:.3f}"))
            return start(status, headers, *more)

        if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] in METHODS and self._take_body(environ):
            now = self.clock()
            kept = self.cache.recall(environ[RAW], now)
            if kept is not None:
                self.cache.counts["hit-raw"] += 1
                status, headers, body = replies.decision(kept, "hit-memory", now, environ.get("HTTP_IF_NONE_MATCH"), replies.ASKED_AGE)
                self.finish(environ, headers)
                timed("200 OK" if status == 200 else "304 NOT MODIFIED", headers)
                return [body]
        return self.app(environ, timed)

    def _take_body(self, environ: dict[str, Any]) -> bool:
        """Reads a body of stated and allowed length, and puts it back for whoever comes next."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdigit() or not 0 < int(length) <= self.max_body or "HTTP_TRANSFER_ENCODING" in environ:
            return False
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        environ[RAW] = (*(environ.get(name, "") for name in _CHOOSING), hashlib.sha256(body).digest())
        return len(body) == int(length)
