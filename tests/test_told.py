"""A reason is the same sentence wherever it is told: form, memo, PDF, CSV, command line and JSON; and so is a condition of the law."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pypdf
import pytest
import requests

from passport_service.journey import Journey
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE
from .shipped import SHIPPED
from .test_cli import passport

BLOCKED = ["UK-P02-approved/not_permitted", "UK-R12-user/over", "US-C02"]
LISTS = ("checks", "duties", "others")


def page(server, name, journey, **more):
    found = requests.get(f"{server}/{name}", params={**journey.link(), **more}, timeout=PATIENCE)
    assert found.status_code == 200
    return found


def words(text: str) -> str:
    """Text without what the end of a line or a page makes of it: white space, and the bullets of a page, which stand at its top."""
    return re.sub(r"[\s•]+", "", text)


def shown(found) -> str:
    return html.unescape(found.text)


@pytest.mark.parametrize("id_", BLOCKED)
def test_form_memo_pdf_csv_command_line_and_json_tell_the_same_sentences(server, id_):
    body = SHIPPED.case_ids[id_].proposal
    journey = Journey(body)
    answer = requests.post(f"{server}/v1/decisions", json=body, timeout=PATIENCE).json()
    closed = [row["text"] for route in answer["routes"] if route["status"] == "closed" for row in route["why"]]
    owed = [row["text"] for name in LISTS for check in answer[name] for row in check["why"]]
    assert answer["status"] == "blocked" and len(closed) > 5 and len(owed) > 2
    every = [row["text"] for route in answer["routes"] for row in (*route["why"], *route["would_open_if"])] + owed
    result = shown(page(server, "result", journey))
    assert [text for text in every if text not in result] == []
    memo = shown(page(server, "memo", journey))
    assert [text for text in closed + owed if text not in memo] == []
    pdf = pypdf.PdfReader(io.BytesIO(page(server, "memo.pdf", journey).content))
    printed = words("".join(sheet.extract_text() for sheet in pdf.pages))
    assert [text for text in closed + owed if words(text) not in printed] == []
    rows = csv.DictReader(io.StringIO(page(server, "checks.csv", journey).content.decode("utf-8-sig")))
    assert [row["why"] for row in rows] == [" ".join(row["text"] for row in check["why"]) for name in LISTS for check in answer[name]]
    printed = passport("decide", "-", stdin=json.dumps(body).encode(), COLUMNS="20000").stdout.decode()
    assert [text for text in closed if text not in printed] == []
    by_command = json.loads(passport("decide", "-", "--json", stdin=json.dumps(body).encode()).stdout)
    assert [route["why"] for route in by_command["routes"]] == [route["why"] for route in answer["routes"]]


def test_a_condition_that_does_not_hold_is_never_told_as_if_the_law_asked_for_it(server):
    """An insurer, a custodial token: settlement by the next business day is asked because the token is no swap."""
    result = shown(page(server, "result", Journey(EXAMPLE)))
    assert (
        "The token's legal form is “a third party holds the share and the token evidences the entitlement to it”, which is not “a swap or contract for "
        "differences on the share”." in result
    )
    assert "the law asks" not in result


def test_what_is_not_settled_is_not_said_to_apply(server):
    """A check that hangs on missing facts has no reasons yet, and says so; only one that always applies says that it does without any."""
    answer = requests.post(f"{server}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()
    result = shown(page(server, "result", Journey(EXAMPLE)))
    articles = {found[1]: found[0] for found in re.finditer(r'<article class="check [a-z]+" id="([^"]+)">.*?</article>', result, re.S)}
    told = 0
    for check in (row for name in LISTS for row in answer[name]):
        article = articles[check["id"]]
        if check["status"] == "undetermined" and not check["why"]:
            assert "Whether it applies, or can be met as proposed, hangs on facts that are missing." in article
            assert "It applies to every trade" not in article and "It applies because" not in article
            told += 1
        elif not check["why"]:
            assert "It applies to every trade on the routes that it bears on." in article
    assert told


def test_of_a_blocked_trade_it_is_not_said_that_missing_facts_could_not_stop_it(server):
    blocked = shown(page(server, "result", Journey(SHIPPED.case_ids["US-C02"].proposal)))
    assert "None of them can open this trade." in blocked and "None of them can stop the trade" not in blocked
    assert "None of them can stop the trade." in shown(page(server, "result", Journey(EXAMPLE)))


def test_what_the_activities_would_bring_is_told_as_routes(server):
    asked = shown(page(server, "questions", Journey({"host": "US", "registration": {"home": "GB"}}), fact="transaction.activities"))
    (part,) = re.findall(r'<dl class="effects">(.*?)</dl>', asked, re.S)
    assert "If the answer is one that includes “execute for the client”" in part
    assert re.search(r"<b>asks about:</b> <a [^>]*>US-R0", part)


def test_a_requirement_that_fails_tells_why_it_fails_and_not_why_it_applies(server):
    body = {**EXAMPLE, "screening": {"us_sanctions": "hit"}}
    result = shown(page(server, "result", Journey(body)))
    article = re.search(r'<article class="check failed".*?</article>', result, re.S)[0]
    assert "It cannot be met as proposed because:" in article and "It applies because" not in article
    assert "The result of the screening against US sanctions is “a true match”" in article


def test_a_stopped_route_tells_its_own_conditions_as_met_and_the_stop_as_what_stops_it(server):
    body = {**EXAMPLE, "screening": {"us_sanctions": "hit"}}
    result = shown(page(server, "result", Journey(body)))
    article = next(found for found in re.findall(r'<article class="route stopped".*?</article>', result, re.S) if "US-R03" in found)
    assert re.search(r"Stopped by: .*US-FC-0", article, re.S) and "Its own conditions are met:" in article and "It is closed because" not in article


def test_what_an_answer_would_do_is_told_in_the_catalogues_words(server):
    asked = shown(page(server, "questions", Journey({"host": "GB", "registration": {"home": "US"}}), fact="transaction.host_firm"))
    (part,) = re.findall(r'<dl class="effects">(.*?)</dl>', asked, re.S)
    assert "If the answer is “it plays no part”" in part
    assert "is none" not in part and "counterparty" not in part


def test_a_fact_that_cannot_apply_is_refused_with_the_reason_in_the_same_words(server):
    body = {"host": "US", "client": {"kind": "individual", "total_assets": {"amount": "1", "currency": "USD"}}}
    (error,) = requests.post(f"{server}/v1/decisions", json=body, timeout=PATIENCE).json()["errors"]
    assert (
        error["detail"] == "client.total_assets cannot apply here, because the client is “an individual” (client.kind); leave it out, or correct that"
    )
    refused = requests.get(f"{server}/result", params=Journey(body).link(), timeout=PATIENCE)
    assert refused.status_code == 422 and "cannot apply here, because the client is “an individual”" in shown(refused)


@pytest.mark.parametrize("host", ["US", "GB"])
def test_the_page_of_the_law_has_its_conditions_in_the_same_words(server, host):
    law = shown(requests.get(f"{server}/law/{host}", timeout=PATIENCE))
    requirements = SHIPPED.laws.rulebooks[host].requirements
    for id_ in sorted(requirements)[:40]:
        version = requests.get(f"{server}/v1/requirements/{id_}", timeout=PATIENCE).json()["versions"][-1]
        said = version["applies_when_words"]
        if "(" not in said and " and " not in said and " or " not in said and "it is not so" not in said:
            assert said in law, id_
    assert "none of these holds" in law or "this does not hold" in law
