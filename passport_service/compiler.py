"""The law of one host on one day, compiled: which versions hold, and one index over all their conditions.

A `Law` is what a decision reads. Laws are compiled when first needed and kept, one for each stretch of days on which no
version begins or ends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .conditions import NEVER, OPEN, All, Condition, Leaf, Not, Ref, bind, leaf_text, leaves
from .facts import Catalogue
from .index import Evaluation, Index
from .rulebook import NoticeVersion, Provision, RecognitionVersion, RequirementVersion, RouteVersion, Rulebook
from .situation import Situation

STAFF = "staff_position"


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

    def bears_on(self, route: str) -> bool:
        return self.version.on_routes is None or route in self.version.on_routes


Add = Callable[[Condition, str], int]  # a condition and whose it is, for people


class Law:
    """One host's law on the days [begins, ends), compiled."""

    def __init__(self, catalogue: Catalogue, rulebook: Rulebook, day: dt.date, begins: dt.date | None, ends: dt.date | None):
        self.catalogue, self.rulebook, self.begins, self.ends = catalogue, rulebook, begins, ends
        self.definitions = _active(rulebook.definitions, day)
        self._day = day
        # The index decides which byte is whose. So everything is put together twice: to learn the conditions, and to place them.
        found: list[tuple[Condition, str]] = []
        self._put_together(lambda condition, owner: found.append((condition, owner)) or 0)
        self.conditions = tuple(condition for condition, _ in found)
        self.owners = tuple(owner for _, owner in found)
        self.index = self._compiled()
        places = iter(self.index.place)
        self._put_together(lambda condition, owner: next(places))
        self.by_id = {requirement.id: requirement for requirement in self.requirements}

    def _put_together(self, add: Add) -> None:
        book, day = self.rulebook, self._day
        self.routes = [_route(provision, version, add) for provision in book.routes.values() if (version := provision.at(day))]
        recognitions = [
            CompiledRecognition(id_, version, add(version.when, f"{id_} when")) for id_, version in _active(book.recognitions, day).items()
        ]
        self.requirements = [_requirement(id_, version, recognitions, add) for id_, version in _active(book.requirements, day).items()]
        self.legs = {leg: (condition, add(condition, f"leg {leg} needed_when")) for leg, condition in book.legs.items()}
        self.roles = {
            name: tuple((add(role.when, f"role {name} {role.party}"), role.party) for role in roles) for name, roles in book.head.roles.items()
        }
        self.notices: list[tuple[str, NoticeVersion, int]] = [
            (id_, version, add(version.when, f"{id_} when")) for id_, version in _active(book.notices, day).items()
        ]

    def _compiled(self) -> Index:
        return Index(self.catalogue, self.conditions, {id_: self.definition(id_) for id_ in self.definitions})

    @property
    def place(self) -> list[int]:
        """Which byte of an evaluation is the n-th condition's."""
        return self.index.place

    def definition(self, name: str) -> Condition:
        return self.definitions[name].when

    def evaluate(self, situation: Situation) -> Evaluation:
        return self.index.evaluate(situation)

    @cached_property
    def strict(self) -> Law | None:
        """The same law without what rests on a staff position; None when nothing here does."""
        staff = any(version.standing == STAFF for version in self.definitions.values())
        return _Strict(self) if staff or any(route.version.standing == STAFF for route in self.routes) else None

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

    def __init__(self, law: Law):
        vars(self).update({name: value for name, value in vars(law).items() if name != "strict"})
        self.index = self._compiled()  # the conditions are the same, so their places are
        self.routes = [route if route.version.standing != STAFF else _closed(route) for route in law.routes]

    def definition(self, name: str) -> Condition:
        version = self.definitions[name]
        if version.standing != STAFF:
            return version.when
        return OPEN if version.without_unknown else NEVER


def _route(provision: Provision, version: RouteVersion, add: Add) -> CompiledRoute:
    bound = {activity: bind(version.opens_when, activity) for activity in version.activities} or {"": version.opens_when}
    return CompiledRoute(
        provision.id,
        provision.leg,
        version,
        {activity: (condition, add(condition, f"{provision.id} opens_when")) for activity, condition in bound.items()},
    )


def _requirement(id_: str, version: RequirementVersion, recognitions: Iterable[CompiledRecognition], add: Add) -> CompiledRequirement:
    own = tuple(found for found in recognitions if id_ in found.version.requirements)
    stop: Condition = NEVER
    if version.failed_when != NEVER:
        stop = All((version.applies_when, version.failed_when, *(Not(recognition.version.when) for recognition in own)))
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
    )


def _closed(route: CompiledRoute) -> CompiledRoute:
    return CompiledRoute(route.id, route.leg, route.version, dict.fromkeys(route.opens, (NEVER, -1)))


def _active(provisions: Mapping[str, Provision], day: dt.date) -> dict[str, Any]:
    return {id_: version for id_, provision in provisions.items() if (version := provision.at(day)) is not None}
