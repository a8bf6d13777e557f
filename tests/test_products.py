"""What the terms of a product say reaches the reader: notices, which worked cases cannot name, and terms that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from passport_service.errors import ProposalError

from .shipped import NOW, SHIPPED

UK = {
    "registration.home": "US",
    "registration.authority": "SEC",
    "registration.status": "authorised",
    "firm.place_in_host": False,
    "firm.host_status": [],
    "staff.in_host": "none",
    "transaction.activities": ["deal_as_principal"],
    "transaction.side": "sell",
    "transaction.date": "2026-12-01",
    "transaction.host_firm": "none",
    "venue.kind": "otc",
    "client.kind": "company",
    "client.location": "GB",
    "client.category": "per_se_professional",
    "client.solicited": False,
    "promotion.timing": "none",
    "token.model": "linked_note",
    "token.issuer_country": "US",
}
US = {
    "registration.home": "GB",
    "registration.status": "authorised",
    "transaction.activities": ["deal_as_principal"],
    "transaction.side": "sell",
    "transaction.date": "2026-12-01",
    "client.kind": "insurance_company",
    "client.location": "US",
    "client.solicited": True,
    "token.issuer_country": "US",
}


def decide(host: str, facts: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"host": host}
    for name, value in facts.items():
        group, _, member = name.partition(".")
        body.setdefault(group, {})[member] = value
    return SHIPPED.decide(body, NOW).body


def told(host: str, facts: dict[str, Any]) -> set[str]:
    """The notices of an answer."""
    return {id_ for caveat in decide(host, facts)["caveats"] if caveat["kind"] == "notice" for id_ in caveat["ids"]}


@pytest.mark.parametrize("shut_out", [["uk_persons", "us_persons"], ["uk_retail"], ["retail"]])
def test_notes_whose_own_terms_exclude_a_retail_client_are_not_sold_to_it(shut_out):
    retail = UK | {"client.kind": "individual", "client.category": "retail", "token.excluded_buyers": shut_out}
    assert decide("GB", retail)["status"] == "blocked"
    assert "UK-N46" in told("GB", retail)


@pytest.mark.parametrize("category", ["per_se_professional", "elective_professional", "eligible_counterparty"])
def test_notes_whose_own_terms_exclude_another_client_are_not_sold_in_silence(category):
    facts = UK | {"client.category": category}
    assert "UK-N46" in told("GB", facts | {"token.excluded_buyers": ["uk_persons", "us_persons"]})
    for others in ([], ["uk_retail"], ["retail"]):
        assert "UK-N46" not in told("GB", facts | {"token.excluded_buyers": others})
    assert "UK-N46" not in told("GB", facts)


def test_terms_that_nobody_looked_at_are_pointed_out_and_not_held_against_the_trade():
    retail = UK | {"client.kind": "individual", "client.category": "retail"}
    answer = decide("GB", retail)
    assert answer["status"] != "blocked"
    assert any(row["id"] == "UK-O13T" and "the token's own terms shut this buyer out" in row["if"] for row in answer["only_if"])
    assert "token.excluded_buyers" not in [row["fact"] for row in answer["missing"]]


def test_a_us_person_in_the_uk_is_told_of_terms_that_shut_it_out():
    facts = UK | {"token.excluded_buyers": ["us_persons"]}
    assert "UK-N46" in told("GB", facts | {"client.reg_s_us_person": True})
    assert "UK-N46" not in told("GB", facts | {"client.reg_s_us_person": False})
    assert "UK-N46" not in told("GB", facts)


def test_a_prospectus_from_elsewhere_is_none_here():
    assert "UK-N47" in told("GB", UK | {"token.prospectus": "elsewhere"})
    assert "UK-N47" not in told("GB", UK | {"token.prospectus": "host"})
    assert "US-N47" in told("US", US | {"token.model": "linked_note", "token.prospectus": "elsewhere"})
    assert "US-N47" not in told("US", US | {"token.model": "linked_note", "token.prospectus": "none"})


def test_who_stands_behind_a_token_is_told():
    assert "UK-N48" in told("GB", UK | {"token.backing": "unsecured"})
    assert "UK-N48" not in told("GB", UK | {"token.backing": "secured"})
    note = US | {"token.model": "linked_note"}
    assert "US-N48" in told("US", note | {"token.backer": "special_purpose_vehicle", "token.backing": "secured"})
    assert "US-N48" in told("US", note | {"token.backer": "bank", "token.backing": "unsecured"})
    assert "US-N48" not in told("US", note | {"token.backer": "bank", "token.backing": "secured"})


@pytest.mark.parametrize(("day", "says"), [("2027-10-24", False), ("2027-10-25", True), ("2027-10-26", True)])
def test_whoever_can_move_the_tokens_of_others_may_hold_them_in_custody(day, says):
    facts = UK | {"transaction.date": day, "token.record_only": False}
    assert ("UK-N49" in told("GB", facts | {"token.transfer_control": ["forced_transfer"]})) is says
    assert "UK-N49" not in told("GB", facts | {"token.transfer_control": ["freeze", "allow_list"]})
    assert "UK-N49" not in told("GB", facts | {"token.transfer_control": ["forced_transfer"], "token.record_only": True})


def test_the_tax_on_a_note_looks_at_whoever_issued_it():
    assert "UK-N12" in told("GB", UK | {"token.maker_country": "GB"})
    assert "UK-N12" in told("GB", UK | {"token.maker_country": "JE", "token.issuer_country": "GB"})
    assert "UK-N12" not in told("GB", UK | {"token.maker_country": "JE"})


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"token.excluded_buyers": ["us_persons"]}, True),
        ({"token.excluded_buyers": ["us_persons"], "transaction.side": "buy"}, False),
        ({"token.excluded_buyers": ["retail"]}, False),
        ({"token.excluded_buyers": ["retail"], "client.kind": "individual"}, True),
        ({"token.excluded_buyers": []}, False),
        ({}, False),
    ],
)
def test_a_us_buyer_whom_the_terms_shut_out_is_told_of_them_whatever_the_token(facts, says):
    for model in ("custodial_entitlement", "linked_note", "native_register"):
        assert ("US-N46" in told("US", US | {"token.model": model} | facts)) is says


def test_a_record_that_moves_no_share_is_told_of_and_the_register_is_not():
    own = US | {"token.model": "issuer_notification"}
    assert "US-N50" in told("US", own | {"token.record_only": True})
    assert "US-N50" not in told("US", own | {"token.record_only": False})


@pytest.mark.parametrize(
    "facts",
    [
        {"token.model": "custodial_entitlement", "token.backing": "unsecured"},
        {"token.model": "custodial_entitlement", "token.same_rights": True, "token.votes": "nobody"},
        {"token.model": "custodial_receipt", "token.same_rights": True, "token.votes": "maker"},
        {"token.model": "native_register", "token.backer": "bank"},  # a share is nobody's promise
        {"token.model": "depository_entitlement", "token.excluded_buyers": []},
        {"token.model": "linked_note", "token.prospectus": "elsewhere", "offer.prospectus_approved": True},
    ],
)
def test_terms_that_cannot_be_are_refused(facts):
    for host, given in (("GB", UK), ("US", US)):
        with pytest.raises(ProposalError):
            decide(host, given | facts)


@pytest.mark.parametrize(("word", "meaning"), [("spv", "special_purpose_vehicle"), ("SPV", "special_purpose_vehicle")])
def test_usual_words_for_the_terms_are_read(word, meaning):
    answers = [decide("GB", UK | {"token.backer": value})["counts"] for value in (word, meaning)]
    assert answers[0] == answers[1]


def test_fully_backed_is_not_read_as_secured():
    with pytest.raises(ProposalError):
        decide("GB", UK | {"token.backing": "fully_backed"})
