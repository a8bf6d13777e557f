"""The command line: decide a proposal, look at the facts, check the law, run the service.

Exit codes: 0 done, 1 the law does not load or a setting cannot be used, 2 wrong usage, 3 the proposal cannot be understood,
4 a receipt does not hold, 5 it cannot be said here whether it does.
"""

from __future__ import annotations

import datetime as dt
import gc
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from . import __version__, access, bundle, canonical, embedded, lawpage, logs, publish, review, wording
from .app import create_app, create_metrics, signing_keys
from .archive import file_away
from .errors import LawError, PassportError, closest
from .explain import party_words
from .facts import bounds_text
from .receipts_cli import receipts
from .settings import Settings, check_open, read_settings
from .source import read_files
from .store import shown
from .terminal import Commands, ask, config_option, fail, load, table

_STATUS_WORDS = {
    "not_covered": "NOT COVERED: this rulebook does not answer the question",
    "blocked": "BLOCKED: no route is open as proposed",
    "undetermined": "UNDETERMINED: facts are missing, nothing may be presumed",
    "checks_required": "CHECKS REQUIRED: a route is open once these checks are done",
    "clear": "CLEAR: a route is open and no check remains",
}


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="passport")
def main() -> None:
    """Which limited additional checks does the host market require of a broker registered at home?

    Exit codes: 0 done, 1 the law does not load or a setting cannot be used, 2 wrong usage, 3 the proposal cannot be understood,
    4 a receipt does not hold, 5 it cannot be said here whether it does.
    """


main.add_command(receipts)


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="The answer as canonical JSON, the same bytes as over HTTP.")
@click.option(
    "--detail", type=click.Choice(["full", "summary"]), default="full", show_default=True, help="summary leaves out why, says and not_required."
)
@config_option
def decide(file: Any, as_json: bool, detail: str, config: Path | None) -> None:
    """Decide the proposal in FILE (JSON; - for standard input)."""
    passport = load(config)
    answer = ask(lambda: passport.decide(canonical.load(file.read()), dt.datetime.now(dt.UTC)))
    if as_json:
        sys.stdout.buffer.write(answer.bytes(detail))
    else:
        _show(answer.body, Console(soft_wrap=False))


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--scenario", "scenarios", multiple=True, help="A scenario to compare with; may be given several times.")
@click.option("--as-of", "dates", multiple=True, help="A law date to compare with; may be given several times.")
@click.option("--all", "everything", is_flag=True, help="Rows that do not differ too.")
@click.option("--json", "as_json", is_flag=True, help="The matrix as canonical JSON, as over HTTP.")
@config_option
def compare(file: Any, scenarios: tuple[str, ...], dates: tuple[str, ...], everything: bool, as_json: bool, config: Path | None) -> None:
    """Compare the proposal in FILE under the law as it is, scenarios and other dates, differences first."""
    passport = load(config)
    columns = [{"scenario": name} for name in scenarios] + [{"as_of": day} for day in dates]
    found = ask(lambda: passport.compare({"proposal": canonical.load(file.read()), "columns": columns}, dt.datetime.now(dt.UTC)))
    if as_json:
        sys.stdout.buffer.write(canonical.dump(found))
        return
    console = Console()
    heads = [f"{column['scenario'] or 'law'} {column['as_of']}" for column in found["columns"]]
    for head, column in zip(heads, found["columns"], strict=True):
        console.print(f"[bold]{head}[/bold]: {column['status'].replace('_', ' ')}. {column['summary']}")
        if column["stamp"]:
            console.print(f"  {column['stamp']}")
        if column["beside_today"]:
            console.print(f"  {column['beside_today']['says']}")
    rows = [row for row in found["rows"] if row["differs"] or everything]
    table(console, ("id", "title", *heads), ((row["id"], row["title"] or "", *(_cell(cell) for cell in row["cells"])) for row in rows))


def _cell(cell: Mapping[str, Any]) -> str:
    return cell["status"].replace("_", " ") + (f" ({', '.join(cell['by'])})" if cell["by"] else "")


