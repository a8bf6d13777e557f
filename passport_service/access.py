"""Who may ask what: keys with scopes, held only as digests, and how often each may ask.

A key is 256 random bits, so a plain digest of it is enough. Every key is compared, so that the time taken tells nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import limits
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from .errors import ForbiddenError, PassportError, RateLimitedError, UnauthorizedError
from .origin import Hosts
from .store import Store

CALLER = "passport.caller"
SCOPES = ("decide", "law", "receipts", "metrics", "admin")  # admin: everything
ANY_KEY = "any key"  # what a path needs that leads nowhere: who has no key learns nothing of which there are
PREFIX = "pk_"
ANYBODY = "anybody"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
V = TypeVar("V", bound=Callable[..., Any])


def needs(scope: str | None) -> Callable[[V], V]:
    """Declares which scope a key must have for a view: None for what says only that we are here, or how to ask."""

    def declare(view: V) -> V:
        view.needs = scope  # type: ignore[attr-defined]
        return view

    return declare


def scopes_of(views: Mapping[str, Callable[..., Any]]) -> dict[str, str | None]:
    """What each endpoint needs. Raises: TypeError naming every view that does not declare it, so that nothing is served by oversight."""
    lacking = sorted(endpoint for endpoint, view in views.items() if getattr(view, "needs", "") not in (*SCOPES, None))
    if lacking:
        raise TypeError(f"no scope is declared for {', '.join(lacking)}; say @needs(…), with None where no key is needed")
    return {endpoint: view.needs for endpoint, view in views.items()}  # type: ignore[attr-defined]


class KeyFileError(PassportError):
    """The list of keys cannot be read."""


@dataclass(frozen=True, slots=True)
class Key:
    """One caller's key. Shapes: `digest` hexadecimal SHA-256 of the key itself; `rate` as in "100/minute", or None for the default."""

    name: str
    digest: str
    scopes: frozenset[str]
    rate: str | None = None

    def line(self) -> str:
        return f"{self.name} sha256:{self.digest} {','.join(sorted(self.scopes))}{f' rate={self.rate}' if self.rate else ''}"


def new_key(name: str, scopes: Sequence[str], rate: str | None = None) -> tuple[str, Key]:
    """A new key, which is shown once, and what is kept of it."""
    key = PREFIX + secrets.token_urlsafe(32)
    made = Key(name, hashlib.sha256(key.encode()).hexdigest(), frozenset(scopes), rate)
    read_keys(made.line())
    return key, made


def read_keys(text: str) -> tuple[Key, ...]:
    """Keys as listed, one a line: name, sha256:digest, scopes, and perhaps rate=100/minute. Raises: KeyFileError with the line."""
    found: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            key = _read_key(words)
            if any(key.digest == other.digest for other in found):
                raise KeyFileError("the same key stands on a line before")
            if any(key.name == other.name and key.rate != other.rate for other in found):
                raise KeyFileError(f"{key.name} has another rate on a line before; a caller has one")
        except KeyFileError as error:
            raise KeyFileError(f"keys, line {number}: {error}") from None
        found.append(key)
    return tuple(found)


def _read_key(words: list[str]) -> Key:
    rate = words.pop().removeprefix("rate=") if words[-1].startswith("rate=") else None
    if len(words) != 3:
        raise KeyFileError("expected a name, sha256:digest and scopes")
    name, digest, scopes = words
    kind, _, digest = digest.partition(":")
    wrong = set(scopes.split(",")) - set(SCOPES)
    if not _NAME.fullmatch(name) or name == ANYBODY:
        raise KeyFileError(f"{name[:40]!r} cannot be a caller's name; it has up to 64 letters, digits and . _ -, and is not {ANYBODY}")
    if kind != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise KeyFileError("the second word is sha256: and 64 hexadecimal digits; `passport access new` makes it")
    if wrong:
        raise KeyFileError(f"there is no scope {' or '.join(map(repr, sorted(wrong)))}; there are {', '.join(SCOPES)}")
    if rate is not None:
        read_rate(rate)
    return Key(name, digest, frozenset(scopes.split(",")), rate)


def read_rate(text: str) -> limits.RateLimitItem:
    """A rate such as 600/minute. Raises: KeyFileError."""
    try:
        (found,) = limits.parse_many(text)  # it also reads lists, of which the limiter would take the first
    except ValueError:
        found = None
    if found is None or found.amount < 1 or found.multiples < 1:
        raise KeyFileError(f"{text[:40]!r} is no rate; expected one such as 600/minute")
    return found


@dataclass(frozen=True, slots=True)
class Policy:
    """How callers are known. Shapes: `proxy` (header, addresses of proxies that may set it), or None."""

    keys: tuple[Key, ...] = ()
    basic: bool = False  # a key as the password of basic authentication, for browsers
    proxy: tuple[str, frozenset[str]] | None = None
    rate: str | None = None
    hosts: Hosts = field(default_factory=Hosts)


