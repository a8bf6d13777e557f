"""All that the words of a decision turn on, so that they are worked out once for each: the rest is only shown, or computed with.

What is told from the values themselves goes in whole: those of facts that take few values, and of facts with which a
missing one is tried. Of the others only their states go in, and rows that show or compute with one are told anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .decision import Decision
from .facts import Catalogue
from .proposal import Options

_REMEMBERED = 1000  # answers of all laws that share a memo; most of their rows they share with each other


@dataclass(frozen=True, slots=True, eq=False)
class Telling:
    """A decision in words. Shapes: `body` the answer's lists, not to be changed; `varying` (list, place, how to tell it, what) of each
    row that shows, or computes with, a value that the grounds leave out."""

    body: Mapping[str, Any]
    varying: tuple[tuple[str, int, Callable[..., Any], Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Missing:
    """The facts whose values decide what the missing facts would settle."""

    companions: tuple[str, ...]


class Grounds:
    """What one decision's words turn on. Shapes: `more` whatever else they turn on."""

    def __init__(self, decision: Decision, options: Options, as_of: dt.date, *more: bool):
        self.situation, self._memo = decision.situation, decision.law.memo.within("tellings", _REMEMBERED)
        asked = (options.prefer, options.rely_on_staff_positions, decision.attested, as_of, more)
        self._key = (decision.law, decision.evaluation.states, asked, *self._known())

    def _known(self) -> tuple[Any, ...]:
        found = self.situation
        many = found.catalogue.many_valued
        known = tuple([(name, _few(value) if name in many else _whole(value)) for name, value in found.known.items()])
        return known, found.asked, found.cannot_apply, tuple(found.unknown.items())

    def told(self) -> Telling | None:
        """What is remembered."""
        missing: _Missing | None = self._memo.get(self._key)
        return None if missing is None else self._memo.get((missing, *self._values(missing.companions)))

    def keep(self, telling: Telling) -> None:
        """Remembers a telling."""
        missing = self._memo.get(self._key) or self._memo.keep(self._key, _Missing(_companions(self.situation.catalogue, telling)))
        self._memo.keep((missing, *self._values(missing.companions)), telling)

    def _values(self, names: Iterable[str]) -> list[Any]:
        return [_whole(self.situation.known.get(name)) for name in names]


def _companions(catalogue: Catalogue, telling: Telling) -> tuple[str, ...]:
    found: set[str] = set().union(*(catalogue.companions(row["fact"]) for row in telling.body["missing"]))
    return tuple(sorted(found & catalogue.many_valued))


def _few(value: Any) -> Any:
    """What goes in of a value that is left out: in which currencies it is stated."""
    return tuple(value) if isinstance(value, dict) else None


def _whole(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, dict) else value
