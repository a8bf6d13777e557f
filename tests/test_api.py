"""The HTTP face, met over a real gunicorn."""

from __future__ import annotations

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import requests

from passport_service.app import PROBLEMS
from passport_service.cases import mismatches
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE, until
from .shipped import NOW, SHIPPED

DECISIONS = "/v1/decisions"


def post(server, body=EXAMPLE, **more):
    return requests.request(more.pop("method", "POST"), server + more.pop("path", DECISIONS), json=body, timeout=PATIENCE, **more)


def problem(response, name):
    """The problem document, checked for its form."""
    assert response.headers["Content-Type"] == "application/problem+json"
    found = response.json()
    assert (found["type"], found["status"], response.status_code) == (f"/problems/{name}", PROBLEMS[name].status, PROBLEMS[name].status)
    assert found["request_id"] == response.headers["X-Request-Id"]
    return found


def test_the_insurer_of_the_contract_opens_a_route_and_lists_its_checks_as_they_fall_due(server):
    answer = post(server).json()
    assert (answer["status"], [row["route"] for row in answer["plan"]]) == ("checks_required", ["US-R03"])
    order = ["pre_contact", "onboarding", "pre_trade", "at_trade"]
    keys = [(order.index(row["due"]), row["id"]) for row in answer["checks"] if row["due"] in order]
    assert keys == sorted(keys) and len(keys) > 10
    assert all(row["cite"]["text"] for row in answer["checks"])


def test_query_gives_the_same_bytes_as_post_and_the_address_is_the_etag(server):
    one, other = post(server), post(server, method="QUERY")
    assert one.content == other.content
    assert one.headers["ETag"] == f'"{one.json()["id"]}-full"'
    assert one.headers["Rulebook-Digest"] == one.json()["rulebook"]["digest"]


def test_summary_leaves_out_reasons_and_paraphrases(server):
    for response in (post(server, path=DECISIONS + "?detail=summary"), post(server, headers={"Prefer": "return=minimal"})):
        answer = response.json()
        assert answer["checks"] and "not_required" not in answer
        assert not [row for row in answer["checks"] + answer["routes"] if "why" in row or "says" in row]
        assert isinstance(answer["counts"]["not_required"], int)


def test_an_answer_keeps_the_published_shape(server):
    document = requests.get(f"{server}/openapi.json", timeout=PATIENCE).json()
    for body in (EXAMPLE, {"host": "US"}, {"host": "FR"}, {"host": "GB", "registration": {"home": "US"}}):
        schema = {"$ref": "#/components/schemas/Decision", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(post(server, body).json())
        proposal = {"$ref": "#/components/schemas/Proposal", "components": document["components"]}
        jsonschema.Draft202012Validator(proposal).validate(body)


@pytest.mark.parametrize("body", [{"host": "US"}, {"host": "GB"}])
def test_a_proposal_that_says_nothing_is_undetermined_and_never_an_error(server, body):
    answer = post(server, body).json()
    assert (answer["status"], answer["missing"][0]["fact"]) == ("undetermined", "transaction.activities")


def test_a_host_without_a_rulebook_is_not_covered(server):
    answer = post(server, {"host": "FR"}).json()
    assert (answer["status"], answer["rulebook"]) == ("not_covered", None)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("malformed", {"data": b"{", "headers": {"Content-Type": "application/json"}}),
        ("malformed", {"data": b"", "headers": {"Content-Type": "application/json"}}),
        ("malformed", {"data": b'{"host":"US","host":"GB"}', "headers": {"Content-Type": "application/json"}}),
        ("too-large", {"data": b" " * 70000, "headers": {"Content-Type": "application/json"}}),
        ("unsupported-media-type", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}),
        ("unsupported-media-type", {"data": b"{}"}),
        ("not-acceptable", {"json": EXAMPLE, "headers": {"Accept": "text/html"}}),
        ("bad-query", {"json": EXAMPLE, "params": {"detail": "all"}}),
        ("bad-query", {"json": EXAMPLE, "params": {"details": "full"}}),
        ("invalid-proposal", {"json": {"host": "US", "clinet": {}}}),
        ("invalid-proposal", {"json": []}),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(server, name, request_):
    problem(requests.post(server + DECISIONS, timeout=PATIENCE, **request_), name)


def test_a_body_sent_in_chunks_meets_the_same_limit(server):
    response = requests.post(
        server + DECISIONS, data=(b" " * 1000 for _ in range(80)), headers={"Content-Type": "application/json"}, timeout=PATIENCE
    )
    problem(response, "too-large")


def test_every_problem_of_a_proposal_is_in_the_errors(server):
    found = problem(post(server, {"host": "US", "client": {"kind": "moneylender", "solicited": "no"}}), "invalid-proposal")
    assert [error["pointer"] for error in found["errors"]] == ["/client/kind", "/client/solicited"]
    assert "insurance_company" in found["errors"][0]["allowed"]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [("GET", "/v1/decisions", "method-not-allowed"), ("GET", "/nowhere", "not-found"), ("GET", "/v1/requirements/US-BD-99", "not-found")],
)
def test_what_is_not_there_is_a_problem_too(server, method, path, name):
    problem(requests.request(method, server + path, timeout=PATIENCE), name)


