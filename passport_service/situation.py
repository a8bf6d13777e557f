"""What is known about one proposal: the stated facts and all that follows from them.

Inference (a client described is a client there), guards (a fact that cannot apply), bounds between facts, derived facts.
It answers one question: the code of a leaf. Contradictions are problems of the proposal, told with their pointers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .calendars import DAY, Calendar, add_months, months_between
from .conditions import OPERATORS, All, Any_, Condition, Constant, Leaf, Not
from .errors import Problem
from .facts import Catalogue, Derived
from .findings import Findings
from .outcome import (
    CERTAIN,
    IMPOSSIBLE,
    UNKNOWN_CHOICE,
    UNKNOWN_CIRCUMSTANCE,
    UNKNOWN_SPECIAL,
    limited,
)
from .sentences import joined

Range = tuple[Any, Any]  # (lowest, highest), either may be None; both ends belong to it


@dataclass(frozen=True, slots=True)
class Situation:
    """Shapes: `stated` and `known` fact -> typed value, `known` with what follows; `cannot_apply` facts under a FALSE guard; `unknown` the code of an unknown derived
    fact; `limits` (fact, currency or "") -> range for a fact that is not known but bounded; `problems` contradictions."""

    catalogue: Catalogue
    stated: Mapping[str, Any]
    known: Mapping[str, Any]
    asked: frozenset[str]
    cannot_apply: frozenset[str]
    unknown: Mapping[str, int]
    limits: Mapping[tuple[str, str], Range]
    problems: tuple[Problem, ...]

    def leaf(self, leaf: Leaf, positive: bool = True) -> int:
        """The code of a leaf, or of its negation."""
        name = leaf.fact
        if name in self.cannot_apply:
            return IMPOSSIBLE if positive else CERTAIN
        value = self.known.get(name)
        if value is not None:
            held = OPERATORS[leaf.operator].test(value, leaf.value)
            if held is not None:
                return CERTAIN if held is positive else IMPOSSIBLE
        unknown = self.unknown_code(name)
        if self.limits:
            low, high = self.limits.get((name, _currency(leaf.value)), (None, None))
            if low is not None or high is not None:
                return _bounded(leaf, positive, low, high, unknown)
        return unknown

    def unknown_code(self, name: str) -> int:
        found = self.unknown.get(name)
        return self.catalogue.facts[name].unknown if found is None else found

    def settled(self, name: str) -> bool:
        """Whether the fact is known or cannot apply."""
        return name in self.known or name in self.cannot_apply


def _currency(operand: Any) -> str:
    return operand[1] if isinstance(operand, tuple) and len(operand) == 2 and isinstance(operand[0], Decimal) else ""


def _bounded(leaf: Leaf, positive: bool, low: Any, high: Any, unknown: int) -> int:
    """A threshold against a range: settled when the whole range lies on one side of it."""
    threshold = leaf.value[0] if _currency(leaf.value) else leaf.value
    compare = OPERATORS[leaf.operator].test
    at_low = compare(low, threshold) if low is not None else None
    at_high = compare(high, threshold) if high is not None else None
    rising = leaf.operator in ("exceeds", "at_least", "on_or_after")
    # A rising test that holds at the low end holds throughout; one that fails at the high end fails throughout.
    must, never = (at_low is True, at_high is False) if rising else (at_high is True, at_low is False)
    if not positive:
        must, never = never, must
    return limited(not never, must, unknown)


def evaluate(condition: Condition, leaf: Callable[[Leaf, bool], int], positive: bool = True) -> int:
    """The code of a condition without definitions, by walking it. The index does the same for all conditions at once."""
    match condition:
        case Leaf():
            return leaf(condition, positive)
        case Not(part):
            return evaluate(part, leaf, not positive)
        case Constant(holds):
            return UNKNOWN_CIRCUMSTANCE if holds is None else CERTAIN if holds is positive else IMPOSSIBLE
        case All(parts) | Any_(parts):
            codes = [evaluate(part, leaf, positive) for part in parts]
            found = codes[0]
            for other in codes[1:]:
                found = found & other if isinstance(condition, All) is positive else found | other
            return found
    raise TypeError(f"no definitions here: {condition}")


def situate(catalogue: Catalogue, stated: Mapping[str, Any], asked: Iterable[str] = ()) -> Situation:
    """All that follows from the stated facts."""
    known, problems = dict(stated), []
    for exists, group in catalogue.described.items():
        if not stated.keys().isdisjoint(group) and known.setdefault(exists, True) is False:
            others = [name for name in stated if name in group]
            problems += [Problem(pointer(name), f"{exists} is no, so nothing can be said of {name}; leave one of them out") for name in others]
    limits = {} if known.keys().isdisjoint(catalogue.bounded) else _limits(catalogue, known, problems)
    asked = frozenset(asked)
    if catalogue.plain_guards and not problems and (ruled_out := _ruled_out(catalogue, known)).isdisjoint(known):
        unknown, further = _derive(catalogue, known, ruled_out, {}, catalogue.derived)
        return Situation(catalogue, stated, known, asked, further, unknown, limits, ())
    return _guarded(catalogue, stated, known, asked, limits, problems)


def _ruled_out(catalogue: Catalogue, known: Mapping[str, Any]) -> frozenset[str]:
    """The facts under a FALSE guard, where none of them is stated."""
    key = tuple([known.get(name) for name in catalogue.guard_facts])
    found = catalogue.ruled_out.get(key)
    return catalogue.ruled_out.keep(key, _rule_out(catalogue, known)) if found is None else found


def _rule_out(catalogue: Catalogue, known: Mapping[str, Any]) -> frozenset[str]:
    cannot_apply: set[str] = set()
    live = Situation(catalogue, known, known, frozenset(), cannot_apply, {}, {}, ())  # sees the set grow, guard by guard
    for guard in catalogue.guards:
        if evaluate(guard.when, live.leaf) == IMPOSSIBLE:
            cannot_apply.update(guard.facts)
    return frozenset(cannot_apply)


def _guarded(
    catalogue: Catalogue,
    stated: Mapping[str, Any],
    known: dict[str, Any],
    asked: frozenset[str],
    limits: Mapping[tuple[str, str], Range],
    problems: list[Problem],
) -> Situation:
    """Guard by guard: where something stated cannot apply, what merely follows gives way, or a guard reads more than plain values."""
    cannot_apply: set[str] = set()
    live = Situation(catalogue, stated, known, asked, cannot_apply, {}, limits, ())
    for guard in catalogue.guards:
        if evaluate(guard.when, live.leaf) == IMPOSSIBLE:
            for name in guard.facts:
                if name not in stated:
                    known.pop(name, None)  # what merely follows from a bound gives way
                    cannot_apply.add(name)
                elif not _told_already(catalogue, known, name):
                    problems.append(Problem(pointer(name), _cannot_apply(name, Findings(catalogue, known, cannot_apply, live.leaf))))
    unknown, further = _derive(catalogue, known, frozenset(cannot_apply), {}, catalogue.derived)
    return Situation(catalogue, stated, known, asked, further, unknown, limits, tuple(problems))


def _told_already(catalogue: Catalogue, known: Mapping[str, Any], name: str) -> bool:
    """Whether the fact contradicts the absence of its whole group, which has been told."""
    exists = catalogue.exists.get(name.partition(".")[0])
    return exists is not None and known.get(exists) is False


def learn(situation: Situation, name: str, value: Any) -> tuple[Situation, Iterable[str]] | None:
    """The situation if one more fact had that value, and the facts in which it may differ; None where that contradicts what is stated.

    The same as `situate` with the fact added, but only what follows from it is worked out again.
    """
    catalogue = situation.catalogue
    if name in catalogue.bounded or catalogue.exists.get(name.partition(".")[0], name) not in (name, *situation.known):
        return _anew(situation, name, value)
    guards, derived = catalogue.following(name)
    stated = {**situation.stated, name: value}
    known = {fact: found for fact, found in situation.known.items() if fact not in derived}
    known[name] = value
    cannot_apply = set(situation.cannot_apply) - derived
    for guard in guards:
        cannot_apply.difference_update(guard.facts)
    live = Situation(catalogue, stated, known, situation.asked, cannot_apply, {}, situation.limits, ())
    for guard in guards:
        if evaluate(guard.when, live.leaf) == IMPOSSIBLE:
            if not known.keys().isdisjoint(guard.facts):
                return _anew(situation, name, value)
            cannot_apply.update(guard.facts)
    settled = {fact: code for fact, code in situation.unknown.items() if fact not in derived}
    unknown, further = _derive(catalogue, known, frozenset(cannot_apply), settled, derived)
    moved = {name, *derived, *(fact for guard in guards for fact in guard.facts)}
    return Situation(catalogue, stated, known, situation.asked, further, unknown, situation.limits, ()), moved


def _anew(situation: Situation, name: str, value: Any) -> tuple[Situation, Iterable[str]] | None:
    # From what is stated alone: what merely follows from a bound may give way to a guard.
    found = situate(situation.catalogue, {**situation.stated, name: value}, situation.asked)
    return None if found.problems else (found, situation.catalogue.facts)


def pointer(name: str) -> str:
    return "/" + name.replace(".", "/")


def _cannot_apply(name: str, findings: Findings) -> str:
    because = joined(findings.ruled_out(name))
    facts = sorted({fact for leaf, _ in findings.ruling_out(name) for fact in findings.behind(leaf.fact)})
    named = f" ({joined(facts)}); leave it out, or correct that" if facts else "; leave it out"
    return f"{name} cannot apply here, because {because}{named}"


# -- bounds -----------------------------------------------------------------------------------------------------------


def _limits(catalogue: Catalogue, known: dict[str, Any], problems: list[Problem]) -> dict[tuple[str, str], Range]:
    """Ranges of unknown facts next to known ones. A bounded yes/no that is forced becomes known."""
    limits: dict[tuple[str, str], Range] = {}
    stated = dict(known)
    for _ in catalogue.bounds:  # bounds chain: as many rounds as there are bounds suffice, and the last moves nothing
        moved = False
        limited = {name for name, _ in limits}
        for bound in catalogue.bounds:
            if bound.low not in known and bound.high not in known and bound.low not in limited and bound.high not in limited:
                continue
            for currency, low, high in _pairs(known, bound.low, bound.high):
                floor = low if low is not None else limits.get((bound.low, currency), (None, None))[0]
                ceiling = high if high is not None else limits.get((bound.high, currency), (None, None))[1]
                if floor is not None and ceiling is not None and floor > ceiling:
                    low_end = _stated_as(stated, (bound.low, *catalogue.below(bound.low)), currency, floor)
                    high_end = _stated_as(stated, (bound.high, *catalogue.above(bound.high)), currency, ceiling)
                    problem = _crossed(low_end, high_end, catalogue.facts[bound.low].type)
                    problems += [problem] if problem not in problems else []
                    continue
                moved |= _narrow(catalogue, known, limits, (bound.low, currency), (None, ceiling))
                moved |= _narrow(catalogue, known, limits, (bound.high, currency), (floor, None))
        if not moved:
            break
    return limits


def _stated_as(stated: Mapping[str, Any], names: Iterable[str], currency: str, end: Any) -> str:
    """The first of these facts of which just that was stated: what only follows from it is nobody's to correct."""
    values = ((name, stated.get(name)) for name in names)
    return next(name for name, value in values if (value.get(currency) if isinstance(value, dict) else value) == end)


