"""From codes to a decision: legs and their routes, stops, the plan, and the status of every requirement.

Structure only: the words are explain's, the reasons are reasons', and what else must be known is missing's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .compiler import CompiledRecognition, CompiledRequirement, CompiledRoute, Law
from .conditions import ALWAYS, Condition
from .facts import ACTIVITIES
from .index import Evaluation
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, ORDINARY, SPECIAL, STOP, UNKNOWN_CIRCUMSTANCE
from .plan import Candidate, Leg, best_plan, exclude_each_other
from .rulebook import BEFORE_OR_AT_TRADE, DUE, PARTIES
from .schemas import Options
from .situation import Situation

OUTSTANDING = frozenset({"failed", "undetermined", "required"})
HOME = "registration.home"


@dataclass(frozen=True, slots=True)
class Item:
    """A requirement as it stands in the answer."""

    requirement: CompiledRequirement
    status: str
    party: str
    stops: str
    routes: tuple[str, ...]
    special_stop: bool  # it stops only if a special case holds
    may_fail: bool  # its stop is TRUE, or circumstances may make it so
    may_stop: frozenset[str]  # what it may stop, whoever turns out to owe it

    @property
    def id(self) -> str:
        return self.requirement.id

    @property
    def outstanding(self) -> bool:
        return self.status in OUTSTANDING

    @property
    def is_check(self) -> bool:
        return _is_check(self.requirement, self.status, self.party, self.stops, self.may_fail)

    @property
    def order(self) -> tuple[int, str]:
        return DUE.index(self.requirement.version.due), self.id


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
    elsewhere: tuple[str, ...]  # requirements that bear only on other routes
    home_unknown: bool
    activities_unknown: bool
    attested: frozenset[str]

    @property
    def codes(self) -> bytes:
        return self.evaluation.codes

    def planned(self, leg: Leg) -> Candidate | None:
        return next((found for found in self.plan if found.leg == leg.name and found.activity == leg.activity), None)


def _is_check(requirement: CompiledRequirement, status: str, party: str, stops: str, may_fail: bool) -> bool:
    # What may yet turn out to fail is a check now: else learning a circumstance would turn `clear` into a check.
    if status == "failed" or (status == "undetermined" and may_fail):
        return True
    due = requirement.version.due in BEFORE_OR_AT_TRADE
    return status in OUTSTANDING and due and (party == "firm" or stops == "trade")


def stop_outcome(code: int) -> str:
    """TRUE, UNKNOWN or FALSE as a word: what terms and special cases decide is not a stop.

    >>> stop_outcome(CERTAIN), stop_outcome(MAY | ORDINARY), stop_outcome(MAY | STOP)
    ('true', 'false', 'unknown')
    """
    return "true" if code & MUST else "unknown" if code & STOP else "false"


def requirement_status(requirement: CompiledRequirement, codes: Sequence[int], attested: Iterable[str] = (), routes: Iterable[str] = ()) -> str:
    """The status of a requirement on some routes, first match wins. Law: design §3."""
    applies = codes[requirement.applies]
    if not applies & MAY:
        return "not_required"
    if not applies & ORDINARY:
        return "only_if"
    stop = "false" if requirement.stop is None else stop_outcome(codes[requirement.stop])
    if not applies & MUST or stop == "unknown":
        return "undetermined"
    modes = {found.version.mode for found in recognitions(requirement, routes) if codes[found.when] & MUST}
    if modes & {"replaced", "relied_on"}:
        return "recognised"
    if modes:
        return "left_to_home"
    if stop == "true":
        return "failed"
    return "satisfied" if codes[requirement.satisfied] & MUST or requirement.id in attested else "required"


def _stop_of(requirement: CompiledRequirement, party: str) -> str:
    return requirement.version.stops_firm if party == "firm" else requirement.version.stops_other


def recognitions(requirement: CompiledRequirement, routes: Iterable[str]) -> list[CompiledRecognition]:
    """The recognitions that count on all of these routes: one that is limited to some does not cover the others."""
    routes = set(routes)
    return [found for found in requirement.recognitions if found.version.on_routes is None or (routes and routes <= set(found.version.on_routes))]


class _Assessment:
    """One proposal under one law, strict or not."""

    def __init__(self, law: Law, situation: Situation, options: Options):
        self.law, self.situation, self.options = law, situation, options
        self.evaluation = law.evaluate(situation)
        self.codes = self.evaluation.codes
        self.attested = frozenset(options.attested)
        self._parties: dict[str, list[str]] = {}
        self.statuses = {found.id: requirement_status(found, self.codes, self.attested) for found in law.requirements}
        self.stops = {found.id: code for found in law.requirements if found.stop is not None and (code := self.codes[found.stop]) & STOP}
        stated = situation.known.get(ACTIVITIES)
        head = law.rulebook.head
        self.activities_unknown = stated is None
        asked = set(head.activities) if stated is None else set(stated) - set(head.ancillary)
        self.covered = sorted(asked & set(head.activities))
        self.uncovered = sorted(asked - set(head.activities))

    # -- who owes what ------------------------------------------------------------------------------------------------

    def parties(self, role: str, plays: Mapping[str, str]) -> list[str]:
        """Who may play a role, first match first: the route says, else the facts, else a party of that name."""
        if role in plays:
            return [plays[role]]
        if role not in self._parties:
            self._parties[role] = self._by_facts(role)
        return self._parties[role]

    def _by_facts(self, role: str) -> list[str]:
        found = []
        for place, party in self.law.roles.get(role, ()):
            if self.codes[place] & MAY:
                found.append(party)
            if self.codes[place] & MUST:
                return found
        return [*found, role if role in PARTIES else "firm"]

    def _stops(self, requirement: CompiledRequirement, plays: Mapping[str, str]) -> tuple[str, str]:
        """Who owes the requirement and what it stops. While nobody can say who plays the role, it is listed as the firm's."""
        parties = self.parties(requirement.version.duty_on, plays)
        party = parties[0] if len(set(parties)) == 1 else "firm"
        return party, _stop_of(requirement, party)

    def _may_fail(self, requirement: CompiledRequirement) -> bool:
        return requirement.stop is not None and bool(self.codes[requirement.stop] & STOP)

    def _may_stop(self, requirement: CompiledRequirement, plays: Mapping[str, str]) -> set[str]:
        """What it may stop, whoever turns out to play the role."""
        return {_stop_of(requirement, party) for party in self.parties(requirement.version.duty_on, plays)}

    def status(self, requirement: CompiledRequirement, routes: Iterable[str]) -> str:
        if all(found.version.on_routes is None for found in requirement.recognitions):
            return self.statuses[requirement.id]
        return requirement_status(requirement, self.codes, self.attested, routes)

    # -- legs -----------------------------------------------------------------------------------------------------------

    def legs(self) -> tuple[Leg, ...]:
        legs = [self._leg("status", activity, ALWAYS, CERTAIN) for activity in self.covered]
        for name, (condition, place) in self.law.legs.items():
            # A need that terms alone leave open counts as none: the firm can choose so.
            if self.codes[place] & STOP:
                legs.append(self._leg(name, "", condition, self.codes[place]))
        return tuple(legs)

    def _leg(self, name: str, activity: str, condition: Condition, need: int) -> Leg:
        candidates = [self._candidate(route, activity) for route in self.law.routes if route.leg == name and activity in route.opens]
        return Leg(name, activity, condition, need, tuple(candidates))

    def _candidate(self, route: CompiledRoute, activity: str) -> Candidate:
        condition, place = route.opens[activity]
        code = self.codes[place] if place >= 0 else IMPOSSIBLE
        if activity and self.activities_unknown:
            code &= UNKNOWN_CIRCUMSTANCE  # nobody has said yet that this is what the firm will do
        stopped, doubted = [], []
        for id_, stop in self.stops.items() if code & MAY else ():
            requirement = self.law.by_id[id_]
            if not requirement.bears_on(route.id):
                continue
            stops = self._may_stop(requirement, route.version.plays)
            if "trade" in stops:
                (stopped if stop & MUST and stops == {"trade"} else doubted).append(id_)
        outstanding = self._outstanding(route) if code & MUST and not stopped and not doubted else 0
        return Candidate(route, route.leg, activity, condition, code, tuple(stopped), tuple(doubted), outstanding)

    def _outstanding(self, route: CompiledRoute) -> int:
        count = 0
        for requirement in self.law.requirements:
            if requirement.bears_on(route.id) and (status := self.status(requirement, (route.id,))) in OUTSTANDING:
                count += _is_check(requirement, status, *self._stops(requirement, route.version.plays), self._may_fail(requirement))
        return count

    # -- the requirements in the answer -----------------------------------------------------------------------------------

    def items(self, routes: Sequence[CompiledRoute]) -> tuple[list[Item], list[str]]:
        """Requirements that bear on any of the routes, in the order in which they fall due, and the ids of the others."""
        found, elsewhere = [], []
        for requirement in self.law.requirements:
            bearing = [route for route in routes if requirement.bears_on(route.id)]
            # What bears on every route is listed even where all are closed: a hit must be reported all the same.
            if not bearing and requirement.version.on_routes is not None:
                elsewhere.append(requirement.id)
                continue
            names = tuple(sorted(route.id for route in bearing))
            status, may_fail = self.status(requirement, names), self._may_fail(requirement)
            role = requirement.version.duty_on
            casts = [{role: party} for party in {plays.get(role, "") for plays in (route.version.plays for route in bearing)} if party]
            casts += [{}] if not bearing or any(role not in route.version.plays for route in bearing) else []
            # Where two routes cast the role differently, the stricter reading stands.
            party, stops = max(
                (self._stops(requirement, plays) for plays in casts),
                key=lambda cast: (_is_check(requirement, status, *cast, may_fail), cast[0] == "firm", cast),
            )
            code = 0 if requirement.stop is None else self.codes[requirement.stop]
            special = bool(code & SPECIAL) and not code & (STOP | MUST) and stops != "nothing"
            may_stop = frozenset().union(*(self._may_stop(requirement, plays) for plays in casts))
            found.append(Item(requirement, status, party, stops, names, special, may_fail, may_stop))
        return sorted(found, key=lambda item: item.order), elsewhere


