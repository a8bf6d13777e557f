"""Conditions: `all`, `any`, `not` over leaves; a leaf tests one fact. The closed grammar in which the law is written.

Leaves to the index how a condition is evaluated fast, and to the situation what is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from operator import ge, gt, le, lt
from typing import Any, Protocol

from .source import Node, Report
from .values import parse_code, parse_country, parse_date, parse_decimal, parse_integer, parse_money, plain

ACTIVITY = "activity"  # stands for the activity being asked about, in a route of the leg `status`


class FactKind(Protocol):
    """What a condition must know of a fact."""

    name: str
    type: str
    values: Mapping[str, str]
    open: bool
    minimum: Any
    maximum: Any


@dataclass(frozen=True, slots=True)
class Constant:
    """Holds always, or never, or (None) nobody can say: the law itself is open."""

    holds: bool | None


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class Ref:
    """A definition of the same rulebook, by id."""

    definition: str
    node: Node | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact, one operator. Shapes: `value` is typed as the fact is; a tuple for `in` and `not_in`."""

    fact: str
    operator: str
    value: Any
    node: Node | None = field(default=None, compare=False, repr=False)


Condition = Constant | All | Any_ | Not | Ref | Leaf
ALWAYS, NEVER, OPEN = Constant(True), Constant(False), Constant(None)


# -- operators -------------------------------------------------------------------------------------------------------
# The statute's words. `test(value, operand)` answers for a known value; a threshold in a currency that the value does not
# have is None, that is, not known.


@dataclass(frozen=True, slots=True)
class Operator:
    types: frozenset[str]
    words: str
    test: Callable[[Any, Any], bool | None]


def _compared(compare: Callable[[Any, Any], bool], value: Any, operand: Any) -> bool | None:
    """A number with a threshold; of money, the amount in the threshold's currency."""
    if isinstance(value, dict):
        amount, currency = operand
        return compare(value[currency], amount) if currency in value else None
    return compare(value, operand)


_NAMES = frozenset({"choice", "country", "code"})
_NUMBERS = frozenset({"money", "integer", "decimal"})
_DATES = frozenset({"date"})
OPERATORS: dict[str, Operator] = {
    "is": Operator(_NAMES | {"yes_no", "set"}, "is", lambda v, t: not v if t == () else v == t),
    "is_not": Operator(_NAMES | {"set"}, "is not", lambda v, t: bool(v) if t == () else v != t),
    "in": Operator(_NAMES, "is one of", lambda v, t: v in t),
    "not_in": Operator(_NAMES, "is none of", lambda v, t: v not in t),
    "includes": Operator(frozenset({"set"}), "includes", lambda v, t: t in v),
    "exceeds": Operator(_NUMBERS, "exceeds", partial(_compared, gt)),
    "at_least": Operator(_NUMBERS, "is at least", partial(_compared, ge)),
    "below": Operator(_NUMBERS, "is below", partial(_compared, lt)),
    "at_most": Operator(_NUMBERS, "is at most", partial(_compared, le)),
    "before": Operator(_DATES, "is before", lt),
    "on_or_after": Operator(_DATES, "is on or after", ge),
}
NEGATIVE = frozenset({"is_not", "not_in"})


