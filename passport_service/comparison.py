"""One proposal under several laws side by side: which answers differ, which provisions make the difference, and what it changes for whom.

Works on finished answers, so that a column says exactly what a decision would say. What a scenario adds only to recognise it relieves nobody of
anything that is asked today, so it makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .cases import requirement_statuses
from .sentences import joined

Body = Mapping[str, Any]
Counts = Callable[[str], int]  # the checks on a route
_SECTIONS = ("checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if")
_OUTSTANDING = ("checks", "duties", "others")
_COVERED = ("recognised", "left_to_home")
_PLANNED = ("checks_required", "clear")
_NAMED = 3  # ways told in a sentence


def matrix(answers: Sequence[Body], question: Callable[[str], str], checks: Sequence[Counts]) -> dict[str, Any]:
    """Columns and rows; rows that differ first.

    Shapes: a row has one cell for each column, in their order; `question` asks a fact in words; `checks` counts, for each column, the checks on
    a route that is not open yet.
    """
    routes, requirements = [_routes(body) for body in answers], [_requirements(body) for body in answers]
    rows = [_row("route", id_, routes) for id_ in sorted(set().union(*routes))]
    rows += [_row("requirement", id_, requirements) for id_ in sorted(set().union(*requirements))]
    rows.sort(key=lambda row: (not row["differs"], row["kind"] != "route", row["id"]))
    columns = [
        {**_column(body), "beside_today": beside(answers[0], body, question, counts) if number else None}
        for number, (body, counts) in enumerate(zip(answers, checks, strict=True))
    ]
    return {"columns": columns, "differences": sum(row["differs"] for row in rows), "rows": rows}


def _column(body: Body) -> dict[str, Any]:
    keys = ("id", "status", "summary", "as_of", "scenario", "valid_until", "activities", "plan", "counts", "rulebook")
    stamps = [row["text"] for row in body["caveats"] if row["kind"] == "scenario"]
    return {**{key: body[key] for key in keys}, "stamp": stamps[0] if stamps else None, "missing": [row["fact"] for row in body["missing"]]}


def _routes(body: Body) -> dict[str, dict[str, Any]]:
    planned = {row["route"] for row in body["plan"]}
    found: dict[str, dict[str, Any]] = {}
    for row in body["routes"]:
        word = "planned" if row["id"] in planned else "live" if row["live"] else "stopped" if row["stopped_by"] else row["status"]
        # A route that serves two activities differently is told by its better half.
        if row["id"] not in found or word in ("planned", "live"):
            found[row["id"]] = {
                "status": word,
                "title": row["title"],
                "cite": row["cite"],
                "standing": row["standing"],
                "by": row["stopped_by"] or None,
            }
    return found


def _requirements(body: Body) -> dict[str, dict[str, Any]]:
    rows = {row["id"]: row for section in _SECTIONS for row in body[section]}
    found = {}
    for id_, statuses in requirement_statuses(body).items():
        row = rows.get(id_, {})
        by = row.get("by") if statuses[0] in ("recognised", "left_to_home") else None
        found[id_] = {
            "status": statuses[0],
            "title": row.get("title"),
            "cite": row.get("cite"),
            "by": [by] if by else None,
            "standing": row.get("standing"),
        }
    return found


def _row(kind: str, id_: str, columns: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    held = [column.get(id_) for column in columns]
    cells = [
        {"status": cell["status"], "by": cell["by"], "cite": cell["cite"]} if cell else {"status": "not_in_this_law", "by": None, "cite": None}
        for cell in held
    ]
    title = next((cell["title"] for cell in held if cell and cell["title"]), None)
    words = {_asks(cell["status"], held[0] is None) if kind == "requirement" else cell["status"] for cell in cells}
    return {"kind": kind, "id": id_, "title": title, "differs": len(words) > 1, "cells": cells}


def _asks(status: str, added: bool) -> str:
    """A requirement that does not apply asks no more than one that does not exist, nor does one that a scenario adds only to recognise it."""
    return "not_required" if status == "not_in_this_law" or (added and status in _COVERED) else status


# -- what changes, and for whom ---------------------------------------------------------------------------------------------------


def beside(today: Body, body: Body, question: Callable[[str], str] = str, checks: Counts | None = None) -> dict[str, Any]:
    """What an answer changes beside today's, for the firm itself and for others, and what may yet change it.

    Shapes: `firm` and `others` count checks, `duties` the firm's duties that stop no trade; `gone` and `new` are rows that are outstanding
    on one side alone, `moved` those that somebody else owes here; `ways` are routes that are not in today's law and hinge on facts.
    """
    was, now = _owed(today), _owed(body)
    found = {
        "status": {"today": today["status"], "here": body["status"]},
        **{name: {"today": _count(today, name), "here": _count(body, name)} for name in ("firm", "others", "duties")},
        "gone": [was[id_] for id_ in sorted(was.keys() - now.keys())],
        "new": [now[id_] for id_ in sorted(now.keys() - was.keys())],
        "moved": [{**now[id_], "from": was[id_]["party"]} for id_ in sorted(was.keys() & now.keys()) if was[id_]["party"] != now[id_]["party"]],
        "ways": [{**way, "checks": checks(way["route"]) if checks else None} for way in _ways(today, body)],
    }
    return found | {"says": _says(found, question)}


def _owed(body: Body) -> dict[str, dict[str, Any]]:
    return {row["id"]: {key: row[key] for key in ("id", "title", "party")} for section in _OUTSTANDING for row in body[section]}


def _count(body: Body, what: str) -> int:
    return len(body["duties"]) if what == "duties" else sum((row["party"] == "firm") is (what == "firm") for row in body["checks"])


def _ways(today: Body, body: Body) -> list[dict[str, Any]]:
    """The routes that only this law has and that facts may still open."""
    known, missing = {row["id"] for row in today["routes"]}, {row["id"]: row["missing"] for row in body["checks"]}
    return [
        {
            "route": row["id"],
            "headline": row["headline"],
            "hinges_on": sorted({*row["missing"], *(name for id_ in row["doubted_by"] for name in missing.get(id_, ()))}),
        }
        for row in body["routes"]
        if row["id"] not in known and not row["live"] and not row["dead"]
    ]


def _says(found: Body, question: Callable[[str], str]) -> str:
    status, changed = found["status"], found["gone"] or found["new"] or found["moved"]
    parts = []
    if status["today"] != status["here"]:
        parts.append(f"It would be {_words(status['here'])}, and is {_words(status['today'])} today.")
    elif changed and status["here"] not in _PLANNED:
        parts.append(f"It would be {_words(status['here'])}, as it is today.")
    # Where there is no plan, what is listed belongs to several ways, and its number tells nothing.
    if changed and status["here"] in _PLANNED:
        firm, others, duties = ((found[key]["here"], found[key]["today"]) for key in ("firm", "others", "duties"))
        then = [f" ({number} today)" if status["today"] in _PLANNED else "" for _, number in (firm, others, duties)]
        owed = f"The firm itself would owe {_number(firm[0], 'check')}{then[0]} and others {others[0]}{then[1]} before the trade"
        parts.append(f"{owed}, and the firm {_number(duties[0], 'duty', 'duties')}{then[2]} besides.")
    elif not changed and not parts:
        parts.append("Nothing changes beside today.")
    for way in found["ways"][:_NAMED]:
        facts = joined([f"“{question(name)}”" for name in way["hinges_on"]]) if way["hinges_on"] else "what the law leaves open"
        count = "" if way["checks"] is None else f", with {_number(way['checks'], 'check')} as far as is known,"
        parts.append(f"Whether it may be done {way['headline']} ({way['route']}){count} hinges on {facts}.")
    return " ".join(parts)


def _words(status: str) -> str:
    return status.replace("_", " ")


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
