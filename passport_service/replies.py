"""A finished decision as an HTTP reply, the same bytes and headers whoever answers: the application, or the front before it."""

from __future__ import annotations

import datetime as dt
import re

from . import lawpage
from .cache import Finished

ASKED_AGE = 300  # seconds that a caller may reuse an answer unasked: a new rulebook should be seen soon
KEPT_AGE = 86400  # by its id an answer never changes
CSP = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# Our own forms must say where they come from: under no-referrer a browser would send Origin: null, as a page with something to hide does.
SECURITY = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"))
Headers = list[tuple[str, str]]

_CACHE_STATUS = {
    "hit-memory": "passport; hit; detail=memory",
    "hit-redis": "passport; hit; detail=redis",
    "miss": "passport; fwd=miss",
    "miss-away": "passport; fwd=miss; detail=redis-away",
    "bypass": "passport; fwd=bypass",
}
_TAG = re.compile(r'"[^"]*"')


def decision(
    finished: Finished, how: str, now: dt.datetime, if_none_match: str | None, longest: int, applied: str | None = None
) -> tuple[int, Headers, bytes]:
    """(status, headers, body). A caller who holds the answer already gets 304 and no body (RFC 9110, 13.1.2).

    `applied` is the preference that chose this representation (RFC 7240), where one did.
    """
    etag = f'"{finished.id}-{finished.detail}"'
    seconds = finished.seconds(now, longest)
    headers = [
        ("ETag", etag),
        ("Cache-Control", f"private, max-age={seconds}" if seconds else "private, no-cache"),
        ("Cache-Status", _CACHE_STATUS[how]),
        ("Vary", "Accept, Prefer"),
    ]
    if applied is not None:
        headers.append(("Preference-Applied", applied))
    if finished.version and finished.digest:
        headers += [("Rulebook-Version", finished.version), ("Rulebook-Digest", finished.digest)]
    if if_none_match is not None and _names(if_none_match, etag):
        return 304, headers, b""
    headers += [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(finished.body))),
        ("Repr-Digest", f"sha-256=:{finished.sha256}:"),
    ]
    return 200, headers, finished.body


def finish(headers: Headers) -> None:
    """Adds what every reply of ours carries; a page may have brought a stricter or a fitting policy of its own."""
    headers += SECURITY
    if not any(name == "Content-Security-Policy" for name, _ in headers):
        headers.append(("Content-Security-Policy", CSP))


def policy(html: str) -> str:
    """The Content-Security-Policy of a page that carries its own style."""
    return CSP.replace("style-src 'self'", f"style-src {lawpage.style_hash(html)}")


def _names(header: str, etag: str) -> bool:
    """Whether a list of entity tags, compared weakly, names this one; `*` names any."""
    return header.strip() == "*" or etag in _TAG.findall(header)
