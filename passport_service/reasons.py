"""Why: the smallest set of facts that forces an outcome, and which terms could be chosen otherwise.

Walks the conditions as written, so that a reason speaks of the leaves an officer can read in the rulebook.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from .clauses import dimension_key
from .compiler import Law
from .conditions import All, Condition, Constant, Leaf, Not, Ref, leaf_text, leaves, value_text
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


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """Leaves that force an outcome. Shapes: of each its rank in the law, its outcome, and its fact's value where the state says it, else None."""

    leaves: tuple[tuple[int, str, str | None], ...]


# What is remembered of why: the leaves, and the values that their states do not tell.
Because = tuple[Why, tuple[str, ...]]
_NO_WHY = Why(())
NO_REASONS: Because = (_NO_WHY, ())


class Reach:
    """What a condition's outcome, its reasons and its open facts turn on: the states of what it reads, also through others.

    Two situations that agree on these agree on all of that, so it is worked out once for each.
    """

    def __init__(self, law: Law):
        self.law, self.catalogue = law, law.catalogue
        self._reading: dict[int, tuple[Condition, Callable[[Any], Any]]] = {}
        self._of_facts: dict[str, frozenset[int]] = {}
        self._of_definitions: dict[str, frozenset[int]] = {}
        self._of_fact: dict[str, frozenset[str]] = {}
        self._facts: dict[str, set[str]] = {}
        self.conditions: dict[str, Condition] = {}

    def readers(self, fact: str) -> frozenset[str]:
        """The ids of routes and requirements, and the legs, that learning a fact may change."""
        if not self._facts:
            readers = self.conditions = {
                **{name: condition for name, (condition, _) in self.law.legs.items()},
                **{requirement.id: requirement.whole for requirement in self.law.requirements},
                **{route.id: All(tuple(condition for condition, _ in route.opens.values())) for route in self.law.routes},
            }
            self._facts = {id_: self._facts_read(condition, set()) for id_, condition in readers.items()}
        found = self._of_fact.get(fact)
        if found is None:
            # A group is there as soon as anything is told of it.
            moved = {fact, self.catalogue.exists.get(fact.partition(".")[0])}
            found = self._of_fact[fact] = frozenset(id_ for id_, facts in self._facts.items() if not moved.isdisjoint(facts))
        return found

    def _facts_read(self, condition: Condition, found: set[str]) -> set[str]:
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                self._facts_read(self.law.definitions[leaf.definition].when, found)
            else:
                self._fact_read(leaf.fact, found)
        return found

    def _fact_read(self, name: str, found: set[str]) -> None:
        if name in found:
            return
        found.add(name)
        derived, guard = self.catalogue.derived.get(name), self.catalogue.facts[name].asked_when
        for other in (*(derived.inputs if derived else ()), *self.catalogue.beside(name)):
            self._fact_read(other, found)
        if guard is not None:
            self._facts_read(guard, found)

    def key(self, condition: Condition, states: Sequence[Any]) -> Any:
        """The states on which a condition turns."""
        found = self._reading.get(id(condition))
        if found is None:
            slots = sorted(self._slots(condition))
            # The condition is kept, so that no other ever has its identity.
            found = self._reading[id(condition)] = (condition, itemgetter(*slots) if slots else lambda states: ())
        return found[1](states)

    def _slots(self, condition: Condition) -> set[int]:
        found: set[int] = set()
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                # Both readings of the law share this: as it is, a definition reads at least what it reads without staff positions.
                found |= self._of_definition(leaf.definition)
            else:
                found |= {*self.law.index.slots(leaf.fact, dimension_key(leaf)[1])} | self._beside(leaf.fact)
        return found

    def _of_definition(self, name: str) -> frozenset[int]:
        found = self._of_definitions.get(name)
        if found is None:
            found = self._of_definitions[name] = frozenset(self._slots(self.law.definitions[name].when))
        return found

    def _beside(self, name: str) -> frozenset[int]:
        """What settles a fact beside its own value: its inputs, its guard, its bounds, and whether any amount is stated."""
        found = self._of_facts.get(name)
        if found is None:
            self._of_facts[name] = frozenset()  # guards and inputs go in no circle
            slots = self.law.index.slots
            own = set(slots(name, ""))
            derived, guard = self.catalogue.derived.get(name), self.catalogue.facts[name].asked_when
            for source in derived.inputs if derived else ():
                own |= {*slots(source)} | self._beside(source)
            for other in self.catalogue.beside(name):
                own |= {*slots(other)}
            found = self._of_facts[name] = frozenset(own | (self._slots(guard) if guard is not None else set()))
        return found


