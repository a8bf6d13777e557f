"""The shape of a proposal: a marshmallow schema generated from the fact catalogue. Nothing is guessed, nothing coerced.

Every problem is reported at once, with its JSON pointer, what is allowed and what was probably meant.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from .errors import MOST_SHOWN, Problem, ProposalError
from .fact_fields import ASKED, FactField, as_text, kind_of, parsed, refused, yes_no
from .facts import ACTIVITIES, Catalogue, Fact
from .proposal import Options, Proposal
from .situation import situate
from .understanding import Understood, understand
from .values import COUNTRIES, parse_date

_MOST_IDS = 500
_LONGEST_NAME = 200  # characters of a member's name that is told back
COLUMN = ("as_of", "scenario", "rulebook", "known_on")  # the options that name a law


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
        raise refused("expected a list of ids")
    if len(value) > _MOST_IDS or len(set(value)) < len(value):
        raise refused(f"expected a list of at most {_MOST_IDS} ids, each once")
    return tuple(value)


_BOOLEAN = Fact("option", "yes_no", "term")
_DATE = Fact("option", "date", "term")


class ProposalSchema:
    """Reads proposals against a catalogue. One instance serves all requests: building one is dear."""

    def __init__(self, catalogue: Catalogue, scenarios: Iterable[str] = ()):
        self.catalogue, self.scenarios = catalogue, tuple(sorted(scenarios))
        groups: dict[str, dict[str, fields.Field]] = {}
        for fact in catalogue.given():
            groups.setdefault(fact.group, {})[fact.name.partition(".")[2]] = FactField(fact, catalogue.authorities)
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
                text = as_text(value, what)
                if text not in known:
                    raise refused(f"{text[:80]!r} is not a {what} we hold", known, text)
                return text

            return read

        def host(value: Any) -> str:
            text = as_text(value, "a country")
            meant = self.catalogue.country_words.synonyms.get(text)  # a host names a rulebook, so it is told and not read
            if text not in COUNTRIES:
                hint = f"; did you mean {meant}?" if meant else ""
                raise refused(f"{text[:80]!r} is not a country code of ISO 3166-1 alpha-2 such as GB or US{hint}")
            return text

        return {
            "host": _Option(host, required=True, error_messages={"required": "name the host market"}),
            "as_of": _Option(lambda value: parsed(parse_date)(_DATE, value)),
            "scenario": _Option(name_of(self.scenarios, "scenario")),
            "rulebook": _Option(lambda value: as_text(value, "a rulebook digest")),
            "known_on": _Option(lambda value: parsed(parse_date)(_DATE, value)),
            "attested": _Option(_option_ids),
            "prefer": _Option(_option_ids),
            "rely_on_staff_positions": _Option(lambda value: yes_no(_BOOLEAN, value)),
        }

    def load(self, body: Any) -> Proposal:
        """The proposal in a JSON body. Raises: ProposalError with every problem."""
        options, understood, asked = self._understood(body)
        situation = situate(self.catalogue, understood.facts, asked)
        problems = [*understood.problems, *situation.problems, *self._activities(understood.facts)]
        if problems:
            raise ProposalError(problems)
        host = options.pop("host")
        return Proposal(host, understood.facts, asked, Options(**options), situation, understood.read_as)

    def read(self, body: Any) -> tuple[dict[str, Any], frozenset[str], dict[str, Any]]:
        """The typed facts, those asked and not known, and the options of a body, before it is asked whether they agree. Raises: ProposalError."""
        options, understood, asked = self._understood(body)
        if understood.problems:
            raise ProposalError(understood.problems)
        return understood.facts, asked, options

    def _understood(self, body: Any) -> tuple[dict[str, Any], Understood, frozenset[str]]:
        options, stated = self._good(body) or self._judged(body)
        asked = frozenset(name for name, value in stated.items() if value is ASKED)
        return options, understand(self.catalogue, {name: value for name, value in stated.items() if value is not ASKED}), asked

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
            raise ProposalError([Problem("", f"a proposal is a JSON object, found {kind_of(body)}")])
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
