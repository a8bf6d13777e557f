"""The index against the oracle, on random law and random facts."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from passport_service.outcome import MAY, MUST, ORDINARY, SPECIAL, STOP
from passport_service.situation import learn, situate

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
    from passport_service.conditions import Constant, Ref, leaves

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
    from passport_service.conditions import Leaf
    from passport_service.index import Index

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


def test_a_bound_settles_a_threshold_that_lies_beyond_it_and_no_other():
    from passport_service.conditions import Leaf, Not
    from passport_service.index import Index

    # A part is at most the whole: 10 USD. Nothing bounds it from below, and pounds say nothing about dollars.
    leaves = [
        Leaf("c.part", "exceeds", (Decimal(10), "USD")),
        Leaf("c.part", "at_least", (Decimal(10), "USD")),
        Leaf("c.part", "at_most", (Decimal(10), "USD")),
        Leaf("c.part", "below", (Decimal(10), "USD")),
        Leaf("c.part", "below", (Decimal("10.01"), "USD")),
        Leaf("c.part", "exceeds", (Decimal(99), "GBP")),
    ]
    index = Index(CATALOGUE, [*leaves, *map(Not, leaves)], {})
    codes = index.evaluate(situate(CATALOGUE, {"c.size": {"USD": Decimal(10)}})).codes
    found = ["true" if codes[place] & MUST else "unknown" if codes[place] & MAY else "false" for place in index.place]
    assert found[:6] == ["false", "unknown", "true", "unknown", "true", "unknown"]
    assert found[6:] == ["true", "unknown", "false", "unknown", "false", "unknown"]


def test_a_condition_of_many_alternatives_is_lifted_and_not_multiplied_out():
    from passport_service.conditions import All, Any_, Leaf
    from passport_service.index import Index

    leaves = [Leaf("c.kind", "is", "one"), Leaf("c.flag", "is", True), Leaf("c.place", "is", "GB"), Leaf("c.tags", "includes", "red")]
    wide = All(tuple(Any_((leaves[n % 4], leaves[(n + 1) % 4], Leaf("c.count", "exceeds", n))) for n in range(12)))
    index = Index(CATALOGUE, [wide], {})
    assert max(len(stratum.layers) for stratum in [*index._strata, index._top]) <= 64
    facts = {"c.kind": "one", "c.flag": False, "c.place": "GB", "c.tags": frozenset(), "c.count": 99}
    assert index.evaluate(situate(CATALOGUE, facts)).codes[0] & MUST


def test_lifted_alternatives_are_told_apart():
    # Each pair of alternatives is on a fact of its own, so that nothing is merged; more than 64 clauses, so that some are lifted.
    from passport_service.conditions import All, Any_, Leaf
    from passport_service.index import Index

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
    from passport_service.conditions import Leaf
    from passport_service.index import Index

    leaves = [Leaf("c.size", "exceeds", (Decimal(1), "USD")), Leaf("c.size", "below", (Decimal(9), "GBP")), Leaf("c.flag", "is", True)]
    index = Index(CATALOGUE, leaves, {})
    keys = [dimension.key for dimension in index.dimensions]
    assert {keys[slot] for slot in index.slots("c.size")} >= {("c.size", "USD"), ("c.size", "GBP")}
    assert [keys[slot] for slot in index.slots("c.size", "GBP")] == [("c.size", "GBP")]
    assert [keys[slot] for slot in index.slots("c.flag")] == [("c.flag", "")]
    assert index.slots("c.size", "EUR") == index.slots("c.kind") == []


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
