"""Promises 2 and 3 by brute force: on tiny random law, every completion of what is unknown is tried.

The oracle decides in plain logic, since in a completion everything is known: it shares no line with the decision.
"""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from passport_service.conditions import Leaf, Ref, leaves
from passport_service.decision import decide_both
from passport_service.missing import missing_facts
from passport_service.proposal import Options
from passport_service.reasons import Walker
from passport_service.situation import situate

from . import naive
from .examples import examples
from .promises import GO, broken_promises, kind_of
from .tiny import CATALOGUE, QUESTION, VALUES, TinyMaker, completions, forgetting, open_facts
from .worlds import consistent, laws_of

seeds = st.integers(0, 2**32 - 1)
DAY = QUESTION["transaction.date"]


class World:
    """A situation in which everything is known, as the oracle sees it."""

    def __init__(self, law, situation):
        self.situation, self.definitions = situation, {name: law.definition(name) for name in law.definitions}

    def fact(self, name):
        return CATALOGUE.facts[name]

    def leaf(self, leaf):
        return naive.leaf_value(leaf, self.situation.known, self.situation.cannot_apply)


def starts(seed, statuses, most, tries=6):
    """A tiny law, and proposals to it of these statuses of which so much is not known that all completions can be tried."""
    rng = random.Random(seed)
    maker = TinyMaker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    for _ in range(tries):
        stated = forgetting(rng, law, consistent(CATALOGUE, maker.facts()), most)
        situation = situate(CATALOGUE, stated)
        options = Options(attested=tuple(sorted(id_ for id_ in law.by_id if rng.random() < 0.5)))
        relied, strict = decide_both(law, situation, options)
        if relied.status in statuses:
            yield law, stated, situation, options


def learnt(before, after):
    """The facts stated in the one and not in the other."""
    return [CATALOGUE.facts[name] for name in after.stated.keys() - before.stated.keys()]


@given(seeds)
@examples(150)
def test_what_is_blocked_can_be_traded_in_no_completion(seed):
    for law, stated, situation, _ in starts(seed, ("blocked",), 600, 1):
        for complete in completions(stated, open_facts(law, situation), partly=False):
            assert not naive.can_trade(law, World(law, complete), stated["transaction.activities"]), complete.stated


@given(seeds)
@examples(150)
def test_where_only_circumstances_are_open_what_is_settled_can_be_traded_in_every_completion(seed):
    for law, stated, _, options in starts(seed, GO, 200):
        rng = random.Random(seed)
        choices = [name for name in VALUES if kind_of(CATALOGUE.facts[name]) != "circumstance"]
        stated = consistent(CATALOGUE, {**{name: rng.choice(VALUES[name]) for name in choices}, **stated})
        situation = situate(CATALOGUE, stated)
        unknown = open_facts(law, situation)
        if decide_both(law, situation, options)[0].status not in GO or any(kind_of(CATALOGUE.facts[name]) != "circumstance" for name in unknown):
            continue
        for complete in completions(stated, unknown, partly=False):
            assert naive.can_trade(law, World(law, complete), stated["transaction.activities"]), complete.stated


@given(seeds)
@examples(80)
def test_no_circumstance_however_many_are_learnt_unsettles_what_is_settled(seed):
    for law, stated, situation, options in starts(seed, GO, 200):
        unknown = {name for name in open_facts(law, situation) if kind_of(CATALOGUE.facts[name]) == "circumstance"}
        before = decide_both(law, situation, options)
        for known in completions(stated, unknown, partly=True):
            for old, new in zip(before, decide_both(law, known, options), strict=True):
                found = broken_promises(old, learnt(situation, known), new) if old else []
                assert not found, (found, stated, known.stated)


@given(seeds)
@examples(80)
def test_a_special_case_unsettles_only_what_only_if_had_named(seed):
    for law, stated, situation, options in starts(seed, GO, 200):
        unknown = {name for name in open_facts(law, situation) if kind_of(CATALOGUE.facts[name]) != "choice"}
        before = decide_both(law, situation, options)
        for known in completions(stated, unknown, partly=True):
            for old, new in zip(before, decide_both(law, known, options), strict=True):
                found = broken_promises(old, learnt(situation, known), new) if old else []
                assert not found, (found, stated, known.stated)


