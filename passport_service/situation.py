"""What is known about one proposal: the stated facts and all that follows from them.

Inference (a client described is a client there), guards (a fact that cannot apply), bounds between facts, derived facts.
It answers one question: the code of a leaf. Contradictions are problems of the proposal, told with their pointers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from .conditions import OPERATORS, All, Any_, Condition, Constant, Leaf, Not
from .derivations import compute
from .errors import Problem
from .facts import Catalogue
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
    fact; `limits` (fact, currency or "") -> range for a fact that is not known but bounded, `may_not_apply` those of them whose guard is open;
    `problems` contradictions."""

    catalogue: Catalogue
    stated: Mapping[str, Any]
    known: Mapping[str, Any]
    asked: frozenset[str]
    cannot_apply: frozenset[str]
    unknown: Mapping[str, int]
    limits: Mapping[tuple[str, str], Range]
    may_not_apply: frozenset[str]
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
                return _bounded(leaf, positive, low, high, unknown, name in self.may_not_apply)
        return unknown

    def unknown_code(self, name: str) -> int:
        found = self.unknown.get(name)
        return self.catalogue.facts[name].unknown if found is None else found

    def settled(self, name: str) -> bool:
        """Whether the fact is known or cannot apply."""
        return name in self.known or name in self.cannot_apply


def _currency(operand: Any) -> str:
    return operand[1] if isinstance(operand, tuple) and len(operand) == 2 and isinstance(operand[0], Decimal) else ""


def _bounded(leaf: Leaf, positive: bool, low: Any, high: Any, unknown: int, may_not_apply: bool) -> int:
    """A threshold against a range: settled when the whole range lies on one side of it; only as FALSE while the fact may not apply at all."""
    threshold = leaf.value[0] if _currency(leaf.value) else leaf.value
    compare = OPERATORS[leaf.operator].test
    at_low = compare(low, threshold) if low is not None else None
    at_high = compare(high, threshold) if high is not None else None
    rising = leaf.operator in ("exceeds", "at_least", "on_or_after")
    # A rising test that holds at the low end holds throughout; one that fails at the high end fails throughout.
    must, never = (at_low is True, at_high is False) if rising else (at_high is True, at_low is False)
    must = must and not may_not_apply
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
    for name in stated.keys() & catalogue.presupposed.keys():
        known = {**catalogue.presupposed[name], **known}
    limits: dict[tuple[str, str], Range] = {}
    implied: set[str] = set()  # what is known of these follows from bounds
    if not known.keys().isdisjoint(catalogue.bounded):
        limits = _limits(catalogue, known, problems)
        implied = ({name for name, _ in limits} | (known.keys() & catalogue.bounded)) - stated.keys()
    problems += [Problem(pointer(name), text) for name, text in catalogue.authorities.contradictions(known)]
    asked = frozenset(asked)
    if catalogue.plain_guards and not problems:
        ruled_out, open_ = _ruled_out(catalogue, known)
        if ruled_out.isdisjoint(known) and open_.isdisjoint(implied):
            unknown, further = _derive(catalogue, known, ruled_out, {}, catalogue.derived)
            return _consistent(Situation(catalogue, stated, known, asked, further, unknown, limits, frozenset(), ()))
    return _guarded(catalogue, stated, known, asked, limits, implied, problems)


