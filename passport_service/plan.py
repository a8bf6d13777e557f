"""Legs, the routes that may answer them, and the plan: the best combination of one live route for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from .compiler import STAFF, CompiledRoute
from .conditions import Condition
from .outcome import MAY, MUST
from .rulebook import STANDINGS

_Cost = tuple[int, bool, int, int, str]
_RANK = {standing: rank for rank, standing in enumerate(STANDINGS)}


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One route for one leg (and activity). Shapes: `stopped_by` ids whose stop is TRUE, `doubted_by` ids whose stop is UNKNOWN."""

    route: CompiledRoute
    leg: str
    activity: str
    condition: Condition
    status: str
    live: bool
    dead: bool
    stopped_by: tuple[str, ...]
    doubted_by: tuple[str, ...]
    outstanding: int

    @classmethod
    def of(
        cls, route: CompiledRoute, activity: str, code: int, stopped_by: tuple[str, ...], doubted_by: tuple[str, ...], outstanding: int
    ) -> Candidate:
        """The candidate whose opening has that code."""
        return cls(
            route=route,
            leg=route.leg,
            activity=activity,
            condition=route.opens[activity][0],
            status="open" if code & MUST else "undetermined" if code & MAY else "closed",
            live=bool(code & MUST) and not stopped_by and not doubted_by,
            dead=not code & MAY or bool(stopped_by),
            stopped_by=stopped_by,
            doubted_by=doubted_by,
            outstanding=outstanding,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A question that the transaction must answer yes. `need` is TRUE, or UNKNOWN in a way that circumstances decide."""

    name: str
    activity: str
    condition: Condition
    need: int
    candidates: tuple[Candidate, ...]
    live: tuple[Candidate, ...]
    possible: tuple[Candidate, ...]
    blocked: bool

    @classmethod
    def of(cls, name: str, activity: str, condition: Condition, need: int, candidates: tuple[Candidate, ...]) -> Leg:
        """The leg with these routes."""
        live = tuple(candidate for candidate in candidates if candidate.live)
        possible = tuple(candidate for candidate in candidates if not candidate.dead)
        return cls(name, activity, condition, need, candidates, live, possible, bool(need & MUST) and not possible)


def _excludes(one: Candidate, other: Candidate) -> bool:
    """Routes of two activities never exclude each other; a route of another leg serves every activity."""
    if one.activity and other.activity and one.activity != other.activity:
        return False
    return other.route.id in one.route.version.not_with or one.route.id in other.route.version.not_with


def _combinations(choices: Sequence[Sequence[Candidate]]) -> Iterable[tuple[Candidate, ...]]:
    for combination in product(*choices):
        if not any(_excludes(one, other) for number, one in enumerate(combination) for other in combination[:number]):
            yield combination


def best_plan(
    legs: Sequence[Leg], prefer: Sequence[str], added: frozenset[str], firm_ground: frozenset[tuple[str, str]] | None
) -> tuple[Candidate, ...] | None:
    """The best combination of one live route for each leg that has one; None when exclusive routes leave none. Law: design §3.

    `added` holds the routes that a scenario adds, `firm_ground` the (route, activity) that live without staff positions: any other counts as resting on one.
    """

    def cost(candidate: Candidate) -> _Cost:
        chosen = prefer.index(candidate.route.id) if candidate.route.id in prefer else len(prefer)
        standing = _RANK[candidate.route.version.standing]
        if firm_ground is not None and (candidate.route.id, candidate.activity) not in firm_ground:
            standing = max(standing, _RANK[STAFF])
        return chosen, candidate.route.id not in added, standing, candidate.outstanding, candidate.route.id

    choices = [leg.live for leg in legs if leg.live]
    chosen = any(candidate.outstanding and candidate.route.id in prefer for live in choices for candidate in live)
    found = None if chosen or len(choices) < len(legs) else _cheapest(_nothing_to_do(legs), cost)
    return _cheapest(choices, cost) if found is None else found


def _nothing_to_do(legs: Sequence[Leg]) -> list[tuple[Candidate, ...]]:
    """Of each leg the candidates to choose from: those that leave nothing to do, where they leave some activity clear, else all that live.

    They are taken before others of better standing, which may open only later: what is clear stays so.
    """
    free = [tuple([candidate for candidate in leg.live if not candidate.outstanding]) for leg in legs]
    own = [found for leg, found in zip(legs, free, strict=True) if leg.activity]
    clear = all(found for leg, found in zip(legs, free, strict=True) if not leg.activity) and (any(own) or not own)
    return [found if found and clear else leg.live for leg, found in zip(legs, free, strict=True)]


def _cheapest(choices: Sequence[Sequence[Candidate]], cost: Callable[[Candidate], _Cost]) -> tuple[Candidate, ...] | None:
    """The cheapest combination in which no two routes exclude each other."""
    best = tuple([live[0] if len(live) == 1 else min(live, key=cost) for live in choices])
    if next(iter(_combinations([[candidate] for candidate in best])), None) is not None:
        return best

    def total(combination: tuple[Candidate, ...]) -> tuple[object, ...]:
        costs = [cost(candidate) for candidate in combination]
        return *(sum(column) for column in list(zip(*costs, strict=True))[:-1]), tuple(row[-1] for row in costs)

    return min(_combinations(choices), key=total, default=None)


def exclude_each_other(legs: Sequence[Leg]) -> bool:
    """Whether exclusive routes leave no combination at all, whatever is still unknown."""
    possible = [leg.possible for leg in legs]
    if not any(candidate.route.version.not_with for choices in possible for candidate in choices):
        return False
    return next(iter(_combinations(possible)), None) is None
