"""The law as masks: every condition of a rulebook evaluated at once, on Python integers, in strong Kleene logic.

A condition becomes clauses (it holds when all literals of one clause hold); each clause owns one byte, the code of
`outcome`. A literal reads one dimension: a fact, a member of a set, or an amount in one currency. For each state of each
dimension there is one integer over all clauses: CERTAIN where the clause does not read it, otherwise what the literal
comes to in that state. A missing fact is one more state, so there is one chain of ANDs and no branch. Clauses lie in
layers (every condition's first clause, then every second one), so that a few shifts and ORs fold clauses to conditions.

Definitions are evaluated in strata before what reads them, and read like facts whose state is their code. A definition
turned by `not` is compiled apart, because the readings of an unknown fact are not turned with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import product
from operator import and_
from typing import Any

from .conditions import OPERATORS, All, Any_, Condition, Constant, Leaf, Not, Ref
from .facts import Catalogue
from .outcome import CERTAIN, IMPOSSIBLE, UNKNOWN_CIRCUMSTANCE, limited
from .situation import Situation

CLAUSES = 64  # a condition with more clauses is lifted into definitions of its own
_CANNOT_APPLY = 0  # the first state of every dimension
_OPEN = ("", "open")  # a dimension that is never known: what the law itself leaves open
_OTHER = object()  # stands for every value that no rule names

# A literal: (dimension, bit mask of the states in which it holds), or ((definition, positive), None).
Literal = tuple[Any, int | None]
Clause = frozenset[Literal]


class Dimension:
    """One thing that literals read. States 1… are its values; a number's values are the intervals between thresholds."""

    def __init__(self, key: tuple[str, str], ordered: bool, unknown: int):
        self.key, self.ordered, self.unknown = key, ordered, unknown
        self.cuts: list[tuple[Any, int]] = []
        self.atoms: list[Any] = []
        self.position: dict[Any, int] = {}

    def state(self, value: Any) -> int:
        """The state of a known value."""
        if self.ordered:
            return 1 + bisect_right(self.cuts, (value, 0))
        return self.position.get(value, len(self.atoms))

    def count(self) -> int:
        return 1 + (len(self.cuts) + 1 if self.ordered else len(self.atoms))


class Evaluation:
    """What every condition and definition comes to in one situation. Shapes: `codes` one byte for each condition."""

    __slots__ = ("codes", "definitions", "states")

    def __init__(self, codes: bytes, definitions: dict[tuple[str, bool], int], states: list[Any]):
        self.codes, self.definitions, self.states = codes, definitions, states


class Index:
    """Conditions compiled against a catalogue. Shapes: `place[n]` says which byte of an evaluation is the n-th condition's."""

    def __init__(self, catalogue: Catalogue, conditions: Sequence[Condition], definitions: Mapping[str, Condition]):
        self.catalogue = catalogue
        compiler = _Compiler(catalogue, definitions)
        for condition in conditions:
            compiler.collect(condition, True)
        compiler.number()
        tops = [compiler.clauses(condition, True) for condition in conditions]
        self.dimensions = list(compiler.dimensions.values())
        slots = {dimension.key: number for number, dimension in enumerate(self.dimensions)}
        strata = compiler.strata()
        self._strata = [_Stratum(names, [compiler.compiled[name] for name in names], slots, compiler.dimensions) for names in strata]
        self._top = _Stratum(None, tops, slots, compiler.dimensions)
        self.place = [0] * len(tops)
        for rank, number in enumerate(self._top.order):
            self.place[number] = rank
        self._missing = [-1 - dimension.unknown for dimension in self.dimensions]
        self._by_fact: dict[str, list[tuple[int, Dimension]]] = {}
        for number, dimension in enumerate(self.dimensions):
            self._by_fact.setdefault(dimension.key[0], []).append((number, dimension))

    def reads(self, fact: str) -> bool:
        return fact in self._by_fact

    def dimensions_of(self, fact: str) -> list[Dimension]:
        return [dimension for _, dimension in self._by_fact.get(fact, [])]

    def states(self, situation: Situation) -> list[Any]:
        """The state of every dimension: a value's number, or minus one minus the code while it is not known."""
        states: list[Any] = self._missing.copy()
        told = {*situation.known, *situation.cannot_apply, *situation.unknown, *(name for name, _ in situation.limits)}
        for name in told & self._by_fact.keys():
            for number, dimension in self._by_fact[name]:
                states[number] = _state_of(dimension, situation)
        return states

    def evaluate(self, situation: Situation) -> Evaluation:
        states = self.states(situation)
        codes: dict[tuple[str, bool], int] = {}
        for stratum in self._strata:
            codes.update(zip(stratum.names, stratum.evaluate(states, codes), strict=True))
        return Evaluation(self._top.evaluate(states, codes), codes, states)

    def reevaluate(self, base: Evaluation, situation: Situation, names: Iterable[str]) -> bytes:
        """The codes in a situation that differs from the base's at most in these facts. Only what reads them is computed again."""
        states = base.states.copy()
        changed: set[Any] = set()
        for name in names:
            for number, dimension in self._by_fact.get(name, ()):
                state = _state_of(dimension, situation)
                if state != states[number]:
                    states[number] = state
                    changed.add(number)
        codes = base.definitions
        for stratum in self._strata:
            if not changed.isdisjoint(stratum.reads):
                for key, code in zip(stratum.names, stratum.evaluate(states, codes), strict=True):
                    if codes[key] != code:
                        codes = {**codes, key: code}
                        changed.add(key)
        return base.codes if changed.isdisjoint(self._top.reads) else self._top.evaluate(states, codes)


