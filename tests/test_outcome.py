"""Kleene's laws, by name, and unknown in, unknown out for every operator of the table."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import product

import pytest

from passport_service.conditions import OPERATORS, All, Any_, Leaf, Not
from passport_service.index import Index
from passport_service.outcome import CERTAIN, IMPOSSIBLE, UNKNOWN_CHOICE, Outcome, code, limited, outcome
from passport_service.situation import evaluate, situate

from .worlds import catalogue

T, F, U = Outcome.TRUE, Outcome.FALSE, Outcome.UNKNOWN
ALL = (T, F, U)
CATALOGUE = catalogue()


def test_an_outcome_is_one_of_three_words():
    assert {found.name: found.value for found in Outcome} == {"TRUE": "true", "FALSE": "false", "UNKNOWN": "unknown"}


def test_an_outcome_refuses_bool():
    for found in ALL:
        with pytest.raises(TypeError, match="three values"):
            bool(found)


@pytest.mark.parametrize(("a", "b"), list(product(ALL, ALL)))
def test_connectives_commute_and_obey_de_morgan(a, b):
    assert (a & b) is (b & a) and (a | b) is (b | a)
    assert ~(a & b) is (~a | ~b) and ~(a | b) is (~a & ~b)


@pytest.mark.parametrize(("a", "b", "c"), list(product(ALL, ALL, ALL)))
def test_connectives_associate_distribute_and_absorb(a, b, c):
    assert ((a & b) & c) is (a & (b & c)) and ((a | b) | c) is (a | (b | c))
    assert (a & (b | c)) is ((a & b) | (a & c)) and (a | (b & c)) is ((a | b) & (a | c))
    assert (a & (a | b)) is a and (a | (a & b)) is a


@pytest.mark.parametrize("a", ALL)
def test_negation_is_an_involution_and_there_is_no_excluded_middle(a):
    assert ~~a is a and (a & a) is a and (a | a) is a
    assert (a | ~a) is (U if a is U else T)
    assert outcome(code(a)) is a


@pytest.mark.parametrize(("a", "b", "expected"), [(F, U, F), (T, U, U), (U, U, U)])
def test_unknown_never_becomes_false_in_and(a, b, expected):
    assert (a & b) is expected


@pytest.mark.parametrize(
    ("may", "must", "expected"), [(True, True, CERTAIN), (False, True, CERTAIN), (True, False, UNKNOWN_CHOICE), (False, False, IMPOSSIBLE)]
)
def test_what_a_limit_rules_out_is_false_and_not_unknown(may, must, expected):
    assert limited(may, must, UNKNOWN_CHOICE) == expected


SUITS = {"yes_no": ("c.flag", True), "choice": ("c.kind", "one"), "country": ("c.place", "GB"), "set": ("c.tags", "red"), "money": ("c.size", (Decimal(1), "USD")),
         "integer": ("c.count", 1), "decimal": ("x.share", Decimal(1)), "date": ("c.day", dt.date(2026, 1, 1))}  # fmt: skip


@pytest.mark.parametrize("operator", OPERATORS)
def test_unknown_in_unknown_out_for_every_operator(operator):
    tried = 0
    for type_ in OPERATORS[operator].types & SUITS.keys():
        fact, value = SUITS[type_]
        operand = (value,) if operator in ("in", "not_in") else () if type_ == "set" and operator != "includes" else value
        leaf = Leaf(fact, operator, operand)
        forms = [leaf, Not(leaf), All((leaf, leaf)), Any_((leaf, Not(leaf)))]
        situation = situate(CATALOGUE, {})
        index = Index(CATALOGUE, forms, {})
        codes = index.evaluate(situation).codes
        assert [outcome(codes[place]) for place in index.place] == [U] * len(forms)
        assert [outcome(evaluate(form, situation.leaf)) for form in forms] == [U] * len(forms)
        tried += 1
    assert tried
