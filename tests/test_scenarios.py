"""Scenarios as overlays, comparisons, the law for lawyers, and the review of the law."""

from __future__ import annotations

import datetime as dt
import json
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

from .shipped import NOW, ROOT, SHIPPED
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


RECOGNISED = (
    ROUTE.replace("close: [Q2]\n    ", "")
    + "    add_requirement:\n    - id: X-Q"
    + ADDED
    + "          topic: t\n          duty_on: firm\n          due: pre_trade\n          stops: trade\n          on_routes: [X-R]\n"
    + "          applies_when: always\n          check: {do: Register., evidence: [paper]}\n"
    + "    add_recognition:\n    - id: X-D"
    + ADDED
    + "          requirements: [X-Q, Q2]\n          mode: relied_on\n          when: always\n"
)


def test_what_a_scenario_adds_only_to_recognise_it_is_no_saving_and_makes_no_difference():
    easier = service(RECOGNISED)
    body = easier.decide({**BODY, "scenario": "easier"}, NOW).body
    assert [row["id"] for row in body["recognised"]] == ["Q2", "X-Q"]
    assert (body["counts"]["recognised"], body["counts"]["requirements"]) == (1, 2)
    found = easier.compare({"proposal": BODY, "columns": [{"scenario": "easier"}]}, NOW)
    assert found["columns"][1]["counts"]["recognised"] == 1
    assert [row["id"] for row in found["rows"] if row["differs"]] == ["R", "X-R", "Q2"]
    cells = {row["id"]: [cell["status"] for cell in row["cells"]] for row in found["rows"]}
    assert cells["X-Q"] == ["not_in_this_law", "recognised"]


def test_a_comparison_says_what_changes_beside_today_and_for_whom():
    today, easier = service(RECOGNISED).compare({"proposal": BODY, "columns": [{"scenario": "easier"}]}, NOW)["columns"]
    assert today["beside_today"] is None
    beside = easier["beside_today"]
    assert ([row["id"] for row in beside["gone"]], beside["new"], beside["moved"], beside["ways"]) == (["Q2"], [], [], [])
    assert beside["firm"] == {"today": 2, "here": 1}
    assert (
        beside["says"]
        == "The firm itself would owe 1 check (2 today) and others 0 (0 today) before the trade, and the firm 0 duties (0 today) besides."
    )


def test_a_comparison_names_what_decides_whether_anything_changes():
    hosts = ROUTE.replace("close: [Q2]\n    ", "").replace("opens_when: always", "opens_when: {c.flag: {is: yes}}")
    beside = service(hosts).compare({"proposal": BODY, "columns": [{"scenario": "easier"}]}, NOW)["columns"][1]["beside_today"]
    assert beside["gone"] == beside["new"] == []
    assert [(way["route"], way["hinges_on"], way["checks"]) for way in beside["ways"]] == [("X-R", ["c.flag"], 2)]
    question = CATALOGUE.facts["c.flag"].question
    way = f"Whether it may be done by the added route (X-R), with 2 checks as far as is known, hinges on “{question}”."
    assert beside["says"] == f"Nothing changes beside today. {way}"


BESIDE_CASE = "\n    cases:\n    - {id: C, title: T, facts: {registration.home: GB, transaction.activities: [deal]}, as_of: 2026-11-23, expect: {status: checks_required, EXPECT}}\n"


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ("gone: [Q2], new: [], moved: [], hinges_on: []", None),
        ("gone: []", "gone: beside today there are ['Q2'], expected none"),
        ("new: [Q1]", "new: Q1 is not among [] beside today"),
        ("hinges_on: [c.flag]", "hinges_on: c.flag is not among [] beside today"),
    ],
)
def test_a_worked_case_expects_what_changes_beside_today(expect, says):
    checked = service(RECOGNISED + BESIDE_CASE.replace("EXPECT", expect))
    if says is None:
        assert checked.check_cases() == 1
    else:
        with pytest.raises(LawError, match=re.escape(says)):
            checked.check_cases()


README = {
    "host": "US",
    "as_of": "2026-12-01",
    "registration": {"home": "GB", "authority": "FCA", "kinds": ["investment_firm"], "status": "authorised"},
    "firm": {"place_in_host": False, "host_status": []},
    "transaction": {
        "date": "2026-12-01",
        "activities": ["deal_as_principal"],
        "host_firm": "none",
        "securities_act_basis": "registered_class_secondary",
    },
    "client": {"kind": "insurance_company", "location": "US", "solicited": True, "total_assets": {"amount": "40000000", "currency": "USD"}},
    "token": {"model": "custodial_entitlement", "issuer_country": "US", "us_listed": True, "same_rights": True},
    "venue": {"kind": "otc"},
}
HINGES = {"joint-sandbox": ["sandbox.admitted"], "exemptive-relief": [], "reciprocity": ["registration.permissions"], "stablecoin-alignment": []}


def test_the_question_of_the_readme_under_each_scenario():
    """Nothing that it says brings a scenario in; two of them turn on a fact that it leaves out, and the others do not reach it."""
    columns = SHIPPED.compare({"proposal": README, "columns": [{"scenario": name} for name in sorted(HINGES)]}, NOW)["columns"][1:]
    for column in columns:
        beside = column["beside_today"]
        assert (beside["gone"], beside["new"], beside["moved"], column["counts"]["recognised"]) == ([], [], [], 0)
        assert [name for way in beside["ways"] for name in way["hinges_on"]] == HINGES[column["scenario"]]
        assert all(0 < way["checks"] < beside["firm"]["today"] + beside["others"]["today"] for way in beside["ways"])


def test_no_scenario_counts_its_own_rows_as_recognised():
    for (_, scenario), rulebook in SHIPPED.laws.all_rulebooks():
        for case in rulebook.cases if scenario else ():
            if "/" not in case.id:
                body = SHIPPED.decide(case.proposal, NOW, reasons=False, missing=False).body
                theirs = [row["id"] for row in body["recognised"] if row["id"] not in rulebook.added]
                assert body["counts"] is None or body["counts"]["recognised"] == len(theirs), case.id


def test_each_scenario_has_cases_of_what_changes_in_both_directions():
    beside = {"gone", "new", "moved", "hinges_on"}
    found = {key: sum(not beside.isdisjoint(case.expect) for case in book.cases) for key, book in SHIPPED.laws.all_rulebooks() if key[1]}
    assert set(found) == {(host, name) for host in ("GB", "US") for name in HINGES}
    assert min(found.values()) >= 5 and sum(found.values()) >= 40


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


def test_the_page_on_scenarios_counts_as_the_answers_do():
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    said = {cells[0].strip("* "): [cell.strip("* ") for cell in cells[1:]] for cells in (line.strip("| ").split(" | ") for line in page.splitlines())}
    proposal = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    names = [None, "joint-sandbox", "exemptive-relief", "reciprocity", "stablecoin-alignment"]
    bodies = [SHIPPED.decide({**proposal, **({"scenario": name} if name else {})}, NOW, reasons=False).body for name in names]
    assert said["outstanding checks"] == [str(len(body["checks"])) for body in bodies]
    assert said["of these the firm's own"] == [str(sum(row["party"] == "firm" for row in body["checks"])) for body in bodies]
    assert said["the chaperone's"] == [str(sum(row["party"] == "chaperone" for row in body["checks"])) for body in bodies]
    assert said["recognised, of what the law asks today"] == [str(body["counts"]["recognised"]) for body in bodies]
    assert said["besides: what cannot stop the trade, or follows it"] == [str(len(body["duties"]) + len(body["others"])) for body in bodies]


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
