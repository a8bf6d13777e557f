"""The index against the oracle, on random law and random facts."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.catalogue import read_catalogue
from passport_service.clauses import ClauseCompiler
from passport_service.conditions import All, Any_, Constant, Leaf, Not, Ref, leaves
from passport_service.index import Index
from passport_service.outcome import MAY, MUST, ORDINARY, SPECIAL, STOP, UNKNOWN_CHOICE, UNKNOWN_CIRCUMSTANCE
from passport_service.situation import learn, situate
from passport_service.source import Report, parse

from . import naive
from .examples import examples
from .worlds import Maker, catalogue, laws_of

seeds = st.integers(0, 2**32 - 1)
CATALOGUE = catalogue()
DAY = dt.date(2026, 11, 23)


class World:
    """What the oracle knows: plain facts, and what follows from them by its own lights."""

    def __init__(self, law, facts):
        self.law, self.facts = law, dict(facts)
        self.definitions = {name: law.definition(name) for name in law.definitions}
        known = self.facts
        if any(name.startswith("p.") and name != "p.exists" for name in known):
            known.setdefault("p.exists", True)
        if "c.deep" in known:  # whoever answers a question says what it presupposes
            known.setdefault("c.inner", True)
        if "c.inner" in facts or "c.deep" in known:
            known.setdefault("c.flag", True)
        if known.get("c.narrow") is True:
            known.setdefault("c.wide", True)
        if known.get("c.wide") is False:
            known.setdefault("c.narrow", False)
        self.cannot_apply = set()
        if known.get("p.exists") is False:
            self.cannot_apply.add("p.kind")
        if known.get("c.flag") is False:
            self.cannot_apply.add("c.inner")
        if known.get("c.inner") is False or "c.inner" in self.cannot_apply:
            self.cannot_apply.add("c.deep")
        if "c.day" in known and "transaction.date" in known:
            known["derived.gap"] = (known["transaction.date"] - known["c.day"]).days
            work = CATALOGUE.calendars["test"].between(known["c.day"], known["transaction.date"])
            if work is not None:
                known["derived.work"] = work

    def fact(self, name):
        return CATALOGUE.facts[name]

    def leaf(self, leaf):
        value = naive.leaf_value(leaf, self.facts, self.cannot_apply)
        if value is None and leaf.fact in ("c.part", "c.size"):
            currency = leaf.value[1]
            other = self.facts.get("c.size" if leaf.fact == "c.part" else "c.part", {}).get(currency)
            if other is not None:
                return naive.bounded_leaf(leaf, *((None, other) if leaf.fact == "c.part" else (other, None)))
        return value


def some_of(rng, facts):
    """A random part of the facts."""
    share = rng.choice([0.0, 0.3, 0.7, 1.0])
    return {name: value for name, value in facts.items() if rng.random() < share}


@given(seeds)
@examples(300)
def test_index_says_what_the_naive_evaluator_says_under_every_reading(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    facts = some_of(rng, maker.facts())
    for reading in (law, law.strict) if law.strict is not None else (law,):
        world = World(reading, facts)
        codes = reading.evaluate(situate(CATALOGUE, facts)).codes
        for number, condition in enumerate(reading.conditions):
            code = codes[number]
            if reading is law:
                kleene = naive.kleene(condition, world)
                assert (bool(code & MUST), bool(code & MAY)) == (kleene == 2, kleene > 0), condition
            found = {
                name: bool(code & bit) for name, bit in (("must", MUST), ("stop", STOP), ("special", SPECIAL), ("ordinary", ORDINARY), ("may", MAY))
            }
            if not _open_text(reading, condition):
                assert found == {name: naive.holds(condition, name, world) for name in found}, condition


def _open_text(law, condition) -> bool:
    """Whether the condition reads a definition that the strict law leaves open (the oracle has no such constant)."""

    return any(
        isinstance(leaf, Ref) and (law.definition(leaf.definition) == Constant(None) or _open_text(law, law.definition(leaf.definition)))
        for leaf, _ in leaves(condition)
    )


@given(seeds)
@examples(150)
def test_learning_a_fact_only_ever_settles(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    full = maker.facts()
    order = rng.sample(sorted(full), len(full))
    known, before = {}, law.evaluate(situate(CATALOGUE, {})).codes
    for name in order:
        known[name] = full[name]
        after = law.evaluate(situate(CATALOGUE, known)).codes
        for old, new in zip(before, after, strict=True):
            assert not (old & MUST and not new & MUST), f"TRUE was lost on learning {name}"
            assert not (not old & MAY and new & MAY), f"FALSE was lost on learning {name}"
        before = after


def test_a_threshold_is_exact_to_the_last_place():
    hundred = (Decimal(100000000), "USD")
    operators = ("exceeds", "at_least", "below", "at_most")
    index = Index(CATALOGUE, [Leaf("c.size", operator, hundred) for operator in operators], {})
    found = {}
    for text in ("99999999.99999999", "100000000", "100000000.00000001"):
        codes = index.evaluate(situate(CATALOGUE, {"c.size": {"USD": Decimal(text)}})).codes
        found[text] = [bool(codes[place] & MUST) for place in index.place]
    assert found == {
        "99999999.99999999": [False, False, True, True],
        "100000000": [False, True, False, True],
        "100000000.00000001": [True, True, False, False],
    }


def words(index, facts, catalogue=CATALOGUE):
    """What each condition of an index comes to, as a word."""
    codes = index.evaluate(situate(catalogue, facts)).codes
    return ["true" if codes[place] & MUST else "unknown" if codes[place] & MAY else "false" for place in index.place]


@pytest.mark.parametrize(
    ("bounded", "stated", "expected"),
    [
        # A part is at most the whole, which is 10 USD. Nothing bounds it from below, and pounds say nothing about dollars.
        ("c.part", "c.size", {"exceeds 10": "false", "at_least 10": "unknown", "at_most 10": "true", "below 10": "unknown", "below 11": "true", "exceeds 9": "unknown"}),
        # The whole is at least its part, which is 10 USD. Nothing bounds it from above.
        ("c.size", "c.part", {"exceeds 10": "unknown", "at_least 10": "true", "at_most 10": "unknown", "below 10": "false", "at_least 9": "true", "exceeds 99": "unknown"}),
    ],
)  # fmt: skip
def test_a_bound_settles_a_threshold_that_lies_beyond_it_and_no_other(bounded, stated, expected):
    leaves = [Leaf(bounded, text.split()[0], (Decimal(text.split()[1]), "USD")) for text in expected]
    pounds = Leaf(bounded, "exceeds", (Decimal(10), "GBP"))
    index = Index(CATALOGUE, [*leaves, pounds, *map(Not, leaves)], {})
    facts = {stated: {"USD": Decimal(10)}}
    assert words(index, facts) == [
        *expected.values(), "unknown", *({"true": "false", "false": "true"}.get(word, word) for word in expected.values())
    ]  # fmt: skip
    # Alone, with nothing else to divide the values, it is settled as well.
    assert [words(Index(CATALOGUE, [leaf], {}), facts) for leaf in leaves] == [[word] for word in expected.values()]


def test_alternatives_that_cover_every_value_of_a_bounded_fact_are_unknown_all_the_same():
    five = (Decimal(5), "USD")
    index = Index(CATALOGUE, [Any_((Leaf("c.part", "below", five), Leaf("c.part", "at_least", five)))], {})
    assert words(index, {"c.size": {"USD": Decimal(10)}}) == words(index, {}) == ["unknown"]
    assert words(index, {"c.part": {"USD": Decimal(10)}}) == ["true"]


# -- clauses and dimensions, written out ---------------------------------------------------------------------------------

READ = """
groups: {transaction: {title: T}, g: {title: G, exists: g.there}}
facts:
  transaction.activities: {type: set, class: circumstance, question: 'What?', values: {deal: deal}}
  g.there: {type: yes_no, class: circumstance, question: 'There?'}
  g.kind: {type: choice, class: circumstance, question: 'Kind?', values: {b: b, a: a}}
  g.kinds: {type: set, class: circumstance, question: 'Kinds?', values: {a: a, b: b}}
  g.code: {type: code, class: circumstance, question: 'Code?'}
  g.count: {type: integer, minimum: 0, maximum: 1000000, class: circumstance, unit: pieces, question: 'How many?'}
  g.more: {type: integer, minimum: 0, maximum: 1000000, class: term, unit: pieces, question: 'How many more?'}
  g.share: {type: decimal, minimum: 0, maximum: 1000000, class: circumstance, unit: per cent, question: 'Share?'}
  g.part: {type: decimal, minimum: 0, maximum: 1000000, class: circumstance, unit: per cent, question: 'Part?'}
  g.paid: {type: money, class: circumstance, question: 'Paid?'}
  g.owed: {type: money, class: circumstance, question: 'Owed?'}
  g.day: {type: date, class: circumstance, question: 'Day?'}
  g.end: {type: date, class: circumstance, question: 'End?'}
