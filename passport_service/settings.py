"""Everything that comes from outside: the environment, and where the law lies. Nothing else reads either."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets as _secrets_of_the_system
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import PassportError

_MIB = 1024 * 1024
_SECRET = 32  # characters of a secret at least
HERE = Path(__file__).resolve().parent
SHIPPED = [HERE / "config", HERE.parent / "config"]  # installed, our own law lies inside the package; in a checkout, beside it


class SettingsError(PassportError):
    """A setting cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Units: `max_body`, `max_batch`, `memory` bytes; `watch` seconds between looks at the law, 0 for never.

    Shapes: `redis` an address, "" for none, None for the embedded one; `secrets` newest first.
    """

    config: Path
    host: str
    port: int
    workers: int
    max_body: int
    max_batch: int
    memory: int
    watch: int
    redis: str | None
    secrets: tuple[bytes, ...]
    own_secret: bool  # made up for this run, as none was given


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment. Raises: SettingsError naming the variable."""
    secrets = _secrets(environ)
    return Settings(
        config=_config(environ),
        host=environ.get("HOST", "127.0.0.1"),
        port=_number(environ, "PORT", 8000, 1, 65535),
        workers=_number(environ, "PASSPORT_WORKERS", os.cpu_count() or 1, 1, 256),
        max_body=_number(environ, "PASSPORT_MAX_BODY", 65536, 1024, 16 * _MIB),
        max_batch=_number(environ, "PASSPORT_MAX_BATCH", 256 * _MIB, 65536, 16384 * _MIB),
        memory=_number(environ, "PASSPORT_MEMORY_CACHE", 64 * _MIB, 0, 65536 * _MIB),
        watch=_number(environ, "PASSPORT_WATCH", 5, 0, 3600),
        redis=environ.get("PASSPORT_REDIS_URL"),
        secrets=secrets or (_secrets_of_the_system.token_bytes(32),),
        own_secret=not secrets,
    )


def _secrets(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """What cached answers are sealed with: PASSPORT_SECRETS, or the lines of PASSPORT_SECRETS_FILE; the newest first, which seals."""
    path = environ.get("PASSPORT_SECRETS_FILE")
    try:
        text = Path(path).read_text("utf-8") if path else environ.get("PASSPORT_SECRETS", "").replace(",", "\n")
    except (OSError, UnicodeDecodeError):
        raise SettingsError("PASSPORT_SECRETS_FILE names no file that can be read") from None
    found = tuple(line.strip().encode() for line in text.splitlines() if line.strip())
    if any(len(secret) < _SECRET for secret in found):
        raise SettingsError(
            f"a secret of PASSPORT_SECRETS is too short; each has at least {_SECRET} characters, such as `openssl rand -hex 32` gives"
        )
    return found


def _config(environ: Mapping[str, str]) -> Path:
    stated = environ.get("PASSPORT_CONFIG")
    candidates = [Path(stated)] if stated else SHIPPED
    for path in candidates:
        if (path / "facts.yaml").is_file():
            return path
    raise SettingsError(f"no rulebooks at {' or '.join(map(str, candidates))}; PASSPORT_CONFIG names the directory that holds facts.yaml")


def gunicorn_file() -> Path:
    """How gunicorn runs the service. It is a program, so it comes with the service and never from a directory of law: law is data."""
    return next(path for place in SHIPPED if (path := place / "gunicorn.conf.py").is_file())


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text!r}; expected a whole number from {low} to {high}")
    return int(text)


def proofs_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where it is remembered which law has passed its worked cases: PASSPORT_PROOFS, or the user's cache."""
    stated = environ.get("PASSPORT_PROOFS")
    return Path(stated) if stated else Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passport"


def fingerprint(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a directory of law has changed: each file with its size and time."""
    found = []
    for path in sorted(directory.rglob("*.yaml")):
        with contextlib.suppress(OSError):  # it went away while we looked: the next look tells
            about = path.stat()
            found.append((str(path.relative_to(directory)), about.st_size, about.st_mtime_ns))
    return tuple(found)


def code_digest() -> str:
    """A digest of the code that runs: a proof of the law holds for the code that gave it."""
    found = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
