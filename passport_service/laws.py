"""Everything loaded: the catalogue, the rulebooks, the scenarios over them, and their compiled laws by day.

A rulebook under a scenario is a rulebook of its own, made of the law as it is and what the scenario adds or closes.
"""

from __future__ import annotations

import datetime as dt
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .authorities import read_authorities
from .calendars import Calendar, read_calendar
from .catalogue import read_catalogue
from .compiler import REMEMBERED, Law
from .conditions import Condition, Ref, leaves
from .errors import LawError, LawProblem
from .facts import ACTIVITIES, Catalogue
from .reader import RulebookReader
from .recall import Memo
from .rulebook import Rulebook, Scenario
from .scenarios import read_scenario
from .source import AUTHORITIES, FACTS, Report, parse, read_files

Key = tuple[str, str | None]  # host, scenario


class Laws:
    """Shapes: `rulebooks` by host, the law as it is; `overlays` (host, scenario) -> the rulebook under the scenario."""

    def __init__(
        self,
        catalogue: Catalogue,
        rulebooks: Mapping[str, Rulebook],
        scenarios: Mapping[str, Scenario] | None = None,
        overlays: Mapping[tuple[str, str], Rulebook] | None = None,
    ):
        self.catalogue, self.rulebooks = catalogue, rulebooks
        self.scenarios, self.overlays = scenarios or {}, overlays or {}
        self._turns: dict[Key, list[dt.date]] = {key: rulebook.turning_days() for key, rulebook in self.all_rulebooks()}
        self._compiled: dict[tuple[Key, int], Law] = {}
        self._lock = threading.Lock()
        self._memo = Memo(REMEMBERED)

    def all_rulebooks(self) -> Iterator[tuple[Key, Rulebook]]:
        yield from (((host, None), rulebook) for host, rulebook in self.rulebooks.items())
        yield from self.overlays.items()

    def rulebook(self, host: str, scenario: str | None = None) -> Rulebook | None:
        """A host's rulebook, under a scenario where that says anything about the host."""
        return self.overlays.get((host, scenario or "")) or self.rulebooks.get(host)

    def law(self, host: str, day: dt.date, scenario: str | None = None) -> Law:
        """The law of a host that holds on a day."""
        key: Key = (host, scenario if (host, scenario) in self.overlays else None)
        turns = self._turns[key]
        stretch = bisect_right(turns, day)
        law = self._compiled.get((key, stretch))
        if law is None:
            with self._lock:  # two threads would only do the same work twice, but it is dear
                begins, ends = turns[stretch - 1] if stretch else None, turns[stretch] if stretch < len(turns) else None
                law = self._compiled.get((key, stretch)) or Law(self.catalogue, self.rulebook(*key), day, begins, ends, self._memo)
                self._compiled[key, stretch] = law
        return law

    def check_definitions(self) -> list[LawProblem]:
        """Definitions that are read on a day on which they do not hold, from the first day covered on."""
        problems = set()
        read: dict[int, frozenset[str]] = {}  # by the identity of a version: the same stands in the law on many days
        for key, rulebook in self.all_rulebooks():
            first = rulebook.head.covers_from
            for day in [first, *(turn for turn in self._turns[key] if turn > first)]:
                active = {id_ for id_, provision in rulebook.definitions.items() if provision.at(day)}
                for provision in rulebook.provisions():
                    version = provision.at(day)
                    names = read.get(id(version))
                    if names is None:
                        names = read[id(version)] = frozenset(_definitions_read(version)) if version else frozenset()
                    for name in names - active:
                        text = f"reads the definition {name}, which does not hold on {day}"
                        problems.add(LawProblem(f"rulebooks ({rulebook.name})", 1, 1, provision.id, text))
                heads = [("legs", condition) for condition in rulebook.legs.values()]
                heads += [("roles", role.when) for roles in rulebook.head.roles.values() for role in roles]
                for place, condition in heads:
                    for name in set(_refs(condition)) - active:
                        problems.add(
                            LawProblem(f"rulebooks ({rulebook.name})", 1, 1, place, f"read the definition {name}, which does not hold on {day}")
                        )
        return sorted(problems)


def _definitions_read(version: Any) -> Iterable[str]:
    for name in ("when", "opens_when", "applies_when", "failed_when", "satisfied_when"):
        condition = getattr(version, name, None)
        if condition is not None:
            yield from _refs(condition)
    for step in (*getattr(version, "deadlines", ()), *getattr(version, "amounts", ())):
        yield from _refs(step.when)


def _refs(condition: Condition) -> Iterable[str]:
    return (leaf.definition for leaf, _ in leaves(condition) if isinstance(leaf, Ref))


def load(root: Path) -> Laws:
    """The laws of a `config/` directory. Raises: LawError with every mistake found. (The service runs the worked cases.)"""
    return read(read_files(root))


def read(texts: Mapping[str, str], published: bool = False) -> Laws:
    """The laws of source texts by name, from a directory or a bundle alike. Raises: LawError with every mistake found.

    What was `published` is read as it stands: what is asked of whoever writes law today is not asked of it.
    """
    report = Report()
    catalogue = read_catalogue(parse(texts.get(FACTS, ""), FACTS, report), _calendars(texts, report), report, published)
    if ACTIVITIES not in catalogue.facts:
        report.problems.append(LawProblem(FACTS, 1, 1, "facts", f"there is no fact {ACTIVITIES}, and every rulebook is about some"))
        report.check()
    if AUTHORITIES in texts:
        catalogue = replace(catalogue, authorities=read_authorities(parse(texts[AUTHORITIES], AUTHORITIES, report), catalogue.facts, report))
    rulebooks: dict[str, Rulebook] = {}
    for directory in sorted({"/".join(name.split("/")[:2]) for name in texts if name.startswith("rulebooks/") and name.count("/") > 1}):
        files = [parse(texts[name], name, report) for name in _within(texts, directory)]
        rulebook = RulebookReader(catalogue, report, published).read(files, directory)
        if rulebook and rulebook.host in rulebooks:
            report.error(files[0], f"there is a rulebook of the host {rulebook.host} already, {rulebooks[rulebook.host].name}")
        elif rulebook:
            rulebooks[rulebook.host] = rulebook
    report.check()  # an overlay on law that does not load would only repeat its mistakes
    scenarios: dict[str, Scenario] = {}
    overlays: dict[tuple[str, str], Rulebook] = {}
    for name in _within(texts, "scenarios"):
        node = parse(texts[name], name, report)
        found = read_scenario(node, catalogue, rulebooks, report, published)
        if found and found[0].name in scenarios:
            report.error(node, f"there is a scenario {found[0].name} already")
        elif found:
            scenarios[found[0].name] = found[0]
            overlays |= {(host, found[0].name): rulebook for host, rulebook in found[1].items()}
    report.check()
    laws = Laws(catalogue, rulebooks, scenarios, overlays)
    problems = laws.check_definitions()
    if problems:
        raise LawError(problems)
    return laws


def _calendars(texts: Mapping[str, str], report: Report) -> dict[str, Calendar]:
    calendars: dict[str, Calendar] = {}
    for name in _within(texts, "calendars"):
        node = parse(texts[name], name, report)
        calendar = read_calendar(node, report)
        if calendar and calendar.name in calendars:
            report.error(node, f"there is a calendar {calendar.name} already")
        elif calendar:
            calendars[calendar.name] = calendar
    return calendars


def _within(texts: Mapping[str, str], directory: str) -> list[str]:
    return sorted(name for name in texts if name.startswith(f"{directory}/"))
