"""From codes to a decision: legs and their routes, stops, the plan, and the status of every requirement.

Structure only: the words are explain's, the reasons are reasons', and what else must be known is missing's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .compiler import CompiledRoute, Law
from .conditions import ALWAYS, Condition
from .facts import ACTIVITIES
from .index import Evaluation
from .listing import Item, Listed, Lister
from .outcome import CERTAIN, IMPOSSIBLE, MAY, MUST, STOP, UNKNOWN_CIRCUMSTANCE
from .plan import Candidate, Leg, best_plan, exclude_each_other
from .proposal import Options
from .situation import Situation

HOME = "registration.home"
_REMEMBERED = 500  # evaluations, of all laws that share a memo


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What is decided, whatever the values behind the bytes."""

    status: str
    activities: tuple[tuple[str, str], ...]
    legs: tuple[Leg, ...]
    plan: tuple[Candidate, ...]
    listed: Listed  # requirements that bear on the plan, or on routes that may yet be in it
    activities_unknown: bool
    home_unknown: bool


class _Question(NamedTuple):
    """What a verdict turns on beside the codes."""

    activities: frozenset[str] | None
    home_unknown: bool
    attested: frozenset[str]
    prefer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything decided under one reading of the law."""

    law: Law
    situation: Situation
    evaluation: Evaluation
    verdict: Verdict
    attested: frozenset[str]

    @property
    def codes(self) -> bytes:
        return self.evaluation.codes

    @property
    def status(self) -> str:
        return self.verdict.status

    @property
    def activities(self) -> tuple[tuple[str, str], ...]:
        return self.verdict.activities

    @property
    def activities_unknown(self) -> bool:
        return self.verdict.activities_unknown

    @property
    def home_unknown(self) -> bool:
        return self.verdict.home_unknown

    @property
    def legs(self) -> tuple[Leg, ...]:
        return self.verdict.legs

    @property
    def plan(self) -> tuple[Candidate, ...]:
        return self.verdict.plan

    @property
    def items(self) -> tuple[Item, ...]:
        return self.verdict.listed.items

    @property
    def listed(self) -> Listed:
        return self.verdict.listed

    def planned(self, leg: Leg) -> Candidate | None:
        return next((found for found in self.plan if found.leg == leg.name and found.activity == leg.activity), None)


class _Reading:
    """One proposal under one reading of the law: with staff positions or without."""

    def __init__(self, law: Law, codes: bytes, question: _Question):
        self.law, self.codes, self.question = law, codes, question
        self.lister = law.once(Lister)
        self.assessed = self.lister.assess(codes, question.attested)
        stops = (self.assessed[number] for number in self.lister.stopping)
        self.stops = tuple(found for found in stops if found.may_fail)
        self._counts: dict[str, int] = {}
        self.activities_unknown = question.activities is None
        head = law.rulebook.head
        asked = set(head.activities) if question.activities is None else question.activities - set(head.ancillary)
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
            candidates = tuple([self._candidate(route, activity, code) for route, code in zip(routes, codes, strict=True)])
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
        key = (self.law, route.id, activity, code, tuple(stopped), tuple(doubted), outstanding)
        return self.law.memo.get(key) or self.law.memo.keep(key, Candidate.of(route, *key[2:]))

    def _outstanding(self, route: CompiledRoute) -> int:
        """How many checks remain on a route."""
        count = self._counts.get(route.id)
        if count is None:
            count = self._counts[route.id] = self.lister.outstanding(route, self.assessed)
        return count


def _status(found: _Reading, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item]) -> str:
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
    if found.question.home_unknown or found.activities_unknown or plan is None or any(not leg.live for leg in legs):
        return "undetermined"
    return "checks_required" if any(item.is_check for item in items) else "clear"


def decide(law: Law, situation: Situation, options: Options, strict: bool = False) -> Decision:
    """The decision under a law. With `strict`, nothing that rests on a staff position is relied on."""
    relied, without = decide_both(law, situation, options)
    return without or relied if strict else relied


def decide_both(law: Law, situation: Situation, options: Options) -> tuple[Decision, Decision | None]:
    """The decisions with staff positions and without them; None where nothing in the law rests on one."""
    states = tuple(law.index.states(situation))
    readings = [reading for reading in (law, law.strict) if reading is not None]
    memo = law.memo.within("evaluations", _REMEMBERED)
    evaluations = memo.get((law, states)) or memo.keep((law, states), _evaluations(readings, states))
    question = _Question(situation.known.get(ACTIVITIES), HOME not in situation.known, frozenset(options.attested), options.prefer)
    # All that the verdicts turn on. What a proposal says beyond that comes in with the words.
    key = ("verdicts", law, question, *[found.codes for found in evaluations])
    verdicts = law.memo.get(key) or law.memo.keep(key, _verdicts(readings, evaluations, question))
    decisions = [Decision(*found, question.attested) for found in zip(readings, [situation] * 2, evaluations, verdicts, strict=False)]
    return decisions[0], decisions[1] if len(decisions) > 1 else None


def status_if(decision: Decision, situation: Situation) -> str:
    """The status that a decision would have in a situation in which more is known."""
    law, known = decision.law, situation.known
    moved = [name for name in law.catalogue.facts if name in known or name in situation.cannot_apply]
    codes = law.reevaluate(decision.evaluation, situation, moved)
    question = _Question(known.get(ACTIVITIES), HOME not in known, decision.attested, ())
    return _verdict(_Reading(law, codes, question), None).status


def _evaluations(readings: Sequence[Law], states: tuple[Any, ...]) -> list[Evaluation]:
    evaluation = readings[0].index.evaluated(states)
    return [reading.read(evaluation) for reading in readings]


def _verdicts(readings: Sequence[Law], evaluations: Sequence[Evaluation], question: _Question) -> list[Verdict]:
    found = [_Reading(law, evaluation.codes, question) for law, evaluation in zip(readings, evaluations, strict=True)]
    if len(found) == 1:
        return [_verdict(found[0], None)]
    firm_ground = frozenset([(c.route.id, c.activity) for leg in found[1].legs for c in leg.live])
    return [_verdict(found[0], firm_ground), _verdict(found[1], None)]


def _verdict(found: _Reading, firm_ground: frozenset[tuple[str, str]] | None) -> Verdict:
    legs, law = found.legs, found.law
    plan = best_plan(legs, found.question.prefer, law.rulebook.added, firm_ground)
    listed = found.lister.listed(found.lister.listing(_routes_in_question(legs, plan or ())), found.assessed)
    status = _status(found, legs, plan, listed.items) if found.covered else "not_covered"
    activities = [(activity, _activity_status(found, legs, plan, listed.items, activity)) for activity in found.covered]
    activities += [(activity, "not_covered") for activity in found.uncovered]
    return Verdict(
        status=status,
        activities=() if found.activities_unknown else tuple(sorted(activities)),
        legs=legs,
        plan=plan or (),
        listed=listed,
        activities_unknown=found.activities_unknown,
        home_unknown=found.question.home_unknown,
    )


def _routes_in_question(legs: Sequence[Leg], plan: Sequence[Candidate]) -> list[CompiledRoute]:
    """The plan's routes; for a leg that the plan leaves open, every route that is not closed."""
    served = {(candidate.leg, candidate.activity) for candidate in plan}
    routes = [candidate.route for candidate in plan]
    for leg in legs:
        if (leg.name, leg.activity) not in served:
            routes += [candidate.route for candidate in leg.candidates if candidate.status != "closed"]
    return list({route.id: route for route in routes}.values())


def _activity_status(found: _Reading, legs: Sequence[Leg], plan: Sequence[Candidate] | None, items: Sequence[Item], activity: str) -> str:
    own = [leg for leg in legs if leg.activity in ("", activity)]
    if plan is not None and len(own) == len(legs) and not found.uncovered:
        return _status(found, legs, plan, items)
    # Exclusive routes are a matter of the whole: where they leave no plan, each activity is judged by itself.
    chosen = (
        [c for c in plan if c.activity in ("", activity)]
        if plan is not None
        else best_plan(own, found.question.prefer, found.law.rulebook.added, None)
    )
    names = {route.id for route in _routes_in_question(own, chosen or ())}
    bearing = [item for item in items if not item.routes or names & set(item.routes)]
    uncovered, found.uncovered = found.uncovered, []
    try:
        return _status(found, own, chosen, bearing)
    finally:
        found.uncovered = uncovered
