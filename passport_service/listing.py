"""How a requirement stands: its status, who owes it, what it may stop, on whichever routes it is asked.

All of that follows from a few bytes of the evaluation, so it is worked out once for each state of those bytes.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from .compiler import CompiledRecognition, CompiledRequirement, CompiledRoute, Law
from .outcome import MAY, MUST, ORDINARY, SPECIAL, STOP
from .recall import Memo
from .rulebook import BEFORE_OR_AT_TRADE, DUE, PARTIES

OUTSTANDING = frozenset({"failed", "undetermined", "required"})
COVERED = frozenset({"recognised", "left_to_home"})
_REMEMBERED = 500  # states of one requirement, and listings of one law


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A requirement as it stands in the answer."""

    requirement: CompiledRequirement
    status: str
    party: str
    stops: str
    routes: tuple[str, ...]
    special_stop: bool  # it fails only if a special case holds
    may_fail: bool  # its stop is TRUE, or circumstances may make it so
    may_stop: frozenset[str]  # what it may stop, whoever turns out to owe it
    outstanding: bool
    is_check: bool

    @property
    def id(self) -> str:
        return self.requirement.id


@dataclass(frozen=True, slots=True, eq=False)
class Bearing:
    """A requirement on the routes in question that it bears on. Shapes: `casts` who plays the role of whom it binds; "" where facts say."""

    requirement: CompiledRequirement
    routes: tuple[str, ...]
    casts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The requirements that bear on some routes, in the order in which they fall due, by number; the ids of the others; review days."""

    bearings: tuple[tuple[int, Bearing], ...]
    numbers: Callable[[Sequence[Any]], tuple[Any, ...]]  # picks the requirements of a listing out of all
    plain: tuple[int, ...]  # those for which the route says nothing that the bytes do not
    cast: tuple[tuple[int, Bearing], ...]  # the others
    elsewhere: tuple[str, ...]
    review_days: tuple[dt.date, ...]
    supposed: frozenset[str] = frozenset()  # what a scenario adds


class Listed:
    """The requirements of a listing as they stand."""

    def __init__(self, listing: Listing, items: tuple[Item, ...]):
        self.listing, self.items = listing, items
        self.by_id = {item.id: item for item in items}
        self.outstanding = tuple(item for item in items if item.outstanding)
        self.undetermined = tuple(item for item in items if item.status == "undetermined")

    @cached_property
    def sections(self) -> dict[str, list[Item]]:
        """The items by the list of the answer in which they stand."""
        names = ("checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if", "not_required")
        found: dict[str, list[Item]] = {name: [] for name in names}
        for item in self.items:
            if item.is_check:
                found["checks"].append(item)
            elif item.outstanding:
                found["duties" if item.party == "firm" else "others"].append(item)
            else:
                found[item.status].append(item)
        return found

    @cached_property
    def not_required(self) -> list[str]:
        """The ids of all that is not required."""
        return sorted([*(item.id for item in self.sections["not_required"]), *self.listing.elsewhere])

    @cached_property
    def counts(self) -> dict[str, Any]:
        """How many requirements have which status, and how many outstanding ones each party owes.

        What a scenario adds only to recognise it, nobody is asked for today, so it is no saving and not counted.
        """
        statuses = Counter(item.status for item in self.items if item.status not in COVERED or item.id not in self.listing.supposed)
        statuses["not_required"] += len(self.listing.elsewhere)
        parties = Counter(item.party for item in self.outstanding)
        names = ("not_required", "only_if", "undetermined", "recognised", "left_to_home", "failed", "satisfied", "required")
        return {"requirements": sum(statuses.values()), **{name: statuses[name] for name in names}, "by_party": dict(sorted(parties.items()))}


class Assessed:
    """A requirement as its own bytes have it."""

    __slots__ = ("requirement", "may_fail", "stop", "is_check", "_codes", "_attested", "_parties", "_status", "_items")

    def __init__(self, requirement: CompiledRequirement, roles: Sequence[tuple[int, str]], codes: bytes, attested: bool):
        self.requirement, self._codes = requirement, codes
        self._attested = (requirement.id,) if attested else ()
        self._parties = _by_facts(requirement.version.duty_on, roles, codes)
        self.stop = 0 if requirement.stop is None else codes[requirement.stop]
        self.may_fail = bool(self.stop & STOP)
        limited = any(found.version.on_routes is not None for found in requirement.recognitions)
        self._status = None if limited else requirement_status(requirement, codes, self._attested)
        self._items: Memo = Memo(_REMEMBERED)
        # Whether it is a check on a route that casts nobody in its role, where its recognitions hold on every route.
        self.is_check = bool(self._status) and self._is_check(self._status, *self._owed(""))

    def may_stop(self, plays: Mapping[str, str]) -> set[str]:
        """What it may stop, whoever turns out to play the role."""
        return self._stops_of(plays.get(self.requirement.version.duty_on, ""))

    def _stops_of(self, cast: str) -> set[str]:
        return {_stop_of(self.requirement, party) for party in ([cast] if cast else self._parties)}

    def item(self, bearing: Bearing) -> Item:
        """The requirement on these routes."""
        return self._items.get(bearing) or self._items.keep(bearing, self._item(bearing))

    def _item(self, bearing: Bearing) -> Item:
        requirement = self.requirement
        status = self._status or requirement_status(requirement, self._codes, self._attested, bearing.routes)
        # Where two routes cast the role differently, the stricter reading stands.
        party, stops = max(map(self._owed, bearing.casts), key=lambda cast: (self._is_check(status, *cast), cast[0] == "firm", cast))
        may_stop = frozenset().union(*map(self._stops_of, bearing.casts))
        outstanding = status in OUTSTANDING
        return Item(
            requirement=requirement,
            status=status,
            party=party,
            stops=stops,
            routes=bearing.routes,
            special_stop=bool(self.stop & SPECIAL) and not self.stop & (STOP | MUST),
            may_fail=self.may_fail,
            may_stop=may_stop,
            outstanding=outstanding,
            is_check=self._is_check(status, party, stops),
        )

    def _owed(self, cast: str) -> tuple[str, str]:
        """Who owes the requirement and what it stops. While nobody can say who plays the role, it is listed as the firm's."""
        parties = {cast} if cast else set(self._parties)
        party = min(parties) if len(parties) == 1 else "firm"
        return party, _stop_of(self.requirement, party)

    def _is_check(self, status: str, party: str, stops: str) -> bool:
        # What may yet turn out to fail is a check now: else learning a circumstance would turn `clear` into a check. So whatever stops
        # settlement is one too.
        if status == "failed" or (status == "undetermined" and self.may_fail):
            return True
        due = self.requirement.version.due in BEFORE_OR_AT_TRADE
        return status in OUTSTANDING and due and (party == "firm" or stops == "trade")


