"""The shape of a proposal: a marshmallow schema generated from the fact catalogue. Nothing is guessed, nothing coerced.

Every problem is reported at once, with its JSON pointer, what is allowed and what was probably meant.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from .conditions import value_text
from .errors import MOST_SHOWN, Problem, ProposalError
from .facts import ACTIVITIES, Catalogue, Fact, bounds_text
from .proposal import Options, Proposal
from .situation import situate
from .values import CURRENCIES, IDENTIFIERS, parse_code, parse_country, parse_date, parse_decimal

_MOST_IDS = 500
_LONGEST_NAME = 200  # characters of a member's name that is told back
COLUMN = ("as_of", "scenario", "rulebook", "known_on")  # the options that name a law
ASKED = object()  # {"unknown": true}: asked, and cannot be said


# -- fields -----------------------------------------------------------------------------------------------------------


def _fail(detail: str, allowed: Iterable[str] = (), found: str | None = None) -> ValidationError:
    allowed = tuple(allowed)
    return ValidationError([Problem("", detail, allowed, found=found, among=allowed)])


def _text(value: Any, expected: str) -> str:
    if not isinstance(value, str):
        raise _fail(f"expected {expected} as a string, found {_found(value)}")
    return value


def _found(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        return f"the number {value}"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a string"


def _yes_no(fact: Fact, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _fail(f"expected true or false, found {_found(value)}")
    return value


def _choice(fact: Fact, value: Any) -> str:
    text = _text(value, "one of the allowed values")
    if text not in fact.values:
        raise _fail(f"{text[:80]!r} is not an allowed value", fact.values, text)
    return text


def _set(fact: Fact, value: Any) -> frozenset[str]:
    if not isinstance(value, list):
        raise _fail(f"expected a list, found {_found(value)}; the list is the whole set, and [] says that there is none")
    read = _parsed(parse_code) if fact.open else _choice
    problems, members = [], []
    for number, item in enumerate(value):
        try:
            members.append(read(fact, item))
        except ValidationError as error:
            problems += [replace(problem, pointer=f"/{number}") for problem in error.messages]
            if len(problems) > MOST_SHOWN:
                break
    if len(set(members)) < len(members):
        problems.append(Problem("", "the same value stands twice"))
    if problems:
        raise ValidationError(problems)
    return frozenset(members)


def _parsed(parser: Callable[[str], Any]) -> Callable[[Fact, Any], Any]:
    def read(fact: Fact, value: Any) -> Any:
        text = _text(value, f"a {fact.type}" if fact.type != "identifier" else f"an identifier ({fact.scheme})")
        try:
            return parser(text)
        except ValueError as error:
            hint = "; did you mean GB?" if parser is parse_country and text == "UK" else ""
            raise _fail(f"{text[:80]!r} is {error}{hint}") from None

    return read


def _integer(fact: Fact, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _fail(f"expected a whole number, found {_found(value)}")
    return _within(fact, value)


def _bounded(parser: Callable[[str], Any]) -> Callable[[Fact, Any], Any]:
    """Reads a text, and holds it to the fact's bounds."""
    read = _parsed(parser)
    return lambda fact, value: _within(fact, read(fact, value))


def _within(fact: Fact, value: Any) -> Any:
    low, high = fact.minimum, fact.maximum
    # Minus nought is no less than nought, and has no place among numbers that are never negative.
    if (low is not None and (value < low or (low == 0 and str(value)[0] == "-"))) or (high is not None and value > high):
        raise _fail(f"{value_text(value)} is out of bounds; expected {bounds_text(fact)}")
    return value


def _money(fact: Fact, value: Any) -> dict[str, Decimal]:
    rows = value if isinstance(value, list) else [value]
    if not rows:
        raise _fail("expected an amount, or a list with one amount for each currency")
    found: dict[str, Decimal] = {}
    for row in rows:
        if not isinstance(row, dict) or row.keys() != {"amount", "currency"}:
            raise _fail('expected {"amount": "3000000.00", "currency": "USD"}, or a list of them, one for each currency')
        try:
            amount = parse_decimal(_text(row["amount"], 'the amount, such as "3000000.00",'))
        except ValueError as error:
            raise _fail(f"the amount {row['amount'][:40]!r} is {error}") from None
        currency = _text(row["currency"], "a currency code")
        if currency not in CURRENCIES:
            raise _fail(f"{currency[:40]!r} is not a currency of ISO 4217; a stablecoin is not one either")
        if amount.is_signed():
            raise _fail("an amount is not negative; write 0 where there is less than nothing")
        if currency in found:
            raise _fail(f"{currency} stands twice")
        found[currency] = amount
    return found


def _free_text(fact: Fact, value: Any) -> str:
    text = _text(value, "text")
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise _fail("expected 1 to 200 printable characters")
    return text


