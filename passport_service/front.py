"""Before the application: who asks and how often, what was answered a moment ago in the same bytes, and plain questions.

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
from http import HTTPStatus
from typing import Any

from . import canonical, problems, replies
from .access import Gate
from .cache import Cache, Finished
from .errors import PassportError, RateLimitedError, UnauthorizedError
from .witness import CALLER, DECIDED, REQUEST_ID, Witness, trace_of

PATH = "/v1/decisions"
METHODS = ("POST", "QUERY")
RAW = "passport.raw"
_CHOOSING = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_PREFER")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_PLAIN = frozenset(("", "application/json", accept, "") for accept in ("", "*/*", "application/json"))
Start = Callable[..., Any]
Ask = Callable[[dict[str, Any], bytes, dt.datetime], tuple[Finished, str]]


class Front:
    """A WSGI application before another. Units: `timer` counts seconds; `clock` gives times aware of their zone."""

    def __init__(
        self,
        app: Callable[[dict[str, Any], Start], Iterable[bytes]],
        cache: Cache,
        gate: Gate,
        witness: Witness,
        max_body: int,
        clock: Callable[[], dt.datetime],
        timer: Callable[[], float],
        ask: Ask,
    ):
        self.app, self.cache, self.gate, self.witness = app, cache, gate, witness
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
            headers += more
            headers.append(("Server-Timing", f"total;dur={seconds * 1000:.3f}"))
            return start(status, headers, *error)

        try:
            environ[CALLER] = self.gate.enter(environ)
            more += self.gate.count(environ[CALLER], environ.get("REMOTE_ADDR", ""))
        except PassportError as error:
            return self._refuse(error, environ, answered)
        if environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] in METHODS and self._take_body(environ):
            now = self.clock()
            found = self._find(environ, now)
            if found is not None:
                environ[DECIDED] = found
                status, headers, body = replies.decision(*found, now, environ.get("HTTP_IF_NONE_MATCH"), replies.ASKED_AGE)
                answered("200 OK" if status == 200 else "304 NOT MODIFIED", headers)
                return [body]
        return self.app(environ, answered)

    def _find(self, environ: dict[str, Any], now: dt.datetime) -> tuple[Finished, str] | None:
        """The answer, if it is kept, or if the question is put in the plainest way and can be answered; all else is the application's."""
        kept = self.cache.recall_asked(environ[RAW], now)
        if kept is not None:
            return kept, "hit-memory"
        if tuple(environ.get(name) or "" for name in _CHOOSING[1:]) not in _PLAIN:
            return None
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            finished, how = self.ask(environ, body, now)
        except PassportError:
            return None  # the application finds the same, and says it
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

    def _refuse(self, error: PassportError, environ: dict[str, Any], answered: Start) -> Iterable[bytes]:
        found = problems.of_error(error, environ[REQUEST_ID])
        body = canonical.dump(found)
        headers = [("Content-Type", problems.MEDIA_TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        if isinstance(error, RateLimitedError):
            self.witness.metrics.rate_limited.inc()
            headers += [("Retry-After", str(error.seconds)), ("RateLimit", f'"key";r=0;t={error.seconds}')]
        if isinstance(error, UnauthorizedError):
            headers += [("WWW-Authenticate", f'{kind} realm="passport"') for kind in self.gate.challenges]
        answered(f"{found['status']} {HTTPStatus(found['status']).phrase}", headers)
        return [body]
