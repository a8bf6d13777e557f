"""Everything that comes from outside: the environment, and where the law lies. Nothing else reads either."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import secrets as _secrets_of_the_system
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .access import Policy, read_keys, read_rate
from .errors import PassportError
from .origin import LOOPBACK, Hosts, read_hosts

_MIB = 1024 * 1024
_HEADER = re.compile(r"(?!(?:authorization|host|origin|cookie|content-.*|sec-.*)\Z)[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII | re.IGNORECASE)
_SECRET = 32  # characters of a secret at least
HERE = Path(__file__).resolve().parent
SHIPPED = [HERE / "config", HERE.parent / "config"]  # installed, our own law lies inside the package; in a checkout, beside it


class SettingsError(PassportError):
    """A setting cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Units: `max_body`, `max_batch`, `memory` bytes; `watch` seconds between looks at the law, 0 for never.

    Shapes: `redis` an address, "" for none, None for the embedded one; `secrets` newest first; `keys` the text of a list of
    private keys, so it never shows.
    """

    config: Path
    archive: Path | None
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
    policy: Policy
    log_requests: bool
    log_level: str
    mark_firms: bool  # a keyed digest of the registration's number in each request line
    shadow: Path | None
    otel: bool
    issuer: str | None = None
    keys: str | None = field(default=None, repr=False)


def read_settings(environ: Mapping[str, str] = os.environ, config: Path | None = None) -> Settings:
    """Settings from the environment; `config` overrides its own. Raises: SettingsError naming the variable."""
    config = config or _config(environ)
    secrets = _secrets(environ)
    return Settings(
        config=config,
        archive=_archive(environ, config),
        host=environ.get("HOST", "127.0.0.1"),
        port=_number(environ, "PORT", 8000, 1, 65535),
        workers=_number(environ, "PASSPORT_WORKERS", os.cpu_count() or 1, 1, 256),
        max_body=_number(environ, "PASSPORT_MAX_BODY", 65536, 1024, 16 * _MIB),
        max_batch=_number(environ, "PASSPORT_MAX_BATCH", 128 * _MIB, 65536, 16384 * _MIB),
        memory=_number(environ, "PASSPORT_MEMORY_CACHE", 64 * _MIB, 0, 65536 * _MIB),
        watch=_number(environ, "PASSPORT_WATCH", 5, 0, 3600),
        redis=environ.get("PASSPORT_REDIS_URL"),
        secrets=secrets or (_secrets_of_the_system.token_bytes(32),),
        own_secret=not secrets,
        policy=_policy(environ),
        log_requests=_yes(environ, "PASSPORT_LOG_REQUESTS", True),
        log_level=_one_of(environ, "PASSPORT_LOG_LEVEL", ("debug", "info", "warning", "error"), "warning"),
        mark_firms=_one_of(environ, "PASSPORT_LOG_IDENTIFIERS", ("no", "hashed"), "no") == "hashed",
        shadow=Path(environ["PASSPORT_SHADOW"]) if environ.get("PASSPORT_SHADOW") else None,
        otel=_yes(environ, "PASSPORT_OTEL", False),
        issuer=_issuer(environ),
        keys=_keys(environ),
    )


def check_open(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Without keys, only this machine is served, unless an operator says otherwise in so many words. Raises: SettingsError."""
    if settings.policy.keys or settings.policy.proxy or _yes(environ, "PASSPORT_OPEN", False) or settings.host in LOOPBACK:
        return
    raise SettingsError(
        f"without keys, everybody who can reach {settings.host}:{settings.port} could ask. Give keys (PASSPORT_API_KEYS_FILE; `passport access new` makes "
        "them), listen on HOST=127.0.0.1, or say PASSPORT_OPEN=yes if something before the service keeps others out"
    )


def _policy(environ: Mapping[str, str]) -> Policy:
    path, header, rate = environ.get("PASSPORT_API_KEYS_FILE"), environ.get("PASSPORT_PROXY_HEADER"), environ.get("PASSPORT_RATE")
    text = _text(path, "PASSPORT_API_KEYS_FILE") if path else environ.get("PASSPORT_API_KEYS", "").replace(";", "\n")
    keys = read_keys(text)
    if path and not keys:
        raise SettingsError("the file that PASSPORT_API_KEYS_FILE names lists no key")
    if not path and not keys and environ.get("PASSPORT_API_KEYS", "").strip():
        raise SettingsError("PASSPORT_API_KEYS lists no key")
    if header and not _HEADER.fullmatch(header):
        raise SettingsError(f"PASSPORT_PROXY_HEADER is {header[:40]!r}, which cannot be the name of a header that a proxy sets")
    if rate:
        read_rate(rate)
    elif rate is None and keys:
        rate = "3000/minute"
    proxy = (header, _proxies(environ)) if header else None
    return Policy(keys, _yes(environ, "PASSPORT_BASIC", False), proxy, rate or None, _hosts(environ, bool(keys) and not proxy))


