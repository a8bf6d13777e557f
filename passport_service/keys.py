"""The keys that receipts are signed with: the newest signs, all of them verify, and a private one never shows itself.

A key list is a JWK Set (RFC 7517) of Ed25519 keys (RFC 8037), each under its thumbprint (RFC 7638). Beside the key itself
it may say when its use begins (`nbf`), when it was retired (`exp`), and that it was `revoked`, as OpenID Federation's
historical keys do; times are in seconds since 1970. What reads a list never repeats its content in an error.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from . import canonical
from .errors import MalformedError, PassportError

CURVE = "Ed25519"
TRIAL_ISSUER = "urn:passport:trial"
_MEMBERS = {"kty", "crv", "x", "d", "kid", "use", "alg", "nbf", "exp", "revoked", "ephemeral"}


class KeysError(PassportError):
    """A list of keys cannot be used. Says which key and which member, never what it holds."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """One key. Its use is [begins, retired); a revoked one vouches for nothing."""

    kid: str
    jwk: OKPKey
    begins: dt.datetime | None = None
    retired: dt.datetime | None = None
    revoked: str | None = None  # why
    ephemeral: bool = False  # made for a trial: it ends with the process

    def __repr__(self) -> str:
        return f"<Key {self.kid}>"

    @property
    def signs(self) -> bool:
        return self.jwk.is_private and self.revoked is None

    def in_use(self, at: dt.datetime) -> bool:
        return (self.begins is None or self.begins <= at) and (self.retired is None or at < self.retired)

    def as_json(self) -> dict[str, Any]:
        """The public half, with what is known of its use."""
        found = self.jwk.as_dict(private=False)
        found = {name: found[name] for name in ("kty", "crv", "x")} | {"kid": self.kid, "use": "sig", "alg": CURVE}
        found |= {name: int(when.timestamp()) for name, when in (("nbf", self.begins), ("exp", self.retired)) if when}
        found |= {"revoked": {"reason": self.revoked}} if self.revoked is not None else {}
        return found | ({"ephemeral": True} if self.ephemeral else {})


@dataclass(frozen=True, slots=True)
class KeyList:
    """The keys of one issuer."""

    issuer: str
    keys: tuple[Key, ...]

    def find(self, kid: str) -> Key | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def signing(self, now: dt.datetime) -> Key:
        """The newest key that may sign. Raises: KeysError when there is none."""
        usable = [key for key in self.keys if key.signs and key.in_use(now)]
        if not usable:
            raise KeysError("No private key of the list is in use, so no receipt can be signed.")
        return max(usable, key=lambda key: (key.begins or dt.datetime.min.replace(tzinfo=dt.UTC), key.kid))

    def as_json(self) -> dict[str, Any]:
        """The JWK Set that may be published. `issuer` is a member of our own, as RFC 7517 §5 allows."""
        return {"issuer": self.issuer, "keys": [key.as_json() for key in self.keys]}


def read_keys(text: str, issuer: str | None = None) -> KeyList:
    """A key list, private or public. `issuer` is needed where the list names none. Raises: KeysError."""
    try:
        found = canonical.load(text.encode())
    except MalformedError:
        raise KeysError("The list of keys is not JSON with each member once.") from None
    if not isinstance(found, dict) or found.keys() - {"keys", "issuer"} or not isinstance(found.get("keys"), list):
        raise KeysError('A list of keys is a JWK Set: {"keys": [...]}, with "issuer" if it is published.')
    if issuer is None:
        issuer = found.get("issuer")
    if not is_issuer(issuer) or found.get("issuer", issuer) != issuer:
        raise KeysError("The issuer of the keys is not named, is no URI, or is another than the list's own.")
    keys = tuple(_key(row, number) for number, row in enumerate(found["keys"], 1))
    if not keys or len({key.kid for key in keys}) < len(keys):
        raise KeysError("The list of keys is empty, or a key stands in it twice.")
    return KeyList(issuer, keys)


def is_issuer(text: Any) -> bool:
    """Whether a text can name an issuer: a URI of at most 200 printable ASCII characters."""
    return isinstance(text, str) and 3 <= len(text) <= 200 and ":" in text and all("!" <= sign <= "~" for sign in text)


def _key(row: Any, number: int) -> Key:
    if not isinstance(row, dict) or row.keys() - _MEMBERS:
        raise KeysError(f"Key {number} of the list is no object, or has a member that is none of {', '.join(sorted(_MEMBERS))}.")
    if (row.get("kty"), row.get("crv"), row.get("use", "sig"), row.get("alg", CURVE)) != ("OKP", CURVE, "sig", CURVE):
        raise KeysError(f"Key {number} of the list is not a signing key of the curve {CURVE}.")
    try:
        jwk = OKPKey.import_key({name: row[name] for name in ("kty", "crv", "x", "d") if name in row})
        # The library takes x and d as they are stated; a list that joins halves of two keys would sign under a wrong name.
        own, kid = base64.urlsafe_b64encode(jwk.public_key.public_bytes_raw()).rstrip(b"=").decode(), jwk.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError):
        raise KeysError(f"Key {number} of the list cannot be read.") from None
    if own != row.get("x") or row.get("kid", kid) != kid:
        raise KeysError(f"Key {number} of the list has an x or a kid that is not its own; a kid is the thumbprint of RFC 7638.")
    begins, retired = _time(row, "nbf", number), _time(row, "exp", number)
    if begins is not None and retired is not None and retired < begins:
        raise KeysError(f"Key {number} of the list is retired before its use begins.")
    if not isinstance(row.get("ephemeral", False), bool):
        raise KeysError(f"Key {number} of the list has an ephemeral that is neither true nor false.")
    return Key(kid, jwk, begins, retired, _revoked(row, number), row.get("ephemeral", False))


def _time(row: Mapping[str, Any], name: str, number: int) -> dt.datetime | None:
    if name not in row:
        return None
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**38:
        raise KeysError(f"Key {number} of the list has a {name} that is no number of seconds since 1970; leave it out where there is none.")
    return dt.datetime.fromtimestamp(value, dt.UTC)


def _revoked(row: Mapping[str, Any], number: int) -> str | None:
    if "revoked" not in row:
        return None
    found = row["revoked"]
    if found is None or found is False:  # meant to say that it is not revoked, or not filled in yet: nobody can tell
        raise KeysError(f'Key {number} of the list has a revoked that says neither yes nor no; leave it out, or write {{"reason": "…"}}.')
    if isinstance(found, dict) and (found.keys() - {"reason", "revoked_at"} or not isinstance(found.get("reason", ""), str)):
        raise KeysError(f"Key {number} of the list has a revoked with members that are none of reason (a text) and revoked_at.")
    # However else it is written, the key is revoked: a slip of the pen must not make it good again.
    return (found.get("reason") if isinstance(found, dict) else None) or "no reason given"


def ephemeral(now: dt.datetime) -> KeyList:
    """A key for trying things out: it lives as long as the process, and every receipt says so."""
    jwk = OKPKey.generate_key(CURVE)
    return KeyList(TRIAL_ISSUER, (Key(jwk.thumbprint(), jwk, now.replace(microsecond=0), ephemeral=True),))


def with_new_key(text: str | None, now: dt.datetime) -> bytes:
    """A private key list with a new key in front. Those before it are retired now; only their public halves are kept. Raises: KeysError."""
    seconds = int(now.timestamp())
    older = []
    if text is not None:
        read_keys(text, TRIAL_ISSUER)  # refuses what cannot be used before anything is written
        older = canonical.load(text.encode())["keys"]
    jwk = OKPKey.generate_key(CURVE)
    new = jwk.as_dict(private=True) | {"kid": jwk.thumbprint(), "use": "sig", "alg": CURVE, "nbf": seconds}
    return canonical.dump({"keys": [new, *({"exp": seconds} | _public(row) for row in older)]})


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "d"}
