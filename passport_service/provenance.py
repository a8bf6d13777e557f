"""How something of the law was read, in which text, how sure we are of it, and when it is due for review: the same wherever the law is written.

What nobody re-read earns at most a confidence of 3, and so does what was read in a text older than it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from .calendars import add_months
from .source import Node, Report
from .values import parse_date, parse_integer

READ = ("not_read", "secondary", "primary")  # least trusted first
UNEARNED = 3  # the highest confidence of what was not re-read, or was read in an older text


@dataclass(frozen=True, slots=True)
class Text:
    """A text in which provisions were read. Shapes: `version` is the day whose law it states; a `prospective` one also makes law of later days."""

    title: str
    version: dt.date
    prospective: bool
    url: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The place at which a provision was read."""

    text: Text
    at: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a provision was read. Units: `confidence` 1 (a guess) to 5 (settled, primary text). `read_in` is None where no text can be named."""

    read: str
    confidence: int
    reviewed_on: dt.date
    review_by: dt.date
    read_in: Reading | None = None


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


def read_provenance(
    node: Node, report: Report, review_months: int, texts: Mapping[str, Text] | None = None, begins: dt.date | None = None
) -> Provenance | None:
    """The provenance at a node; None after a mistake.

    Units: `review_months` until the next review, where the node does not say when. Shapes: `texts` those that it may name as read;
    None where the law names a source of another kind. `begins` the day on which the version begins that was read.
    """
    before = len(report.problems)
    keys = report.mapping(node, ("read", "confidence", "reviewed_on"), ("review_by", *(() if texts is None else ("read_in",))))
    how = report.one_of(keys["read"], READ, "way of reading") if "read" in keys else None
    level = report.parse(keys["confidence"], parse_integer) if "confidence" in keys else None
    on = report.parse(keys["reviewed_on"], parse_date) if "reviewed_on" in keys else None
    by = report.parse(keys["review_by"], parse_date) if "review_by" in keys else on and add_months(on, review_months)
    reading = _reading(keys["read_in"], report, texts or {}) if "read_in" in keys else None
    if len(report.problems) > before or how is None or level is None or on is None or by is None:
        return None
    found = Provenance(how, level, on, by, reading)
    _check_trust(node, keys, report, found, begins, texts is not None)
    return found


def _reading(node: Node, report: Report, texts: Mapping[str, Text]) -> Reading | None:
    keys = report.mapping(node, ("text", "at"))
    id_ = report.one_of(keys["text"], texts, "text") if "text" in keys else None
    at = report.text(keys["at"]) if "at" in keys else None
    return Reading(texts[id_], at) if id_ and at else None


def _check_trust(node: Node, keys: Mapping[str, Node], report: Report, found: Provenance, begins: dt.date | None, names_texts: bool) -> None:
    if not 1 <= found.confidence <= 5:
        report.error(keys["confidence"], "confidence is 1 to 5")
        return
    if found.review_by <= found.reviewed_on:
        report.error(keys.get("review_by", node), "the next review comes after the last")
    if found.read == "not_read" and found.read_in is not None:
        report.error(keys["read_in"], "what was read somewhere is `primary` or `secondary`, not `not_read`")
    if found.read == "primary" and found.read_in is None and names_texts:
        report.error(keys["read"], "`primary` names the text in which it was read: `read_in: {text: ..., at: ...}`")
    if found.confidence <= UNEARNED:
        return
    if found.read == "not_read":
        report.error(keys["confidence"], f"what nobody re-read has a confidence of at most {UNEARNED}")
    elif begins is not None and found.read_in is not None and found.read_in.text.version < begins and not found.read_in.text.prospective:
        report.error(
            keys["confidence"],
            f"it was read in a text of {found.read_in.text.version}, older than this version of {begins}: a confidence of at most {UNEARNED}",
        )
