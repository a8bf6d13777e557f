"""Why: the smallest set of facts that forces an outcome, and which terms could be chosen otherwise.

Walks the conditions as written, so that a reason speaks of the leaves an officer can read in the rulebook.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .compiler import Law
from .conditions import All, Condition, Constant, Leaf, Not, Ref, leaf_text, value_text
from .facts import Derived
from .findings import Findings
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, UNKNOWN_CIRCUMSTANCE
from .reach import Reach
from .sentences import Finding, joined, sentence
from .situation import Situation

_ALTERNATIVES = 24  # how many smallest sets are kept at each node: enough for exactness at the size of a provision

# A set of leaves that forces an outcome. Shapes: bit masks of (the stated facts behind them, the leaves), by the law's ranks.
Choice = tuple[int, int]
_NOTHING: Choice = (0, 0)


@dataclass(frozen=True, slots=True)
class Reason:
    """A test of the law with what is known of its fact. Shapes: as in the answer's `why`.

    In `would_open_if`, `fact` is what could be answered otherwise: `of` names the fact that is tested where that is another, and
    `also` has (of, test, outcome) of the further tests that stand in the way of the same fact.
    """

    fact: str
    value: str
    test: str
    outcome: str
    text: str
    of: str | None = None
    also: tuple[tuple[str | None, str, str], ...] = ()


class Told(NamedTuple):
    """What is known of a leaf's fact: in the words of the rulebooks, and as a sentence."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Why:
    """Leaves that force an outcome. Shapes: of each its rank in the law, its outcome, and what is known where the state says it, else None."""

    leaves: tuple[tuple[int, str, Told | None], ...]


# What is remembered of why: the leaves, and what is known of those whose states do not say it.
Because = tuple[Why, tuple[Told, ...]]
_NO_WHY = Why(())
NO_REASONS: Because = (_NO_WHY, ())


