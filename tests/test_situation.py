"""What follows from the stated facts."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.catalogue import read_catalogue
from passport_service.conditions import Leaf
from passport_service.outcome import MAY, MUST, outcome
from passport_service.situation import learn, situate
from passport_service.source import Report, parse

from .examples import examples
from .shipped import NOW, SHIPPED, random_facts, random_value
from .worlds import DAYS, Maker, catalogue

CATALOGUE = catalogue()


def same(one, other):
    return (
        one.known == other.known
        and one.cannot_apply == other.cannot_apply
        and dict(one.unknown) == dict(other.unknown)
        and one.limits == other.limits
        and one.may_not_apply == other.may_not_apply
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


def outcomes(situation, *leaves):
    return [outcome(situation.leaf(leaf)).value for leaf in leaves]


def test_what_only_follows_from_a_bound_waits_until_the_fact_is_known_to_apply():
    # Of the law we ship: a venue that is under an order is one of the tokenised venues; over the counter, there is none.
    under_order = [Leaf("venue.under_order", "is", True), Leaf("venue.under_order", "is", False)]
    base = situate(SHIPPED.laws.catalogue, {"venue.operator_us_person": False})
    assert outcomes(base, *under_order) == ["false", "unknown"]
    assert outcomes(learn(base, "venue.kind", "otc")[0], *under_order) == ["false", "false"]
    assert outcomes(learn(base, "venue.kind", "us_tokenized_venue")[0], *under_order) == ["false", "true"]


def test_an_amount_that_only_follows_from_a_bound_waits_until_it_is_known_to_apply():
    # Of the law we ship: what somebody owns in all is at least what is left after debts, and is asked only of those who are no individuals.
    million = Decimal(1_000_000)
    owns = [Leaf("client.total_assets", operator, (50 * million, "USD")) for operator in ("at_least", "below")]
    base = situate(SHIPPED.laws.catalogue, {"client.net_assets": {"USD": 60 * million}})
    assert outcomes(base, *owns) == ["unknown", "false"]
    assert outcomes(learn(base, "client.kind", "individual")[0], *owns) == ["false", "false"]
    assert outcomes(learn(base, "client.kind", "company")[0], *owns) == ["true", "false"]
    # What is asked of the same clients is asked of this one.
    assert outcomes(situate(SHIPPED.laws.catalogue, {"client.financial_assets": {"USD": 60 * million}}), *owns) == ["true", "false"]


@pytest.mark.parametrize("host", ["US", "GB"])
@given(st.integers(0, 2**32 - 1))
@examples(15)
def test_learning_a_fact_unsettles_no_test_of_any_fact(host, seed):
    """Bounds, guards and what is derived, over the catalogue we ship: amounts are large, so that bounds decide."""
    rng = random.Random(seed)
    catalogue = SHIPPED.laws.catalogue
    leaves = SHIPPED.laws.law(host, NOW.date()).leaves
    near = catalogue.bounded.union(catalogue.guard_facts)
    situation = situate(catalogue, {})
    before = [situation.leaf(leaf) for leaf in leaves]
    for name in rng.sample(sorted(near), len(near)):
        value = random_value(rng, catalogue.facts[name])
        if catalogue.facts[name].type == "money":
            value = {currency: amount * rng.choice([1, 1000]) for currency in ("GBP", "USD") for amount in value.values()}
        learnt = None if situation.settled(name) else learn(situation, name, value)
        situation = situation if learnt is None else learnt[0]
        after = [situation.leaf(leaf) for leaf in leaves]
        for leaf, old, new in zip(leaves, before, after, strict=True):
            assert not (old & MUST and not new & MUST) and not (new & MAY and not old & MAY), (name, leaf)
        before = after


RATIOS = """
groups: {transaction: {title: T}, g: {title: G}}
facts:
  transaction.activities: {type: set, class: circumstance, question: 'What?', values: {deal: deal}}
  g.held: {type: integer, minimum: 0, maximum: 1000000, class: circumstance, unit: pieces, question: 'Held?'}
  g.all: {type: integer, minimum: 0, maximum: 1000000, class: circumstance, unit: pieces, question: 'Of how many?'}
  g.paid: {type: money, class: circumstance, question: 'Paid?'}
  g.owed: {type: money, class: circumstance, question: 'Owed?'}
  g.day: {type: date, class: circumstance, question: 'Day?'}
derived:
  derived.share: {ratio: {of: g.held, to: g.all}, says: the share}
  derived.quota: {ratio: {of: g.paid, to: g.owed}, says: the quota}
