"""What is remembered changes no answer, and does not grow without end."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.decision import decide
from passport_service.errors import ProposalError
from passport_service.laws import Laws
from passport_service.listing import Lister
from passport_service.openapi import EXAMPLE
from passport_service.proposal import Options, as_json
from passport_service.recall import Memo
from passport_service.service import Service
from passport_service.situation import situate

from .examples import examples
from .shipped import NOW, SHIPPED, random_facts
from .test_decision import requirement, route, small_law
from .worlds import Maker, laws_of


def fresh() -> Service:
    """The law we ship, compiled anew and remembering nothing."""
    ours = SHIPPED.laws
    return Service(Laws(ours.catalogue, ours.rulebooks, ours.scenarios, ours.overlays))


def body_of(facts, **more):
    body = {"host": "US", **more}
    for name, value in facts.items():
        group, _, member = name.partition(".")
        body.setdefault(group, {})[member] = as_json(value)
    return body


def said(service, body):
    try:
        return service.decide(body, NOW).bytes()
    except ProposalError as error:
        return [problem.detail for problem in error.problems]


def test_a_memo_forgets_its_older_half_when_it_is_full():
    memo = Memo(4)
    for number in range(6):
        memo.keep(number, str(number))
    assert memo == {2: "2", 3: "3", 4: "4", 5: "5"}


@given(st.integers(0, 2**32 - 1))
@examples(30)
def test_an_answer_does_not_depend_on_what_was_asked_before_on_random_law(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    laws = laws_of(maker.rulebook())
    warm = Service(laws)
    for _ in range(12):
        full = maker.facts()
        facts = {name: value for name, value in full.items() if rng.random() < 0.6} | {"registration.home": "GB"}
        body = body_of(facts, rely_on_staff_positions=rng.random() < 0.7)
        alone = Service(Laws(laws.catalogue, laws.rulebooks))
        assert said(warm, body) == said(alone, body)


@pytest.mark.parametrize("host", ["US", "GB"])
@given(st.integers(0, 2**32 - 1))
@examples(4)
def test_an_answer_does_not_depend_on_what_was_asked_before_on_the_law_we_ship(host, seed):
    """Each proposal is asked among its neighbours, which share most of what is remembered."""
    rng = random.Random(seed)
    full = facts_near_a_case(rng, host)
    bodies = []
    for _ in range(4):
        facts = {name: value for name, value in full.items() if rng.random() < 0.7}
        bodies.append(body_of(facts, host=host, rely_on_staff_positions=rng.random() < 0.7))
    for body in bodies:
        assert said(SHIPPED, body) == said(fresh(), body)


@pytest.mark.parametrize("host", ["US", "GB"])
@given(st.integers(0, 2**32 - 1))
@examples(4)
def test_other_values_in_the_same_states_are_shown_and_computed_with_anew(host, seed):
    """Amounts, dates and numbers move a little, so that mostly the states stay; what was told of the first is not told of the second."""
    rng = random.Random(seed)
    facts = facts_near_a_case(rng, host)
    several = sorted(SHIPPED.laws.catalogue.many_valued & facts.keys())
    bodies = [body_of(facts, host=host)]
    for _ in range(3):
        moved = {name: near(rng, facts[name]) for name in rng.sample(several, min(len(several), rng.choice([1, 2, 9])))}
        bodies.append(body_of(facts | moved, host=host))
    for body in rng.sample([*bodies, *bodies], 8):
        assert said(SHIPPED, body) == said(fresh(), body)


def facts_near_a_case(rng, host):
    case = rng.choice(SHIPPED.laws.rulebooks[host].cases)
    return random_facts(rng, host, SHIPPED.schema.load(dict(case.proposal)).facts)


def near(rng, value):
    if isinstance(value, dict):
        return {currency: amount + rng.choice([1, 7]) for currency, amount in value.items()}
    if isinstance(value, dt.date):
        return value + dt.timedelta(days=rng.choice([1, 30]))
    return value + 1 if isinstance(value, (int, Decimal)) else value


def test_the_words_of_a_decision_are_worked_out_once_for_amounts_that_no_rule_tells_apart():
    service = fresh()
    told = []
    for amount in ("40000000", "40000001.50"):
        client = EXAMPLE["client"] | {"total_assets": {"amount": amount, "currency": "USD"}}
        service.decide(EXAMPLE | {"client": client}, NOW)
        told.append(len(service.laws._memo["tellings"]))
    assert told == [2, 2]  # what the missing facts are tried with, and the words


def test_memory_does_not_grow_with_the_values_that_are_asked_about():
    memo = Memo(10)
    for number in range(100):
        memo.within("tellings", 4).keep(number, str(number))
    assert len(memo["tellings"]) <= 4


def test_what_was_worked_out_for_one_proposal_is_found_again_for_another_that_turns_on_the_same():
    routes = [route("A", {"c.flag": {"is": "yes"}}), route("B"), route("V", leg="venue")]
    rules = [requirement("Q1", applies_when={"c.kind": {"is": "one"}}, due="post_trade"), requirement("Q2"), requirement("Q3", on_routes=["B"])]
    law = small_law(routes, rules, {"venue": {"needed_when": "always"}}).law("US", NOW.date())
    home = {"registration.home": "GB", "transaction.activities": frozenset({"deal"}), "transaction.date": NOW.date()}

    def decided(**facts):
        return decide(law, situate(law.catalogue, home | facts), Options(attested=frozenset({"Q2"})))

    first = decided(**{"c.flag": True, "c.kind": "one", "c.count": 5})
    nothing_read = decided(**{"c.flag": True, "c.kind": "one", "c.count": 6})
    assert nothing_read.evaluation is first.evaluation and nothing_read.verdict is first.verdict
    another_status = decided(**{"c.flag": True, "c.kind": "two", "c.count": 5})
    assert another_status.verdict is not first.verdict
    assert all(now is then for now, then in zip(another_status.legs, first.legs, strict=True))
    assert another_status.listed.listing is first.listed.listing
    assert {id_: item is first.listed.by_id[id_] for id_, item in another_status.listed.by_id.items()} == {"Q1": False, "Q2": True}
    another_route = decided(**{"c.flag": False, "c.kind": "one", "c.count": 5})
    then, now = ({c.route.id: c for leg in found.legs for c in leg.candidates} for found in (first, another_route))
    assert {id_: candidate is then[id_] for id_, candidate in now.items()} == {"A": False, "B": True, "V": True}
    lister = law.once(Lister)
    assert lister.assess(first.codes, first.attested) is lister.assess(first.codes, first.attested)
    by_id = {found.id: found for found in law.routes}
    bearings = [dict(lister.listing([by_id[id_] for id_ in ids]).bearings) for ids in ("B", "BV")]  # what bears on B alone is the third
    assert bearings[0][2] is bearings[1][2] and bearings[0][0] is not bearings[1][0]
    assert lister.listed(first.listed.listing, lister.assess(first.codes, first.attested)) is first.listed
    assert None not in law.memo
