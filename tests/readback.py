"""Reads told reasons back: from a sentence to what it claims, with the catalogue's words and a grammar written here.

Apart from the service's own wording on purpose, so that a sentence is held to what it says and not to how it was made.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from itertools import pairwise

from babel import Locale

from passport_service.conditions import All, Any_, Constant, Leaf, Not, Ref

COUNTRIES = {str(name): code for code, name in Locale("en", "GB").territories.items() if len(code) == 2 and code.isalpha()}
NUMBER = r"-?\d{1,3}(?:,\d{3})*(?:\.\d+)?"
Q = r"“\d+”"  # a quotation, which stands as its number while the rest is read
LIST = rf"{Q}(?:, {Q})*(?: (?:and|or|nor) (?:{Q}|one of \d+ others|\d+ others))?"
MONEY = rf"{NUMBER} [A-Z]{{3}}(?:, {NUMBER} [A-Z]{{3}})*(?: and {NUMBER} [A-Z]{{3}})?"
DATE = r"\d{1,2} [A-Z][a-z]+ \d{4}"
COMPARISONS = {
    "more than": ("exceeds", True), "not more than": ("exceeds", False), "at least": ("at_least", True), "below": ("below", True),
    "not below": ("below", False), "at most": ("at_most", True), "before": ("before", True), "not before": ("before", False),
    "on or after": ("on_or_after", True),
}  # fmt: skip
COMPARED = "|".join(sorted(COMPARISONS, key=len, reverse=True))


@dataclass(frozen=True)
class Listed:
    """Values that are named, and how many more there are said to be."""

    values: tuple[str, ...]
    others: int = 0

    def may_be(self, whole) -> bool:
        return set(self.values) <= set(whole) and len(self.values) + self.others == len(set(whole))


@dataclass(frozen=True)
class Claim:
    """What a sentence says. Shapes: `value` typed (of a long set a `Listed`); `relation` (kind, operand) said of the value; `given` the facts and
    values that it says the value comes from; `limit` (at least or at most, amount); `asked` (operator, operand) of what no answer can be;
    `if_any` whether it leaves open that there is no value."""

    fact: str
    value: object = None
    relation: tuple | None = None
    given: tuple[tuple[str, object], ...] = ()
    limit: tuple | None = None
    asked: tuple | None = None
    if_any: bool = False


class Reader:
    """Reads sentences in the words of one catalogue."""

    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.questions = {fact.question: name for name, fact in catalogue.facts.items() if name not in catalogue.derived}
        self.subjects = {self._subject(name): name for name in catalogue.facts}
        assert len(self.subjects) == len(catalogue.facts), "two facts are told in the same words"
        self.why = cache(self._why)
        self.opener = cache(self._opener)

    def _subject(self, name: str) -> str:
        fact, derived = self.catalogue.facts[name], self.catalogue.derived.get(name)
        if derived is None:
            words = fact.label or f"the answer to “{fact.question}”"
            return words + "," if fact.label and ", " in words else words
        counts = derived.function in ("days", "business_days", "months")
        words = f"the number of {derived.says}" if counts else f"the answer to the question {derived.says}" if fact.type == "yes_no" else derived.says
        return words + "," if ", " in words else words

    # -- sentences ----------------------------------------------------------------------------------------------------------

    def _why(self, text: str) -> Claim:
        """The claim of a sentence of `why`."""
        assert text.endswith(".") and text[0].isupper(), text
        return self._clause(Quoted(text[0].lower() + text[1:-1]))

    def _opener(self, text: str) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
        """What a text of `would_open_if` says of the present, and the questions to which another answer would be needed."""
        plain = Quoted(text)
        found = re.fullmatch(r"(.*)\. Another answer(?: to (.+))? would be needed\.", plain.text)
        assert found, text
        claims = [self._clause(plain.part(part[0].lower() + part[1:])) for part in found[1].split(". ")]
        asked = tuple(plain.quotes[int(number)] for number in re.findall(r"“(\d+)”", found[2] or ""))
        return tuple(claims), tuple(self.questions[question] for question in asked)

    def _clause(self, plain: Quoted) -> Claim:
        text = plain.text
        found = re.fullmatch(rf"the question ({Q}) does not arise, because (.+); so no answer to it (.+)", text)
        if found:
            name = self.questions[plain.quote(found[1])]
            return Claim(name, given=self._joined(plain.part(found[2])), asked=self.asked(name, plain.part(found[3])))
        found = re.fullmatch(r"(.+) cannot be worked out, because (.+); so no such (value|answer) (.+)", text)
        if found:
            name = self.subjects[plain.part(found[1]).whole()]
            assert (found[3] == "answer") is (self.catalogue.facts[name].type == "yes_no"), text
            return Claim(name, given=self._joined(plain.part(found[2])), asked=self.asked(name, plain.part(found[4])))
        name, rest, if_any = self._about(plain)
        found = re.fullmatch(rf"(at least|at most|no earlier than|no later than) (.+), because (.+), so it is ({COMPARED}) (.+)", rest)
        if found:
            limit = (found[1] in ("at most", "no later than"), self.operand(name, plain.part(found[2])))
            return Claim(name, None, self._comparison(name, plain, found[4], found[5]), self._joined(plain.part(found[3])), limit, if_any=if_any)
        return replace(self._known(name, plain.part(rest)), if_any=if_any)

    def _about(self, plain: Quoted) -> tuple[str, str, bool]:
        """The fact that a clause is about, what it says after “is”, and whether it says “if there is one”."""
        for found in re.finditer(" is ", plain.text):
            about = plain.part(plain.text[: found.start()]).whole()
            words = about.removesuffix(", if there is one,")
            name = self.subjects.get(words) or (self.subjects.get(f"{words},") if words != about else None)
            if name is not None:
                return name, plain.text[found.end() :], words != about
        raise AssertionError(f"about no fact: {plain.whole()}")

    def _known(self, name: str, plain: Quoted) -> Claim:
        given: tuple = ()
        text = plain.text
        if found := re.fullmatch(r"(.*) \((.*)\)", text):
            text = found[1]
            given = tuple((claim.fact, claim.value) for claim in (self._clause(plain.part(part)) for part in found[2].split("; ")))
        elif found := re.fullmatch("(yes|no), as (.*)", text):
            text, given = found[1], self._joined(plain.part(found[2]))
        value, _, relation = text.partition(", which ") if ", which " in text else self._plain_relation(text)
        return Claim(name, self.value(name, plain.part(value)), self._relation(name, plain, relation) if relation else None, given)

    @staticmethod
    def _plain_relation(text: str) -> tuple[str, str, str]:
        found = re.fullmatch(rf"(.*), (and so not {Q}|and {NUMBER} [A-Z]{{3}} is (?:{COMPARED}) .+)", text)
        return (found[1], "", found[2]) if found else (text, "", "")

    def _relation(self, name: str, plain: Quoted, text: str) -> tuple:
        for pattern, kind in (
            (rf"is not ({Q})", "not"),
            (rf"is one of ({LIST})", "one of"),
            (rf"is (?:neither|none of) ({LIST})", "none of"),
            (rf"includes ({Q})", "includes"),
            (rf"(?:does not include|and so not) ({Q})", "lacks"),
        ):
            if found := re.fullmatch(pattern, text):
                return kind, self.listed(name, plain.part(found[1]))
        found = re.fullmatch(rf"(?:and ({NUMBER} [A-Z]{{3}}) )?is ({COMPARED}) (.+)", text)
        assert found, f"{name}: {text}"
        meant = self.operand(name, plain.part(found[1])) if found[1] else None
        return (*self._comparison(name, plain, found[2], found[3]), meant)

    def _comparison(self, name: str, plain: Quoted, words: str, threshold: str) -> tuple:
        return (*COMPARISONS[words], self.operand(name, plain.part(threshold)))

    def _joined(self, plain: Quoted) -> tuple[tuple[str, object], ...]:
        """Clauses joined by commas and “and”, each of which says a value; what joins and what is said is found by trying."""
        places = [0, *(found.end() for found in re.finditer(r", | and ", plain.text)), len(plain.text) + 1]

        def read(start: int) -> list[Claim] | None:
            if start == len(places) - 1:
                return []
            for end in range(len(places) - 1, start, -1):
                part = re.sub(r"(, | and )$", "", plain.text[places[start] : places[end]])
                try:
                    first = self._clause(plain.part(part))
                except (AssertionError, KeyError, ValueError):
                    continue
                if (rest := read(end)) is not None:
                    return [first, *rest]
            return None

        if plain.text == "it is never asked":
            return ()
        claims = read(0)
        assert claims, plain.whole()
        return tuple((claim.fact, claim.value) for claim in claims)

    # -- values -------------------------------------------------------------------------------------------------------------

    def listed(self, name: str, plain: Quoted) -> Listed:
        """Words in quotation marks as values."""
        others = re.search(r"(\d+) others$", plain.text)
        return Listed(tuple(self._word(name, plain.quote(found)) for found in re.findall(Q, plain.text)), int(others[1]) if others else 0)

    def _word(self, name: str, words: str) -> str:
        fact = self.catalogue.facts[name]
        if fact.type == "country":
            return COUNTRIES[words]
        codes = [code for code, label in fact.values.items() if label == words]
        assert len(codes) == 1 or (fact.type == "code" or fact.open) and not codes, f"{name} has no value “{words}”"
        return codes[0] if codes else words

    def value(self, name: str, plain: Quoted):
        """A known value."""
        kind, text = self.catalogue.facts[name].type, plain.text
        if kind == "yes_no":
            return {"yes": True, "no": False}[text]
        if kind == "set":
            if text == "none":
                return frozenset()
            assert re.fullmatch(LIST, text), text
            found = self.listed(name, plain)
            return found if found.others else frozenset(found.values)
        if kind == "money":
            assert re.fullmatch(MONEY, text), text
            return {currency: number(amount) for amount, currency in re.findall(rf"({NUMBER}) ([A-Z]{{3}})", text)}
        return self.operand(name, plain)

    def operand(self, name: str, plain: Quoted):
        """A value, or a threshold."""
        fact, text = self.catalogue.facts[name], plain.text
        if fact.type in ("choice", "country", "code"):
            assert re.fullmatch(Q, text), text
            return self._word(name, plain.quote(text))
        if fact.type == "date":
            assert re.fullmatch(DATE, text), text
            return dt.datetime.strptime(text, "%d %B %Y").date()
        if fact.type == "money":
            amount, currency = text.split(" ")
            return number(amount), currency
        assert re.fullmatch(NUMBER, text.replace(fact.unit or "", "").removesuffix((fact.unit or "s").removesuffix("s")).strip()), f"{name}: {text}"
        found = number(re.search(NUMBER, text)[0])
        return int(found) if fact.type == "integer" else found

    def asked(self, name: str, plain: Quoted) -> tuple:
        """What a test asks, as an operator and its operand."""
        text, kind = plain.text, self.catalogue.facts[name].type
        if kind == "set" and re.fullmatch(f"is {Q}", text):
            assert plain.quote(text.removeprefix("is ")) == "none", text
            return "is", ()
        if text == "names at least one":
            return "is_not", ()
        if found := re.fullmatch(rf"includes ({Q})", text):
            return "includes", self.listed(name, plain.part(found[1]))
        if found := re.fullmatch(rf"is something other than ({LIST})", text):
            return "not_in", self.listed(name, plain.part(found[1]))
        if found := re.fullmatch(rf"is one of ({LIST})", text):
            return "in", self.listed(name, plain.part(found[1]))
        if found := re.fullmatch(rf"is ({COMPARED}) (.+)", text):
            assert COMPARISONS[found[1]][1], text
            return COMPARISONS[found[1]][0], self.operand(name, plain.part(found[2]))
        if kind == "yes_no":
            return "is", {"is yes": True, "is no": False}[text]
        found = re.fullmatch(rf"is ({Q})", text)
        assert found, text
        return "in", self.listed(name, plain.part(found[1]))


class Quoted:
    """A text whose quotations stand as numbers, so that nothing in them is taken for grammar."""

    def __init__(self, text: str, quotes: list[str] | None = None):
        self.quotes = [] if quotes is None else quotes
        self.text = text if quotes is not None else re.sub("“([^“”]*)”", self._keep, text)

    def _keep(self, found) -> str:
        self.quotes.append(found[1])
        return f"“{len(self.quotes) - 1}”"

    def part(self, text: str) -> Quoted:
        return Quoted(text, self.quotes)

    def quote(self, placed: str) -> str:
        return self.quotes[int(placed[1:-1])]

    def whole(self) -> str:
        return re.sub(Q, lambda found: f"“{self.quote(found[0])}”", self.text)


def number(text: str) -> Decimal:
    whole = text.replace(",", "")
    digits = text.lstrip("-").partition(".")[0]
    assert digits == f"{int(digits.replace(',', '')):,}", f"{text} is not grouped"
    return Decimal(whole)


# -- the machine's own words -----------------------------------------------------------------------------------------------------


def leaf_of(catalogue, name: str, text: str) -> Leaf:
    """The leaf of a `test` in the words of the rulebooks."""
    kind = catalogue.facts[name].type
    words = (
        ("is one of ", "in"), ("is none of ", "not_in"), ("is not ", "is_not"), ("is on or after ", "on_or_after"), ("is before ", "before"),
        ("is at least ", "at_least"), ("is at most ", "at_most"), ("is below ", "below"), ("exceeds ", "exceeds"), ("includes ", "includes"), ("is ", "is"),
    )  # fmt: skip
    operator, rest = next((operator, text.removeprefix(start)) for start, operator in words if text.startswith(start))
    if kind == "set" and operator != "includes":
        assert rest == "empty"
        return Leaf(name, operator, ())
    if operator in ("in", "not_in"):
        return Leaf(name, operator, tuple(rest.split(", ")))
    if kind == "yes_no":
        return Leaf(name, operator, {"yes": True, "no": False}[rest])
    if kind == "money":
        amount, currency = rest.split(" ")
        return Leaf(name, operator, (Decimal(amount), currency))
    convert = {"integer": int, "decimal": Decimal, "date": dt.date.fromisoformat}.get(kind, str)
    return Leaf(name, operator, convert(rest))


# -- conditions ---------------------------------------------------------------------------------------------------------------------


class ConditionReader:
    """Reads the words of a condition back. Shapes: `titles` definition's title -> ids that have it."""

    def __init__(self, reader: Reader, titles: dict[str, set[str]], activities: dict[str, str]):
        self.reader, self.titles, self.activities = reader, titles, activities

    def read(self, text: str):
        """The condition that a text says."""
        for subject in self.reader.subjects:
            if re.search(" and | or ", subject) and "“" not in subject:  # these join no conditions
                text = re.sub(rf"{re.escape(subject)}(?= is )", subject.replace(" and ", "\u00a0and\u00a0").replace(" or ", "\u00a0or\u00a0"), text)
        return self._read(Quoted(text))

    def _read(self, plain: Quoted):
        text = plain.text
        if text.startswith("it is not so that "):
            return Not(self._part(plain.part(text.removeprefix("it is not so that "))))
        parts, word = self._split(text)
        if len(parts) > 1:
            return (All if word == "and" else Any_)(tuple(self._part(plain.part(part)) for part in parts))
        return self._leaf(plain)

    def _part(self, plain: Quoted):
        text = plain.text
        return self._read(plain.part(text[1:-1])) if text.startswith("(") else self._leaf(plain)

    @staticmethod
    def _split(text: str) -> tuple[list[str], str]:
        """The parts of an `and` or an `or` outside brackets; a list of values and a comparison are none."""
        depths, depth = [], 0
        for sign in text:
            depth += {"(": 1, ")": -1}.get(sign, 0)
            depths.append(depth)
        starts = r"(?=\(|the |what |this |whoever |always|never|“\d+” holds)"
        cuts = [found for found in re.finditer(rf" (and|or) {starts}", text) if depths[found.start()] == 0]
        words = {found[1] for found in cuts}
        assert len(words) < 2, text
        ends = [(0, 0), *((found.start(), found.end()) for found in cuts), (len(text), len(text))]
        return [text[before[1] : after[0]] for before, after in pairwise(ends)], "".join(words)

    def _leaf(self, plain: Quoted):
        text = plain.text
        if text in ("always", "never"):
            return Constant(text == "always")
        if found := re.fullmatch(rf"({Q}) holds", text):
            (name,) = self.titles[plain.quote(found[1])]
            return Ref(name)
        if found := re.fullmatch(r"the activity asked about is (.*)", text):
            codes = {label: code for code, label in self.activities.items()}
            named = tuple(codes[plain.quote(quoted)] for quoted in re.findall(Q, found[1]))
            return Leaf("activity", "not_in" if "other than" in text else "in", named)
        for found in re.finditer(r" (?=is |includes |names )", text):
            name = self.reader.subjects.get(plain.part(text[: found.start()]).whole().replace("\u00a0", " "))
            if name is not None:
                rest = text[found.end() :]
                if rest == "includes the activity asked about":
                    return Leaf(name, "includes", "activity")
                operator, operand = self.reader.asked(name, plain.part(rest))
                return Leaf(name, operator, operand.values if isinstance(operand, Listed) else operand)
        raise AssertionError(f"no test: {plain.whole()}")
