"""Paths over the law we ship: from a start of each status, on each host and under each scenario, facts are learnt one by one.

    python -m tests.paths 140        walks 140 paths from each status, host and scenario, and says how many there were

A start is a worked case, mostly on another law date and with facts left out, added or changed, until it has the status
wanted; then facts are left out again while it keeps that status, so that much is left to learn. One seed is one path.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from passport_service.answer import outside
from passport_service.compiler import Law
from passport_service.decision import Decision, decide_both
from passport_service.facts import ACTIVITIES, Fact
from passport_service.laws import Laws
from passport_service.proposal import Options, Proposal
from passport_service.situation import Situation, learn, situate

from .promises import broken_promises, kind_of
from .shipped import SHIPPED, random_value
from .worlds import consistent

STATUSES = ("clear", "checks_required", "undetermined", "blocked")
PLACES = [(host, scenario) for host in sorted(SHIPPED.laws.rulebooks) for scenario in (None, *sorted(SHIPPED.laws.scenarios))]
TODAY = dt.date(2026, 11, 23)
HOME = "registration.home"
QUESTION = (HOME, ACTIVITIES)
CATALOGUE = SHIPPED.laws.catalogue
GIVEN = {fact.name: fact for fact in CATALOGUE.given()}
# What is learnt on a path: all that there is, or only what promise 2 says can stop nothing.
LEARNT = {
    "everything": ("circumstance", "choice", "special"),
    "no special case": ("circumstance", "choice"),
    "circumstances": ("circumstance",),
}
_TRIES = 60  # how many worked cases are bent until one has the status wanted


@dataclass(frozen=True)
class Start:
    """Where a path begins: a proposal put to the law of a day. Shapes: `case_facts` what the worked case stated."""

    case: str
    host: str
    scenario: str | None
    day: dt.date
    facts: Mapping[str, Any]
    case_facts: Mapping[str, Any]
    options: Options

    def decide(self, law: Law) -> Decision | None:
        """Its decision as the options ask for it; None where facts contradict each other or the rulebook covers none of it."""
        situation = situate(CATALOGUE, self.facts)
        proposal = Proposal(self.host, situation.stated, frozenset(), self.options, situation)
        if situation.problems or outside(proposal, law.rulebook, self.day):
            return None
        relied, strict = decide_both(law, situation, self.options)
        return relied if self.options.rely_on_staff_positions else strict or relied


@cache
def _worked_cases(host: str) -> list[tuple[str, Proposal]]:
    cases = {case.id: case for (of, _), rulebook in SHIPPED.laws.all_rulebooks() if of == host for case in rulebook.cases}
    return [(id_, SHIPPED.schema.load(dict(case.proposal))) for id_, case in sorted(cases.items())]


class Place:
    """A host under a scenario, with the law of a few days: compiled anew here, so that it is forgotten with the place."""

    def __init__(self, host: str, scenario: str | None, days: int):
        ours = SHIPPED.laws
        self.host, self.scenario = host, scenario
        self.laws = Laws(ours.catalogue, ours.rulebooks, ours.scenarios, ours.overlays)
        self.rulebook = self.laws.rulebook(host, scenario)
        rng = random.Random(f"{host} {scenario}")
        turns = [day + dt.timedelta(days=step) for day in self.rulebook.turning_days() for step in (-1, 0)]
        covered = sorted({day for day in turns if day >= self.rulebook.head.covers_from} - {TODAY})
        self.days = [TODAY, *rng.sample(covered, min(len(covered), days - 1))]
        cases = _worked_cases(host)
        own = [(id_, proposal) for id_, proposal in cases if proposal.options.scenario == scenario]
        self.pools = [pool for pool in (own, cases) if pool]

    def law(self, day: dt.date) -> Law:
        return self.laws.law(self.host, day, self.scenario)

    # -- starts -------------------------------------------------------------------------------------------------------------

    def start(self, status: str, rng: random.Random) -> Start | None:
        """A start of this status; None where none was found."""
        for _ in range(_TRIES):
            found = self._bent(status, rng)
            law = self.law(found.day)
            decision = found.decide(law)
            if decision is not None and decision.status != status and status in ("clear", "undetermined"):
                found = self._more(found, rng) if status == "clear" else self._fewer(status, found, law, rng)
                decision = found.decide(law)
            if decision is not None and decision.status == status:
                return self._forgetful(status, found, law, rng)
        return None

    def _bent(self, status: str, rng: random.Random) -> Start:
        """A worked case on some law date, with facts added and changed."""
        case, proposal = rng.choice(rng.choice(self.pools))
        day = proposal.options.as_of or proposal.facts.get("transaction.date", TODAY)
        facts = dict(proposal.facts)
        if rng.random() < 0.3:
            facts[ACTIVITIES] = frozenset(rng.sample(list(self.rulebook.head.activities), rng.choice([1, 1, 2])))
        if rng.random() < 0.1:
            facts[HOME] = rng.choice([home for home in ("GB", "US", "CH", "FR") if home != self.host])
        changed = sorted(facts.keys() - {*QUESTION})
        for name in rng.sample(changed, min(len(changed), rng.choice([0, 0, 1, 2]))):
            facts[name] = random_value(rng, GIVEN[name])
        share, kinds = rng.choice([0, 0.1, 0.5]), LEARNT[rng.choice(list(LEARNT))]
        added = {name: random_value(rng, fact) for name, fact in GIVEN.items() if kind_of(fact) in kinds and rng.random() < share}
        return Start(
            case=case,
            host=self.host,
            scenario=self.scenario,
            day=day if day in self.days else rng.choice(self.days),
            facts=consistent(CATALOGUE, {**added, **facts}),
            case_facts=proposal.facts,
            options=self._options(status, proposal.options, rng),
        )

    def _options(self, status: str, options: Options, rng: random.Random) -> Options:
        ids, routes = sorted(self.rulebook.requirements), sorted(self.rulebook.routes)
        return Options(
            attested=tuple(ids if status == "clear" else rng.sample(ids, rng.choice([0, 0, len(ids) // 4, len(ids)]))),
            prefer=tuple(rng.sample(routes, rng.choice([0, 0, 0, 1, 3]))),
            rely_on_staff_positions=options.rely_on_staff_positions and rng.random() < 0.8,
        )

    def _more(self, start: Start, rng: random.Random) -> Start:
        """The same with everything known but special cases."""
        situation = situate(CATALOGUE, start.facts)
        for name in rng.sample(sorted(GIVEN), len(GIVEN)):
            if not situation.settled(name) and name not in QUESTION and kind_of(GIVEN[name]) != "special":
                learnt = learn(situation, name, random_value(rng, GIVEN[name]))
                situation = situation if learnt is None else learnt[0]
        return replace(start, facts=situation.stated)

    def _fewer(self, status: str, start: Start, law: Law, rng: random.Random) -> Start:
        """The same with facts left out, one after the other, until it has the status."""
        for name in rng.sample(sorted(start.facts), len(start.facts)):
            start = _without(start, name)
            found = start.decide(law)
            if found is not None and found.status == status:
                break
        return start

    def _forgetful(self, status: str, start: Start, law: Law, rng: random.Random) -> Start:
        """The same with some facts, and for `clear` some attested ids, left out that the status does not need."""
        share = rng.choice([0, 0.5, 1])
        for name in rng.sample(sorted(start.facts), len(start.facts)):
            if rng.random() < share and name not in QUESTION:
                start = _if_still(status, start, _without(start, name), law)
        for id_ in rng.sample(start.options.attested, len(start.options.attested)) if status == "clear" else ():
            if rng.random() < share:
                attested = tuple(other for other in start.options.attested if other != id_)
                start = _if_still(status, start, replace(start, options=replace(start.options, attested=attested)), law)
        return start


def _without(start: Start, name: str) -> Start:
    return replace(start, facts={other: value for other, value in start.facts.items() if other != name})


def _if_still(status: str, start: Start, changed: Start, law: Law) -> Start:
    found = changed.decide(law)
    return changed if found is not None and found.status == status else start


# -- paths ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One fact learnt: the decisions before and after, under one reading of one law."""

    before: Decision
    fact: Fact
    value: Any
    after: Decision


