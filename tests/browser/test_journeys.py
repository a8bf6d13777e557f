"""Whole journeys in a real browser, with script and without: from the first page to an answer that can be filed."""

from __future__ import annotations

import io
import json

import pytest
import requests
from pypdf import PdfReader

from passport_service.openapi import EXAMPLE

from ..patience import PATIENCE
from ..shipped import SHIPPED
from .walk import answer_all, asked, facts_of, fill, follow, go_on, start

INSURER = EXAMPLE  # a UK dealer and a US insurance company
MANAGER = SHIPPED.case_ids["UK-C01"].proposal  # a US broker-dealer and a UK manager
with_and_without_script = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])


def decided(server, page) -> dict:
    """The API's decision on the proposal that the page offers for download."""
    link = page.get_by_role("link", name="Proposal as JSON").get_attribute("href")
    body = requests.get(server + link, timeout=PATIENCE).json()
    return requests.post(f"{server}/v1/decisions", json=body, timeout=PATIENCE).json()


@with_and_without_script
def test_a_uk_dealer_learns_what_to_do_before_selling_to_a_us_insurer(open_page, server, script):
    page = open_page("/", script)
    start(page, INSURER)
    names = answer_all(page, facts_of(INSURER))
    assert len(names) <= 15
    assert page.get_by_role("heading", level=1).inner_text() == "Checks required"
    assert page.get_by_role("heading", name="What must be done before the trade").is_visible()
    assert page.get_by_role("heading", name="You", exact=False).first.is_visible()
    assert "US-R03" in page.locator("#routes").locator("..").inner_text()
    answer = decided(server, page)
    assert answer["status"] == "checks_required" and answer["id"] in page.content()


@with_and_without_script
def test_a_us_broker_learns_what_to_do_before_selling_to_a_uk_manager(open_page, server, script):
    page = open_page("/", script)
    start(page, MANAGER)
    answer_all(page, facts_of(MANAGER))
    assert page.get_by_role("heading", level=1).inner_text() == "Checks required"
    answer = decided(server, page)
    assert answer["plan"] and answer["id"] in page.content()


@with_and_without_script
def test_i_do_not_know_leads_to_an_answer_that_says_it_cannot_be_said(open_page, script):
    page = open_page("/", script)
    start(page, {"host": "US", "registration": {"home": "GB"}, "transaction": {"activities": ["deal_as_principal"]}, "client": {"kind": "bank"}})
    while "/questions" in page.url:
        for name in asked(page):
            fill(page, name, None)
        go_on(page)
    assert page.get_by_role("heading", level=1).inner_text() == "Cannot be said yet"
    assert "this is not a yes" in page.locator(".status").inner_text()
    assert page.get_by_text("Answered “I don't know”").is_visible()


@with_and_without_script
def test_going_back_and_changing_an_answer_loses_nothing(open_page, script):
    page = open_page("/cases/US-C03", script)
    follow(page.get_by_role("link", name="Your answers"))
    follow(page.get_by_role("link", name="What is the client?"))
    before = page.url
    assert page.locator('[name="client.kind"]').input_value() == "private_fund"
    fill(page, "client.kind", "individual")
    go_on(page)
    page.go_back()
    assert page.url == before and page.locator('[name="client.kind"]').input_value() == "individual"  # as it was typed
    go_on(page)
    page.goto(page.url.replace("/result", "/answers").replace("/questions", "/answers"))
    # A figure that only a body can have is kept aside, as it was typed, and comes back with the body.
    assert "150,000,000 USD" in page.locator("text=Kept aside").locator("..").inner_text()
    follow(page.get_by_role("link", name="What is the client?"))
    fill(page, "client.kind", "private_fund")
    go_on(page)
    page.goto(page.url.replace("/result", "/answers").replace("/questions", "/answers"))
    assert page.get_by_text("150,000,000 USD").is_visible() and not page.get_by_text("Kept aside").is_visible()


@with_and_without_script
def test_errors_keep_what_was_typed_and_lead_to_the_fields(open_page, script):
    page = open_page("/", script)
    page.locator('[name="registration.authority"]:not([type=checkbox])').fill("<b>F C A</b>")
    page.locator('[name="client.kind"]').select_option("bank")
    go_on(page)
    assert page.title().startswith("Error: ")
    summary = page.get_by_role("alert")
    assert summary.get_by_role("link").count() == 2  # no host, and no authority of that name
    assert page.locator('[name="registration.authority"]:not([type=checkbox])').input_value() == "<b>F C A</b>"
    assert page.locator('[name="client.kind"]').input_value() == "bank"
    follow(summary.get_by_role("link").nth(1))
    assert page.url.endswith("#registration.authority")
    page.locator("[name=host][value=US]").check()
    page.locator('[name="registration.authority"]:not([type=checkbox])').fill("FCA")
    go_on(page)
    assert "/questions" in page.url and not page.title().startswith("Error")


def test_a_page_left_empty_says_what_is_wanted(open_page):
    page = open_page("/cases/US-C03")
    page.goto(page.url.replace("/result", "/questions") + "&fact=client.net_assets")
    go_on(page)
    assert page.title().startswith("Error: ") and "say that you don't know" in page.get_by_role("alert").inner_text()


def test_a_contradiction_is_told_where_it_was_made(open_page):
    page = open_page("/cases/US-C03")
    page.goto(page.url.replace("/result", "/questions") + "&fact=client.total_assets")
    fill(page, "client.total_assets", {"amount": "5", "currency": "USD"})
    go_on(page)
    assert "client: financial assets” cannot be more than “client: total assets" in page.get_by_role("alert").inner_text()
    assert page.locator('input[name="client.total_assets"]:not([type=checkbox])').input_value() == "5"


