"""Told reasons are read back and held against what is so: every one of every worked case, and of random law."""

from __future__ import annotations

import copy
import datetime as dt
import random
import re
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.catalogue import read_catalogue
from passport_service.conditions import All, Any_, Condition, Leaf, Not, Ref
from passport_service.errors import ProposalError
from passport_service.lawpage import tree
from passport_service.proposal import as_json
from passport_service.publish import condition_words
from passport_service.service import Service
from passport_service.situation import situate
from passport_service.source import Report, parse

from .examples import examples
from .naive import bounded_leaf, leaf_value
from .readback import ConditionReader, Listed, Reader, leaf_of
from .shipped import NOW, SHIPPED
from .test_decision import route
from .worlds import CALENDAR, FACTS, Maker, laws_of

LISTS = ("routes", "checks", "duties", "others", "recognised", "left_to_home", "satisfied")
CATALOGUE = SHIPPED.laws.catalogue
READER = Reader(CATALOGUE)


# -- what is so, in one situation ----------------------------------------------------------------------------------------


class World:
    """A situation, and whether a sentence is true of it."""

    def __init__(self, catalogue, reader: Reader, situation):
        self.catalogue, self.reader = catalogue, reader
        self.known, self.cannot_apply, self.may_not_apply = situation.known, situation.cannot_apply, situation.may_not_apply

    def holds(self, leaf: Leaf) -> bool | None:
        """Whether a leaf holds, by the oracle; where its fact is only bounded, by the amounts that bound it."""
        found = leaf_value(leaf, self.known, self.cannot_apply)
        if leaf.fact in self.may_not_apply and self.catalogue.facts[leaf.fact].type == "yes_no":
            value = next(iter(self.forced(leaf.fact)))
            return None if value is leaf.value else False  # whatever it turns out to be, it is not that
        if found is not None or self.catalogue.facts[leaf.fact].type not in ("money", "integer", "decimal", "date"):
            return found
        lows, highs = ([self._amount(other, leaf) for other in others] for others in self.bounds(leaf.fact))
        low, high = (end(found for found in side if found is not None) for end, side in ((_most, lows), (_least, highs)))
        return bounded(leaf, low, high)

    def bounds(self, name: str) -> tuple[set[str], set[str]]:
        """The facts that are never more than this one, and never less, through any chain of bounds."""
        found = []
        for one, other in (("low", "high"), ("high", "low")):
            side, grown = set(), {name}
            while grown:
                grown = {getattr(bound, one) for bound in self.catalogue.bounds if getattr(bound, other) in grown} - side
                side |= grown
            found.append(side)
        return found[0], found[1]

    def forced(self, name: str) -> set[bool]:
        """The yes or no that follows from other facts."""
        below, above = self.bounds(name)
        return {value for value, others in ((True, below), (False, above)) if any(self.known.get(other) is value for other in others)}

    def _amount(self, name: str, leaf: Leaf):
        value = self.known.get(name)
        return value.get(leaf.value[1]) if isinstance(value, dict) else value

    def check(self, text: str, leaf: Leaf, held: bool) -> None:
        """Fails unless a sentence says the truth of a leaf and of nothing else."""
        self.check_claim(self.reader.why(text), leaf, held)

    def check_claim(self, claim, leaf: Leaf, held: bool) -> None:
        assert claim.fact == leaf.fact
        assert self.holds(leaf) is held
        assert claim.if_any is (leaf.fact in self.may_not_apply)
        for name, value in claim.given:
            assert same(value, self.known[name]), f"{name} is {self.known[name]}"
        if claim.asked is not None:
            self._check_ruled_out(claim, leaf, held)
        elif claim.limit is not None:
            self._check_limited(claim, leaf, held)
        else:
            self._check_known(claim, leaf, held)

    def _check_known(self, claim, leaf: Leaf, held: bool) -> None:
        value = next(iter(self.forced(leaf.fact))) if claim.if_any else self.known[leaf.fact]
        assert same(claim.value, value)
        if claim.relation is not None:
            assert says(claim.relation, value, leaf, held)
        if not isinstance(claim.value, Listed):
            assert leaf_value(leaf, {leaf.fact: claim.value}, set()) is held  # the value that it names settles the test
        given = dict(claim.given)
        if leaf.fact in self.catalogue.derived:
            # What it is said to come from gives that value, and is nothing that was worked out in its turn.
            assert situate(self.catalogue, given).known[leaf.fact] == value
            assert not given.keys() & self.catalogue.derived.keys()
        elif given or claim.if_any:
            assert given and all(other is value for other in given.values()) and given.keys() <= self.bounds(leaf.fact)[0 if value else 1]

    def _check_limited(self, claim, leaf: Leaf, held: bool) -> None:
        most, amount = claim.limit
        assert leaf.fact not in self.known or isinstance(self.known[leaf.fact], dict) and leaf.value[1] not in self.known[leaf.fact]
        ((name, value),) = claim.given
        assert name in self.bounds(leaf.fact)[1 if most else 0]
        assert amount == ((value[leaf.value[1]], leaf.value[1]) if isinstance(value, dict) else value)
        plain = amount[0] if isinstance(amount, tuple) else amount
        assert bounded(leaf, None if most else plain, plain if most else None) is held
        assert claim.relation[:2] in (((leaf.operator, True) if held else (leaf.operator, False)), *[_mirrored(leaf.operator, held)])
        assert claim.relation[2] == leaf.value

    def _check_ruled_out(self, claim, leaf: Leaf, held: bool) -> None:
        assert not held and leaf.fact in self.cannot_apply
        # What it gives as the reason is enough, and is all about facts that do apply.
        assert leaf.fact in situate(self.catalogue, dict(claim.given)).cannot_apply
        operator, operand = claim.asked
        operands = leaf.value if isinstance(leaf.value, tuple) and operator in ("in", "not_in", "includes") else (leaf.value,)
        assert operator == {"is": "in" if isinstance(operand, Listed) else "is", "is_not": "not_in" if isinstance(operand, Listed) else "is_not"}.get(
            leaf.operator, leaf.operator
        )
        assert operand.may_be(operands) if isinstance(operand, Listed) else operand == leaf.value


