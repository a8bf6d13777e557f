"""The law of one host on one day, compiled: which versions hold, and one index over all their conditions.

A `Law` is what a decision reads. Laws are compiled when first needed and kept, one for each stretch of days on which no
version begins or ends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar

from .agreement import Agreement
from .clauses import Dimension, told_apart
from .conditions import NEVER, OPEN, All, Any_, Condition, Leaf, Not, Ref, bind, leaf_text, leaves
from .facts import Catalogue
from .index import Evaluation, Index
from .recall import Memo
from .rulebook import DefinitionVersion, NoticeVersion, Provision, RecognitionVersion, RequirementVersion, RouteVersion, Rulebook
from .situation import Situation

STAFF = "staff_position"
REMEMBERED = 40_000  # parts of answers, of all laws that share a memo; about a kilobyte each
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    """Shapes: `opens` activity -> (condition, its byte); the activity is "" on the legs that have none."""

    id: str
    leg: str
    version: RouteVersion
    opens: Mapping[str, tuple[Condition, int]]


@dataclass(frozen=True, slots=True)
class CompiledRecognition:
    id: str
    version: RecognitionVersion
    condition: Condition
    when: int


@dataclass(frozen=True, slots=True)
class CompiledRequirement:
    """Shapes: every number is a byte of an evaluation; `stop` is applies AND not recognised AND failed, None if it cannot fail."""

    id: str
    version: RequirementVersion
    applies: int
    satisfied: int
    stop: int | None
    stop_condition: Condition
    recognitions: tuple[CompiledRecognition, ...]
    deadlines: tuple[int, ...]
    amounts: tuple[int, ...]
    whole: Condition  # all conditions together: what they read is what the requirement turns on

    def bears_on(self, route: str) -> bool:
        return self.version.on_routes is None or route in self.version.on_routes


Order = Callable[[bytes], Iterable[int]]
Add = Callable[[Condition, str], int]  # a condition and whose it is, for people
Settled = Callable[..., Condition]  # a condition as `Agreement.of` completes it


class Law:
    """One host's law on the days [begins, ends), compiled."""

    def __init__(
        self, catalogue: Catalogue, rulebook: Rulebook, day: dt.date, begins: dt.date | None, ends: dt.date | None, memo: Memo | None = None
    ):
        self.catalogue, self.rulebook, self.begins, self.ends = catalogue, rulebook, begins, ends
        self.definitions = _active(rulebook.definitions, day)
        self._staff = self._resting_on_staff()
        self.memo = Memo(REMEMBERED) if memo is None else memo
        agreement = Agreement(catalogue, {id_: version.when for id_, version in self.definitions.items()}, self._staff, self.memo)
        self.definitions = {id_: replace(version, when=agreement.of(version.when)) for id_, version in self.definitions.items()}
        self._day = day
        found: list[tuple[Condition, str]] = []

        def add(condition: Condition, owner: str) -> int:
            found.append((condition, owner))
            return len(found) - 1

        self._put_together(add, agreement.of)
        self.conditions = tuple(condition for condition, _ in found)
        self.owners = tuple(owner for _, owner in found)
        self.by_id = {requirement.id: requirement for requirement in self.requirements}
        self._made: dict[Any, Any] = {}
        self.relied = self  # the law with staff positions, for both readings
        self.index, self._order, strict_order = self._compiled()
        self.strict = _Strict(self, strict_order) if strict_order else None

    def _put_together(self, add: Add, settled: Settled) -> None:
        book, day = self.rulebook, self._day
        self.routes = [_route(provision, version, add, settled) for provision in book.routes.values() if (version := provision.at(day))]
        recognitions = []
        for id_, version in _active(book.recognitions, day).items():
            condition = settled(version.when)
            recognitions.append(CompiledRecognition(id_, version, condition, add(condition, f"{id_} when")))
        roles = {name: [role.when for role in found] for name, found in book.head.roles.items()}
        self.requirements = [
            _requirement(id_, version, recognitions, roles.get(version.duty_on, ()), add, settled)
            for id_, version in _active(book.requirements, day).items()
        ]
        legs = {leg: settled(condition) for leg, condition in book.legs.items()}
        self.legs = {leg: (condition, add(condition, f"leg {leg} needed_when")) for leg, condition in legs.items()}
        self.roles = {
            name: tuple((add(role.when, f"role {name} {role.party}"), role.party) for role in roles) for name, roles in book.head.roles.items()
        }
        self.notices: list[tuple[str, NoticeVersion, int]] = [
            (id_, version, add(settled(version.when), f"{id_} when")) for id_, version in _active(book.notices, day).items()
        ]

    def _resting_on_staff(self) -> frozenset[str]:
        """The definitions that are staff positions, or read one."""
        found = {id_ for id_, version in self.definitions.items() if version.standing == STAFF}
        reading = {id_: _refs(version.when) for id_, version in self.definitions.items()}
        while more := {id_ for id_, read in reading.items() if id_ not in found and not found.isdisjoint(read)}:
            found |= more
        return frozenset(found)

    def _compiled(self) -> tuple[Index, Order, Order | None]:
        """One index over both readings, and the orders in which to read its bytes with staff positions and without.

        Without them there are further definitions and conditions only for what rests on a staff position.
        """
        definitions = {id_: version.when for id_, version in self.definitions.items()}
        definitions |= {_without(id_): self._rewritten(_strict_definition(self.definitions[id_])) for id_ in self._staff}
        resting = [number for number, condition in enumerate(self.conditions) if not self._staff.isdisjoint(_refs(condition))]
        index = Index(self.catalogue, [*self.conditions, *(self._rewritten(self.conditions[number]) for number in resting)], definitions)
        places, count = index.place, len(self.conditions)
        strict = places[:count]
        for number, place in zip(resting, places[count:], strict=True):
            strict[number] = place
        needed = self._staff or any(route.version.standing == STAFF for route in self.routes)
        return index, _order(places[:count]), _order(strict) if needed else None

    def _rewritten(self, condition: Condition) -> Condition:
        """The condition over the definitions as they stand without staff positions."""
        match condition:
            case All(parts):
                return All(tuple(map(self._rewritten, parts)))
            case Any_(parts):
                return Any_(tuple(map(self._rewritten, parts)))
            case Not(part):
                return Not(self._rewritten(part))
            case Ref(definition=name) if name in self._staff:
                return Ref(_without(name))
        return condition

    def definition(self, name: str) -> Condition:
        return self.definitions[name].when

    def evaluate(self, situation: Situation) -> Evaluation:
        """Shapes: `codes` one byte for each condition, in their order."""
        return self.read(self.index.evaluate(situation))

    def read(self, evaluation: Evaluation) -> Evaluation:
        """What the index found, under this reading of the law."""
        return replace(evaluation, codes=bytes(self._order(evaluation.raw)))

    def reevaluate(self, base: Evaluation, situation: Situation, names: Iterable[str]) -> bytes:
        """The codes in a situation that differs from the base's at most in these facts."""
        return bytes(self._order(self.index.reevaluate(base, situation, names)))

    def once(self, make: Callable[[Law], Made]) -> Made:
        """What somebody makes of this law, made once for both readings."""
        return self._made.get(make) or self._made.setdefault(make, make(self.relied))

    def routes_of(self, leg: str, activity: str) -> tuple[CompiledRoute, ...]:
        """The routes of a leg that serve an activity; "" on the legs that have none."""
        return self._by_leg.get((leg, activity), ())

    @cached_property
    def _by_leg(self) -> dict[tuple[str, str], tuple[CompiledRoute, ...]]:
        found: dict[tuple[str, str], tuple[CompiledRoute, ...]] = {}
        for route in self.routes:
            for activity in route.opens:
                found[route.leg, activity] = (*found.get((route.leg, activity), ()), route)
        return found

    def told_apart(self, fact: str) -> list[Dimension]:
        """What the law tells apart of a fact; empty when it does not read it."""
        return self._told_apart.get(fact, [])

    @cached_property
    def _told_apart(self) -> dict[str, list[Dimension]]:
        return told_apart(self.catalogue, self.conditions, {id_: self.definition(id_) for id_ in self.definitions})

    @cached_property
    def leaves(self) -> list[Leaf]:
        """Every leaf that a reason may speak of, each once, in an order that does not depend on how the law is written."""
        guards = [fact.asked_when for fact in self.catalogue.facts.values() if fact.asked_when is not None]
        written = [*self.conditions, *(version.when for version in self.definitions.values()), *guards]
        found = {(leaf.fact, leaf_text(leaf)): leaf for condition in written for leaf, _ in leaves(condition) if isinstance(leaf, Leaf)}
        return [found[key] for key in sorted(found)]

    @cached_property
    def leaf_ranks(self) -> dict[tuple[str, str], int]:
        return {(leaf.fact, leaf_text(leaf)): rank for rank, leaf in enumerate(self.leaves)}

    @cached_property
    def fact_names(self) -> list[str]:
        return sorted(self.catalogue.facts)

    @cached_property
    def fact_ranks(self) -> dict[str, int]:
        return {name: rank for rank, name in enumerate(self.fact_names)}

    def staff_definitions(self, condition: Condition) -> set[str]:
        """The definitions resting on a staff position that a condition reads, also through others."""
        found: set[str] = set()
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                version = self.definitions[leaf.definition]
                found |= ({leaf.definition} if version.standing == STAFF else set()) | self.staff_definitions(version.when)
        return found


