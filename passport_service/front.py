"""Before the application: questions put in the plainest way, and what was answered a moment ago in the same bytes.

The key of a kept answer is everything it depends on as the caller sent it: method, query, the headers that choose a
representation, and the body. So a hit needs no reading of the body at all.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from . import replies
from .access import CALLER, Gate
from .asked_by import AskedBy
from .cache import Cache, Finished
from .errors import PassportError
from .witness import DECIDED, REQUEST_ID, Witness, trace_of

PATH = "/v1/decisions"
METHODS = ("POST", "QUERY")
SCOPE = "decide"  # as the application's view of the same path declares it
RAW = "passport.raw"
ADMITTED = "passport.admitted"  # headers about the caller's rate, once the request has been let through
REFUSED = "passport.refused"  # why it cannot be answered, for the application to say
_CHOOSING = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "HTTP_ACCEPT")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_PLAIN = frozenset(("", "application/json", accept) for accept in ("", "*/*", "application/json"))
Start = Callable[..., Any]
Ask = Callable[[dict[str, Any], bytes, dt.datetime], tuple[Finished, str]]


class Front:
    """A WSGI application before another. Units: `timer` counts seconds; `clock` gives times aware of their zone."""

    def __init__(
        self,
        app: Callable[[dict[str, Any], Start], Iterable[bytes]],
        cache: Cache,
        asked_by: AskedBy,
        gate: Gate,
        witness: Witness,
        max_body: int,
        clock: Callable[[], dt.datetime],
        timer: Callable[[], float],
        ask: Ask,
    ):
        self.app, self.cache, self.asked_by, self.gate, self.witness = app, cache, asked_by, gate, witness
        self.max_body, self.clock, self.timer, self.ask = max_body, clock, timer, ask

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        began = self.timer()
        stated = environ.get("HTTP_X_REQUEST_ID", "")
        environ[REQUEST_ID] = stated if _ID.fullmatch(stated) else secrets.token_hex(8)
        more: replies.Headers = [("X-Request-Id", environ[REQUEST_ID])]
        trace = trace_of(environ)
        if trace:
            more.append(("traceparent", trace))

        def answered(status: str, headers: replies.Headers, *error: Any) -> Any:
            seconds = self.timer() - began
            self.witness.tell(environ, int(status[:3]), seconds)
            replies.finish(headers)
            headers += more + environ.get(ADMITTED, [])
            headers.append(("Server-Timing", f"total;dur={seconds * 1000:.3f}"))
            return start(status, headers, *error)

        found = self._quick(environ) if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] in METHODS else None
        if found is None:
            return self.app(environ, answered)
        status, headers, body = found
        answered("200 OK" if status == 200 else "304 NOT MODIFIED", headers)
        return [body]

    def _quick(self, environ: dict[str, Any]) -> tuple[int, replies.Headers, bytes] | None:
        """The reply, if the answer is kept, or if the question is put in the plainest way and can be answered; all else is the application's.

        What the application would find out again is left for it: who asks, and why they are refused.
        """
        try:
            environ[ADMITTED] = self.gate.admit(environ, SCOPE)
            if environ.get("HTTP_PREFER") or not self._take_body(environ):
                return None
            now = self.clock()
            kept = self.cache.recall_asked(environ[RAW], now)
            if kept is None and tuple(environ.get(name) or "" for name in _CHOOSING[1:]) not in _PLAIN:
                return None
            finished, how = (kept, "hit-memory") if kept is not None else self._ask(environ, now)
        except PassportError as error:
            environ[REFUSED] = error
            return None
        environ[DECIDED] = finished, how
        told = self.asked_by.tell(environ[CALLER], finished.id, how)
        return replies.decision(finished, told, now, environ.get("HTTP_IF_NONE_MATCH"), replies.ASKED_AGE)

    def _ask(self, environ: dict[str, Any], now: dt.datetime) -> tuple[Finished, str]:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        finished, how = self.ask(environ, body, now)
        self.cache.remember_asked(environ[RAW], finished, now)
        return finished, how

    def _take_body(self, environ: dict[str, Any]) -> bool:
        """Reads a body of stated and allowed length, and puts it back for whoever comes next."""
        length = environ.get("CONTENT_LENGTH") or ""
        if not length.isdigit() or not 0 < int(length) <= self.max_body or "HTTP_TRANSFER_ENCODING" in environ:
            return False
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        environ[RAW] = (*(environ.get(name, "") for name in _CHOOSING), hashlib.sha256(body).digest())
        return len(body) == int(length)
