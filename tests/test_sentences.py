"""Every operator, of every type it suits, in both outcomes, as the sentence that is told; and what else a sentence may have to say."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from passport_service.catalogue import read_catalogue
from passport_service.conditions import OPERATORS, Leaf
from passport_service.findings import Findings
from passport_service.outcome import CERTAIN, IMPOSSIBLE
from passport_service.sentences import asks, changed_words, sentence
from passport_service.situation import situate
from passport_service.source import Report, parse

from .readback import Reader
from .test_reasons import World
from .worlds import CALENDAR

FACTS = """
groups:
  transaction: {title: The transaction}
  client: {title: The client, exists: client.exists}
  token: {title: The token}
  swap: {title: The swap, asked_when: {token.model: {is: swap}}}
  holding: {title: The holding}
facts:
  transaction.activities: {type: set, class: circumstance, question: 'What will the firm do?', values: {deal: deal, advise: give advice, keep: keep}}
  transaction.date: {type: date, class: circumstance, label: the day of the trade, question: 'When is the trade made?'}
  transaction.order_date: {type: date, class: circumstance, question: 'When was the order given?'}
  transaction.notional: {type: money, class: term, label: the notional value of the trade, question: 'What is the notional value of the trade?'}
  transaction.limit: {type: money, class: circumstance, label: 'the limit, all told', question: 'What is the limit?'}
  transaction.used: {type: money, class: circumstance, label: the part of the limit already used, question: 'How much of it is used?'}
  client.exists: {type: yes_no, class: circumstance, question: 'Is there a client?'}
  client.kind: {type: choice, class: circumstance, label: the client, question: 'What is the client?', values: {one: a bank, two: a trust, three: a company, none: none of these, person: a person}}
  client.trust_assets: {type: money, class: circumstance, question: 'What does the trust own?', asked_when: {client.kind: {is: two}}}
  client.plain: {type: yes_no, class: circumstance, question: 'Is it plain?', asked_when: {not: {client.kind: {in: [one, two]}}}}
  client.either: {type: yes_no, class: circumstance, question: 'Is it either?', asked_when: {any: [{client.kind: {is: two}}, {token.model: {is: swap}}]}}
  client.place: {type: country, class: circumstance, label: the client's country, question: 'Where is the client?'}
  client.regulator: {type: code, class: circumstance, question: 'Which authority supervises the client?'}
  client.assets: {type: money, class: circumstance, label: the amount of the client's assets, question: 'What are the client''s assets?'}
  client.net_assets: {type: money, class: circumstance, label: the amount of the client's net assets, question: 'What are its net assets?'}
  client.memberships: {type: set, class: circumstance, open: 'yes', question: 'Of what is the client a member?'}
  token.model: {type: choice, class: circumstance, label: the token's legal form, question: 'What right does the token carry?', values: {entitlement: a custodial entitlement, swap: a swap or contract for differences}}
  token.never: {type: yes_no, class: circumstance, question: 'Is it ever so?', asked_when: never}
  token.listed: {type: yes_no, class: circumstance, question: 'Is the share listed here?'}
  token.listed_anywhere: {type: yes_no, class: circumstance, question: 'Is the share listed anywhere?'}
  swap.cleared: {type: yes_no, class: circumstance, question: 'Is the swap cleared?'}
  swap.margin: {type: money, class: circumstance, label: 'the margin, all told', question: 'What is the margin?'}
  swap.leverage: {type: decimal, minimum: 0, maximum: 1000000, class: term, unit: times, question: 'How large is the leverage?'}
  holding.percent: {type: decimal, minimum: 0, maximum: 1000000, class: circumstance, unit: '%', question: 'How large is the holding?'}
  holding.days: {type: integer, minimum: -5, maximum: 1000000, class: circumstance, unit: business days, label: the time of the holding, question: 'For how long?'}
  holding.gate: {type: integer, minimum: -5, maximum: 1000000, class: circumstance, unit: gate, label: the firm's place in the sandbox, question: 'At which gate does the firm stand?'}
  holding.first: {type: date, class: circumstance, label: the first day, question: 'When did it begin?'}
  holding.middle: {type: date, class: circumstance, question: 'When was half of it over?'}
  holding.last: {type: date, class: circumstance, label: the last day, question: 'When did it end?'}
  holding.allowed: {type: set, class: circumstance, question: 'Which clients are allowed?', values: {one: banks, two: trusts, three: companies, none: none of these, person: persons}}
bounds:
  - {fact: client.net_assets, at_most: client.assets}
  - {fact: token.listed, at_most: token.listed_anywhere}
  - {fact: swap.cleared, at_most: token.listed_anywhere}
  - {fact: swap.margin, at_most: client.assets}
  - {fact: holding.first, at_most: holding.middle}
  - {fact: holding.middle, at_most: holding.last}
derived:
  derived.days: {days: {from: holding.first, to: transaction.date}, says: 'days for which the token was held, below zero where it comes later'}
  derived.work: {business_days: {from: holding.first, to: transaction.date, calendar: test}, says: business days since the first day}
  derived.months: {months: {from: holding.first, to: transaction.date, count: complete}, says: complete months since the first day}
  derived.ends: {date_plus: {date: holding.first, months: 3}, says: the day on which the pause ends}
  derived.use: {sum: [transaction.used, transaction.notional], says: the use of the limit with this trade}
  derived.headroom: {difference: [transaction.limit, derived.use], says: what is left of the limit after this trade}
  derived.share: {ratio: {of: transaction.notional, to: transaction.limit}, says: the share of the limit that this trade takes}
  derived.permitted: {among: {value: client.kind, set: holding.allowed}, says: whether the permission reaches this kind of client}
  derived.swap_share: {ratio: {of: swap.leverage, to: holding.percent}, says: the leverage as a share of the holding}
"""  # fmt: skip
DAY = dt.date(2026, 12, 1)
USD, GBP = {"USD": Decimal(10)}, {"GBP": Decimal(3000)}


def read(text=FACTS):
    report = Report()
    found = read_catalogue(parse(text, "facts.yaml", report), {"test": CALENDAR}, report)
    return found, [problem.detail for problem in report.problems]


CATALOGUE, PROBLEMS = read()
READER = Reader(CATALOGUE)


def told(facts, leaf: Leaf) -> str:
    """The sentence of a leaf in a situation, which is true of it."""
    situation = situate(CATALOGUE, facts)
    assert situation.problems == ()
    code = situation.leaf(leaf)
    assert code in (CERTAIN, IMPOSSIBLE)
    findings = Findings(CATALOGUE, situation.known, situation.cannot_apply, situation.may_not_apply, situation.leaf)
    text = sentence(CATALOGUE, leaf, code == CERTAIN, findings.of(leaf))
    World(CATALOGUE, READER, situation).check(text, leaf, code == CERTAIN)
    return text


def test_the_catalogue_of_these_tests_is_read():
    assert PROBLEMS == []


# -- the table ------------------------------------------------------------------------------------------------------------

TABLE = [
    # a choice
    ("client.kind", "is", "one", "one", "The client is “a bank”."),
    ("client.kind", "is", "one", "two", "The client is “a bank”, which is not “a trust”."),
    ("client.kind", "is_not", "one", "two", "The client is “a bank”, which is not “a trust”."),
    ("client.kind", "is_not", "one", "one", "The client is “a bank”."),
    ("client.kind", "in", "one", ("one", "two"), "The client is “a bank”, which is one of “a bank” and “a trust”."),
    ("client.kind", "in", "one", ("two", "three"), "The client is “a bank”, which is neither “a trust” nor “a company”."),
    ("client.kind", "in", "one", ("two", "three", "none"), "The client is “a bank”, which is none of “a trust”, “a company” and “none of these”."),
    ("client.kind", "in", "one", ("one",), "The client is “a bank”."),
    ("client.kind", "in", "one", ("two",), "The client is “a bank”, which is not “a trust”."),
    ("client.kind", "not_in", "none", ("one", "two"), "The client is “none of these”, which is neither “a bank” nor “a trust”."),
    ("client.kind", "not_in", "two", ("one", "two"), "The client is “a trust”, which is one of “a bank” and “a trust”."),
    ("client.kind", "not_in", "two", ("one",), "The client is “a trust”, which is not “a bank”."),
    ("client.kind", "not_in", "two", ("two",), "The client is “a trust”."),
    # a country
    ("client.place", "is", "US", "US", "The client's country is “United States”."),
    ("client.place", "is", "US", "GB", "The client's country is “United States”, which is not “United Kingdom”."),
    ("client.place", "is_not", "US", "GB", "The client's country is “United States”, which is not “United Kingdom”."),
    ("client.place", "is_not", "GB", "GB", "The client's country is “United Kingdom”."),
    ("client.place", "in", "CH", ("CH", "LI"), "The client's country is “Switzerland”, which is one of “Switzerland” and “Liechtenstein”."),
    ("client.place", "in", "NO", ("CH", "LI"), "The client's country is “Norway”, which is neither “Switzerland” nor “Liechtenstein”."),
    ("client.place", "not_in", "NO", ("CH", "LI"), "The client's country is “Norway”, which is neither “Switzerland” nor “Liechtenstein”."),
    ("client.place", "not_in", "CH", ("CH", "LI"), "The client's country is “Switzerland”, which is one of “Switzerland” and “Liechtenstein”."),
    # a code
    ("client.regulator", "is", "FCA", "FCA", "The answer to “Which authority supervises the client?” is “FCA”."),
    ("client.regulator", "is", "FCA", "SEC", "The answer to “Which authority supervises the client?” is “FCA”, which is not “SEC”."),
    ("client.regulator", "is_not", "FCA", "SEC", "The answer to “Which authority supervises the client?” is “FCA”, which is not “SEC”."),
    ("client.regulator", "is_not", "SEC", "SEC", "The answer to “Which authority supervises the client?” is “SEC”."),
    ("client.regulator", "in", "SEC", ("FCA", "SEC"), "The answer to “Which authority supervises the client?” is “SEC”, which is one of “FCA” and “SEC”."),
    ("client.regulator", "in", "PRA", ("FCA", "SEC"), "The answer to “Which authority supervises the client?” is “PRA”, which is neither “FCA” nor “SEC”."),
    ("client.regulator", "not_in", "PRA", ("FCA", "SEC"), "The answer to “Which authority supervises the client?” is “PRA”, which is neither “FCA” nor “SEC”."),
    ("client.regulator", "not_in", "FCA", ("FCA", "SEC"), "The answer to “Which authority supervises the client?” is “FCA”, which is one of “FCA” and “SEC”."),
    # yes or no
    ("token.listed", "is", True, True, "The answer to “Is the share listed here?” is yes."),
    ("token.listed", "is", True, False, "The answer to “Is the share listed here?” is yes."),
    ("token.listed", "is", False, False, "The answer to “Is the share listed here?” is no."),
    ("token.listed", "is", False, True, "The answer to “Is the share listed here?” is no."),
    # a set
    ("transaction.activities", "includes", ["deal"], "deal", "The answer to “What will the firm do?” is “deal”."),
    ("transaction.activities", "includes", ["deal", "advise"], "advise", "The answer to “What will the firm do?” is “deal” and “give advice”, which includes “give advice”."),
    ("transaction.activities", "includes", ["deal", "advise"], "keep", "The answer to “What will the firm do?” is “deal” and “give advice”, which does not include “keep”."),
    ("client.memberships", "includes", [], "FINRA", "The answer to “Of what is the client a member?” is none, and so not “FINRA”."),
    ("client.memberships", "includes", ["FINRA"], "SIPC", "The answer to “Of what is the client a member?” is “FINRA”, which does not include “SIPC”."),
    ("client.memberships", "is", [], (), "The answer to “Of what is the client a member?” is none."),
    ("client.memberships", "is", ["FINRA", "SIPC"], (), "The answer to “Of what is the client a member?” is “FINRA” and “SIPC”."),
    ("client.memberships", "is_not", ["FINRA"], (), "The answer to “Of what is the client a member?” is “FINRA”."),
    ("client.memberships", "is_not", [], (), "The answer to “Of what is the client a member?” is none."),
    # money
    ("transaction.notional", "exceeds", USD, (Decimal(9), "USD"), "The notional value of the trade is 10 USD, which is more than 9 USD."),
    ("transaction.notional", "exceeds", USD, (Decimal(10), "USD"), "The notional value of the trade is 10 USD, which is not more than 10 USD."),
    ("transaction.notional", "at_least", USD, (Decimal(10), "USD"), "The notional value of the trade is 10 USD, which is at least 10 USD."),
    ("transaction.notional", "at_least", USD, (Decimal("10.01"), "USD"), "The notional value of the trade is 10 USD, which is below 10.01 USD."),
    ("transaction.notional", "below", USD, (Decimal("250000.50"), "USD"), "The notional value of the trade is 10 USD, which is below 250,000.5 USD."),
    ("transaction.notional", "below", USD, (Decimal(10), "USD"), "The notional value of the trade is 10 USD, which is not below 10 USD."),
    ("transaction.notional", "at_most", USD, (Decimal(10), "USD"), "The notional value of the trade is 10 USD, which is at most 10 USD."),
    ("transaction.notional", "at_most", USD, (Decimal(9), "USD"), "The notional value of the trade is 10 USD, which is more than 9 USD."),
    ("transaction.notional", "exceeds", USD | GBP, (Decimal(10), "USD"), "The notional value of the trade is 3,000 GBP and 10 USD, and 10 USD is not more than 10 USD."),
    ("transaction.notional", "at_least", USD | GBP, (Decimal(3000), "GBP"), "The notional value of the trade is 3,000 GBP and 10 USD, and 3,000 GBP is at least 3,000 GBP."),
    # a whole number, a number
    ("holding.days", "exceeds", 2, 1, "The time of the holding is 2 business days, which is more than 1 business day."),
    ("holding.days", "exceeds", 1, 1, "The time of the holding is 1 business day, which is not more than 1 business day."),
    ("holding.days", "at_least", 1000, 30, "The time of the holding is 1,000 business days, which is at least 30 business days."),
    ("holding.days", "at_least", 29, 30, "The time of the holding is 29 business days, which is below 30 business days."),
    ("holding.days", "below", -1, 0, "The time of the holding is -1 business days, which is below 0 business days."),
    ("holding.days", "below", 0, 0, "The time of the holding is 0 business days, which is not below 0 business days."),
    ("holding.gate", "at_most", 2, 2, "The firm's place in the sandbox is gate 2, which is at most gate 2."),
    ("holding.gate", "at_most", 3, 2, "The firm's place in the sandbox is gate 3, which is more than gate 2."),
    ("holding.percent", "exceeds", Decimal("2.51"), Decimal("2.5"), "The answer to “How large is the holding?” is 2.51%, which is more than 2.5%."),
    ("holding.percent", "exceeds", Decimal("2.5"), Decimal("2.5"), "The answer to “How large is the holding?” is 2.5%, which is not more than 2.5%."),
    ("holding.percent", "at_least", Decimal(3), Decimal(3), "The answer to “How large is the holding?” is 3%, which is at least 3%."),
    ("holding.percent", "at_least", Decimal("2.99"), Decimal(3), "The answer to “How large is the holding?” is 2.99%, which is below 3%."),
    ("holding.percent", "below", Decimal("-0.5"), Decimal(0), "The answer to “How large is the holding?” is -0.5%, which is below 0%."),
    ("holding.percent", "below", Decimal(0), Decimal(0), "The answer to “How large is the holding?” is 0%, which is not below 0%."),
    ("holding.percent", "at_most", Decimal(1), Decimal(1), "The answer to “How large is the holding?” is 1%, which is at most 1%."),
    ("holding.percent", "at_most", Decimal(2), Decimal(1), "The answer to “How large is the holding?” is 2%, which is more than 1%."),
    # a date
    ("transaction.date", "before", DAY, dt.date(2026, 12, 2), "The day of the trade is 1 December 2026, which is before 2 December 2026."),
    ("transaction.date", "before", DAY, DAY, "The day of the trade is 1 December 2026, which is not before 1 December 2026."),
    ("transaction.date", "on_or_after", DAY, DAY, "The day of the trade is 1 December 2026, which is on or after 1 December 2026."),
    ("transaction.date", "on_or_after", DAY, dt.date(2027, 1, 3), "The day of the trade is 1 December 2026, which is before 3 January 2027."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "operator", "value", "operand", "text"), TABLE)
def test_a_known_value_is_told_with_how_it_stands_to_the_test(name, operator, value, operand, text):
    value = frozenset(value) if isinstance(value, list) else value
    assert told({name: value}, Leaf(name, operator, operand)) == text


def test_every_operator_stands_in_the_table_with_every_type_it_suits_and_both_outcomes():
    found = set()
    for name, operator, value, operand, _ in TABLE:
        value = frozenset(value) if isinstance(value, list) else value
        found.add((operator, CATALOGUE.facts[name].type, OPERATORS[operator].test(value, operand)))
    assert found == {(name, type_, held) for name, operator in OPERATORS.items() for type_ in operator.types for held in (True, False)}


# -- what else there is to say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "leaf", "text"),
    [
        # A fact that cannot apply: no test of it holds, whatever it asks.
        (
            {"client.exists": False}, Leaf("client.kind", "is", "one"),
            "The question “What is the client?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is “a bank”.",
        ),
        (
            {"client.exists": False}, Leaf("client.kind", "is_not", "person"),
            "The question “What is the client?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is something other "
            "than “a person”.",
        ),
        (
            {"client.exists": False}, Leaf("client.kind", "not_in", ("person", "one")),
            "The question “What is the client?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is something other "
            "than “a bank” or “a person”.",
        ),
        (
            {"client.exists": False}, Leaf("client.place", "in", ("US", "GB")),
            "The question “Where is the client?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is one of “United "
            "Kingdom” and “United States”.",
        ),
        (
            {"client.exists": False}, Leaf("client.memberships", "is", ()),
            "The question “Of what is the client a member?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is “none”.",
        ),
        (
            {"client.exists": False}, Leaf("client.memberships", "is_not", ()),
            "The question “Of what is the client a member?” does not arise, because the answer to “Is there a client?” is no; so no answer to it names at "
            "least one.",
        ),
        (
            {"client.exists": False}, Leaf("client.memberships", "includes", "FINRA"),
            "The question “Of what is the client a member?” does not arise, because the answer to “Is there a client?” is no; so no answer to it includes "
            "“FINRA”.",
        ),
        (
            {"token.model": "entitlement"}, Leaf("swap.leverage", "at_most", Decimal(5)),
            "The question “How large is the leverage?” does not arise, because the token's legal form is “a custodial entitlement”, which is not “a swap or "
            "contract for differences”; so no answer to it is at most 5 times.",
        ),
        # A guard that is met through `not` is FALSE because something is so.
        (
            {"client.kind": "two"}, Leaf("client.plain", "is", False),
            "The question “Is it plain?” does not arise, because the client is “a trust”, which is one of “a bank” and “a trust”; so no answer to it is no.",
        ),
        # Of a guard of alternatives every one is FALSE.
        (
            {"client.kind": "one", "token.model": "entitlement"}, Leaf("client.either", "is", True),
            "The question “Is it either?” does not arise, because the client is “a bank”, which is not “a trust” and the token's legal form is “a custodial "
            "entitlement”, which is not “a swap or contract for differences”; so no answer to it is yes.",
        ),
        # What cannot apply because something else cannot: the facts that do apply are named.
        (
            {"client.exists": False}, Leaf("client.trust_assets", "below", (Decimal(5), "USD")),
            "The question “What does the trust own?” does not arise, because the answer to “Is there a client?” is no; so no answer to it is below 5 USD.",
        ),
        (
            {"client.exists": False}, Leaf("derived.permitted", "is", True),
            "The answer to the question whether the permission reaches this kind of client cannot be worked out, because the answer to “Is there a client?” "
            "is no; so no such answer is yes.",
        ),
        (
            {"token.model": "entitlement"}, Leaf("derived.swap_share", "exceeds", Decimal(5)),
            "The leverage as a share of the holding cannot be worked out, because the token's legal form is “a custodial entitlement”, which is not “a swap "
            "or contract for differences”; so no such value is more than 5 per cent.",
        ),
        ({}, Leaf("token.never", "is", False), "The question “Is it ever so?” does not arise, because it is never asked; so no answer to it is no."),
        # A derived fact says its value and what that comes from.
        (
            {"holding.first": dt.date(2026, 11, 20), "transaction.date": DAY}, Leaf("derived.days", "at_least", 30),
            "The number of days for which the token was held, below zero where it comes later, is 11, which is below 30 (the first day is 20 November 2026; "
            "the day of the trade is 1 December 2026).",
        ),
        (
            {"holding.first": dt.date(2026, 11, 23), "transaction.date": DAY}, Leaf("derived.work", "exceeds", 5),
            "The number of business days since the first day is 6, which is more than 5 (the first day is 23 November 2026; the day of the trade is "
            "1 December 2026).",
        ),
        (
            {"holding.first": dt.date(2025, 12, 2), "transaction.date": DAY}, Leaf("derived.months", "at_least", 12),
            "The number of complete months since the first day is 11, which is below 12 (the first day is 2 December 2025; the day of the trade is "
            "1 December 2026).",
        ),
        (
            {"holding.first": dt.date(2026, 9, 1)}, Leaf("derived.ends", "on_or_after", DAY),
            "The day on which the pause ends is 1 December 2026, which is on or after 1 December 2026 (the first day is 1 September 2026).",
        ),
        (
            {"transaction.limit": {"USD": Decimal(100)}, "transaction.used": {"USD": Decimal(97)}, "transaction.notional": {"USD": Decimal("3.01")}},
            Leaf("derived.headroom", "at_least", (Decimal(0), "USD")),
            "What is left of the limit after this trade is -0.01 USD, which is below 0 USD (the limit, all told, is 100 USD; the part of the limit already "
            "used is 97 USD; the notional value of the trade is 3.01 USD).",
        ),
        (
            {"transaction.limit": {"USD": Decimal(8)}, "transaction.notional": {"USD": Decimal(1)}}, Leaf("derived.share", "at_most", Decimal("12.5")),
            "The share of the limit that this trade takes is 12.5 per cent, which is at most 12.5 per cent (the notional value of the trade is 1 USD; the "
            "limit, all told, is 8 USD).",
        ),
        (
            {"client.kind": "two", "holding.allowed": frozenset({"one", "three"})}, Leaf("derived.permitted", "is", True),
            "The answer to the question whether the permission reaches this kind of client is no (the client is “a trust”; the answer to “Which clients are "
            "allowed?” is “banks” and “companies”).",
        ),
        (
            {"holding.allowed": frozenset()}, Leaf("derived.permitted", "is", False),
            "The answer to the question whether the permission reaches this kind of client is no (the answer to “Which clients are allowed?” is none).",
        ),
        # A fact that is not known, and is bounded by another: also through one that is not known either.
        (
            {"client.assets": {"USD": Decimal(5)}}, Leaf("client.net_assets", "at_least", (Decimal(6), "USD")),
            "The amount of the client's net assets is at most 5 USD, because the amount of the client's assets is 5 USD, so it is below 6 USD.",
        ),
        (
            {"client.assets": {"USD": Decimal(5)}, "client.net_assets": GBP}, Leaf("client.net_assets", "exceeds", (Decimal(5), "USD")),
            "The amount of the client's net assets is at most 5 USD, because the amount of the client's assets is 5 USD, so it is not more than 5 USD.",
        ),
        (
            {"client.net_assets": USD | GBP}, Leaf("client.assets", "below", (Decimal(10), "USD")),
            "The amount of the client's assets is at least 10 USD, because the amount of the client's net assets is 3,000 GBP and 10 USD, so it is not below "
            "10 USD.",
        ),
        (
            {"holding.last": DAY}, Leaf("holding.first", "before", dt.date(2026, 12, 2)),
            "The first day is no later than 1 December 2026, because the last day is 1 December 2026, so it is before 2 December 2026.",
        ),
        (
            {"holding.first": DAY}, Leaf("holding.last", "on_or_after", DAY),
            "The last day is no earlier than 1 December 2026, because the first day is 1 December 2026, so it is on or after 1 December 2026.",
        ),
        # A yes or no that follows from another says so.
        (
            {"token.listed": True}, Leaf("token.listed_anywhere", "is", False),
            "The answer to “Is the share listed anywhere?” is yes, as the answer to “Is the share listed here?” is yes.",
        ),
        (
            {"token.listed_anywhere": False}, Leaf("token.listed", "is", False),
            "The answer to “Is the share listed here?” is no, as the answer to “Is the share listed anywhere?” is no.",
        ),
        # While it is not known whether a question arises, a bound says what the answer is only if there is one.
        (
            {"token.listed_anywhere": False}, Leaf("swap.cleared", "is", True),
            "The answer to “Is the swap cleared?”, if there is one, is no, as the answer to “Is the share listed anywhere?” is no.",
        ),
        (
            {"client.assets": USD}, Leaf("swap.margin", "exceeds", (Decimal(10), "USD")),
            "The margin, all told, if there is one, is at most 10 USD, because the amount of the client's assets is 10 USD, so it is not more than 10 USD.",
        ),
        (
            {"client.assets": USD, "token.model": "swap"}, Leaf("swap.margin", "at_most", (Decimal(10), "USD")),
            "The margin, all told, is at most 10 USD, because the amount of the client's assets is 10 USD, so it is at most 10 USD.",
        ),
        # What is described is there.
        ({"client.kind": "one"}, Leaf("client.exists", "is", True), "The answer to “Is there a client?” is yes."),
    ],
)  # fmt: skip
def test_what_a_sentence_says_beside_a_value(facts, leaf, text):
    assert told(facts, leaf) == text


def test_a_long_list_is_cut_short_and_what_is_left_out_is_counted():
    codes = tuple("ABCDEFGH")
    facts = {"client.regulator": "Z", "client.memberships": frozenset(codes)}
    assert told(facts, Leaf("client.regulator", "in", codes)).endswith("is “Z”, which is none of “A”, “B”, “C”, “D”, “E” and 3 others.")
    assert told(facts, Leaf("client.memberships", "includes", "H")).endswith("is “A”, “B”, “C”, “D”, “E” and 3 others, which includes “H”.")
    assert told(facts, Leaf("client.regulator", "in", codes[:7])).endswith("which is none of “A”, “B”, “C”, “D”, “E”, “F” and “G”.")


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        (Leaf("client.kind", "is", "one"), "the client is “a bank”"),
        (Leaf("client.kind", "is_not", "one"), "the client is something other than “a bank”"),
        (Leaf("client.kind", "in", ("two", "one")), "the client is one of “a bank” and “a trust”"),
        (Leaf("client.kind", "in", ("one",)), "the client is “a bank”"),
        (Leaf("client.kind", "not_in", ("two", "one")), "the client is something other than “a bank” or “a trust”"),
        (Leaf("token.listed", "is", False), "the answer to “Is the share listed here?” is no"),
        (Leaf("client.memberships", "includes", "FINRA"), "the answer to “Of what is the client a member?” includes “FINRA”"),
        (Leaf("client.memberships", "is", ()), "the answer to “Of what is the client a member?” is “none”"),
        (Leaf("client.memberships", "is_not", ()), "the answer to “Of what is the client a member?” names at least one"),
        (Leaf("transaction.limit", "below", (Decimal(5000), "USD")), "the limit, all told, is below 5,000 USD"),
        (Leaf("derived.days", "at_least", 30), "the number of days for which the token was held, below zero where it comes later, is at least 30"),
        (Leaf("transaction.date", "on_or_after", DAY), "the day of the trade is on or after 1 December 2026"),
        (Leaf("activity", "in", ("deal", "keep")), "the activity asked about is one of “deal” and “keep”"),
        (Leaf("activity", "is", "deal"), "the activity asked about is “deal”"),
        (Leaf("activity", "is_not", "deal"), "the activity asked about is something other than “deal”"),
        (Leaf("transaction.activities", "includes", "activity"), "the answer to “What will the firm do?” includes the activity asked about"),
    ],
)
def test_a_test_by_itself_says_what_it_asks(leaf, text):
    assert asks(CATALOGUE, leaf) == text


def test_a_value_that_changed_is_told_with_both_and_what_is_not_known_as_that():
    assert changed_words(CATALOGUE, "derived.work", 11, 10) == "The number of business days since the first day was 11 and is now 10."
    assert changed_words(CATALOGUE, "client.kind", "one", None) == "The client was “a bank” and is now not known."


def test_only_a_fact_whose_value_is_no_answer_by_itself_has_a_label():
    mistake = "yes, no and several values are told as answers to the question: such a fact has no label"
    assert read(FACTS.replace("question: 'Is the share listed here?'", "label: the listing, question: 'Is the share listed here?'"))[1] == [mistake]
    assert read(FACTS.replace("open: 'yes'", "open: 'yes', label: the membership"))[1] == [mistake]
