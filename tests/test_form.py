"""The form over HTTP as a program meets it: the same decisions as the API, hostile input, limits, files. Browsers are in tests/browser."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
import sys

import pytest
import requests

from passport_service import memo
from passport_service.form import MOST_ASKED
from passport_service.journey import Journey, pack
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE
from .servers import serving
from .shipped import CONFIG, NOW, SHIPPED
from .test_cli import passport

CATALOGUE = SHIPPED.laws.catalogue
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}{% for x in y %}${7*7}<%= 7*7 %>",
    "' OR 1=1 --",
    "../../../../etc/passwd",
    "javascript:alert(1)",
    "\u202egnp.exe\u0000\u0007\ufeff",
    "=cmd|' /C calc'!A0",
    "é\u0301 \U0001f600 漢字",
)


def decision_in(text: str) -> str:
    return re.search(r"pd_[a-z2-7]{32}", text)[0]


def get(server, page, journey, **more):
    return requests.get(f"{server}/{page}", params={**journey.link(), **more}, timeout=PATIENCE)


@pytest.mark.parametrize("id_", ["US-C03", "UK-C01", "UK-C02", "US-C18"])
def test_form_api_and_command_line_give_the_same_decision_id(server, id_):
    body = SHIPPED.case_ids[id_].proposal
    over_api = requests.post(f"{server}/v1/decisions", json=body, timeout=PATIENCE).json()["id"]
    by_command = json.loads(passport("decide", "-", "--json", stdin=json.dumps(body).encode()).stdout)["id"]
    in_form = decision_in(get(server, "result", Journey(body)).text)
    assert in_form == over_api == by_command


def test_answering_question_by_question_gives_the_decision_of_the_whole_proposal(server):
    """The journey's own body, sent to the API, is what the page shows."""
    session = requests.Session()
    page = session.post(f"{server}/", data={"host": "US", "registration.home": "GB", "client.kind": "bank", "token.model": "swap"}, timeout=PATIENCE)
    assert page.history[0].status_code == 303
    link = html.unescape(re.search(r'href="(/result\?p=[^"]+)"', page.text)[1])
    shown = session.get(server + link, timeout=PATIENCE).text
    body = session.get(server + link.replace("/result", "/proposal.json"), timeout=PATIENCE).json()
    assert body == {"host": "US", "registration": {"home": "GB"}, "client": {"kind": "bank"}, "token": {"model": "swap"}}
    assert decision_in(shown) == session.post(f"{server}/v1/decisions", json=body, timeout=PATIENCE).json()["id"]
    assert not session.cookies


# -- hostile input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_is_shown_as_text(server, text):
    names = [fact.name for fact in CATALOGUE.given()]
    for group in (names[start : start + MOST_ASKED] for start in range(0, len(names), MOST_ASKED)):
        fields = [("p", pack({"host": "US"})), *(("ask", name) for name in group), *((name, text) for name in group)]
        page = requests.post(f"{server}/questions", data=fields, timeout=PATIENCE)
        assert page.status_code == 422 and page.headers["Content-Type"].startswith("text/html")
        assert_harmless(page, text)
    start = requests.post(
        f"{server}/", data={"host": text, **dict.fromkeys(CATALOGUE.start, text), "as_of": text, "scenario": text}, timeout=PATIENCE
    )
    assert start.status_code == 422
    assert_harmless(start, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_links_and_searches_is_shown_as_text(server, text):
    for page in (
        requests.get(f"{server}/result", params={"p": text, "k": text}, timeout=PATIENCE),
        get(server, "result", Journey({"host": text, text: text, "client": {"kind": text, text: 1}})),
        get(server, "questions", Journey({"host": "US"}), fact=text),
        get(server, "compare", Journey(EXAMPLE), as_of=text, scenario=text, chosen="1"),
        get(server, "answers", Journey(EXAMPLE, {text: text, "client.net_assets": text})),
        requests.get(f"{server}/cases", params={"q": text, "host": text}, timeout=PATIENCE),
        requests.get(f"{server}/law", params={"q": text}, timeout=PATIENCE),
        requests.get(f"{server}/cases/{text}", headers={"Accept": "text/html"}, timeout=PATIENCE),
        requests.post(f"{server}/open", data={"text": text}, headers={"Accept": "text/html"}, timeout=PATIENCE),
        requests.post(f"{server}/result", data={**Journey(EXAMPLE).link(), "held": text, "shown": text}, timeout=PATIENCE),
    ):
        assert page.status_code < 500
        assert_harmless(page, text)


def assert_harmless(page, text):
    assert "<script" not in page.text and "<img" not in page.text and "49" + "}" not in page.text and "Traceback" not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"] and page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in page.headers
    if "{{" in text and text in html.unescape(page.text):
        assert html.escape("{{7*7}}", quote=False) in page.text


@pytest.mark.parametrize(("sent", "status"), [(b"%FF%FE%C0%AF", 422), (b"\xff\xfe", 400)])
def test_bytes_that_are_no_utf8_are_refused(server, sent, status):
    body = b"p=" + pack({"host": "US"}).encode() + b"&ask=registration.authority&registration.authority=" + sent
    page = requests.post(
        f"{server}/questions", data=body, headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}, timeout=PATIENCE
    )
    assert page.status_code == status
    assert_harmless(page, "")


