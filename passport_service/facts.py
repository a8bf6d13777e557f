"""The fact catalogue: what may be asked, in which words, and what follows from what. Read from `config/facts.yaml`.

Schema, OpenAPI, form and command line are generated from it. What is known about one proposal is the situation's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .calendars import Calendar
from .conditions import Condition, Leaf, leaves, value_text
from .outcome import UNKNOWN_CHOICE, UNKNOWN_CIRCUMSTANCE, UNKNOWN_SPECIAL
from .recall import Memo

ACTIVITIES = "transaction.activities"


@dataclass(frozen=True, slots=True)
class Fact:
    """One named, typed thing that may be known. Its name is its path in the JSON body. Shapes: bounds are of the type of its values."""

    name: str
    type: str
    klass: str
    question: str = ""
    help: str = ""
    exceptional: bool = False
    only_if: str = ""
    asked_when: Condition | None = None
    unit: str | None = None
    scheme: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    open_point: Mapping[str, str] | None = None
    minimum: Any = None  # of a number, an amount in any currency, or a day; both ends are allowed, and None is no bound
    maximum: Any = None

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def unknown(self) -> int:
        """The code of a leaf on this fact while it is not known."""
        if self.exceptional:
            return UNKNOWN_SPECIAL
        return UNKNOWN_CIRCUMSTANCE if self.klass == "circumstance" else UNKNOWN_CHOICE


def bounds_text(fact: Fact) -> str:
    """The bounds of a fact's values in words: "from 0 to 366 (days)"; "" where it has none."""
    low, high = (None if end is None else value_text(end) for end in (fact.minimum, fact.maximum))
    if low is None or high is None:
        return f"{low} or more" if low is not None else f"at most {high}" if high is not None else ""
    unit = "" if fact.unit is None else fact.unit if fact.unit == "%" else f" ({fact.unit})"
    return f"from {low} to {high}{unit}"


@dataclass(frozen=True, slots=True)
class Derived:
    """A fact computed from others by a function of the closed list. Shapes: `options` as the function needs them."""

    name: str
    function: str
    inputs: tuple[str, ...]
    says: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """`low` is never more than `high`: money in one currency, numbers, dates, and no below yes."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Guard:
    """Facts that can only apply when a condition holds."""

    when: Condition
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """Everything that may be asked. `facts` holds derived facts too; `guards` and `derived` stand in the order of evaluation."""

    facts: Mapping[str, Fact]
    groups: Mapping[str, str]
    exists: Mapping[str, str]  # group -> the fact that says whether it exists
    derived: Mapping[str, Derived]
    bounds: tuple[Bound, ...]
    guards: tuple[Guard, ...]
    core: tuple[str, ...]
    calendars: Mapping[str, Calendar]
    text: Any  # the catalogue as written, without places: part of every rulebook's digest
    start: tuple[str, ...] = ()  # what the form asks on its first page

    @cached_property
    def bounded(self) -> frozenset[str]:
        return frozenset(name for bound in self.bounds for name in (bound.low, bound.high))

    @cached_property
    def guard_facts(self) -> tuple[str, ...]:
        """Every fact that some guard reads."""
        return tuple(sorted({leaf.fact for guard in self.guards for leaf, _ in leaves(guard.when) if isinstance(leaf, Leaf)}))

    @cached_property
    def plain_guards(self) -> bool:
        """Whether the values of these facts alone say what guards come to: no amounts, and nothing known only by its bounds."""
        return not any(self.facts[name].type == "money" or (name in self.bounded and self.facts[name].type != "yes_no") for name in self.guard_facts)

    @cached_property
    def ruled_out(self) -> Memo:
        """What cannot apply, by the values of the facts that guards read."""
        return Memo(5000)

    @cached_property
    def many_valued(self) -> frozenset[str]:
        """The facts that take very many values, so that an answer is remembered by what their values come to, not by the values.

        None of them is read by a guard; where guards read more than plain values there are none.
        """
        few = ("yes_no", "choice", "country")
        open_ = {name for name, fact in self.facts.items() if fact.type not in few and (fact.type != "set" or fact.open)}
        return frozenset(open_ - {*self.guard_facts, *self.token_identifiers}) if self.plain_guards else frozenset()

    @cached_property
    def token_identifiers(self) -> tuple[str, ...]:
        """The facts that hold a digital token identifier."""
        return tuple(name for name, fact in self.facts.items() if fact.scheme == "dti")

    @cached_property
    def counting(self) -> dict[str, Calendar]:
        """The derived facts that count business days, and by which calendar."""
        named = {name: self.calendars.get(derived.options.get("calendar", "")) for name, derived in self.derived.items()}
        return {name: calendar for name, calendar in named.items() if calendar is not None}

    @cached_property
    def described(self) -> dict[str, tuple[str, ...]]:
        """The fact that says whether its group exists -> the other facts of the group."""
        return {
            exists: tuple(name for name in self.facts if name != exists and name.startswith(f"{group}.")) for group, exists in self.exists.items()
        }

    def beside(self, name: str) -> list[str]:
        """The facts that bound this one, nearest first."""
        return self._beside.get(name, [])

    @cached_property
    def _beside(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for bound in self.bounds:
            found.setdefault(bound.low, []).append(bound.high)
            found.setdefault(bound.high, []).append(bound.low)
        return found

    def companions(self, name: str) -> tuple[str, ...]:
        """The facts whose values matter when this one is learnt: those it is bounded with, and the inputs of what is derived from it."""
        found = self._companions.get(name)
        if found is None:
            moved = [name]
            for one in moved:  # grows on the way: bounds chain
                moved += [other for other in self.beside(one) if other not in moved]
            values = {*moved}
            for derived in self.derived.values():
                if not set(moved).isdisjoint(derived.inputs):
                    moved.append(derived.name)
                    values |= {*derived.inputs}
            found = self._companions[name] = tuple(sorted(values))
        return found

    @cached_property
    def _companions(self) -> dict[str, tuple[str, ...]]:
        return {}

    def following(self, name: str) -> tuple[list[Guard], set[str]]:
        """The guards and derived facts to work out again once a fact is learnt, in the order of evaluation."""
        found = self._following.get(name)
        if found is None:
            moved, guards = {name}, []
            for guard in self.guards:
                if any(isinstance(leaf, Leaf) and leaf.fact in moved for leaf, _ in leaves(guard.when)):
                    guards.append(guard)
                    moved.update(guard.facts)
            derived: set[str] = set()
            for one in self.derived.values():
                if not moved.isdisjoint(one.inputs):
                    derived.add(one.name)
                    moved.add(one.name)
            found = self._following[name] = (guards, derived)
        return found

    @cached_property
    def _following(self) -> dict[str, tuple[list[Guard], set[str]]]:
        return {}

    def given(self) -> Iterable[Fact]:
        """The facts that a proposal may state."""
        return (fact for fact in self.facts.values() if fact.name not in self.derived)

    @property
    def activities(self) -> Mapping[str, str]:
        return self.facts[ACTIVITIES].values

    def rank(self, name: str) -> tuple[int, str]:
        """Where a fact stands when two settle equally much: core facts first, then by name."""
        return (self.core.index(name) if name in self.core else len(self.core), name)