def _status(found: _Assessment, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item], home_unknown: bool) -> str:
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
    settles = not any("settlement" in item.may_stop and item.may_fail and item.outstanding for item in items)
    return "clear" if settles and not any(item.is_check for item in items) else "checks_required"


def decide(law: Law, situation: Situation, options: Options, strict: bool = False) -> Decision:
    """The decision under a law. With `strict`, nothing that rests on a staff position is relied on."""
    without = _Assessment(law.strict, situation, options) if law.strict is not None else None
    found = without if strict and without is not None else _Assessment(law, situation, options)
    legs = found.legs()
    firm_ground = None
    if without is not None and found is not without:
        firm_ground = frozenset((c.route.id, c.activity) for leg in without.legs() for c in leg.live)
    plan = best_plan(legs, options, law.rulebook.added, firm_ground)
    home_unknown = HOME not in situation.known
    routes = _routes_in_question(legs, plan or ())
    items, elsewhere = found.items(routes)
    status = _status(found, legs, plan, items, home_unknown) if found.covered else "not_covered"
    activities = [(activity, _activity_status(found, legs, plan, items, activity, home_unknown)) for activity in found.covered]
    activities += [(activity, "not_covered") for activity in found.uncovered]
    return Decision(
        law=found.law,
        situation=situation,
        evaluation=found.evaluation,
        status=status,
        activities=() if found.activities_unknown else tuple(sorted(activities)),
        legs=legs,
        plan=plan or (),
        items=tuple(items),
        elsewhere=tuple(elsewhere),
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
            routes += [candidate.route for candidate in leg.candidates if candidate.code & MAY]
    return list({route.id: route for route in routes}.values())


def _activity_status(
    found: _Assessment, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item], activity: str, home_unknown: bool
) -> str:
    own = [leg for leg in legs if leg.activity in ("", activity)]
    # Exclusive routes are a matter of the whole: where they leave no plan, each activity is judged by itself.
    chosen = [c for c in plan if c.activity in ("", activity)] if plan is not None else best_plan(own, found.options, found.law.rulebook.added, None)
    names = {route.id for route in _routes_in_question(own, chosen or ())}
    bearing = [item for item in items if not item.routes or names & set(item.routes)]
    uncovered, found.uncovered = found.uncovered, []
    try:
        return _status(found, own, chosen, bearing, home_unknown)
    finally:
        found.uncovered = uncovered