def bounded(leaf: Leaf, low, high) -> bool | None:
    """The oracle's answer for a value that is only bounded; it counts in numbers, and so do days here."""
    if isinstance(leaf.value, dt.date):
        leaf = Leaf(leaf.fact, leaf.operator, leaf.value.toordinal())
        low, high = (None if end is None else end.toordinal() for end in (low, high))
    return bounded_leaf(leaf, low, high)


def _most(values):
    return max(values, default=None)


def _least(values):
    return min(values, default=None)


def same(claimed, value) -> bool:
    """Whether a value is what a sentence says it is; a long set may be told in part."""
    return claimed.may_be(value) if isinstance(claimed, Listed) else claimed == value and type(claimed) is type(value)


_OPPOSITE = {"at_least": "below", "at_most": "exceeds", "on_or_after": "before"}


def _mirrored(operator: str, held: bool) -> tuple[str, bool]:
    """The same said by the other word: what is not at least is below."""
    return (_OPPOSITE.get(operator, operator), True) if not held else (operator, True)


def says(relation, value, leaf: Leaf, held: bool) -> bool:
    """Whether what is said of a value is true, is about the leaf's operands, and comes to the leaf's outcome."""
    kind, *rest = relation
    if kind in ("not", "none of", "one of", "includes", "lacks"):
        (named,) = rest
        operands = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        true = {
            "one of": value in operands if not isinstance(value, frozenset) else None,
            "not": value not in operands if not isinstance(value, frozenset) else None,
            "none of": value not in operands if not isinstance(value, frozenset) else None,
            "includes": isinstance(value, frozenset) and operands[0] in value,
            "lacks": isinstance(value, frozenset) and operands[0] not in value,
        }[kind]
        positive = leaf.operator in ("is", "in", "includes")
        return true is True and named.may_be(operands) and (kind in ("one of", "includes")) is (held is positive)
    operator, said, threshold, meant = relation
    amount = value[threshold[1]] if isinstance(value, dict) else value
    assert meant is None or meant == (amount, threshold[1])
    assert meant is not None or not isinstance(value, dict) or len(value) == 1, "which of the amounts is compared is said"
    plain = threshold[0] if isinstance(threshold, tuple) else threshold
    compared = {"exceeds": amount > plain, "at_least": amount >= plain, "below": amount < plain, "at_most": amount <= plain}
    compared |= {"before": amount < plain, "on_or_after": amount >= plain}
    return (
        compared[operator] is said
        and threshold == leaf.value
        and (operator, said) in ((leaf.operator, held), _mirrored(leaf.operator, held), (operator, held))
    )


# -- the rows of an answer ---------------------------------------------------------------------------------------------------


