"""Sentences about facts: what is known of one, how that stands to a test of the law, and the test by itself.

Whoever tells a reason (JSON, form, memo, CSV, command line, page of the law, refusal) tells it in these words. The words of facts
and values are the catalogue's and the names of countries those of the CLDR; only the grammar is here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.dates import format_date

from .conditions import ACTIVITY, NEGATIVE, Leaf
from .facts import ACTIVITIES, Catalogue, Fact
from .values import COUNTRIES, CURRENCIES, plain

_LOCALE = Locale("en", "GB")
# Law: none; the names are those of the Unicode CLDR for the codes of ISO 3166-1 and ISO 4217.
COUNTRY_NAMES = {code: str(_LOCALE.territories.get(code, code)) for code in sorted(COUNTRIES)}
CURRENCY_NAMES = {code: str(_LOCALE.currencies.get(code, code)) for code in sorted(CURRENCIES)}
_COUNTS = frozenset({"days", "business_days", "months"})  # derivations whose words name what they count
_MOST, _SHOWN = 7, 5  # of a list of more than seven values the first five are named; the page of the law names them all
# How a value stands to a threshold, where the test holds and where it does not.
_COMPARED = {
    "exceeds": ("more than", "not more than"),
    "at_least": ("at least", "below"),
    "below": ("below", "not below"),
    "at_most": ("at most", "more than"),
    "before": ("before", "not before"),
    "on_or_after": ("on or after", "before"),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """Another fact that keeps one from being more (`most`) or less than an amount. Shapes: `amount` as an operand; `value` the other fact's."""

    most: bool
    amount: Any
    fact: str
    value: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a fact where that settles a test of it.

    Shapes: `value` typed, None where it is not known; `sources` (fact, value) of the stated facts that a derived value comes from;
    `because` the same of those from which a yes or no follows; `ruled_out` why the fact cannot apply, as clauses; `may_be_none` where it is
    not known yet whether the fact applies, so that what follows is its value only if it has one.
    """

    value: Any = None
    sources: tuple[tuple[str, Any], ...] = ()
    because: tuple[tuple[str, Any], ...] = ()
    limit: Limit | None = None
    ruled_out: tuple[str, ...] = ()
    may_be_none: bool = False


# -- values -----------------------------------------------------------------------------------------------------------


def country(code: str) -> str:
    """The name of a country, or the code itself.

    >>> country("GB"), country("another")
    ('United Kingdom', 'another')
    """
    return COUNTRY_NAMES.get(code, code)


@lru_cache(4096)  # the CLDR's patterns are dear to apply, and the same days come again
def day(date: dt.date) -> str:
    """A date in words.

    >>> day(dt.date(2026, 12, 1))
    '1 December 2026'
    """
    return str(format_date(date, "d MMMM y", _LOCALE))


def number(value: Decimal | int) -> str:
    """A number with its digits grouped.

    >>> number(Decimal("40000000.50")), number(-1000), number(Decimal("-0.25"))
    ('40,000,000.5', '-1,000', '-0.25')
    """
    whole, point, part = plain(abs(Decimal(value))).partition(".")
    return f"{'-' if value < 0 else ''}{int(whole):,}{point}{part}"


def amounts(value: Mapping[str, Decimal]) -> str:
    """Amounts with their currencies.

    >>> amounts({"USD": Decimal(40000000), "GBP": Decimal("0.5")})
    '0.5 GBP and 40,000,000 USD'
    """
    return joined([f"{number(amount)} {currency}" for currency, amount in sorted(value.items())])


def quantity(value: Decimal | int, unit: str | None) -> str:
    """A number with its unit, which is a plural, a share, or the name of what is numbered.

    >>> quantity(5, "business days"), quantity(1, "symbols"), quantity(Decimal("2.5"), "%"), quantity(2, "gate")
    ('5 business days', '1 symbol', '2.5%', 'gate 2')
    """
    if not unit or unit == "%":
        return f"{number(value)}{unit or ''}"
    if not unit.endswith("s"):
        return f"{number(value)} {unit}" if unit == "per cent" else f"{unit} {number(value)}"
    return f"{number(value)} {unit.removesuffix('s') if value == 1 else unit}"


def joined(items: Sequence[str], last: str = "and") -> str:
    """Items as a phrase.

    >>> joined(["a", "b", "c"]), joined(["a"])
    ('a, b and c', 'a')
    """
    *first, final = items
    return f"{', '.join(first)} {last} {final}" if first else final


def either(items: Sequence[str]) -> str:
    """Alternatives as a phrase; many are cut short.

    >>> either(["“a bank”", "another"])
    '“a bank” or another'
    """
    return joined(items, "or") if len(items) <= _MOST else f"{', '.join(items[:_SHOWN])} or one of {len(items) - _SHOWN} others"


def value_words(fact: Fact, value: Any) -> str:
    """A value or an operand as it stands in a sentence."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.date):
        return day(value)
    if isinstance(value, tuple):
        return amounts({value[1]: value[0]})
    if isinstance(value, Mapping):
        return amounts(value)
    if isinstance(value, (int, Decimal)):
        return quantity(value, fact.unit)
    if isinstance(value, frozenset):
        return _listed(fact, value) if value else "none"
    return _quoted(fact, value)


