"""Conditions: what each operator means, and how a condition is read, walked and put into words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from passport_service.conditions import (
    ACTIVITY,
    ALWAYS,
    NEGATIVE,
    NEVER,
    OPEN,
    OPERATORS,
    All,
    Any_,
    ConditionReader,
    Leaf,
    Not,
    Ref,
    bind,
    leaf_text,
    leaves,
    value_text,
)
from passport_service.facts import Fact
from passport_service.source import Report

from .worlds import catalogue, node

CATALOGUE = catalogue()
ACTIVITIES = {"deal": "deal", "advise": "advise"}
TEN = (Decimal(10), "USD")
DAY = dt.date(2026, 11, 23)
BEFORE, AFTER = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)


# -- operators ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "types", "words"),
    [
        ("is", {"choice", "country", "code", "yes_no", "set"}, "is"),
        ("is_not", {"choice", "country", "code", "set"}, "is not"),
        ("in", {"choice", "country", "code"}, "is one of"),
        ("not_in", {"choice", "country", "code"}, "is none of"),
        ("includes", {"set"}, "includes"),
        ("exceeds", {"money", "integer", "decimal"}, "exceeds"),
        ("at_least", {"money", "integer", "decimal"}, "is at least"),
        ("below", {"money", "integer", "decimal"}, "is below"),
        ("at_most", {"money", "integer", "decimal"}, "is at most"),
        ("before", {"date"}, "is before"),
        ("on_or_after", {"date"}, "is on or after"),
    ],
)
def test_an_operator_suits_these_types_and_reads_in_these_words(operator, types, words):
    assert (OPERATORS[operator].types, OPERATORS[operator].words) == (types, words)


def test_the_negative_operators_are_those_that_hold_of_whatever_is_not_named():
    assert NEGATIVE == {"is_not", "not_in"}


def test_there_are_no_other_operators():
    assert " ".join(OPERATORS) == "is is_not in not_in includes exceeds at_least below at_most before on_or_after"


@pytest.mark.parametrize(
    ("operator", "operand", "expected"),
    [
        ("is", "GB", {"GB": True, "US": False}),
        ("is", True, {True: True, False: False}),
        ("is", (), {frozenset(): True, frozenset({"red"}): False}),
        ("is_not", "GB", {"GB": False, "US": True}),
        ("is_not", (), {frozenset(): False, frozenset({"red"}): True}),
        ("in", ("GB", "US"), {"GB": True, "US": True, "FR": False}),
        ("not_in", ("GB", "US"), {"GB": False, "US": False, "FR": True}),
        ("includes", "red", {frozenset({"red", "blue"}): True, frozenset({"blue"}): False, frozenset(): False}),
        ("exceeds", 10, {9: False, 10: False, 11: True}),
        ("at_least", 10, {9: False, 10: True, 11: True}),
        ("below", 10, {9: True, 10: False, 11: False}),
        ("at_most", 10, {9: True, 10: True, 11: False}),
        ("before", DAY, {BEFORE: True, DAY: False, AFTER: False}),
        ("on_or_after", DAY, {BEFORE: False, DAY: True, AFTER: True}),
    ],
)
def test_an_operator_divides_values_there(operator, operand, expected):
    assert {value: OPERATORS[operator].test(value, operand) for value in expected} == expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("exceeds", [False, False, True]), ("at_least", [False, True, True]), ("below", [True, False, False]), ("at_most", [True, True, False])],
)
def test_money_is_compared_in_the_currency_of_the_threshold_and_another_currency_says_nothing(operator, expected):
    test = OPERATORS[operator].test
    amounts = [Decimal("9.99"), Decimal("10.00"), Decimal("10.01")]
    assert [test({"GBP": Decimal(1000), "USD": amount}, TEN) for amount in amounts] == expected
    assert [test({"GBP": amount}, TEN) for amount in amounts] == [None, None, None]


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("otc", "otc"),
        (True, "yes"),
        (False, "no"),
        (Decimal("2.50"), "2.5"),
        (1000, "1000"),
        (DAY, "2026-11-23"),
        (TEN, "10 USD"),
        ((Decimal(10), Decimal(9)), "10 9"),
        ({"USD": Decimal("5.00"), "GBP": Decimal(7)}, "7 GBP, 5 USD"),
        (("b", "a"), "a, b"),
        (("b", "c", "a"), "a, b, c"),
        (frozenset({"red", "blue"}), "blue, red"),
        (frozenset(), "empty"),
        ((), "empty"),
    ],
)
def test_a_value_reads_as_in_the_rulebooks(value, text):
    assert value_text(value) == text


def test_a_leaf_reads_as_its_operator_and_value():
    assert leaf_text(Leaf("c.size", "at_least", TEN)) == "is at least 10 USD"
    assert leaf_text(Leaf("c.kind", "not_in", ("two", "one"))) == "is none of one, two"


# -- walking -----------------------------------------------------------------------------------------------------------

FLAG, KIND = Leaf("c.flag", "is", True), Leaf("c.kind", "is", "one")


def test_leaves_come_in_order_with_whether_they_stand_under_an_even_number_of_nots():
    condition = All((FLAG, Not(Any_((KIND, Not(All((Ref("big"), FLAG)))))), ALWAYS, OPEN))
    assert list(leaves(condition)) == [(FLAG, True), (KIND, False), (Ref("big"), True), (FLAG, True)]
    assert list(leaves(Any_((FLAG, Not(KIND))), False)) == [(FLAG, False), (KIND, True)]


def test_binding_an_activity_settles_leaves_on_it_and_leaves_the_rest_alone():
    asked = Leaf(ACTIVITY, "is", "deal")
    assert (bind(asked, "deal"), bind(asked, "advise")) == (ALWAYS, NEVER)
    either = Leaf(ACTIVITY, "not_in", ("deal", "keep"))
    assert (bind(either, "deal"), bind(either, "advise")) == (NEVER, ALWAYS)
    whole = All((asked, Any_((FLAG, Not(asked), Ref("big"))), Not(Any_((either, KIND))), OPEN))
    assert bind(whole, "deal") == All((ALWAYS, Any_((FLAG, Not(ALWAYS), Ref("big"))), Not(Any_((NEVER, KIND))), OPEN))
    assert bind(whole, "advise") == All((NEVER, Any_((FLAG, Not(NEVER), Ref("big"))), Not(Any_((ALWAYS, KIND))), OPEN))


def test_binding_an_activity_looks_it_up_in_sets_and_keeps_the_place_for_messages():
    place = node({"includes": "activity"}, "here")
    found = bind(Leaf("c.tags", "includes", ACTIVITY, place), "deal")
    assert found == Leaf("c.tags", "includes", "deal") and found.node is place
    assert bind(Leaf("c.tags", "includes", "red"), "deal") == Leaf("c.tags", "includes", "red")
    assert bind(Leaf("c.code", "is", ACTIVITY), "deal") == Leaf("c.code", "is", ACTIVITY)


# -- reading -----------------------------------------------------------------------------------------------------------


def read(content, activities=None):
    """The condition, its references, and what was wrong: (path, detail)."""
    report = Report()
    reader = ConditionReader(CATALOGUE.facts, report, activities)
    found = reader.read(node(content, "when"))
    assert all((problem.file, problem.line, problem.column) == ("random", 1, 1) for problem in report.problems)
    return found, reader.refs, [(problem.path, problem.detail) for problem in report.problems]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("always", ALWAYS),
        ("never", NEVER),
        ({"c.flag": {"is": "yes"}}, Leaf("c.flag", "is", True)),
        ({"c.flag": {"is": "no"}}, Leaf("c.flag", "is", False)),
        ({"c.kind": {"is_not": "two"}}, Leaf("c.kind", "is_not", "two")),
        ({"c.kind": {"in": ["one", "three"]}}, Leaf("c.kind", "in", ("one", "three"))),
        ({"c.kind": {"not_in": ["one"]}}, Leaf("c.kind", "not_in", ("one",))),
        ({"c.place": {"is": "GB"}}, Leaf("c.place", "is", "GB")),
        ({"c.place": {"in": ["GB", "FR"]}}, Leaf("c.place", "in", ("GB", "FR"))),
        ({"c.tags": {"includes": "red"}}, Leaf("c.tags", "includes", "red")),
        ({"c.tags": {"is": []}}, Leaf("c.tags", "is", ())),
        ({"c.tags": {"is_not": []}}, Leaf("c.tags", "is_not", ())),
        ({"c.size": {"exceeds": "10 USD"}}, Leaf("c.size", "exceeds", TEN)),
        ({"c.count": {"at_least": "7"}}, Leaf("c.count", "at_least", 7)),
        ({"x.share": {"below": "2.5"}}, Leaf("x.share", "below", Decimal("2.5"))),
        ({"c.day": {"before": "2026-11-23"}}, Leaf("c.day", "before", DAY)),
        ({"not": {"c.flag": {"is": "yes"}}}, Not(Leaf("c.flag", "is", True))),
        ({"all": [{"c.flag": {"is": "yes"}}, "always"]}, All((Leaf("c.flag", "is", True), ALWAYS))),
        ({"any": [{"c.flag": {"is": "yes"}}, "never"]}, Any_((Leaf("c.flag", "is", True), NEVER))),
    ],
)
def test_a_condition_is_read_as_it_is_written(content, expected):
    assert read(content) == (expected, [], [])


def test_a_definition_is_collected_with_its_place():
    found, refs, problems = read({"any": [{"definition": "big"}, {"not": {"definition": "small"}}]})
    assert found == Any_((Ref("big"), Not(Ref("small")))) and refs == [Ref("big"), Ref("small")] and problems == []
    assert [ref.node.path for ref in refs] == ["when.any[0].definition", "when.any[1].not.definition"]


def test_a_leaf_keeps_its_place():
    found, _, _ = read({"not": {"c.flag": {"is": "yes"}}})
    assert found.part.node.path == "when.not.c.flag"


@pytest.mark.parametrize(
    ("content", "path", "told"),
    [
        ("sometimes", "when", "expected a condition, found 'sometimes'"),
        (["always"], "when", "a condition is `always`, `never` or a mapping with exactly one key"),
        ({}, "when", "a condition is `always`, `never` or a mapping with exactly one key"),
        ({"all": []}, "when.all", "an empty list says nothing"),
        ({"any": []}, "when.any", "an empty list says nothing"),
        ({"definition": ["big"]}, "when.definition", "expected text, found a list"),
        ({"c.flga": {"is": "yes"}}, "when.c.flga", "unknown fact 'c.flga'; did you mean 'c.flag'?"),
        ({"anny": [{"c.flag": {"is": "yes"}}]}, "when.anny", "unknown fact 'anny'; did you mean 'any'?"),
        ({"alll": [{"c.flag": {"is": "yes"}}]}, "when.alll", "unknown fact 'alll'; did you mean 'all'?"),
        ({"nott": {"c.flag": {"is": "yes"}}}, "when.nott", "unknown fact 'nott'; did you mean 'not'?"),
        ({"c.flag": "yes"}, "when.c.flag", "expected a mapping, found 'yes'"),
        ({"c.flag": {}}, "when.c.flag", "a leaf has exactly one operator; use `all` for two"),
        ({"c.count": {"at_least": "1", "below": "9"}}, "when.c.count", "a leaf has exactly one operator; use `all` for two"),
        ({"c.flag": {"in": ["yes"]}}, "when.c.flag.in", "the operator 'in' does not suit a fact of type yes_no; these do: is"),
        ({"c.day": {"is": "2026-11-23"}}, "when.c.day.is", "the operator 'is' does not suit a fact of type date; these do: before, on_or_after"),
        ({"c.flag": {"is": "true"}}, "when.c.flag.is", "unknown answer 'true'"),
        ({"c.size": {"exceeds": "10"}}, "when.c.size.exceeds", "'10' is not an amount with its currency"),
        ({"c.count": {"exceeds": "1.5"}}, "when.c.count.exceeds", "'1.5' is not a whole number"),
        ({"x.share": {"exceeds": "1e3"}}, "when.x.share.exceeds", "'1e3' is not a plain decimal number"),
        ({"c.day": {"before": "2026-02-30"}}, "when.c.day.before", "'2026-02-30' is not a day of the calendar"),
        ({"c.place": {"is": "UK"}}, "when.c.place.is", "'UK' is not a country code"),
        ({"c.kind": {"is": "four"}}, "when.c.kind.is", "unknown value of c.kind 'four'; known: one, two, three"),
        ({"c.kind": {"in": ["one", "four"]}}, "when.c.kind.in[1]", "unknown value of c.kind 'four'"),
        ({"c.kind": {"in": []}}, "when.c.kind.in", "an empty list says nothing"),
        ({"c.kind": {"not_in": []}}, "when.c.kind.not_in", "an empty list says nothing"),
        ({"c.tags": {"includes": "green"}}, "when.c.tags.includes", "unknown value of c.tags 'green'"),
        ({"c.tags": {"is": ["red"]}}, "when.c.tags.is", "a set is compared only with the empty list []; use `includes` for its members"),
        ({"activity": {"is": "deal"}}, "when.activity", "`activity` may be tested only in a route of the leg `status`"),
    ],
)
def test_a_mistake_is_told_once_at_its_place_and_never_holds(content, path, told):
    found, _, problems = read(content)
    assert [where for where, _ in problems] == [path]
    assert problems[0][1].startswith(told)
    assert found == NEVER


def test_a_code_is_read_as_it_stands_and_a_mistaken_one_is_told():
    report = Report()
    reader = ConditionReader({"g.code": Fact("g.code", "code", "circumstance")}, report)
    assert reader.read(node({"g.code": {"in": ["FCA", "X-1:b"]}})) == Leaf("g.code", "in", ("FCA", "X-1:b"))
    assert reader.read(node({"g.code": {"is": "two words"}})) == NEVER
    assert [problem.detail for problem in report.problems] == ["'two words' is not a short code of letters, digits and _ . : -"]


def test_a_fact_that_is_not_for_conditions_says_so():
    report = Report()
    facts = {"firm.lei": Fact("firm.lei", "identifier", "circumstance")}
    assert ConditionReader(facts, report).read(node({"firm.lei": {"is": "X"}})) == NEVER
    assert [problem.detail for problem in report.problems] == [
        "the operator 'is' does not suit a fact of type identifier; these do: none: it is not for conditions"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"activity": {"is": "deal"}}, Leaf(ACTIVITY, "is", "deal")),
        ({"activity": {"is_not": "advise"}}, Leaf(ACTIVITY, "is_not", "advise")),
        ({"activity": {"in": ["deal", "advise"]}}, Leaf(ACTIVITY, "in", ("deal", "advise"))),
        ({"activity": {"not_in": ["deal"]}}, Leaf(ACTIVITY, "not_in", ("deal",))),
        ({"c.tags": {"includes": "activity"}}, Leaf("c.tags", "includes", ACTIVITY)),
    ],
)
def test_a_route_may_speak_of_the_activity_asked_about(content, expected):
    found, refs, problems = read(content, ACTIVITIES)
    assert (found, refs, problems) == (expected, [], [])
    assert found.node.path == f"when.{next(iter(content))}"


@pytest.mark.parametrize(
    ("content", "path", "told"),
    [
        ({"activity": {"is": "keep"}}, "when.activity.is", "unknown activity 'keep'; known: deal, advise"),
        ({"activity": {"in": ["deal", "keep"]}}, "when.activity.in[1]", "unknown activity 'keep'; known: deal, advise"),
        ({"activity": {"not_in": []}}, "when.activity.not_in", "an empty list says nothing"),
        ({"activity": {"exceeds": "1"}}, "when.activity.exceeds", "these do: is, is_not, in, not_in"),
        ({"activity": "deal"}, "when.activity", "expected a mapping, found 'deal'"),
        ({"c.kind": {"is": "activity"}}, "when.c.kind.is", "unknown value of c.kind 'activity'"),
    ],
)
def test_a_mistaken_activity_is_told_at_its_place(content, path, told):
    _, _, problems = read(content, ACTIVITIES)
    assert [where for where, _ in problems] == [path]
    assert told in problems[0][1]


def test_only_routes_of_the_leg_status_look_the_activity_up_in_a_set():
    assert [where for where, _ in read({"c.tags": {"includes": "activity"}})[2]] == ["when.c.tags.includes"]
