"""What is remembered changes no answer, and does not grow without end."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.errors import ProposalError
from passport_service.laws import Laws
from passport_service.proposal import as_json
from passport_service.recall import Memo
from passport_service.service import Service

from .examples import examples
from .shipped import NOW, SHIPPED, random_facts
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
@examples(60)
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
@examples(8)
def test_an_answer_does_not_depend_on_what_was_asked_before_on_the_law_we_ship(host, seed):
    """Each proposal is asked among its neighbours, which share most of what is remembered."""
    rng = random.Random(seed)
    case = rng.choice(SHIPPED.laws.rulebooks[host].cases)
    full = random_facts(rng, host, SHIPPED.schema.load(dict(case.proposal)).facts)
    bodies = []
    for _ in range(4):
        facts = {name: value for name, value in full.items() if rng.random() < 0.7}
        bodies.append(body_of(facts, host=host, rely_on_staff_positions=rng.random() < 0.7))
    for body in bodies:
        assert said(SHIPPED, body) == said(fresh(), body)
