"""Reads how each provision was read: the texts that were seen, and the trust that they earn.

A provision nobody re-read earns at most a confidence of 3, and so does one that was read in a text older than it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from .calendars import add_months
from .rulebook import Provenance, Reading, Text
from .source import Node, Report
from .values import parse_date, parse_integer

READ = ("not_read", "secondary", "primary")  # least trusted first
UNEARNED = 3  # the highest confidence of what was not re-read, or was read in an older text


def read_texts(node: Node, report: Report) -> dict[str, Text]:
    """The texts by id."""
    return {id_: found for id_, child in report.open_mapping(node).items() if (found := _text(child, report))}


def _text(node: Node, report: Report) -> Text | None:
    keys = report.mapping(node, ("title", "version"), ("prospective", "url", "note"))
    if len(keys.keys() & {"title", "version"}) < 2:
        return None
    version = report.parse(keys["version"], parse_date)
    title = report.text(keys["title"])
    prospective = "prospective" in keys and report.yes_no(keys["prospective"]) is True
    url, note = (report.text(keys[key]) if key in keys else None for key in ("url", "note"))
    return Text(title, version, prospective, url, note or "") if title and version else None


def read_provenance(node: Node, report: Report, texts: Mapping[str, Text], begins: dt.date, review_months: int) -> Provenance | None:
    """The provenance of a version that begins on a day. Units: `review_months` until it is due for review, where it names no day."""
    before = len(report.problems)
    keys = report.mapping(node, ("read", "confidence", "reviewed_on"), ("review_by", "read_in"))
    how = report.one_of(keys["read"], READ, "way of reading") if "read" in keys else None
    level = report.parse(keys["confidence"], parse_integer) if "confidence" in keys else None
    on = report.parse(keys["reviewed_on"], parse_date) if "reviewed_on" in keys else None
    by = report.parse(keys["review_by"], parse_date) if "review_by" in keys else on and add_months(on, review_months)
    reading = _reading(keys["read_in"], report, texts) if "read_in" in keys else None
    if len(report.problems) > before or how is None or level is None or on is None or by is None:
        return None
    _check_trust(node, keys, report, Provenance(how, level, on, by, reading), begins)
    return Provenance(how, level, on, by, reading)


def _reading(node: Node, report: Report, texts: Mapping[str, Text]) -> Reading | None:
    keys = report.mapping(node, ("text", "at"))
    id_ = report.one_of(keys["text"], texts, "text") if "text" in keys else None
    at = report.text(keys["at"]) if "at" in keys else None
    return Reading(texts[id_], at) if id_ and at else None


def _check_trust(node: Node, keys: Mapping[str, Node], report: Report, found: Provenance, begins: dt.date) -> None:
    if not 1 <= found.confidence <= 5:
        report.error(keys["confidence"], "confidence is 1 to 5")
        return
    if found.review_by <= found.reviewed_on:
        report.error(keys.get("review_by", node), "the next review comes after the last")
    if found.read == "not_read" and found.read_in is not None:
        report.error(keys["read_in"], "what was read somewhere is `primary` or `secondary`, not `not_read`")
    if found.read == "primary" and found.read_in is None:
        report.error(keys["read"], "`primary` names the text in which it was read: `read_in: {text: ..., at: ...}`")
    if found.confidence <= UNEARNED:
        return
    if found.read == "not_read":
        report.error(keys["confidence"], f"what nobody re-read has a confidence of at most {UNEARNED}")
    elif found.read_in is not None and found.read_in.text.version < begins and not found.read_in.text.prospective:
        report.error(
            keys["confidence"],
            f"it was read in a text of {found.read_in.text.version}, older than this version of {begins}: a confidence of at most {UNEARNED}",
        )
