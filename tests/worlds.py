"""Small random worlds: a fixed catalogue with every kind of fact, random rulebooks over it, random facts.

Rulebooks are made as the plain content of YAML files and read by the strict reader, so that only law that may be written
is tried.
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import yaml

from passport_service.calendars import Calendar
from passport_service.catalogue import read_catalogue
from passport_service.laws import Laws
from passport_service.reader import RulebookReader
from passport_service.situation import situate
from passport_service.source import Node, Report, parse

FACTS = """
groups:
  registration: {title: Home}
  transaction: {title: Transaction}
  c: {title: Circumstances}
  p: {title: A person, exists: p.exists}
  t: {title: Terms}
  a: {title: Arrangements}
  x: {title: Special cases}
facts:
  registration.home: {type: country, class: circumstance, question: 'Home?'}
  transaction.activities: {type: set, class: circumstance, question: 'What?', values: {deal: deal, advise: advise, keep: keep, agree: agree}}
  transaction.date: {type: date, class: circumstance, label: the trade, question: 'When?'}
  c.kind: {type: choice, class: circumstance, question: 'Kind?', values: {one: one, two: two, three: three}}
  c.flag: {type: yes_no, class: circumstance, question: 'Flag?'}
  c.size: {type: money, class: circumstance, label: the size, question: 'Size?'}
  c.part: {type: money, class: circumstance, question: 'Part of the size?'}
  c.count: {type: integer, minimum: 0, maximum: 1000000, class: circumstance, unit: pieces, question: 'How many?'}
  c.place: {type: country, class: circumstance, question: 'Where?'}
  c.tags: {type: set, class: circumstance, question: 'Tags?', values: {red: red, blue: blue}}
  c.day: {type: date, class: circumstance, question: 'Which day?'}
  c.inner: {type: yes_no, class: circumstance, question: 'Inner?', asked_when: {c.flag: {is: 'yes'}}}
  c.deep: {type: integer, minimum: 0, maximum: 1000000, class: circumstance, unit: pieces, question: 'Deep?', asked_when: {c.inner: {is: 'yes'}}}
  c.wide: {type: yes_no, class: circumstance, question: 'Wide?'}
  c.narrow: {type: yes_no, class: circumstance, question: 'Narrow?'}
  p.exists: {type: yes_no, class: circumstance, question: 'Anybody?'}
  p.kind: {type: choice, class: circumstance, question: 'Who?', values: {man: man, firm: firm}}
  t.venue: {type: choice, class: term, question: 'Venue?', values: {otc: otc, floor: floor}}
  t.days: {type: integer, minimum: 0, maximum: 1000000, class: term, unit: days, question: 'Days?'}
  t.flag: {type: yes_no, class: term, question: 'Term?'}
  a.signed: {type: yes_no, class: arrangement, question: 'Signed?'}
  a.capital: {type: money, class: arrangement, question: 'Capital?'}
  x.short: {type: yes_no, class: term, exceptional: 'yes', only_if: it is short, question: 'Short?'}
  x.hit: {type: choice, class: circumstance, exceptional: 'yes', only_if: there is a hit, question: 'Hit?', values: {clear: clear, hit: hit}}
  x.share: {type: decimal, minimum: 0, maximum: 1000000, class: circumstance, exceptional: 'yes', only_if: the share is large, unit: per cent, question: 'Share?'}
bounds:
  - {fact: c.part, at_most: c.size}
  - {fact: c.narrow, at_most: c.wide}
contradictions:
  - {when: {all: [{c.kind: {is: three}}, {c.tags: {includes: blue}}]}, says: what is of the third kind is never blue}
derived:
  derived.gap: {days: {from: c.day, to: transaction.date}, says: days gone by}
  derived.work: {business_days: {from: c.day, to: transaction.date, calendar: test}, says: business days gone by}