_READERS: dict[str, Callable[[Fact, Any], Any]] = {
    "yes_no": _yes_no,
    "choice": _choice,
    "set": _set,
    "country": _parsed(parse_country),
    "code": _parsed(parse_code),
    "money": _money,
    "integer": _integer,
    "decimal": _bounded(parse_decimal),
    "date": _bounded(parse_date),
    "text": _free_text,
}


class FactField(fields.Field):
    """One fact. `{"unknown": true}` says that it was asked and cannot be said."""

    default_error_messages = {"null": "null is not an answer: leave the fact out when it is not known"}

    def __init__(self, fact: Fact):
        super().__init__(required=False, allow_none=False)
        self.fact = fact
        self.read = _parsed(IDENTIFIERS[fact.scheme]) if fact.scheme else _READERS[fact.type]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict) and "unknown" in value:
            if value != {"unknown": True} or value["unknown"] is not True:
                raise _fail('to say that it was asked and cannot be said, write exactly {"unknown": true}')
            return ASKED
        return self.read(self.fact, value)


class _Option(fields.Field):
    """An option beside the facts, read by a function that raises ValueError."""

    default_error_messages = {"null": "null is not an answer: leave it out"}

    def __init__(self, read: Callable[[Any], Any], **kwargs: Any):
        super().__init__(allow_none=False, **kwargs)
        self.read = read

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return self.read(value)


def _option_ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value[: _MOST_IDS + 1]):
        raise _fail("expected a list of ids")
    if len(value) > _MOST_IDS or len(set(value)) < len(value):
        raise _fail(f"expected a list of at most {_MOST_IDS} ids, each once")
    return tuple(value)


_BOOLEAN = Fact("option", "yes_no", "term")
_DATE = Fact("option", "date", "term")
_COUNTRY = Fact("option", "country", "term")