def _crossed(low: str, high: str, type_: str) -> Problem:
    if type_ == "yes_no":
        return Problem(pointer(low), f"{low} cannot be yes while {high} is no")
    return Problem(pointer(low), f"{low} cannot be {'later' if type_ == 'date' else 'more'} than {high}")


def _pairs(known: Mapping[str, Any], low: str, high: str) -> list[tuple[str, Any, Any]]:
    """The two values side by side, once for each currency that either has."""
    one, other = known.get(low), known.get(high)
    if isinstance(one, dict) or isinstance(other, dict):
        currencies = sorted({*(one or ()), *(other or ())})
        return [(currency, (one or {}).get(currency), (other or {}).get(currency)) for currency in currencies]
    return [("", one, other)]


def _narrow(catalogue: Catalogue, known: dict[str, Any], limits: dict[tuple[str, str], Range], key: tuple[str, str], to: Range) -> bool:
    """Takes one end of a range in. Whether anything moved."""
    (name, currency), (low, high) = key, to
    value = known.get(name)
    if to == (None, None) or (value is not None and (not currency or currency in value)):
        return False
    if catalogue.facts[name].type == "yes_no":
        if low is True or high is False:
            known[name] = low is True
            return True
        return False
    old_low, old_high = limits.get(key, (None, None))
    new_low = low if old_low is None or (low is not None and low > old_low) else old_low
    new_high = high if old_high is None or (high is not None and high < old_high) else old_high
    limits[key] = (new_low, new_high)
    return (new_low, new_high) != (old_low, old_high)


