"""A finished answer and its frame: the date whose law is applied, what is not covered, until when it holds, and its summary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from . import canonical
from .decision import HOME, Decision
from .facts import ACTIVITIES
from .proposal import Proposal
from .rulebook import Rulebook

TRANSACTION_DATE = "transaction.date"
_SUMMARY_DROPS = ("why", "says", "would_open_if")


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. Shapes: `body` as in the contract, without caller-dependent parts."""

    id: str
    body: Mapping[str, Any]

    def bytes(self, detail: str = "full") -> bytes:
        return canonical.dump(self.body if detail == "full" else _summary_of(self.body))


def law_date(proposal: Proposal, now: dt.datetime, timezone: str) -> tuple[dt.date, str]:
    """The date whose law is applied, and where it comes from."""
    if proposal.options.as_of:
        return proposal.options.as_of, "given"
    if TRANSACTION_DATE in proposal.facts:
        return proposal.facts[TRANSACTION_DATE], "transaction.date"
    return now.astimezone(ZoneInfo(timezone)).date(), "today"


def outside(proposal: Proposal, rulebook: Rulebook, as_of: dt.date) -> str | None:
    """Why the rulebook does not cover the question at all, in words."""
    head, home = rulebook.head, proposal.facts.get(HOME)
    if as_of < head.covers_from:
        return f"The rulebook of {head.title} begins on {head.covers_from}; the law date is {as_of}."
    if home is not None and (home == rulebook.host or (head.homes is not None and home not in head.homes)):
        return f"The rulebook of {head.title} does not cover firms registered in {home}."
    activities = proposal.facts.get(ACTIVITIES)
    if activities is not None and not activities & set(head.activities):
        return f"The rulebook of {head.title} covers none of these activities: {', '.join(sorted(activities))}."
    return None


def not_covered(reason: str) -> dict[str, Any]:
    lists = "activities plan routes checks duties others recognised left_to_home satisfied only_if not_required missing".split()
    caveat = {"kind": "not_covered", "text": reason, "ids": []}
    return {"status": "not_covered", "summary": reason, **{name: [] for name in lists}, "caveats": [caveat], "counts": None}


def outline(decision: Decision) -> dict[str, str]:
    """Every planned route and requirement with its status: what two decisions are compared by."""
    return {item.id: item.status for item in decision.items} | {c.route.id: "planned" for c in decision.plan}


def valid_until(decision: Decision, as_of: dt.date) -> dt.date | None:
    """The first later day on which a version read here starts, ends or is due for review."""
    days = {c.route.version.provenance.review_by for leg in decision.legs for c in leg.candidates}
    days |= {*decision.listed.listing.review_days}
    return min((day for day in days if day > as_of), default=None)


def _summary_of(body: Any) -> Any:
    if isinstance(body, canonical.Row):
        return body.summary(_summarised)
    if isinstance(body, dict):
        return _summarised(body)
    return [_summary_of(item) for item in body] if isinstance(body, list) else body


def _summarised(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _summary_of(value) for key, value in body.items() if key not in (*_SUMMARY_DROPS, "not_required") or isinstance(value, int)}