@main.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="The catalogue as JSON Schema 2020-12.")
@config_option
def facts(name: str | None, as_json: bool, config: Path | None) -> None:
    """List the facts that may be asked, or show the one called NAME (or those of a group)."""
    catalogue = load(config).laws.catalogue
    if as_json:
        sys.stdout.buffer.write(canonical.dump(publish.facts_schema(catalogue)))
        return
    found = [fact for fact in catalogue.given() if name in (None, fact.name, fact.group)]
    if not found:
        meant = closest(name or "", [*catalogue.facts, *catalogue.groups])
        fail(f"There is no fact or group {name!r}." + (f" Did you mean {meant}?" if meant else ""), 2)
    console = Console()
    if len(found) == 1:
        fact = found[0]
        console.print(
            f"[bold]{fact.name}[/bold]  {fact.type}, {fact.klass}{', exceptional' if fact.exceptional else ''}\n{fact.question}\n{fact.help}"
            f"{chr(10) + bounds_text(fact) if bounds_text(fact) else ''}"
        )
        for value, words in fact.values.items():
            also = [word for word, meant in fact.words.synonyms.items() if meant == value and " " not in word]
            console.print(f"  {value}: {words}" + (f" (also: {', '.join(also)})" if also else ""))
        return
    table(console, ("fact", "type", "class", "question"), ((fact.name, fact.type, fact.klass, fact.question) for fact in found))


@main.group()
def rulebooks() -> None:
    """The law as written."""


@rulebooks.command()
@config_option
def check(config: Path | None) -> None:
    """Load the law, run every worked case, and report every mistake with file, line, column and path."""
    passport = load(config, again=True)
    kinds = ("routes", "requirements", "recognitions", "notices", "definitions", "cases")
    lines = [publish.rulebook_line(rulebook) for rulebook in passport.laws.rulebooks.values()]
    table(Console(), ("host", *kinds), ((line["host"], *(str(line["counts"][kind]) for kind in kinds)) for line in lines))
    for line in lines:
        click.echo(f"{line['host']} {line['version']} {line['digest']}")
    click.echo("The law loads and every worked case passes.")


@rulebooks.command("coverage")
@click.option("--all", "everything", is_flag=True, help="List what is fully tried too.")
@config_option
def show_coverage(everything: bool, config: Path | None) -> None:
    """Report what worked cases have made of every condition, and how they have met every threshold."""
    passport = load(config)
    console = Console()
    for host, rows in review.coverage(passport, dt.datetime.now(dt.UTC)).items():
        met, wanted = review.coverage_lines(rows.values())
        console.print(f"[bold]{host}[/bold]: {met} of {wanted} met, {met * 100 // wanted if wanted else 100} %")
        lines = [
            (name, ", ".join(sorted(row.seen)) or "never", ", ".join(row.lacking)) for name, row in sorted(rows.items()) if row.lacking or everything
        ]
        if lines:
            table(console, ("condition, threshold or status", "tried", "never"), lines)
        left = [(name, outcome, why) for name, row in sorted(rows.items()) for outcome, why in sorted(row.impossible.items())]
        if left:
            table(console, ("what no case can show", "outcome", "why"), left)


@rulebooks.command("bundle")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the file here instead of into the archive.")
@config_option
def make_bundle(out: Path | None, config: Path | None) -> None:
    """Write the law as one file, addressed by the digest of its bytes, into the archive (PASSPORT_ARCHIVE, or `archive` beside the law)."""
    passport = load(config)
    try:
        settings = read_settings(config=config)
        made = bundle.bind(read_files(settings.config), passport.laws)
        if out:
            out.write_bytes(made.content())
        path = out or file_away(made, settings.archive or settings.config / "archive")
    except (PassportError, OSError) as error:
        fail(str(error))
    click.echo(f"{made.label.digest}  {path}\npublished {made.label.published}")


@main.group()
def law() -> None:
    """The law, for lawyers."""


