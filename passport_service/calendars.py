"""Days and business days. A calendar ends at its horizon: beyond it a business day is not known, never guessed."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass

from .source import Node, Report
from .values import parse_date

DAY = dt.timedelta(days=1)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holidays from `first` to `horizon`, both included."""

    name: str
    title: str
    first: dt.date
    horizon: dt.date
    weekend: frozenset[int]
    holidays: Mapping[dt.date, str]

    def plain(self) -> list[object]:
        """The content, for digests."""
        holidays = {day.isoformat(): name for day, name in sorted(self.holidays.items())}
        return [self.name, self.first.isoformat(), self.horizon.isoformat(), sorted(self.weekend), holidays]

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


def month_end(day: dt.date) -> dt.date:
    """The last day of the month of a date.

    >>> month_end(dt.date(2026, 11, 20)), month_end(dt.date(2028, 2, 1))
    (datetime.date(2026, 11, 30), datetime.date(2028, 2, 29))
    """
    return day.replace(day=monthrange(day.year, day.month)[1])


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


def read_calendar(node: Node, report: Report) -> Calendar | None:
    """A calendar file. Mistakes are reported, and then there is none."""
    before = len(report.problems)
    keys = report.mapping(node, ("calendar", "title", "from", "horizon", "weekend", "holidays", "source", "reviewed_on"))
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
    name, title = report.text(keys["calendar"]), report.text(keys["title"])
    return Calendar(name, title, first, horizon, frozenset(_WEEKDAYS.index(day) for day in weekend), holidays)
