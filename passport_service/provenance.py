"""How something of the law was read, how sure we are of it, and when it is due for review: the same wherever the law is written."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from .calendars import add_months
from .source import Node, Report
from .values import parse_date, parse_integer

WAYS = ("primary", "secondary", "not_read")


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a provision was read. Units: `confidence` 1 (a guess) to 5 (settled, primary text)."""

    read: str
    confidence: int
    reviewed_on: dt.date
    review_by: dt.date


def read_provenance(node: Node, report: Report, review_months: int) -> Provenance | None:
    """The provenance at a node; None after a mistake. Units: `review_months` until the next review, where the node does not say when."""
    before = len(report.problems)
    keys = report.mapping(node, ("read", "confidence", "reviewed_on"), ("review_by",))
    how = report.one_of(keys["read"], WAYS, "way of reading") if "read" in keys else None
    level = report.parse(keys["confidence"], parse_integer) if "confidence" in keys else None
    if level is not None and not 1 <= level <= 5:
        report.error(keys["confidence"], "confidence is 1 to 5")
    on = report.parse(keys["reviewed_on"], parse_date) if "reviewed_on" in keys else None
    by = report.parse(keys["review_by"], parse_date) if "review_by" in keys else on and add_months(on, review_months)
    if len(report.problems) > before or how is None or level is None or on is None or by is None:
        return None
    if by <= on:
        report.error(keys.get("review_by", node), "the next review comes after the last")
    return Provenance(how, level, on, by)
