"""The law under review: what is due, what rests on little, and what the worked cases have tried of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .answer import law_date
from .compiler import CompiledRequirement
from .conditions import ALWAYS, Constant, Leaf, value_text
from .decision import decide
from .laws import Laws
from .outcome import STOP, Outcome, outcome
from .provenance import READ
from .rulebook import STOPS, Provision, Rulebook
from .service import Service
from .situation import situate

# What a mistake in a provision would do, worst first.
MATTERS = ("opens, stops or excuses a trade", "stops settlement", "asks for a check", "informs")
_ORDERED = ("exceeds", "at_least", "below", "at_most", "before", "on_or_after")


@dataclass(frozen=True, slots=True)
class Due:
    """One provision as it stands on a day, with why it should be looked at."""

    host: str
    id: str
    title: str
    review_by: dt.date
    overdue: bool
    confidence: int
    read: str
    read_in: str | None
    matters: str

    def as_json(self) -> dict[str, Any]:
        names = ("host", "id", "title", "overdue", "confidence", "read", "read_in", "matters")
        return {**{name: getattr(self, name) for name in names}, "review_by": self.review_by.isoformat()}


def due(laws: Laws, today: dt.date, within: int = 0, confidence: int = 2) -> list[Due]:
    """What is due for review within so many days, or rests on at most that confidence or on no reading.

    Overdue first, then what rests on least, and of that what matters most.
    """
    found = []
    for rulebook in laws.rulebooks.values():
        for provision in rulebook.provisions():
            version = provision.at(today)
            if version is None:
                continue
            trust = version.provenance
            soon = trust.review_by <= today + dt.timedelta(days=within)
            if soon or trust.confidence <= confidence or trust.read == "not_read":
                found.append(_due(rulebook, provision, version, today))
    return sorted(found, key=lambda row: (not row.overdue, row.confidence, READ.index(row.read), MATTERS.index(row.matters), row.review_by, row.id))


def _due(rulebook: Rulebook, provision: Provision, version: Any, today: dt.date) -> Due:
    trust = version.provenance
    reading = trust.read_in and f"{trust.read_in.text.title}, {trust.read_in.at} ({trust.read_in.text.version})"
    return Due(
        host=rulebook.host,
        id=provision.id,
        title=version.title or version.says,
        review_by=trust.review_by,
        overdue=trust.review_by <= today,
        confidence=trust.confidence,
        read=trust.read,
        read_in=reading,
        matters=_matters(provision, version),
    )


def _matters(provision: Provision, version: Any) -> str:
    if provision.kind == "notices":
        return MATTERS[3]
    if provision.kind != "requirements":
        return MATTERS[0]
    return MATTERS[("trade", "settlement", "nothing").index(min(version.stops_firm, version.stops_other, key=STOPS.index))]


@dataclass(frozen=True, slots=True)
class Trust:
    """How many provisions, or checks that worked cases show, were read how. Shapes: `earned` were read in a text that is named."""

    host: str
    what: str
    total: int
    primary: int
    secondary: int
    not_read: int
    earned: int

    @property
    def as_row(self) -> tuple[str, ...]:
        counts = [
            f"{count} ({count * 100 // self.total if self.total else 0} %)" for count in (self.primary, self.secondary, self.not_read, self.earned)
        ]
        return self.host, self.what, str(self.total), *counts


def trust(service: Service, now: dt.datetime) -> list[Trust]:
    """For each host, how its provisions were read, and how the checks were that the worked cases of today's law show."""
    found = []
    for rulebook in service.laws.rulebooks.values():
        versions = {provision.id: version for provision in rulebook.provisions() if (version := provision.at(now.date()))}
        shown = sorted(_checks_shown(service, rulebook, now) & versions.keys())
        found.append(_trust(rulebook.host, "provisions", versions.values()))
        found.append(_trust(rulebook.host, "checks that worked cases show", [versions[id_] for id_ in shown]))
    return found


def _trust(host: str, what: str, versions: Iterable[Any]) -> Trust:
    trusts = [version.provenance for version in versions]
    counts = {how: sum(trust.read == how for trust in trusts) for how in READ}
    return Trust(host, what, len(trusts), **counts, earned=sum(trust.read_in is not None for trust in trusts))


def _checks_shown(service: Service, rulebook: Rulebook, now: dt.datetime) -> set[str]:
    found: set[str] = set()
    for case in rulebook.cases:
        proposal = service.schema.load(dict(case.proposal))
        day = law_date(proposal, now, rulebook.head.timezone)[0]
        if day >= rulebook.head.covers_from:
            decision = decide(service.laws.law(rulebook.host, day), proposal.situation, proposal.options)
            found |= {item.id for item in decision.items if item.is_check}
    return found


