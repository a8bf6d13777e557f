"""Which receipts of a folder are due: those that do not hold, whose answer has changed, or lapses soon; worst first.

Each receipt is verified up to its time of issue and asked again under today's law; it is not replayed, which is what
`verify` is for. One is looked at after the other, and only a line of each is kept.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .bundle import BundleError
from .keys import KeyList
from .service import Service
from .today import today
from .values import parse_date
from .verification import verify

# Worst first. `worse`: what could be done, once its checks were, can no longer be done or said.
STATES = ("invalid", "worse", "changed", "lapsed", "lapses", "same")
MEANS = {
    "invalid": "it is no receipt of this issuer, or was changed",
    "worse": "a way was open, and today it is not, or it cannot be said",
    "changed": "the answer is otherwise today",
    "lapsed": "its day has passed; the answer is the same today",
    "lapses": "its day is near; the answer is the same today",
    "same": "the answer is the same today",
}
_OPEN = ("clear", "checks_required")


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one receipt."""

    file: str
    state: str
    says: str
    then: str | None = None
    now: str | None = None
    law_date: str | None = None
    valid_until: str | None = None
    causes: tuple[tuple[str, str, str, str], ...] = ()  # (id, title, citation, amendment or date) of each change of law behind it
    ids: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, str, str]:
        return STATES.index(self.state), self.valid_until or "9999-12-31", self.file

    def as_json(self) -> dict[str, Any]:
        names = ("file", "state", "then", "now", "law_date", "valid_until", "says")
        return {**{name: getattr(self, name) for name in names}, "provisions": [cause[0] for cause in self.causes], "ids": list(self.ids)}


def judge(file: str, content: bytes, keys: KeyList, service: Service, now: dt.datetime, within: int = 30) -> Line:
    """One receipt as it stands today. Units: `within` days ahead that count as soon."""
    found = verify(content, keys, service, now, until="time")
    if found.payload is None or not found.authentic:
        step = found.stopped_at
        return Line(file, "invalid", f"Step {step.number}, {step.name}: {step.says}" if step else "")
    payload = found.payload
    changed = today(payload, _held(service, payload["bundle"]["digest"]), service, now, reasons=False)
    then, is_now, until = changed["status"]["then"], changed["status"]["now"], payload["valid_until"]
    return Line(
        file,
        _state(changed["differs"], then, is_now, until, now.date(), within),
        changed["says"],
        then,
        is_now,
        payload["law_date"],
        until,
        tuple((row["id"], row["title"], row["cite"]["text"], row["cause"]) for row in changed["provisions"]),
        tuple(row["id"] for row in changed["rows"]),
    )


def _held(service: Service, digest: str) -> Service | None:
    try:
        return service.of_bundle(digest)
    except (BundleError, OSError):
        return None  # then the report names what stands otherwise, and not the change of law behind it


def _state(differs: bool, then: str, now: str | None, until: str | None, day: dt.date, within: int) -> str:
    if differs:
        return "worse" if then in _OPEN and now not in _OPEN else "changed"
    if until is None:
        return "same"
    last = parse_date(until)
    return "lapsed" if last <= day else "lapses" if last <= day + dt.timedelta(days=within) else "same"


def report(lines: Iterable[Line], everything: bool = False) -> dict[str, Any]:
    """Lines worst first, and how many of each state; what is the same is counted and only listed with `everything`."""
    lines = sorted(lines, key=lambda line: line.order)
    counts = Counter(line.state for line in lines)
    causes = Counter(cause for line in lines for cause in line.causes)
    names = ("id", "title", "cite", "cause")
    return {
        "counts": {state: counts[state] for state in STATES},
        "provisions": [
            dict(zip(names, cause, strict=True)) | {"receipts": count} for cause, count in sorted(causes.items(), key=lambda row: (-row[1], row[0]))
        ],
        "receipts": [line.as_json() for line in lines if everything or line.state != "same"],
    }