def stop_outcome(code: int) -> str:
    """TRUE, UNKNOWN or FALSE as a word: what terms and special cases decide is not a stop.

    >>> from .outcome import CERTAIN
    >>> stop_outcome(CERTAIN), stop_outcome(MAY | ORDINARY), stop_outcome(MAY | STOP)
    ('true', 'false', 'unknown')
    """
    return "true" if code & MUST else "unknown" if code & STOP else "false"


def requirement_status(requirement: CompiledRequirement, codes: Sequence[int], attested: Iterable[str] = (), routes: Iterable[str] = ()) -> str:
    """The status of a requirement on some routes, first match wins. Law: design §3."""
    applies = codes[requirement.applies]
    if not applies & MAY:
        return "not_required"
    if not applies & ORDINARY:
        return "only_if"
    stop = "false" if requirement.stop is None else stop_outcome(codes[requirement.stop])
    if not applies & MUST or stop == "unknown":
        return "undetermined"
    modes = {found.version.mode for found in recognitions(requirement, routes) if codes[found.when] & MUST}
    if modes & {"replaced", "relied_on"}:
        return "recognised"
    if modes:
        return "left_to_home"
    if stop == "true":
        return "failed"
    return "satisfied" if codes[requirement.satisfied] & MUST or requirement.id in attested else "required"


def recognitions(requirement: CompiledRequirement, routes: Iterable[str]) -> list[CompiledRecognition]:
    """The recognitions that count on all of these routes: one that is limited to some does not cover the others."""
    if not requirement.recognitions:
        return []
    routes = set(routes)
    return [found for found in requirement.recognitions if found.version.on_routes is None or (routes and routes <= set(found.version.on_routes))]


def _stop_of(requirement: CompiledRequirement, party: str) -> str:
    return requirement.version.stops_firm if party == "firm" else requirement.version.stops_other


def _by_facts(role: str, roles: Sequence[tuple[int, str]], codes: Sequence[int]) -> tuple[str, ...]:
    """Who may play a role, first match first: the facts say, else a party of that name."""
    found = []
    for place, party in roles:
        if codes[place] & MAY:
            found.append(party)
        if codes[place] & MUST:
            return tuple(found)
    return *found, role if role in PARTIES else "firm"