@given(seeds)
@examples(80)
def test_nothing_that_is_learnt_in_whatever_number_opens_what_is_blocked(seed):
    for law, stated, situation, options in starts(seed, ("blocked",), 300, 1):
        before = decide_both(law, situation, options)
        for known in completions(stated, open_facts(law, situation), partly=True):
            for old, new in zip(before, decide_both(law, known, options), strict=True):
                found = broken_promises(old, learnt(situation, known), new) if old else []
                assert not found, (found, stated, known.stated)


@given(seeds)
@examples(150)
def test_a_requirement_is_undetermined_only_where_answers_to_what_is_missing_differ(seed):
    """Of facts that do not hang on each other or on what is stated, by a guard, a bound or a derivation, nor on a definition read in two ways.

    What is left of an amount is not looked at: the few amounts that are tried do not stand for all.
    """
    rng = random.Random(seed)
    maker = TinyMaker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    stated = forgetting(rng, law, consistent(CATALOGUE, maker.facts()), 300)
    situation = situate(CATALOGUE, stated)
    decision = decide_both(law, situation, Options())[0]
    rows = [item for item in decision.items if item.status == "undetermined" and counts_everywhere(item) and independent(law, situation, item)]
    statuses = {item: set() for item in rows}
    for complete in completions(stated, open_facts(law, situation), partly=False) if statuses else ():
        for item, found in statuses.items():
            found.add(naive.requirement_status(law, item.requirement, World(law, complete), decision.attested))
    assert [item.id for item, found in statuses.items() if len(found) == 1] == []


def counts_everywhere(item):
    return not any(found.version.on_routes for found in item.requirement.recognitions)


def independent(law, situation, item):
    """Whether no two of the unknown facts that a requirement reads have anything unknown behind them in common."""
    read = read_through(law, item.requirement.whole)
    asked_for = {name for stated in situation.stated.keys() & CATALOGUE.facts.keys() for name in hanging_on(situation, stated) - {stated}}
    behind = [asked_for, *(hanging_on(situation, name) for name in read if not situation.settled(name))]
    return "derived.left" not in read and not law.staff_definitions(item.requirement.whole) and len(set().union(*behind)) == sum(map(len, behind))


def hanging_on(situation, name):
    """An unknown fact with the unknown facts behind it."""
    found = [name]
    for one in found:  # grows on the way
        derived, guard = CATALOGUE.derived.get(one), CATALOGUE.facts[one].asked_when
        others = {*(derived.inputs if derived else ()), *CATALOGUE.beside(one), *(reads(guard) if guard else ())}
        found += [other for other in sorted(others) if other not in found and not situation.settled(other)]
    return set(found)


def read_through(law, condition):
    """The facts that a condition reads, also through definitions."""
    parts = [leaf for leaf, _ in leaves(condition)]
    return reads(condition).union(*[read_through(law, law.definition(part.definition)) for part in parts if isinstance(part, Ref)])


def reads(condition):
    return {leaf.fact for leaf, _ in leaves(condition) if isinstance(leaf, Leaf)}


@given(seeds)
@examples(100)
def test_a_fact_is_said_to_settle_the_status_only_if_in_some_completion_it_decides(seed):
    """Of facts that hang on no other: not of what is read only through what is derived from it, nor of what is asked only after an answer."""
    for law, stated, situation, options in starts(seed, ("undetermined",), 300, 3):
        decision = decide_both(law, situation, options)[0]
        settling = {row.fact.name for row in missing_facts(decision, Walker(law, situation, decision.evaluation.states)) if row.what == "status"}
        unknown = open_facts(law, situation)
        hidden = [name for name in unknown if (guard := CATALOGUE.facts[name].asked_when) and not reads(guard).isdisjoint(unknown)]
        if any(map(law.told_apart, CATALOGUE.derived)) or hidden or not settling:
            continue
        for name in settling:
            others = completions(stated, unknown - {name}, partly=False)
            assert any(decide_both(law, known, options)[0].status == "undetermined" for known in others), (name, settling, stated)