def _state_of(dimension: Dimension, situation: Situation) -> Any:
    name, member = dimension.key
    if name in situation.cannot_apply:
        return _CANNOT_APPLY
    value = situation.known.get(name)
    if isinstance(value, frozenset):
        return dimension.state(member in value if member else not value)
    if isinstance(value, Mapping):
        value = value.get(member)  # an amount in another currency says nothing here
    if value is not None:
        return dimension.state(value)
    unknown = situation.unknown.get(name, dimension.unknown)
    limits = situation.limits.get((name, member)) if dimension.ordered else None
    if limits is None:
        return -1 - unknown
    low, high = limits
    return dimension.state(low) if low is not None else 1, dimension.state(high) if high is not None else dimension.count() - 1, unknown


class _Stratum:
    """Conditions that may be evaluated together. `names` are their definitions, or None for the conditions themselves."""

    def __init__(self, names: list[Any] | None, clauses: list[list[Clause]], slots: Mapping[Any, int], dimensions: Mapping[Any, Dimension]):
        order = sorted(range(len(clauses)), key=lambda number: -len(clauses[number]))
        self.names = [] if names is None else [names[number] for number in order]
        self.order = order
        self.size = len(clauses)
        self.layers: list[tuple[int, int]] = []  # (shift in bits, mask of the layer)
        literals: dict[Any, list[tuple[int, int | None]]] = {}
        offset = 0
        for depth in range(max(map(len, clauses), default=0)):
            width = sum(len(found) > depth for found in clauses)
            for rank, number in enumerate(order[:width]):
                for key, mask in clauses[number][depth]:
                    literals.setdefault(key, []).append((offset + rank, mask))
            self.layers.append((8 * offset, (1 << 8 * width) - 1))
            offset += width
        self.everything = int.from_bytes(bytes([CERTAIN]) * offset, "little")
        self.facts = [(slots[key], _Table(dimensions[key], found, offset)) for key, found in literals.items() if key in dimensions]
        self.definitions = [(key, _DefinitionTable(found, offset)) for key, found in literals.items() if key not in dimensions]
        self.reads = frozenset([slot for slot, _ in self.facts] + [key for key, _ in self.definitions])

    def evaluate(self, states: Sequence[Any], codes: Mapping[tuple[str, bool], int]) -> bytes:
        masks = [table[states[slot]] for slot, table in self.facts]
        masks += [table[codes[key]] for key, table in self.definitions]
        every = reduce(and_, masks, self.everything)
        folded = 0
        for shift, mask in self.layers:
            folded |= every >> shift & mask
        return folded.to_bytes(self.size, "little")