def _ruled_out(catalogue: Catalogue, known: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The facts under a FALSE guard, where none of them is stated, and those under an UNKNOWN one."""
    key = tuple([known.get(name) for name in catalogue.guard_facts])
    found = catalogue.ruled_out.get(key)
    return catalogue.ruled_out.keep(key, _rule_out(catalogue, known)) if found is None else found


def _rule_out(catalogue: Catalogue, known: Mapping[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    cannot_apply: set[str] = set()
    open_: set[str] = set()
    live = Situation(catalogue, known, known, frozenset(), cannot_apply, {}, {}, frozenset(), ())  # sees the set grow, guard by guard
    for guard in catalogue.guards:
        code = evaluate(guard.when, live.leaf)
        if code == IMPOSSIBLE:
            cannot_apply.update(guard.facts)
        elif code != CERTAIN:
            open_.update(guard.facts)
    return frozenset(cannot_apply), frozenset(open_)


def _guarded(
    catalogue: Catalogue,
    stated: Mapping[str, Any],
    known: dict[str, Any],
    asked: frozenset[str],
    limits: dict[tuple[str, str], Range],
    implied: set[str],
    problems: list[Problem],
) -> Situation:
    """Guard by guard: where something stated cannot apply, what merely follows gives way or waits, or a guard reads more than plain values."""
    cannot_apply: set[str] = set()
    may_not_apply: set[str] = set()
    live = Situation(catalogue, stated, known, asked, cannot_apply, {}, limits, may_not_apply, ())
    for guard in catalogue.guards:
        code = evaluate(guard.when, live.leaf)
        if code not in (IMPOSSIBLE, CERTAIN) and stated.keys().isdisjoint(guard.facts):
            # A fact that may not apply has a value only if it does: a bound says which, and not yet that it has one.
            may_not_apply.update(implied.intersection(guard.facts))
            limits.update({(name, ""): (known[name], known.pop(name)) for name in guard.facts if name in implied and name in known})
        if code == IMPOSSIBLE:
            for name in guard.facts:
                if name not in stated:
                    known.pop(name, None)  # what merely follows from a bound gives way
                    cannot_apply.add(name)
                elif not _told_already(catalogue, known, name):
                    problems.append(Problem(pointer(name), _cannot_apply(name, Findings(catalogue, known, cannot_apply, may_not_apply, live.leaf))))
    unknown, further = _derive(catalogue, known, frozenset(cannot_apply), {}, catalogue.derived)
    return _consistent(Situation(catalogue, stated, known, asked, further, unknown, limits, frozenset(may_not_apply), tuple(problems)))


def _consistent(situation: Situation) -> Situation:
    """The situation, with a problem for each contradiction between what is stated: at the last of its facts that is."""
    if situation.catalogue.contradictable.isdisjoint(situation.stated):
        return situation
    problems = [
        Problem(pointer([name for name in found.facts if name in situation.stated][-1]), found.says)
        for found in situation.catalogue.contradictions
        if not situation.stated.keys().isdisjoint(found.facts) and evaluate(found.when, situation.leaf) == CERTAIN
    ]
    return replace(situation, problems=(*situation.problems, *problems)) if problems else situation


def _told_already(catalogue: Catalogue, known: Mapping[str, Any], name: str) -> bool:
    """Whether the fact contradicts the absence of its whole group, which has been told."""
    exists = catalogue.exists.get(name.partition(".")[0])
    return exists is not None and known.get(exists) is False


def learn(situation: Situation, name: str, value: Any) -> tuple[Situation, Iterable[str]] | None:
    """The situation if one more fact had that value, and the facts in which it may differ; None where that contradicts what is stated.

    The same as `situate` with the fact added, but only what follows from it is worked out again.
    """
    catalogue = situation.catalogue
    if (
        name in catalogue.bounded
        or name in catalogue.contradictable
        or name in catalogue.authorities.fact_names
        or not catalogue.presupposed.get(name, {}).keys() <= situation.known.keys()
        or catalogue.exists.get(name.partition(".")[0], name) not in (name, *situation.known)
    ):
        return _anew(situation, name, value)
    guards, derived = catalogue.following(name)
    if situation.may_not_apply and any(not situation.may_not_apply.isdisjoint(guard.facts) for guard in guards):
        return _anew(situation, name, value)
    stated = {**situation.stated, name: value}
    known = {fact: found for fact, found in situation.known.items() if fact not in derived}
    known[name] = value
    cannot_apply = set(situation.cannot_apply) - derived
    for guard in guards:
        cannot_apply.difference_update(guard.facts)
    live = Situation(catalogue, stated, known, situation.asked, cannot_apply, {}, situation.limits, situation.may_not_apply, ())
    for guard in guards:
        if evaluate(guard.when, live.leaf) == IMPOSSIBLE:
            if not known.keys().isdisjoint(guard.facts):
                return _anew(situation, name, value)
            cannot_apply.update(guard.facts)
    settled = {fact: code for fact, code in situation.unknown.items() if fact not in derived}
    unknown, further = _derive(catalogue, known, frozenset(cannot_apply), settled, derived)
    moved = {name, *derived, *(fact for guard in guards for fact in guard.facts)}
    return Situation(catalogue, stated, known, situation.asked, further, unknown, situation.limits, situation.may_not_apply, ()), moved


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
            value = compute(derived, values, catalogue)
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
