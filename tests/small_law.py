"""A whole law of a few lines, and its amendment: what receipts are tried on where the law itself does not matter."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from passport_service import bundle, keys, laws
from passport_service.archive import open_archive
from passport_service.service import Service

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
ISSUER = "https://passport.example"
FACTS = """
groups:
  registration: {title: Home}
  transaction: {title: Transaction}
  client: {title: Client}
  chaperone: {title: Chaperone}
facts:
  registration.home: {type: country, class: circumstance, question: 'Where is the firm registered?'}
  transaction.activities: {type: set, class: circumstance, question: 'What will the firm do?', values: {deal: deal, advise: advise}}
  transaction.date: {type: date, class: circumstance, label: the trade, question: 'When?'}
  transaction.notional: {type: money, class: term, label: the notional value, question: 'For how much?'}
  client.kind: {type: choice, class: circumstance, question: 'Who is the client?', values: {bank: a bank, person: a person}}
  client.since: {type: date, class: circumstance, question: 'Client since when?'}
  chaperone.signed: {type: yes_no, class: arrangement, question: 'Has the chaperone signed?'}
derived:
  derived.days_known: {business_days: {from: client.since, to: transaction.date, calendar: test}, says: business days for which the client is known}
"""
CALENDAR = """
calendar: test
title: Test
from: 2026-01-01
horizon: 2027-12-31
weekend: [saturday, sunday]
holidays: {2026-11-26: Thanksgiving Day}
source: {title: Test}
reviewed_on: 2026-11-22
"""
RULEBOOK = """
rulebook: us
host: US
head:
  title: The small host
  version: 2026.11.22
  known_to: 2026-11-01
  timezone: America/New_York
  calendar: test
  currency: USD
  covers: {from: 2026-01-01, homes: any, activities: [deal, advise]}
legs:
  venue: {needed_when: never}
  promotion: {needed_when: never}
  form: {needed_when: never}
sources:
  ACT: {title: The Small Act 2020}
definitions:
  - id: long_known
    versions:
      - from: 2020-01-01
        title: A client known for ten business days
        standing: in_force
        cite: {source: ACT, at: s 1}
        says: A client is long known after ten business days.
        when: {derived.days_known: {at_least: 10}}
        provenance: {read: secondary, confidence: 5, reviewed_on: 2026-11-22}
routes:
  - id: R1
    leg: status
    versions:
      - from: 2020-01-01
        title: Dealing with banks
        headline: with a bank
        standing: in_force
        cite: {source: ACT, at: s 2}
        says: A foreign firm may deal with a bank.
        activities: [deal, advise]
        opens_when: {client.kind: {is: bank}}
        provenance: {read: secondary, confidence: 5, reviewed_on: 2026-11-22}
requirements:
  - id: Q1
    versions:
      - from: 2020-01-01
        title: A chaperone
        standing: in_force
        cite: {source: ACT, at: s 3}
        says: A chaperone stands behind the dealing.
        duty_on: firm
        due: onboarding
        stops: trade
        applies_when: always
        satisfied_when: {chaperone.signed: {is: yes}}
        check: {do: Obtain the signature of a chaperone., evidence: [signed agreement]}
        provenance: {read: secondary, confidence: 5, reviewed_on: 2026-11-22}
  - id: Q2
    versions:
      - from: 2020-01-01
        title: A report of clients newly known
        standing: in_force
        cite: {source: ACT, at: s 4}
        says: The first trades of a client are reported.
        duty_on: firm
        due: post_trade
        stops: nothing
        applies_when: {not: {definition: long_known}}
        deadline: {after: transaction.date, business_days: 3, calendar: test, roll: none}
        amount: {percent: "0.5", of: transaction.notional, round: half_up, to: 0.01 USD}
        check: {do: Report the trade.}
        provenance: {read: secondary, confidence: 5, reviewed_on: 2026-11-22}
"""
TEXTS = {"facts.yaml": FACTS, "calendars/test.yaml": CALENDAR, "rulebooks/us/rulebook.yaml": RULEBOOK}
PROPOSAL = {
    "host": "US",
    "registration": {"home": "GB"},
    "transaction": {"activities": ["deal"], "date": "2026-11-25", "notional": {"amount": "2500000.00", "currency": "USD"}},
    "client": {"kind": "bank", "since": "2026-11-02"},
    "chaperone": {"signed": {"unknown": True}},
}
_ROUTE_CLOSES = """
      - from: 2026-11-24
        title: Dealing with persons
        cite: {source: ACT, at: s 2 as amended}
        says: A foreign firm may deal with persons only.
        opens_when: {client.kind: {is: person}}
requirements:
"""
_LONGER_KNOWN = """
      - from: 2026-11-24
        cite: {source: ACT, at: s 1 as amended}
        says: A client is long known after thirty business days.
        when: {derived.days_known: {at_least: 30}}
routes:
"""


def amended(route: bool = False, definition: bool = False, holiday: bool = False, version: str = "2026.11.24") -> dict[str, str]:
    """The law after an amendment published on another day: one that closes the route, or makes clients long known later."""
    text = RULEBOOK.replace("version: 2026.11.22", f"version: {version}")
    text = text.replace("\nrequirements:\n", _ROUTE_CLOSES) if route else text
    text = text.replace("\nroutes:\n", _LONGER_KNOWN) if definition else text
    calendar = CALENDAR.replace("2026-11-26:", "2026-11-11: Veterans Day, 2026-11-26:") if holiday else CALENDAR
    return TEXTS | {"rulebooks/us/rulebook.yaml": text, "calendars/test.yaml": calendar}


def write(directory: Path, texts: dict[str, str] = TEXTS) -> Path:
    """The law as files, for a process that loads it; in a thousandth of the time that the law we ship takes."""
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def bound(texts=None) -> bundle.Bundle:
    texts = TEXTS if texts is None else texts
    return bundle.bind(texts, laws.read(texts))


def service(texts=None, directory=None) -> Service:
    """A service over a law, with an archive in a directory."""
    made = bound(texts)
    kept = open_archive(directory, opened)
    kept.hold(made)
    return opened(made.laws(), made.label, kept)


def opened(laws_read, label, archive=None) -> Service:
    return Service(laws_read, None, label, archive)


def key_list(now: dt.datetime = NOW, issuer: str = ISSUER) -> keys.KeyList:
    """A fresh key, in use from the day before."""
    return keys.read_keys(keys.with_new_key(None, now - dt.timedelta(days=1)).decode(), issuer)