class _Strict(Law):
    """A law read without staff positions: such a definition is FALSE, or open where it reads an open text; such a route is closed."""

    def __init__(self, law: Law, order: Order):
        vars(self).update(vars(law))
        self._order, self.strict = order, None
        self.routes = [route if route.version.standing != STAFF else _closed(route) for route in law.routes]

    def definition(self, name: str) -> Condition:
        return _strict_definition(self.definitions[name])


def _strict_definition(version: DefinitionVersion) -> Condition:
    if version.standing != STAFF:
        return version.when
    return OPEN if version.without_unknown else NEVER


def _without(name: str) -> str:
    return f"{name} without staff positions"


def _refs(condition: Condition) -> set[str]:
    return {leaf.definition for leaf, _ in leaves(condition) if isinstance(leaf, Ref)}


def _order(places: Sequence[int]) -> Order:
    """Reads bytes in this order."""
    return itemgetter(*places) if len(places) > 1 else lambda raw: [raw[place] for place in places]


def _route(provision: Provision, version: RouteVersion, add: Add, settled: Settled) -> CompiledRoute:
    bound = {activity: settled(bind(version.opens_when, activity), id(version.opens_when), activity) for activity in version.activities}
    return CompiledRoute(
        provision.id,
        provision.leg,
        version,
        {
            activity: (condition, add(condition, f"{provision.id} opens_when"))
            for activity, condition in (bound or {"": settled(version.opens_when)}).items()
        },
    )


