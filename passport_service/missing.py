"""Which facts are missing, what each would settle, and in which order to ask.

A fact is missing only if learning it could still change the answer. What it would settle is found by trying its answers
on the index, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .deciding import beside_an_open_one, deciding
from .decision import Decision
from .facts import ACTIVITIES, Fact
from .listing import Item, recognitions
from .outcome import MAY, MUST, ORDINARY, STOP
from .plan import Candidate
from .reasons import Walker
from .trial import Consequences, Trial

WHAT = ("status", "check", "route")  # what a missing fact settles, most urgent first
HOME = "registration.home"


@dataclass(frozen=True, slots=True)
class Missing:
    """One missing fact. Shapes: `settles` ids of routes and requirements; `consequences` (if, then, the answer in the words of a page)."""

    fact: Fact
    settles: tuple[str, ...]
    what: str
    asked: bool
    currencies: tuple[str, ...]
    consequences: Consequences
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
    trial = Trial(decision, walker)
    catalogue = decision.law.catalogue
    candidates = {name: trial.values(catalogue.facts[name]) for name, kind in what.items() if kind == "status" and name not in (ACTIVITIES, HOME)}
    for name in candidates.keys() - deciding(decision, candidates):
        what[name] = "route"
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
        beside = beside_an_open_one(decision, leg)
        for candidate in leg.candidates:
            if not candidate.dead and not candidate.live:
                yield from asks(candidate.route.id, "route" if candidate in beside else what, _candidate_facts(decision, walker, candidate))
    for name, (condition, place) in decision.law.legs.items():
        # A leg that only terms keep open counts as not needed; the firm should know what its choice would bring.
        if decision.codes[place] & (MAY | STOP | MUST) == MAY:
            yield from asks(name, "check", walker.unknown(condition, MAY))
    for item in decision.items:
        if item.status not in ("not_required", "only_if", "recognised", "left_to_home"):
            cast = item.outstanding and any(item.requirement.version.duty_on in c.route.version.plays for c in decision.plan)
            what = ("asks", item, cast)
            found = walker.remembered(what, item.requirement.whole, lambda item=item, cast=cast: frozenset(_item_facts(decision, walker, item, cast)))
            yield from asks(item.id, "check", found)


def _candidate_facts(decision: Decision, walker: Walker, candidate: Candidate) -> set[str]:
    facts = {*walker.unknown(candidate.condition, MAY)}
    for id_ in candidate.doubted_by:
        requirement = decision.law.by_id[id_]
        facts |= walker.unknown(requirement.stop_condition, STOP)
        if requirement.version.duty_on not in candidate.route.version.plays:
            for role in decision.law.rulebook.head.roles.get(requirement.version.duty_on, ()):
                facts |= walker.unknown(role.when, MAY)  # whether it stops anything depends on who owes it
    return facts


def _item_facts(decision: Decision, walker: Walker, item: Item, cast: bool) -> set[str]:
    """The facts that an item leaves open. Shapes: `cast` whether a planned route says who owes it."""
    version = item.requirement.version
    facts = {*walker.unknown(version.applies_when, ORDINARY)}
    if item.requirement.stop is not None and item.status != "failed":
        facts |= walker.unknown(item.requirement.stop_condition, STOP)
        # A term still to be chosen stops nothing yet, and could: ask what the firm intends.
        catalogue = walker.catalogue
        facts |= {name for name in walker.unknown(item.requirement.stop_condition, MAY) if catalogue.facts[name].klass == "term"}
    if item.outstanding:
        for recognition in recognitions(item.requirement, item.routes):
            facts |= walker.unknown(recognition.condition, MAY)  # "home may cover this"
        if not cast:
            for role in decision.law.rulebook.head.roles.get(version.duty_on, ()):
                facts |= walker.unknown(role.when, MAY)  # who owes it
    return facts


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
        "consequences": [{"if": test, "then": effect, "text": words} for test, effect, words in found.consequences],
    }