def _proxies(environ: Mapping[str, str]) -> frozenset[str]:
    words = [word.strip() for word in environ.get("PASSPORT_PROXIES", "127.0.0.1,::1").split(",") if word.strip()]
    try:
        return frozenset(str(ipaddress.ip_address(word)) for word in words)
    except ValueError as error:
        raise SettingsError(f"PASSPORT_PROXIES: {error}; each is one address in full, and no network") from None


def _hosts(environ: Mapping[str, str], keyed: bool) -> Hosts:
    """The names that the service answers to. A page can have a browser ask this machine under any name that leads here; only a key that
    the page does not have keeps it out. So on this machine alone, without keys, no other names are answered than this machine's own.
    """
    stated = environ.get("PASSPORT_HOSTS", "").strip()
    if stated and stated != "*":
        try:
            return Hosts(read_hosts(stated) | LOOPBACK, addresses=True)
        except ValueError as error:
            raise SettingsError(f"PASSPORT_HOSTS: {error}") from None
    here = environ.get("HOST", "127.0.0.1")
    return Hosts() if stated or keyed or here not in LOOPBACK else Hosts(LOOPBACK)


def _text(path: str, name: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{name} names no file that can be read") from None


def _yes(environ: Mapping[str, str], name: str, otherwise: bool) -> bool:
    return _one_of(environ, name, ("yes", "no"), "yes" if otherwise else "no") == "yes"


def _one_of(environ: Mapping[str, str], name: str, allowed: tuple[str, ...], otherwise: str) -> str:
    found = environ.get(name) or otherwise
    if found not in allowed:
        raise SettingsError(f"{name} is {found[:40]!r}; expected {' or '.join(allowed)}")
    return found


def _secrets(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """What cached answers are sealed with: PASSPORT_SECRETS, or the lines of PASSPORT_SECRETS_FILE; the newest first, which seals."""
    path = environ.get("PASSPORT_SECRETS_FILE")
    text = _text(path, "PASSPORT_SECRETS_FILE") if path else environ.get("PASSPORT_SECRETS", "").replace(",", "\n")
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


def _archive(environ: Mapping[str, str], config: Path) -> Path | None:
    """Where bundles of earlier law lie: the directory named, or `archive` beside the law where there is one."""
    stated = environ.get("PASSPORT_ARCHIVE")
    path = Path(stated) if stated else config / "archive"
    if stated and not path.is_dir():
        raise SettingsError(f"PASSPORT_ARCHIVE is {stated!r}, which is no directory; it holds bundles made by `passport rulebooks bundle`")
    return path if path.is_dir() else None


def _keys(environ: Mapping[str, str]) -> str | None:
    """The key list itself, or what stands in the file named. What is wrong is told without repeating any of it."""
    stated = environ.get("PASSPORT_KEYS", "").strip()
    if not stated or stated.startswith("{"):
        return stated or None
    try:
        return Path(stated).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise SettingsError("PASSPORT_KEYS is neither a list of keys nor a file that can be read") from None


def _issuer(environ: Mapping[str, str]) -> str | None:
    issuer = environ.get("PASSPORT_ISSUER") or None
    if bool(issuer) != bool(environ.get("PASSPORT_KEYS", "").strip()):
        raise SettingsError("PASSPORT_ISSUER and PASSPORT_KEYS go together: receipts name who issued them, and keys belong to an issuer")
    return issuer


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18 or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text[:40]!r}; expected a whole number from {low} to {high}")
    return int(text)


def proofs_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where it is remembered which law has passed its worked cases: PASSPORT_PROOFS, or the user's cache; None for a user without a home."""
    stated = environ.get("PASSPORT_PROOFS")
    if stated:
        return Path(stated)
    try:
        return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passport"
    except RuntimeError:
        return None


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