class Walker:
    """Walks conditions in one situation under one law."""

    def __init__(self, law: Law, situation: Situation, states: Sequence[Any] | None = None):
        self.law, self.situation, self.catalogue, self.reach = law, situation, situation.catalogue, law.once(Reach)
        self.states = law.index.states(situation) if states is None else states
        self.findings = Findings(self.catalogue, situation.known, situation.cannot_apply, situation.may_not_apply, situation.leaf)
        self.shown = 0  # how often a value was read that no answer is remembered by
        self._told: dict[int, tuple[Told, int]] = {}
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
        return Why(tuple((rank, self._outcome(leaf), self._by_state(rank, leaf)) for rank in _bits(leaves) for leaf in [self.law.leaves[rank]]))

    def _outcome(self, leaf: Leaf) -> str:
        return "true" if self.situation.leaf(leaf) & MUST else "false"

    def _by_state(self, rank: int, leaf: Leaf) -> Told | None:
        """What is known of a leaf's fact, where the states that the leaf turns on say it all."""
        if leaf.fact not in self.situation.cannot_apply and (leaf.fact not in self.situation.known or leaf.fact in self.catalogue.derived):
            return None
        facts = self.findings.behind(leaf.fact)
        few = all(self.catalogue.facts[name].type in ("yes_no", "choice") for name in facts)
        return self.tell(rank) if few and self.catalogue.bounded.isdisjoint(facts) else None

    def _valued(self, why: Why) -> Because:
        return why, tuple([self.tell(rank) for rank, _, told in why.leaves if told is None])

    def tell(self, rank: int) -> Told:
        """What is known of the fact of a leaf, by the leaf's rank."""
        found = self._told.get(rank)
        if found is None:
            leaf = self.law.leaves[rank]
            finding = self.findings.of(leaf)
            told = Told(self._value(leaf.fact, finding), sentence(self.catalogue, leaf, self._outcome(leaf) == "true", finding))
            read = () if finding.ruled_out else (leaf.fact, *(name for name, _ in (*finding.sources, *finding.because)))
            found = self._told[rank] = told, sum(name in self.catalogue.many_valued for name in read)
        self.shown += found[1]
        return found[0]

    def _value(self, name: str, finding: Finding) -> str:
        """What is known of a fact, in the words of the rulebooks."""
        if finding.ruled_out:
            return f"cannot apply ({', '.join(sorted(self.findings.behind(name))) or 'never asked'})"
        known = [] if finding.value is None else [value_text(finding.value)]
        limit, condition = finding.limit, " if it applies" if finding.may_be_none else ""
        if condition and not limit:
            return f"{known[0]}{condition} ({', '.join(sorted(name for name, _ in finding.because))})"
        bounded = [f"at {'most' if limit.most else 'least'} {value_text(limit.amount)}{condition} ({limit.fact})"] if limit else []
        return "; ".join([*known, *bounded])

    def told(self, because: Because) -> list[Reason]:
        """Reasons in words."""
        why, live = because[0], iter(because[1])
        return [
            Reason(leaf.fact, known.value, leaf_text(leaf), outcome, known.text)
            for rank, outcome, told in why.leaves
            for leaf, known in [(self.law.leaves[rank], told or next(live))]
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
        return _every(parts)

    def facts_behind(self, leaf: Leaf) -> frozenset[str]:
        """The stated facts that settle a leaf: its own, those its fact is derived from, bounded by or ruled out by."""
        return self.findings.settling(leaf)

    def known(self, name: str) -> Any:
        """What is known of a fact, to compute with; None where it is not."""
        self.shown += name in self.catalogue.many_valued
        return self.situation.known.get(name)

    # -- what would open it ------------------------------------------------------------------------------------------------

    def way(self, condition: Condition, stops: Iterable[Condition]) -> int:
        """The leaves on the fewest stated terms that would have to be other for the condition not to be FALSE and no stop to be TRUE.

        As a bit mask; empty when terms alone cannot do it.
        """
        leaves = 0
        for one, want in ((condition, True), *((stop, False) for stop in stops)):
            found = self.remembered(("change", want), one, lambda one=one, want=want: self._way(one, want))
            if found < 0:
                return 0
            leaves |= found
        return leaves

    def openers(self, leaves: int) -> tuple[Reason, ...]:
        """The terms behind some leaves that would have to be other, each once."""
        ranks: dict[str, list[int]] = {}
        for rank in _bits(leaves):
            for name in self._terms_behind(self.law.leaves[rank]):
                ranks.setdefault(name, []).append(rank)
        return tuple([self._opener(name, ranks[name]) for name in sorted(ranks)])

    def _opener(self, name: str, ranks: list[int]) -> Reason:
        """A term that would have to be other, with the tests that say so, those of the term itself first."""
        leaves = sorted((self.law.leaves[rank].fact != name, rank) for rank in ranks)
        rows = []
        for derived, rank in leaves:
            leaf = self.law.leaves[rank]
            rows.append((leaf.fact if derived else None, leaf_text(leaf), self._outcome(leaf)))
        texts = dict.fromkeys(self.tell(rank).text for _, rank in leaves)
        (of, test, outcome), *also = rows
        value = value_text(self.known(name))
        return Reason(name, value, test, outcome, f"{' '.join(texts)} {self._needed(name, ranks)}", of, tuple(also))

    def _needed(self, name: str, ranks: list[int]) -> str:
        terms = {term for rank in ranks for term in self._terms_behind(self.law.leaves[rank])}
        if all(self.law.leaves[rank].fact == name for rank in ranks):
            return "Another answer would be needed."
        return f"Another answer to {joined([f'“{self.catalogue.facts[term].question}”' for term in sorted(terms)], 'or')} would be needed."

    def _terms_behind(self, leaf: Leaf) -> list[str]:
        """The stated terms that settle a leaf."""
        limited = self.findings.of(leaf).limit is not None
        facts = {limit.fact for limit in self.findings.limits(leaf)} if limited else self.findings.behind(leaf.fact)
        return sorted(name for name in facts if self.catalogue.facts[name].klass == "term")

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
        if leaf.fact in self.situation.cannot_apply:
            return self._applicable(leaf.fact)
        return [self._choice(leaf)] if self._is_choice(leaf) else []

    def _applicable(self, name: str) -> list[Choice]:
        """Sets of leaves on stated terms that, turned, let a fact apply."""
        derived = self.catalogue.derived.get(name)
        if derived is not None:
            return _every([self._applicable(source) for source in derived.inputs if source in self.situation.cannot_apply])
        guard = self.catalogue.facts[name].asked_when
        return [] if guard is None else self._changes(guard, True)

    def _is_choice(self, leaf: Leaf) -> bool:
        """Whether a settled leaf is one on a stated term, or follows from terms: of a derived fact it is enough that one of them is."""
        terms = [self.catalogue.facts[fact].klass == "term" for fact in self.findings.settling(leaf)]
        return any(terms) if leaf.fact in self.catalogue.derived else all(terms)

    # -- what is not known ---------------------------------------------------------------------------------------------------

    def unknown(self, condition: Condition, plane: int) -> frozenset[str]:
        """The facts that keep a condition open under one reading: those whose leaf may still turn it."""
        if isinstance(condition, Constant):
            return frozenset()
        return self.remembered(plane, condition, lambda: frozenset(self._unknown(condition, plane, self.to_ask)))

    def special_cases(self, condition: Condition) -> frozenset[str]:
        """The exceptional facts that keep a condition open, also those of which something else would be asked first."""
        return self.remembered("special cases", condition, lambda: frozenset(self._unknown(condition, MAY, self._exceptional)))

    def _unknown(self, condition: Condition, plane: int, of_fact: Callable[[str], set[str]], positive: bool = True) -> set[str]:
        code = self.code(condition, positive)
        if code & MUST or not code & plane:
            return set()
        match condition:
            case Leaf(fact=name):
                return of_fact(name)
            case Not(part):
                return self._unknown(part, plane, of_fact, not positive)
            case Ref(definition=name):
                return self._unknown(self.law.definition(name), plane, of_fact, positive)
            case Constant():
                return set()
        return set().union(*(self._unknown(part, plane, of_fact, positive) for part in condition.parts))  # type: ignore[union-attr]

    def _exceptional(self, name: str) -> set[str]:
        """The exceptional facts behind one that is not known: those not answered, or else those answered in another currency than the law reads."""
        behind = {source for source in self.catalogue.stated_behind(name) if self.catalogue.facts[source].exceptional}
        return {source for source in behind if not self.situation.settled(source)} or behind

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
            return self._unknown(guard, MAY, self.to_ask)
        return {name}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _every(parts: Iterable[list[Choice]]) -> list[Choice]:
    """One set for every part, taken together in each way."""
    every = [_NOTHING]
    for part in parts:
        every = _smallest([(one[0] | other[0], one[1] | other[1]) for one in every for other in part])
    return every


def _smallest(choices: list[Choice]) -> list[Choice]:
    """Fewest facts first, then fewest leaves; ties by rank, so that the order in which the law is written says nothing."""
    if len(choices) < 2:
        return choices
    return sorted(set(choices), key=lambda choice: (choice[0].bit_count(), choice[1].bit_count(), choice))[:_ALTERNATIVES]


def reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Rows of the answer. What a row cannot have is absent."""
    return [_json(found) for found in reasons]


def _json(found: Reason) -> dict[str, Any]:
    row: dict[str, Any] = {"fact": found.fact, "value": found.value, "test": found.test, "outcome": found.outcome, "text": found.text}
    if found.of:
        row["of"] = found.of
    if found.also:
        row["also"] = [{"test": test, "outcome": outcome, **({"of": of} if of else {})} for of, test, outcome in found.also]
    return row