class Gate:
    """Lets callers through or raises. Units: `clock` gives seconds since the epoch."""

    def __init__(self, policy: Policy, store: Store | None, redis: str | None, clock: Callable[[], float]):
        self.policy, self.store, self.clock = policy, store, clock
        self.open = not policy.keys and policy.proxy is None
        self._by_name = {key.name: key for key in policy.keys}
        self._rates = {key.name: read_rate(key.rate) for key in policy.keys if key.rate}
        self._rate = read_rate(policy.rate) if policy.rate else None
        self._local = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None
        self._redis = redis

    @property
    def challenges(self) -> list[str]:
        """How a caller may show a key, for WWW-Authenticate."""
        return ["Bearer", "Basic"] if self.policy.basic else ["Bearer"]

    # -- who ------------------------------------------------------------------------------------------------------------

    def admit(self, environ: dict[str, Any], scope: str | None) -> list[tuple[str, str]]:
        """Lets a request through to what needs this scope, and says how often the caller may still ask, as headers.

        Raises: BadRequestError, MisdirectedError, CrossSiteError, UnauthorizedError, ForbiddenError, RateLimitedError.
        """
        self.policy.hosts.check(environ)
        environ[CALLER] = self._enter(environ, scope)
        return self.count(environ[CALLER], environ.get("REMOTE_ADDR", ""))

    def _enter(self, environ: Mapping[str, Any], scope: str | None) -> str:
        """The caller's name."""
        if self.open or scope is None:
            return ANYBODY
        key = self._key(environ.get("HTTP_AUTHORIZATION", "")) or self._behind_proxy(environ)
        if key is None:
            raise UnauthorizedError("This needs a key: Authorization: Bearer, then the key.")
        if scope != ANY_KEY and not key.scopes & {scope, "admin"}:
            raise ForbiddenError(f"The key {key.name} has not the scope {scope}.")
        return key.name

    def _key(self, header: str) -> Key | None:
        kind, _, value = header.partition(" ")
        value = value.strip()
        if kind.lower() == "basic" and self.policy.basic:
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
        elif kind.lower() != "bearer":
            return None
        digest = hashlib.sha256(value.encode("latin-1", "replace")).hexdigest()
        fitting = [key for key in self.policy.keys if hmac.compare_digest(key.digest, digest)]
        return fitting[0] if fitting else None

    def _behind_proxy(self, environ: Mapping[str, Any]) -> Key | None:
        """Somebody whom a proxy of ours has let in. What others say in that header counts for nothing."""
        if self.policy.proxy is None:
            return None
        header, proxies = self.policy.proxy
        name = environ.get("HTTP_" + header.upper().replace("-", "_"), "")
        if not name or environ.get("REMOTE_ADDR") not in proxies:
            return None
        return Key(f"proxy:{hashlib.sha256(name.encode('latin-1', 'replace')).hexdigest()[:16]}", "", frozenset({"decide", "law", "receipts"}))

    # -- how often ------------------------------------------------------------------------------------------------------

    def count(self, name: str, address: str, cost: int = 1) -> list[tuple[str, str]]:
        """Headers that tell what is left. Raises: RateLimitedError when nothing is."""
        rate = self._rates.get(name, self._rate)
        if rate is None:
            return []
        who = address if name == ANYBODY else name
        shared = self._shared_limiter()
        allowed, (reset, left) = self._hit(shared or self._local, rate, who, cost, shared is not None)
        seconds = max(1, int(reset - self.clock() + 0.999))
        if not allowed:
            raise RateLimitedError(f"More than {rate.amount} requests in {rate.get_expiry()} seconds.", seconds)
        window = rate.get_expiry()
        return [("RateLimit-Policy", f'"key";q={rate.amount};w={window}'), ("RateLimit", f'"key";r={left};t={seconds}')]

    def _hit(self, limiter: FixedWindowRateLimiter, rate: limits.RateLimitItem, who: str, cost: int, shared: bool) -> tuple[bool, Any]:
        def ask() -> tuple[bool, Any]:
            return limiter.hit(rate, who, cost=cost), limiter.get_window_stats(rate, who)

        if not shared or self.store is None:
            return ask()
        found = self.store.run(ask)
        return found if found is not None else self._hit(self._local, rate, who, cost, False)

    def _shared_limiter(self) -> FixedWindowRateLimiter | None:
        """Counts shared by all replicas, while Redis can be asked; it is never waited for longer than the store allows."""
        if self.store is None or self._redis is None or not self.store.wait(0):
            return None
        if self._shared is None:
            made = self.store.run(lambda: FixedWindowRateLimiter(_storage(self._redis or "")))
            self._shared = made
        return self._shared


def _storage(url: str) -> Storage:
    scheme, _, rest = url.partition("://")
    name = {"unix": "redis+unix", "rediss+cluster": "redis+cluster", "rediss+sentinel": "redis+sentinel"}.get(scheme, scheme)
    return storage_from_string(f"{name}://{rest}", socket_timeout=0.05, socket_connect_timeout=0.05)