def told(body):
    """Every row of `why`, each once."""
    rows = (row for name in LISTS for one in body[name] for row in one["why"])
    return {(row["fact"], row["test"], row["outcome"], row["value"], row["text"]) for row in rows}


def openers(body):
    """The routes of an answer that something could open."""
    return [row for row in body["routes"] if row["would_open_if"]]


def check_answer(catalogue, reader, situation, reasons, routes) -> set[tuple[str, str, str, str]]:
    """Checks every reason of an answer. Shapes: (type, operator, outcome, how the fact is known) of those there were."""
    world, met = World(catalogue, reader, situation), set()
    for name, test, outcome, value, text in reasons:
        leaf = leaf_of(catalogue, name, test)
        try:
            world.check(text, leaf, outcome == "true")
            check_value(world, leaf, value)
        except (AssertionError, KeyError, ValueError) as error:
            raise AssertionError(f"{name} {test}: {outcome} – {text!r}, {value!r}: {error}") from error
        how = (
            "ruled out"
            if name in situation.cannot_apply
            else "derived"
            if name in catalogue.derived
            else "known"
            if name in situation.known
            else "bounded"
        )
        met.add((catalogue.facts[name].type, leaf.operator, outcome, how))
    for row in routes:
        check_openers(world, row)
    return met


def check_value(world: World, leaf: Leaf, value: str) -> None:
    """The machine's words say all that is known of the fact: every member and every currency, or what bounds it, or that it cannot apply."""
    name = leaf.fact
    if name in world.cannot_apply:
        assert value.startswith("cannot apply (") and all(fact in world.known for fact in value[14:-1].split(", "))
        return
    if name in world.may_not_apply and world.catalogue.facts[name].type == "yes_no":
        word, others = re.fullmatch(r"(yes|no) if it applies \((.+)\)", value).groups()
        assert {word == "yes"} == world.forced(name) and all(world.known[other] is (word == "yes") for other in others.split(", "))
        return
    stated, _, limit = re.fullmatch(r"(.*?)((?:^|; )(at (?:most|least) .+ \(.+\)))?", value).groups()
    assert stated == (plain(world.known[name]) if name in world.known else "")
    if limit is None:
        return
    word, amount, doubt, other = re.fullmatch(r"at (most|least) (.+?)( if it applies)? \((.+)\)", limit).groups()
    assert bool(doubt) is (name in world.may_not_apply)
    assert other in world.bounds(name)[word == "most"]
    found = world.known[other]
    assert amount == (f"{_digits(found[leaf.value[1]])} {leaf.value[1]}" if isinstance(found, dict) else plain(found))


def plain(value) -> str:
    """A value in the words of the rulebooks."""
    match value:
        case bool():
            return "yes" if value else "no"
        case frozenset():
            return ", ".join(sorted(value)) or "empty"
        case dict():
            return ", ".join(f"{_digits(amount)} {currency}" for currency, amount in sorted(value.items()))
        case Decimal():
            return _digits(value)
    return str(value)