class _Table(dict[Any, int]):
    """State of a dimension -> the integer over all clauses. Filled as states turn up."""

    def __init__(self, dimension: Dimension, literals: list[tuple[int, int | None]], size: int):
        super().__init__()
        self.dimension, self.literals, self.size = dimension, literals, size

    def __missing__(self, state: Any) -> int:
        clauses = bytearray([CERTAIN]) * self.size
        for slot, mask in self.literals:
            clauses[slot] &= _literal_code(mask, state)
        self[state] = found = int.from_bytes(clauses, "little")
        return found


def _literal_code(mask: int, state: Any) -> int:
    if isinstance(state, tuple):  # a range of values: (first, last, the code of an unknown)
        first, last, unknown = state
        inside = (1 << last + 1) - (1 << first)
        return limited(bool(mask & inside), mask & inside == inside, unknown)
    if state < 0:
        return -1 - state
    return CERTAIN if mask >> state & 1 else IMPOSSIBLE


class _DefinitionTable(dict[int, int]):
    """Code of a definition -> the integer over all clauses."""

    def __init__(self, literals: list[tuple[int, int | None]], size: int):
        super().__init__()
        self.slots, self.size = {slot for slot, _ in literals}, size

    def __missing__(self, code: int) -> int:
        clauses = bytearray([CERTAIN]) * self.size
        for slot in self.slots:
            clauses[slot] = code
        self[code] = found = int.from_bytes(clauses, "little")
        return found


