"""How one fact is read from a JSON body: strictly, without coercion, each mistake in plain words with what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from .authorities import Authorities
from .conditions import value_text
from .errors import MOST_SHOWN, Problem
from .facts import Fact, bounds_text
from .understanding import ambiguity
from .values import AUTHORITY_NAME, CURRENCIES, IDENTIFIERS, parse_code, parse_country, parse_date, parse_decimal
from .vocabulary import Word, WordedSet

ASKED = object()  # {"unknown": true}: asked, and cannot be said


def refused(detail: str, allowed: Iterable[str] = (), found: str | None = None) -> ValidationError:
    allowed = tuple(allowed)
    return ValidationError([Problem("", detail, allowed, found=found, among=allowed)])


def as_text(value: Any, expected: str) -> str:
    if not isinstance(value, str):
        raise refused(f"expected {expected} as a string, found {kind_of(value)}")
    return value


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a string"


def yes_no(fact: Fact, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refused(f"expected true or false, found {kind_of(value)}")
    return value


def _choice(fact: Fact, value: Any) -> str:
    text = as_text(value, "one of the allowed values")
    if text in fact.values:
        return text
    worded = _worded(fact, text)
    if worded is None:
        raise refused(f"{text[:80]!r} is not an allowed value", fact.values, text)
    return worded


def _worded(fact: Fact, text: str) -> Word | None:
    """The value that another word means; None where it is no word for any. Raises: ValidationError for a word of several meanings."""
    if text in fact.words.ambiguous:
        raise ValidationError([ambiguity(text, fact.words.ambiguous[text])])
    return Word(fact.words.synonyms[text], text) if text in fact.words.synonyms else None


def _set(fact: Fact, value: Any) -> frozenset[str]:
    if not isinstance(value, list):
        raise refused(f"expected a list, found {kind_of(value)}; the list is the whole set, and [] says that there is none")
    read = parsed(parse_code) if fact.open else _choice
    problems, members = [], []
    for number, item in enumerate(value):
        try:
            members.append(read(fact, item))
        except ValidationError as error:
            problems += [replace(problem, pointer=f"/{number}") for problem in error.messages]
            if len(problems) > MOST_SHOWN:
                break
    if len({member.said if isinstance(member, Word) else member for member in members}) < len(members):
        problems.append(Problem("", "the same value stands twice"))
    if problems:
        raise ValidationError(problems)
    return WordedSet(members) if any(isinstance(member, Word) for member in members) else frozenset(members)


def parsed(parser: Callable[[str], Any]) -> Callable[[Fact, Any], Any]:
    def read(fact: Fact, value: Any) -> Any:
        text = as_text(value, f"a {fact.type}" if fact.type != "identifier" else f"an identifier ({fact.scheme})")
        try:
            return _worded(fact, text) or parser(text)
        except ValueError as error:
            raise refused(f"{text[:80]!r} is {error}") from None

    return read


def _integer(fact: Fact, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(f"expected a whole number, found {kind_of(value)}")
    return _within(fact, value)


def _bounded(parser: Callable[[str], Any]) -> Callable[[Fact, Any], Any]:
    """Reads a text, and holds it to the fact's bounds."""
    read = parsed(parser)
    return lambda fact, value: _within(fact, read(fact, value))


def _within(fact: Fact, value: Any) -> Any:
    low, high = fact.minimum, fact.maximum
    # Minus nought is no less than nought, and has no place among numbers that are never negative.
    if (low is not None and (value < low or (low == 0 and str(value)[0] == "-"))) or (high is not None and value > high):
        raise refused(f"{value_text(value)} is out of bounds; expected {bounds_text(fact)}")
    return value


def _money(fact: Fact, value: Any) -> dict[str, Decimal]:
    rows = value if isinstance(value, list) else [value]
    if not rows:
        raise refused("expected an amount, or a list with one amount for each currency")
    found: dict[str, Decimal] = {}
    for row in rows:
        if not isinstance(row, dict) or row.keys() != {"amount", "currency"}:
            raise refused('expected {"amount": "3000000.00", "currency": "USD"}, or a list of them, one for each currency')
        try:
            amount = parse_decimal(as_text(row["amount"], 'the amount, such as "3000000.00",'))
        except ValueError as error:
            raise refused(f"the amount {row['amount'][:40]!r} is {error}") from None
        currency = as_text(row["currency"], "a currency code")
        if currency not in CURRENCIES:
            raise refused(f"{currency[:40]!r} is not a currency of ISO 4217; a stablecoin is not one either")
        if amount.is_signed():
            raise refused("an amount is not negative; write 0 where there is less than nothing")
        if currency in found:
            raise refused(f"{currency} stands twice")
        found[currency] = amount
    return found


def _free_text(fact: Fact, value: Any) -> str:
    text = as_text(value, "text")
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise refused("expected 1 to 200 printable characters")
    return text


def _authority(fact: Fact, value: Any) -> str:
    """An authority by its short code or its name: which it is turns on the country."""
    text = as_text(value, "the name of an authority")
    if not AUTHORITY_NAME.fullmatch(text):
        raise refused(f"{text[:80]!r} is not the short code or the name of an authority, in Latin letters")
    return text


def _status_or_word(words: frozenset[str]) -> Callable[[Fact, Any], Any]:
    """A status, or a word of some register for one: what it means turns on whose register it is."""

    def read(fact: Fact, value: Any) -> str:
        return value if isinstance(value, str) and value in words else _choice(fact, value)

    return read


_READERS: dict[str, Callable[[Fact, Any], Any]] = {
    "yes_no": yes_no,
    "choice": _choice,
    "set": _set,
    "country": parsed(parse_country),
    "code": parsed(parse_code),
    "money": _money,
    "integer": _integer,
    "decimal": _bounded(parse_decimal),
    "date": _bounded(parse_date),
    "text": _free_text,
}


class FactField(fields.Field):
    """One fact. `{"unknown": true}` says that it was asked and cannot be said."""

    default_error_messages = {"null": "null is not an answer: leave the fact out when it is not known"}

    def __init__(self, fact: Fact, authorities: Authorities):
        super().__init__(required=False, allow_none=False)
        self.fact = fact
        self.read = parsed(IDENTIFIERS[fact.scheme]) if fact.scheme else _READERS[fact.type]
        if fact.name == authorities.facts.get("authority"):
            self.read = _authority
        elif fact.name == authorities.facts.get("status"):
            self.read = _status_or_word(authorities.all_status_words)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict) and "unknown" in value:
            if value != {"unknown": True} or value["unknown"] is not True:
                raise refused('to say that it was asked and cannot be said, write exactly {"unknown": true}')
            return ASKED
        return self.read(self.fact, value)
