"""What was probably meant: only what is close, and never the opposite or another provision."""

from __future__ import annotations

import pytest

from passport_service.errors import closest

from .shipped import SHIPPED

IDS = {kind: sorted(id_ for book in SHIPPED.laws.rulebooks.values() for id_ in getattr(book, kind)) for kind in ("requirements", "routes")}


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("clinet", ["client", "token"], "client"),
        ("knd", ["kind", "lei"], "kind"),
        ("clientKind", ["client.kind"], "client.kind"),
        ("US_EXCHANGE", ["us_exchange"], "us_exchange"),
        ("us_exchnge", ["us_exchange", "uk_exchange"], "us_exchange"),
        ("insurance company", ["insurance_company"], "insurance_company"),
        ("us-bd-3", ["US-BD-03", "US-BD-30"], "US-BD-03"),
        ("US-DB-03", ["US-BD-03"], "US-BD-03"),
        ("US-BD-30", ["US-BD-03", "US-BD-09"], "US-BD-03"),
    ],
)
def test_a_slip_of_the_pen_is_understood(word, known, meant):
    assert closest(word, known) == meant


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("US-ZZ-99", IDS["requirements"]),
        ("US-BD-99", IDS["requirements"]),
        ("US-R99", IDS["routes"]),
        ("UK-BD-03", ["US-BD-03"]),
        ("uk_ats", ["us_ats"]),
        ("registered", ["restricted", "authorised"]),
        ("before_trade", ["pre_trade"]),
        ("unsolicited", ["solicited"]),
        ("active", ["inactive"]),
        ("token_unlisted", ["token_listed"]),
        ("non_member", ["member"]),
        ("rule_144", ["rule_144a"]),
        ("stablecoin", ["tokenised_deposit", "commercial_bank_money"]),
        ("x" * 81, ["x" * 80]),
        ("", ["a"]),
        ("_", ["a"]),
    ],
)
def test_what_is_not_close_is_not_suggested(word, known):
    assert closest(word, known) is None


def test_where_two_are_equally_close_neither_is_suggested():
    assert closest("firn", ["firm", "fire"]) is None
    assert closest("bank_branc", ["bank_branch", "bank_brance"]) is None


def test_no_value_of_a_fact_is_a_slip_of_another():
    """So no suggestion leads from one answer to another of its own question. The ids of two exemptions differ by the order of two digits."""
    found = {
        (fact.name, value, meant)
        for fact in SHIPPED.laws.catalogue.facts.values()
        for value in fact.values
        if (meant := closest(value, [other for other in fact.values if other != value]))
    }
    assert {name for name, _, _ in found} <= {"promotion.exemptions_claimed"}