def value_text(value: Any) -> str:
    """A value in the words of the rulebooks.

    >>> value_text((Decimal("250000.00"), "USD")), value_text(True), value_text(("a", "b"))
    ('250000 USD', 'yes', 'a, b')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return ", ".join(f"{plain(amount)} {currency}" for currency, amount in sorted(value.items()))
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Decimal):
        return f"{plain(value[0])} {value[1]}"
    if isinstance(value, (tuple, frozenset)):
        return ", ".join(sorted(map(value_text, value))) or "empty"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def leaf_text(leaf: Leaf) -> str:
    """The test of a leaf in plain words, without its fact: "is at least 250000 USD"."""
    return f"{OPERATORS[leaf.operator].words} {value_text(leaf.value)}"


# -- walking ----------------------------------------------------------------------------------------------------------


def leaves(condition: Condition, positive: bool = True) -> Iterator[tuple[Leaf | Ref, bool]]:
    """Every leaf and reference, with whether it stands under an even number of `not`."""
    match condition:
        case All(parts) | Any_(parts):
            for part in parts:
                yield from leaves(part, positive)
        case Not(part):
            yield from leaves(part, not positive)
        case Leaf() | Ref():
            yield condition, positive


def bind(condition: Condition, activity: str) -> Condition:
    """The condition for one activity: leaves on `activity` become constants, look-ups of it become plain."""
    match condition:
        case All(parts):
            return All(tuple(bind(part, activity) for part in parts))
        case Any_(parts):
            return Any_(tuple(bind(part, activity) for part in parts))
        case Not(part):
            return Not(bind(part, activity))
        case Leaf(fact=fact, operator=operator, value=value) if fact == ACTIVITY:
            return ALWAYS if OPERATORS[operator].test(activity, value) else NEVER
        case Leaf(operator="includes", value=value) if value == ACTIVITY:
            return Leaf(condition.fact, "includes", activity, condition.node)
    return condition


# -- reading ----------------------------------------------------------------------------------------------------------


_PARSERS: Mapping[str, Callable[[str], Any]] = {"integer": parse_integer, "decimal": parse_decimal, "date": parse_date}


class ConditionReader:
    """Reads conditions against a catalogue of facts. Collects the references it meets in `refs`."""

    def __init__(self, facts: Mapping[str, FactKind], report: Report, activities: Mapping[str, str] | None = None):
        self.facts, self.report, self.activities = facts, report, activities
        self.refs: list[Ref] = []

    def read(self, node: Node) -> Condition:
        """The condition at a node; NEVER after a mistake, which is reported."""
        if isinstance(node.value, str):
            if node.value in ("always", "never"):
                return ALWAYS if node.value == "always" else NEVER
            self.report.error(node, f"expected a condition, found {node.value!r}")
            return NEVER
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self.report.error(node, "a condition is `always`, `never` or a mapping with exactly one key")
            return NEVER
        ((key, child),) = node.value.items()
        match key:
            case "all" | "any":
                parts = tuple(self.read(item) for item in self.report.items(child, empty=False))
                return (All if key == "all" else Any_)(parts) if parts else NEVER
            case "not":
                return Not(self.read(child))
            case "definition":
                return self._ref(child)
        return self._leaf(key, child)

    def _ref(self, node: Node) -> Condition:
        name = self.report.text(node)
        if name is None:
            return NEVER
        self.refs.append(Ref(name, node))
        return self.refs[-1]

    def _leaf(self, name: str, node: Node) -> Condition:
        if name == ACTIVITY:
            return self._activity(node)
        fact = self.facts.get(name)
        if fact is None:
            # `one_of` words the mistake; `all`, `any` and `not` are what a mistyped connective was meant to be.
            self.report.one_of(Node(name, node.file, node.line, node.column, node.path), [*self.facts, "all", "any", "not"], "fact")
            return NEVER
        found = self._operator(node, fact.type)
        if found is None:
            return NEVER
        operator, child = found
        before = len(self.report.problems)
        value = self._operand(fact, operator, child)
        return NEVER if len(self.report.problems) > before else Leaf(name, operator, value, node)

    def _operator(self, node: Node, type_: str) -> tuple[str, Node] | None:
        tests = self.report.open_mapping(node)
        if len(tests) != 1:
            if isinstance(node.value, dict):
                self.report.error(node, "a leaf has exactly one operator; use `all` for two")
            return None
        ((operator, child),) = tests.items()
        allowed = [name for name, known in OPERATORS.items() if type_ in known.types]
        if operator not in allowed:
            suits = ", ".join(allowed) or "none: it is not for conditions"
            self.report.error(child, f"the operator {operator!r} does not suit a fact of type {type_}; these do: {suits}")
            return None
        return operator, child

    def _activity(self, node: Node) -> Condition:
        if self.activities is None:
            self.report.error(node, "`activity` may be tested only in a route of the leg `status`")
            return NEVER
        found = self._operator(node, "choice")
        if found is None:
            return NEVER
        operator, child = found
        if operator in ("in", "not_in"):
            value: Any = tuple(self._choice(item, self.activities, "activity") for item in self.report.items(child, empty=False))
        else:
            value = self._choice(child, self.activities, "activity")
        return Leaf(ACTIVITY, operator, value, node)

    def _operand(self, fact: FactKind, operator: str, node: Node) -> Any:
        if operator in ("in", "not_in"):
            return tuple(self._scalar(fact, item) for item in self.report.items(node, empty=False))
        if fact.type == "set" and operator != "includes":
            if self.report.items(node):
                self.report.error(node, "a set is compared only with the empty list []; use `includes` for its members")
            return ()
        return self._scalar(fact, node)

    def _scalar(self, fact: FactKind, node: Node) -> Any:
        match fact.type:
            case "yes_no":
                return self.report.yes_no(node)
            case "money":
                return self.report.parse(node, parse_money)
            case "integer" | "decimal" | "date":
                return self._within(fact, node)
        if node.value == ACTIVITY and fact.type == "set" and self.activities is not None:
            return ACTIVITY
        if fact.type == "choice" or (fact.type == "set" and not fact.open):
            return self._choice(node, fact.values, f"value of {fact.name}")
        return self.report.parse(node, parse_country if fact.type == "country" else parse_code)

    def _within(self, fact: FactKind, node: Node) -> Any:
        """A number or a day that the fact can come to."""
        found = self.report.parse(node, _PARSERS[fact.type])
        low, high = fact.minimum, fact.maximum
        if found is not None and ((low is not None and found < low) or (high is not None and found > high)):
            self.report.error(node, f"{fact.name} is never {value_text(found)}: it runs from {value_text(low)} to {value_text(high)}")
        return found

    def _choice(self, node: Node, allowed: Mapping[str, str], what: str) -> str | None:
        return self.report.one_of(node, allowed, what)
