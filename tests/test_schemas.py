"""Proposals as they may and may not be written, over the catalogue we ship."""

from __future__ import annotations

import copy
import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.errors import ProposalError
from passport_service.openapi import EXAMPLE

from .examples import examples
from .shipped import NOW, SHIPPED


def problems(change) -> dict[str, object]:
    """pointer -> problem, after a change to a body that is otherwise good."""
    body = copy.deepcopy(EXAMPLE)
    change(body)
    try:
        SHIPPED.decide(body, NOW)
    except ProposalError as error:
        return {found.pointer: found for found in error.problems}
    return {}


def put(path, value):
    def change(body):
        *groups, name = path.split(".")
        for group in groups:
            body = body.setdefault(group, {})
        body[name] = value

    return change


def test_the_example_is_good():
    assert problems(lambda body: None) == {}


@pytest.mark.parametrize(
    ("path", "value", "pointer", "says"),
    [
        ("client.solicited", "yes", "/client/solicited", "expected true or false, found a string"),
        ("client.solicited", 1, "/client/solicited", "expected true or false, found the number 1"),
        ("client.solicited", None, "/client/solicited", "null is not an answer"),
        ("client", None, "/client", "null is not an answer"),
        ("client", [], "/client", "expected an object"),
        ("client.kind", ["bank"], "/client/kind", "found a list"),
        ("client.location", "UKX", "/client/location", "ISO 3166"),
        ("client.location", "gb", "/client/location", "ISO 3166"),
        ("client.total_assets", {"amount": 40000000, "currency": "USD"}, "/client/total_assets", "as a string, found the number"),
        ("client.total_assets", {"amount": "4e7", "currency": "USD"}, "/client/total_assets", "plain decimal"),
        ("client.total_assets", {"amount": "-1", "currency": "USD"}, "/client/total_assets", "not negative"),
        ("client.total_assets", {"amount": "1", "currency": "USDC"}, "/client/total_assets", "not a currency"),
        ("client.total_assets", [{"amount": "1", "currency": "USD"}] * 2, "/client/total_assets", "stands twice"),
        ("client.total_assets", [], "/client/total_assets", "expected an amount"),
        ("transaction.date", "2026-02-30", "/transaction/date", "not a day"),
        ("transaction.activities", [], "/transaction/activities", "at least one activity"),
        ("transaction.activities", ["deal_as_principal", "deal"], "/transaction/activities/1", "not an allowed value"),
        ("transaction.activities", ["deal_as_agent", "deal_as_agent"], "/transaction/activities", "stands twice"),
        ("transaction.activities", "deal_as_agent", "/transaction/activities", "expected a list"),
        ("transaction.activities", ["agree"], "/transaction/activities", "goes with another activity"),
        ("token.isin", "US0378331006", "/token/isin", "check digit"),
        ("client.kind", {"unknown": False}, "/client/kind", "write exactly"),
        ("client.kind", {"unknown": True, "why": "x"}, "/client/kind", "write exactly"),
        ("attested", ["US-FC-70"], "/attested/0", "there is no requirement"),
        ("prefer", ["US-R99"], "/prefer/0", "there is no route"),
        ("attested", "US-FC-07", "/attested", "expected a list of ids"),
        ("scenario", "utopia", "/scenario", "not a scenario we hold"),
        ("rulebook", "sha256:0", "/rulebook", "not this host's rulebook"),
        ("rely_on_staff_positions", "no", "/rely_on_staff_positions", "expected true or false"),
        ("host", "UK", "/host", "did you mean GB"),
        ("host", 1, "/host", "found the number 1"),
        ("as_of", "yesterday", "/as_of", "not a date"),
    ],
)
def test_what_is_wrong_is_told_with_its_pointer(path, value, pointer, says):
    found = problems(put(path, value))
    assert list(found) == [pointer] and says in found[pointer].detail


@pytest.mark.parametrize(
    ("path", "meant"),
    [("client.knd", "kind"), ("clinet", "client"), ("client.isin", "token.isin"), ("client.kind_", "kind"), ("solicited", "client.solicited")],
)
def test_an_unknown_field_is_refused_and_the_one_meant_is_named(path, meant):
    found = problems(put(path, 1))
    assert [problem.did_you_mean for problem in found.values()] == [meant]


def test_an_unknown_value_names_those_allowed():
    (problem,) = problems(put("venue.kind", "us_exchnge")).values()
    assert (problem.did_you_mean, "us_ats" in problem.allowed) == ("us_exchange", True)