def test_a_very_long_answer_is_refused_and_kept(server):
    page = requests.post(
        f"{server}/questions",
        data={"p": pack({"host": "US"}), "ask": "registration.authority", "registration.authority": "A" * 20_000},
        timeout=PATIENCE,
    )
    assert page.status_code == 422 and "A" * 20_000 in page.text


@pytest.mark.parametrize("path", ["/", "/questions", "/open", "/result"])
def test_a_body_beyond_the_limit_is_refused(server, path):
    page = requests.post(f"{server}{path}", data={"text": "x" * 200_000}, headers={"Accept": "text/html"}, timeout=PATIENCE)
    assert page.status_code == 413 and "too large" in page.text


def test_nothing_is_stored_by_a_posted_form(server):
    before = requests.get(f"{server}/", timeout=PATIENCE)
    page = requests.post(f"{server}/", data={"host": "US", "registration.home": "GB"}, allow_redirects=False, timeout=PATIENCE)
    assert page.status_code == 303 and "Set-Cookie" not in page.headers
    after = requests.get(f"{server}/", timeout=PATIENCE)
    assert after.text == before.text and not after.cookies


def test_a_link_never_leads_away_from_the_service(server):
    page = requests.post(f"{server}/", data={"host": "US"}, allow_redirects=False, timeout=PATIENCE)
    assert page.headers["Location"].startswith("/questions?p=")


# -- links, files, errors -----------------------------------------------------------------------------------------------------


def test_a_link_with_answers_that_cannot_be_read_offers_the_way_on_without_them(server):
    page = get(server, "result", Journey({"host": "US", "client": {"kind": "moneylender", "location": "US"}}))
    assert page.status_code == 422 and "moneylender" in page.text
    onward = html.unescape(re.search(r'href="(/answers\?p=[^"]+)"', page.text)[1])
    assert requests.get(server + onward.replace("/answers", "/proposal.json"), timeout=PATIENCE).json() == {
        "host": "US",
        "client": {"location": "US"},
    }


def test_a_page_without_a_proposal_says_so(server):
    page = requests.get(f"{server}/result", headers={"Accept": "text/html"}, timeout=PATIENCE)
    assert page.status_code == 400 and "Begin at the start page" in page.text


def test_a_program_gets_problems_as_json_and_a_person_as_a_page(server):
    assert requests.get(f"{server}/nowhere", timeout=PATIENCE).headers["Content-Type"] == "application/problem+json"
    page = requests.get(f"{server}/nowhere", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, timeout=PATIENCE)
    assert page.status_code == 404 and page.headers["Content-Type"].startswith("text/html")


