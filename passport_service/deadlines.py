"""The last day on which something may be done: how the law counts it, which day that is, and by what steps a reader can check it.

Knows no provision: the terms of a deadline, the calendar by which its days are counted, and whether a last day that does not
count moves are law data. Where a calendar does not reach, no day is told, and the sentence says why.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from typing import Any

from .calendars import DAY, PERIODS, Calendar, end_of, later
from .catalogue import fact_of_type
from .facts import Catalogue
from .source import Node, Report
from .values import parse_integer

UNITS = ("days", "business_days", "months")
ROLLS = ("none", "following", "preceding")
# roll -> (the way to go, how the move is told)
_MOVES = {"following": (1, "to the next {}"), "preceding": (-1, "back to the {} before it")}

Terms = Mapping[str, Any]
LastDay = tuple[str, str | None, str]  # date, time of day, and the rule in words
Found = tuple[LastDay | None, str | None]  # and a sentence where there is no day


def read_deadline(node: Node, catalogue: Catalogue, report: Report) -> dict[str, Any]:
    """The terms of a deadline as written; mistakes are reported."""
    keys = report.mapping(node, ("after", "calendar", "roll"), (*UNITS, "end_of", "day_of_month", "at", "says", "when", "special"))
    numbers = {key: report.parse(keys[key], parse_integer) for key in (*UNITS, "day_of_month") if key in keys}
    named = {"calendar": catalogue.calendars, "roll": ROLLS, "end_of": PERIODS}
    found = {key: report.one_of(keys[key], allowed, key) for key, allowed in named.items() if key in keys}
    fact = fact_of_type(keys["after"], catalogue.facts, ("date",), report) if "after" in keys else None
    if fact and not fact.label:
        report.error(keys["after"], f"{fact.name} has no name in a sentence (`label`), so that no deadline after it can be told")
    if len(numbers.keys() & {*UNITS}) != 1:
        report.error(node, "a deadline adds exactly one of days, business_days and months")
    if any(value is not None and value < 0 for value in numbers.values()) or not 1 <= (numbers.get("day_of_month") or 1) <= 31:
        report.error(node, "a deadline counts forward, to a day from 1 to 31")
    if "day_of_month" in keys and ("months" not in keys or "end_of" in keys):
        report.error(node, "`day_of_month` goes with `months`, and not with `end_of`")
    if "business_days" in keys and found.get("roll") not in ("none", None):
        report.error(keys["roll"], "a count of business days ends on one of them, so that nothing moves: `roll: none`")
    if "at" in keys and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", str(keys["at"].value)):
        report.error(keys["at"], "expected a time of day as HH:MM")
    special = {"special": True} if "special" in keys and report.yes_no(keys["special"]) else {}
    return found | numbers | {key: report.text(keys[key]) for key in ("after", "at", "says") if key in keys} | special


# -- which day ----------------------------------------------------------------------------------------------------------


def last_day(terms: Terms, start: dt.date | None, catalogue: Catalogue, timezone: str) -> Found:
    """The last day, counted from a date that may not be known yet."""
    calendar, label = catalogue.calendars[terms["calendar"]], catalogue.facts[terms["after"]].label
    if start is None:
        return None, f"{_period(terms, calendar, label)}; that date is not known."
    begins = end_of(terms["end_of"], start) if "end_of" in terms else start
    period = _period(terms, calendar, label, begins or start)
    counted = begins and later(begins, terms, calendar)
    if counted is None:
        return None, f"{period}; {_beyond(calendar, 'business_days' in terms)}."
    if "day_of_month" in terms:
        counted = counted.replace(day=min(terms["day_of_month"], monthrange(counted.year, counted.month)[1]))
    if terms["roll"] == "none":
        day, told = counted, f"{period}: {_at(_in_full(counted), terms, timezone)}{_remark(terms, begins, counted, calendar)}"
    else:
        day, told = _moved(terms, period, counted, calendar, timezone)
    if day is None:
        return None, told
    return (day.isoformat(), terms.get("at"), f"{told}. {terms['says']}." if "says" in terms else told), None


def _moved(terms: Terms, period: str, counted: dt.date, calendar: Calendar, timezone: str) -> tuple[dt.date | None, str]:
    """The last day where it moves off a day that does not count, and how that came about."""
    step, way = _MOVES[terms["roll"]]
    day = calendar.nearest(counted, step)
    if day is None:
        return None, f"{period}; the last day, {_date(counted)}, may move {way.format(calendar.day)}, and {_beyond(calendar, True)}."
    if day == counted:
        return day, f"{period}: {_at(_in_full(day), terms, timezone)}"
    passed = [f"{_date(one)} ({calendar.holidays[one]}) is none" for one in _between(counted, day) if one in calendar.holidays]
    told = f"{period}; the last day, {_date(counted)}, is {_why_off(counted, calendar)}, so it moves {way.format(calendar.day)}: "
    return day, told + _at(_date(day), terms, timezone) + (f", as {_listed(passed)}" if passed else "")


def _remark(terms: Terms, begins: dt.date, counted: dt.date, calendar: Calendar) -> str:
    """What a reader who counts for himself would stumble over."""
    if "business_days" in terms:
        skipped = [begins + n * DAY for n in range(1, (counted - begins).days)]
        weekend = sorted({one.weekday() for one in skipped if one.weekday() in calendar.weekend})
        days = [f"{(dt.date(2024, 1, 1) + number * DAY):%A}s" for number in weekend]  # 1 January 2024 was a Monday
        days += [f"{_date(one)} ({calendar.holidays[one]})" for one in skipped if one in calendar.holidays and one.weekday() not in calendar.weekend]
        return f"; {_listed(days)} {'do' if len(days) > 1 or weekend else 'does'} not count" if days else ""
    shorter = "months" in terms and "day_of_month" not in terms and counted.day < begins.day
    remark = f"; {counted:%B} has no day {begins.day}" if shorter else ""
    if calendar.covers(counted) and not calendar.is_business_day(counted):
        remark += f"; it is no {calendar.day}{_holiday(counted, calendar)}, and does not move"
    return remark


# -- in words -------------------------------------------------------------------------------------------------------------


def in_words(terms: Terms, catalogue: Catalogue) -> str:
    """The terms of a deadline without any date: what a page of the law shows."""
    calendar = catalogue.calendars[terms["calendar"]]
    text = _period(terms, calendar, catalogue.facts[terms["after"]].label) + (f", by {terms['at']}" if "at" in terms else "")
    if terms["roll"] != "none":
        text += f"; a last day that is no {calendar.day} moves {_MOVES[terms['roll']][1].format(calendar.day)}"
    elif "business_days" not in terms:
        text += "; the last day does not move"
    return f"{text} ({calendar.title})"


def _period(terms: Terms, calendar: Calendar, label: str, begins: dt.date | None = None) -> str:
    """From when, and how much is counted: 15 calendar days after the first sale (13 November 2026)."""
    unit = next(unit for unit in UNITS if unit in terms)
    number = terms[unit]
    since = f"the end of the {terms['end_of']} of {label}" if "end_of" in terms else label
    if begins is not None:
        off = f", a {begins:%A}" if begins.weekday() in calendar.weekend else f", {calendar.holidays[begins]}" if begins in calendar.holidays else ""
        since += f" ({_date(begins)}{off})"
    if "day_of_month" in terms:
        return f"day {terms['day_of_month']} of {'the month' if number == 1 else f'month {number}'} after that of {since}"
    words = {"days": "calendar day", "business_days": calendar.day, "months": "month"}[unit]
    return f"{number} {words}{'' if number == 1 else 's'} after {since}"


def _at(day: str, terms: Terms, timezone: str) -> str:
    """The day, with the time of day and whose time that is."""
    place = timezone.rpartition("/")[2].replace("_", " ")
    return f"{day}, by {terms['at']} {place} time" if "at" in terms else day


def _date(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _in_full(day: dt.date) -> str:
    return f"{_date(day)}, a {day:%A}"


def _why_off(day: dt.date, calendar: Calendar) -> str:
    return f"a {day:%A}" if day.weekday() in calendar.weekend else f"a {day:%A}{_holiday(day, calendar)}"


def _holiday(day: dt.date, calendar: Calendar) -> str:
    return f" ({calendar.holidays[day]})" if day in calendar.holidays else ""


def _between(one: dt.date, other: dt.date) -> list[dt.date]:
    """The days between two, from the first to the last."""
    low, high = min(one, other), max(one, other)
    return [low + n * DAY for n in range(1, (high - low).days)]


def _beyond(calendar: Calendar, counts: bool) -> str:
    if not counts:
        return "that day lies beyond the years that can be counted"
    return f"the calendar “{calendar.title}” reaches from {_date(calendar.first)} to {_date(calendar.horizon)} only"


def _listed(items: Iterable[str]) -> str:
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last
