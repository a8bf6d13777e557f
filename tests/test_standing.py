"""Nothing is left to a home supervisor who does not supervise, and what the law asks of a sale is asked where somebody makes one."""

from __future__ import annotations

import copy
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service.cases import requirement_statuses
from passport_service.conditions import ALWAYS, NEVER, All, Any_, Leaf, Not, Ref, leaves
from passport_service.errors import LawError, ProposalError
from passport_service.placement import GOOD_STANDING, IN_FORCE, rests_on
from passport_service.publish import version_json

from .examples import examples
from .shipped import NOW, SHIPPED
from .test_decision import requirement, route, version
from .worlds import laws_of

BOOKS = [(host, scenario, book) for (host, scenario), book in SHIPPED.laws.all_rulebooks()]
CASES = [case for _, _, book in BOOKS for case in book.cases]


# -- whether a condition rests on a definition ---------------------------------------------------------------------------


def holds(condition, values) -> bool:
    """The condition with every fact known, its leaves being yes/no facts."""
    match condition:
        case All(parts):
            return all(holds(part, values) for part in parts)
        case Any_(parts):
            return any(holds(part, values) for part in parts)
        case Not(part):
            return not holds(part, values)
        case Ref(definition=name):
            return values[name]
        case Leaf(fact=name):
            return values[name]
    return condition is ALWAYS or condition == ALWAYS


def some_condition(rng: random.Random, depth: int = 3):
    if depth == 0 or rng.random() < 0.25:
        return rng.choice([Ref("standing"), Ref("standing"), Leaf("a", "is", True), Leaf("b", "is", True), ALWAYS, NEVER])
    shape = rng.choice([All, Any_, Not])
    return Not(some_condition(rng, depth - 1)) if shape is Not else shape(tuple(some_condition(rng, depth - 1) for _ in range(rng.choice([1, 2, 3]))))


@given(st.integers(0, 2**32 - 1))
@examples(500)
def test_what_rests_on_a_definition_never_holds_without_it(seed):
    condition = some_condition(random.Random(seed))
    if rests_on({}, condition, ["standing"]):
        assert not any(holds(condition, {"standing": False, "a": a, "b": b}) for a, b in itertools.product([True, False], repeat=2))


@pytest.mark.parametrize(
    ("condition", "rests"),
    [
        (Ref("standing"), True),
        (All((Leaf("a", "is", True), Ref("standing"))), True),
        (Any_((Ref("standing"), All((Leaf("a", "is", True), Ref("standing"))))), True),
        (Any_((Ref("standing"), Leaf("a", "is", True))), False),
        (Not(Any_((Not(Ref("standing")), Leaf("a", "is", True)))), True),
        (Not(All((Not(Ref("standing")), Leaf("a", "is", True)))), False),
        (Not(Ref("standing")), False),
        (ALWAYS, False),
        (NEVER, True),
        (Ref("another"), False),
    ],
)
def test_a_condition_rests_on_a_definition_in_every_branch_or_not_at_all(condition, rests):
    assert rests_on({}, condition, ["standing"]) is rests


# -- the law we ship -----------------------------------------------------------------------------------------------------


def test_every_recognition_that_leaves_a_duty_to_home_rests_on_good_standing():
    found = 0
    for _, _, book in BOOKS:
        for recognition in book.recognitions.values():
            for one in recognition.versions:
                if one.mode == "by_absence" and not one.repealed:
                    found += 1
                    assert rests_on(book.definitions, one.when, [GOOD_STANDING]), recognition.id
                firm = any(version.duty_on == "firm" for id_ in one.requirements for version in book.requirements[id_].versions)
                if one.mode == "replaced" and firm:
                    assert rests_on(book.definitions, one.when, [GOOD_STANDING, IN_FORCE]), recognition.id
    assert found >= 20


def without_standing():
    """Changes after which home does not supervise this business, or nobody can say that it does."""
    for status in SHIPPED.laws.catalogue.facts["registration.status"].values:
        if status != "authorised":
            yield status, {"status": status}
    yield "no permission", {"permissions": []}
    yield "nobody knows", {"authority": "BANANA"}
    yield "status unknown", {"status": {"unknown": True}}
    yield "permission unknown", {"permissions": {"unknown": True}}
    yield "authority unknown", {"authority": {"unknown": True}}


