"""Scenarios as overlays, comparisons, the law for lawyers, and the review of the law."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from passport_service import lawpage, review
from passport_service.errors import LawError, ProposalError
from passport_service.laws import Laws
from passport_service.openapi import EXAMPLE
from passport_service.reader import RulebookReader
from passport_service.scenarios import read_scenario
from passport_service.service import Service
from passport_service.source import Report, parse

from .shipped import NOW, SHIPPED
from .test_decision import requirement, route
from .worlds import Maker, catalogue, node

CATALOGUE = catalogue()
HEAD = "scenario: easier\ntitle: Easier\nstanding: hypothetical\nsays: It is supposed to be easier.\ncite: {text: A speech}\n"
ADDED = """
      versions:
        - from: 2020-01-01
          title: Supposed
          standing: hypothetical
          cite: {source: S, at: '1'}
          says: Supposed.
          provenance: {read: secondary, confidence: 2, reviewed_on: 2026-11-22}
"""


def small_law():
    import random

    never = {"needed_when": "never"}
    content = Maker(random.Random(0)).rulebook()
    content |= {"definitions": [], "recognitions": [], "routes": [route("R")], "requirements": [requirement("Q1"), requirement("Q2")]}
    content |= {"legs": {"venue": never, "form": never, "promotion": never}}
    content["head"]["roles"] = {}
    report = Report()
    rulebook = RulebookReader(CATALOGUE, report).read([node(content)], "random")
    report.check()
    return rulebook


def service(hosts: str) -> Service:
    base, report = small_law(), Report()
    found = read_scenario(parse(HEAD + hosts, "easier.yaml", report), CATALOGUE, {"US": base}, report)
    report.check()
    scenario, overlays = found
    return Service(Laws(CATALOGUE, {"US": base}, {"easier": scenario}, {(host, "easier"): book for host, book in overlays.items()}))


BODY = {"host": "US", "registration": {"home": "GB"}, "transaction": {"activities": ["deal"], "date": "2026-11-23"}}
ROUTE = (
    "hosts:\n  US:\n    close: [Q2]\n    add_route:\n    - id: X-R\n      leg: status"
    + ADDED
    + "          activities: [deal]\n          headline: by the added route\n          opens_when: always\n"
)


def test_a_scenario_adds_and_closes_and_carries_todays_answer_beside_it():
    answer = service(ROUTE).decide({**BODY, "scenario": "easier"}, NOW).body
    assert [row["route"] for row in answer["plan"]] == ["X-R"]
    assert [row["id"] for row in answer["checks"]] == ["Q1"]
    assert (answer["today"]["status"], answer["today"]["plan"][0]["route"]) == ("checks_required", "R")
    assert "not law" in next(row["text"] for row in answer["caveats"] if row["kind"] == "scenario")


def test_without_the_scenario_nothing_of_it_is_seen_and_the_addresses_differ():
    easier = service(ROUTE)
    today, supposed = easier.decide(BODY, NOW), easier.decide({**BODY, "scenario": "easier"}, NOW)
    assert b"X-R" not in today.bytes() and today.body["today"] is None
    assert today.id != supposed.id and today.body["rulebook"]["digest"] != supposed.body["rulebook"]["digest"]
    assert supposed.body["today"]["id"] == today.id


@pytest.mark.parametrize(
    ("hosts", "says"),
    [
        (ROUTE.replace("standing: hypothetical\n          cite", "standing: in_force\n          cite"), "never law"),
        (ROUTE.replace("id: X-R", "id: R"), "stands in the law already"),
        (ROUTE.replace("close: [Q2]", "close: [Q9]"), "unknown provision 'Q9'"),
        (ROUTE.replace("  US:", "  FR:"), "no rulebook for the host FR"),
        (ROUTE.replace("add_route", "amend_route"), "unknown key 'amend_route'"),
    ],
)
def test_a_scenario_is_read_strictly(hosts, says):
    with pytest.raises(LawError, match=re.escape(says)):
        service(hosts)


def test_a_comparison_puts_todays_law_first_and_names_what_differs():
    found = service(ROUTE).compare({"proposal": {**BODY, "attested": ["Q2"]}, "columns": [{"scenario": "easier"}]}, NOW)
    assert [column["scenario"] for column in found["columns"]] == [None, "easier"]
    assert found["columns"][0]["stamp"] is None and "hypothetical" in found["columns"][1]["stamp"]
    cells = {row["id"]: [cell["status"] for cell in row["cells"]] for row in found["rows"] if row["differs"]}
    assert cells == {"R": ["planned", "live"], "X-R": ["not_in_this_law", "planned"], "Q2": ["satisfied", "not_in_this_law"]}
    assert [row["differs"] for row in found["rows"]] == sorted((row["differs"] for row in found["rows"]), reverse=True)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({"columns": []}, ""),
        ({"proposal": BODY, "columns": [{}] * 13}, "/columns"),
        ({"proposal": BODY, "columns": [{"scenario": "harder"}]}, "/columns/0/scenario"),
        ({"proposal": BODY, "columns": [{}, {"asof": "2026-01-01"}]}, "/columns/1/asof"),
        ({"proposal": {**BODY, "c": {"flag": 1}}}, "/proposal/c/flag"),
    ],
)
def test_a_comparison_is_read_as_strictly_as_a_proposal(body, pointer):
    with pytest.raises(ProposalError) as found:
        service(ROUTE).compare(body, NOW)
    assert [problem.pointer for problem in found.value.problems] == [pointer]


def test_dates_are_compared_too():
    found = SHIPPED.compare({"proposal": EXAMPLE, "columns": [{"as_of": "2027-10-11"}]}, NOW)
    assert [column["as_of"] for column in found["columns"]] == ["2026-12-01", "2027-10-11"]


# -- the law, for lawyers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", sorted(SHIPPED.laws.rulebooks))
def test_the_page_of_a_host_shows_every_provision_and_needs_nothing_else(host):
    rulebook = SHIPPED.laws.rulebooks[host]
    html = lawpage.page(SHIPPED.laws, rulebook)
    for provision in rulebook.provisions():
        assert f'<article id="{provision.id}"' in html
    assert "<script" not in html and "http-equiv" not in html and not re.search(r'(src|href)="(?!https?://|#)', html)
    assert lawpage.style_hash(html).startswith("'sha256-")


def test_what_is_due_comes_worst_first():
    rows = review.due(SHIPPED.laws, dt.date(2027, 5, 22), confidence=2)
    assert rows and all(row.overdue for row in rows[:5])
    assert [row.confidence for row in rows if row.overdue] == sorted(row.confidence for row in rows if row.overdue)
    later = review.due(SHIPPED.laws, dt.date(2026, 11, 23), confidence=1)
    assert {row.read for row in later if row.confidence > 1} <= {"not_read"}


def test_every_condition_threshold_and_status_has_been_tried_or_says_why_not():
    for rows in review.coverage(SHIPPED, NOW).values():
        assert {name: row.lacking for name, row in rows.items() if row.lacking} == {}
        met, wanted = review.coverage_lines(rows.values())
        assert met == wanted > 1000
        assert any(name.startswith("threshold") for name in rows) and any(name.startswith("definition") for name in rows)


def test_what_is_said_to_be_impossible_has_not_been_shown():
    for rows in review.coverage(SHIPPED, NOW).values():
        for row in rows.values():
            assert row.wanted, f"{row.what}: coverage has no such row"
            assert not row.impossible.keys() & row.seen, f"{row.what}: a case shows {sorted(row.impossible.keys() & row.seen)}"


def test_coverage_of_a_small_law_is_exact():
    base = small_law()
    rows = review.coverage(Service(Laws(CATALOGUE, {"US": base})), NOW)
    assert rows == {"US": {}}  # nothing but `always`, and no case


def test_one_dealer_and_insurer_compared_across_the_regimes():
    # What the scenarios ask beside the proposal: that home is in good standing, and what an admission would say.
    proposal = SHIPPED.case_ids["US-XR-01"].proposal
    names = ["joint-sandbox", "exemptive-relief", "reciprocity"]
    proposal = {key: value for key, value in proposal.items() if key != "scenario"}
    found = SHIPPED.compare({"proposal": proposal, "columns": [{"scenario": name} for name in names]}, NOW)
    today, *supposed = found["columns"]
    outstanding = {column["scenario"]: sum(row["outstanding"] for row in column["plan"]) for column in found["columns"]}
    assert today["status"] == "checks_required" and outstanding["reciprocity"] < outstanding[None]
    assert [column["stamp"] is not None for column in found["columns"]] == [False, True, True, True]
    assert all("not law" in column["stamp"] for column in supposed)
    differing = [row for row in found["rows"] if row["differs"]]
    assert differing and all(any(cell["cite"] for cell in row["cells"]) for row in differing)