# -- derived facts ----------------------------------------------------------------------------------------------------


def _derive(
    catalogue: Catalogue, known: dict[str, Any], ruled_out: frozenset[str], settled: Mapping[str, int], names: Container[str]
) -> tuple[dict[str, int], frozenset[str]]:
    """Adds the values of these derived facts to `known`; returns the codes of those that stay unknown, and all that cannot apply."""
    unknown: dict[str, int] = dict(settled)
    cannot_apply = set(ruled_out)
    for name, derived in catalogue.derived.items():
        if name not in names:
            continue
        if not cannot_apply.isdisjoint(derived.inputs):
            cannot_apply.add(name)
            continue
        values = [known.get(source) for source in derived.inputs]
        value = None
        if None not in values:
            value = _compute(derived, values, catalogue.calendars)
        elif derived.function == "among" and values[1] is not None and not values[1]:
            value = False  # nothing is among nothing
        if value is not None:
            known[name] = value
        else:
            unknown[name] = _unknown_code([_code_of(catalogue, unknown, source) for source in derived.inputs if source not in known])
    return unknown, ruled_out if len(cannot_apply) == len(ruled_out) else frozenset(cannot_apply)


def _code_of(catalogue: Catalogue, unknown: Mapping[str, int], name: str) -> int:
    return unknown.get(name, catalogue.facts[name].unknown)


