"""The oracle: conditions evaluated by walking the tree, one reading of the unknown facts at a time.

Written apart from the service's evaluators, on plain values: what a condition means, with no thought for speed.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product

from passport_service.conditions import All, Any_, Constant, Leaf, Not, Ref
from passport_service.rulebook import PARTIES

KLEENE_FALSE, KLEENE_UNKNOWN, KLEENE_TRUE = 0, 1, 2

# For each reading: which classes of unknown fact it leaves open. A leaf on any other reads as FALSE, also under `not`.
READINGS = {
    "may": lambda fact: True,
    "ordinary": lambda fact: not fact.exceptional,
    "stop": lambda fact: not fact.exceptional and fact.klass == "circumstance",
    "special": lambda fact: fact.exceptional or fact.klass == "circumstance",
    "must": lambda fact: False,
}
_COMPARE = {
    "exceeds": lambda v, t: v > t,
    "at_least": lambda v, t: v >= t,
    "below": lambda v, t: v < t,
    "at_most": lambda v, t: v <= t,
    "before": lambda v, t: v < t,
    "on_or_after": lambda v, t: v >= t,
}


def leaf_value(leaf: Leaf, facts: dict, cannot_apply: set) -> bool | None:
    """True, False, or None for not known. `facts` holds plain values, money as {currency: Decimal}."""
    if leaf.fact in cannot_apply:
        return False
    if leaf.fact not in facts:
        return None
    value, operand = facts[leaf.fact], leaf.value
    if leaf.operator == "includes":
        return operand in value
    if operand == ():
        return (len(value) == 0) == (leaf.operator == "is")
    if leaf.operator in ("is", "is_not"):
        return (value == operand) == (leaf.operator == "is")
    if leaf.operator in ("in", "not_in"):
        return any(value == one for one in operand) == (leaf.operator == "in")
    if isinstance(value, dict):
        amount, currency = operand
        return _COMPARE[leaf.operator](value[currency], amount) if currency in value else None
    return _COMPARE[leaf.operator](value, operand)


def bounded_leaf(leaf: Leaf, low, high) -> bool | None:
    """A threshold on a value known only to lie in [low, high]; None where both sides are possible."""
    threshold = leaf.value[0] if isinstance(leaf.value, tuple) else leaf.value
    step = Decimal("0.001")
    far = Decimal(10) ** 20
    ends = [low if low is not None else -far, high if high is not None else far]
    tries = [value for value in (*ends, threshold, threshold - step, threshold + step) if ends[0] <= value <= ends[1]]
    found = {_COMPARE[leaf.operator](value, threshold) for value in tries}
    return found.pop() if len(found) == 1 else None


def holds(condition, reading, world, positive=True) -> bool:
    """Whether a condition (or its negation) holds under one reading of what is not known."""
    match condition:
        case Constant(holds=value):
            return value is positive
        case Not(part):
            return holds(part, reading, world, not positive)
        case Ref(definition=name):
            return holds(world.definitions[name], reading, world, positive)
        case All(parts) | Any_(parts):
            values = [holds(part, reading, world, positive) for part in parts]
            return all(values) if isinstance(condition, All) is positive else any(values)
        case Leaf():
            value = world.leaf(condition)
            if value is None:
                return READINGS[reading](world.fact(condition.fact))
            return value is positive
    raise TypeError(condition)


def kleene(condition, world) -> int:
    """Strong Kleene, written from its table."""
    match condition:
        case Constant(holds=value):
            return KLEENE_TRUE if value else KLEENE_FALSE
        case Not(part):
            return 2 - kleene(part, world)
        case Ref(definition=name):
            return kleene(world.definitions[name], world)
        case All(parts):
            return min(kleene(part, world) for part in parts)
        case Any_(parts):
            return max(kleene(part, world) for part in parts)
        case Leaf():
            value = world.leaf(condition)
            return KLEENE_UNKNOWN if value is None else KLEENE_TRUE if value else KLEENE_FALSE
    raise TypeError(condition)


# -- a decision where everything is known: plain logic, with no third value ---------------------------------------------------


def can_trade(law, world, activities) -> bool:
    """Whether each activity and each leg that is needed has an open route that nothing stops, all of which go together."""
    legs = [("status", activity) for activity in sorted(activities & set(law.rulebook.head.activities))]
    legs += [(name, "") for name, (condition, _) in law.legs.items() if holds(condition, "must", world)]
    ways = [
        [
            (route, activity)
            for route in law.routes_of(leg, activity)
            if holds(route.opens[activity][0], "must", world) and not _stopped(law, world, route)
        ]
        for leg, activity in legs
    ]
    return any(not _exclusive(combination) for combination in product(*ways))


def _stopped(law, world, route) -> bool:
    for requirement in law.requirements:
        version = requirement.version
        if not requirement.bears_on(route.id) or not holds(version.applies_when, "must", world) or not holds(version.failed_when, "must", world):
            continue
        if any(holds(recognition.version.when, "must", world) for recognition in requirement.recognitions):
            continue
        party = route.version.plays.get(version.duty_on) or _party(law, world, version.duty_on)
        if (version.stops_firm if party == "firm" else version.stops_other) == "trade":
            return True
    return False


def _party(law, world, role) -> str:
    for found in law.rulebook.head.roles.get(role, ()):
        if holds(found.when, "must", world):
            return found.party
    return role if role in PARTIES else "firm"


def _exclusive(combination) -> bool:
    return any(
        other.id in one.version.not_with and (not here or not there or here == there)
        for one, here in combination
        for other, there in combination
        if one is not other
    )


def requirement_status(law, requirement, world, attested) -> str:
    """How a requirement that bears on every route stands, and each of whose recognitions counts on every route."""
    version = requirement.version
    if not holds(version.applies_when, "must", world):
        return "not_required"
    modes = {found.version.mode for found in requirement.recognitions if holds(found.version.when, "must", world)}
    if modes:
        return "left_to_home" if modes == {"by_absence"} else "recognised"
    if holds(version.failed_when, "must", world):
        return "failed"
    return "satisfied" if holds(version.satisfied_when, "must", world) or requirement.id in attested else "required"
