"""The commands of receipts: issue one, verify one without the service, re-check a folder of them, make keys."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from . import canonical, keys, renewal
from .bundle import BundleError
from .errors import PassportError
from .keys import KeyList
from .receipt import MAX_RECEIPT, issue
from .service import Service
from .settings import SettingsError, read_settings
from .terminal import ask, config_option, fail, load, table
from .today import today
from .verification import verify

DOES_NOT_HOLD, CANNOT_BE_SAID = 4, 5
_MARKS = {"passed": "✓", "failed": "✗", "cannot": "?", "not_reached": " "}

_jwks = click.option(
    "--jwks", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The issuer's public keys (default: PASSPORT_KEYS)."
)
_issuer = click.option("--issuer", help="Who must have issued it (default: the issuer that the keys name, or PASSPORT_ISSUER).")
_bundle = click.option(
    "--bundle", "bundles", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True,
    help="A bundle of the law that it rests on, beside those of the archive.",
)  # fmt: skip


@click.group()
def receipts() -> None:
    """Signed answers: proof of what was asked, answered, and under which law."""


@receipts.command("issue")
@click.argument("file", type=click.File("rb"))
@click.option("--compact", is_flag=True, help="The compact form instead of flattened JSON.")
@config_option
def issue_(file: Any, compact: bool, config: Path | None) -> None:
    """Decide the proposal in FILE and write the signed answer; needs PASSPORT_KEYS and PASSPORT_ISSUER."""
    own, passport = _keys(None, None), load(config)
    try:
        found = ask(lambda: issue(passport, own, canonical.load(file.read()), dt.datetime.now(dt.UTC)))
    except PassportError as error:
        fail(str(error))
    sys.stdout.buffer.write(found.compact() if compact else found.flattened())


@receipts.command("verify")
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="The verification as JSON, as over HTTP.")
@_jwks
@_issuer
@_bundle
@config_option
def verify_(file: Any, as_json: bool, jwks: Path | None, issuer: str | None, bundles: tuple[Path, ...], config: Path | None) -> None:
    """Verify the receipt in FILE step by step, replay it, and say what it would be today. Needs no service."""
    theirs, passport, now = _keys(jwks, issuer), _with(bundles, load(config)), dt.datetime.now(dt.UTC)
    found = verify(file.read(MAX_RECEIPT + 1), theirs, passport, now)
    beside = today(found.payload, found.held, passport, now) if found.payload and found.authentic else None
    if as_json:
        sys.stdout.buffer.write(canonical.dump({**found.as_json(), "today": beside}))
    else:
        console = Console()
        for step in found.steps:
            click.echo(f"{_MARKS[step.status]} {step.number}. {step.title}" + (f"\n     {step.says}" if step.says else ""))
        console.print("The receipt holds." if found.verified else _verdict(found.authentic))
        if beside:
            _show(console, beside)
    stopped = found.stopped_at
    if stopped:
        sys.exit(DOES_NOT_HOLD if stopped.status == "failed" else CANNOT_BE_SAID)


def _verdict(authentic: bool) -> str:
    return "Authentic: the issuer said this, then. It was not replayed." if authentic else "THE RECEIPT DOES NOT HOLD."


def _show(console: Console, beside: dict[str, Any]) -> None:
    console.print(f"\n[bold]Today[/bold]: {beside['says']}")
    if beside["rows"]:
        rows = (
            (row["id"], row["title"] or "", row["then"].replace("_", " "), row["now"].replace("_", " "), ", ".join(row["changed"]))
            for row in beside["rows"]
        )
        table(console, ("id", "what", "then", "today", "differs in"), rows)
    if beside["provisions"]:
        rows = ((row["id"], row["cause"], row["from"] or "", row["title"], row["cite"]["text"]) for row in beside["provisions"])
        console.print("\n[bold]Changes of law behind it[/bold]")
        table(console, ("id", "by", "from", "what", "under"), rows)
    for row in beside["facts"]:
        console.print(f"  {row['text']} ({row['fact']})")
    for row in beside["missing"]:
        console.print(f"  asked now: {row['fact']}: {row['question']}")


@receipts.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--within", type=click.IntRange(0, 3650), default=30, show_default=True, help="Days ahead that count as soon.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to judge by (default: today).")
@click.option("--all", "everything", is_flag=True, help="List the receipts whose answer is the same too.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_jwks
@_issuer
@_bundle
@config_option
def due(
    directory: Path, within: int, on: dt.datetime | None, everything: bool, as_json: bool,
    jwks: Path | None, issuer: str | None, bundles: tuple[Path, ...], config: Path | None,
) -> None:  # fmt: skip
    """List the receipts in DIRECTORY (*.json, *.jws) that do not hold, whose answer has changed, or lapses soon; worst first."""
    theirs, passport = _keys(jwks, issuer), _with(bundles, load(config))
    now = on.replace(hour=12, tzinfo=dt.UTC) if on else dt.datetime.now(dt.UTC)
    paths = sorted(path for path in directory.iterdir() if path.suffix in (".json", ".jws") and path.is_file())
    lines = (renewal.judge(path.name, _read(path), theirs, passport, now, within) for path in _shown(paths))
    found = renewal.report(lines, everything)
    if as_json:
        sys.stdout.buffer.write(canonical.dump(found))
        return
    console = Console()
    if found["receipts"]:
        rows = (
            (row["file"], row["state"], _words(row["then"]), _words(row["now"]), row["valid_until"] or "", _because(row)) for row in found["receipts"]
        )
        table(console, ("receipt", "state", "then", "today", "valid until", "because of"), rows)
    if found["provisions"]:
        console.print("\n[bold]Changes of law behind them[/bold]")
        rows = ((row["id"], row["title"], row["cite"], row["cause"], str(row["receipts"])) for row in found["provisions"])
        table(console, ("id", "what", "under", "by", "receipts"), rows)
    console.print(", ".join(f"{count} {state} ({renewal.MEANS[state]})" for state, count in found["counts"].items() if count) or "No receipts.")


def _words(status: str | None) -> str:
    return (status or "").replace("_", " ")


def _because(row: dict[str, Any]) -> str:
    """The change of law, else what stands otherwise, else why it does not hold; the first few."""
    ids = row["provisions"] or row["ids"]
    return ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "") if ids else row["says"] if row["state"] != "same" else ""


def _shown(paths: list[Path]) -> Iterator[Path]:
    """The paths, with a progress bar where somebody is watching."""
    console = Console(stderr=True)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, disable=not console.is_terminal) as progress:
        yield from progress.track(paths, description="Receipts")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_RECEIPT + 1)


@receipts.command("new-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def new_key(file: Path) -> None:
    """Put a new signing key into the key list FILE; the keys before it are retired now, and still verify what they signed."""
    try:
        older = file.read_text(encoding="utf-8") if file.exists() else None
        content = keys.with_new_key(older, dt.datetime.now(dt.UTC))
        part = file.with_name(file.name + ".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:  # nobody else may read it
            new.write(content)
        part.replace(file)
    except (PassportError, OSError, ValueError) as error:
        fail(str(error))
    click.echo(f"{file}: signs with {keys.read_keys(content.decode(), keys.TRIAL_ISSUER).keys[0].kid}")


def _keys(jwks: Path | None, issuer: str | None) -> KeyList:
    """The keys to trust: those of a file, or our own."""
    try:
        if jwks:
            return keys.read_keys(jwks.read_text(encoding="utf-8"), issuer)
        settings = read_settings()
        if settings.keys is None:
            fail("Name the issuer's public keys with --jwks FILE (its /.well-known/jwks.json), or set PASSPORT_KEYS and PASSPORT_ISSUER.", 2)
        return keys.read_keys(settings.keys, issuer or settings.issuer)
    except (SettingsError, keys.KeysError, OSError, ValueError) as error:
        fail(str(error))


def _with(bundles: tuple[Path, ...], passport: Service) -> Service:
    try:
        for path in bundles:
            passport.archive.add(path)
    except (BundleError, OSError) as error:
        fail(str(error))
    return passport