# -- coverage ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Covered:
    """What worked cases have made of one condition, or how they have met one threshold."""

    what: str
    wanted: frozenset[str]
    seen: set[str] = field(default_factory=set)
    impossible: dict[str, str] = field(default_factory=dict)  # outcome -> why no case can show it

    @property
    def lacking(self) -> list[str]:
        return sorted(self.wanted - self.seen - self.impossible.keys())

    @property
    def met(self) -> tuple[int, int]:
        """(how many were met, how many can be)."""
        return len(self.wanted & self.seen), len(self.wanted - (self.impossible.keys() - self.seen))


_OUTCOMES = frozenset(found.value for found in Outcome)
_SIDES = frozenset({"below", "on", "above"})
_ROUTE_STATUSES = frozenset({"open", "closed"})
_SPOKEN = {"failed": "required", "only_if": "undetermined"}  # what can only fail is required so; what rests on a special case is open so


def coverage(service: Service, now: dt.datetime) -> dict[str, dict[str, Covered]]:
    """For each host: every condition with the outcomes its cases gave it, every threshold with the sides they met,
    every requirement and route with the statuses they gave it. What the rulebook says cannot be tried carries the reason.
    """
    found: dict[str, dict[str, Covered]] = {}
    for _, rulebook in service.laws.all_rulebooks():
        rows = found.setdefault(rulebook.host, {})
        for case in rulebook.cases:
            proposal = service.schema.load(dict(case.proposal))
            day = law_date(proposal, now, rulebook.head.timezone)[0]
            if day >= rulebook.head.covers_from:
                _record(service, rulebook, proposal, day, rows)
    for _, rulebook in service.laws.all_rulebooks():
        for untried in rulebook.untried:
            row = found[rulebook.host].setdefault(untried.what, Covered(untried.what, frozenset()))
            row.impossible |= dict.fromkeys(untried.never, untried.why)
    return found


def _record(service: Service, rulebook: Rulebook, proposal: Any, day: dt.date, rows: dict[str, Covered]) -> None:
    law = service.laws.law(rulebook.host, day, proposal.options.scenario)
    decision = decide(law, proposal.situation, proposal.options)
    evaluation, nothing_said = decision.evaluation, law.evaluate(situate(service.laws.catalogue, {})).codes
    for requirement in law.requirements:
        rows.setdefault(f"status of {requirement.id}", Covered(requirement.id, _statuses_of(requirement, nothing_said)))
    for item in decision.items:
        rows[f"status of {item.id}"].seen.add(_SPOKEN.get(item.status, item.status))
    for candidate in (candidate for leg in decision.legs for candidate in leg.candidates):
        rows.setdefault(f"status of {candidate.route.id}", Covered(candidate.route.id, _ROUTE_STATUSES)).seen.add(candidate.status)
    for number, (condition, owner) in enumerate(zip(law.conditions, law.owners, strict=True)):
        if isinstance(condition, Constant) or owner.endswith(" stops"):
            continue
        row = rows.setdefault(_dated(rulebook, owner, day), Covered(owner, _OUTCOMES))
        row.seen.add(outcome(evaluation.codes[number]).value)
    for name in law.definitions:
        code = evaluation.definitions.get((name, True))
        if code is not None:
            rows.setdefault(_dated(rulebook, f"definition {name}", day), Covered(name, _OUTCOMES)).seen.add(outcome(code).value)
    for leaf in law.leaves:
        if leaf.operator in _ORDERED:
            row = rows.setdefault(f"threshold {leaf.fact} {value_text(leaf.value)}", Covered(leaf.fact, _SIDES))
            row.seen |= set(_sides(leaf, proposal.situation.known.get(leaf.fact)))


def _statuses_of(requirement: CompiledRequirement, nothing_said: bytes) -> frozenset[str]:
    """The statuses that some case should show: what always applies is never not required, and open only for what may stop it."""
    if requirement.version.applies_when != ALWAYS:
        return frozenset({"required", "not_required", "undetermined"})
    may_stop = requirement.stop is not None and nothing_said[requirement.stop] & STOP
    return frozenset({"required", "undetermined"}) if may_stop else frozenset({"required"})


def _dated(rulebook: Rulebook, owner: str, day: dt.date) -> str:
    """The condition with the date of its version, where its provision has more than one."""
    id_ = owner.removeprefix("definition ").split(" ")[0]
    for kind in (rulebook.definitions, rulebook.routes, rulebook.requirements, rulebook.recognitions, rulebook.notices):
        if id_ in kind and len(kind[id_].versions) > 1:
            return f"{owner} (from {kind[id_].period(day)[0]})"
    return owner


def _sides(leaf: Leaf, value: Any) -> Iterator[str]:
    threshold = leaf.value
    if isinstance(threshold, tuple):
        value = value.get(threshold[1]) if value is not None else None
        threshold = threshold[0]
    if value is not None:
        yield "on" if value == threshold else "below" if value < threshold else "above"


def coverage_lines(rows: Iterable[Covered]) -> tuple[int, int]:
    """(how many outcomes and sides were met, how many there are)."""
    counts = [row.met for row in rows]
    return sum(met for met, _ in counts), sum(wanted for _, wanted in counts)