def _digits(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def check_openers(world: World, row) -> None:
    """Each names a stated term once, says how things stand, and that another answer would be needed."""
    facts = [found["fact"] for found in row["would_open_if"]]
    assert len(facts) == len(set(facts))
    for found in row["would_open_if"]:
        fact = world.catalogue.facts[found["fact"]]
        assert fact.klass == "term" and fact.name not in world.catalogue.derived
        assert found["value"] == plain(world.known[fact.name])
        claims, questions = world.reader.opener(found["text"])
        tests = [(one.get("of", fact.name), one["test"], one["outcome"]) for one in (found, *found.get("also", ()))]
        wanted = [(leaf_of(world.catalogue, name, test), outcome == "true") for name, test, outcome in tests]
        for leaf, held in wanted:
            assert any(true_of(world, claim, leaf, held) for claim in claims), found
        for claim in claims:
            assert any(true_of(world, claim, leaf, held) for leaf, held in wanted), found
        others = {name for name, _, _ in tests} - {fact.name}
        assert (fact.name in questions) if others else questions == ()


def true_of(world: World, claim, leaf: Leaf, held: bool) -> bool:
    try:
        world.check_claim(claim, leaf, held)
    except AssertionError:
        return False
    return True


# -- the law we ship ---------------------------------------------------------------------------------------------------------


@cache
def answers():
    """What every worked case is told. Shapes: (case, its reasons, its routes that something could open, its special cases in words)."""
    bodies = ((case, SHIPPED.decide(dict(case.proposal), NOW, missing=False).body) for case in SHIPPED.case_ids.values())
    return [(case, told(body), openers(body), [row["if"] for row in body["only_if"]]) for case, body in bodies]


def test_every_told_reason_of_every_worked_case_is_true():
    """All of them, and they are of every kind that the law has."""
    met = set()
    for case, reasons, routes, special in answers():
        assert all(text.partition("only if ")[2] for text in special), (case.id, special)
        met |= check_answer(CATALOGUE, READER, SHIPPED.schema.load(dict(case.proposal)).situation, reasons, routes)
    outcomes = {(type_, operator, outcome) for type_, operator, outcome, _ in met}
    assert {(type_, operator) for type_, operator, _ in outcomes} >= {
        ("yes_no", "is"), ("choice", "is"), ("choice", "is_not"), ("choice", "in"), ("choice", "not_in"), ("country", "is"), ("country", "is_not"),
        ("country", "in"), ("country", "not_in"), ("set", "includes"), ("set", "is"), ("set", "is_not"), ("money", "exceeds"), ("money", "at_least"),
        ("money", "below"), ("money", "at_most"), ("integer", "exceeds"), ("integer", "at_least"), ("integer", "below"), ("integer", "at_most"),
        ("decimal", "exceeds"), ("decimal", "at_least"), ("decimal", "below"), ("date", "before"), ("date", "on_or_after"),
    }  # fmt: skip
    assert {how for *_, how in met} == {"known", "derived", "bounded", "ruled out"}
    assert {("choice", "is_not", "false"), ("choice", "not_in", "false"), ("set", "is_not", "false"), ("date", "before", "false")} <= outcomes


@pytest.mark.parametrize(
    ("untrue", "of"),
    [
        ("The client is “a bank”, which is one of “a bank” and “a company”.", ("client.kind", "is bank", "true")),
        ("The client is “a trust”.", ("client.kind", "is bank", "false")),
        ("The client is “a bank”, which is not “a bank”.", ("client.kind", "is not bank", "false")),
        ("The client is “a bank”, which is neither “a trust” nor “a company”.", ("client.kind", "is one of charity, company", "false")),
        ("The answer to “Is the client a US citizen?” is yes.", ("client.us_citizen", "is no", "true")),
        ("The notional value of the trade is 6 USD, which is more than 5 USD.", ("transaction.notional", "exceeds 5 USD", "true")),
        ("The notional value of the trade is 5 USD, which is more than 5 USD.", ("transaction.notional", "exceeds 5 USD", "false")),
        ("The notional value of the trade is 5 USD, which is at least 5 USD.", ("transaction.notional", "exceeds 5 USD", "false")),
        ("The day of the trade is 2 May 2027, which is on or after 1 May 2027.", ("transaction.date", "is before 2027-05-01", "false")),
    ],
)
def test_a_sentence_that_is_not_true_is_found_out(untrue, of):
    facts = {
        "client.kind": "bank", "client.us_citizen": False, "transaction.notional": {"USD": Decimal(5)}, "transaction.date": dt.date(2027, 5, 3),
    }  # fmt: skip
    situation = situate(CATALOGUE, facts)
    facts["client.kind"] = "bank"
    name, test, outcome = of
    with pytest.raises((AssertionError, KeyError)):
        World(CATALOGUE, READER, situation).check(untrue, leaf_of(CATALOGUE, name, test), outcome == "true")


# -- random law ----------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@examples(60)
def test_every_told_reason_of_random_law_is_true(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    service = Service(laws_of(maker.rulebook()))
    catalogue = service.laws.catalogue
    reader = Reader(catalogue)
    for _ in range(4):
        facts = {name: value for name, value in maker.facts().items() if rng.random() < 0.7} | {"registration.home": "GB"}
        body: dict = {"host": "US"}
        for name, value in facts.items():
            group, _, member = name.partition(".")
            body.setdefault(group, {})[member] = as_json(value)
        try:
            answer = service.decide(body, NOW, missing=False).body
        except ProposalError:
            continue
        check_answer(catalogue, reader, service.schema.load(body).situation, told(answer), openers(answer))


# -- the law in words ------------------------------------------------------------------------------------------------------------


def conditions():
    """Every condition of the law we ship, with its rulebook."""
    for rulebook in SHIPPED.laws.rulebooks.values():
        for provision in rulebook.provisions():
            for version in provision.versions:
                for name in type(version).__dataclass_fields__:
                    if isinstance(found := getattr(version, name), Condition):
                        yield rulebook, provision.id, found


def normal(condition):
    """A condition with its lists in order, a list of one as the plain test, and two negatives as they are."""
    match condition:
        case Leaf(fact=fact, operator=operator, value=value) if operator in ("is", "is_not") and isinstance(value, str):
            return Leaf(fact, {"is": "in", "is_not": "not_in"}[operator], (value,))
        case Leaf(fact=fact, operator="includes", value=tuple() as value):
            return Leaf(fact, "includes", value[0])
        case Leaf(fact=fact, operator=operator, value=value) if operator in ("in", "not_in"):
            return Leaf(fact, operator, tuple(sorted(value)))
        case Not(part):
            return Not(normal(part))
        case Ref(definition=name):
            return Ref(name)
        case _ if hasattr(condition, "parts"):
            parts = tuple(map(normal, condition.parts))
            return parts[0] if len(parts) == 1 else type(condition)(parts)
    return condition


def reader_of(rulebook) -> ConditionReader:
    titles: dict[str, set[str]] = {}
    for name, provision in rulebook.definitions.items():
        titles.setdefault(provision.versions[-1].title, set()).add(name)
    return ConditionReader(READER, titles, CATALOGUE.activities)


def test_every_condition_of_the_law_in_words_says_just_that_condition():
    readers = {rulebook.host: reader_of(rulebook) for rulebook in SHIPPED.laws.rulebooks.values()}
    count = 0
    for rulebook, id_, condition in conditions():
        words = condition_words(condition, CATALOGUE, rulebook.definitions)
        assert normal(readers[rulebook.host].read(words)) == normal(condition), (id_, words)
        count += 1
    assert count > 500


def test_every_condition_on_the_page_of_the_law_says_just_that_condition():
    readers = {rulebook.host: reader_of(rulebook) for rulebook in SHIPPED.laws.rulebooks.values()}
    for rulebook, id_, condition in conditions():
        found = from_tree(tree(condition, CATALOGUE, rulebook), readers[rulebook.host])
        assert normal(found) == normal(condition), id_


def from_tree(node, reader: ConditionReader):
    parts = tuple(from_tree(child, reader) for child in node["children"])
    match node["text"]:
        case "all of these hold":
            return All(parts)
        case "at least one of these holds":
            return Any_(parts)
        case "none of these holds":
            return Not(Any_(parts))
        case "not all of these hold":
            return Not(All(parts))
        case "this does not hold":
            return Not(parts[0])
    assert not parts
    return reader.read(node["text"])


# -- what would open a route -----------------------------------------------------------------------------------------------------


def rows_of(id_: str, route: str):
    body = SHIPPED.decide(dict(SHIPPED.case_ids[id_].proposal), NOW, missing=False).body
    return next(row for row in body["routes"] if row["id"] == route)["would_open_if"]


def test_behind_a_derived_fact_the_stated_term_is_named_once():
    """Too little headroom: it fails one test of the route and meets one of a stop, and both come from the value of the trade."""
    (row,) = rows_of("UK-R12-user/over", "UK-R12")
    assert row == {
        "fact": "transaction.notional",
        "value": "3000000.01 GBP",
        "of": "derived.dss_headroom",
        "test": "is at least 0 GBP",
        "outcome": "false",
        "also": [{"of": "derived.dss_headroom", "test": "is below 0 GBP", "outcome": "true"}],
        "text": "What is left of the venue's sandbox limit after this trade is -0.01 GBP, which is below 0 GBP (the limit that the Sandbox Approval Notice "
        "sets for this class of instrument is 100,000,000 GBP; the part of the venue's sandbox limit that is already used is 97,000,000 GBP; the "
        "notional value of the trade is 3,000,000.01 GBP). Another answer to “What is the notional value of the trade?” would be needed.",
    }


def test_where_a_fact_cannot_apply_the_term_that_rules_it_out_is_named_and_not_the_fact():
    """Whether the sandbox notice covers the trade is not asked over the counter: what would have to be other is the place."""
    (row,) = rows_of("UK-C14c/before", "UK-R12")
    assert (row["fact"], row["test"], row["outcome"]) == ("venue.kind", "is uk_sandbox_venue", "false")


TERMS = (
    FACTS.replace("c.size: {type: money, class: circumstance", "c.size: {type: money, class: term")
    .replace("c.part: {type: money, class: circumstance", "c.part: {type: money, class: term")
    .replace("c.wide: {type: yes_no, class: circumstance", "c.wide: {type: yes_no, class: term")
    .replace("c.narrow: {type: yes_no, class: circumstance", "c.narrow: {type: yes_no, class: term")
    .replace(
        "  t.flag:",
        "  t.more: {type: integer, minimum: 0, maximum: 9, class: term, unit: days, question: 'More days?'}\n"
        "  t.inner: {type: yes_no, class: circumstance, question: 'Inner term?', asked_when: {all: [{t.flag: {is: yes}}, {c.flag: {is: yes}}]}}\n  t.flag:",
    )
    .replace("derived:\n", "derived:\n  derived.total: {sum: [t.days, t.more], says: the days in all}\n")
)


def would_open(opens_when, **facts):
    """The rows of a route that these facts close."""
    report = Report()
    catalogue = read_catalogue(parse(TERMS, "facts.yaml", report), {"test": CALENDAR}, report)
    report.check()
    content = Maker(random.Random(0)).rulebook()
    content |= {"definitions": [], "recognitions": [], "requirements": [], "routes": [route("R", opens_when)]}
    content["legs"] = dict.fromkeys(("venue", "form", "promotion"), {"needed_when": "never"})
    content["head"]["roles"] = {}
    service = Service(laws_of(content, catalogue))
    body = {"host": "US", "registration": {"home": "GB"}, "transaction": {"activities": ["deal"]}}
    for name, value in facts.items():
        group, _, member = name.partition("__")
        body.setdefault(group, {})[member] = value
    answer = service.decide(body, NOW).body
    check_answer(catalogue, Reader(catalogue), service.schema.load(body).situation, told(answer), openers(answer))
    return answer["routes"][0]["would_open_if"]


@pytest.mark.parametrize(
    ("opens_when", "facts", "rows"),
    [
        # A yes that follows from another: that is to be answered otherwise, even where both were stated.
        ({"c.wide": {"is": "no"}}, {"c__narrow": True}, [("c.narrow", "c.wide", "Another answer to “Narrow?” would be needed.")]),
        ({"c.wide": {"is": "no"}}, {"c__narrow": True, "c__wide": True}, [("c.narrow", "c.wide", "Another answer to “Narrow?” would be needed.")]),
        ({"c.wide": {"is": "no"}}, {"c__wide": True}, [("c.wide", None, "Another answer would be needed.")]),
        # An amount that is only bounded, in the currency that the law reads.
        (
            {"c.part": {"exceeds": "10 USD"}},
            {"c__size": {"amount": "5", "currency": "USD"}, "c__part": {"amount": "3", "currency": "GBP"}},
            [("c.size", "c.part", "Another answer to “Size?” would be needed.")],
        ),
        # A sum of two terms: either may be other.
        (
            {"derived.total": {"below": "3"}},
            {"t__days": 2, "t__more": 2},
            [
                ("t.days", "derived.total", "Another answer to “Days?” or “More days?” would be needed."),
                ("t.more", "derived.total", "Another answer to “Days?” or “More days?” would be needed."),
            ],
        ),
        # A question that does not arise: what rules it out, unless a circumstance rules it out as well.
        ({"t.inner": {"is": "yes"}}, {"t__flag": False, "c__flag": True}, [("t.flag", None, "Another answer would be needed.")]),
        ({"t.inner": {"is": "yes"}}, {"t__flag": False, "c__flag": False}, []),
        ({"t.inner": {"is": "yes"}}, {"t__flag": True, "c__flag": False}, []),
    ],
)
def test_the_stated_terms_that_could_be_other_are_named(opens_when, facts, rows):
    found = would_open(opens_when, **facts)
    assert [(row["fact"], row.get("of"), row["text"][row["text"].index("Another") :]) for row in found] == rows


def test_without_the_terms_that_would_open_it_no_route_is_dead():
    """What has to be otherwise is all that stands in the way: with those terms not said, nothing closes or stops the route."""
    tried = 0
    for case, _, routes, _ in answers():
        for row in routes:
            body = copy.deepcopy(dict(case.proposal))
            for name in (found["fact"] for found in row["would_open_if"]):
                group, _, member = name.partition(".")
                del body[group][member]
                if not body[group]:
                    del body[group]
            again = SHIPPED.decide(body, NOW, reasons=False, missing=False).body["routes"]
            alike = [
                other for other in again if other["id"] == row["id"] and (not row["activities"] or {*row["activities"]} & {*other["activities"]})
            ]
            assert not any(other["dead"] for other in alike), (case.id, row["id"])
            tried += 1
    assert tried > 500
