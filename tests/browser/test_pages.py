"""Every page, in light and dark: axe finds nothing, nothing runs over the edge, and nothing needs script or loads from elsewhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from passport_service.journey import Journey

from ..shipped import SHIPPED
from .walk import go_on

CASES = SHIPPED.case_ids
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 360, 640, 1280)  # 640 is 1280 at 200 % zoom, 320 at 400 %
KINDS = ("yes_no", "choice", "set", "country", "code", "money", "integer", "decimal", "date", "text", "identifier")


def link(page: str, id_: str = "US-C03", **more) -> str:
    return Journey(CASES[id_].proposal).link()["p"].join((f"/{page}?p=", "")) + "".join(f"&{name}={value}" for name, value in more.items())


def _first(status: str) -> str:
    return next(id_ for id_, case in CASES.items() if case.expect["status"] == status)


PAGES = {
    "start": "/",
    "start again": link(""),
    "thin": Journey({"host": "US"}).link()["p"].join(("/questions?p=", "")),
    **{f"question of type {kind}": link("questions", fact=next(f.name for f in SHIPPED.laws.catalogue.given() if f.type == kind)) for kind in KINDS},
    "answers": link("answers"),
    "blocked": link("result", _first("blocked")),
    "undetermined": link("result", _first("undetermined")),
    "checks required": link("result", _first("checks_required")),
    "clear": link("result", _first("clear")) if any(case.expect["status"] == "clear" for case in CASES.values()) else "/",
    "not covered": link("result", _first("not_covered")),
    "scenario": link("result", next(id_ for id_, case in CASES.items() if "scenario" in case.proposal)),
    "compare": link("compare"),
    "memo": link("memo"),
    "cases": "/cases?q=venue",
    "law": "/law?q=chaperone",
    "docs": "/docs",
    "receipts": "/verify",
    "problem": "/problems/malformed",
    "damaged link": "/result?p=%25",
    "unreadable": Journey({"host": "US", "client": {"kind": "<script>"}}).link()["p"].join(("/result?p=", "")),
    "nothing here": "/nowhere",
}


def violations(page) -> list[str]:
    """What axe finds, in light and in dark."""
    lines = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        lines += [f"{scheme}: {row['id']}: {row['help']}: {node['target']} {node['failureSummary'][:300]}" for row in found for node in row["nodes"]]
    return lines


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(open_page, name):
    assert violations(open_page(PAGES[name])) == []


def test_axe_finds_no_violation_in_errors(open_page):
    page = open_page("/")
    page.locator('[name="registration.authority"]:not([type=checkbox])').fill("F C A")
    go_on(page)
    assert violations(page) == []


def test_axe_finds_no_violation_with_everything_unfolded(open_page):
    page = open_page(PAGES["checks required"])
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert violations(page) == []


@pytest.mark.parametrize("host", ["US", "GB"])
def test_axe_finds_no_violation_on_the_pages_of_the_law(open_page, host):
    page = open_page(f"/law/{host}")
    # Hundreds of provisions look alike: the first few of each kind stand for all, and axe takes seconds and not minutes.
    page.evaluate(
        "document.querySelectorAll('main > section').forEach(part => [...part.querySelectorAll('article')].slice(4).forEach(one => one.remove()))"
    )
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_over_the_edge(open_page, name):
    page, found = open_page(PAGES[name]), {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found[width] = page.evaluate("document.documentElement.scrollWidth")
    assert {width: got for width, got in found.items() if got > width} == {}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_no_script_and_loads_nothing_from_elsewhere(open_page, server, name):
    page = open_page(PAGES[name])
    assert page.locator("script").count() == 0
    assert page.locator("[style], [onclick], [onload]").count() == 0
    loaded = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert [url for url in loaded if not url.startswith(server)] == []


def test_every_page_has_one_first_heading_and_a_title_of_its_own(open_page):
    titles = {}
    for name, path in PAGES.items():
        page = open_page(path)
        assert page.locator("h1").count() == 1 or "question" in name or name == "thin", name
        titles.setdefault(page.title(), []).append(name)
    assert all("Passport" in title or title.startswith("Memo") for title in titles)


def test_the_status_is_told_by_words_and_shape_and_not_by_colour_alone(open_page):
    looks = {}
    for status in ("checks required", "blocked", "undetermined", "clear", "not covered"):
        page = open_page(PAGES[status])
        banner = page.locator(".status")
        looks[status] = (
            banner.locator("h1").inner_text(),
            banner.locator("svg").inner_html(),
            banner.evaluate("one => getComputedStyle(one).borderTopStyle"),
        )
    assert len({words for words, _, _ in looks.values()}) == len({shape for _, shape, _ in looks.values()}) == 5
    assert looks["undetermined"][2] == "dashed" and looks["clear"][2] == "solid"


def test_focus_is_always_seen(open_page):
    page = open_page("/")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_the_keyboard_alone_reaches_the_first_answer(open_page):
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Or open a worked case"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("[name=host]:checked").count() == 1