class _Compiler:
    """Negation normal form, then clauses. Two passes: first every threshold of every dimension, then the clauses."""

    def __init__(self, catalogue: Catalogue, definitions: Mapping[str, Condition]):
        self.catalogue, self.definitions = catalogue, dict(definitions)
        self.dimensions: dict[tuple[str, str], Dimension] = {}
        self.compiled: dict[tuple[str, bool], list[Clause]] = {}
        self.seen: set[tuple[str, bool]] = set()
        self.lifted = 0

    # -- first pass: which dimensions, which thresholds ---------------------------------------------------------------

    def collect(self, condition: Condition, positive: bool) -> None:
        match condition:
            case All(parts) | Any_(parts):
                for part in parts:
                    self.collect(part, positive)
            case Not(part):
                self.collect(part, not positive)
            case Ref(definition=name):
                if (name, positive) not in self.seen:
                    self.seen.add((name, positive))
                    self.collect(self.definitions[name], positive)
            case Constant(holds=None):
                self.dimensions[_OPEN] = Dimension(_OPEN, False, UNKNOWN_CIRCUMSTANCE)
            case Leaf():
                self._dimension(condition)

    def _dimension(self, leaf: Leaf) -> None:
        fact = self.catalogue.facts[leaf.fact]
        key = _key(leaf)
        ordered = fact.type in ("money", "integer", "decimal", "date")
        dimension = self.dimensions.get(key)
        if dimension is None:
            dimension = self.dimensions[key] = Dimension(key, ordered, fact.unknown)
            if fact.type in ("yes_no", "set"):
                dimension.atoms = [False, True]
            elif fact.type == "choice":
                dimension.atoms = [*fact.values]
        if ordered:
            dimension.cuts.append(_cut(leaf))
        elif fact.type in ("country", "code"):
            operand = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            dimension.atoms += [value for value in operand if value not in dimension.atoms]

    def number(self) -> None:
        """Numbers the states of every dimension, once all thresholds are known."""
        for dimension in self.dimensions.values():
            dimension.cuts = sorted(set(dimension.cuts))
            if not dimension.ordered:
                dimension.atoms = sorted(dimension.atoms, key=str) + ([_OTHER] if dimension.atoms != [False, True] else [])
                dimension.position = {atom: 1 + number for number, atom in enumerate(dimension.atoms)}

    # -- second pass: clauses -----------------------------------------------------------------------------------------

    def clauses(self, condition: Condition, positive: bool) -> list[Clause]:
        """A condition, or its negation, as clauses: it holds when every literal of one of them holds."""
        match condition:
            case Constant(holds):
                if holds is None:
                    return [frozenset([(_OPEN, 2)])]
                return [frozenset()] if holds is positive else []
            case Not(part):
                return self.clauses(part, not positive)
            case Leaf():
                return [frozenset([self._literal(condition, positive)])]
            case Ref(definition=name):
                self._define((name, positive))
                return [frozenset([((name, positive), None)])]
            case All(parts) | Any_(parts):
                found = [self.clauses(part, positive) for part in parts]
                return self._all(found) if isinstance(condition, All) is positive else self._any(found)
        raise TypeError(f"not a condition: {condition!r}")

    def _literal(self, leaf: Leaf, positive: bool) -> Literal:
        key = _key(leaf)
        dimension = self.dimensions[key]
        if dimension.ordered:
            at = 2 + dimension.cuts.index(_cut(leaf))  # the first state beyond the threshold
            above = leaf.operator in ("exceeds", "at_least", "on_or_after")
            beyond = (1 << dimension.count()) - (1 << at)
            mask = beyond if above else (1 << at) - 2
        else:
            mask = sum(1 << state for atom, state in dimension.position.items() if _holds(leaf, atom))
        # Where the fact cannot apply the leaf is FALSE, so its negation is TRUE there.
        return key, mask if positive else (1 << dimension.count()) - 1 - mask

    def _any(self, parts: list[list[Clause]]) -> list[Clause]:
        """Alternatives; single literals on one unordered dimension become one literal with more states."""
        merged: dict[Any, int] = {}
        rest: list[Clause] = []
        for clause in (clause for part in parts for clause in part):
            if len(clause) == 1:
                ((key, mask),) = clause
                if key in self.dimensions and not self.dimensions[key].ordered:
                    merged[key] = merged.get(key, 0) | mask
                    continue
            rest.append(clause)
        found = [*(frozenset([literal]) for literal in merged.items()), *rest]
        return list(dict.fromkeys(found))

    def _all(self, parts: list[list[Clause]]) -> list[Clause]:
        parts = sorted(parts, key=len)
        size = 1
        for number, part in enumerate(parts):
            if size * len(part) > CLAUSES:
                parts[number] = part = self._lift(part)
            size *= len(part)
        return list(dict.fromkeys(frozenset().union(*combination) for combination in product(*parts)))

    def _lift(self, clauses: list[Clause]) -> list[Clause]:
        """Alternatives made a definition of their own: one literal instead of many clauses."""
        self.lifted += 1
        name = (f"~{self.lifted}", True)
        self.compiled[name] = clauses
        return [frozenset([(name, None)])]

    def _define(self, name: tuple[str, bool]) -> None:
        if name not in self.compiled:
            self.compiled[name] = []  # no circles: the loader saw to that
            self.compiled[name] = self.clauses(self.definitions[name[0]], name[1])

    def strata(self) -> list[list[tuple[str, bool]]]:
        """Definitions by depth: each reads only those of lower strata."""
        depth: dict[tuple[str, bool], int] = {}

        def of(name: tuple[str, bool]) -> int:
            if name not in depth:
                needs = [key for clause in self.compiled[name] for key, _ in clause if key in self.compiled]
                depth[name] = 1 + max(map(of, needs), default=-1)
            return depth[name]

        for name in self.compiled:
            of(name)
        return [sorted(name for name in depth if depth[name] == level) for level in range(1 + max(depth.values(), default=-1))]


def _holds(leaf: Leaf, atom: Any) -> bool:
    if leaf.operator == "includes":
        return atom is True
    if leaf.value == ():  # the dimension "is empty"
        return atom is (leaf.operator == "is")
    return bool(OPERATORS[leaf.operator].test(atom, leaf.value))


def _key(leaf: Leaf) -> tuple[str, str]:
    """The dimension a leaf reads: its fact, and the member or the currency."""
    if leaf.operator == "includes":
        return leaf.fact, leaf.value
    if isinstance(leaf.value, tuple) and len(leaf.value) == 2 and leaf.operator in ("exceeds", "at_least", "below", "at_most"):
        return leaf.fact, leaf.value[1]
    return leaf.fact, ""


def _cut(leaf: Leaf) -> tuple[Any, int]:
    """The place of a threshold among values: `at_least t` and `below t` divide before t, `exceeds t` and `at_most t` after it."""
    threshold = leaf.value[0] if isinstance(leaf.value, tuple) else leaf.value
    return threshold, int(leaf.operator in ("exceeds", "at_most"))