class Lister:
    """How the requirements of a law stand. Both readings share one: their bytes mean the same."""

    def __init__(self, law: Law):
        self.law = law
        self._listings, self._bearings, self._memo = Memo(_REMEMBERED), Memo(100 * _REMEMBERED), law.memo
        self._reading = [(itemgetter(*self._places(requirement)), Memo(_REMEMBERED)) for requirement in law.requirements]
        self.stopping = [number for number, requirement in enumerate(law.requirements) if requirement.stop is not None]

    def _places(self, requirement: CompiledRequirement) -> list[int]:
        """The bytes that say how a requirement stands."""
        found = [requirement.applies, requirement.satisfied, *(recognition.when for recognition in requirement.recognitions)]
        found += [] if requirement.stop is None else [requirement.stop]
        return found + [place for place, _ in self.law.roles.get(requirement.version.duty_on, ())]

    def assess(self, codes: bytes, attested: frozenset[str]) -> list[Assessed]:
        """Every requirement as these bytes have it."""
        key = ("assessed", self.law, codes, attested)
        return self._memo.get(key) or self._memo.keep(key, self._assess(codes, attested))

    def _assess(self, codes: bytes, attested: frozenset[str]) -> list[Assessed]:
        found = [memo.get(read(codes)) or self._assessed(number, codes) for number, (read, memo) in enumerate(self._reading)]
        if attested:
            for number, requirement in enumerate(self.law.requirements):
                if requirement.id in attested:
                    found[number] = self._assessed(number, codes, True)
        return found

    def _assessed(self, number: int, codes: bytes, attested: bool = False) -> Assessed:
        read, memo = self._reading[number]
        key = (read(codes), True) if attested else read(codes)
        requirement = self.law.requirements[number]
        roles = self.law.roles.get(requirement.version.duty_on, ())
        return memo.get(key) or memo.keep(key, Assessed(requirement, roles, codes, attested))

    def listing(self, routes: Sequence[CompiledRoute]) -> Listing:
        """What bears on any of the routes. What bears on every route is listed even where all are closed: a hit must be reported all the same."""
        key = tuple(route.id for route in routes)
        return self._listings.get(key) or self._listings.keep(key, self._listing(routes))

    def _listing(self, routes: Sequence[CompiledRoute]) -> Listing:
        law, found, elsewhere = self.law, [], []
        days = {version.provenance.review_by for version in law.definitions.values()} | {law.ends} - {None}
        days |= {version.provenance.review_by for _, version, _ in law.notices}
        for number, requirement in enumerate(law.requirements):
            bearing = [route for route in routes if requirement.bears_on(route.id)]
            if not bearing and requirement.version.on_routes is not None:
                elsewhere.append(requirement.id)
                continue
            role = requirement.version.duty_on
            casts = {route.version.plays.get(role, "") for route in bearing} or {""}
            key = (number, tuple(sorted(route.id for route in bearing)), tuple(sorted(casts)))
            found.append((number, self._bearings.get(key) or self._bearings.keep(key, Bearing(requirement, *key[1:]))))
            days |= {version.provenance.review_by for version in (requirement.version, *(one.version for one in requirement.recognitions))}
        found.sort(key=lambda pair: (DUE.index(pair[1].requirement.version.due), pair[1].requirement.id))
        numbers = [number for number, _ in found]
        cast = [pair for pair in found if pair[1].casts != ("",) or any(one.version.on_routes for one in pair[1].requirement.recognitions)]
        plain = sorted({*numbers} - {number for number, _ in cast})
        picks = itemgetter(*numbers) if len(numbers) > 1 else lambda assessed: tuple(assessed[number] for number in numbers)
        return Listing(tuple(found), picks, tuple(plain), tuple(cast), tuple(elsewhere), tuple(sorted(days)), law.rulebook.added)

    def outstanding(self, route: CompiledRoute, assessed: Sequence[Assessed]) -> int:
        """How many checks remain on a route."""
        listing = self.listing((route,))
        return sum([assessed[number].is_check for number in listing.plain]) + sum(
            [assessed[number].item(one).is_check for number, one in listing.cast]
        )

    def listed(self, listing: Listing, assessed: Sequence[Assessed]) -> Listed:
        """The requirements of a listing as they stand."""
        key = (listing, listing.numbers(assessed))
        found = self._memo.get(key)
        if found is None:
            found = self._memo.keep(key, Listed(listing, tuple([assessed[number].item(bearing) for number, bearing in listing.bearings])))
        return found