derived:
  derived.fits: {among: {value: g.kind, set: g.kinds}, says: whether it fits}
  derived.total: {sum: [g.count, g.more], says: the total}
  derived.shares: {sum: [g.share, g.part], says: the shares}
  derived.quota: {ratio: {of: g.paid, to: g.owed}, says: the quota}
  derived.gap: {days: {from: g.day, to: g.end}, says: the gap}
"""


CODES = "  g.codes: {type: set, class: circumstance, question: 'Codes?', open: 'yes'}\n"


def read_facts():
    report = Report()
    found = read_catalogue(parse(READ, "facts.yaml", report), {}, report)
    report.check()
    return found


READ_CATALOGUE = read_facts()


def test_what_is_told_apart_of_a_value_stays_so_where_something_is_derived_from_it():
    facts = READ.replace("value: g.kind, set: g.kinds", "value: g.code, set: g.codes").replace("  g.count:", CODES + "  g.count:")
    report = Report()
    codes = read_catalogue(parse(facts, "facts.yaml", report), {}, report)
    report.check()
    index = Index(codes, [Leaf("g.code", "is", "B"), Leaf("derived.fits", "is", True)], {})
    assert words(index, {"g.code": "B", "g.codes": frozenset("A")}, codes) == ["true", "false"]
    assert words(index, {"g.code": "A", "g.codes": frozenset("A")}, codes) == ["false", "true"]


def test_of_what_bounds_a_yes_or_no_both_answers_are_told_apart():
    index = Index(CATALOGUE, [Leaf("c.narrow", "is", True)], {})
    assert {dimension.key: dimension.atoms for dimension in index.dimensions} == {("c.narrow", ""): [False, True], ("c.wide", ""): [False, True]}


def test_what_a_derived_fact_is_made_from_is_told_apart_by_whether_it_is_stated():
    leaves = [
        Leaf("derived.fits", "is", True),
        Leaf("derived.total", "exceeds", 3),
        Leaf("derived.shares", "below", Decimal(3)),
        Leaf("derived.quota", "at_least", Decimal(3)),
        Leaf("derived.gap", "at_most", 3),
    ]
    index = Index(READ_CATALOGUE, leaves, {})
    found = {
        dimension.key: (dimension.ordered, [atom for atom in dimension.atoms if type(atom) is not object], dimension.count())
        for dimension in index.dimensions
    }
    assert found == {
        ("derived.fits", ""): (False, [False, True], 3),
        ("derived.total", ""): (True, [], 3),
        ("derived.shares", ""): (True, [], 3),
        ("derived.quota", ""): (True, [], 3),
        ("derived.gap", ""): (True, [], 3),
        ("g.kind", ""): (False, ["a", "b"], 4),  # and every value that no rule names
        ("g.kinds", ""): (False, [False, True], 3),
        ("g.count", ""): (True, [], 2),
        ("g.more", ""): (True, [], 2),
        ("g.share", ""): (True, [], 2),
        ("g.part", ""): (True, [], 2),
        ("g.paid", ""): (False, [], 2),
        ("g.owed", ""): (False, [], 2),
        ("g.day", ""): (True, [], 2),
        ("g.end", ""): (True, [], 2),
        ("g.there", ""): (False, [False, True], 3),
    }  # fmt: skip


def test_the_state_of_a_fact_is_its_value_where_known_and_says_how_it_reads_where_not():
    leaves = [
        Leaf("g.count", "exceeds", 3),
        Leaf("g.paid", "exceeds", (Decimal(5), "USD")),
        Leaf("derived.total", "exceeds", 3),
        Leaf("g.kinds", "includes", "a"),
    ]
    index = Index(READ_CATALOGUE, leaves, {})

    def states(**facts):
        found = index.states(situate(READ_CATALOGUE, {name.replace("_", "."): value for name, value in facts.items()}))
        return {":".join(dimension.key).strip(":"): state for dimension, state in zip(index.dimensions, found, strict=True)}

    circumstance, choice = -1 - UNKNOWN_CIRCUMSTANCE, -1 - UNKNOWN_CHOICE
    nothing = {
        "g.count": circumstance, "g.paid:USD": circumstance, "g.paid": circumstance, "derived.total": circumstance, "g.more": choice,
        "g.kinds:a": circumstance, "g.there": circumstance,
    }  # fmt: skip
    assert states() == nothing
    assert states(g_count=3) == nothing | {"g.count": 1, "derived.total": choice, "g.there": 2}
    assert states(g_count=4, g_more=0) == nothing | {"g.count": 2, "derived.total": 2, "g.more": 1, "g.there": 2}
    assert states(g_paid={"GBP": Decimal(9)}) == nothing | {"g.paid": 1, "g.there": 2}
    assert states(g_paid={"USD": Decimal(9)}) == nothing | {"g.paid": 1, "g.paid:USD": 2, "g.there": 2}
    assert states(g_kinds=frozenset("a")) == nothing | {"g.kinds:a": 2, "g.there": 2}
    assert states(g_kinds=frozenset("b")) == nothing | {"g.kinds:a": 1, "g.there": 2}
    assert states(g_there=False) == dict.fromkeys(nothing, 0) | {"g.there": 1}


def test_what_stays_unknown_reads_by_what_is_still_missing_also_when_it_is_worked_out_again():
    index = Index(READ_CATALOGUE, [Leaf("derived.total", "exceeds", 3)], {})
    base = index.evaluate(situate(READ_CATALOGUE, {}))
    counted = index.reevaluate(base, *learn(situate(READ_CATALOGUE, {}), "g.count", 3))  # what is missing then is a term
    assert (list(base.codes), list(counted)) == ([UNKNOWN_CIRCUMSTANCE], [UNKNOWN_CHOICE])


def test_codes_that_some_rule_names_are_told_apart_from_each_other_and_from_all_others():
    index = Index(READ_CATALOGUE, [Leaf("g.code", "is", "B"), Leaf("g.code", "in", ("A", "B")), Leaf("g.code", "not_in", ("C", "A"))], {})
    assert {code: words(index, {"g.code": code}, READ_CATALOGUE) for code in "ABCD"} == {
        "A": ["false", "true", "false"],
        "B": ["true", "true", "true"],
        "C": ["false", "false", "false"],
        "D": ["false", "false", "true"],
    }


def clauses_of(condition, positive=True):
    """A compiler, and the clauses of a condition."""
    compiler = ClauseCompiler(CATALOGUE, {})
    compiler.collect(condition)
    compiler.number()
    return compiler, compiler.clauses(condition, positive)


KINDS = ("c.kind", "")  # state 0 cannot apply, then one, three, two, and any other


@pytest.mark.parametrize(
    ("condition", "positive", "expected"),
    [
        (Leaf("c.kind", "is", "one"), True, [{(KINDS, 0b00010)}]),
        (Leaf("c.kind", "is", "one"), False, [{(KINDS, 0b11101)}]),
        (Leaf("c.kind", "in", ("one", "two")), True, [{(KINDS, 0b01010)}]),
        (Leaf("c.kind", "not_in", ("one", "two")), True, [{(KINDS, 0b10100)}]),
        (Any_((Leaf("c.kind", "is", "one"), Leaf("c.kind", "is", "two"))), True, [{(KINDS, 0b01010)}]),  # merged: alternatives on one fact
        (Not(All((Leaf("c.kind", "is_not", "one"), Leaf("c.kind", "is_not", "two")))), True, [{(KINDS, 0b01011)}]),
        (All((Leaf("c.kind", "is", "one"), Leaf("c.flag", "is", True))), True, [{(KINDS, 0b00010), (("c.flag", ""), 0b100)}]),
        (All((Leaf("c.kind", "is", "one"), Leaf("c.flag", "is", True))), False, [{(KINDS, 0b11101)}, {(("c.flag", ""), 0b011)}]),
        (Leaf("c.count", "exceeds", 3), True, [{(("c.count", ""), 0b100)}]),
        (Leaf("c.count", "exceeds", 3), False, [{(("c.count", ""), 0b011)}]),
        (Leaf("c.count", "at_most", 3), True, [{(("c.count", ""), 0b010)}]),
        (Any_((Leaf("c.count", "below", 3), Leaf("c.count", "exceeds", 3))), True, [{(("c.count", ""), 0b0010)}, {(("c.count", ""), 0b1000)}]),
        (Constant(True), True, [set()]),
        (Constant(True), False, []),
        (Constant(False), True, []),
        (Constant(None), True, [{(("", "open"), 2)}]),
        (Constant(None), False, [{(("", "open"), 2)}]),
    ],
)
def test_a_condition_becomes_these_clauses(condition, positive, expected):
    assert [set(clause) for clause in clauses_of(condition, positive)[1]] == expected


def test_conditions_are_multiplied_out_up_to_sixty_four_clauses_and_the_longest_alternatives_are_lifted_first():
    def either(number):
        return Any_((Leaf("c.count", "exceeds", number), Leaf("c.day", "before", DAY + dt.timedelta(days=number))))

    six, seven = (All(tuple(either(number) for number in range(many))) for many in (6, 7))
    compiler, clauses = clauses_of(six)
    assert (compiler.lifted, len(clauses)) == (0, 64)
    compiler, clauses = clauses_of(seven)
    assert (compiler.lifted, len(clauses)) == (1, 64)
    long = Any_(tuple(Leaf("t.days", "exceeds", number) for number in range(40)))
    compiler, clauses = clauses_of(All((long, either(1), either(2))))
    assert (compiler.lifted, len(clauses), max(map(len, clauses))) == (1, 4, 3)


def test_a_condition_of_many_alternatives_is_lifted_and_not_multiplied_out():
    leaves = [Leaf("c.kind", "is", "one"), Leaf("c.flag", "is", True), Leaf("c.place", "is", "GB"), Leaf("c.tags", "includes", "red")]
    wide = All(tuple(Any_((leaves[n % 4], leaves[(n + 1) % 4], Leaf("c.count", "exceeds", n))) for n in range(12)))
    index = Index(CATALOGUE, [wide], {})
    assert max(len(stratum.layers) for stratum in [*index._strata, index._top]) <= 64
    facts = {"c.kind": "one", "c.flag": False, "c.place": "GB", "c.tags": frozenset(), "c.count": 99}
    assert index.evaluate(situate(CATALOGUE, facts)).codes[0] & MUST


def test_lifted_alternatives_are_told_apart():
    # Each pair of alternatives is on a fact of its own, so that nothing is merged; more than 64 clauses, so that some are lifted.

    pairs = [
        (Leaf("c.count", "below", 0), Leaf("c.flag", "is", True)),
        (Leaf("t.days", "below", 0), Leaf("c.kind", "is", "one")),
        (Leaf("c.deep", "below", 0), Leaf("c.place", "is", "GB")),
        (Leaf("c.day", "before", DAY), Leaf("c.wide", "is", True)),
        (Leaf("c.tags", "includes", "red"), Leaf("t.flag", "is", True)),
        (Leaf("c.size", "below", (Decimal(0), "USD")), Leaf("t.venue", "is", "otc")),
        (Leaf("x.share", "below", Decimal(0)), Leaf("a.signed", "is", True)),
        (Leaf("p.kind", "is", "man"), Leaf("c.narrow", "is", True)),
    ]
    index = Index(CATALOGUE, [All(tuple(map(Any_, pairs)))], {})
    right = {leaf.fact: leaf.value for _, leaf in pairs}
    wrong = {"c.flag": False, "c.kind": "two", "c.place": "FR", "c.wide": False, "t.flag": False, "t.venue": "floor", "a.signed": False}
    others = {"c.count": 1, "t.days": 1, "c.deep": 1, "c.day": DAY, "c.tags": frozenset(), "c.size": {"USD": Decimal(1)}, "x.share": Decimal(1)}

    def holds(**changed):
        facts = right | others | {"c.inner": True, "p.kind": "firm"} | changed
        (code,) = index.evaluate(situate(CATALOGUE, facts)).codes
        return bool(code & MUST)

    assert holds()
    assert [name for name, value in wrong.items() if holds(**{name: value})] == []
    assert not holds(**{"c.wide": True, "c.narrow": False})


def test_the_dimensions_of_a_fact_are_found_by_its_member_or_currency():
    read = [
        ("c.size", "exceeds", (Decimal(1), "USD")),
        ("c.size", "below", (Decimal(9), "GBP")),
        ("c.flag", "is", True),
        ("c.tags", "includes", "red"),
    ]
    index = Index(CATALOGUE, [Leaf(*leaf) for leaf in read], {})
    keys = [dimension.key for dimension in index.dimensions]
    # Beside what is read: whether any amount is stated, also of what bounds it.
    assert sorted(keys) == [("c.flag", ""), ("c.part", ""), ("c.size", ""), ("c.size", "GBP"), ("c.size", "USD"), ("c.tags", "red")]
    assert sorted(keys[slot] for slot in index.slots("c.size")) == [("c.size", ""), ("c.size", "GBP"), ("c.size", "USD")]
    assert [keys[slot] for slot in index.slots("c.size", "GBP")] == [("c.size", "GBP")]
    assert [keys[slot] for slot in index.slots("c.flag")] == [("c.flag", "")]
    assert index.slots("c.size", "EUR") == index.slots("c.kind") == []


def test_an_index_of_no_conditions_answers_nothing():
    assert Index(CATALOGUE, [], {}).evaluate(situate(CATALOGUE, {})).codes == b""


def test_definitions_are_evaluated_in_strata_each_after_what_it_reads():
    flag = Leaf("c.flag", "is", True)
    definitions = {"a": flag, "b": All((Ref("a"), Not(Ref("a")))), "c": Any_((Ref("b"), Ref("a"))), "d": Not(flag), "unread": flag}
    compiler = ClauseCompiler(CATALOGUE, definitions)
    top = All((Ref("c"), Not(Ref("d"))))
    compiler.collect(top)
    compiler.number()
    compiler.clauses(top, True)
    assert compiler.strata() == [[("a", False), ("a", True), ("d", False)], [("b", True)], [("c", True)]]
    assert ClauseCompiler(CATALOGUE, {}).strata() == []


@given(seeds)
@examples(100)
def test_reevaluating_after_one_fact_is_evaluating_anew(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    full = maker.facts()
    facts = some_of(rng, full)
    base = law.evaluate(situate(CATALOGUE, facts))
    for name in sorted(full.keys() - situate(CATALOGUE, facts).known.keys()):
        anew = law.evaluate(situate(CATALOGUE, {**facts, name: full[name]})).codes
        assert law.reevaluate(base, *learn(situate(CATALOGUE, facts), name, full[name])) == anew, name