@law.command("due")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to judge by (default: today).")
@click.option("--within", type=click.IntRange(0, 3650), default=30, show_default=True, help="Days ahead.")
@click.option("--confidence", type=click.IntRange(1, 5), default=2, show_default=True, help="List what rests on at most this confidence.")
@click.option("--summary", "summarised", is_flag=True, help="Count instead how the provisions, and the checks that worked cases show, were read.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@config_option
def due_(on: dt.datetime | None, within: int, confidence: int, summarised: bool, as_json: bool, config: Path | None) -> None:
    """List what is due for review or rests on little: overdue first, then what rests on least, and of that what matters most."""
    passport, now = load(config), on.replace(tzinfo=dt.UTC) if on else dt.datetime.now(dt.UTC)
    if summarised:
        _show_trust(review.trust(passport, now), as_json)
        return
    found = review.due(passport.laws, now.date(), within, confidence)
    if as_json:
        sys.stdout.buffer.write(canonical.dump([row.as_json() for row in found]))
        return
    rows = (
        (
            row.id,
            "overdue" if row.overdue else row.review_by.isoformat(),
            str(row.confidence),
            f"{row.read.replace('_', ' ')}{': ' if row.read_in else ''}{row.read_in or ''}",
            row.matters,
            row.title,
        )
        for row in found
    )
    table(Console(), ("id", "review by", "confidence", "read", "a mistake", "title"), rows)


def _show_trust(rows: list[review.Trust], as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(canonical.dump([asdict(row) for row in rows]))
        return
    table(Console(), ("host", "what", "in all", "primary", "secondary", "not re-read", "read in a named text"), (row.as_row for row in rows))


@law.command("report")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("."), show_default=True, help="Directory for the pages.")
@config_option
def report(out: Path, config: Path | None) -> None:
    """Write one self-contained HTML page per host: every provision, its logic in plain words, dates, trust and cases."""
    passport = load(config)
    out.mkdir(parents=True, exist_ok=True)
    for rulebook in passport.laws.rulebooks.values():
        path = out / f"law-{rulebook.host.lower()}.html"
        path.write_text(lawpage.page(passport.laws, rulebook), encoding="utf-8")
        click.echo(f"{path}: {rulebook.head.title}, version {rulebook.head.version}")


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: PORT, or 8000).")
def serve(port: int | None) -> None:
    """Run the service with gunicorn."""
    from .server import place_for_signs_of_life, processes, run  # only this command needs gunicorn

    gc.disable()  # nearly all that is made until the service runs stays, and looking through it for what does not takes a fifth of loading
    try:
        settings = replace(read_settings(), port=port or read_settings().port)
        check_open(settings)
        place_for_signs_of_life()
        metrics = create_metrics(processes(settings.workers))  # before the first worker, which shares their memory
        logs.configure(settings.log_level, metrics.log_lost.inc)
        settings, cached = _cached(settings)
        here = f"http://{settings.host}:{settings.port}"
        click.echo(f"Passport {__version__}: loading the law; its worked cases run unless they are known to pass", err=True)
        keys = signing_keys(settings)  # once: with other law the service goes on signing as it did
        app = create_app(settings, keys, metrics)
    except LawError as error:
        fail(f"The law does not load; {len(error.problems)} mistake(s):\n{error}")
    except PassportError as error:
        fail(str(error))
    click.echo(f"  start page  {here}/\n  API         {here}/v1/decisions\n  documents   {here}/docs\n  cache       {cached}", err=True)
    run(lambda: create_app(settings, keys, metrics), app, settings, metrics)


def _cached(settings: Settings) -> tuple[Settings, str]:
    """The settings with the address of the cache, and words about it."""
    if settings.redis == "":
        return settings, "in the memory of each worker alone (PASSPORT_REDIS_URL is empty)"
    if settings.redis is not None:
        sealed = "; sealed with a secret of this run alone, as PASSPORT_SECRETS is not set" if settings.own_secret else ""
        return settings, f"Redis at {shown(settings.redis)}{sealed}"
    server = embedded.binary()
    if server is None:
        return replace(settings, redis=""), "in the memory of each worker alone (no Redis was given, and the extra `embedded` is not installed)"
    try:
        return replace(settings, redis=embedded.start(server)), f"an embedded {server.name} of this run (PASSPORT_REDIS_URL names another)"
    except OSError as error:
        return replace(settings, redis=""), f"in the memory of each worker alone (the embedded {server.name} has no place for its socket: {error})"