@with_and_without_script
def test_a_link_and_a_file_reopen_exactly_the_same_proposal(open_page, server, script, tmp_path):
    page = open_page("/cases/US-C03", script)
    first = page.content()
    with page.expect_download() as download:
        page.get_by_role("link", name="Proposal as JSON").click()
    file = tmp_path / "proposal.json"
    download.value.save_as(file)
    page = open_page(page.url, script)
    assert page.content() == first
    page = open_page("/", script)
    page.locator("input[type=file]").set_input_files(file)
    follow(page.get_by_role("button", name="Open"))
    assert page.content() == first
    over_api = requests.post(f"{server}/v1/decisions", data=file.read_bytes(), headers={"Content-Type": "application/json"}, timeout=PATIENCE).json()
    assert over_api["id"] in page.content() and json.loads(file.read_text()) == SHIPPED.case_ids["US-C03"].proposal


@with_and_without_script
def test_evidence_is_ticked_on_the_result_and_moves_to_what_is_in_place(open_page, script):
    page = open_page("/cases/US-C03", script)
    check = page.locator("article.check").first
    id_ = check.get_attribute("id")
    check.get_by_label("We hold this evidence").check()
    follow(page.get_by_role("button", name="Count what is ticked as in place"))
    assert page.locator(f"article.check#{id_}").count() == 0
    assert "attested, not verified" in page.locator("#held").locator("..").inner_text()
    page.locator("#held").locator("..").locator(f'[value="{id_}"][type=checkbox]').uncheck()
    follow(page.get_by_role("button", name="Count only what is ticked"))
    assert page.locator(f"article.check#{id_}").count() == 1


@with_and_without_script
def test_the_comparison_shows_differences_first(open_page, script):
    page = open_page("/cases/US-C03", script)
    follow(page.get_by_role("link", name="Compare", exact=True))
    assert page.locator(".columns > li").count() == 1 + len(SHIPPED.laws.scenarios)
    page.get_by_text("Choose what to compare with").click()
    for box in page.locator("input[name=scenario]").all():
        box.uncheck()
    page.locator("input[name=as_of]").first.fill("2027-10-11")
    follow(page.get_by_role("button", name="Compare"))
    assert page.locator(".columns > li").count() == 2
    assert "11 October 2027" in page.locator(".columns").inner_text()


@with_and_without_script
def test_the_memo_can_be_printed(open_page, script):
    page = open_page("/cases/US-C03", script)
    follow(page.get_by_role("link", name="Memo to print"))
    printed = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf())).pages)
    assert "Approved by" in printed and "Back to the answer" not in printed


# A page on which a download began is not used again: in Chromium it may answer no more.
@with_and_without_script
def test_the_memo_comes_as_pdf(open_page, script):
    page = open_page("/cases/US-C03", script)
    with page.expect_download() as download:
        page.get_by_role("link", name="Memo as PDF").click()
    text = "".join(sheet.extract_text() for sheet in PdfReader(download.value.path()).pages)
    for words in ("Checks required", "US-R04", "sha256:", "Prepared by", "Approved by", "US-BD-01", "pd_"):
        assert words in text


def test_the_checklist_comes_as_csv(open_page):
    page = open_page("/cases/US-C03")
    with page.expect_download() as download:
        page.get_by_role("link", name="Checklist as CSV").click()
    lines = download.value.path().read_bytes().decode("utf-8-sig").split("\r\n")
    assert lines[0].startswith("id,title,status,when,owed_by") and len(lines) > 20


def test_a_check_leads_to_its_provision_and_a_provision_to_its_cases(open_page):
    page = open_page("/cases/US-C03")
    follow(page.locator("article.check a.id").first)
    id_ = page.url.partition("#")[2]
    article = page.locator(f"article#{id_}")
    assert article.is_visible()
    article.get_by_text("worked cases").click()
    follow(article.get_by_role("link").filter(has_text="US-").last)
    assert "/result" in page.url


def test_the_law_can_be_searched_and_filtered_without_script(open_page):
    page = open_page("/law", script=False)
    page.get_by_label("Search provisions").fill("chaperone")
    follow(page.get_by_role("button", name="Search"))
    assert page.locator(".hits li").count() > 10
    follow(page.locator(".hits a").first)
    shown = page.locator("article:visible").count()
    page.get_by_label("staff position").check()
    assert 0 < page.locator("article:visible").count() < shown


def test_the_first_page_opens_a_full_answer_in_one_click(open_page):
    page = open_page("/")
    follow(page.locator(".cases a").first)
    assert "/result" in page.url and page.locator(".status h1").is_visible()


def test_a_newcomer_can_go_on_with_the_facts_that_still_sharpen_the_answer(open_page):
    page = open_page("/cases/US-C03")
    follow(page.get_by_role("link", name="Answer them one after another"))
    here = asked(page)
    for name in here:
        fill(page, name, None)
    go_on(page)
    assert "/questions" in page.url and not set(asked(page)) & set(here)


def test_the_signed_receipt_is_taken_away_with_the_memo_and_holds(open_page, server):
    page = open_page("/cases/US-C03")
    answer, verify = decided(server, page), page.get_by_role("link", name="Verify one").get_attribute("href")
    with page.expect_download() as download:
        page.get_by_role("button", name="Signed receipt").click()
    assert answer["id"] in download.value.suggested_filename
    page = open_page(verify)
    page.locator("input[type=file]").set_input_files(download.value.path())
    follow(page.get_by_role("button", name="Verify"))
    assert "The receipt holds" in page.get_by_role("status").inner_text()
