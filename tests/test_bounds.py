"""Bounds of numbers, amounts and days: stated in the catalogue, said by the published schema and the form, kept by the service and the loader."""

from __future__ import annotations

import html

import jsonschema
import pytest
import requests

from passport_service import publish
from passport_service.catalogue import read_catalogue
from passport_service.errors import ProposalError
from passport_service.journey import Journey
from passport_service.source import Report, parse

from .patience import PATIENCE
from .shipped import SHIPPED

CATALOGUE = SHIPPED.laws.catalogue
SCHEMA = publish.facts_schema(CATALOGUE)
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
# Written out: what each number may come to. A share of a class may exceed the whole where short positions or new shares are counted.
BOUNDS = {
    "firm.us_advisory_clients": (0, 1000000),
    "holding.net_short_percent": (0, 1000000),
    "holding.percent_after": (0, 100),
    "holding.percent_before": (0, 100),
    "holding.us_gross_short_percent": (0, 1000000),
    "offer.further_issue_percent": (0, 1000000),
    "offer.host_persons": (0, 1000000000),
    "offer.non_accredited_buyers": (0, 1000000000),
    "sandbox.gate": (1, 3),
    "settlement.cycle_days": (0, 1000),
    "staff.unescorted_days": (0, 366),
    "swap.leverage": (0, 1000000),
    "token.fund_us_holders": (0, 1000000000),
    "transaction.affiliate_shares": (0, 1000000000000000),
    "venue.dss_gate": (0, 4),
    "venue.prior_exceedances": (0, 100000),
    "venue.share_of_volume": (0, 1000000),
    "venue.tape_delay_minutes": (0, 1000000),
    "venue.tier1_symbols": (0, 100000),
    "venue.tier2_symbols": (0, 100000),
}
NUMBERS = [fact for fact in CATALOGUE.given() if fact.type in ("integer", "decimal", "money", "date")]


def body(name, value):
    group, _, member = name.partition(".")
    return {"host": "US", group: {member: value}}


def problem(name, value) -> str:
    """What the service says of a value by itself; "" where it takes it."""
    try:
        SHIPPED.schema.read(body(name, value))
    except ProposalError as error:
        assert [found.pointer for found in error.problems] == ["/" + name.replace(".", "/")]
        return error.problems[0].detail
    return ""


def published(name, value) -> bool:
    """Whether the published schema takes a value."""
    group, _, member = name.partition(".")
    schema = {"$defs": SCHEMA["$defs"], **SCHEMA["properties"][group]["properties"][member]}
    return jsonschema.Draft202012Validator(schema, format_checker=CHECKER).is_valid(value)


def tried(fact):
    """Values on, just within and just beyond a fact's bounds, and other spellings of them."""
    match fact.type:
        case "integer":
            low, high = fact.minimum, fact.maximum
            return [low - 1, low, low + 1, high - 1, high, high + 1, -(10**17), 10**17, 0, -1]
        case "decimal":
            high = str(fact.maximum)
            texts = [
                "0",
                "-0",
                "-0.0",
                "-0.00000001",
                "-1",
                "0.00000001",
                "00",
                "007.5",
                "0.123456789",
                f"{high}",
                f"{high}.0",
                f"{high}.00000001",
                f"0{high}",
            ]
            return [
                *texts,
                str(fact.maximum - 1),
                f"{fact.maximum - 1}.99999999",
                str(fact.maximum + 1),
                f"{high}0",
                "9" * 18,
                "0" * 17 + "1",
                "1" * 19,
            ]
        case "money":
            texts = ["0", "-0", "-0.00", "-1", "0.01", "9" * 18, "1" * 19]
            return [{"amount": text, "currency": "USD"} for text in texts] + [[{"amount": text, "currency": "USD"}] for text in texts]
    first, last = fact.minimum.year, fact.maximum.year
    days = [
        f"{first - 1}-12-31",
        f"{first}-01-01",
        f"{last}-12-31",
        f"{last + 1}-01-01",
        "0001-01-01",
        "0226-12-01",
        "9999-12-31",
        "2026-12-01",
        "2026-02-30",
    ]
    return [*days, "2026-12-1"]


def test_every_number_states_its_bounds():
    stated = {fact.name: (fact.minimum, fact.maximum) for fact in CATALOGUE.given() if fact.type in ("integer", "decimal")}
    assert stated == BOUNDS
    assert {(str(fact.minimum), fact.maximum) for fact in NUMBERS if fact.type == "money"} == {("0", None)}
    days = {fact.name: (str(fact.minimum), str(fact.maximum)) for fact in NUMBERS if fact.type == "date"}
    assert days.pop("token.first_uk_listing_date") == ("1800-01-01", "2199-12-31")
    assert set(days.values()) == {("1900-01-01", "2199-12-31")}


