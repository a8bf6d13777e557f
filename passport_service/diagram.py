"""The picture of a leg: a lane for each route from home to host, and the gate that closes it. Geometry only; the template draws it.

The words beside the picture are its text equivalent, so nothing is said here that the page does not say in text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LINE, _TOP, _GAP = 18, 42, 18
_CHARACTER = 7.1  # mean width of a character at 14 units, in a system font


@dataclass(frozen=True, slots=True)
class Lane:
    """One route. Units: user units of the drawing; `y` is the height of its line, `gate` where it ends or is crossed."""

    id: str
    state: str
    y: int
    gate: int
    title: tuple[str, ...]
    note: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing `width` by `height`, with home at the left edge and the host at the right."""

    width: int
    height: int
    left: int
    right: int
    lanes: tuple[Lane, ...]


def picture(routes: Iterable[Mapping[str, Any]], width: int) -> Picture:
    """The lanes of a leg's routes, in their order. Shapes: rows as `result.legs` gives them."""
    left, right = 14, width - 14
    lanes, y = [], _TOP
    for row in routes:
        title = _lines(f"{row['id']}  {row['title']}", right - left - 24)
        note = _lines(_note(row), right - left - 24)
        y += _LINE * len(title)
        lanes.append(Lane(row["id"], row["state"], y, _gate(row["state"], left, right), title, note))
        y += 14 + _LINE * len(note) + _GAP
    return Picture(width, y + 4, left, right, tuple(lanes))


def _gate(state: str, left: int, right: int) -> int:
    """Where the line is closed: a stopped route gets further than one that is closed."""
    share = {"closed": 0.35, "stopped": 0.8, "undetermined": 0.6}.get(state, 1.0)
    return int(left + (right - left) * share)


def _lines(text: str, width: int) -> tuple[str, ...]:
    return tuple(textwrap.wrap(text, max(16, int(width / _CHARACTER))))


def _note(row: Mapping[str, Any]) -> str:
    match row["state"]:
        case "closed":
            plain = [found for found in row["why"] if not found["value"].startswith("cannot apply")] or row["why"]
            return f"closed. {plain[0]['text']}" if plain else "closed: no further fact could open it"
        case "stopped":
            return f"stopped by {', '.join(id_ for id_, _ in row['stops'][:3])}"
        case "undetermined":
            count = len(row["questions"])
            return f"not decided: {count} {'fact' if count == 1 else 'facts'} missing" if count else "not decided yet"
        case "planned":
            return f"open, and chosen: {_checks(row['outstanding'])}"
    return f"open: {_checks(row['outstanding'])}"


def _checks(count: int) -> str:
    return "no check" if not count else f"{count} {'check' if count == 1 else 'checks'}"