class Walker:
    """Walks conditions in one situation under one law."""

    def __init__(self, law: Law, situation: Situation, states: Sequence[Any] | None = None):
        self.law, self.situation, self.catalogue, self.reach = law, situation, situation.catalogue, law.once(Reach)
        self.states = law.index.states(situation) if states is None else states
        self.shown = 0  # how often a value was read that no answer is remembered by
        self._texts: dict[str, str] = {}
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

    def remembered(self, what: Hashable, condition: Condition, work: Callable[[], Any]) -> Any:
        """What the states that a condition reads say, worked out once for each of them."""
        key = (what, self.law, id(condition), self.reach.key(condition, self.states))
        found = self.law.memo.get(key)
        return self.law.memo.keep(key, work()) if found is None else found

    def why(self, condition: Condition) -> list[Reason]:
        """The smallest set of known facts that makes a settled condition what it is. An unknown one has no reasons."""
        return self.told(self.because(condition))

    def because(self, condition: Condition) -> Because:
        """The same, remembered."""
        if isinstance(condition, Constant):
            return NO_REASONS
        return self._valued(self.remembered("why", condition, lambda: self._why(self._reasons_for(condition))))

    def _reasons_for(self, condition: Condition) -> int:
        code = self.code(condition)
        if not code & MUST and code & MAY:
            return 0
        return next((own for _, own in self._forcing(condition, bool(code & MUST))), 0)

    def _why(self, leaves: int) -> Why:
        """Leaves with what their states tell. Their ranks are the order in which they are told."""
        if not leaves:
            return _NO_WHY
        found = tuple((rank, self._outcome(leaf), self._state_text(leaf.fact)) for rank in _bits(leaves) for leaf in [self.law.leaves[rank]])
        return self.law.memo.get(found) or self.law.memo.keep(found, Why(found))

    def _outcome(self, leaf: Leaf) -> str:
        code = self.code(leaf)
        return "true" if code & MUST else "unknown" if code & MAY else "false"

    def _state_text(self, name: str) -> str | None:
        """A value in words where the state of its fact says it all."""
        told = name in self.situation.cannot_apply or (name in self.situation.known and self.catalogue.facts[name].type in ("yes_no", "choice"))
        return self.value(name) if told else None

    def _valued(self, why: Why) -> Because:
        return why, tuple([self.value(self.law.leaves[rank].fact) for rank, _, text in why.leaves if text is None])

    def told(self, because: Because) -> list[Reason]:
        """Reasons in words."""
        why, values = because[0], iter(because[1])
        return [
            Reason(leaf.fact, next(values) if text is None else text, leaf_text(leaf), outcome)
            for rank, outcome, text in why.leaves
            for leaf in [self.law.leaves[rank]]
        ]

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
        return (other for other in self.catalogue.beside(name) if other in self.situation.known)

    def value(self, name: str) -> str:
        """What is known of a fact, in words."""
        if name in self.catalogue.many_valued and name not in self.situation.cannot_apply:
            self.shown += 1
        if name not in self._texts:
            self._texts[name] = self._value(name)
        return self._texts[name]

    def known(self, name: str) -> Any:
        """What is known of a fact, to compute with; None where it is not."""
        self.shown += name in self.catalogue.many_valued
        return self.situation.known.get(name)

    def _value(self, name: str) -> str:
        known = self.situation.known.get(name)
        if name in self.situation.cannot_apply:
            because = ", ".join(sorted(self._behind(name)))
            return f"cannot apply ({because})" if because else "cannot apply"
        if known is not None:
            return value_text(known)
        bounds = [f"{other} is {value_text(self.situation.known[other])}" for other in self._bounding(name)]
        return f"bounded: {'; '.join(bounds)}" if bounds else "not known"

    # -- why not, and what would open it -----------------------------------------------------------------------------------

    def would_open(self, condition: Condition, stops: Sequence[Condition]) -> Because:
        """The fewest stated terms that would have to be other for the condition not to be FALSE and no stop to be TRUE.

        Empty when terms alone cannot do it.
        """
        if not stops:
            return self._valued(self.remembered("opens", condition, lambda: self._why(max(self._way(condition, True), 0))))
        leaves = 0
        for one, want in ((condition, True), *((stop, False) for stop in stops)):
            way = self.remembered(("change", want), one, lambda one=one, want=want: self._way(one, want))
            if way < 0:
                return NO_REASONS
            leaves |= way
        return self._valued(self._why(leaves)) if leaves else NO_REASONS

    def _way(self, condition: Condition, want: bool) -> int:
        """The leaves to turn, or minus one where turning terms does not do."""
        return next((own for _, own in self._changes(condition, want)), -1)

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

    def unknown(self, condition: Condition, plane: int) -> frozenset[str]:
        """The facts that keep a condition open under one reading: those whose leaf may still turn it."""
        if isinstance(condition, Constant):
            return frozenset()
        return self.remembered(plane, condition, lambda: frozenset(self._unknown(condition, plane)))

    def _unknown(self, condition: Condition, plane: int, positive: bool = True) -> set[str]:
        code = self.code(condition, positive)
        if code & MUST or not code & plane:
            return set()
        match condition:
            case Leaf(fact=name):
                return self.to_ask(name)
            case Not(part):
                return self._unknown(part, plane, not positive)
            case Ref(definition=name):
                return self._unknown(self.law.definition(name), plane, positive)
            case Constant():
                return set()
        return set().union(*(self._unknown(part, plane, positive) for part in condition.parts))  # type: ignore[union-attr]

    def to_ask(self, name: str) -> set[str]:
        """The facts to ask so as to learn one: itself, what it is derived from, or first what its guard reads."""
        derived: Derived | None = self.catalogue.derived.get(name)
        if derived is not None:
            unsettled = [source for source in self.catalogue.worth_asking(derived, self.situation.known) if not self.situation.settled(source)]
            # With every input known, what is lacking is an amount in the currency that the law reads.
            unsettled = unsettled or [source for source in derived.inputs if self.catalogue.facts[source].type == "money"]
            return set().union(*(self.to_ask(source) for source in unsettled))
        guard = self.catalogue.facts[name].asked_when
        if guard is not None and name not in self.situation.known and self.code(guard) & (MUST | MAY) == MAY:
            return self._unknown(guard, MAY)
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
