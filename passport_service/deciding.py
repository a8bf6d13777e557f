"""Which missing facts can decide the status: those without which it stays undetermined, whatever else is answered in some way.

Where there are few combinations of answers, each is tried. Where there are many, only what certainly decides nothing is left out: a route
beside one that is open and can only be stopped together with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice, product
from typing import Any

from .decision import Decision, status_if
from .plan import Candidate, Leg
from .situation import Situation, learn

_MOST_COMBINATIONS = 100


def deciding(decision: Decision, answers: Mapping[str, Sequence[Any]]) -> Collection[str]:
    """The facts without which the status stays undetermined under some answers to all the others.

    Shapes: `answers` fact -> one value for each answer that the law tells apart, none where that can't be said of the fact by itself.
    """
    tried = {name: values for name, values in answers.items() if values}
    if not tried or len(list(islice(product(*tried.values()), _MOST_COMBINATIONS + 1))) > _MOST_COMBINATIONS:
        return answers.keys()
    return {name for name in answers if name not in tried or _needed(decision, {other: tried[other] for other in tried if other != name})}


def _needed(decision: Decision, others: Mapping[str, Sequence[Any]]) -> bool:
    """Whether some answers to these facts leave the status undetermined."""
    for values in product(*others.values()):
        situation = _learnt(decision.situation, dict(zip(others, values, strict=True)))
        if situation is not None and status_if(decision, situation) == "undetermined":
            return True
    return False


def _learnt(situation: Situation, values: Mapping[str, Any]) -> Situation | None:
    """The situation with these facts known, but for those that cannot apply then; None where they contradict each other."""
    for name, value in values.items():
        if name in situation.cannot_apply:
            continue
        if isinstance(value, dict):  # a further amount does not take back the one stated
            value = {**situation.known.get(name, {}), **value}
        found = learn(situation, name, value)
        if found is None:
            return None
        situation = found[0]
    return situation


def beside_an_open_one(decision: Decision, leg: Leg) -> set[Candidate]:
    """The candidates that decide nothing: another is open already, and whatever may stop that one would stop these too."""
    excluding = {id_ for other in decision.legs for candidate in other.candidates for id_ in candidate.route.version.not_with}
    standing = [found for found in leg.candidates if found.status == "open" and not found.dead]
    open_ = [found for found in standing if not found.route.version.not_with and found.route.id not in excluding]
    return {found for found in leg.candidates if found.status == "undetermined" and any(_stopped_with(decision, one, found) for one in open_)}


def _stopped_with(decision: Decision, one: Candidate, other: Candidate) -> bool:
    """Whether all that may stop the one stops the other as well: it bears on both, and binds the same party."""
    roles = {decision.law.by_id[id_].version.duty_on for id_ in one.doubted_by}
    same = all(one.route.version.plays.get(role) == other.route.version.plays.get(role) for role in roles)
    return same and set(one.doubted_by) <= set(other.doubted_by)
