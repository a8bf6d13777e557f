"""The three promises of a decision, on random law and on the law we ship, by learning unknown facts in random order.

What breaks a promise is said in `promises`; the paths over the law we ship are made in `paths`. Every completion of tiny law is
tried in `test_completions`.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.conditions import leaves
from passport_service.decision import decide_both
from passport_service.explain import explain
from passport_service.missing import missing_facts
from passport_service.proposal import Options
from passport_service.reasons import Walker
from passport_service.situation import situate

from . import paths
from .examples import examples, many
from .promises import broken_promises
from .worlds import Maker, catalogue, consistent, laws_of

DAY = dt.date(2026, 11, 23)
CATALOGUE = catalogue()
QUESTION = ("registration.home", "transaction.activities", "transaction.date")  # the question itself: not learnt on the way
PATHS = many(7) if many(1) > 1 else many(3)  # from each status, host and scenario: more than 5,000 in a soak
seeds = st.integers(0, 2**32 - 1)


@given(seeds)
@examples(80)
def test_promises_hold_on_random_law(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    full = maker.facts()
    known = {name: full[name] for name in QUESTION}
    prefer = tuple(rng.sample(sorted(route.id for route in law.routes), rng.choice([0, 0, 1])))
    options = Options(attested=tuple(sorted(id_ for id_ in law.by_id if rng.random() < 0.5)), prefer=prefer)
    before = decide_both(law, situate(CATALOGUE, known), options)
    for name in rng.sample(sorted(full.keys() - known.keys()), len(full) - len(known)):
        known[name] = full[name]
        after = decide_both(law, situate(CATALOGUE, known), options)
        for old, new in zip(before, after, strict=True):
            assert old is None or broken_promises(old, [CATALOGUE.facts[name]], new, prefer) == [], known
        before = after


@pytest.fixture(scope="module", params=paths.PLACES, ids=lambda place: " ".join(filter(None, place)))
def place(request):
    return paths.Place(*request.param, days=2 if PATHS < 100 else 12)


def test_promises_hold_on_the_law_we_ship_from_every_status(place):
    report = paths.Report()
    for status in paths.STATUSES:
        for number in range(PATHS):
            paths.walk_from(place, status, number, report)
    assert report.broken == []
    assert {status for status, *_ in report.paths} == set(paths.STATUSES)
    assert report.changes > PATHS * len(paths.STATUSES)


def test_a_fact_settles_the_status_only_while_it_is_not_settled(place):
    seen = Counter()
    for status in ("clear", "checks_required", "blocked"):
        rng = random.Random(f"{place.host} {place.scenario} {status}")
        for start in filter(None, [place.start(status, rng) for _ in range(many(1))]):
            law = place.law(start.day)
            steps = list(paths.walk(start, [law], rng))
            for decision in (steps[0].before, rng.choice(steps).after):
                seen[decision.status] += 1
                found = missing_facts(decision, Walker(decision.law, decision.situation, decision.evaluation.states))
                asked = [one.fact.name for one in found if one.what == "status" and one.fact.name not in paths.QUESTION]
                assert not asked or decision.status == "undetermined", (start, decision.situation.stated)
    assert seen.total() > seen["undetermined"]


def test_what_would_open_a_route_are_stated_terms_without_which_it_is_not_dead(place):
    """And where nothing would, it stays dead without any term at all."""
    rng = random.Random(f"{place.host} {place.scenario}")
    opening = 0
    for start in filter(None, (place.start("blocked", rng) for _ in range(many(30)))):
        if opening >= many(2):
            break
        law, situation = place.law(start.day), situate(paths.CATALOGUE, start.facts)
        decision, _ = decide_both(law, situation, start.options)
        stated = {name for name in start.facts if paths.CATALOGUE.facts[name].klass == "term"}
        for row in explain(decision, None, start.options, start.day, missing=False)["routes"]:
            terms = stated & set().union(*(behind(situation, one["fact"]) for one in row["would_open_if"]))
            assert bool(terms) is bool(row["would_open_if"]), (start, row)
            if row["dead"]:
                opening += bool(terms)
                assert is_dead(start, law, row, terms or stated) in (None, not terms), (start, row)
    assert opening


def behind(situation, name):
    """The stated facts that a fact may follow from: itself, what it is derived from, bounded by, or ruled out by; and what bounds them."""
    found, pending = set(), [name]
    while pending:
        one = pending.pop()
        if one in found:
            continue
        found.add(one)
        pending += paths.CATALOGUE.beside(one)
        pending += paths.CATALOGUE.derived[one].inputs if one in paths.CATALOGUE.derived else ()
        if one in situation.cannot_apply:
            pending += [other for guard in paths.CATALOGUE.guards if one in guard.facts for other in facts_of(guard.when)]
    return found & situation.stated.keys()


def facts_of(guard):
    return {leaf.fact for leaf, _ in leaves(guard)}


def is_dead(start, law, row, terms):
    """Whether a route is dead to all activities of a row once these terms are left open; None where its leg is then not needed."""
    facts = {name: value for name, value in start.facts.items() if name not in terms}
    decision, _ = decide_both(law, situate(paths.CATALOGUE, consistent(paths.CATALOGUE, facts)), start.options)
    found = [
        candidate.dead
        for leg in decision.legs
        for candidate in leg.candidates
        if candidate.route.id == row["id"] and (not row["activities"] or candidate.activity in row["activities"])
    ]
    return all(found) if found else None
