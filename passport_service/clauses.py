"""Conditions as clauses: negation normal form, and the states of each thing that literals read.

A condition holds when all literals of one of its clauses hold. Leaves to the index how clauses are evaluated at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from .conditions import OPERATORS, All, Any_, Condition, Constant, Leaf, Not, Ref
from .facts import Catalogue
from .outcome import UNKNOWN_CIRCUMSTANCE

CLAUSES = 64  # a condition with more clauses is lifted into definitions of its own
_OPEN = ("", "open")  # a dimension that is never known: what the law itself leaves open
_OTHER = object()  # stands for every value that no rule names

# A literal: (dimension, bit mask of the states in which it holds), or ((definition, positive), None).
Literal = tuple[Any, int | None]
Clause = frozenset[Literal]


class _Positions(dict[Any, int]):
    """Value -> its state. Every value that no rule names has the last."""

    def __missing__(self, value: Any) -> int:
        return len(self)


class Dimension:
    """One thing that literals read. States 1… are its values; a number's values are the intervals between thresholds."""

    def __init__(self, key: tuple[str, str], ordered: bool, unknown: int):
        self.key, self.ordered, self.unknown = key, ordered, unknown
        self.cuts: list[tuple[Any, int]] = []
        self.thresholds: list[Any] = []  # of the cuts, apart: comparing pairs takes twice as long
        self.atoms: list[Any] = []
        self.position = _Positions()

    def state(self, value: Any) -> int:
        """The state of a known value."""
        if not self.ordered:
            return self.position[value]
        at = bisect_left(self.thresholds, value)
        return 2 + at if at < len(self.cuts) and self.cuts[at] == (value, 0) else 1 + at

    def count(self) -> int:
        return 1 + (len(self.cuts) + 1 if self.ordered else len(self.atoms))


class ClauseCompiler:
    """Negation normal form, then clauses. Two passes: first every threshold of every dimension, then the clauses."""

    def __init__(self, catalogue: Catalogue, definitions: Mapping[str, Condition]):
        self.catalogue, self.definitions = catalogue, dict(definitions)
        self.dimensions: dict[tuple[str, str], Dimension] = {}
        self.compiled: dict[tuple[str, bool], list[Clause]] = {}
        self.seen: set[str] = set()  # definitions
        self.lifted = 0

    # -- first pass: which dimensions, which thresholds ---------------------------------------------------------------

    def collect(self, condition: Condition) -> None:
        match condition:
            case All(parts) | Any_(parts):
                for part in parts:
                    self.collect(part)
            case Not(part):
                self.collect(part)
            case Ref(definition=name):
                if name not in self.seen:
                    self.seen.add(name)
                    self.collect(self.definitions[name])
            case Constant(holds=None):
                self.dimensions[_OPEN] = Dimension(_OPEN, False, UNKNOWN_CIRCUMSTANCE)
            case Leaf():
                self._dimension(condition)

    def _dimension(self, leaf: Leaf) -> None:
        fact = self.catalogue.facts[leaf.fact]
        key = dimension_key(leaf)
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
            dimension.thresholds = [threshold for threshold, _ in dimension.cuts]
            if not dimension.ordered:
                dimension.atoms = sorted(dimension.atoms, key=str) + ([_OTHER] if dimension.atoms != [False, True] else [])
                dimension.position = _Positions({atom: 1 + number for number, atom in enumerate(dimension.atoms)})

    # -- what reasons and questions turn on beside the conditions -----------------------------------------------------

    def complete(self) -> None:
        """Adds the guards of what is read, and whether each input, bound and amount is stated at all."""
        seen: set[str] = set()
        while more := {name for name, _ in self.dimensions if name} - seen:
            seen |= more
            for name in sorted(more):
                fact, derived = self.catalogue.facts[name], self.catalogue.derived.get(name)
                if fact.asked_when is not None:
                    self.collect(fact.asked_when)
                for beside in (*(derived.inputs if derived else ()), *self.catalogue.beside(name), *([name] if fact.type == "money" else [])):
                    self._presence(beside)
                if derived is not None and derived.function == "known_authority":
                    # What is asked turns on whether a list is held of the country.
                    atoms = self.dimensions[derived.inputs[1], ""].atoms
                    atoms += [country for country in self.catalogue.authorities.countries if country not in atoms]

    def _presence(self, name: str) -> None:
        """A dimension that tells whether a fact is known; that of a set tells it along with whether it is empty."""
        fact = self.catalogue.facts[name]
        ordered = fact.type in ("integer", "decimal", "date")  # of money, this tells whether any amount at all is known
        dimension = self.dimensions.setdefault((name, ""), Dimension((name, ""), ordered, fact.unknown))
        if not dimension.atoms and not dimension.ordered:
            dimension.atoms = [False, True] if fact.type in ("yes_no", "set") else [*fact.values] if fact.type == "choice" else []

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
        key = dimension_key(leaf)
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


def told_apart(catalogue: Catalogue, conditions: Iterable[Condition], definitions: Mapping[str, Condition]) -> dict[str, list[Dimension]]:
    """What these conditions tell apart of each fact, and nothing that only guards do."""
    compiler = ClauseCompiler(catalogue, definitions)
    for condition in conditions:
        compiler.collect(condition)
    compiler.number()
    found: dict[str, list[Dimension]] = {}
    for dimension in compiler.dimensions.values():
        found.setdefault(dimension.key[0], []).append(dimension)
    return found


def _holds(leaf: Leaf, atom: Any) -> bool:
    if leaf.operator == "includes":
        return atom is True
    if leaf.value == ():  # the dimension "is empty"
        return atom is (leaf.operator == "is")
    return bool(OPERATORS[leaf.operator].test(atom, leaf.value))


def dimension_key(leaf: Leaf) -> tuple[str, str]:
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
