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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from .clauses import Clause, ClauseCompiler, Dimension
from .conditions import Condition
from .facts import Catalogue, Fact
from .outcome import CERTAIN, IMPOSSIBLE, limited
from .recall import Memo
from .situation import Situation

_CANNOT_APPLY = 0  # the first state of every dimension


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What every condition and definition comes to in one situation. Shapes: `codes` one byte for each condition, in the order
    of whoever reads them; `raw` the same in the index's own order.
    """

    codes: bytes
    definitions: dict[tuple[str, bool], int]
    states: tuple[Any, ...]
    raw: bytes


class Index:
    """Conditions compiled against a catalogue. Shapes: `place[n]` says which byte of an evaluation is the n-th condition's."""

    def __init__(self, catalogue: Catalogue, conditions: Sequence[Condition], definitions: Mapping[str, Condition]):
        compiler = ClauseCompiler(catalogue, definitions)
        for condition in conditions:
            compiler.collect(condition)
        compiler.complete()
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
        # Most facts have one dimension with a state for each value: these are read without a call.
        self._single = {
            name: (found[0][0], found[0][1].position) for name, found in self._by_fact.items() if _is_single(catalogue.facts.get(name), found)
        }
        self._ruled_out, self._told = Memo(1000), Memo(20000)

    def slots(self, fact: str, member: str | None = None) -> list[int]:
        """The dimensions of a fact by number: all of them, or the one of a member or currency."""
        return [number for number, dimension in self._by_fact.get(fact, ()) if member is None or dimension.key[1] == member]

    def states(self, situation: Situation) -> list[Any]:
        """The state of every dimension: a value's number, or minus one minus the code while it is not known."""
        base = self._ruled_out.get(situation.cannot_apply) or self._ruled_out.keep(situation.cannot_apply, self._base(situation.cannot_apply))
        states: list[Any] = base.copy()
        by_fact, single, told = self._by_fact, self._single, self._told
        for name, value in situation.known.items():
            if name in single:
                number, position = single[name]
                states[number] = position[value]
            elif isinstance(value, dict):
                for number, dimension in by_fact.get(name, ()):
                    amount = value.get(dimension.key[1]) if dimension.key[1] else True
                    if amount is not None:  # an amount in another currency says nothing here
                        states[number] = dimension.state(amount)
            elif name in by_fact:
                found = told.get((name, value))
                if found is None:
                    found = told.keep((name, value), [(number, _state_of(dimension, situation)) for number, dimension in by_fact[name]])
                for number, state in found:
                    states[number] = state
        for name, code in situation.unknown.items():
            for number, _ in by_fact.get(name, ()):
                states[number] = -1 - code
        for name in {name for name, _ in situation.limits}:
            for number, dimension in by_fact.get(name, ()):
                states[number] = _state_of(dimension, situation)
        return states

    def _base(self, cannot_apply: Iterable[str]) -> list[Any]:
        states: list[Any] = self._missing.copy()
        for name in cannot_apply:
            for number, _ in self._by_fact.get(name, ()):
                states[number] = _CANNOT_APPLY
        return states

    def evaluate(self, situation: Situation) -> Evaluation:
        """Every condition in a situation."""
        return self.evaluated(tuple(self.states(situation)))

    def evaluated(self, states: tuple[Any, ...]) -> Evaluation:
        """Every condition where the dimensions are in these states."""
        codes: dict[tuple[str, bool], int] = {}
        for stratum in self._strata:
            codes.update(zip(stratum.names, stratum.evaluate(states, codes), strict=True))
        raw = self._top.evaluate(states, codes)
        return Evaluation(raw, codes, states, raw)

    def reevaluate(self, base: Evaluation, situation: Situation, names: Iterable[str]) -> bytes:
        """The codes in a situation that differs from the base's at most in these facts. Only what reads them is computed again."""
        states = list(base.states)
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
        return base.raw if changed.isdisjoint(self._top.reads) else self._top.evaluate(states, codes)


def _is_single(fact: Fact | None, found: list[tuple[int, Dimension]]) -> bool:
    return fact is not None and fact.type != "set" and len(found) == 1 and not found[0][1].ordered and fact.type != "money"


def _state_of(dimension: Dimension, situation: Situation) -> Any:
    name, member = dimension.key
    if name in situation.cannot_apply:
        return _CANNOT_APPLY
    value = situation.known.get(name)
    if isinstance(value, frozenset):
        return dimension.state(member in value if member else not value)
    if isinstance(value, dict):
        value = value.get(member) if member else True  # an amount in another currency says nothing here
    if value is not None:
        return dimension.state(value)
    unknown = situation.unknown.get(name, dimension.unknown)
    limits = situation.limits.get((name, member))
    if limits is None:
        return -1 - unknown
    low, high = limits
    first, last = dimension.state(low) if low is not None else 1, dimension.state(high) if high is not None else dimension.count() - 1
    return first, last, unknown, name in situation.may_not_apply


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
        self.facts = [(slots[key], _Table(found, offset)) for key, found in literals.items() if key in dimensions]
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

    def __init__(self, literals: list[tuple[int, int | None]], size: int):
        super().__init__()
        self.literals, self.size = literals, size

    def __missing__(self, state: Any) -> int:
        clauses = bytearray([CERTAIN]) * self.size
        for slot, mask in self.literals:
            clauses[slot] &= _literal_code(mask, state)
        self[state] = found = int.from_bytes(clauses, "little")
        return found


def _literal_code(mask: int, state: Any) -> int:
    if isinstance(state, tuple):  # a range of values: (first, last, the code of an unknown, whether the fact may not apply)
        first, last, unknown, may_not_apply = state
        inside = (1 << last + 1) - (1 << first) | may_not_apply << _CANNOT_APPLY
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
