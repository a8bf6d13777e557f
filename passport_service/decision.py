"""From codes to a decision: legs and their routes, stops, the plan, and the status of every requirement.

Structure only: the words are explain's, the reasons are reasons', and what else must be known is missing's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .compiler import CompiledRoute, Law
from .conditions import ALWAYS, Condition
from .facts import ACTIVITIES
from .index import Evaluation
from .listing import Item, Lister, Listing
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, STOP, UNKNOWN_CIRCUMSTANCE
from .plan import Candidate, Leg, best_plan, exclude_each_other
from .schemas import Options
from .situation import Situation

HOME = "registration.home"


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything decided under one reading of the law."""

    law: Law
    situation: Situation
    evaluation: Evaluation
    status: str
    activities: tuple[tuple[str, str], ...]
    legs: tuple[Leg, ...]
    plan: tuple[Candidate, ...]
    items: tuple[Item, ...]  # requirements that bear on the plan, or on routes that may yet be in it
    listing: Listing
    home_unknown: bool
    activities_unknown: bool
    attested: frozenset[str]

    @property
    def codes(self) -> bytes:
        return self.evaluation.codes

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Requirements that bear only on other routes."""
        return self.listing.elsewhere

    def planned(self, leg: Leg) -> Candidate | None:
        return next((found for found in self.plan if found.leg == leg.name and found.activity == leg.activity), None)


class _Reading:
    """One proposal under one reading of the law: with staff positions or without."""

    def __init__(self, law: Law, situation: Situation, options: Options, evaluation: Evaluation):
        self.law, self.situation, self.options = law, situation, options
        self.evaluation = law.read(evaluation)
        self.codes = self.evaluation.codes
        self.attested = frozenset(options.attested)
        self.lister = law.once(Lister)
        self.assessed = self.lister.assess(self.codes, self.attested)
        stops = (self.assessed[number] for number in self.lister.stopping)
        self.stops = tuple(found for found in stops if found.may_fail)
        self._counts: dict[str, int] = {}
        stated = situation.known.get(ACTIVITIES)
        head = law.rulebook.head
        self.activities_unknown = stated is None
        asked = set(head.activities) if stated is None else set(stated) - set(head.ancillary)
        self.covered = sorted(asked & set(head.activities))
        self.uncovered = sorted(asked - set(head.activities))
        self.legs = self._legs()

    def _legs(self) -> tuple[Leg, ...]:
        legs = [self._leg("status", activity, ALWAYS, CERTAIN) for activity in self.covered]
        for name, (condition, place) in self.law.legs.items():
            # A need that terms alone leave open counts as none: the firm can choose so.
            if self.codes[place] & STOP:
                legs.append(self._leg(name, "", condition, self.codes[place]))
        return tuple(legs)

    def _leg(self, name: str, activity: str, condition: Condition, need: int) -> Leg:
        """A leg with its candidates: a function of their codes, of the stops, and of how many checks each open route leaves."""
        routes = self.law.routes_of(name, activity)
        codes = tuple([self._code(route, activity) for route in routes])
        open_ = tuple([self._outstanding(route) for route, code in zip(routes, codes, strict=True) if code & MUST])
        key = (self.law, name, activity, need, codes, self.stops, open_)
        found = self.law.memo.get(key)
        if found is None:
            candidates = tuple(self._candidate(route, activity, code) for route, code in zip(routes, codes, strict=True))
            found = self.law.memo.keep(key, Leg.of(name, activity, condition, need, candidates))
        return found

    def _code(self, route: CompiledRoute, activity: str) -> int:
        place = route.opens[activity][1]
        code = self.codes[place] if place >= 0 else IMPOSSIBLE
        # Where nobody has said yet that this is what the firm will do, no route is open.
        return code & UNKNOWN_CIRCUMSTANCE if activity and self.activities_unknown else code

    def _candidate(self, route: CompiledRoute, activity: str, code: int) -> Candidate:
        stopped, doubted = [], []
        for found in self.stops if code & MAY else ():
            if not found.requirement.bears_on(route.id):
                continue
            stops = found.may_stop(route.version.plays)
            if "trade" in stops:
                (stopped if found.stop & MUST and stops == {"trade"} else doubted).append(found.requirement.id)
        outstanding = self._outstanding(route) if code & MUST and not stopped and not doubted else 0
        return Candidate.of(route, activity, code, tuple(stopped), tuple(doubted), outstanding)

    def _outstanding(self, route: CompiledRoute) -> int:
        """How many checks remain on a route."""
        count = self._counts.get(route.id)
        if count is None:
            bearings = self.lister.listing((route,)).bearings
            count = self._counts[route.id] = sum([self.assessed[number].item(bearing).is_check for number, bearing in bearings])
        return count

    def items(self, listing: Listing) -> tuple[Item, ...]:
        """The requirements of a listing as they stand."""
        return tuple([self.assessed[number].item(bearing) for number, bearing in listing.bearings])


def _status(found: _Reading, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item], home_unknown: bool) -> str:
    """The status, first match wins, of these legs with the requirements of their plan. Law: design §3."""
    needed = [leg for leg in legs if leg.need & MUST]
    if found.activities_unknown:
        blocked = all(leg.blocked for leg in legs if leg.name == "status") or any(leg.blocked for leg in legs if leg.name != "status")
    else:
        blocked = any(leg.blocked for leg in needed)
    if blocked or (not found.activities_unknown and exclude_each_other(needed)):
        return "blocked"
    if found.uncovered:
        return "not_covered"
    if home_unknown or found.activities_unknown or plan is None or any(not leg.live for leg in legs):
        return "undetermined"
    return "checks_required" if any(item.is_check or item.holds_settlement for item in items) else "clear"


def decide(law: Law, situation: Situation, options: Options, strict: bool = False) -> Decision:
    """The decision under a law. With `strict`, nothing that rests on a staff position is relied on."""
    relied, without = decide_both(law, situation, options)
    return without() or relied if strict else relied


def decide_both(law: Law, situation: Situation, options: Options) -> tuple[Decision, Callable[[], Decision | None]]:
    """The decision with staff positions, and on call the one without them; None where the law has none."""
    evaluation = law.index.evaluate(situation)
    relied = _Reading(law, situation, options, evaluation)
    if law.strict is None:
        return _decided(relied, None), lambda: None
    without = _Reading(law.strict, situation, options, evaluation)
    firm_ground = frozenset([(c.route.id, c.activity) for leg in without.legs for c in leg.live])
    return _decided(relied, firm_ground), lambda: _decided(without, None)


def _decided(found: _Reading, firm_ground: frozenset[tuple[str, str]] | None) -> Decision:
    legs, law = found.legs, found.law
    plan = best_plan(legs, found.options, law.rulebook.added, firm_ground)
    home_unknown = HOME not in found.situation.known
    listing = found.lister.listing(_routes_in_question(legs, plan or ()))
    items = found.items(listing)
    status = _status(found, legs, plan, items, home_unknown) if found.covered else "not_covered"
    activities = [(activity, _activity_status(found, legs, plan, items, activity, home_unknown)) for activity in found.covered]
    activities += [(activity, "not_covered") for activity in found.uncovered]
    return Decision(
        law=law,
        situation=found.situation,
        evaluation=found.evaluation,
        status=status,
        activities=() if found.activities_unknown else tuple(sorted(activities)),
        legs=legs,
        plan=plan or (),
        items=items,
        listing=listing,
        home_unknown=home_unknown,
        activities_unknown=found.activities_unknown,
        attested=found.attested,
    )


def _routes_in_question(legs: Sequence[Leg], plan: Sequence[Candidate]) -> list[CompiledRoute]:
    """The plan's routes; for a leg that the plan leaves open, every route that is not closed."""
    served = {(candidate.leg, candidate.activity) for candidate in plan}
    routes = [candidate.route for candidate in plan]
    for leg in legs:
        if (leg.name, leg.activity) not in served:
            routes += [candidate.route for candidate in leg.candidates if candidate.status != "closed"]
    return list({route.id: route for route in routes}.values())


def _activity_status(
    found: _Reading, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item], activity: str, home_unknown: bool
) -> str:
    own = [leg for leg in legs if leg.activity in ("", activity)]
    if plan is not None and len(own) == len(legs) and not found.uncovered:
        return _status(found, legs, plan, items, home_unknown)
    # Exclusive routes are a matter of the whole: where they leave no plan, each activity is judged by itself.
    chosen = [c for c in plan if c.activity in ("", activity)] if plan is not None else best_plan(own, found.options, found.law.rulebook.added, None)
    names = {route.id for route in _routes_in_question(own, chosen or ())}
    bearing = [item for item in items if not item.routes or names & set(item.routes)]
    uncovered, found.uncovered = found.uncovered, []
    try:
        return _status(found, own, chosen, bearing, home_unknown)
    finally:
        found.uncovered = uncovered
