"""To which host a request is addressed, and from whose page it comes: what keeps other sites from using a browser's reach.

Whoever opens a page of another site lets it send requests from their browser: to this machine, and with a password that the browser
holds. Such a page may link here, and may send nothing. Under a name of its own that leads to this machine (DNS rebinding) it could
even read what is answered, so a service that asks for no key answers only to names that it is known by.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .errors import BadRequestError, CrossSiteError, MisdirectedError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?", re.ASCII)
_PORTS = {"http": 80, "https": 443}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
Authority = tuple[str, int | None]  # a host's name in small letters, and the port where one is named


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that the service answers to. Shapes: `names` in small letters, None for any; `addresses` whether to any IP address too,
    which no name of another's can lead to."""

    names: frozenset[str] | None = None
    addresses: bool = False

    def check(self, environ: Mapping[str, Any]) -> None:
        """Raises: BadRequestError, MisdirectedError, CrossSiteError."""
        stated = environ.get("HTTP_HOST")
        own = None if stated is None else _authority(stated)
        if stated is None and environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            raise BadRequestError("The request has no Host header, which HTTP/1.1 asks for.")
        if stated is not None and own is None:
            raise BadRequestError(f"The Host header {stated[:80]!r} names no host.")
        target = environ.get("RAW_URI", "")
        if "://" in target and not target.startswith("/"):  # an address in full stands in place of the Host header (RFC 9112, 3.2.2)
            own = _authority(urlsplit(target).netloc)
            if own is None:
                raise BadRequestError(f"The request line names no host: {target[:80]!r}.")
        if own is not None and not self._answers_to(own[0]):
            raise MisdirectedError(f"This service does not answer as {own[0][:80]!r}.")
        if environ["REQUEST_METHOD"].upper() not in _SAFE:
            self._check_page(environ, own)

    def _answers_to(self, name: str) -> bool:
        return self.names is None or name in self.names or (self.addresses and _is_address(name))

    def _check_page(self, environ: Mapping[str, Any], own: Authority | None) -> None:
        """Programs say nothing of pages. A browser does: Sec-Fetch-Site to addresses that it trusts, Origin to all."""
        site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
        if site not in (None, "same-origin", "none"):
            raise CrossSiteError(f"The browser says that a page of another origin ({site[:40]}) sends this.")
        if origin is None or (origin == "null" and site == "same-origin"):
            return
        if origin == "null":
            raise CrossSiteError("The browser does not say which page sends this (Origin: null).")
        if not self._is_own(origin, own):
            raise CrossSiteError(f"The browser says that a page of {origin[:80]!r} sends this.")

    def _is_own(self, origin: str, own: Authority | None) -> bool:
        scheme, _, rest = origin.partition("://")
        found = _authority(rest)
        if found is None or scheme not in _PORTS:
            return False
        name, port = found
        if self.names is not None and name in self.names - LOOPBACK:  # what a proxy makes of the Host header does not matter then
            return True
        return own is not None and (name, port or _PORTS[scheme]) == (own[0], own[1] or _PORTS[scheme])


def _authority(text: str) -> Authority | None:
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    address, name, port = found.groups()
    return (address or name).lower().rstrip("."), int(port) if port else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def read_hosts(text: str) -> frozenset[str]:
    """Names of hosts with commas between them. Raises: ValueError naming the one that is none."""
    found = set()
    for word in filter(None, (word.strip() for word in text.split(","))):
        name = _authority(f"[{word}]" if word.count(":") > 1 and not word.startswith("[") else word)
        if name is None or name[1] is not None:
            raise ValueError(f"{word[:40]!r} is no name of a host, such as passport.example; ports are left out")
        found.add(name[0])
    return frozenset(found)