def test_a_file_saved_with_a_byte_order_mark_opens(server):
    raw = b"\xef\xbb\xbf" + json.dumps(EXAMPLE).encode()
    page = requests.post(f"{server}/open", files={"file": ("proposal.json", raw, "application/json")}, timeout=PATIENCE)
    assert page.status_code == 200 and page.history[0].status_code == 303
    assert decision_in(page.text) == requests.post(f"{server}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()["id"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'{"host": "US", "host": "GB"}', b"\xff\xfe{"])
def test_a_file_that_is_no_proposal_is_refused_in_words(server, raw):
    page = requests.post(f"{server}/open", files={"file": ("x.json", raw)}, headers={"Accept": "text/html"}, timeout=PATIENCE)
    assert page.status_code == 400 and "<h1>" in page.text


def test_the_checklist_has_every_outstanding_check_of_the_decision(server):
    answer = requests.post(f"{server}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()
    rows = list(csv.DictReader(io.StringIO(get(server, "checks.csv", Journey(EXAMPLE)).content.decode("utf-8-sig"))))
    wanted = [row["id"] for section in ("checks", "duties", "others") for row in answer[section]]
    assert [row["id"] for row in rows] == wanted
    assert rows[0].keys() == set(memo.COLUMNS) and all(row["do"] and row["citation"] and row["owed_by"] for row in rows)
    assert {row["decision"] for row in rows} == {answer["id"]}


def test_no_cell_of_the_checklist_can_be_taken_for_a_formula():
    body = SHIPPED.decide(EXAMPLE, NOW).body
    check = {**body["checks"][0], "do": "=HYPERLINK(1)", "evidence": ["@x"], "title": "+1", "deadline_note": "-1"}
    rows = list(csv.reader(io.StringIO(memo.checklist({**body, "checks": [check]}).decode("utf-8-sig"))))
    assert not [cell for row in rows[1:] for cell in row if cell[:1] in "=+-@" and cell]


def test_the_memo_names_the_law_and_leaves_room_for_two_signatures(server):
    page = get(server, "memo", Journey(EXAMPLE))
    answer = requests.post(f"{server}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()
    for words in (
        answer["id"],
        answer["rulebook"]["digest"],
        "Prepared by",
        "Approved by",
        "an insurance company",
        *(row["id"] for row in answer["checks"]),
    ):
        assert words in page.text
    assert "'sha256-" in page.headers["Content-Security-Policy"]


def test_without_the_extra_the_pdf_link_says_so_and_offers_the_print_view(monkeypatch):
    from passport_service.app import create_app

    monkeypatch.setenv("PASSPORT_CONFIG", str(CONFIG))
    monkeypatch.setenv("PASSPORT_REDIS_URL", "")
    monkeypatch.setitem(sys.modules, "weasyprint", None)  # as where it is not installed
    client = create_app().test_client()
    page = client.get("/memo.pdf", query_string=Journey(EXAMPLE).link())
    assert page.status_code == 501 and "is not installed" in page.text and 'href="/memo?p=' in page.text


def test_the_summary_counts_speak_to_the_officer(server):
    page = html.unescape(get(server, "result", Journey(EXAMPLE)).text)
    assert re.search(r"\d+ requirements: \d+ do not apply, .* remain: \d+ for you, \d+ for your chaperone", page)


def test_undetermined_never_shows_the_words_of_clear(server):
    page = get(server, "result", Journey({"host": "US"})).text
    assert "Cannot be said yet" in page and "stamp-undetermined" in page and "Clear to trade" not in page and "stamp-clear" not in page


def test_a_new_fact_appears_in_the_form_with_no_code(tmp_path):
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    for cases in config.glob("rulebooks/*/cases"):
        shutil.rmtree(cases)
    shutil.rmtree(config / "scenarios")
    (config / "scenarios").mkdir()
    text = (config / "facts.yaml").read_text()
    fact = "  client.plays_chess:\n    type: choice\n    class: circumstance\n    question: Does the client play chess?\n    values: {well: well enough, badly: badly}\n\n"
    (config / "facts.yaml").write_text(text.replace("\nfacts:\n", "\nfacts:\n\n" + fact, 1))
    body = {**EXAMPLE, "host": "US"}
    assert "client.plays_chess" not in CATALOGUE.facts
    with serving(config) as (_, address):
        page = get(address, "questions", Journey(body), fact="client.plays_chess")
        assert "Does the client play chess?" in page.text and "well enough" in page.text
        sent = requests.post(
            f"{address}/questions",
            data={**Journey(body).link(), "ask": "client.plays_chess", "client.plays_chess": "well"},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        answers = requests.get(address + sent.headers["Location"].replace("/questions", "/answers"), timeout=PATIENCE).text
        assert "well enough" in answers
