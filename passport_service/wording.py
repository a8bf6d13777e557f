"""The words of a page: statuses, standings and dates as they are told to an officer. Sentences about facts are those of `sentences`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from . import sentences
from .explain import PARTY_WORDS, party_words
from .facts import Fact, bounds_text

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
# Why a requirement stands as it does: the title, what comes before the reasons, and what is said where there are none.
WHY = {
    "required": ("Why it applies", "It applies because:", "It applies to every trade on the routes that it bears on."),
    "failed": ("Why it cannot be met", "It cannot be met as proposed because:", "No trade on the routes that it bears on can meet it."),
    "undetermined": (
        "Whether it applies",
        "It applies; whether it can be met as proposed hangs on facts that are missing. It applies because:",
        "Whether it applies, or can be met as proposed, hangs on facts that are missing.",
    ),
}
ROUTE_WHY = {
    "open": ("Its own conditions are met:", "It needs no further fact."),
    "closed": ("It is closed because:", "No further fact could open it, as the law is read here."),
    "undetermined": ("", ""),
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
    "authority": "Home authority not known here",
    "read_as": "Words that were read",
    "horizon": "Beyond the calendar",
    "not_covered": "Not covered",
}
_LARGE = 100_000  # a maximum from here on keeps out slips of the pen, and tells a person nothing


def day(iso: str) -> str:
    """A date in words; what is no date is left as it is.

    >>> day("2026-12-01"), day("soon")
    ('1 December 2026', 'soon')
    """
    try:
        return sentences.day(dt.date.fromisoformat(iso))
    except ValueError:
        return iso


def money(rows: Any) -> str:
    """Amounts with their currencies.

    >>> money({"amount": "40000000", "currency": "USD"})
    '40,000,000 USD'
    """
    return sentences.amounts({row["currency"]: Decimal(row["amount"]) for row in (rows if isinstance(rows, list) else [rows])})


def dues(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What a requirement of an answer has of a last day and of an amount. Shapes: (what it is, the value or "", how it comes about or why there is none)."""
    found = []
    if row["deadline"] or row["deadline_note"]:
        deadline = row["deadline"] or {"rule": row["deadline_note"]}
        time = f", {deadline['at']}" if deadline.get("at") else ""
        found.append(("Deadline", f"{day(deadline['date'])}{time}" if "date" in deadline else "", deadline["rule"]))
    if row["amount"] or row["amount_note"]:
        found.append(("Amount", money(row["amount"]) if row["amount"] else "", row["amount_note"] or ""))
    return found


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
            return sentences.country(value)
        case "date":
            return day(value)
        case "integer" | "decimal":
            return sentences.quantity(Decimal(value), fact.unit)
    return fact.values.get(value, str(value))


def bounds(fact: Fact) -> str:
    """What numbers answer a question, in a sentence; "" where the bounds would tell a person nothing."""
    if fact.type not in ("integer", "decimal") or fact.minimum is None or fact.maximum is None:
        return ""
    text = bounds_text(fact) if fact.maximum < _LARGE else f"{fact.minimum} or more"
    return f"{text[:1].upper()}{text[1:]}."


def named(name: str) -> str:
    """A fact's name as a short label.

    >>> named("client.total_assets")
    'client: total assets'
    """
    group, _, member = name.partition(".")
    return f"{group}: {member}".replace("_", " ")


def effects(then: str) -> list[tuple[str, list[str]]]:
    """What an answer would do: the word, and the ids that it holds of.

    >>> effects("US-R21 closed; US-R22 closed; US-CL-01 not required")
    [('closed', ['US-R21', 'US-R22']), ('not required', ['US-CL-01'])]
    >>> effects("asks about US-R21, US-R22"), effects("no route")
    ([('asks about', ['US-R21', 'US-R22'])], [('no route', [])])
    """
    if then == "no route":
        return [(then, [])]
    if then.startswith("asks about "):
        return [("asks about", then.removeprefix("asks about ").split(", "))]
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
