"""A proposal as understood: the host, what is stated, what was asked and cannot be said, and what is asked beside the facts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import value_text
from .situation import Situation
from .understanding import ReadAs
from .values import plain


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked beside the facts. All of it is part of a decision's address."""

    as_of: dt.date | None = None
    scenario: str | None = None
    rulebook: str | None = None
    known_on: dt.date | None = None
    attested: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    rely_on_staff_positions: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as understood. Shapes: `facts` name -> typed value, without those asked and not known."""

    host: str
    facts: Mapping[str, Any]
    asked: frozenset[str]
    options: Options
    situation: Situation
    read_as: tuple[ReadAs, ...] = ()

    def canonical(self) -> dict[str, Any]:
        """The proposal in one spelling, for content addresses."""
        facts = {name: as_json(value) for name, value in self.facts.items()}
        options = self.options
        told_back = {"read_as": [[one.fact, one.word] for one in self.read_as]} if self.read_as else {}
        return {
            **told_back,
            "host": self.host,
            "facts": facts,
            "asked": sorted(self.asked),
            "as_of": options.as_of.isoformat() if options.as_of else None,
            "scenario": options.scenario,
            "rulebook": options.rulebook,
            "known_on": options.known_on.isoformat() if options.known_on else None,
            "attested": sorted(options.attested),
            "prefer": list(options.prefer),
            "rely_on_staff_positions": options.rely_on_staff_positions,
        }

    def body(self) -> dict[str, Any]:
        """The proposal as understood, as a JSON body again: reading it gives the same proposal, with the same words told back."""
        left_out = ("facts", "asked", "read_as")
        found = {name: value for name, value in self.canonical().items() if name not in left_out and value not in (None, [])}
        if self.options.rely_on_staff_positions:
            found.pop("rely_on_staff_positions")
        stated = {name: self._stated(name, as_json(value)) for name, value in self.facts.items()} | dict.fromkeys(self.asked, {"unknown": True})
        for name, value in stated.items():
            group, _, member = name.partition(".")
            found.setdefault(group, {})[member] = value
        return found

    def _stated(self, name: str, value: Any) -> Any:
        """A value by the words by which it was stated."""
        words = [one for one in self.read_as if one.fact == name]
        if not words or isinstance(value, str):
            return words[0].word if words else value
        meant = {one.value for one in words}
        return sorted([*(one.word for one in words), *(member for member in value if member not in meant)])


def as_json(value: Any) -> Any:
    """A typed value as it stands in a JSON body."""
    if isinstance(value, (str, int)):  # booleans too
        return value
    if isinstance(value, dict):
        rows = [{"amount": plain(amount), "currency": currency} for currency, amount in sorted(value.items())]
        return rows[0] if len(rows) == 1 else rows
    if isinstance(value, (tuple, frozenset)):
        return sorted(value)
    return value_text(value)
