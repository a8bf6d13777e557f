"""Seals on what leaves our hands and comes back: one secret, a salt per purpose, a list of secrets of which the newest signs.

A sealed value opens only under the name it was sealed for, so that one entry put in another's place does not open.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

_MAC = hashlib.sha256
SIZE = _MAC().digest_size


class Sealer:
    """Seals and opens under one purpose. Shapes: `secrets` newest first, each of at least 16 bytes."""

    def __init__(self, secrets: Sequence[bytes], purpose: str):
        if not secrets or any(len(secret) < 16 for secret in secrets):
            raise ValueError("a sealer needs secrets of at least 16 bytes each")
        salt = b"passport " + purpose.encode()
        self._keys = [hmac.digest(secret, salt, _MAC) for secret in secrets]

    def seal(self, name: str, payload: bytes) -> bytes:
        return self._mac(self._keys[0], name, payload) + payload

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """The payload, or None for anything that we did not seal under this name."""
        mac, payload = sealed[:SIZE], sealed[SIZE:]
        # Every key is tried, so that the time taken tells nothing of which one fits.
        fits = [hmac.compare_digest(mac, self._mac(key, name, payload)) for key in self._keys]
        return payload if any(fits) else None

    def mark(self, text: str) -> str:
        """A short digest of a text that nobody without the secret can make or try out."""
        return self._mac(self._keys[0], "mark", text.encode()).hex()[:16]

    @staticmethod
    def _mac(key: bytes, name: str, payload: bytes) -> bytes:
        label = name.encode()
        mac = hmac.new(key, len(label).to_bytes(4, "big") + label, _MAC)
        mac.update(payload)
        return mac.digest()