@pytest.mark.parametrize("fact", NUMBERS, ids=lambda fact: fact.name)
def test_the_published_schema_and_the_service_take_the_same_values(fact):
    for value in tried(fact):
        assert published(fact.name, value) == (problem(fact.name, value) == ""), value


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("venue.tier1_symbols", -1, "-1 is out of bounds; expected from 0 to 100000 (symbols)"),
        ("holding.percent_after", "101", "101 is out of bounds; expected from 0 to 100%"),
        ("holding.percent_before", "100.00000001", "100.00000001 is out of bounds; expected from 0 to 100%"),
        ("holding.percent_after", "-0", "0 is out of bounds"),
        ("sandbox.gate", 0, "expected from 1 to 3 (gate)"),
        ("venue.dss_gate", 5, "5 is out of bounds; expected from 0 to 4 (gate)"),
        ("staff.unescorted_days", 367, "from 0 to 366 (days)"),
        ("transaction.date", "0226-12-01", "0226-12-01 is out of bounds; expected from 1900-01-01 to 2199-12-31"),
        ("client.net_assets", {"amount": "-0.01", "currency": "USD"}, "an amount is not negative"),
        ("client.net_assets", {"amount": "-0", "currency": "USD"}, "an amount is not negative"),
    ],
)
def test_what_cannot_be_is_refused_in_words(server, name, value, says):
    found = requests.post(f"{server}/v1/decisions", json=body(name, value), timeout=PATIENCE)
    (error,) = found.json()["errors"]
    assert (found.status_code, error["pointer"]) == (422, "/" + name.replace(".", "/")) and says in error["detail"]


@pytest.mark.parametrize(
    ("name", "value"), [("holding.net_short_percent", "140"), ("offer.further_issue_percent", "250"), ("venue.share_of_volume", "180.5")]
)
def test_what_is_rare_is_taken(name, value):
    assert problem(name, value) == ""


def test_the_form_says_the_bounds_and_keeps_them(server):
    journey = Journey({"host": "GB"})
    page = requests.get(f"{server}/questions", params={**journey.link(), "fact": "holding.percent_after"}, timeout=PATIENCE)
    assert "From 0 to 100%." in page.text and 'aria-describedby="holding.percent_after:help holding.percent_after:bounds"' in page.text
    page = requests.get(f"{server}/questions", params={**journey.link(), "fact": "venue.tier1_symbols"}, timeout=PATIENCE)
    assert "0 or more." in page.text
    page = requests.get(f"{server}/questions", params={**journey.link(), "fact": "transaction.date"}, timeout=PATIENCE)
    assert 'type="date" min="1900-01-01" max="2199-12-31"' in page.text
    page = requests.post(f"{server}/questions", data={**journey.link(), "ask": "venue.tier1_symbols", "venue.tier1_symbols": "-1"}, timeout=PATIENCE)
    assert page.status_code == 422 and "-1 is out of bounds; expected from 0 to 100000 (symbols)" in html.unescape(page.text)


# -- the loader ---------------------------------------------------------------------------------------------------------------

FACTS = """
groups: {{transaction: {{title: T}}, g: {{title: G}}}}
limits: {limits}
facts:
  transaction.activities: {{type: set, class: circumstance, question: What?, values: {{deal: deal}}}}
  g.x: {{{fact}, class: circumstance, question: 'X?'}}
  g.y: {{type: yes_no, class: circumstance, question: 'Y?', asked_when: {guard}}}
"""


def mistakes(fact, limits="{}", guard="{transaction.activities: {includes: deal}}", published=False):
    report = Report()
    text = FACTS.format(fact=fact, limits=limits, guard=guard)
    read_catalogue(parse(text, "facts.yaml", report), {}, report, published)
    return [problem.detail for problem in report.problems]


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        ("type: integer, unit: pieces", "states its `minimum` and its `maximum`"),
        ("type: integer, unit: pieces, minimum: 0", "states its `minimum` and its `maximum`"),
        ("type: decimal, unit: '%', maximum: 100", "states its `minimum` and its `maximum`"),
        ("type: integer, unit: pieces, minimum: 5, maximum: 4", "the minimum 5 is more than the maximum 4"),
        ("type: integer, unit: pieces, minimum: none, maximum: 4", "not a whole number"),
        ("type: decimal, unit: '%', minimum: 1, maximum: 100", "a power of ten"),
        ("type: decimal, unit: '%', minimum: 0, maximum: 50", "a power of ten"),
        ("type: money, minimum: -5", "the minimum of a decimal is 0"),
        ("type: date, minimum: 2026-01-02, maximum: 2030-12-31", "first of a year"),
        ("type: date, minimum: yesterday, maximum: 2030-12-31", "not a date"),
        ("type: yes_no, minimum: 0", "only a number, an amount or a day has bounds"),
        ("type: text, maximum: 10", "only a number, an amount or a day has bounds"),
    ],
)
def test_bounds_that_are_lacking_or_make_no_sense_do_not_load(fact, says):
    (found,) = mistakes(fact)
    assert says in found


@pytest.mark.parametrize(
    ("fact", "guard", "says"),
    [
        ("type: integer, unit: pieces, minimum: 0, maximum: 4", "{g.x: {at_least: 5}}", "g.x is never 5: it runs from 0 to 4"),
        ("type: decimal, unit: '%', minimum: 0, maximum: 100", "{g.x: {exceeds: '100.5'}}", "g.x is never 100.5: it runs from 0 to 100"),
        ("type: date, minimum: 2000-01-01, maximum: 2099-12-31", "{g.x: {before: 1999-12-31}}", "g.x is never 1999-12-31"),
    ],
)
def test_a_threshold_that_no_value_reaches_does_not_load(fact, guard, says):
    (found,) = mistakes(fact, guard=guard)
    assert says in found


def test_a_fact_s_own_bounds_stand_before_those_of_its_type():
    assert mistakes("type: date, minimum: 1800-01-01", "{date: {minimum: 1900-01-01, maximum: 2199-12-31}}") == []
    assert mistakes("type: text", "{text: {maximum: 9}}") == ["unknown key 'text'; known: money, date"]


def test_law_published_before_there_were_bounds_is_still_read():
    assert mistakes("type: integer, unit: pieces", published=True) == []
