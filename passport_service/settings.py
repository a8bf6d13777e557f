"""Everything that comes from outside: the environment, and where the law lies. Nothing else reads either."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import PassportError

HERE = Path(__file__).resolve().parent


class SettingsError(PassportError):
    """A setting cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Units: `max_body` bytes. Shapes: `keys` is the text of a list of private keys, so it never shows in a repr."""

    config: Path
    archive: Path | None
    host: str
    port: int
    workers: int
    max_body: int
    issuer: str | None = None
    keys: str | None = field(default=None, repr=False)


def read_settings(environ: Mapping[str, str] = os.environ, config: Path | None = None) -> Settings:
    """Settings from the environment; `config` overrides its own. Raises: SettingsError naming the variable."""
    config = config or _config(environ)
    return Settings(
        config=config,
        archive=_archive(environ, config),
        host=environ.get("HOST", "127.0.0.1"),
        port=_number(environ, "PORT", 8000, 1, 65535),
        workers=_number(environ, "PASSPORT_WORKERS", os.cpu_count() or 1, 1, 256),
        max_body=_number(environ, "PASSPORT_MAX_BODY", 65536, 1024, 16 * 1024 * 1024),
        issuer=_issuer(environ),
        keys=_keys(environ),
    )


def _config(environ: Mapping[str, str]) -> Path:
    stated = environ.get("PASSPORT_CONFIG")
    # In a checkout the law lies beside the package; installed, it lies inside it.
    candidates = [Path(stated)] if stated else [HERE / "config", HERE.parent / "config"]
    for path in candidates:
        if (path / "facts.yaml").is_file():
            return path
    raise SettingsError(f"no rulebooks at {' or '.join(map(str, candidates))}; PASSPORT_CONFIG names the directory that holds facts.yaml")


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
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text!r}; expected a whole number from {low} to {high}")
    return int(text)


def proofs_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the command line remembers which law has passed its worked cases."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "passport"


def code_digest() -> str:
    """A digest of the code that runs: a proof of the law holds for the code that gave it."""
    found = hashlib.sha256()
    for path in sorted(HERE.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
