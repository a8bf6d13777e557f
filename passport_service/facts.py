"""The fact catalogue: what may be asked, in which words, and what follows from what. Read from `config/facts.yaml`.

Schema, OpenAPI, form and command line are generated from it. What is known about one proposal is the situation's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .authorities import Authorities
from .calendars import Calendar
from .conditions import All, Condition, Leaf, leaves, value_text
from .outcome import UNKNOWN_CHOICE, UNKNOWN_CIRCUMSTANCE, UNKNOWN_SPECIAL
from .recall import Memo
from .vocabulary import Words

ACTIVITIES = "transaction.activities"


@dataclass(frozen=True, slots=True)
class Fact:
    """One named, typed thing that may be known. Its name is its path in the JSON body. Shapes: bounds are of the type of its values."""

    name: str
    type: str
    klass: str
    question: str = ""
    label: str = ""  # a noun phrase in the singular for sentences; without one they speak of the answer to the question
    help: str = ""
    exceptional: bool = False
    only_if: str = ""
    asked_when: Condition | None = None
    unit: str | None = None
    scheme: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    open_point: Mapping[str, str] | None = None
    words: Words = Words()
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
class Contradiction:
    """Stated facts that cannot all be so. Shapes: `facts` what the condition reads, in the order of the catalogue."""

    when: Condition
    says: str
    facts: tuple[str, ...]


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
    contradictions: tuple[Contradiction, ...] = ()
    country_words: Words = Words()  # what countries are called beside their codes
    authorities: Authorities = Authorities()

    @cached_property
    def contradictable(self) -> frozenset[str]:
        """Every fact that some contradiction reads."""
        return frozenset(name for found in self.contradictions for name in found.facts)

    @cached_property
    def bounded(self) -> frozenset[str]:
        return frozenset(name for bound in self.bounds for name in (bound.low, bound.high))

    @cached_property
    def guard_facts(self) -> tuple[str, ...]:
        """Every fact that some guard reads."""
        return tuple(sorted({leaf.fact for guard in self.guards for leaf, _ in leaves(guard.when) if isinstance(leaf, Leaf)}))

    @cached_property
    def presupposed(self) -> dict[str, dict[str, Any]]:
        """What stating a fact says of circumstances: that its guard holds, where only one value of what the guard reads lets it.

        Shapes: fact -> fact -> value. A term or an arrangement is decided by whoever states it, and by nothing else. What must fit others that are
        stated is left out too: a contradiction is told of a fact that somebody stated.
        """
        fitting = self.bounded | self.contradictable | self.authorities.fact_names
        found: dict[str, dict[str, Any]] = {}
        for guard in self.guards:  # in the order of evaluation, so that what a guard reads was seen
            parts = guard.when.parts if isinstance(guard.when, All) else (guard.when,)
            only = [part for part in parts if isinstance(part, Leaf) and part.operator == "is" and part.value != ()]
            values = {leaf.fact: leaf.value for leaf in only if self.facts[leaf.fact].unknown == UNKNOWN_CIRCUMSTANCE and leaf.fact not in fitting}
            further = [found[name] for name in values if name in found]
            for name in guard.facts if values else ():
                for known in (*further, values):
                    found[name] = {**known, **found.get(name, {})}
        return found

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
        named = {*self.guard_facts, *self.token_identifiers, *self.authorities.fact_names}  # caveats speak of their values
        return frozenset(open_ - named) if self.plain_guards else frozenset()

    @cached_property
    def token_identifiers(self) -> tuple[str, ...]:
        """The facts that hold a digital token identifier."""
        return tuple(name for name, fact in self.facts.items() if fact.scheme == "dti")

    @cached_property
    def counting(self) -> dict[str, Calendar]:
        """The derived facts that count business days, and by which calendar."""
        named = {name: self.calendars.get(derived.options.get("calendar", "")) for name, derived in self.derived.items()}
        return {name: calendar for name, calendar in named.items() if calendar is not None}

    def worth_asking(self, derived: Derived, known: Mapping[str, Any]) -> tuple[str, ...]:
        """The inputs that could settle a derived fact: of a country without a list, no authority is known."""
        country = known.get(derived.inputs[1]) if derived.function == "known_authority" else None
        return derived.inputs if country is None or country in self.authorities.countries else ()

    def authorities_to_try(self, name: str, known: Mapping[str, Any]) -> tuple[str, ...]:
        """The authorities known of the country that fit what else is stated of the registration, where a derived fact asks whether this fact is
        one of them: each does for all."""
        for derived in self.derived.values():
            if derived.function == "known_authority" and derived.inputs[0] == name:
                return tuple(self.authorities.fitting(known))
        return ()

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

    def above(self, name: str) -> list[str]:
        """The facts than which this one is never more, also through others, nearest first."""
        return self._chains[0].get(name, [])

    def below(self, name: str) -> list[str]:
        """The facts than which this one is never less, also through others, nearest first."""
        return self._chains[1].get(name, [])

    @cached_property
    def _chains(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        above: dict[str, list[str]] = {}
        below: dict[str, list[str]] = {}
        for bound in self.bounds:
            above.setdefault(bound.low, []).append(bound.high)
            below.setdefault(bound.high, []).append(bound.low)
        return _chained(above), _chained(below)

    def stated_behind(self, name: str) -> tuple[str, ...]:
        """The facts that a proposal may state from which a derived fact comes, each once; of any other fact itself."""
        found = self._stated_behind.get(name)
        if found is None:
            derived = self.derived.get(name)
            behind = [name] if derived is None else [stated for source in derived.inputs for stated in self.stated_behind(source)]
            found = self._stated_behind[name] = tuple(dict.fromkeys(behind))
        return found

    @cached_property
    def _stated_behind(self) -> dict[str, tuple[str, ...]]:
        return {}

    def companions(self, name: str) -> tuple[str, ...]:
        """The facts whose values matter when this one is learnt: those it is bounded with, may contradict or must fit, and the inputs of what is
        derived from it."""
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
            values.update(*[found.facts for found in self.contradictions if name in found.facts])
            values |= self.authorities.fact_names if name in self.authorities.fact_names else frozenset()
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


def _chained(next_to: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found = {name: sorted(others) for name, others in next_to.items()}  # the order in which bounds are written says nothing
    for name, others in found.items():
        for other in others:  # grows on the way
            others += [further for further in sorted(next_to.get(other, ())) if further not in (name, *others)]
    return found
