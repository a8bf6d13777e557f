"""Facts, values, conditions and statuses in the plain words of a page. Knows no fact by name: the catalogue has the words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from .explain import PARTY_WORDS, party_words
from .facts import Catalogue, Fact, bounds_text
from .values import COUNTRIES, CURRENCIES

_LOCALE = Locale("en", "GB")
# Law: none; the names are those of the Unicode CLDR for the codes of ISO 3166-1 and ISO 4217.
COUNTRY_NAMES = {code: str(_LOCALE.territories.get(code, code)) for code in sorted(COUNTRIES)}
CURRENCY_NAMES = {code: str(_LOCALE.currencies.get(code, code)) for code in sorted(CURRENCIES)}

STATUS = {
    "clear": ("Clear to trade", "A route is open and no check remains before this trade."),
    "checks_required": ("Checks required", "A route is open once the checks below are done."),
    "undetermined": ("Cannot be said yet", "Facts are missing that could open or close the way. Nothing is presumed, so this is not a yes."),
    "blocked": ("Blocked", "No route is open for this trade as proposed, and no fact still unknown can open one."),
    "not_covered": ("Not covered", "The rulebook does not answer this question. That is not a yes."),
}
DUE = {
    "pre_contact": "Before the client is contacted",
    "onboarding": "When the client is taken on",
    "pre_trade": "Before the trade",
    "at_trade": "At the trade",
    "settlement": "By settlement",
    "post_trade": "After the trade",
    "periodic": "Again and again",
    "event": "When it happens",
}
LEGS = {
    "status": "May the firm do this at all?",
    "promotion": "May the client be approached this way?",
    "venue": "May it be traded in this place?",
    "form": "May it be traded in this form?",
}
REQUIREMENT = {
    "required": "to do",
    "failed": "cannot be met as proposed",
    "undetermined": "facts missing",
    "satisfied": "in place",
    "recognised": "covered by home supervision",
    "left_to_home": "left to home supervision",
    "only_if": "only in a special case",
    "not_required": "does not apply",
    "not_in_this_law": "not in this law",
}
ROUTE = {
    "planned": "open, and chosen",
    "live": "open",
    "open": "open",
    "stopped": "stopped by a check",
    "closed": "closed",
    "undetermined": "not decided yet",
    "not_in_this_law": "not in this law",
}
STANDING = {
    "in_force": "law in force",
    "order": "an order of the authority",
    "staff_position": "a position of the authority's staff, which binds nobody",
    "proposed": "proposed, not law",
    "hypothetical": "hypothetical, not law",
    "closed": "no longer open",
}
READ = {"primary": "the text was read", "secondary": "read in a good account of it", "not_read": "not re-read: check the text"}
STOPS = {
    "trade": "the trade cannot be made without it",
    "settlement": "the trade cannot settle without it",
    "nothing": "it does not hold up the trade",
}
CAVEATS = {
    "notice": "Good to know",
    "staff_position": "Rests on staff positions",
    "not_read": "Provisions not re-read",
    "review_overdue": "Review overdue",
    "attested": "Attested, not verified",
    "scenario": "Not law",
    "two_dates": "Two dates",
    "settlement_stopped": "Settlement stopped",
    "preference": "Preferred routes not open",
    "exclusive_routes": "Routes that exclude each other",
    "identifier": "Identifier to look up",
    "horizon": "Beyond the calendar",
    "not_covered": "Not covered",
}
_ABOUT = re.compile(r"cannot apply \(([a-z_.]+)\)")
_LARGE = 100_000  # a maximum from here on keeps out slips of the pen, and tells a person nothing
_LONG = 7  # a longer list of values is cut short; the page of the law has it whole
_TOKEN = re.compile(r"[A-Za-z0-9_.:-]+", re.ASCII)


def country(code: str) -> str:
    """The name of a country, or the code itself.

    >>> country("GB"), country("another")
    ('United Kingdom', 'another')
    """
    return COUNTRY_NAMES.get(code, code)


def day(iso: str) -> str:
    """A date in words; what is no date is left as it is.

    >>> day("2026-12-01"), day("soon")
    ('1 December 2026', 'soon')
    """
    try:
        return format_date(dt.date.fromisoformat(iso), "d MMMM y", _LOCALE)
    except ValueError:
        return iso


def money(rows: Any) -> str:
    """Amounts with their currencies.

    >>> money({"amount": "40000000", "currency": "USD"})
    '40,000,000 USD'
    """
    rows = rows if isinstance(rows, list) else [rows]
    return " and ".join(f"{format_decimal(Decimal(row['amount']), locale=_LOCALE, decimal_quantization=False)} {row['currency']}" for row in rows)


def said(fact: Fact, value: Any) -> str:
    """An answer as it stands in a proposal, in words."""
    if isinstance(value, dict) and "unknown" in value:
        return "I don't know"
    if isinstance(value, bool):
        return "yes" if value else "no"
    match fact.type:
        case "set":
            return "; ".join(fact.values.get(item, item) for item in value) or "none"
        case "money":
            return money(value)
        case "country":
            return country(value)
        case "date":
            return day(value)
        case "integer" | "decimal":
            unit = fact.unit or ""
            return f"{value} {unit.removesuffix('s') if str(value) == '1' else unit}".strip()
    return fact.values.get(value, str(value))


def bounds(fact: Fact) -> str:
    """What numbers answer a question, in a sentence; "" where the bounds would tell a person nothing."""
    if fact.type not in ("integer", "decimal") or fact.minimum is None or fact.maximum is None:
        return ""
    text = bounds_text(fact) if fact.maximum < _LARGE else f"{fact.minimum} or more"
    return f"{text[:1].upper()}{text[1:]}."


def condition(fact: Fact | None, text: str) -> str:
    """A test in the words of an answer (“is bank or is another”) with the fact's own words for its values."""
    if fact is None:
        return text
    labels: Mapping[str, str] = COUNTRY_NAMES if fact.type == "country" else fact.values
    number = r"(?<![\w.-])\d{5,}(?:\.\d+)?(?![\w-])"
    if fact.type == "date":
        return re.sub(r"\d{4}-\d{2}-\d{2}", lambda found: day(found[0]), text)
    if fact.type in ("money", "integer", "decimal"):
        return re.sub(number, lambda found: format_decimal(Decimal(found[0]), locale=_LOCALE, decimal_quantization=False), text)
    words = _TOKEN.sub(lambda found: f"“{labels[found[0]]}”" if found[0] in labels else found[0], text)
    start, *more = words.split(", ")
    return words if len(more) < _LONG else f"{', '.join([start, *more[: _LONG - 2]])} and {len(more) - _LONG + 2} more"


