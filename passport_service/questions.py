"""Which questions come next, why each is asked, what each answer would do, and how an answer is read from a form.

Everything is generated: the questions from the fact catalogue, their order and effects from the answer's `missing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import wording
from .errors import Problem
from .facts import ACTIVITIES, Catalogue, Fact
from .journey import UNKNOWN
from .rulebook import LEGS
from .sentences import COUNTRY_NAMES

Body = Mapping[str, Any]
Row = Mapping[str, Any]
DONT_KNOW, NONE, NOBODY = "?", "[]", "-"  # values of form fields that no fact has
TOGETHER = 2  # at most so many questions on a page,
MOST_AMOUNTS = 12  # of one question
NEAR = 0.8  # each at least so urgent, compared with the first
# Weights of urgency, found by counting the questions that the worked cases of the packs take.
_CORE = 3.0  # what settles most in general comes sooner,
_OPENS = 3.0  # and what may open a route by itself;
_COUNSEL = 0.25  # an officer can look most things up, counsel's view takes a week
_LACKING = 2.5  # how fast a route falls behind with each further fact that it lacks
_GROUPED = re.compile(r"\d{1,3}([ ,'\u00a0\u202f]\d{3})+(\.\d+)?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


# -- which come next ----------------------------------------------------------------------------------------------------


def to_ask(body: Body, catalogue: Catalogue) -> list[Row]:
    """The missing facts worth asking, most urgent first: those that settle the status, then those that settle a check or a route.

    What was answered "I don't know" is not asked again, and evidence is ticked on the result, not asked for.
    """
    rows = [row for row in body["missing"] if not row["asked"] and catalogue.facts[row["fact"]].klass != "arrangement"]
    first = [row for row in rows if row["settles_what"] == "status"]
    urgency = _urgency(body, catalogue)
    # Sorting is stable: among equals the service's own order stands.
    return sorted(first, key=lambda row: -urgency[row["fact"]]) + [row for row in rows if row["settles_what"] != "status"]


def _urgency(body: Body, catalogue: Catalogue) -> dict[str, float]:
    """How soon to ask what settles the status: soonest what many routes need that lack little else.

    Asking what settles most on average closes the routes one by one; asking what the nearest route lacks reaches an open one sooner.
    """
    rows = [row for row in body["missing"] if row["settles_what"] == "status"]
    wanted = _routes_in_question(body) | set(LEGS)
    lacking: dict[str, int] = {}
    for row in rows:
        for id_ in row["settles"]:
            lacking[id_] = lacking.get(id_, 0) + 1
    found = {}
    for row in rows:
        fact = catalogue.facts[row["fact"]]
        weight = (_CORE if fact.name in catalogue.core else 1.0) * (_COUNSEL if fact.open_point else 1.0)
        opens = {id_ for one in row["consequences"] for word, ids in wording.effects(one["then"]) if word == "open" for id_ in ids}
        found[fact.name] = weight * sum(lacking[id_] ** -_LACKING * (_OPENS if id_ in opens else 1.0) for id_ in row["settles"] if id_ in wanted)
    if ACTIVITIES in found:
        found[ACTIVITIES] = float("inf")  # it says which routes are asked about at all
    return found


def _routes_in_question(body: Body) -> set[str]:
    """The routes that are neither live nor dead, of legs that have no live route yet."""
    served = {(row["leg"], activity) for row in body["routes"] if row["live"] for activity in row["activities"] or [""]}
    return {
        row["id"]
        for row in body["routes"]
        if not row["live"] and not row["dead"] and any((row["leg"], activity) not in served for activity in row["activities"] or [""])
    }


def page(body: Body, catalogue: Catalogue) -> list[Row]:
    """The rows of the next page: the most urgent question, and others of its group that are nearly as urgent."""
    rows = to_ask(body, catalogue)
    if not rows:
        return []
    lead, urgency = rows[0], _urgency(body, catalogue)
    group = catalogue.facts[lead["fact"]].group
    near = [row for row in rows[1:TOGETHER] if catalogue.facts[row["fact"]].group == group and row["settles_what"] == lead["settles_what"]]
    near = [row for row in near if urgency.get(row["fact"], 1.0) >= NEAR * urgency.get(lead["fact"], 1.0)]
    return [lead, *(row for row in near if not _depends(catalogue, row["fact"], lead["fact"]))]


def _depends(catalogue: Catalogue, name: str, on: str) -> bool:
    """Whether a fact may not apply, depending on another: then the other is asked first, by itself."""
    guards, _ = catalogue.following(on)
    return any(name in guard.facts for guard in guards)


# -- one question as a page shows it --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """Shapes: `value` the JSON value given before, or None; `typed` what stood in the form's fields; `problems` what is wrong with it."""

    fact: Fact
    row: Row | None = None
    value: Any = None
    typed: Mapping[str, Sequence[str]] | None = None
    problems: tuple[str, ...] = ()
    nobody: str = ""  # the question whether there is a client, where the first page asks what it is

    @property
    def id(self) -> str:
        return self.fact.name

    @property
    def unknown(self) -> bool:
        return DONT_KNOW in self._typed() if self.typed is not None else self.value == UNKNOWN

    @property
    def may_be_empty(self) -> bool:
        """Whether “none of these” is an answer; a transaction has some activity."""
        return self.fact.name != ACTIVITIES

    def _typed(self) -> Sequence[str]:
        return (self.typed or {}).get(self.fact.name, ())

    def chosen(self, value: str) -> bool:
        """Whether a radio button, box or list entry is chosen."""
        if self.typed is not None:
            return value in self._typed()
        if value in (NONE, NOBODY):
            return value == NONE and self.value == []
        given = {True: ["yes"], False: ["no"]}.get(self.value, self.value) if isinstance(self.value, bool) else self.value
        return value in (given if isinstance(given, list) else [given])

    def text(self) -> str:
        """What stands in a single field."""
        if self.typed is not None:
            return next((text for text in self._typed() if text != DONT_KNOW), "")
        if self.value is None or self.value == UNKNOWN:
            return ""
        return ", ".join(self.value) if isinstance(self.value, list) else str(self.value)

    def amounts(self) -> list[tuple[str, str]]:
        """Amounts with their currencies as they stand in the fields, one pair at least for each currency that the law reads."""
        if self.typed is not None:
            amounts = [text for text in self._typed() if text != DONT_KNOW]
            return list(zip(amounts, (self.typed or {}).get(self.fact.name + ":currency", ()), strict=False)) or [("", "")]
        rows = [] if self.value in (None, UNKNOWN) else self.value if isinstance(self.value, list) else [self.value]
        given = [(row["amount"], row["currency"]) for row in rows]
        wanted = (self.row or {}).get("currencies") or []
        return given + [("", currency) for currency in wanted if currency not in {stated for _, stated in given}] or [("", "")]

    def consequences(self) -> list[tuple[str, list[tuple[str, list[str]]]]]:
        """What each kind of answer would do. Shapes: the answers in words, and the effects with their ids."""
        return [(one["text"], wording.effects(one["then"])) for one in (self.row or {}).get("consequences", ())]