class ProposalSchema:
    """Reads proposals against a catalogue. One instance serves all requests: building one is dear."""

    def __init__(self, catalogue: Catalogue, scenarios: Iterable[str] = ()):
        self.catalogue, self.scenarios = catalogue, tuple(sorted(scenarios))
        groups: dict[str, dict[str, fields.Field]] = {}
        for fact in catalogue.given():
            groups.setdefault(fact.group, {})[fact.name.partition(".")[2]] = FactField(fact)
        nested = {name: fields.Nested(_strict(members, f"{name.title()}Group"), error_messages=_NESTED) for name, members in groups.items()}
        self.groups = {name: tuple(members) for name, members in groups.items()}
        self.schema = _strict({**self._options(), **nested}, "Proposal")()
        law = {name: field for name, field in self._options().items() if name in COLUMN}
        self.column = _strict(law, "Column")()
        # The same fields again, as the quick way through: what each reads, without what marshmallow does about mistakes.
        self._options_read = {name: field._deserialize for name, field in self._options().items()}
        self._facts_read = {
            group: {name: (f"{group}.{name}", field._deserialize) for name, field in found.items()} for group, found in groups.items()
        }

    def _options(self) -> dict[str, fields.Field]:
        def name_of(known: tuple[str, ...], what: str) -> Callable[[Any], str]:
            def read(value: Any) -> str:
                text = _text(value, what)
                if text not in known:
                    raise _fail(f"{text[:80]!r} is not a {what} we hold", known, text)
                return text

            return read

        return {
            "host": _Option(
                lambda value: _parsed(parse_country)(_COUNTRY, value), required=True, error_messages={"required": "name the host market"}
            ),
            "as_of": _Option(lambda value: _parsed(parse_date)(_DATE, value)),
            "scenario": _Option(name_of(self.scenarios, "scenario")),
            "rulebook": _Option(lambda value: _text(value, "a rulebook digest")),
            "known_on": _Option(lambda value: _parsed(parse_date)(_DATE, value)),
            "attested": _Option(_option_ids),
            "prefer": _Option(_option_ids),
            "rely_on_staff_positions": _Option(lambda value: _yes_no(_BOOLEAN, value)),
        }

    def load(self, body: Any) -> Proposal:
        """The proposal in a JSON body. Raises: ProposalError with every problem."""
        facts, asked, options = self.read(body)
        situation = situate(self.catalogue, facts, asked)
        problems = [*situation.problems, *self._activities(facts)]
        if problems:
            raise ProposalError(problems)
        host = options.pop("host")
        return Proposal(host, facts, asked, Options(**options), situation)

    def read(self, body: Any) -> tuple[dict[str, Any], frozenset[str], dict[str, Any]]:
        """The typed facts, those asked and not known, and the options of a body, before it is asked whether they agree. Raises: ProposalError."""
        loaded, stated = self._good(body) or self._judged(body)
        asked = frozenset(name for name, value in stated.items() if value is ASKED)
        return {name: value for name, value in stated.items() if value is not ASKED}, asked, loaded

    def _good(self, body: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The options and facts of a body in which every field reads; None on any doubt, which the whole schema then judges."""
        options: dict[str, Any] = {}
        stated: dict[str, Any] = {}
        try:
            for key, value in body.items():
                reading = self._facts_read.get(key)
                if reading is None:
                    options[key] = self._options_read[key](value, key, body)
                    continue
                for name, told in value.items():
                    fact, read = reading[name]
                    stated[fact] = read(told, name, value)
        except (ValidationError, KeyError, AttributeError, TypeError):
            return None
        return (options, stated) if "host" in options else None

    def _judged(self, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same by the whole schema, which tells everything that is wrong. Raises: ProposalError."""
        if not isinstance(body, dict):
            raise ProposalError([Problem("", f"a proposal is a JSON object, found {_found(body)}")])
        trimmed = {name: _trimmed(value, self.groups.get(name, ())) for name, value in _trimmed(body, self.schema.fields).items()}
        try:
            loaded = self.schema.load(trimmed)
        except ValidationError as error:
            raise ProposalError(self._problems(error.messages, "")) from None
        return loaded, {f"{group}.{name}": value for group in self.groups for name, value in loaded.pop(group, {}).items()}

    def reads(self, name: str, value: Any) -> bool:
        """Whether a value can be read as that of the fact of this name, by itself."""
        group, _, member = name.partition(".")
        read = self._facts_read.get(group, {}).get(member)
        try:
            return read is not None and read[1](value, member, None) is not None
        except ValidationError:
            return False

    def load_options(self, body: Any, at: str) -> dict[str, Any]:
        """The law named by one column of a comparison. Raises: ProposalError; `at` is its pointer."""
        try:
            return self.column.load(_trimmed(body, self.column.fields))
        except ValidationError as error:
            raise ProposalError(self._problems(error.messages, at)) from None

    def _activities(self, facts: Mapping[str, Any]) -> list[Problem]:
        chosen = facts.get(ACTIVITIES)
        if chosen is not None and not chosen:
            return [Problem("/transaction/activities", "a transaction has at least one activity; leave it out when it is not known")]
        return []

    def _problems(self, messages: Any, at: str) -> Iterator[Problem]:
        if isinstance(messages, dict):
            for key, found in messages.items():
                # marshmallow files problems of a whole schema under this key; a member may be called so too
                whole = key == "_schema" and found != [_UNKNOWN]
                yield from self._problems(found, at if whole else f"{at}/{_escape(key)}")
            return
        for message in messages:
            if isinstance(message, Problem):
                yield replace(message, pointer=at + message.pointer)
            elif message == _UNKNOWN:
                yield self._unknown(at)
            else:
                yield Problem(at, str(message))

    def _unknown(self, at: str) -> Problem:
        group, _, name = at[1:].replace("~1", "/").replace("~0", "~").partition("/")
        if max(len(group), len(name)) > _LONGEST_NAME:
            return Problem("", f"unknown field, whose name has {max(len(group), len(name))} characters: {(name or group)[:40]!r}…")
        if group not in self.groups and name:
            return Problem(at, "unknown field", found=name.rpartition("/")[2], among=self.column.fields)
        if not name:
            if "." in group:  # the name of a fact instead of its path
                return Problem(at, "unknown field; a fact's name is a path: write the group as an object", found=group, among=self.catalogue.facts)
            return Problem(at, "unknown field", (), _group_of(group, self.groups), group, self.schema.fields)
        return Problem(at, f"unknown field of {group}", (), _group_of(name, self.groups), name, self.groups[group])


def _trimmed(members: Any, known: Container[str]) -> Any:
    """An object without unknown members beyond those that are told: judging thousands would cost more than an answer."""
    unknown = [name for name in members if name not in known] if isinstance(members, dict) else []
    if len(unknown) <= MOST_SHOWN:
        return members
    beyond = set(unknown[MOST_SHOWN + 1 :])
    return {name: value for name, value in members.items() if name not in beyond}


def _group_of(name: str, groups: Mapping[str, tuple[str, ...]]) -> str | None:
    """Where a fact of that name does stand."""
    return next((f"{group}.{name}" for group, members in groups.items() if name in members), None)


def _escape(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


_UNKNOWN = "unknown-field"
_NESTED = {"null": "null is not an answer: leave the group out", "type": "expected an object", "invalid": "expected an object"}


def _strict(members: Mapping[str, fields.Field], name: str) -> type[Schema]:
    def __init__(self: Schema, *args: Any, **kwargs: Any) -> None:
        Schema.__init__(self, *args, unknown=RAISE, **kwargs)
        self.error_messages = {**self.error_messages, "unknown": _UNKNOWN, "type": "expected an object"}

    return type(name, (Schema,), {**members, "__init__": __init__})