def decided(case, registration):
    body = copy.deepcopy(dict(case.proposal))
    body["registration"] = {**body.get("registration", {}), **registration}
    try:
        return SHIPPED.decide(body, NOW, reasons=False, missing=False).body
    except ProposalError:
        return None  # of this case something contradicts


LEFT = [case for case in CASES if "left_to_home" in case.expect.get("requirements", {}).values()]


def test_there_are_cases_in_which_something_is_left_to_home_on_each_host():
    assert {case.proposal["host"] for case in LEFT} == {"US", "GB"} and len(LEFT) >= 20


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in without_standing()])
def test_without_good_standing_nothing_is_left_to_home_in_any_worked_case(change):
    found = [(case, after) for case in LEFT if (after := decided(case, change)) is not None]
    assert len(found) >= len(LEFT) - 2  # a word for the status may mean nothing with another authority
    for case, after in found:
        assert after["left_to_home"] == [], case.id
        statuses = requirement_statuses(after)
        # What was left to home is to be done, where the same routes still bear on it.
        for row in decided(case, {})["left_to_home"]:
            assert statuses[row["id"]] in (("required",), ("satisfied",), ("not_required",)), (case.id, row["id"])


@pytest.mark.parametrize("status", ["suspended", "withdrawn", "cancelled", "pending", "never_granted"])
def test_on_the_uk_host_a_registration_that_does_not_stand_is_not_let_through(status):
    body = {
        "host": "GB",
        "registration": {"home": "US", "authority": "SEC", "kinds": ["broker_dealer"], "status": status, "permissions": ["deal_as_principal"]},
        "firm": {"place_in_host": False, "host_status": [], "holds_out": True},
        "staff": {"in_host": "none"},
        "transaction": {"activities": ["deal_as_principal"], "date": "2026-12-01", "host_firm": "counterparty"},
        "client": {"kind": "bank", "location": "GB", "host_authorised": True, "solicited": False},
        "token": {"model": "custodial_entitlement", "issuer_country": "US"},
        "promotion": {"timing": "none"},
    }
    answer = SHIPPED.decide(body, NOW).body
    assert answer["status"] == "blocked" and requirement_statuses(answer)["UK-O01H"] == ("failed",)


# -- what needs a sale ---------------------------------------------------------------------------------------------------

NO_SALE = {"US": ["publish_research"], "GB": ["publish_research", "advise", "safeguard", "keep_register"]}


def needs_a_sale(requirement) -> bool:
    """Whether it can apply only where a sale is among the activities, by its own words."""
    return rests_on({}, requirement.applies_when, ["sale_among_activities"])


@pytest.mark.parametrize(("host", "activity"), [(host, activity) for host, activities in NO_SALE.items() for activity in activities])
def test_whoever_makes_no_sale_is_not_asked_for_what_a_sale_needs(host, activity):
    body = {"host": host, "registration": {"home": {"US": "GB", "GB": "US"}[host]}, "transaction": {"activities": [activity, "agree"]}}
    statuses = requirement_statuses(SHIPPED.decide(body, NOW).body)
    of_a_sale = [id_ for id_, found in SHIPPED.laws.rulebooks[host].requirements.items() if all(map(needs_a_sale, found.versions))]
    assert len(of_a_sale) >= 20 and {id_: statuses[id_] for id_ in of_a_sale if statuses[id_] != ("not_required",)} == {}


def test_no_answer_of_somebody_who_makes_no_sale_asks_what_only_a_sale_has():
    facts = ("transaction.securities_act_basis", "transaction.side", "settlement.asset", "offer.public_in_host", "transaction.consideration")
    for host, activities in NO_SALE.items():
        for activity in activities:
            body = {"host": host, "registration": {"home": {"US": "GB", "GB": "US"}[host]}, "transaction": {"activities": [activity]}}
            asked = {row["fact"] for row in SHIPPED.decide(body, NOW).body["missing"]}
            assert asked.isdisjoint(facts), (host, activity, asked & set(facts))


# -- how a rulebook says so ----------------------------------------------------------------------------------------------