"""


def read_ratios(text=RATIOS):
    report = Report()
    return read_catalogue(parse(text, "facts.yaml", report), {}, report), [problem.detail for problem in report.problems]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"g.held": 5, "g.all": 200}, {"derived.share": Decimal("2.5")}),
        ({"g.held": 5, "g.all": 0}, {}),
        ({"g.held": 5}, {}),
        ({"g.paid": {"USD": Decimal(1)}, "g.owed": {"USD": Decimal(8), "GBP": Decimal(3)}}, {"derived.quota": Decimal("12.5")}),
        ({"g.paid": {"USD": Decimal(1)}, "g.owed": {"GBP": Decimal(8)}}, {}),
    ],
)
def test_a_ratio_is_a_share_in_per_cent_where_there_is_something_to_divide(facts, expected):
    ratios, problems = read_ratios()
    assert problems == []
    assert {name: value for name, value in situate(ratios, facts).known.items() if name.startswith("derived.")} == expected


@pytest.mark.parametrize("day", ["2027-02-01", "2027-02-28"])
def test_a_month_ends_on_its_last_day_whichever_of_its_days_is_known(day):
    months, problems = read_ratios(RATIOS + "  derived.month: {month_end: {date: g.day}, says: the end of the month}\n")
    assert problems == []
    assert situate(months, {"g.day": dt.date.fromisoformat(day)}).known["derived.month"] == dt.date(2027, 2, 28)
    assert "derived.month" not in situate(months, {}).known


def test_a_ratio_is_of_numbers_of_one_type():
    assert read_ratios(RATIOS.replace("to: g.all", "to: g.day"))[1] == ["the type of g.day is date; expected money or integer or decimal"]
    assert read_ratios(RATIOS.replace("to: g.all", "to: g.owed"))[1] == ["the inputs have one type"]


# -- refusals ------------------------------------------------------------------------------------------------------------------


def details(catalogue_, facts):
    return [(problem.pointer, problem.detail) for problem in situate(catalogue_, facts).problems]


def test_a_fact_that_cannot_apply_is_refused_with_what_rules_it_out_and_with_nothing_else():
    assert details(CATALOGUE, {"c.flag": False, "c.inner": True}) == [
        ("/c/inner", "c.inner cannot apply here, because the answer to “Flag?” is no (c.flag); leave it out, or correct that")
    ]
    # Down a chain of guards, the fact that does apply is named.
    assert details(CATALOGUE, {"c.flag": False, "c.deep": 5}) == [
        ("/c/deep", "c.deep cannot apply here, because the answer to “Flag?” is no (c.flag); leave it out, or correct that")
    ]


GUARDS = """
groups: {transaction: {title: T}, g: {title: G}}
facts:
  transaction.activities: {type: set, class: circumstance, question: 'What?', values: {deal: deal}}
  g.kind: {type: choice, class: circumstance, question: 'What kind?', values: {one: one, two: two}}
  g.place: {type: country, class: circumstance, question: 'Where?'}
  g.plain: {type: yes_no, class: circumstance, question: 'Plain?', asked_when: {all: [{not: {g.kind: {is: one}}}, {g.place: {is: GB}}]}}
  g.never: {type: yes_no, class: circumstance, question: 'Never?', asked_when: never}
  g.least: {type: date, class: circumstance, question: 'The first?'}
  g.middle: {type: date, class: circumstance, question: 'The second?'}
  g.most: {type: date, class: circumstance, question: 'The last?'}
  g.here: {type: yes_no, class: circumstance, question: 'Here?'}
  g.near: {type: yes_no, class: circumstance, question: 'Near?'}
  g.anywhere: {type: yes_no, class: circumstance, question: 'Anywhere?'}
bounds:
  - {fact: g.least, at_most: g.middle}
  - {fact: g.middle, at_most: g.most}
  - {fact: g.here, at_most: g.near}
  - {fact: g.near, at_most: g.anywhere}
"""


@pytest.mark.parametrize(
    ("facts", "pointer", "detail"),
    [
        # Of the two parts of the guard one holds, `not` and all: only the other is the reason.
        (
            {"g.kind": "two", "g.place": "FR", "g.plain": True},
            "/g/plain",
            "g.plain cannot apply here, because the answer to “Where?” is “France”, which is not “United Kingdom” (g.place); leave it out, or correct that",
        ),
        (
            {"g.kind": "one", "g.place": "GB", "g.plain": True},
            "/g/plain",
            "g.plain cannot apply here, because the answer to “What kind?” is “one” (g.kind); leave it out, or correct that",
        ),
        ({"g.never": True}, "/g/never", "g.never cannot apply here, because it is never asked; leave it out"),
        # Bounds that cross are told of the facts that were stated, in words that suit their type.
        ({"g.least": DAYS[1], "g.most": DAYS[0]}, "/g/least", "g.least cannot be later than g.most"),
        ({"g.here": True, "g.anywhere": False}, "/g/here", "g.here cannot be yes while g.anywhere is no"),
    ],
)
def test_a_contradiction_is_told_in_words_that_are_true_of_it(facts, pointer, detail):
    assert (pointer, detail) in details(read_ratios(GUARDS)[0], facts)
