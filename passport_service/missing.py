"""Which facts are missing, what each would settle, and in which order to ask.

A fact is missing only if learning it could still change the answer. What it would settle is found by trying its answers
on the index, one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .clauses import Dimension
from .compiler import CompiledRequirement
from .conditions import value_text
from .decision import Decision
from .facts import ACTIVITIES, Fact
from .listing import Item, recognitions, requirement_status
from .outcome import MAY, MUST, ORDINARY, STOP
from .plan import Candidate
from .reasons import Walker
from .situation import learn

WHAT = ("status", "check", "route")  # what a missing fact settles, most urgent first
HOME = "registration.home"


@dataclass(frozen=True, slots=True)
class Missing:
    """One missing fact. Shapes: `settles` ids of routes and requirements; `consequences` (if, then) in words."""

    fact: Fact
    settles: tuple[str, ...]
    what: str
    asked: bool
    currencies: tuple[str, ...]
    consequences: tuple[tuple[str, str], ...]
    score: int


@dataclass(frozen=True, slots=True)
class _Question:
    """Something not settled: the byte that says so, and the reading under which it is open."""

    id: str
    what: str
    facts: frozenset[str]


def missing_facts(decision: Decision, walker: Walker) -> list[Missing]:
    """The missing facts, in the order in which to ask."""
    questions = list(_questions(decision, walker))
    settles: dict[str, set[str]] = {}
    what: dict[str, str] = {}
    for question in questions:
        for fact in question.facts:
            settles.setdefault(fact, set()).add(question.id)
            what[fact] = min(what.get(fact, WHAT[-1]), question.what, key=WHAT.index)
    trial = _Trial(decision)
    catalogue = decision.law.catalogue
    found = []
    for name, ids in settles.items():
        fact = catalogue.facts[name]
        asked = name in decision.situation.asked
        consequences, score = trial.answers(fact, ids)
        currencies = _currencies(decision, name) if fact.type == "money" else ()
        found.append(Missing(fact, tuple(sorted(ids)), what[name], asked, currencies, consequences, score))
    return sorted(found, key=lambda one: (one.asked, one.fact.name != ACTIVITIES, WHAT.index(one.what), -one.score, catalogue.rank(one.fact.name)))


def _currencies(decision: Decision, name: str) -> tuple[str, ...]:
    """The currencies in which the law reads a money fact, also through derived facts, and in which it is not stated."""
    catalogue, law = decision.law.catalogue, decision.law
    readers = [name]
    for derived in catalogue.derived.values():
        readers += [derived.name] if not set(readers).isdisjoint(derived.inputs) else []
    read = {dimension.key[1] for reader in readers for dimension in law.told_apart(reader) if dimension.key[1]}
    return tuple(sorted(read - set(decision.situation.known.get(name) or ())))


# -- what is open ------------------------------------------------------------------------------------------------------


def _questions(decision: Decision, walker: Walker) -> Iterator[_Question]:
    def asks(id_: str, what: str, facts: Iterable[str]) -> Iterator[_Question]:
        wanted = frozenset(name for name in facts if not decision.law.catalogue.facts[name].exceptional)
        if wanted:
            yield _Question(id_, what, wanted)

    open_status = decision.status == "undetermined"
    if decision.activities_unknown:
        yield from asks("activities", "status", [ACTIVITIES])
    if decision.home_unknown:
        yield from asks("home", "status", [HOME])
    for leg in decision.legs:
        settled = decision.planned(leg) is not None
        what = "status" if open_status and not settled else "route"
        if not leg.need & MUST:
            yield from asks(leg.name, "status" if open_status else "route", walker.unknown(leg.condition, STOP))
        if leg.blocked:
            continue
        for candidate in leg.candidates:
            if not candidate.dead and not candidate.live:
                yield from asks(candidate.route.id, what, _candidate_facts(decision, walker, candidate))
    for name, (condition, place) in decision.law.legs.items():
        # A leg that only terms keep open counts as not needed; the firm should know what its choice would bring.
        if decision.codes[place] & (MAY | STOP | MUST) == MAY:
            yield from asks(name, "check", walker.unknown(condition, MAY))
    for item in decision.items:
        yield from asks(item.id, "check", _item_facts(decision, walker, item))


def _candidate_facts(decision: Decision, walker: Walker, candidate: Candidate) -> set[str]:
    facts = {*walker.unknown(candidate.condition, MAY)}
    for id_ in candidate.doubted_by:
        requirement = decision.law.by_id[id_]
        facts |= walker.unknown(requirement.stop_condition, STOP)
        if requirement.version.duty_on not in candidate.route.version.plays:
            for role in decision.law.rulebook.head.roles.get(requirement.version.duty_on, ()):
                facts |= walker.unknown(role.when, MAY)  # whether it stops anything depends on who owes it
    return facts


def _item_facts(decision: Decision, walker: Walker, item: Item) -> set[str]:
    version = item.requirement.version
    if item.status in ("not_required", "only_if", "recognised", "left_to_home"):
        return set()
    facts = {*walker.unknown(version.applies_when, ORDINARY)}
    if item.requirement.stop is not None and item.status != "failed":
        facts |= walker.unknown(item.requirement.stop_condition, STOP)
        # A term still to be chosen stops nothing yet, and could: ask what the firm intends.
        catalogue = walker.catalogue
        facts |= {name for name in walker.unknown(item.requirement.stop_condition, MAY) if catalogue.facts[name].klass == "term"}
    if item.outstanding:
        for recognition in recognitions(item.requirement, item.routes):
            facts |= walker.unknown(recognition.version.when, MAY)  # "home may cover this"
        if not any(version.duty_on in c.route.version.plays for c in decision.plan):
            for role in decision.law.rulebook.head.roles.get(version.duty_on, ()):
                facts |= walker.unknown(role.when, MAY)  # who owes it
    return facts


# -- trying answers ------------------------------------------------------------------------------------------------------


class _Trial:
    """Tries answers to one fact at a time against the index."""

    def __init__(self, decision: Decision):
        self.decision, self.law = decision, decision.law
        self.base = decision.codes
        self.routes = [
            (candidate.route.id, candidate.route.opens[candidate.activity][1], candidate.activity)
            for leg in decision.legs
            for candidate in leg.candidates
            if candidate.status == "undetermined" or decision.activities_unknown
        ]
        self.settled_open = {c.route.id for leg in decision.legs for c in leg.candidates if c.status == "open"}
        self.open = [place for _, place, _ in self.routes if place >= 0 and _open(self.base[place], MAY)]
        self.requirements = [item.requirement for item in decision.items if item.status == "undetermined"]
        self.on = {item.id: item.routes for item in decision.items}

    def answers(self, fact: Fact, ids: set[str]) -> tuple[tuple[tuple[str, str], ...], int]:
        """What each kind of answer would do, in words, and how many open questions an answer settles in the mean (times 100)."""
        if fact.name == ACTIVITIES and self.decision.activities_unknown:
            return self._activities(ids)
        effects: dict[tuple[tuple[str, str], ...], list[str]] = {}
        scores = []
        for text, value in _answers(self.law.told_apart(fact.name), fact):
            codes = self._codes(fact.name, value)
            if codes is None:
                continue
            scores.append(self._settled(codes))
            effects.setdefault(tuple(self._effects(codes, ids)), []).append(text)
        consequences = tuple((" or ".join(texts), "; ".join(f"{id_} {word}" for id_, word in effect)) for effect, texts in effects.items() if effect)
        return consequences, sum(scores) * 100 // len(scores) if scores else 0

    def _activities(self, ids: set[str]) -> tuple[tuple[tuple[str, str], ...], int]:
        """Naming the activities settles which routes are asked about at all: all those of other activities fall away."""
        texts, scores = [], []
        covered = self.law.rulebook.head.activities
        for activity in covered:
            codes = self._codes(ACTIVITIES, frozenset([activity]))
            own = {id_ for id_, _, served in self.routes if served == activity}
            texts.append((f"includes {activity}", f"asks about {', '.join(sorted(own))}" if own else "no route"))
            others = sum(served not in ("", activity) for _, _, served in self.routes)
            scores.append(others + (self._settled(codes) if codes is not None else 0))
        return tuple(texts), sum(scores) * 100 // len(scores) if scores else 0

    def _codes(self, name: str, value: Any) -> Sequence[int] | None:
        """The codes if the fact had that value; None where that would contradict what is stated."""
        if isinstance(value, dict):  # a further amount does not take back the one stated
            value = {**self.decision.situation.known.get(name, {}), **value}
        learnt = learn(self.decision.situation, name, value)
        return None if learnt is None else self.law.reevaluate(self.decision.evaluation, *learnt)

    def _settled(self, codes: Sequence[int]) -> int:
        """How many open questions these codes settle; a requirement on routes that are all closed is settled too."""
        routes = sum(not _open(codes[place], MAY) for place in self.open)
        still = {id_ for id_, place, _ in self.routes if place >= 0 and codes[place] & MAY} | self.settled_open
        return routes + sum(
            self._status(found, codes) != "undetermined" or (found.version.on_routes is not None and still.isdisjoint(found.version.on_routes))
            for found in self.requirements
        )

    def _status(self, requirement: CompiledRequirement, codes: Sequence[int]) -> str:
        return requirement_status(requirement, codes, self.decision.attested, self.on.get(requirement.id, ()))

    def _effects(self, codes: Sequence[int], ids: set[str]) -> Iterator[tuple[str, str]]:
        """What becomes of the questions that this fact bears on."""
        for id_, place, _ in self.routes:
            if id_ in ids and place >= 0 and _open(self.base[place], MAY) and not _open(codes[place], MAY):
                yield id_, "open" if codes[place] & MUST else "closed"
        for name, (_, place) in self.law.legs.items():
            if name in ids and _open(self.base[place], MAY) and not _open(codes[place], MAY):
                yield name, "needed" if codes[place] & MUST else "not needed"
        for id_ in sorted(ids & self.law.by_id.keys()):
            requirement = self.law.by_id[id_]
            before, after = self._status(requirement, self.base), self._status(requirement, codes)
            if before != after:
                yield id_, after.replace("_", " ")


def _open(code: int, plane: int) -> bool:
    return bool(code & plane) and not code & MUST


# -- the answers worth trying: one for each state that some rule tells apart -----------------------------------------------


def _answers(dimensions: Sequence[Dimension], fact: Fact) -> Iterator[tuple[str, Any]]:
    match fact.type:
        case "yes_no":
            yield from (("is yes", True), ("is no", False))
        case "choice":
            yield from ((f"is {value}", value) for value in fact.values)
        case "set":
            members = sorted({dimension.key[1] for dimension in dimensions if dimension.key[1]} or set(fact.values))
            yield from ((f"is only {member}", frozenset([member])) for member in members)
            if fact.name != ACTIVITIES:
                yield "is empty", frozenset()
        case "country" | "code":
            named = sorted({atom for dimension in dimensions for atom in dimension.atoms if isinstance(atom, str)})
            yield from ((f"is {value}", value) for value in named)
            yield "is another", "another"
        case "money" | "integer" | "decimal" | "date":
            # One that is read only through derived facts has no thresholds of its own: none of its answers stands for others.
            yield from _intervals(dimensions, fact)


def _intervals(dimensions: Sequence[Dimension], fact: Fact) -> Iterator[tuple[str, Any]]:
    for dimension in dimensions:
        for text, value in _interval_values(dimension.cuts, fact.type):
            currency = dimension.key[1]
            yield (f"{text} {currency}", {currency: value}) if currency else (text, value)


def _interval_values(cuts: Sequence[tuple[Any, int]], type_: str) -> Iterator[tuple[str, Any]]:
    """One value in each interval between thresholds, with the interval in words."""
    step: Any = dt.timedelta(days=1) if type_ == "date" else 1 if type_ == "integer" else Decimal("0.01")
    first, after = cuts[0]
    date = type_ == "date"
    yield (f"is {'before' if date else 'at most' if after else 'below'} {value_text(first)}", first if after else first - step)
    for number, (threshold, beyond) in enumerate(cuts):
        text = f"is {'on or after' if date else 'more than' if beyond else 'at least'} {value_text(threshold)}"
        if number + 1 < len(cuts):
            next_threshold, next_beyond = cuts[number + 1]
            text += f" and {'before' if date else 'at most' if next_beyond else 'below'} {value_text(next_threshold)}"
        yield text, threshold + step if beyond else threshold


def missing_json(found: Missing) -> dict[str, Any]:
    """One row of the answer's `missing`."""
    fact = found.fact
    return {
        "fact": fact.name,
        "question": fact.question,
        "type": fact.type,
        "unit": fact.unit,
        "allowed": list(fact.values) or None,
        "currencies": list(found.currencies) or None,
        "settles": list(found.settles),
        "settles_what": found.what,
        "asked": found.asked,
        "open_point": dict(fact.open_point) if fact.open_point else None,
        "consequences": [{"if": condition, "then": effect} for condition, effect in found.consequences],
    }
