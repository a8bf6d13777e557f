"""Conditions that settle wherever every answer agrees.

Read part by part, “A and X, or not A and Y” is UNKNOWN while A is, although X and Y both hold: no answer to A changes anything. So when
the law is compiled, whatever holds for each value of a fact is put beside the parts that read the fact against each other. What the
condition comes to once everything is known stays as it was, and since evaluation, reasons and missing facts all read this one condition,
they agree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from functools import cached_property
from itertools import combinations
from typing import Any

from .conditions import ALWAYS, NEVER, OPERATORS, All, Any_, Condition, Constant, Leaf, Not, Ref, leaves
from .facts import Catalogue
from .recall import Memo

_MOST_VALUES = 40  # of a fact with more values that matter to one condition, its answers are not compared
_LONGEST = 150  # tests: what would become longer is left as it is written, and stays UNKNOWN while the fact is
_SHORT = 40  # tests: of what is no longer than this, the combinations of answers to several facts are compared
_TOGETHER = 2  # of how many facts every combination of answers is compared
_NONE = object()  # stands for a fact that cannot apply: every leaf on it is FALSE

Question = tuple[str, str]  # a fact, and of money the currency


class Agreement:
    """Completes the conditions of one law. Shapes: `kept` the definitions that must stay definitions, since they are read in two ways."""

    def __init__(self, catalogue: Catalogue, definitions: Mapping[str, Condition], kept: Set[str], memo: Memo):
        self.catalogue, self.written, self.kept, self.memo = catalogue, definitions, kept, memo
        self._read: dict[str, list[tuple[Leaf, bool]]] = {}
        self._known: dict[str, Hashable] = {}

    def of(self, condition: Condition, *origin: Hashable) -> Condition:
        """The completed condition, made once for all laws that share it. Shapes: `origin` what of the rulebook it was made from, if it was made."""
        key = ("definitions read", origin or id(condition))
        read = self.memo.get(key) or self.memo.keep(key, tuple(sorted(_read(condition))))
        key = ("agreed", origin or id(condition), tuple([self._versions(name) for name in read]))
        return self.memo.get(key) or self.memo.keep(key, self.complete(condition))

    def _versions(self, name: str) -> Hashable:
        """Which version of a definition, and of all that it reads, holds."""
        if name not in self._known:
            further = tuple([self._versions(other) for other in sorted(_read(self.written[name]))])
            self._known[name] = (name, id(self.written[name]), name in self.kept, further)
        return self._known[name]

    def complete(self, condition: Condition, together: int = _TOGETHER) -> Condition:
        """The same condition, settled as well where all answers to a fact, or to so many facts together, agree."""
        match condition:
            case Not(part):
                return _not(self.complete(part, together))
            case All(parts) | Any_(parts) if together:
                found = [type(condition)(tuple([self.complete(part, together) for part in parts]))]
                length, room = self._length(condition), _LONGEST
                for question, values in self._against_each_other(condition) if length <= _LONGEST else ():
                    if len(values) * length <= 4 * _LONGEST:
                        agreed = self._agreed(condition, question, values, together)
                        room -= _size(agreed)
                        found += [agreed] if room >= 0 else []
                return (_any if isinstance(condition, Any_) else _all)(found)
        return condition

    def _agreed(self, condition: All | Any_, question: Question, values: Sequence[Any], together: int) -> Condition:
        """What a condition comes to whatever the answer: it holds where it holds for every value, and only where it may for some."""
        cases = [self._where(condition, question, value) for value in (*values, _NONE)]
        if sum(map(_size, cases)) <= _SHORT:
            cases = [self.complete(case, together - 1) for case in cases]
        *each, absent = cases
        applies = self._applies(question[0])
        if isinstance(condition, Any_):
            return _all([*each, _any([applies, absent])])
        return _any([*each, _all([_not(applies), absent])])

    def _applies(self, name: str) -> Condition:
        """What makes a fact apply: where it is not so, or not known, the fact may have no value."""
        derived = self.catalogue.derived.get(name)
        if derived is not None:
            return _all([self._applies(source) for source in derived.inputs])
        return _all([guard.when for guard in self.catalogue.guards if name in guard.facts])

    # -- which facts are read against each other ------------------------------------------------------------------------------

    def _against_each_other(self, condition: All | Any_) -> Iterator[tuple[Question, list[Any]]]:
        """The facts that several parts read so that no value suits all of them, with the values that these parts tell apart."""
        reading: dict[Question, list[list[tuple[Leaf, bool]]]] = {}
        for part in condition.parts:
            own: dict[Question, list[tuple[Leaf, bool]]] = {}
            for leaf, positive in self._leaves(part, True):
                own.setdefault(_question(leaf), []).append((leaf, positive))
            for question, found in own.items():
                reading.setdefault(question, []).append(found)
        wanted = isinstance(condition, All)
        for question, by_part in reading.items():
            if len(by_part) < 2:
                continue
            read = [one for found in by_part for one in found]
            values = self._values(question, [leaf for leaf, _ in read])
            suits = any(all(_holds(leaf, value) is (positive is wanted) for leaf, positive in read) for value in values)
            if not suits and 1 < len(values) <= _MOST_VALUES:
                yield question, values

    def _leaves(self, condition: Condition, positive: bool) -> Iterator[tuple[Leaf, bool]]:
        match condition:
            case Leaf():
                yield condition, positive
            case Not(part):
                yield from self._leaves(part, not positive)
            case Ref(definition=name) if name not in self.kept:
                yield from ((leaf, own is positive) for leaf, own in self._leaves_of(name))
            case All(parts) | Any_(parts):
                for part in parts:
                    yield from self._leaves(part, positive)

    def _leaves_of(self, name: str) -> list[tuple[Leaf, bool]]:
        """The leaves of a definition, also through others, each with whether it stands there as written or negated."""
        if name not in self._read:
            self._read[name] = list(dict.fromkeys(self._leaves(self.written[name], True)))
        return self._read[name]

    def _length(self, condition: Condition) -> int:
        """How many tests a condition makes, with those of its definitions."""
        return sum([self._lengths[leaf.definition] if isinstance(leaf, Ref) else 1 for leaf, _ in leaves(condition)])

    @cached_property
    def _lengths(self) -> dict[str, int]:
        found: dict[str, int] = {}

        def of(name: str) -> int:
            if name not in found:
                found[name] = sum([of(leaf.definition) if isinstance(leaf, Ref) else 1 for leaf, _ in leaves(self.written[name])])
            return found[name]

        for name in self.written:
            of(name)
        return found

    def _where(self, condition: Condition, question: Question, value: Any) -> Condition:
        """What a condition comes to where a fact has a value."""
        match condition:
            case Leaf():
                return Constant(_holds(condition, value)) if _question(condition) == question else condition
            case Not(part):
                return _not(self._where(part, question, value))
            case Ref(definition=name) if name not in self.kept:
                reads = any(leaf.fact == question[0] for leaf, _ in self._leaves_of(name))
                return self._where(self.written[name], question, value) if reads else condition
            case All(parts):
                return _all([self._where(part, question, value) for part in parts])
            case Any_(parts):
                return _any([self._where(part, question, value) for part in parts])
        return condition

    # -- the values of a fact that leaves tell apart --------------------------------------------------------------------------

    def _values(self, question: Question, read: Iterable[Leaf]) -> list[Any]:
        """One value for each way in which these leaves may come out."""
        fact = self.catalogue.facts[question[0]]
        operands = {one for leaf in read for one in (leaf.value if leaf.operator in ("in", "not_in") else [leaf.value])}
        match fact.type:
            case "yes_no":
                found: Iterable[Any] = (True, False)
            case "choice":
                found = fact.values
            case "set":
                named = sorted(operand for operand in operands if operand != ())
                found = [frozenset(some) for count in range(len(named) + 1) for some in combinations(named, count)] if len(named) < 6 else []
                found = [*found, frozenset(["another"])]
            case "money":
                found = [{question[1]: amount} for amount in _around({amount for amount, _ in operands}, Decimal("0.01"))]
            case "integer" | "decimal" | "date":
                step = dt.timedelta(days=1) if fact.type == "date" else 1 if fact.type == "integer" else Decimal("0.000001")
                low, high = fact.minimum, fact.maximum
                found = [one for one in _around(operands, step) if (low is None or one >= low) and (high is None or one <= high)]
            case _:
                found = [*sorted(operands), "another"]
        told = {tuple([_holds(leaf, value) for leaf in read]): value for value in found}
        return list(told.values())


def _around(thresholds: Iterable[Any], step: Any) -> list[Any]:
    """Each threshold with a value below and a value above it."""
    return [value for threshold in sorted(thresholds) for value in (threshold - step, threshold, threshold + step)]


def _question(leaf: Leaf) -> Question:
    money = isinstance(leaf.value, tuple) and len(leaf.value) == 2 and isinstance(leaf.value[0], Decimal)
    return leaf.fact, leaf.value[1] if money else ""


def _holds(leaf: Leaf, value: Any) -> bool:
    return value is not _NONE and OPERATORS[leaf.operator].test(value, leaf.value) is True


def _read(condition: Condition) -> set[str]:
    """The definitions that a condition reads itself."""
    return {leaf.definition for leaf, _ in leaves(condition) if isinstance(leaf, Ref)}


def _size(condition: Condition) -> int:
    return sum(1 for _ in leaves(condition))


# -- the same conditions, without what constants make superfluous -------------------------------------------------------------


def _all(parts: Iterable[Condition]) -> Condition:
    found = list(dict.fromkeys(part for part in parts if part != ALWAYS))
    if NEVER in found:
        return NEVER
    return found[0] if len(found) == 1 else All(tuple(found)) if found else ALWAYS


def _any(parts: Iterable[Condition]) -> Condition:
    found = list(dict.fromkeys(part for part in parts if part != NEVER))
    if ALWAYS in found:
        return ALWAYS
    return found[0] if len(found) == 1 else Any_(tuple(found)) if found else NEVER


def _not(part: Condition) -> Condition:
    match part:
        case Constant(holds):
            return Constant(None if holds is None else not holds)
        case Not(inner):
            return inner
    return Not(part)