def walk(start: Start, laws: Iterable[Law], rng: random.Random) -> Iterator[Step]:
    """Learns what is unknown in random order, with the worked case's values or others, also further currencies of amounts."""
    kinds, laws = LEARNT[rng.choice(list(LEARNT))], list(laws)
    situation = situate(CATALOGUE, start.facts)
    before = _decisions(start, laws, situation)
    for name in rng.sample(sorted(GIVEN), len(GIVEN)):
        fact = GIVEN[name]
        if kind_of(fact) not in kinds or name in QUESTION or name in situation.cannot_apply:
            continue
        value = start.case_facts[name] if name in start.case_facts and rng.random() < 0.5 else random_value(rng, fact)
        known = situation.known.get(name)
        if known is not None:
            if not isinstance(value, dict) or not value.keys().isdisjoint(known):
                continue
            value = {**known, **value}
        learnt = learn(situation, name, value)
        if learnt is None:
            continue
        situation = learnt[0]
        after = _decisions(start, laws, situation)
        for old, new in zip(before, after, strict=True):
            yield Step(old, fact, value, new)
        before = after


def _decisions(start: Start, laws: Iterable[Law], situation: Situation) -> list[Decision]:
    """Under each law, with staff positions and without."""
    return [decision for law in laws for decision in decide_both(law, situation, start.options) if decision is not None]


@dataclass
class Report:
    """How many paths and steps there were, by status, host and scenario, and what broke."""

    paths: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    steps: int = 0
    changes: int = 0
    broken: list[str] = field(default_factory=list)


def walk_from(place: Place, status: str, number: int, report: Report) -> None:
    """One path, by its number."""
    seed = f"{place.host} {place.scenario} {status} {number}"
    rng = random.Random(seed)
    start = place.start(status, rng)
    if start is None:
        return
    report.paths[status, place.host, place.scenario] += 1
    laws, dated = [place.law(start.day)], start.facts.get("transaction.date")
    if dated in place.days and dated != start.day:
        laws.append(place.law(dated))  # the answer under the law of the transaction's own day goes with it
    for step in walk(start, laws, rng):
        report.steps += 1
        report.changes += step.before.verdict is not step.after.verdict
        sentences = broken_promises(step.before, [step.fact], step.after, start.options.prefer)
        if sentences:
            what = f"on learning {step.fact.name} = {step.value}, from {start.case} on {start.day}, path {seed!r}"
            report.broken.append("; ".join([*sentences, what]))
            return


def main(count: int) -> int:
    report, began = Report(), time.process_time()
    for host, scenario in PLACES:
        place = Place(host, scenario, 10)
        for status in STATUSES:
            for number in range(count):
                walk_from(place, status, number, report)
            print(f"{report.paths[status, host, scenario]:6} from {status:16} {host} {scenario or 'as it is'}", flush=True)
    for status in STATUSES:
        print(f"{sum(number for (of, _, _), number in report.paths.items() if of == status):6} from {status}")
    spent = time.process_time() - began
    print(f"{report.paths.total()} paths, {report.steps} steps, {report.changes} changes of a decision, {len(report.broken)} broken, {spent:.0f} s")
    print(*report.broken, sep="\n")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 140))
