"""What follows from the stated facts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.situation import learn, situate

from .examples import examples
from .shipped import SHIPPED, random_facts
from .worlds import Maker, catalogue

CATALOGUE = catalogue()


def same(one, other):
    return (
        one.known == other.known
        and one.cannot_apply == other.cannot_apply
        and dict(one.unknown) == dict(other.unknown)
        and one.limits == other.limits
    )


@given(st.integers(0, 2**32 - 1))
@examples(200)
def test_learning_a_fact_is_situating_anew(seed):
    rng = random.Random(seed)
    full = Maker(rng).facts()
    facts = dict(rng.sample(sorted(full.items(), key=lambda item: item[0]), len(full) // 2))
    base = situate(CATALOGUE, facts)
    for name in sorted(full.keys() - facts.keys()):
        if name in base.known:
            continue
        learnt, anew = learn(base, name, full[name]), situate(CATALOGUE, {**facts, name: full[name]})
        assert learnt is not None and same(learnt[0], anew), name


@pytest.mark.parametrize("host", ["US", "GB"])
@given(st.integers(0, 2**32 - 1))
@examples(10)
def test_learning_a_fact_is_situating_anew_over_the_catalogue_we_ship(host, seed):
    rng = random.Random(seed)
    full = random_facts(rng, host)
    facts = dict(rng.sample(sorted(full.items(), key=lambda item: item[0]), len(full) // 3))
    base = situate(SHIPPED.laws.catalogue, facts)
    for name in sorted(full.keys() - facts.keys() - base.known.keys()):
        anew = situate(SHIPPED.laws.catalogue, {**facts, name: full[name]})
        learnt = learn(base, name, full[name])
        assert (learnt is None) == bool(anew.problems), name
        assert learnt is None or same(learnt[0], anew), name


def test_a_client_described_is_a_client_there():
    assert situate(CATALOGUE, {"p.kind": "man"}).known["p.exists"] is True


def test_a_guard_rules_out_what_hangs_on_it_down_the_chain():
    assert situate(CATALOGUE, {"c.flag": False}).cannot_apply >= {"c.inner", "c.deep"}


def test_a_contradiction_is_told_and_learning_it_is_refused():
    assert [problem.pointer for problem in situate(CATALOGUE, {"c.flag": False, "c.inner": True}).problems] == ["/c/inner"]
    assert learn(situate(CATALOGUE, {"c.inner": True}), "c.flag", False) is None


def test_what_only_follows_from_a_bound_gives_way_when_a_fact_is_learnt_that_rules_it_out():
    # Of the law we ship: a venue that is under an order is one of the tokenised venues; over the counter, there is none.
    ours = SHIPPED.laws.catalogue
    bound = next(found for found in ours.bounds if found.low == "venue.under_order")
    base = situate(ours, {bound.high: False})
    assert base.known["venue.under_order"] is False
    learnt, _ = learn(base, "venue.kind", "otc")
    assert "venue.under_order" in learnt.cannot_apply
