"""Worked cases: proposals with their expected answers, written beside the law and run whenever it compiles.

Facts are written by their full names and typed by the catalogue, so that a case is as strict as the law it tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .facts import Catalogue, Fact
from .rulebook import Case, Untried
from .source import Node, Report
from .values import parse_date, parse_money, plain

NOTHING = "none"
_EXPECT = (
    "status", "plan", "routes", "requirements", "deadlines", "amounts", "missing", "missing_first", "not_missing", "caveats", "valid_until",
    "activities", "today", "gone", "new", "moved", "hinges_on",
)  # fmt: skip
BESIDE_TODAY = frozenset({"gone", "new", "moved", "hinges_on"})  # what a scenario changes beside today
_STATUSES = ("not_covered", "blocked", "undetermined", "checks_required", "clear")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_OPTIONS = ("as_of", "scenario", "attested", "prefer", "rely_on_staff_positions")


class CaseReader:
    """Reads the cases of one host."""

    def __init__(self, catalogue: Catalogue, report: Report, host: str):
        self.catalogue, self.report, self.host = catalogue, report, host
        self.seen: set[str] = set()
        self.given = {fact.name: fact for fact in catalogue.given()}

    def read(self, files: Iterable[Node]) -> tuple[Case, ...]:
        cases: list[Case] = []
        for file in files:
            members = file.value if isinstance(file.value, dict) else {}
            if "cases" in members:
                given = self._facts(members["given"]) if "given" in members else {}
                for item in self.report.items(members["cases"]):
                    cases += self._case(item, given)
        return tuple(sorted(cases, key=lambda case: case.id))

    def _case(self, node: Node, given: Mapping[str, Any]) -> list[Case]:
        keys = self.report.mapping(node, ("id", "title", "expect"), ("facts", "without", "note", "variants", *_OPTIONS))
        facts = self._merged(given, keys)
        options = {key: self._option(key, keys[key]) for key in _OPTIONS if key in keys}
        id_ = self._id(keys.get("id", node), "")
        found = [self._made(id_, keys, node, facts, options)]
        for item in self.report.items(keys["variants"]) if "variants" in keys else []:
            changes = self.report.mapping(item, ("id", "expect"), ("title", "facts", "without", "note", *_OPTIONS))
            own = options | {key: self._option(key, changes[key]) for key in _OPTIONS if key in changes}
            found.append(self._made(self._id(changes.get("id", item), id_), changes, item, self._merged(facts, changes), own))
        return found

    def _id(self, node: Node, parent: str) -> str:
        text = self.report.text(node) or ""
        id_ = f"{parent}/{text}" if parent else text
        if id_ in self.seen:
            self.report.error(node, f"the case {id_!r} stands twice")
        self.seen.add(id_)
        return id_

    def _made(self, id_: str, keys: Mapping[str, Node], node: Node, facts: Mapping[str, Any], options: Mapping[str, Any]) -> Case:
        body: dict[str, Any] = {"host": self.host, **options}
        for name, value in facts.items():
            group, _, member = name.partition(".")
            body.setdefault(group, {})[member] = value
        expect = self._expect(keys["expect"]) if "expect" in keys else {}
        title, note = (self.report.text(keys[key]) or "" if key in keys else "" for key in ("title", "note"))
        return Case(id_, title, note, f"{node.file}:{node.line}", body, expect)

    def _merged(self, facts: Mapping[str, Any], keys: Mapping[str, Node]) -> dict[str, Any]:
        changed = {**facts, **(self._facts(keys["facts"]) if "facts" in keys else {})}
        for item in self.report.items(keys["without"]) if "without" in keys else []:
            name = self.report.one_of(item, self.catalogue.facts, "fact")
            changed.pop(name, None)
        return changed

    def _facts(self, node: Node) -> dict[str, Any]:
        found = {}
        for name, child in self.report.open_mapping(node).items():
            here = Node(name, child.file, child.line, child.column, child.path)
            fact = self.given.get(name)
            if fact is None:
                self.report.one_of(here, self.given, "fact")
            else:
                found[name] = self._value(fact, child)
        return found

    def _value(self, fact: Fact, node: Node) -> Any:
        """A fact as a JSON body would state it; the schema of proposals judges it when the case runs."""
        if node.value == "unknown":
            return {"unknown": True}
        if fact.type == "set":
            return list(self.report.texts(node))
        if fact.type == "money":
            rows = [self._amount(item) for item in (node.value if isinstance(node.value, list) else [node])]
            return rows[0] if len(rows) == 1 else rows
        if fact.type == "yes_no":
            return self.report.yes_no(node)
        if fact.type == "integer":
            return self.report.parse(node, int)
        return self.report.text(node)

    def _amount(self, node: Node) -> dict[str, str]:
        amount, _, currency = (self.report.text(node) or "").partition(" ")
        return {"amount": amount, "currency": currency}

    def _option(self, key: str, node: Node) -> Any:
        if key in ("attested", "prefer"):
            return list(self.report.texts(node))
        return self.report.yes_no(node) if key == "rely_on_staff_positions" else self.report.text(node)

    def _expect(self, node: Node) -> dict[str, Any]:
        keys = self.report.mapping(node, ("status",), _EXPECT[1:])
        found: dict[str, Any] = {}
        for key, child in keys.items():
            if key in ("routes", "requirements", "activities"):
                found[key] = {name: self.report.text(value) for name, value in self.report.open_mapping(child).items()}
            elif key in ("deadlines", "amounts"):
                parser = _last_day if key == "deadlines" else _sum_of_money
                found[key] = {name: self.report.parse(value, parser) for name, value in self.report.open_mapping(child).items()}
            elif key in ("missing", "not_missing", "hinges_on"):
                found[key] = tuple(self.report.one_of(item, self.catalogue.facts, "fact") for item in self.report.items(child))
            elif key in ("plan", "caveats", "gone", "new", "moved"):
                found[key] = self.report.texts(child)
            elif key == "missing_first":
                found[key] = self.report.one_of(child, self.catalogue.facts, "fact")
            else:
                found[key] = self.report.one_of(child, _STATUSES, "status") if key in ("status", "today") else self.report.text(child)
        return found


def _last_day(text: str) -> str:
    """A date, with a time of day where the law names one, or that there is none. Raises: ValueError."""
    day, _, time = text.partition(" ")
    if text != NOTHING and (not _is_date(day) or (time and not _TIME.fullmatch(time))):
        raise ValueError(f"not a last day such as 2026-12-01 or 2026-12-01 15:30, nor {NOTHING}")
    return text


def _sum_of_money(text: str) -> str:
    """An amount in its one spelling, or that there is none. Raises: ValueError."""
    if text == NOTHING:
        return text
    number, currency = parse_money(text)
    return f"{plain(number)} {currency}"


def _is_date(text: str) -> bool:
    try:
        return bool(parse_date(text))
    except ValueError:
        return False


def read_untried(nodes: Iterable[Node], report: Report) -> tuple[Untried, ...]:
    """What the worked cases cannot show, with the reason: what coverage leaves out of its count, and names."""
    found = []
    for node in nodes:
        for item in report.items(node):
            keys = report.mapping(item, ("what", "never", "why"))
            if len(keys) == 3:
                what, why = (report.text(keys[key]) or "" for key in ("what", "why"))
                found.append(Untried(what, frozenset(report.texts(keys["never"])), why))
    return tuple(found)


def mismatches(expect: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """What an answer (as JSON) says otherwise than expected, in words."""
    found = []
    if answer["status"] != expect["status"]:
        found.append(f"status is {answer['status']}, expected {expect['status']}")
    plan = sorted(row["route"] for row in answer["plan"])
    if "plan" in expect and plan != sorted(expect["plan"]):
        found.append(f"plan is {plan}, expected {sorted(expect['plan'])}")
    found += _route_mismatches(expect.get("routes", {}), answer["routes"])
    statuses = requirement_statuses(answer)
    for id_, wanted in expect.get("requirements", {}).items():
        if wanted not in statuses.get(id_, ("not in this rulebook",)):
            found.append(f"{id_} is {' and '.join(statuses.get(id_, ('not in this rulebook',)))}, expected {wanted}")
    rows = {row["id"]: row for section in ("checks", "duties", "others") for row in answer[section]}
    for key, told in (("deadlines", _deadline_of), ("amounts", _amount_of)):
        for id_, wanted in expect.get(key, {}).items():
            actual = told(rows[id_]) if id_ in rows else "not outstanding"
            found += [] if actual == wanted else [f"{key.removesuffix('s')} of {id_} is {actual}, expected {wanted}"]
    missing = [row["fact"] for row in answer["missing"]]
    found += [f"{name} is not among the missing facts {missing}" for name in expect.get("missing", ()) if name not in missing]
    found += [f"{name} is among the missing facts" for name in expect.get("not_missing", ()) if name in missing]
    if "missing_first" in expect and missing[:1] != [expect["missing_first"]]:
        found.append(f"the first missing fact is {missing[:1]}, expected {expect['missing_first']}")
    kinds = sorted({row["kind"] for row in answer["caveats"]})
    found += [f"no caveat {kind}; there are {kinds}" for kind in expect.get("caveats", ()) if kind not in kinds]
    if "valid_until" in expect and answer["valid_until"] != expect["valid_until"]:
        found.append(f"valid until {answer['valid_until']}, expected {expect['valid_until']}")
    if "today" in expect and (answer["today"] or {}).get("status") != expect["today"]:
        found.append(f"today's law says {(answer['today'] or {}).get('status')}, expected {expect['today']}")
    per_activity = {row["activity"]: row["status"] for row in answer["activities"]}
    return found + [
        f"{activity} is {per_activity.get(activity)}, expected {wanted}"
        for activity, wanted in expect.get("activities", {}).items()
        if per_activity.get(activity) != wanted
    ]


def beside_mismatches(expect: Mapping[str, Any], beside: Mapping[str, Any]) -> list[str]:
    """What a scenario changes beside today otherwise than expected, in words; an empty list expects that there is nothing of it."""
    actual = {key: {row["id"] for row in beside[key]} for key in ("gone", "new", "moved")}
    actual["hinges_on"] = {name for way in beside["ways"] for name in way["hinges_on"]}
    found = []
    for key in sorted(BESIDE_TODAY & expect.keys()):
        if not expect[key] and actual[key]:
            found.append(f"{key}: beside today there are {sorted(actual[key])}, expected none")
        found += [f"{key}: {name} is not among {sorted(actual[key])} beside today" for name in sorted({*expect[key]} - actual[key])]
    return found


def _deadline_of(row: Mapping[str, Any]) -> str:
    deadline = row["deadline"]
    return " ".join(filter(None, (deadline["date"], deadline["at"]))) if deadline else NOTHING


def _amount_of(row: Mapping[str, Any]) -> str:
    return " and ".join(f"{one['amount']} {one['currency']}" for one in row["amount"] or ()) or NOTHING


def _route_mismatches(expected: Mapping[str, str], rows: list[Mapping[str, Any]]) -> list[str]:
    found = []
    for id_, wanted in expected.items():
        words = {
            word
            for row in rows
            if row["id"] == id_
            for word in (row["status"], "live" if row["live"] else "not_live", "dead" if row["dead"] else "not_dead")
        }
        if wanted not in words:
            found.append(f"{id_} is {' '.join(sorted(words)) or 'not listed'}, expected {wanted}")
    return found


def requirement_statuses(answer: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Every requirement of an answer with its status; one that keeps its status may stand under `only_if` as well."""
    found: dict[str, tuple[str, ...]] = {}
    for section in ("checks", "duties", "others"):
        found |= {row["id"]: (row["status"],) for row in answer[section]}
    for section in ("recognised", "left_to_home", "satisfied"):
        found |= {row["id"]: (section,) for row in answer[section]}
    for row in answer["only_if"]:
        found[row["id"]] = (*found.get(row["id"], ()), "only_if")
    return found | dict.fromkeys(answer["not_required"], ("not_required",))