def test_every_problem_is_told_at_once():
    def change(body):
        body["client"]["solicited"] = "yes"
        body["venue"]["kind"] = 3
        body["nonsense"] = {}

    assert sorted(problems(change)) == ["/client/solicited", "/nonsense", "/venue/kind"]


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"client": {"exists": False, "kind": "bank"}}, "/client/kind"),
        ({"client": {"kind": "bank", "us_citizen": True}}, "/client/us_citizen"),
        (
            {"client": {"total_assets": {"amount": "1", "currency": "USD"}, "financial_assets": {"amount": "2", "currency": "USD"}}},
            "/client/financial_assets",
        ),
        ({"token": {"traded_in_uk": True, "traded_in_uk_or_eu": False}}, "/token/traded_in_uk"),
    ],
)
def test_facts_that_contradict_each_other_are_refused(facts, pointer):
    with pytest.raises(ProposalError) as found:
        SHIPPED.decide({"host": "GB", **facts}, NOW)
    assert pointer in [problem.pointer for problem in found.value.problems]


def test_absent_and_asked_are_kept_apart():
    absent = SHIPPED.schema.load({"host": "US"})
    asked = SHIPPED.schema.load({"host": "US", "client": {"kind": {"unknown": True}}})
    assert (absent.asked, asked.asked) == (frozenset(), {"client.kind"})
    assert "client.kind" not in asked.facts
    assert absent.canonical() != asked.canonical()


def test_one_amount_has_one_canonical_spelling():
    def canonical(amount):
        return SHIPPED.schema.load({"host": "US", "client": {"total_assets": {"amount": amount, "currency": "USD"}}}).canonical()

    assert canonical("40000000") == canonical("40000000.00") != canonical("40000000.01")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6) | st.sampled_from(["US", "GB", "bank", "2026-12-01", "1"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["amount", "currency", "unknown", "kind", "date"]), children, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*SHIPPED.schema.schema.fields, "x"]), anything, max_size=6))
@examples(300)
def test_any_body_at_all_is_answered_or_refused_in_words(body):
    try:
        answer = SHIPPED.decide(body, NOW)
    except ProposalError as error:
        assert error.problems and all(problem.detail for problem in error.problems)
    else:
        assert answer.body["status"] in ("not_covered", "blocked", "undetermined", "checks_required")


def _said(read, body):
    """What a way of reading makes of a body: options and facts, or every problem in its words."""
    try:
        return read(body)
    except ProposalError as error:
        return error.problems


def _mutated(rng: random.Random, body: dict) -> dict:
    """A good body with a few members made anything at all."""
    found = json.loads(json.dumps(body))
    for _ in range(rng.choice([0, 1, 1, 2])):
        places = [(found, key) for key in found] + [(group, key) for group in found.values() if isinstance(group, dict) for key in group]
        holder, key = rng.choice(places)
        holder[rng.choice([key, key, "x"])] = rng.choice(
            [
                None,
                True,
                1,
                "US",
                "bank",
                "",
                [],
                {},
                ["US", "US"],
                {"unknown": True},
                {"unknown": 1},
                {"amount": "1", "currency": "USD"},
                "2026-12-01",
            ]
        )
    return found


@given(st.integers(0, 2**32 - 1))
@examples(300)
def test_the_quick_way_through_reads_what_the_whole_schema_reads(seed):
    rng = random.Random(seed)
    cases = [case for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases]
    body = _mutated(rng, rng.choice(cases).proposal)
    quick, judged = SHIPPED.schema._good(body), _said(SHIPPED.schema._judged, body)
    assert quick is None or quick == judged


def test_a_good_body_goes_the_quick_way():
    bodies = [case.proposal for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases]
    assert all(SHIPPED.schema._good(body) is not None for body in bodies if not isinstance(_said(SHIPPED.schema._judged, body), list))


ODD = (
    None,
    True,
    0,
    -1,
    10**17,
    "",
    " ",
    "x",
    "\u202e",
    "x" * 300,
    [],
    [None],
    [[]],
    [{}],
    ["x", "x"],
    {},
    {"unknown": False},
    {"unknown": True, "x": 1},
    {"a": {"b": 1}},
)
THEIRS = re.compile(
    r"Missing data|Not a valid|Invalid (input|value|type)|may not be null|[Uu]nknown-field|Field |Traceback|<class|object at 0x|NoneType|'[a-z]+' object"
)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_wrong_is_told_in_our_words_whatever_stands_where(odd):
    bodies = [odd, {**({"host": odd} if odd is None else {}), "client": odd}, {"proposal": odd}]
    bodies += [{"host": "US", name: odd} for name in SHIPPED.schema.schema.fields]
    facts = [fact.name.split(".") for fact in SHIPPED.laws.catalogue.given()]
    bodies += [{"host": "US", group: {name: odd}} for group, name in facts]
    for body in bodies:
        try:
            SHIPPED.schema.read(body)
        except ProposalError as error:
            for problem in error.problems:
                assert problem.detail and not THEIRS.search(problem.detail), (body, problem)
    for name in ("as_of", "scenario", "rulebook", "known_on", "x"):
        try:
            SHIPPED.compare({"proposal": {"host": "US"}, "columns": [{name: odd}, odd]}, NOW)
        except ProposalError as error:
            for problem in error.problems:
                assert problem.detail and not THEIRS.search(problem.detail), (name, odd, problem)