def test_every_problem_type_has_its_page(server):
    for name, page in PROBLEMS.items():
        response = requests.get(f"{server}/problems/{name}", timeout=PATIENCE)
        assert response.status_code == 200 and page.title in response.text


def test_a_request_id_is_kept_if_it_is_one(server):
    assert post(server, headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    # A header cannot carry a line feed, so the worst that arrives is something long or odd.
    assert post(server, headers={"X-Request-Id": "x" * 65}).headers["X-Request-Id"] != "x" * 65


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/openapi.json",
        "/livez",
        "/readyz",
        "/v1/facts",
        "/v1/rulebooks",
        "/v1/rulebooks/US",
        "/v1/rulebooks/GB",
        "/v1/requirements/UK-O43",
        "/v1/routes/US-R03",
        "/v1/scenarios",
        "/static/style.css",
    ],
)
def test_every_resource_answers(server, path):
    response = requests.get(server + path, timeout=PATIENCE)
    assert response.status_code == 200 and "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_provision_shows_its_versions_citation_logic_and_cases(server):
    found = requests.get(f"{server}/v1/requirements/US-BD-12", timeout=PATIENCE).json()
    version = found["versions"][0]
    assert version["satisfied_when"]["any"][0] == {"chaperone.net_capital": {"at_least": "250000 USD"}}
    assert version["cite"]["text"] and version["provenance"]["review_by"] and found["cases"]


def test_the_catalogue_is_a_json_schema_that_takes_the_example(server):
    schema = requests.get(f"{server}/v1/facts", timeout=PATIENCE).json()
    jsonschema.Draft202012Validator.check_schema(schema)
    facts = {group: members for group, members in EXAMPLE.items() if isinstance(members, dict)}
    jsonschema.Draft202012Validator(schema).validate(facts)


def test_worked_cases_give_over_http_what_they_give_when_the_law_compiles(server):
    # All of them run when the law compiles; over HTTP a spread of them, and the packs' own, are enough.
    everything = [case for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases if "transaction" in case.proposal]
    cases = [case for number, case in enumerate(everything) if number % 24 == 0 or case.id.startswith(("US-C", "UK-C"))]

    def run(case):
        return (
            [f"{case.id}: {text}" for text in mismatches(case.expect, post(server, dict(case.proposal)).json())]
            if "date" in case.proposal["transaction"]
            else []
        )

    with ThreadPoolExecutor(4) as pool:
        assert [text for found in pool.map(run, cases) for text in found] == []


def test_a_client_that_hangs_up_harms_nobody(server):
    where = urlsplit(server)
    for _ in range(20):
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.sendall(b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{")
    assert post(server).status_code == 200


def test_nothing_internal_leaks(server):
    for body in (b'{"host": ' + b"[" * 5 + b"]" * 5 + b"}", json.dumps({"host": "US", "client": {"kind": "x" * 5000}}).encode()):
        text = requests.post(server + DECISIONS, data=body, headers={"Content-Type": "application/json"}, timeout=PATIENCE).text
        assert "Traceback" not in text and "passport_service" not in text and len(text) < 5000


def test_the_same_proposal_gives_the_same_bytes_in_another_process(server):
    here = SHIPPED.decide(EXAMPLE, NOW).bytes()
    assert {post(server).content for _ in range(8)} == {here}


def test_a_killed_worker_is_replaced_and_the_service_goes_on(process):
    gunicorn, server = process
    children = Path(f"/proc/{gunicorn.pid}/task/{gunicorn.pid}/children")
    if not children.exists():
        pytest.skip("this system does not list a process's children")
    before = set(children.read_text().split())
    os.kill(int(min(before)), signal.SIGKILL)
    until(lambda: (now := set(children.read_text().split())) != before and len(now) >= len(before))
    assert {post(server).status_code for _ in range(8)} == {200}


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (DECISIONS, rb'{"host":"US","\ud800":1}', "malformed"),
        (DECISIONS, rb'{"host":"FR","prefer":["\ud800"]}', "malformed"),
        ("/v1/comparisons", rb'{"proposal":{"host":"US"},"columns":[{"\ud800":1}]}', "malformed"),
        ("/v1/comparisons", b'{"proposal":{"host":"US","prefer":["nope"]}}', "invalid-proposal"),
    ],
)
def test_odd_bodies_are_refused_and_never_fail(server, path, body, name):
    problem(requests.post(server + path, data=body, headers={"Content-Type": "application/json"}, timeout=PATIENCE), name)


def test_a_law_date_at_the_end_of_time_is_answered_and_no_trade_is_made_then(server):
    body = {"host": "GB", "as_of": "9999-12-31", "registration": {"home": "US"}, "transaction": {"activities": ["deal_as_principal"]}}
    assert post(server, body).status_code == 200
    for day, status in (("2199-12-31", 200), ("9999-12-31", 422)):
        body["transaction"]["date"] = day
        assert post(server, body).status_code == status


def test_of_thousands_of_unknown_members_fifty_are_told(server):
    body = {"host": "US"} | {f"registration.permission_{number}": 1 for number in range(1500)}
    found = problem(post(server, body), "invalid-proposal")
    assert len(found["errors"]) == 50
    assert found["detail"] == "More than 50 problems were found; these are 50 of them."