def rulebook(requirements, **more):
    return {
        "rulebook": "test",
        "host": "US",
        "head": {
            "title": "Test",
            "version": "1",
            "known_to": "2026-11-01",
            "timezone": "UTC",
            "calendar": "test",
            "currency": "USD",
            "covers": {"from": "2020-01-01", "homes": "any", "activities": ["deal", "advise"]},
        },
        "legs": {leg: {"needed_when": "never"} for leg in ("promotion", "venue", "form")},
        "sources": {"S": {"title": "Source"}},
        "routes": [route("R")],
        "requirements": requirements,
        **more,
    }


FLAG = {"c.flag": {"is": "yes"}}


def test_only_when_is_inherited_where_an_amendment_says_anew_when_a_requirement_applies():
    first = requirement("Q", only_when=FLAG, applies_when={"c.kind": {"is": "one"}})
    first["versions"].append({"from": "2026-12-01", "applies_when": "always"})
    book = laws_of(rulebook([first])).rulebooks["US"]
    flag = Leaf("c.flag", "is", True)
    assert [one.applies_when for one in book.requirements["Q"].versions] == [All((flag, Leaf("c.kind", "is", "one"))), flag]


def test_only_when_reads_no_arrangement():
    with pytest.raises(LawError, match="a.signed is an arrangement and may not stand in `applies_when`"):
        laws_of(rulebook([requirement("Q", only_when={"a.signed": {"is": "yes"}})]))


def test_one_list_of_corrections_speaks_for_every_version_of_what_it_names_and_beside_their_own():
    first = requirement("Q1", correction={"reason": "It was wrong.", "on": "2026-11-01"})
    first["versions"].append({"from": "2026-12-01", "title": "amended"})
    corrections = [{"reason": "All were wrong.", "on": "2026-11-30", "provisions": ["Q1", "R"]}]
    book = laws_of(rulebook([first, requirement("Q2")], corrections=corrections)).rulebooks["US"]
    assert [one.correction for one in book.requirements["Q1"].versions] == [
        "It was wrong. (corrected on 2026-11-01); All were wrong. (corrected on 2026-11-30)",
        "All were wrong. (corrected on 2026-11-30)",
    ]
    assert version_json(book.routes["R"].versions[0])["correction"] == "All were wrong. (corrected on 2026-11-30)"
    assert book.requirements["Q2"].versions[0].correction is None
    assert book.digest != laws_of(rulebook([first, requirement("Q2")])).rulebooks["US"].digest


@pytest.mark.parametrize(
    ("correction", "says"),
    [
        ({"reason": "x", "on": "2026-11-30", "provisions": ["Q9"]}, "unknown provision 'Q9'"),
        ({"reason": "x", "on": "2026-11-31", "provisions": ["Q"]}, "not a day of the calendar"),
        ({"on": "2026-11-30", "provisions": ["Q"]}, "missing 'reason'"),
        ({"reason": "x", "on": "2026-11-30"}, "missing 'provisions'"),
        ({"reason": "x", "on": "2026-11-30", "provisions": []}, "an empty list says nothing"),
    ],
)
def test_a_list_of_corrections_is_read_strictly(correction, says):
    with pytest.raises(LawError, match=says):
        laws_of(rulebook([requirement("Q")], corrections=[correction]))


def test_a_definition_that_only_one_version_of_it_rests_on_does_not_do():
    standing = {"id": GOOD_STANDING, "versions": [version(when=FLAG)]}
    once = {"id": "once", "versions": [version(when={"definition": GOOD_STANDING}), {"from": "2026-12-01", "when": "always"}]}
    row = {"id": "D", "versions": [version(requirements=["Q"], mode="by_absence", when={"definition": "once"})]}
    with pytest.raises(LawError, match="`by_absence` rests on home_in_good_standing, whichever way it comes to hold"):
        laws_of(rulebook([requirement("Q")], definitions=[standing, once], recognitions=[row]))


def test_every_leaf_of_what_makes_a_sale_is_an_activity():
    for host in NO_SALE:
        (one,) = SHIPPED.laws.rulebooks[host].definitions["sale_among_activities"].versions
        named = {leaf.value for leaf, _ in leaves(one.when)}
        assert named.isdisjoint(NO_SALE[host]) and named <= SHIPPED.laws.catalogue.activities.keys()