def named(name: str) -> str:
    """A fact's name as a short label.

    >>> named("client.total_assets")
    'client: total assets'
    """
    group, _, member = name.partition(".")
    return f"{group}: {member}".replace("_", " ")


def reason(catalogue: Catalogue, row: Mapping[str, str]) -> dict[str, str]:
    """One `why` of an answer in words. Shapes: question, answer, and the test of the law."""
    fact = catalogue.facts.get(row["fact"])
    labels: Mapping[str, str] = {} if fact is None else COUNTRY_NAMES if fact.type == "country" else fact.values
    value = "; ".join(labels.get(part, part) for part in row["value"].split(", "))
    if fact is not None and fact.type in ("money", "date"):
        value = condition(fact, row["value"])
    value = "none" if value == "empty" else _ABOUT.sub(lambda found: f"cannot apply, because of “{named(found[1])}”", value)
    test = condition(fact, row["test"])
    label = fact.question if fact and fact.name in catalogue.derived else named(row["fact"])
    return {"fact": row["fact"], "label": label, "question": fact.question if fact else row["fact"], "value": value, "test": test}


def effects(then: str) -> list[tuple[str, list[str]]]:
    """What an answer would do: the word, and the ids that it holds of.

    >>> effects("US-R21 closed; US-R22 closed; US-CL-01 not required")
    [('closed', ['US-R21', 'US-R22']), ('not required', ['US-CL-01'])]
    """
    found: dict[str, list[str]] = {}
    for part in then.split("; "):
        id_, _, word = part.partition(" ")
        ids = found.setdefault(word, [])
        if id_ not in ids:
            ids.append(id_)
    return list(found.items())


def owes(party: str) -> str:
    """Who owes a check, spoken to the officer.

    >>> owes("firm"), owes("chaperone"), owes("client")
    ('you', 'your chaperone', 'the client')
    """
    return {"firm": "you", "chaperone": "your chaperone"}.get(party) or PARTY_WORDS.get(party) or party_words(party)


def listing(items: Iterable[str], last: str = "and") -> str:
    """Items as a phrase.

    >>> listing(["a", "b", "c"]), listing(["a"])
    ('a, b and c', 'a')
    """
    *first, final = items
    return f"{', '.join(first)} {last} {final}" if first else final
