"""Days, the days that are counted, and periods. A calendar ends at its horizon: beyond it nothing is known, and nothing guessed.

Trading days, settlement days and an authority's business days are not the same days, so each has a calendar of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .source import Node, Report
from .values import parse_date

DAY = dt.timedelta(days=1)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
PERIODS = tuple(_MONTHS_OF)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holidays from `first` to `horizon`, both included. Shapes: `said` is what a day that counts is called, such as "trading day"."""

    name: str
    title: str
    first: dt.date
    horizon: dt.date
    weekend: frozenset[int]
    holidays: Mapping[dt.date, str]
    said: str = ""

    @property
    def day(self) -> str:
        return self.said or "business day"

    def plain(self) -> list[object]:
        """The content, for digests. Of a calendar that does not say what its days are called as it was before any did: archived law is still read."""
        holidays = {day.isoformat(): name for day, name in sorted(self.holidays.items())}
        words = [self.title, self.said] if self.said else []
        return [self.name, self.first.isoformat(), self.horizon.isoformat(), sorted(self.weekend), holidays, *words]

    def is_business_day(self, day: dt.date) -> bool:
        return day.weekday() not in self.weekend and day not in self.holidays

    def covers(self, *days: dt.date) -> bool:
        return all(self.first <= day <= self.horizon for day in days)

    def between(self, start: dt.date, end: dt.date) -> int | None:
        """Business days after `start` up to and including `end`; negative when `end` is earlier. None beyond the horizon."""
        if not self.covers(start, end):
            return None
        low, high = min(start, end), max(start, end)
        count = sum(self.is_business_day(low + n * DAY) for n in range(1, (high - low).days + 1))
        return count if end >= start else -count

    def plus(self, start: dt.date, days: int) -> dt.date | None:
        """The day that is `days` business days later. None beyond the horizon."""
        day = start
        if not self.covers(start):
            return None
        while days:
            day += DAY
            if not self.covers(day):
                return None
            days -= self.is_business_day(day)
        return day

    def nearest(self, day: dt.date, step: int) -> dt.date | None:
        """The day itself where it counts, else the next one (`step` 1) or the one before (-1) that does. None beyond the horizon."""
        while self.covers(day) and not self.is_business_day(day):
            day += step * DAY
        return day if self.covers(day) else None


def add_months(start: dt.date, months: int) -> dt.date | None:
    """The same day of a later month; where that month is shorter, its last day. None beyond the calendar's years.

    >>> add_months(dt.date(2026, 1, 31), 1), add_months(dt.date(2024, 2, 29), 12)
    (datetime.date(2026, 2, 28), datetime.date(2025, 2, 28))
    """
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return None
    for day in range(start.day, 27, -1):
        try:
            return dt.date(year, month + 1, day)
        except ValueError:
            continue
    return dt.date(year, month + 1, min(start.day, 28))


def months_between(start: dt.date, end: dt.date, started: bool = False) -> int:
    """Complete months from `start` to `end`; with `started`, a month that has begun counts too.

    A period of 12 months *ending with* `end` holds `start` when fewer than 12 months are complete; `end` is *within*
    12 months of `start` when at most 12 have started. Units: months.

    >>> months_between(dt.date(2025, 10, 1), dt.date(2026, 10, 1)), months_between(dt.date(2025, 10, 1), dt.date(2026, 10, 2), True)
    (12, 13)
    """
    count = (end.year - start.year) * 12 + end.month - start.month
    reached = add_months(start, count)
    if reached is not None and reached > end:
        count -= 1
        reached = add_months(start, count)
    return count + 1 if started and reached != end else count


def end_of(period: str, day: dt.date) -> dt.date | None:
    """The last day of the calendar month, quarter or year in which a day lies. None beyond the calendar's years.

    >>> end_of("month", dt.date(2028, 2, 3)), end_of("quarter", dt.date(2026, 12, 31)), end_of("year", dt.date(2026, 1, 1))
    (datetime.date(2028, 2, 29), datetime.date(2026, 12, 31), datetime.date(2026, 12, 31))
    """
    months = _MONTHS_OF[period]
    following = add_months(day.replace(day=1), months - (day.month - 1) % months)
    return following - DAY if following else None


def later(start: dt.date, step: Mapping[str, Any], calendar: Calendar | None) -> dt.date | None:
    """The date some `days`, `business_days` or `months` after another. None beyond a horizon."""
    try:
        if "days" in step:
            return start + step["days"] * DAY
        if "months" in step:
            return add_months(start, step["months"])
    except OverflowError:
        return None
    return calendar.plus(start, step["business_days"]) if calendar else None


def read_calendar(node: Node, report: Report) -> Calendar | None:
    """A calendar file. Mistakes are reported, and then there is none."""
    before = len(report.problems)
    keys = report.mapping(node, ("calendar", "title", "from", "horizon", "weekend", "holidays", "source", "reviewed_on"), ("day",))
    if len(report.problems) > before:
        return None
    first, horizon = report.parse(keys["from"], parse_date), report.parse(keys["horizon"], parse_date)
    report.parse(keys["reviewed_on"], parse_date)
    weekend = {report.one_of(item, _WEEKDAYS, "day") for item in report.items(keys["weekend"], empty=False)}
    holidays = {}
    for day, name in report.open_mapping(keys["holidays"]).items():
        found = report.parse(Node(day, name.file, name.line, name.column, name.path), parse_date)
        holidays[found] = report.text(name)
        if found and first and horizon and not first <= found <= horizon:
            report.error(name, "this holiday lies outside the calendar's own dates")
    if first and horizon and first > horizon:
        report.error(keys["horizon"], "the horizon lies before the first day")
    if len(report.problems) > before:
        return None
    name, title, said = (report.text(keys[key]) if key in keys else "" for key in ("calendar", "title", "day"))
    return Calendar(name, title, first, horizon, frozenset(_WEEKDAYS.index(day) for day in weekend), holidays, said)
