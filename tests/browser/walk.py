"""Filling in the form as a person does: by what stands on the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from passport_service.questions import DONT_KNOW, NOBODY, NONE

from ..shipped import SHIPPED

CATALOGUE = SHIPPED.laws.catalogue


def facts_of(body) -> dict:
    """The facts of a proposal by their names."""
    return {f"{group}.{name}": value for group, members in body.items() if isinstance(members, dict) for name, value in members.items()}


def fill(page: Page, name: str, value) -> None:
    """Answers one question; no value is “I don't know”."""
    fact = CATALOGUE.facts[name]
    fields = page.locator(f'[name="{name}"]')
    if value is None and fact.type != "country" and not _is_list(fields):
        _tick(fields, DONT_KNOW)
    elif _is_list(fields):
        fields.select_option(DONT_KNOW if value is None else value)
    elif fact.type == "yes_no":
        _tick(fields, "yes" if value else "no")
    elif fact.type == "set":
        for item in value or [NONE]:
            _tick(fields, item)
    elif fact.type == "choice":
        _tick(fields, value)
    elif fact.type == "money":
        rows = value if isinstance(value, list) else [value]
        for number, row in enumerate(rows):
            page.locator(f'[name="{name}:currency"]').nth(number).select_option(row["currency"])
            page.locator(f'input[name="{name}"]:not([type=checkbox])').nth(number).fill(row["amount"])
    else:
        page.locator(f'input[name="{name}"]:not([type=checkbox])').fill(str(value))


def _is_list(fields: Locator) -> bool:
    return fields.first.evaluate("field => field.tagName") == "SELECT" if fields.count() else False


def _tick(fields: Locator, value: str) -> None:
    fields.and_(fields.page.locator(f'[value="{value}"]')).check()


def start(page: Page, body) -> None:
    """The first page, answered with what a proposal says."""
    page.locator(f'[name=host][value="{body["host"]}"]').check()
    facts = facts_of(body)
    for name in CATALOGUE.start:
        if name in facts:
            fill(page, name, facts[name])
        elif name == "client.kind" and facts.get("client.exists") is False:
            page.locator(f'[name="{name}"]').select_option(NOBODY)
    go_on(page)


def follow(found: Locator) -> None:
    """Clicks a link or a button, and waits for where it leads: a click by itself waits for nothing."""
    with found.page.expect_navigation():
        found.click()


def go_on(page: Page) -> None:
    follow(page.get_by_role("button", name="Continue"))


def asked(page: Page) -> list[str]:
    """The facts that the page asks about."""
    return [field.get_attribute("value") for field in page.locator("input[name=ask]").all()]


def answer_all(page: Page, facts) -> list[str]:
    """Answers page after page until the answer stands there. Shapes: the facts asked, in order."""
    names = []
    while "/questions" in page.url:
        here = asked(page)
        for name in here:
            fill(page, name, facts.get(name))
        names += here
        assert len(names) < 40
        go_on(page)
    return names