def _quoted(fact: Fact, value: str) -> str:
    return f"“{country(value) if fact.type == 'country' else fact.values.get(value, value)}”"


def _listed(fact: Fact, values: Iterable[str], last: str = "and", whole: bool = False) -> str:
    """Words in the catalogue's order; a long list is cut short unless it is wanted whole."""
    order = {value: place for place, value in enumerate(fact.values)}
    found = [_quoted(fact, value) for value in sorted(values, key=lambda value: (order.get(value, len(order)), value))]
    if whole or len(found) <= _MOST:
        return joined(found, last)
    return f"{', '.join(found[:_SHOWN])} {last} {len(found) - _SHOWN} others"


# -- facts ------------------------------------------------------------------------------------------------------------


def subject(catalogue: Catalogue, name: str) -> str:
    """What a sentence about a fact is about: its label, or the answer to its question."""
    fact, derived = catalogue.facts[name], catalogue.derived.get(name)
    if derived is None:
        return _closed(fact.label) if fact.label else f"the answer to “{fact.question}”"
    if fact.type == "yes_no":
        return _closed(f"the answer to the question {derived.says}")
    return _closed(f"the number of {derived.says}" if derived.function in _COUNTS else derived.says)


def _closed(noun: str) -> str:
    """A noun phrase with the comma that ends an insertion in it."""
    return f"{noun}," if ", " in noun else noun


def _words(catalogue: Catalogue, name: str, value: Any) -> str:
    derived = catalogue.derived.get(name)
    counted = derived is not None and derived.function in _COUNTS  # then the subject says what is counted
    return number(value) if counted else value_words(catalogue.facts[name], value)


def states(catalogue: Catalogue, name: str, value: Any) -> str:
    """That a fact has a value, as a clause."""
    return f"{subject(catalogue, name)} is {_words(catalogue, name, value)}"


def changed_words(catalogue: Catalogue, name: str, then: Any, now: Any) -> str:
    """That a fact had one value and has another, as a sentence; None where it is not known or cannot apply."""
    was, is_ = ("not known" if value is None else _words(catalogue, name, value) for value in (then, now))
    return _sentence(f"{subject(catalogue, name)} was {was} and is now {is_}")


# -- tests ------------------------------------------------------------------------------------------------------------


def asks(catalogue: Catalogue, leaf: Leaf) -> str:
    """What a test of the law asks, as a clause: `the client is “a bank”`."""
    about = "the activity asked about" if leaf.fact == ACTIVITY else subject(catalogue, leaf.fact)
    return f"{about} {_asked(catalogue, leaf, whole=True)}"