def _unknown_code(codes: list[int]) -> int:
    """How a derived fact reads while inputs are unknown: as the most exceptional of them, then as circumstances do."""
    if not codes:  # every input is known and still there is no value: beyond a calendar's horizon, or another currency
        return UNKNOWN_CIRCUMSTANCE
    if UNKNOWN_SPECIAL in codes:
        return UNKNOWN_SPECIAL
    return UNKNOWN_CIRCUMSTANCE if UNKNOWN_CIRCUMSTANCE in codes else UNKNOWN_CHOICE


def _compute(derived: Derived, values: list[Any], calendars: Mapping[str, Calendar]) -> Any:
    options = derived.options
    match derived.function:
        case "days":
            return (values[1] - values[0]).days
        case "business_days":
            return calendars[options["calendar"]].between(*values)
        case "months":
            return months_between(*values, started=options.get("count") == "started")
        case "date_plus":
            return later(values[0], options, calendars.get(options.get("calendar", "")))
        case "sum":
            return _add(values, 1)
        case "difference":
            return _add(values, -1)
        case "ratio":
            return _ratio(*values)
        case "among":
            return values[0] in values[1]
    raise TypeError(derived.function)


def later(start: Any, step: Mapping[str, Any], calendar: Calendar | None) -> Any:
    """The date some `days`, `business_days` or `months` after another. None beyond a horizon."""
    try:
        if "days" in step:
            return start + step["days"] * DAY
        if "months" in step:
            return add_months(start, step["months"])
    except OverflowError:
        return None
    return calendar.plus(start, step["business_days"]) if calendar else None


def _add(values: list[Any], sign: int) -> Any:
    if not isinstance(values[0], dict):
        return values[0] + sum(sign * value for value in values[1:])
    shared = set.intersection(*(set(value) for value in values))
    return {currency: values[0][currency] + sum(sign * value[currency] for value in values[1:]) for currency in shared} or None


def _ratio(of: Any, to: Any) -> Decimal | None:
    """Per cent. Exact for comparison up to eight places; None where nothing can be divided."""
    if isinstance(of, dict):
        shared = sorted(set(of) & set(to))
        return _ratio(of[shared[0]], to[shared[0]]) if len(shared) == 1 else None
    return Decimal(of) * 100 / Decimal(to) if to else None