def _requirement(
    id_: str, written: RequirementVersion, recognitions: Iterable[CompiledRecognition], roles: Iterable[Condition], add: Add, settled: Settled
) -> CompiledRequirement:
    own = tuple(found for found in recognitions if id_ in found.version.requirements)
    # Evidence is there once somebody has said so: that all answers would do says nothing yet.
    version = replace(written, applies_when=settled(written.applies_when))
    stop: Condition = NEVER
    if version.failed_when != NEVER:
        parts = (written.applies_when, written.failed_when, *(recognition.version.when for recognition in own))
        stop = settled(All((*parts[:2], *map(Not, parts[2:]))), *map(id, parts))
    return CompiledRequirement(
        id=id_,
        version=version,
        applies=add(version.applies_when, f"{id_} applies_when"),
        satisfied=add(version.satisfied_when, f"{id_} satisfied_when"),
        stop=add(stop, f"{id_} stops") if stop != NEVER else None,
        stop_condition=stop,
        recognitions=own,
        deadlines=tuple(add(step.when, f"{id_} deadline") for step in version.deadlines),
        amounts=tuple(add(step.when, f"{id_} amount") for step in version.amounts),
        whole=All((version.applies_when, stop, version.failed_when, version.satisfied_when, *(found.condition for found in own), *roles)),
    )


def _closed(route: CompiledRoute) -> CompiledRoute:
    return CompiledRoute(route.id, route.leg, route.version, dict.fromkeys(route.opens, (NEVER, -1)))


def _active(provisions: Mapping[str, Provision], day: dt.date) -> dict[str, Any]:
    return {id_: version for id_, provision in provisions.items() if (version := provision.at(day)) is not None}