def _asked(catalogue: Catalogue, leaf: Leaf, whole: bool) -> str:
    """What a test asks of its fact, with the verb. What has no value fails the negative ones too: so they ask for “something other”."""
    fact = catalogue.facts[ACTIVITIES if leaf.fact == ACTIVITY else leaf.fact]
    if leaf.operator in _COMPARED:
        return f"is {_compared(catalogue, leaf, True)}"
    if leaf.operator == "includes":
        return f"includes {'the activity asked about' if leaf.value == ACTIVITY else _quoted(fact, leaf.value)}"
    if leaf.value == ():
        return "is “none”" if leaf.operator == "is" else "names at least one"
    operands = _operands(leaf)
    if leaf.operator in NEGATIVE:
        return f"is something other than {_listed(fact, operands, 'or', whole)}"
    return f"is {'one of ' if len(operands) > 1 else ''}{value_words(fact, operands[0]) if len(operands) == 1 else _listed(fact, operands, 'and', whole)}"


def _operands(leaf: Leaf) -> tuple[Any, ...]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _compared(catalogue: Catalogue, leaf: Leaf, held: bool) -> str:
    return f"{_COMPARED[leaf.operator][0 if held else 1]} {_words(catalogue, leaf.fact, leaf.value)}"


# -- reasons ----------------------------------------------------------------------------------------------------------


def sentence(catalogue: Catalogue, leaf: Leaf, held: bool, finding: Finding) -> str:
    """Why a test of the law holds or does not, as a true sentence."""
    return _sentence(clause(catalogue, leaf, held, finding))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def clause(catalogue: Catalogue, leaf: Leaf, held: bool, finding: Finding) -> str:
    """The same as a part of a sentence."""
    if finding.ruled_out:
        return _ruled_out(catalogue, leaf, finding)
    about = subject(catalogue, leaf.fact)
    if finding.may_be_none:
        about = f"{about.rstrip(',')}, if there is one,"
    if finding.limit is not None:
        return _limited(catalogue, leaf, held, finding.limit, about)
    text = f"{about} is {_words(catalogue, leaf.fact, finding.value)}{_relation(catalogue, leaf, held, finding.value)}"
    if finding.sources:
        return f"{text} ({'; '.join([states(catalogue, *source) for source in finding.sources])})"
    return f"{text}, as {joined([states(catalogue, *other) for other in finding.because])}" if finding.because else text


def _ruled_out(catalogue: Catalogue, leaf: Leaf, finding: Finding) -> str:
    why, asked = joined(finding.ruled_out), _asked(catalogue, leaf, whole=False)
    if leaf.fact in catalogue.derived:
        kind = "answer" if catalogue.facts[leaf.fact].type == "yes_no" else "value"
        return f"{subject(catalogue, leaf.fact)} cannot be worked out, because {why}; so no such {kind} {asked}"
    return f"the question “{catalogue.facts[leaf.fact].question}” does not arise, because {why}; so no answer to it {asked}"


def _limited(catalogue: Catalogue, leaf: Leaf, held: bool, limit: Limit, about: str) -> str:
    most, least = ("no later than", "no earlier than") if isinstance(limit.amount, dt.date) else ("at most", "at least")
    known = f"{about} is {most if limit.most else least} {_words(catalogue, leaf.fact, limit.amount)}"
    return f"{known}, because {states(catalogue, limit.fact, limit.value)}, so it is {_compared(catalogue, leaf, held)}"


def _relation(catalogue: Catalogue, leaf: Leaf, held: bool, value: Any) -> str:
    """How a known value stands to the test, where the value alone does not say so."""
    fact = catalogue.facts[leaf.fact]
    if leaf.operator in _COMPARED:
        several = isinstance(value, Mapping) and len(value) > 1
        meant = f"and {amounts({leaf.value[1]: value[leaf.value[1]]})}" if several else "which"
        return f", {meant} is {_compared(catalogue, leaf, held)}"
    if leaf.operator == "includes":
        if held and len(value) == 1:
            return ""
        verb = "which includes" if held else "which does not include" if value else "and so not"
        return f", {verb} {_quoted(fact, leaf.value)}"
    operands = _operands(leaf)
    if isinstance(value, bool) or not operands:
        return ""
    if held is not (leaf.operator in NEGATIVE):  # the value is one of the operands
        return f", which is one of {_listed(fact, operands)}" if len(operands) > 1 else ""
    if len(operands) == 2:
        return f", which is neither {_listed(fact, operands, 'nor')}"
    return f", which is {'none of' if len(operands) > 1 else 'not'} {_listed(fact, operands)}"
