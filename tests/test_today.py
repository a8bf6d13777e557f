"""What would it be today: what stands otherwise, which change of law is behind it, and which receipts of a folder are due."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from passport_service import keys, renewal
from passport_service.archive import file_away
from passport_service.receipt import issue
from passport_service.today import today
from passport_service.verification import verify

from .small_law import ISSUER, NOW, PROPOSAL, TEXTS, amended, bound, key_list, service

KEYS = key_list()
BEFORE = service()
RECEIPT = issue(BEFORE, KEYS, PROPOSAL, NOW)
LATER = NOW + dt.timedelta(days=7)


def beside(tmp_path, texts, now=LATER, receipt=RECEIPT):
    file_away(bound(), tmp_path)
    current = service(texts, tmp_path)
    found = verify(receipt.compact(), KEYS, current, now)
    assert found.verified
    return today(found.payload, found.held, current, now)


def test_under_the_same_law_nothing_differs():
    found = today(RECEIPT.payload, BEFORE, BEFORE, NOW)
    assert (found["differs"], found["says"]) == (False, "The answer is the same today: checks required.")
    assert (found["rows"], found["provisions"], found["facts"], found["missing"]) == ([], [], [], [])


def test_an_amended_route_is_named_as_the_reason_with_its_citation(tmp_path):
    found = beside(tmp_path, amended(route=True))
    assert found["status"] == {"then": "checks_required", "now": "blocked"}
    assert found["plan"] == {"then": ["R1"], "now": []}
    assert found["provisions"] == [
        {
            "id": "R1", "kind": "route", "cause": "amendment", "how": "changes", "from": "2026-11-24", "title": "Dealing with persons",
            "standing": "in_force", "cite": {"text": "The Small Act 2020, s 2 as amended", "url": None},
        }
    ]  # fmt: skip
    assert (
        found["says"] == "Today it is blocked and not checks required. Because R1 (The Small Act 2020, s 2 as amended) was amended from 2026-11-24."
    )
    assert [(row["id"], row["then"], row["now"]) for row in found["rows"]][0] == ("R1", "planned", "closed")


def test_a_definition_that_was_amended_stands_behind_what_reads_it(tmp_path):
    body = PROPOSAL | {"client": {"kind": "bank", "since": "2026-11-02"}, "transaction": PROPOSAL["transaction"] | {"date": "2026-12-01"}}
    receipt = issue(BEFORE, KEYS, body, NOW)
    found = beside(tmp_path, amended(definition=True), receipt=receipt)
    assert [(row["id"], row["then"], row["now"]) for row in found["rows"]] == [("Q2", "not_required", "required")]
    assert [(row["id"], row["kind"], row["cause"]) for row in found["provisions"]] == [("long_known", "definition", "amendment")]
    assert found["status"] == {"then": "checks_required", "now": "checks_required"} and "with one line otherwise" in found["says"]


def test_a_calendar_that_changed_shows_in_the_facts_it_derives(tmp_path):
    body = PROPOSAL | {"client": {"kind": "bank", "since": "2026-11-10"}, "transaction": PROPOSAL["transaction"] | {"date": "2026-11-25"}}
    receipt = issue(BEFORE, KEYS, body, NOW)
    found = beside(tmp_path, amended(holiday=True), receipt=receipt)
    text = "The number of business days for which the client is known was 11 and is now 10."
    assert found["facts"] == [{"fact": "derived.days_known", "then": 11, "now": 10, "text": text}]


def test_a_version_that_was_known_already_is_told_as_a_date_and_not_as_an_amendment(tmp_path):
    texts = amended(route=True, version="2026.11.22")
    known = service(texts)
    receipt = issue(known, KEYS, PROPOSAL | {"as_of": "2026-11-23"}, NOW)
    assert receipt.payload["decision"]["status"] == "checks_required"
    found = today(receipt.payload, known, known, LATER)
    assert found["law_date"] == {"then": "2026-11-23", "now": "2026-11-30"}
    assert [(row["id"], row["cause"], row["from"]) for row in found["provisions"]] == [("R1", "date", "2026-11-24")]
    assert "R1 (The Small Act 2020, s 2 as amended) has another version in force from 2026-11-24" in found["says"]


def test_a_trade_that_lies_ahead_is_judged_by_the_law_of_its_day_as_now_known(tmp_path):
    body = PROPOSAL | {"transaction": PROPOSAL["transaction"] | {"date": "2027-06-01"}}
    receipt = issue(BEFORE, KEYS, body, NOW)
    found = beside(tmp_path, amended(route=True), receipt=receipt)
    assert found["law_date"] == {"then": "2027-06-01", "now": "2027-06-01"} and found["status"]["now"] == "blocked"


def test_a_review_alone_changes_no_answer(tmp_path):
    texts = amended()
    text = texts["rulebooks/us/rulebook.yaml"].replace("reviewed_on: 2026-11-22", "reviewed_on: 2026-11-24")
    found = beside(tmp_path, texts | {"rulebooks/us/rulebook.yaml": text})
    assert not found["differs"] and found["provisions"] == [] and found["valid_until"] != RECEIPT.payload["valid_until"]


def test_a_change_of_what_to_do_is_told_even_where_the_status_stays(tmp_path):
    texts = amended()
    text = texts["rulebooks/us/rulebook.yaml"].replace("Obtain the signature of a chaperone.", "Obtain two signatures.")
    found = beside(tmp_path, texts | {"rulebooks/us/rulebook.yaml": text})
    assert [(row["id"], row["changed"]) for row in found["rows"]] == [("Q1", ["do"])]
    assert found["rows"][0]["values"] == {"do": {"then": "Obtain the signature of a chaperone.", "now": "Obtain two signatures."}}
    assert [row["id"] for row in found["provisions"]] == ["Q1"]


def test_a_question_that_must_be_asked_otherwise_says_so(tmp_path):
    facts = TEXTS["facts.yaml"].replace("bank: a bank, person", "credit_institution: a bank, person")
    text = amended()["rulebooks/us/rulebook.yaml"].replace("{is: bank}", "{is: credit_institution}")
    found = beside(tmp_path, amended() | {"facts.yaml": facts, "rulebooks/us/rulebook.yaml": text})
    assert found["differs"] and found["status"] == {"then": "checks_required", "now": None}
    assert found["problems"][0]["pointer"] == "/client/kind" and found["problems"][0]["allowed"] == ["credit_institution", "person"]


def test_what_the_law_now_asks_and_did_not_is_among_the_missing(tmp_path):
    texts = amended()
    text = texts["rulebooks/us/rulebook.yaml"].replace(
        "        opens_when: {client.kind: {is: bank}}", "        opens_when: {all: [{client.kind: {is: bank}}, {client.resident: {is: yes}}]}"
    )
    facts = TEXTS["facts.yaml"].replace(
        "  client.since:", "  client.resident: {type: yes_no, class: circumstance, question: 'Resident?'}\n  client.since:"
    )
    found = beside(tmp_path, texts | {"facts.yaml": facts, "rulebooks/us/rulebook.yaml": text})
    assert found["status"]["now"] == "undetermined" and found["missing"] == [{"fact": "client.resident", "question": "Resident?"}]


# -- a folder of receipts ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def after(tmp_path):
    file_away(bound(), tmp_path)
    return service(amended(route=True), tmp_path)


def test_each_receipt_gets_the_state_that_a_firm_must_know(after):
    person = issue(
        after,
        KEYS,
        {"host": "US", "as_of": "2026-11-30", "registration": {"home": "GB"}, "transaction": {"activities": ["deal"]}, "client": {"kind": "person"}},
        NOW,
    )
    thin = issue(BEFORE, KEYS, {"host": "US"}, NOW)
    other = issue(BEFORE, key_list(), PROPOSAL, NOW)

    def state(receipt, now=LATER, within=30):
        return renewal.judge("a.json", receipt.flattened(), KEYS, after, now, within).state

    assert state(RECEIPT) == "worse"
    assert state(person) == "same"
    assert state(person, within=200) == "lapses"
    assert state(person, dt.datetime(2027, 5, 22, 12, tzinfo=dt.UTC)) == "lapsed"
    assert state(thin) == "same"
    assert state(other) == "invalid"
    line = renewal.judge("b.json", RECEIPT.flattened()[:-9], KEYS, after, LATER)
    assert (line.state, line.says) == ("invalid", "Step 1, form: This is not JSON. Keep a receipt exactly as it came.")


def test_without_the_old_law_the_report_names_what_stands_otherwise():
    line = renewal.judge("a.json", RECEIPT.flattened(), KEYS, service(amended(route=True)), LATER)
    assert (line.state, line.causes, line.ids) == ("worse", (), ("R1",))


def test_the_report_is_worst_first_and_counts_every_state(after):
    lines = [
        renewal.Line(name, state, "")
        for name, state in (("a", "same"), ("b", "lapses"), ("c", "worse"), ("d", "invalid"), ("e", "lapsed"), ("f", "changed"))
    ]
    lines.append(renewal.judge("g", RECEIPT.flattened(), KEYS, after, LATER))
    found = renewal.report(lines)
    assert [row["file"] for row in found["receipts"]] == ["d", "g", "c", "f", "e", "b"]
    assert found["counts"] == {"invalid": 1, "worse": 2, "changed": 1, "lapsed": 1, "lapses": 1, "same": 1}
    assert found["provisions"] == [
        {"id": "R1", "title": "Dealing with persons", "cite": "The Small Act 2020, s 2 as amended", "cause": "amendment", "receipts": 1}
    ]
    assert len(renewal.report(lines, everything=True)["receipts"]) == 7
    assert json.dumps(found)


def test_a_revoked_key_makes_every_receipt_of_it_invalid(after):
    key = KEYS.keys[0]
    revoked = keys.KeyList(ISSUER, (keys.Key(key.kid, key.jwk, revoked="lost"),))
    assert renewal.judge("a", RECEIPT.flattened(), revoked, after, LATER).state == "invalid"