"""
CALENDAR = Calendar("test", "Test", dt.date(2026, 1, 1), dt.date(2026, 12, 31), frozenset({5, 6}), {dt.date(2026, 12, 25): "Christmas"})
DAYS = [dt.date(2026, 11, 20), dt.date(2026, 11, 23), dt.date(2026, 12, 24), dt.date(2027, 1, 4)]
CITE = {"source": "S", "at": "1"}
PROVENANCE = {"read": "secondary", "confidence": "5", "reviewed_on": "2026-11-22"}


def node(value, path="") -> Node:
    """Plain content as the reader sees it."""
    if isinstance(value, dict):
        return Node({key: node(child, f"{path}.{key}" if path else key) for key, child in value.items()}, "random", 1, 1, path)
    if isinstance(value, list):
        return Node([node(child, f"{path}[{number}]") for number, child in enumerate(value)], "random", 1, 1, path)
    return Node(str(value), "random", 1, 1, path)


def catalogue(shuffled: random.Random | None = None):
    report = Report()
    text = FACTS
    if shuffled is not None:
        content = yaml.load(FACTS, Loader=yaml.BaseLoader)
        for key in ("facts", "derived", "groups"):
            items = list(content[key].items())
            shuffled.shuffle(items)
            content[key] = dict(items)
        shuffled.shuffle(content["bounds"])
        text = yaml.safe_dump(content, sort_keys=False)
    found = read_catalogue(parse(text, "facts.yaml", report), {"test": CALENDAR}, report)
    report.check()
    return found


class Maker:
    """Makes random law. `rng` decides everything, so one seed is one world."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def leaf(self, place: str):
        rng = self.rng
        kinds = ["circumstance"] * 5 + ["term"] * 2
        if place == "applies":
            kinds += ["special"]
        if place in ("failed", "satisfied"):
            kinds += ["arrangement", "special"]
        kind = rng.choice(kinds)
        money = rng.choice(["exceeds", "at_least", "below", "at_most"])
        amount = f"{rng.choice([10, 20, 30])} {rng.choice(['USD', 'USD', 'GBP'])}"
        day = rng.choice(DAYS).isoformat()
        number = str(rng.choice([0, 1, 2, 30]))
        choices = {
            "circumstance": [
                {"c.kind": {"is": rng.choice(["one", "two"])}},
                {"c.kind": {"in": ["one", "three"]}},
                {"c.kind": {"is_not": "two"}},
                {"c.kind": {"not_in": ["two", "three"]}},
                {"c.flag": {"is": rng.choice(["yes", "no"])}},
                {"c.size": {money: amount}},
                {"c.part": {money: amount}},
                {"c.count": {money: number}},
                {"c.place": {"is": "GB"}},
                {"c.place": {"not_in": ["GB", "FR"]}},
                {"c.tags": {"includes": rng.choice(["red", "blue"])}},
                {"c.tags": {rng.choice(["is", "is_not"]): []}},
                {"c.day": {rng.choice(["before", "on_or_after"]): day}},
                {"c.inner": {"is": rng.choice(["yes", "no"])}},
                {"c.deep": {money: number}},
                {"c.wide": {"is": rng.choice(["yes", "no"])}},
                {"c.narrow": {"is": rng.choice(["yes", "no"])}},
                {"p.kind": {rng.choice(["is", "is_not"]): "man"}},
                {"p.exists": {"is": rng.choice(["yes", "no"])}},
                {"derived.gap": {money: number}},
                {"derived.work": {money: number}},
                {"transaction.date": {"before": day}},
            ],
            "term": [{"t.venue": {rng.choice(["is", "is_not"]): "otc"}}, {"t.days": {money: number}}, {"t.flag": {"is": rng.choice(["yes", "no"])}}],
            "arrangement": [{"a.signed": {"is": "yes"}}, {"a.capital": {money: amount}}],
            "special": [{"x.short": {"is": "yes"}}, {"x.hit": {"is": "hit"}}, {"x.share": {rng.choice(["exceeds", "at_least"]): "2.5"}}],
        }
        return rng.choice(choices[kind]), kind

    def condition(self, place: str, depth: int = 3, positive: bool = True, definitions=()):
        rng = self.rng
        if depth == 0 or rng.random() < 0.3:
            if definitions and rng.random() < 0.35:
                usable = [
                    name
                    for name, staff, special in definitions
                    if (positive or not staff) and not (special and (not positive or place not in ("applies", "failed")))
                ]
                if usable:
                    return {"definition": rng.choice(usable)}
            found, kind = self.leaf(place)
            return found if positive or kind not in ("special", "arrangement", "ruled out") else self.condition(place, 0, positive)
        shape = rng.choice(["all", "any", "all", "any", "not"])
        if shape == "not":
            return {"not": self.condition(place, depth - 1, not positive, definitions)}
        return {shape: [self.condition(place, depth - 1, positive, definitions) for _ in range(rng.choice([1, 2, 2, 3]))]}

    def version(self, **more):
        return {"from": "2020-01-01", "title": "t", "standing": "in_force", "cite": CITE, "says": "s", "provenance": PROVENANCE, **more}

    def rulebook(self) -> dict:
        rng = self.rng
        definitions, known = [], []
        for number in range(rng.choice([0, 2, 4])):
            staff = rng.random() < 0.3
            # What a definition uses must suit wherever the definition is used, so special ones are built apart.
            when = self.condition("route", 2, True, [(name, s, x) for name, s, x in known if not s])
            definitions.append(
                {
                    "id": f"d{number}",
                    "versions": [
                        self.version(
                            standing="staff_position" if staff else "in_force",
                            when=when,
                            **({"without": "unknown"} if staff and rng.random() < 0.4 else {}),
                        )
                    ],
                }
            )
            known.append((f"d{number}", staff, False))
        routes = []
        for number in range(rng.choice([2, 3, 5])):
            leg = rng.choice(["status", "status", "status", "venue", "form"])
            version = self.version(
                headline=f"by route {number}",
                opens_when=self.condition("route", 2, True, known),
                standing=rng.choice(["in_force", "in_force", "order", "staff_position"]),
            )
            if leg == "status":
                version["activities"] = rng.sample(["deal", "advise", "keep"], rng.choice([1, 2]))
            if rng.random() < 0.3:
                version["plays"] = {"us_broker_dealer": rng.choice(["firm", "chaperone"])}
            routes.append({"id": f"R{number}", "leg": leg, "versions": [version]})
        ids = [route["id"] for route in routes]
        for route in routes:
            if rng.random() < 0.3:
                route["versions"][0]["not_with"] = [rng.choice([id_ for id_ in ids if id_ != route["id"]])]
        requirements = [self.requirement(number, ids, known) for number in range(rng.choice([3, 6, 9]))]
        recognitions = [
            {
                "id": f"D{number}",
                "versions": [
                    self.version(
                        requirements=[rng.choice(requirements)["id"]],
                        mode=(mode := rng.choice(["relied_on", "by_absence"])),
                        when=self.recognised(mode, self.condition("recognition", 1, True, [k for k in known if not k[1]])),
                    )
                ],
            }
            for number in range(rng.choice([0, 1, 2]))
        ]
        if any(one["versions"][0]["mode"] == "by_absence" for one in recognitions):
            definitions.append({"id": "home_in_good_standing", "versions": [self.version(when=self.leaf("recognition")[0])]})
        legs = {leg: {"needed_when": rng.choice(["never", "always", self.condition("leg", 1)])} for leg in ("venue", "form", "promotion")}
        legs["promotion"] = {"needed_when": "never"}
        return {
            "rulebook": "test",
            "host": "US",
            "head": {
                "title": "Test",
                "version": "1",
                "known_to": "2026-11-01",
                "timezone": "UTC",
                "calendar": "test",
                "currency": "USD",
                "covers": {"from": "2020-01-01", "homes": "any", "activities": ["deal", "advise"]},
                "ancillary": ["agree"],
                "roles": {"uk_firm": [{"when": self.condition("leg", 1), "party": "firm"}, {"party": "uk_firm"}]},
            },
            "legs": legs,
            "sources": {"S": {"title": "Source"}},
            "definitions": definitions,
            "routes": routes,
            "requirements": requirements,
            "recognitions": recognitions,
        }

    def recognised(self, mode: str, when):
        """A condition of a recognition: nothing is left to a home supervisor who does not supervise."""
        return {"all": [when, {"definition": "home_in_good_standing"}]} if mode == "by_absence" else when

    def requirement(self, number: int, routes, known):
        rng = self.rng
        stops = rng.choice(["trade", "trade", "settlement", "nothing", {"firm": "trade", "other": "nothing"}])
        version = self.version(
            duty_on=rng.choice(["firm", "client", "us_broker_dealer", "uk_firm"]),
            due=rng.choice(["pre_contact", "pre_trade", "at_trade", "post_trade"]),
            stops=stops,
            applies_when=rng.choice(["always", self.condition("applies", 2, True, known), self.condition("applies", 2, True, known)]),
            check={"do": "do it"},
        )
        if rng.random() < 0.6:
            version["failed_when"] = self.condition("failed", 2, True, known)
        if rng.random() < 0.5:
            version["satisfied_when"] = self.condition("satisfied", 1)
        if rng.random() < 0.5:
            version["on_routes"] = rng.sample(routes, rng.choice([1, 2]))
        return {"id": f"Q{number}", "versions": [version]}

    def facts(self) -> dict:
        """A value for every fact that can apply, contradicting nothing."""
        rng = self.rng
        yes_no = ("c.flag", "c.inner", "c.wide", "c.narrow", "p.exists", "t.flag", "a.signed", "x.short")
        found = {name: rng.random() < 0.5 for name in yes_no}
        size = Decimal(rng.choice([5, 10, 15, 20, 30, 40]))
        found |= {
            "registration.home": "GB",
            "transaction.activities": frozenset(rng.choice([["deal"], ["deal", "advise"], ["advise", "keep"], ["deal", "agree"]])),
            "transaction.date": rng.choice(DAYS),
            "c.kind": rng.choice(["one", "two", "three"]),
            "c.size": {"USD": size},
            "c.part": {"USD": size - rng.choice([0, 1, 5])},
            "c.count": rng.choice([0, 1, 2, 30, 31]),
            "c.place": rng.choice(["GB", "FR", "CH"]),
            "c.tags": frozenset(rng.choice([[], ["red"], ["red", "blue"]])),
            "c.day": rng.choice(DAYS),
            "c.deep": rng.choice([0, 1, 5]),
            "p.kind": rng.choice(["man", "firm"]),
            "t.venue": rng.choice(["otc", "floor"]),
            "t.days": rng.choice([0, 1, 2]),
            "a.capital": {rng.choice(["USD", "GBP"]): Decimal(20)},
            "x.hit": rng.choice(["clear", "hit"]),
            "x.share": rng.choice([Decimal("2.5"), Decimal("2.51"), Decimal(1)]),
        }
        return consistent(catalogue(), found)


def consistent(facts_catalogue, found: dict) -> dict:
    """The same facts without those that the others rule out."""
    while problems := situate(facts_catalogue, found).problems:
        ruled_out = {problem.pointer[1:].replace("/", ".") for problem in problems}
        found = {name: value for name, value in found.items() if name not in ruled_out}
    return found


def laws_of(content: dict, facts_catalogue=None) -> Laws:
    """The law of a rulebook's plain content, read strictly."""
    report = Report()
    facts_catalogue = facts_catalogue or catalogue()
    rulebook = RulebookReader(facts_catalogue, report).read([node(content)], "random")
    report.check()
    return Laws(facts_catalogue, {"US": rulebook})