# -- reading answers from a form ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Answers:
    """What a form said. Shapes: `given` fact -> JSON value; `blank` facts left empty; `typed` the fields as they came."""

    given: dict[str, Any] = field(default_factory=dict)
    blank: list[str] = field(default_factory=list)
    typed: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, name: str, text: str) -> None:
        self.problems.append(Problem("/" + name.replace(".", "/"), text))


def read_answers(catalogue: Catalogue, names: Iterable[str], fields: Mapping[str, Sequence[str]]) -> Answers:
    """The answers to some questions. What cannot be read is left as it was typed: the schema of proposals says what is wrong with it."""
    found = Answers()
    for name in names:
        fact = catalogue.facts[name]
        texts = [text.strip() for text in fields.get(name, ())]
        if fact.type == "money" and len(texts) > MOST_AMOUNTS:
            found.problem(name, f"give at most {MOST_AMOUNTS} amounts, one for each currency")
            texts = texts[:MOST_AMOUNTS]
        found.typed[name] = texts
        if f"{name}:currency" in fields:
            found.typed[f"{name}:currency"] = list(fields[f"{name}:currency"][:MOST_AMOUNTS])
        _read(found, fact, [text for text in texts if text], catalogue)
    return found


def _read(found: Answers, fact: Fact, texts: list[str], catalogue: Catalogue) -> None:
    name, known = fact.name, [text for text in texts if text not in (DONT_KNOW, NONE, NOBODY)]
    if not texts:
        found.blank.append(name)
    elif len(set(texts)) > 1 and {DONT_KNOW, NONE, NOBODY} & set(texts) and (known or fact.type == "set"):
        found.problem(name, "choose one: an answer, or the box beside it")
    elif DONT_KNOW in texts:
        found.given[name] = dict(UNKNOWN)
    elif NOBODY in texts and fact.group in catalogue.exists:
        found.given[catalogue.exists[fact.group]] = False
    else:
        value = _value(found, fact, texts)
        if value is not None:
            found.given[name] = value


def _value(found: Answers, fact: Fact, texts: list[str]) -> Any:
    """An answer as JSON. A text that is none of the kind wanted goes on as it is, to be refused with the schema's own words."""
    match fact.type:
        case "yes_no":
            return {"yes": True, "no": False}.get(texts[0], texts[0])
        case "set":
            if NONE in texts:
                return []
            return sorted({item for text in texts for item in re.split(r"[,;\s]+", text) if item}) if fact.open else texts
        case "integer":
            number = _ungrouped(texts[0])
            if not _NUMBER.fullmatch(number):
                found.problem(fact.name, f"write a whole number{f' of {fact.unit}' if fact.unit else ''}, in digits")
                return None
            return int(number)
        case "decimal":
            return _ungrouped(texts[0])
        case "money":
            return _amounts(found, fact, texts)
    return texts[0]


def _amounts(found: Answers, fact: Fact, texts: list[str]) -> Any:
    """Amounts beside their currencies, in the order of the fields; rows without an amount are left out."""
    typed = found.typed[fact.name]
    currencies = found.typed.get(f"{fact.name}:currency", [])
    rows = [
        {"amount": _ungrouped(amount), "currency": currency}
        for amount, currency in zip(typed, [*currencies, *[""] * len(typed)], strict=False)
        if amount
    ]
    if any(not row["currency"] for row in rows):
        found.problem(fact.name, "choose the currency of the amount")
        return None
    return rows[0] if len(rows) == 1 else rows


def _ungrouped(text: str) -> str:
    """A number without the signs that group its digits.

    >>> _ungrouped("40,000,000.50"), _ungrouped("40 000"), _ungrouped("4,0")
    ('40000000.50', '40000', '4,0')
    """
    return re.sub("[^0-9.]", "", text) if _GROUPED.fullmatch(text) else text


def offered(fact: Fact) -> list[tuple[str, str]]:
    """The values that a question offers, with their words, in the catalogue's order; countries by their names."""
    if fact.type == "country":
        return sorted(COUNTRY_NAMES.items(), key=lambda pair: pair[1])
    return list(fact.values.items())
