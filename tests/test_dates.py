"""The law works to the day: each date of the law has a worked case on the day before and on the day itself."""

from __future__ import annotations

import datetime as dt

import pytest

from .shipped import NOW, SHIPPED

PAIRS = [
    ("the tokenised venue order begins", "2026-09-16", "US-C08/before-the-order", "2026-09-17", "US-C08/first-day"),
    ("the tokenised venue order ends", "2031-09-17", "US-C08/last-day", "2031-09-18", "US-C08/sunset"),
    ("the GENIUS Act takes effect", "2027-01-17", "US-STABLECOIN", "2027-01-18", "US-STABLECOIN/first-day"),
    ("UK settlement in one day", "2027-10-10", "UK-O39-two-days", "2027-10-11", "UK-O39-two-days/first_day"),
    ("the swap levels fall", "2028-05-08", "US-DE-MINIMIS/last-day", "2028-05-09", "US-DE-MINIMIS/first-day-after"),
    ("the UK sandbox lapses", "2029-01-07", "UK-R12-user/last_day", "2029-01-08", "UK-R12-user/after"),
    ("the UK cryptoasset regime begins", "2027-10-24", "UK-O53-first-day/day_before", "2027-10-25", "UK-O53-first-day"),
    ("the UK short selling regime begins", "2026-07-12", "UK-O26-uncovered/day_before_unsaid", "2026-07-13", "UK-O26-uncovered/list_unsaid"),
    ("the UK public offer regime begins", "2026-01-18", "UK-O34-public/before", "2026-01-19", "UK-O34-public"),
    ("the Berne agreement begins", "2025-12-31", "UK-R14-wealthy/day_before", "2026-01-01", "UK-R14-wealthy/first_day"),
]


def dated(id_: str) -> set[str]:
    """The law date and the transaction's own date of a case."""
    proposal = SHIPPED.case_ids[id_].proposal
    return {proposal.get("as_of"), proposal.get("transaction", {}).get("date")}


@pytest.mark.parametrize(("what", "day", "before", "next_day", "after"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_the_law_changes_on_its_day(what, day, before, next_day, after):
    assert dt.date.fromisoformat(next_day) - dt.date.fromisoformat(day) == dt.timedelta(days=1)
    assert day in dated(before) and next_day in dated(after)
    cases = [SHIPPED.case_ids[before], SHIPPED.case_ids[after]]
    answers = [SHIPPED.decide(case.proposal, NOW, reasons=False, missing=False).body for case in cases]
    assert [SHIPPED.run_case(case) for case in cases] == [[], []]
    assert outline(answers[0]) != outline(answers[1])


def outline(answer) -> list:
    """What a reader would see change: statuses, routes, requirements, and the provisions themselves."""
    from passport_service.cases import requirement_statuses

    routes = [(row["id"], row["status"], row["live"]) for row in answer["routes"]]
    says = [(row["id"], row["says"]) for section in ("checks", "duties", "others") for row in answer[section]]
    return [answer["status"], routes, requirement_statuses(answer), says]


def test_on_the_first_day_of_the_order_no_notice_can_have_run():
    answer = SHIPPED.decide(SHIPPED.case_ids["US-C08/first-day"].proposal, NOW).body
    assert answer["status"] == "blocked"
    assert any(row["id"] == "US-TS-03" and row["status"] == "failed" for row in answer["checks"])


def test_typical_proposals_of_twelve_to_fifteen_facts_settle_their_route_on_both_hosts():
    us = {
        "host": "US",
        "registration": {"home": "GB"},
        "firm": {"place_in_host": False, "host_status": []},
        "transaction": {
            "date": "2026-12-01",
            "activities": ["deal_as_principal"],
            "host_firm": "none",
            "securities_act_basis": "registered_class_secondary",
        },
        "client": {"kind": "insurance_company", "location": "US", "solicited": True, "total_assets": {"amount": "40000000", "currency": "USD"}},
        "token": {"model": "custodial_entitlement", "us_listed": True, "same_rights": True},
        "venue": {"kind": "otc"},
    }
    gb = {
        "host": "GB",
        "registration": {"home": "US", "status": "authorised"},
        "firm": {"place_in_host": False, "host_status": []},
        "transaction": {"date": "2026-12-01", "activities": ["deal_as_principal"], "host_firm": "counterparty"},
        "client": {"kind": "registered_adviser", "location": "GB", "host_authorised": True},
        "token": {"model": "custodial_entitlement"},
        "venue": {"kind": "otc"},
        "promotion": {"timing": "planned"},
        "staff": {"in_host": "none"},
    }
    for body, route in ((us, "US-R03"), (gb, "UK-R02")):
        count = sum(len(group) for group in body.values() if isinstance(group, dict))
        answer = SHIPPED.decide(body, NOW).body
        assert 12 <= count <= 15 and route in [row["route"] for row in answer["plan"]], (count, answer["status"], answer["plan"])
        assert answer["status"] == "checks_required"
