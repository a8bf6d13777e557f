"""Tiny random law, all of whose completions can be tried: few facts, each with a few values that stand for all others.

The catalogue has what makes learning treacherous: facts of one class that hang on another by a guard, a bound or a derivation.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from passport_service.catalogue import read_catalogue
from passport_service.compiler import Law
from passport_service.conditions import Condition, Leaf, Ref, leaves
from passport_service.situation import Situation, situate
from passport_service.source import Report, parse

from .worlds import CALENDAR, Maker

FACTS = """
groups:
  registration: {title: Home}
  transaction: {title: Transaction}
  c: {title: Circumstances}
  g: {title: A group, exists: g.exists}
  t: {title: Terms}
  a: {title: Arrangements}
  x: {title: Special cases}
facts:
  registration.home: {type: country, class: circumstance, question: 'Home?'}
  transaction.activities: {type: set, class: circumstance, question: 'What?', values: {deal: deal, advise: advise, keep: keep, agree: agree}}
  transaction.date: {type: date, class: circumstance, question: 'When?'}
  c.flag: {type: yes_no, class: circumstance, question: 'Flag?'}
  c.kind: {type: choice, class: circumstance, question: 'Kind?', values: {one: one, two: two}}
  c.limit: {type: money, class: circumstance, question: 'Limit?'}
  c.allowed: {type: set, class: circumstance, question: 'Allowed?', values: {red: red, blue: blue}}
  c.low: {type: yes_no, class: circumstance, question: 'Low?'}
  c.high: {type: yes_no, class: circumstance, question: 'High?', asked_when: {c.flag: {is: 'yes'}}}
  c.owned: {type: money, class: circumstance, question: 'Owned?', asked_when: {c.kind: {is: one}}}
  c.net: {type: money, class: circumstance, question: 'Net?'}
  c.on_floor: {type: yes_no, class: circumstance, question: 'On the floor?', asked_when: {t.venue: {is: floor}}}
  g.exists: {type: yes_no, class: circumstance, question: 'Anybody?'}
  g.kind: {type: choice, class: circumstance, question: 'Who?', values: {man: man, firm: firm}}
  g.signed: {type: yes_no, class: arrangement, question: 'Signed?'}
  t.venue: {type: choice, class: term, question: 'Venue?', values: {otc: otc, floor: floor}}
  t.notional: {type: money, class: term, question: 'For how much?'}
  t.asset: {type: choice, class: term, question: 'Asset?', values: {red: red, blue: blue, green: green}}
  t.inner: {type: yes_no, class: term, question: 'Inner?', asked_when: {c.flag: {is: 'yes'}}}
  a.capital: {type: money, class: arrangement, question: 'Capital?'}
  a.cover: {type: money, class: arrangement, question: 'Cover?', asked_when: {c.kind: {is: one}}}
  x.short: {type: yes_no, class: term, exceptional: 'yes', only_if: it is short, question: 'Short?'}
  x.naked: {type: yes_no, class: term, exceptional: 'yes', only_if: it is naked, question: 'Naked?'}
  x.hit: {type: choice, class: circumstance, exceptional: 'yes', only_if: there is a hit, question: 'Hit?', values: {none: none, hit: hit},
          asked_when: {c.kind: {is: one}}}
bounds:
  - {fact: c.low, at_most: c.high}
  - {fact: c.net, at_most: c.owned}
  - {fact: x.naked, at_most: x.short}
derived:
  derived.left: {difference: [c.limit, t.notional], says: what is left}
  derived.fits: {among: {value: t.asset, set: c.allowed}, says: whether it is allowed}
