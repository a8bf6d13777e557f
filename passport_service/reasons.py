"""Why: the smallest set of facts that forces an outcome, and which terms could be chosen otherwise.

Walks the conditions as written, so that a reason speaks of the leaves an officer can read in the rulebook.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from .compiler import Law
from .conditions import All, Condition, Constant, Leaf, Not, Ref, leaf_text, value_text
from .facts import Derived
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, UNKNOWN_CIRCUMSTANCE
from .situation import Situation

_ALTERNATIVES = 24  # how many smallest sets are kept at each node: enough for exactness at the size of a provision

Choice = frozenset[Leaf]


@dataclass(frozen=True, slots=True)
class Reason:
    """One leaf with what is known of its fact. Shapes: as in the answer's `why`."""

    fact: str
    value: str
    test: str
    outcome: str


class Walker:
    """Walks conditions in one situation under one law."""

    def __init__(self, law: Law, situation: Situation):
        self.law, self.situation = law, situation
        self.catalogue = situation.catalogue
        self._codes: dict[tuple[int, bool], int] = {}  # by identity: hashing a condition costs more than walking it

    def code(self, condition: Condition, positive: bool = True) -> int:
        """The code of a condition; the index says the same of all at once."""
        match condition:
            case Leaf():
                return self.situation.leaf(condition, positive)
            case Constant(holds):
                return UNKNOWN_CIRCUMSTANCE if holds is None else CERTAIN if holds is positive else IMPOSSIBLE
            case Not(part):
                return self.code(part, not positive)
        key = (id(condition), positive)
        found = self._codes.get(key)
        if found is None:
            found = self._codes[key] = self._compound(condition, positive)
        return found

    def _compound(self, condition: Condition, positive: bool) -> int:
        if isinstance(condition, Ref):
            return self.code(self.law.definition(condition.definition), positive)
        both = isinstance(condition, All) is positive
        found = CERTAIN if both else IMPOSSIBLE
        for part in condition.parts:  # type: ignore[union-attr]
            found = found & self.code(part, positive) if both else found | self.code(part, positive)
        return found

    # -- why ------------------------------------------------------------------------------------------------------------

    def why(self, condition: Condition) -> list[Reason]:
        """The smallest set of known facts that makes a settled condition what it is. An unknown one has no reasons."""
        code = self.code(condition)
        if not code & MUST and code & MAY:
            return []
        found = self._forcing(condition, bool(code & MUST))
        leaves = min(found, key=self._size) if found else ()
        return sorted({self.reason(leaf) for leaf in leaves}, key=lambda reason: (reason.fact, reason.test))

    def _size(self, leaves: Choice) -> tuple[int, int, list[tuple[str, str]]]:
        facts = {fact for leaf in leaves for fact in self.facts_behind(leaf)}
        return len(facts), len(leaves), sorted((leaf.fact, leaf_text(leaf)) for leaf in leaves)

    def _forcing(self, condition: Condition, held: bool) -> list[Choice]:
        """Sets of leaves each of which alone makes the condition TRUE (held) or FALSE; smallest first."""
        match condition:
            case Constant(holds):
                return [frozenset()] if holds is held else []
            case Not(part):
                return self._forcing(part, not held)
            case Ref(definition=name):
                return self._forcing(self.law.definition(name), held)
            case Leaf():
                settled = self.code(condition)
                return [frozenset([condition])] if settled == (CERTAIN if held else IMPOSSIBLE) else []
        parts = [self._forcing(part, held) for part in condition.parts]  # type: ignore[union-attr]
        return self._every(parts) if isinstance(condition, All) is held else self._smallest(choice for part in parts for choice in part)

    def _every(self, parts: list[list[Choice]]) -> list[Choice]:
        found: list[Choice] = [frozenset()]
        for part in parts:
            found = self._smallest(one | other for one, other in product(found, part))
        return found

    def _smallest(self, choices: Iterable[Choice]) -> list[Choice]:
        return sorted(set(choices), key=self._size)[:_ALTERNATIVES]

    def facts_behind(self, leaf: Leaf) -> frozenset[str]:
        """The stated facts that settle a leaf: its own, those its fact is derived from, bounded by or ruled out by."""
        return self._behind(leaf.fact, leaf)

    def _behind(self, name: str, leaf: Leaf | None = None) -> frozenset[str]:
        derived = self.catalogue.derived.get(name)
        if derived is not None:
            if name in self.situation.cannot_apply:
                return next((self._behind(source) for source in derived.inputs if source in self.situation.cannot_apply), frozenset())
            return frozenset().union(*map(self._behind, derived.inputs))
        if name in self.situation.cannot_apply:
            guard = self.catalogue.facts[name].asked_when
            found = self._forcing(guard, False) if guard is not None else []
            return frozenset().union(*map(self.facts_behind, min(found, key=len))) if found else frozenset()
        if name not in self.situation.known and leaf is not None:
            return frozenset(self._bounding(name)) or frozenset([name])
        return frozenset([name])

    def _bounding(self, name: str) -> Iterable[str]:
        """Known facts that bound this one, nearest first."""
        for bound in self.catalogue.bounds:
            for one, other in ((bound.low, bound.high), (bound.high, bound.low)):
                if one == name and other in self.situation.known:
                    yield other

    def reason(self, leaf: Leaf) -> Reason:
        known = self.situation.known.get(leaf.fact)
        outcome = "true" if self.code(leaf) & MUST else "false" if not self.code(leaf) & MAY else "unknown"
        if leaf.fact in self.situation.cannot_apply:
            because = ", ".join(sorted(self._behind(leaf.fact)))
            value = f"cannot apply ({because})" if because else "cannot apply"
        elif known is not None:
            value = value_text(known)
        else:
            bounds = [f"{other} is {value_text(self.situation.known[other])}" for other in self._bounding(leaf.fact)]
            value = f"bounded: {'; '.join(bounds)}" if bounds else "not known"
        return Reason(leaf.fact, value, leaf_text(leaf), outcome)

    # -- why not, and what would open it -----------------------------------------------------------------------------------

    def would_open(self, condition: Condition, stops: Iterable[Condition]) -> list[Reason]:
        """The fewest stated terms that would have to be other for the condition not to be FALSE and no stop to be TRUE.

        Empty when terms alone cannot do it.
        """
        ways = [self._changes(condition, True), *(self._changes(stop, False) for stop in stops)]
        if not all(ways):
            return []
        leaves = frozenset().union(*(min(way, key=self._size) for way in ways))
        return sorted({self.reason(leaf) for leaf in leaves}, key=lambda reason: (reason.fact, reason.test))

    def _changes(self, condition: Condition, want: bool) -> list[Choice]:
        """Sets of leaves on stated terms that, turned, leave the condition able to be TRUE (want) or FALSE; empty: impossible."""
        match condition:
            case Constant(holds):
                return [] if holds is (not want) else [frozenset()]
            case Not(part):
                return self._changes(part, not want)
            case Ref(definition=name):
                return self._changes(self.law.definition(name), want)
            case Leaf():
                code = self.code(condition)
                if code & MAY if want else not code & MUST:
                    return [frozenset()]
                return [frozenset([condition])] if self._is_choice(condition.fact) else []
        parts = [self._changes(part, want) for part in condition.parts]  # type: ignore[union-attr]
        return self._every(parts) if isinstance(condition, All) is want else self._smallest(choice for part in parts for choice in part)

    def _is_choice(self, name: str) -> bool:
        """Whether a settled fact is a stated term, or follows from one."""
        return any(self.catalogue.facts[fact].klass == "term" for fact in self._behind(name))

    # -- what is not known ---------------------------------------------------------------------------------------------------

    def unknown(self, condition: Condition, plane: int, positive: bool = True) -> set[str]:
        """The facts that keep a condition open under one reading: those whose leaf may still turn it."""
        code = self.code(condition, positive)
        if code & MUST or not code & plane:
            return set()
        match condition:
            case Leaf(fact=name):
                return self.to_ask(name)
            case Not(part):
                return self.unknown(part, plane, not positive)
            case Ref(definition=name):
                return self.unknown(self.law.definition(name), plane, positive)
            case Constant():
                return set()
        return set().union(*(self.unknown(part, plane, positive) for part in condition.parts))  # type: ignore[union-attr]

    def to_ask(self, name: str) -> set[str]:
        """The facts to ask so as to learn one: itself, what it is derived from, or first what its guard reads."""
        derived: Derived | None = self.catalogue.derived.get(name)
        if derived is not None:
            return set().union(*(self.to_ask(source) for source in derived.inputs if not self.situation.settled(source)))
        guard = self.catalogue.facts[name].asked_when
        if guard is not None and name not in self.situation.known and self.code(guard) & (MUST | MAY) == MAY:
            return self.unknown(guard, MAY)
        return {name}


def reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [{"fact": found.fact, "value": found.value, "test": found.test, "outcome": found.outcome} for found in reasons]