@main.group("access")
def callers() -> None:
    """Keys of callers."""


@callers.command("new")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(access.SCOPES), default=("decide", "law"), show_default=True, help="May be repeated."
)
@click.option("--rate", help="Such as 600/minute (default: PASSPORT_RATE).")
def new(name: str, scopes: tuple[str, ...], rate: str | None) -> None:
    """Make a key: the key itself once, and the line for the file that PASSPORT_API_KEYS_FILE names."""
    try:
        key, made = access.new_key(name, scopes, rate)
    except PassportError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"the key, shown only now:  {key}", err=True)
    click.echo(made.line())


# -- an answer for people -------------------------------------------------------------------------------------------------


def _show(body: Mapping[str, Any], console: Console) -> None:
    console.print(f"[bold]{_STATUS_WORDS[body['status']]}[/bold]")
    console.print(
        f"{body['home'] or 'home unknown'} -> {body['host']}, law of {body['as_of']} ({body['as_of_source']}), valid until {body['valid_until'] or 'not said'}"
    )
    console.print(body["summary"])
    if body["plan"]:
        titles = {row["id"]: row for row in body["routes"]}
        console.print("\n[bold]Route[/bold]")
        for row in body["plan"]:
            route = titles[row["route"]]
            console.print(f"  {row['route']} {route['title']} ({route['cite']['text']}; {route['standing'].replace('_', ' ')})")
    _show_routes(body, console)
    for name, title in (("checks", "Before the trade"), ("duties", "Later, by the firm"), ("others", "By others")):
        if body[name]:
            console.print(f"\n[bold]{title}[/bold]")
            table(
                console,
                ("due", "id", "status", "who", "what", "under"),
                (
                    (row["due"].replace("_", " "), row["id"], row["status"], party_words(row["party"]), _what(row), row["cite"]["text"])
                    for row in body[name]
                ),
            )
    for name, title in (("recognised", "Recognised"), ("left_to_home", "Left to home supervision"), ("satisfied", "In place")):
        if body[name]:
            console.print(f"\n[bold]{title}[/bold]: " + ", ".join(f"{row['id']} {row['title']}" for row in body[name]))
    if body["only_if"]:
        console.print("\n[bold]Only in special cases[/bold]")
        table(console, ("id", "what", "when"), ((row["id"], row["title"], row["if"]) for row in body["only_if"]))
    if body["missing"]:
        console.print("\n[bold]Facts still missing[/bold], in the order in which to ask")
        table(
            console,
            ("fact", "question", "settles"),
            (
                (row["fact"], row["question"], f"{row['settles_what']}: {', '.join(row['settles'][:6])}{' …' if len(row['settles']) > 6 else ''}")
                for row in body["missing"]
            ),
        )
    if body["caveats"]:
        console.print("\n[bold]Caveats[/bold]")
        for row in body["caveats"]:
            console.print(f"  {row['kind'].replace('_', ' ')}: {row['text']} {', '.join(row['ids'])}".rstrip())


def _what(row: Mapping[str, Any]) -> str:
    """What is to be done, with its last day and its amount, and how a reader can check them."""
    return "\n".join([row["do"], *(f"{label}: {'. '.join(filter(None, (value, how)))}" for label, value, how in wording.dues(row))])


def _show_routes(body: Mapping[str, Any], console: Console) -> None:
    if body["status"] not in ("blocked", "undetermined"):
        return
    console.print("\n[bold]Routes[/bold]")
    rows = []
    for row in body["routes"]:
        why = (
            " ".join(found["text"] for found in row["why"])
            if row["status"] == "closed"
            else ", ".join(row["stopped_by"] or row["missing"] or row["doubted_by"])
        )
        opens = "; ".join(sorted({found["fact"] for found in row["would_open_if"]}))
        rows.append((row["id"], row["title"], "stopped" if row["stopped_by"] else row["status"], why, opens))
    table(console, ("id", "route", "status", "because of", "would need another"), rows)


if __name__ == "__main__":
    main()
