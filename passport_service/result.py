"""A finished answer arranged for a reader: what to do first, who owes what, which routes there are and why. Adds nothing to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from . import wording
from .decision import HOME
from .explain import summary
from .facts import Catalogue
from .journey import Journey
from .rulebook import DUE, LEGS, Provision, Rulebook

Body = Mapping[str, Any]
Row = Mapping[str, Any]
_OPTIONS = {
    "as_of": "Law date",
    "scenario": "Scenario",
    "prefer": "Preferred routes",
    "attested": "Evidence attested",
    "rely_on_staff_positions": "Staff positions relied on",
    "rulebook": "Rulebook",
    "known_on": "Law as known on",
}


def by_party(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Checks grouped by who owes them, the firm first, and within that by when they fall due."""
    ordered = sorted(rows, key=lambda row: (row["party"] != "firm", row["party"], DUE.index(row["due"]), row["id"]))
    found = []
    for party, owed in groupby(ordered, key=lambda row: row["party"]):
        times = [{"due": due, "words": wording.DUE[due], "rows": list(same)} for due, same in groupby(owed, key=lambda row: row["due"])]
        found.append({"party": party, "words": wording.owes(party), "count": sum(len(time["rows"]) for time in times), "times": times})
    return found


def in_one_line(body: Body) -> str:
    """The counts as a sentence, spoken to the officer.

    >>> counts = dict.fromkeys(["only_if", "undetermined", "recognised", "left_to_home", "failed", "satisfied"], 0)
    >>> in_one_line({"counts": {**counts, "requirements": 3, "not_required": 1, "required": 2, "by_party": {"chaperone": 1, "firm": 1}}})
    '3 requirements: 1 does not apply, 2 remain: 1 for you, 1 for your chaperone.'
    """
    counts = body["counts"]
    if counts is None:
        return str(body["summary"])
    parties = dict(sorted(counts["by_party"].items(), key=lambda pair: (pair[0] != "firm", pair[0])))
    return summary({**counts, "by_party": parties}, wording.owes)


def route_state(row: Row, planned: Iterable[str]) -> str:
    """What has become of a route, in one word."""
    if row["id"] in planned:
        return "planned"
    if row["live"]:
        return "live"
    if row["stopped_by"] and row["status"] != "closed":
        return "stopped"
    return "closed" if row["dead"] else "undetermined"


def legs(body: Body, catalogue: Catalogue, rulebook: Rulebook | None) -> list[dict[str, Any]]:
    """The routes of each leg, best first, each with its state and what closed it or would open it, in words."""
    planned = {row["route"] for row in body["plan"]}
    order = ("planned", "live", "undetermined", "stopped", "closed")
    found = []
    for leg in LEGS:
        rows = [_route(row, route_state(row, planned), catalogue, rulebook) for row in body["routes"] if row["leg"] == leg]
        rows.sort(key=lambda row: (order.index(row["state"]), row["id"]))
        if rows:
            found.append({"leg": leg, "words": wording.LEGS[leg], "routes": rows})
    return found


def _route(row: Row, state: str, catalogue: Catalogue, rulebook: Rulebook | None) -> dict[str, Any]:
    return {
        **row,
        "state": state,
        "words": wording.ROUTE[state],
        "because": wording.ROUTE_WHY[row["status"]],
        "openers": [{"fact": one["fact"], "question": catalogue.facts[one["fact"]].question, "text": one["text"]} for one in row["would_open_if"]],
        "stops": [(id_, title(rulebook, id_)) for id_ in (*row["stopped_by"], *row["doubted_by"])],
        "questions": [(name, catalogue.facts[name].question) for name in row["missing"] if name not in catalogue.derived],
    }


def title(rulebook: Rulebook | None, id_: str) -> str:
    """The title of a provision of any kind, or its id."""
    found = _provision(rulebook, id_)
    return str(found.versions[-1].title or found.versions[-1].says) if found else id_


def _provision(rulebook: Rulebook | None, id_: str) -> Provision | None:
    kinds = ("requirements", "routes", "recognitions", "definitions", "notices")
    return next((found for kind in kinds if (found := getattr(rulebook, kind, {}).get(id_))), None)


def stated(journey: Journey, catalogue: Catalogue, scenarios: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The proposal in words, by group. Shapes: title, rows of fact, question and answer."""
    facts = journey.facts()
    found = []
    for group, heading in catalogue.groups.items():
        rows = [_stated(catalogue, name, value) for name, value in facts.items() if name.partition(".")[0] == group]
        if rows:
            found.append({"group": group, "title": heading, "rows": rows})
    return found


def _stated(catalogue: Catalogue, name: str, value: Any) -> dict[str, Any]:
    fact = catalogue.facts[name]
    return {"fact": name, "label": wording.named(name), "question": fact.question, "answer": wording.said(fact, value)}


def chosen_options(journey: Journey, laws: Any) -> list[tuple[str, str]]:
    """What the proposal states beside facts, in words."""
    found = []
    for name, value in journey.options().items():
        if name == "scenario" and value in laws.scenarios:
            value = laws.scenarios[value].title
        elif name in ("as_of", "known_on"):
            value = wording.day(str(value))
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        if name in _OPTIONS and value not in ([], None):
            found.append((_OPTIONS[name], ", ".join(value) if isinstance(value, list) else str(value)))
    return found


def headline(journey: Journey, catalogue: Catalogue, host: str) -> str:
    """The proposal in one line: from where to where, then what else the first page asks that has few words."""
    facts = journey.facts()
    home = wording.said(catalogue.facts[HOME], facts[HOME]) if HOME in facts else "home not said"
    told = [catalogue.facts[name] for name in catalogue.start if name in facts and name != HOME]
    return " · ".join([f"{home} → {host}", *(wording.said(fact, facts[fact.name]) for fact in told if fact.type in ("choice", "set", "date"))])


def caveats(body: Body, rulebook: Rulebook | None) -> list[dict[str, Any]]:
    """Caveats by kind, those that bear on whether to trust the answer first."""
    order = list(wording.CAVEATS)
    order.append(order.pop(order.index("notice")))
    rows = sorted(body["caveats"], key=lambda row: order.index(row["kind"]) if row["kind"] in order else -1)
    return [
        {
            "kind": kind,
            "words": wording.CAVEATS.get(kind, kind.replace("_", " ")),
            "rows": [{**row, "titles": [(id_, title(rulebook, id_)) for id_ in row["ids"] if _provision(rulebook, id_)]} for row in same],
        }
        for kind, same in groupby(rows, key=lambda row: row["kind"])
    ]


def trace(body: Body, rulebook: Rulebook | None) -> list[dict[str, Any]]:
    """Every requirement of the rulebook with what became of it, for a reviewer."""
    sections = ("checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if")
    found: dict[str, dict[str, Any]] = {}
    for section in sections:
        for row in body[section]:
            status = row.get("status", section)
            # One that keeps its status may stand under `only_if` as well.
            found.setdefault(row["id"], {"id": row["id"], "title": row["title"], "status": status, "why": row.get("why", ()), "section": section})
    for id_ in body["not_required"]:
        found[id_] = {"id": id_, "title": title(rulebook, id_), "status": "not_required", "why": (), "section": "not_required"}
    return [{**row, "words": wording.REQUIREMENT[row["status"]]} for _, row in sorted(found.items())]
