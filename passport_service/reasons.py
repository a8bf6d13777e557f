"""Why: the smallest set of facts that forces an outcome, and which terms could be chosen otherwise.

Walks the conditions as written, so that a reason speaks of the leaves an officer can read in the rulebook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .compiler import Law
from .conditions import All, Condition, Constant, Leaf, Not, Ref, leaf_text, value_text
from .facts import Derived
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, UNKNOWN_CIRCUMSTANCE
from .situation import Situation

_ALTERNATIVES = 24  # how many smallest sets are kept at each node: enough for exactness at the size of a provision

# A set of leaves that forces an outcome. Shapes: bit masks of (the stated facts behind them, the leaves), by the law's ranks.
Choice = tuple[int, int]
_NOTHING: Choice = (0, 0)


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
        # By identity: hashing a condition costs more than walking it.
        self._codes: dict[tuple[int, bool], int] = {}
        self._found: dict[tuple[int, bool, bool], list[Choice]] = {}

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
        return self._reasons(self._forcing(condition, bool(code & MUST))[:1])

    def _reasons(self, choices: Iterable[Choice]) -> list[Reason]:
        leaves = 0
        for _, own in choices:
            leaves |= own
        found = {self.reason(self.law.leaves[rank]) for rank in _bits(leaves)}
        return sorted(found, key=lambda reason: (reason.fact, reason.test))

    def _forcing(self, condition: Condition, held: bool) -> list[Choice]:
        """Sets of leaves each of which alone makes the condition TRUE (held) or FALSE; smallest first."""
        return self._sets(condition, held, self._forced_leaf, forced=True)

    def _forced_leaf(self, leaf: Leaf, held: bool) -> list[Choice]:
        return [self._choice(leaf)] if self.situation.leaf(leaf) == (CERTAIN if held else IMPOSSIBLE) else []

    def _choice(self, leaf: Leaf) -> Choice:
        facts = 0
        for name in self.facts_behind(leaf):
            facts |= 1 << self.law.fact_ranks[name]
        return facts, 1 << self.law.leaf_ranks[leaf.fact, leaf_text(leaf)]

    def _sets(self, condition: Condition, held: bool, at_leaf: Callable[[Leaf, bool], list[Choice]], forced: bool) -> list[Choice]:
        """Walks down to the leaves; `all` that holds needs a set for every part, `any` that holds one for some part."""
        key = (id(condition), held, forced)
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._sets_of(condition, held, at_leaf, forced)
        return found

    def _sets_of(self, condition: Condition, held: bool, at_leaf: Callable[[Leaf, bool], list[Choice]], forced: bool) -> list[Choice]:
        match condition:
            case Constant(holds):
                # Nobody can say what is open: it forces nothing, and nothing stands in the way of a change.
                return [_NOTHING] if holds is held or (holds is None and not forced) else []
            case Not(part):
                return self._sets(part, not held, at_leaf, forced)
            case Ref(definition=name):
                return self._sets(self.law.definition(name), held, at_leaf, forced)
            case Leaf():
                return at_leaf(condition, held)
        parts = [self._sets(part, held, at_leaf, forced) for part in condition.parts]  # type: ignore[union-attr]
        if isinstance(condition, All) is not held:
            return _smallest([choice for part in parts for choice in part])
        every = [_NOTHING]
        for part in parts:
            every = _smallest([(one[0] | other[0], one[1] | other[1]) for one in every for other in part])
        return every

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
            return frozenset(self.law.fact_names[rank] for rank in _bits(found[0][0])) if found else frozenset()
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
        return self._reasons(way[0] for way in ways) if all(ways) else []

    def _changes(self, condition: Condition, want: bool) -> list[Choice]:
        """Sets of leaves on stated terms that, turned, leave the condition able to be TRUE (want) or FALSE; empty: impossible."""
        return self._sets(condition, want, self._changed_leaf, forced=False)

    def _changed_leaf(self, leaf: Leaf, want: bool) -> list[Choice]:
        code = self.situation.leaf(leaf)
        if code & MAY if want else not code & MUST:
            return [_NOTHING]
        return [self._choice(leaf)] if self._is_choice(leaf.fact) else []

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
            unsettled = [source for source in derived.inputs if not self.situation.settled(source)]
            # With every input known, what is lacking is an amount in the currency that the law reads.
            unsettled = unsettled or [source for source in derived.inputs if self.catalogue.facts[source].type == "money"]
            return set().union(*(self.to_ask(source) for source in unsettled))
        guard = self.catalogue.facts[name].asked_when
        if guard is not None and name not in self.situation.known and self.code(guard) & (MUST | MAY) == MAY:
            return self.unknown(guard, MAY)
        return {name}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _smallest(choices: list[Choice]) -> list[Choice]:
    """Fewest facts first, then fewest leaves; ties by rank, so that the order in which the law is written says nothing."""
    if len(choices) < 2:
        return choices
    return sorted(set(choices), key=lambda choice: (choice[0].bit_count(), choice[1].bit_count(), choice))[:_ALTERNATIVES]


def reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [{"fact": found.fact, "value": found.value, "test": found.test, "outcome": found.outcome} for found in reasons]