"""
_AMOUNTS = [{"USD": Decimal(5)}, {"USD": Decimal(10)}, {"USD": Decimal(15)}]  # below, on and above the one threshold
VALUES: dict[str, list[Any]] = {
    **dict.fromkeys(("c.flag", "c.low", "c.high", "c.on_floor", "g.exists", "g.signed", "t.inner", "x.short", "x.naked"), [False, True]),
    **dict.fromkeys(("c.limit", "c.owned", "c.net", "t.notional", "a.capital", "a.cover"), _AMOUNTS),
    "c.kind": ["one", "two"],
    "c.allowed": [frozenset(), frozenset({"red"}), frozenset({"green"}), frozenset({"red", "blue"})],
    "g.kind": ["man", "firm"],
    "t.venue": ["otc", "floor"],
    "t.asset": ["red", "blue", "green"],
    "x.hit": ["none", "hit"],
}
QUESTION = {"registration.home": "GB", "transaction.date": dt.date(2026, 11, 23)}


def _catalogue():
    report = Report()
    found = read_catalogue(parse(FACTS, "facts.yaml", report), {"test": CALENDAR}, report)
    report.check()
    return found


CATALOGUE = _catalogue()


class TinyMaker(Maker):
    """Random law over this catalogue."""

    def leaf(self, place: str):
        rng = self.rng
        kinds = ["circumstance"] * 4 + ["term"] * 3
        more = ["arrangement", "special", "ruled out"]  # a circumstance may rule these terms and arrangements out
        kinds += {"applies": ["special", "ruled out"], "failed": more, "satisfied": more, "leg": ["ruled out"]}.get(place, [])
        kind = rng.choice(kinds)
        answer = {"is": rng.choice(["yes", "no"])}
        amount = {rng.choice(["exceeds", "at_least", "below", "at_most"]): "10 USD"}
        choices = {
            "circumstance": [
                *({name: answer} for name in ("c.flag", "c.low", "c.high", "c.on_floor", "g.exists", "derived.fits")),
                *({name: amount} for name in ("c.limit", "c.owned", "c.net")),
                {"c.kind": {rng.choice(["is", "is_not"]): "one"}},
                {"c.allowed": {"includes": "red"}},
                {"c.allowed": {rng.choice(["is", "is_not"]): []}},
                {"g.kind": {rng.choice(["is", "is_not"]): "man"}},
                {"derived.left": {rng.choice(["at_least", "below"]): "0 USD"}},
            ],
            "term": [
                {"t.venue": {rng.choice(["is", "is_not"]): "otc"}},
                {"t.asset": {rng.choice(["is", "is_not"]): "red"}},
                {"t.notional": amount},
            ],
            "arrangement": [{"a.capital": amount}],
            "ruled out": [{"t.inner": answer}]
            if place in ("applies", "leg")
            else [{"t.inner": answer}, {"g.signed": {"is": "yes"}}, {"a.cover": amount}],
            "special": [{"x.short": {"is": "yes"}}, {"x.naked": {"is": "yes"}}, {"x.hit": {"is": "hit"}}],
        }
        return rng.choice(choices[kind]), kind

    def condition(self, place: str, depth: int = 3, positive: bool = True, definitions=()):
        if place == "failed" and not positive and depth == 0 and self.rng.random() < 0.2:
            return {"a.capital": {"at_least": "10 USD"}}  # an amount, unlike a bare no, may stand under `not`
        return super().condition(place, depth, positive, definitions)

    def facts(self) -> dict:
        """A value for every fact, which may contradict each other."""
        activities = frozenset(self.rng.choice([["deal"], ["deal", "advise"], ["deal", "agree"]]))
        return {**QUESTION, "transaction.activities": activities, **{name: self.rng.choice(values) for name, values in VALUES.items()}}


def read_by(law: Law) -> set[str]:
    """The facts on which a law turns, also through definitions, derivations, guards and bounds."""
    found: set[str] = set()

    def of(condition: Condition) -> None:
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                of(law.definitions[leaf.definition].when)
            elif isinstance(leaf, Leaf):
                fact(leaf.fact)

    def fact(name: str) -> None:
        if name in found:
            return
        found.add(name)
        for other in (*CATALOGUE.beside(name), *(CATALOGUE.derived[name].inputs if name in CATALOGUE.derived else ())):
            fact(other)
        if CATALOGUE.facts[name].asked_when is not None:
            of(CATALOGUE.facts[name].asked_when)

    for condition in written(law):
        of(condition)
    return found & VALUES.keys()


def written(law: Law) -> Iterator[Condition]:
    """The conditions of a law as they stand in its rulebook."""
    book = law.rulebook
    for provision in (*book.routes.values(), *book.requirements.values(), *book.recognitions.values(), *book.notices.values()):
        version = provision.at(QUESTION["transaction.date"])
        for name in ("opens_when", "applies_when", "failed_when", "satisfied_when", "when"):
            if hasattr(version, name):
                yield getattr(version, name)
    yield from book.legs.values()
    yield from (role.when for roles in book.head.roles.values() for role in roles)


def open_facts(law: Law, situation: Situation) -> set[str]:
    """The facts on which the law turns that are not known."""
    return {name for name in read_by(law) if not situation.settled(name)}


def count_of(names: Iterable[str]) -> int:
    """In how many ways these facts may be known in part."""
    return math.prod(len(VALUES[name]) + 1 for name in names)


def forgetting(rng: random.Random, law: Law, facts: dict[str, Any], most: int) -> dict[str, Any]:
    """The facts without some on which the law turns, as long as the rest has at most so many completions in part."""
    kept = {name: value for name, value in facts.items() if name in read_by(law) or name not in VALUES}
    for name in rng.sample(sorted(kept.keys() & VALUES.keys()), len(kept.keys() & VALUES.keys())):
        fewer = {other: value for other, value in kept.items() if other != name}
        if count_of(open_facts(law, situate(CATALOGUE, fewer))) <= most:
            kept = fewer
    return kept


def completions(stated: dict[str, Any], names: Iterable[str], partly: bool) -> Iterator[Situation]:
    """Every situation in which these facts are known, each with each of its values; with `partly`, also those where some are not.

    A fact that cannot apply stays without a value; what contradicts itself is no completion.
    """
    names = sorted(names)
    choices = [[(name, value) for value in VALUES[name]] + [(name, None)] for name in names]
    for combination in itertools.product(*choices):
        found = situate(CATALOGUE, {**stated, **{name: value for name, value in combination if value is not None}})
        if not found.problems and (partly or all(map(found.settled, names))):
            yield found
