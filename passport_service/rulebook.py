"""The law as written: provisions and their dated versions. Plain values; `reader` makes them, `compiler` compiles them.

Everything that can change stands in a version, which lasts from its date until the next one begins.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .conditions import Condition
from .provenance import Provenance, Text

STANDINGS = ("in_force", "order", "staff_position", "proposed", "hypothetical", "closed")
DUE = ("pre_contact", "onboarding", "pre_trade", "at_trade", "settlement", "post_trade", "periodic", "event")
BEFORE_OR_AT_TRADE = DUE[:4]
STOPS = ("trade", "settlement", "nothing")
LEGS = ("status", "promotion", "venue", "form")
MODES = ("replaced", "relied_on", "by_absence")
PARTIES = (
    "firm chaperone us_broker_dealer uk_firm approver venue issuer transfer_agent custodian client holder purchaser offeror "
    "distributor withholding_agent counterparty intermediary"
).split()


@dataclass(frozen=True, slots=True)
class Citation:
    text: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What every version carries."""

    begins: dt.date
    title: str
    standing: str
    cite: Citation
    says: str
    provenance: Provenance
    repealed: bool = False
    correction: str | None = None  # why a version that stood already was changed


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionVersion(Version):
    when: Condition
    without_unknown: bool = False  # the strict answer reads it as UNKNOWN, not as FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteVersion(Version):
    headline: str  # its way in a few words, after which a verdict may be made: "through a chaperoning US broker-dealer"
    opens_when: Condition
    activities: tuple[str, ...] = ()
    plays: Mapping[str, str]
    not_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One item of a deadline or an amount. Shapes: `what` is its terms as read; it counts when `when` is TRUE."""

    when: Condition
    what: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementVersion(Version):
    topic: str
    duty_on: str
    due: str
    stops_firm: str
    stops_other: str
    on_routes: tuple[str, ...] | None
    applies_when: Condition
    failed_when: Condition
    satisfied_when: Condition
    do: str
    evidence: tuple[str, ...]
    deadlines: tuple[Step, ...] = ()
    amounts: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionVersion(Version):
    requirements: tuple[str, ...]
    mode: str
    when: Condition
    on_routes: tuple[str, ...] | None  # only for requirements that stop nothing: a stop never depends on the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeVersion(Version):
    when: Condition
    on_routes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Provision:
    """A route, requirement, recognition, definition or notice: a stable id and its versions, oldest first."""

    kind: str
    id: str
    versions: tuple[Any, ...]
    leg: str = ""

    def at(self, day: dt.date) -> Any:
        """The version that holds on a day, or None before the first and after a repeal."""
        found = None
        for version in self.versions:
            if version.begins > day:
                break
            found = version
        return None if found is None or found.repealed else found

    def period(self, day: dt.date) -> tuple[dt.date | None, dt.date | None]:
        """[begin, end) of the version that holds on a day."""
        begins = [version.begins for version in self.versions]
        return max((d for d in begins if d <= day), default=None), min((d for d in begins if d > day), default=None)


@dataclass(frozen=True, slots=True)
class Role:
    """Who plays a part where facts decide: the first of these whose condition is TRUE."""

    when: Condition
    party: str


@dataclass(frozen=True, slots=True)
class Head:
    title: str
    version: str
    known_to: dt.date  # the day up to which sources were seen
    timezone: str
    calendar: str
    currency: str
    covers_from: dt.date
    homes: tuple[str, ...] | None  # None: any but the host itself
    activities: tuple[str, ...]
    ancillary: tuple[str, ...]
    roles: Mapping[str, tuple[Role, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    """A worked case. Shapes: `proposal` is a JSON body; `expect` as written; `place` is file:line."""

    id: str
    title: str
    note: str
    place: str
    proposal: Mapping[str, Any]
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Untried:
    """What no worked case can show of a condition, a threshold or a status, and why. Shapes: `what` as coverage names it."""

    what: str
    never: frozenset[str]
    why: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named overlay on the law: proposed or hypothetical, never law."""

    name: str
    title: str
    standing: str
    says: str
    cite: Citation
    hosts: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """What answers say of it."""
        return [self.title, self.standing, self.says]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The law of one host as written; under a scenario, with what the scenario adds and without what it closes."""

    name: str
    host: str
    head: Head
    legs: Mapping[str, Condition]
    sources: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, Text]
    definitions: Mapping[str, Provision]
    routes: Mapping[str, Provision]
    requirements: Mapping[str, Provision]
    recognitions: Mapping[str, Provision]
    notices: Mapping[str, Provision]
    cases: tuple[Case, ...]
    untried: tuple[Untried, ...]
    digest: str
    scenario: str | None = None
    added: frozenset[str] = frozenset()

    def provisions(self) -> Iterator[Provision]:
        for kind in (self.definitions, self.routes, self.requirements, self.recognitions, self.notices):
            yield from kind.values()

    def turning_days(self) -> list[dt.date]:
        """Every day on which some version begins, in order."""
        return sorted({version.begins for provision in self.provisions() for version in provision.versions})
