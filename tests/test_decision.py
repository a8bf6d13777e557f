"""What a decision says, on small law written out here and on random law."""

from __future__ import annotations

import datetime as dt
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passport_service import decision
from passport_service.conditions import ALWAYS
from passport_service.outcome import MAY, MUST
from passport_service.plan import best_plan
from passport_service.proposal import Options
from passport_service.reasons import Walker
from passport_service.service import Service
from passport_service.situation import situate

from .examples import examples
from .small_law import NOW
from .worlds import CITE, PROVENANCE, Maker, catalogue, laws_of

seeds = st.integers(0, 2**32 - 1)
CATALOGUE = catalogue()
DAY = dt.date(2026, 11, 23)
BODY = {"host": "US", "registration": {"home": "GB"}, "transaction": {"activities": ["deal"], "date": "2026-11-23"}}


def version(**more):
    return {"from": "2020-01-01", "title": "t", "standing": "in_force", "cite": CITE, "says": "s", "provenance": PROVENANCE, **more}


def route(id_, opens_when="always", leg="status", **more):
    own = {"activities": ["deal"]} if leg == "status" else {}
    return {"id": id_, "leg": leg, "versions": [version(headline="h", opens_when=opens_when, **{**own, **more})]}


def requirement(id_, **more):
    own = {"duty_on": "firm", "due": "pre_trade", "stops": "trade", "applies_when": "always", "check": {"do": "do it"}, **more}
    return {"id": id_, "versions": [version(**own)]}


def small_law(routes, requirements=(), legs=None, roles=None, **more):
    """A law of these provisions and no others. `legs` says which legs but `status` are needed."""
    content = Maker(random.Random(0)).rulebook()
    never = {"needed_when": "never"}
    content |= {"definitions": [], "recognitions": [], "routes": list(routes), "requirements": list(requirements), **more}
    content["legs"] = {"venue": never, "form": never, "promotion": never, **(legs or {})}
    content["head"]["roles"] = roles or {}
    return laws_of(content, CATALOGUE)


def decide(routes, requirements=(), legs=None, **more):
    """The answer of a small law to BODY with changes; `facts` merges into it."""
    facts, options = more.pop("facts", {}), more.pop("options", {})
    body = {**BODY, **options}
    for name, value in facts.items():
        group, _, member = name.partition(".")
        body[group] = {**body.get(group, {}), member: value}
    return Service(small_law(routes, requirements, legs, **more)).decide(body, NOW).body


def decided(routes, requirements=(), legs=None, facts=None, strict=False, attested=(), **more):
    """The decision itself, where the answer would not show what is asked about."""
    stated = {"registration.home": "GB", "transaction.activities": frozenset({"deal"}), "transaction.date": DAY, **(facts or {})}
    law = small_law(routes, requirements, legs, **more).law("US", DAY)
    return decision.decide(law, situate(CATALOGUE, stated), Options(attested=attested), strict)


def statuses(answer):
    from passport_service.cases import requirement_statuses

    return requirement_statuses(answer)


def test_an_open_route_without_requirements_is_clear():
    assert decide([route("R")])["status"] == "clear"


def test_a_leg_without_any_route_is_blocked_and_never_clear():
    assert decide([])["status"] == "blocked"


def test_an_unknown_circumstance_in_the_only_route_is_undetermined_and_asked():
    answer = decide([route("R", {"c.flag": {"is": "yes"}})])
    assert (answer["status"], [row["fact"] for row in answer["missing"]]) == ("undetermined", ["c.flag"])


def test_a_closed_route_says_why_and_a_term_says_what_would_open_it():
    closed = {"all": [{"t.venue": {"is": "otc"}}, {"c.flag": {"is": "yes"}}]}
    answer = decide([route("R", closed)], facts={"t.venue": "floor", "c.flag": True})
    (row,) = answer["routes"]
    assert answer["status"] == "blocked"
    assert [(found["fact"], found["value"], found["test"]) for found in row["why"]] == [("t.venue", "floor", "is otc")]
    assert [found["fact"] for found in row["would_open_if"]] == ["t.venue"]


def test_a_circumstance_that_closes_a_route_offers_nothing_to_change():
    answer = decide([route("R", {"all": [{"t.venue": {"is": "otc"}}, {"c.flag": {"is": "yes"}}]})], facts={"t.venue": "floor", "c.flag": False})
    assert answer["routes"][0]["would_open_if"] == []


@pytest.mark.parametrize(
    ("facts", "status", "requirement_status"),
    [
        ({}, "undetermined", "undetermined"),
        ({"c.flag": True}, "blocked", "failed"),
        ({"c.flag": False}, "checks_required", "required"),
    ],
)
def test_a_stop_on_a_circumstance_is_three_valued(facts, status, requirement_status):
    answer = decide([route("R")], [requirement("Q", failed_when={"c.flag": {"is": "yes"}})], facts=facts)
    assert (answer["status"], statuses(answer)["Q"]) == (status, (requirement_status,))


@pytest.mark.parametrize("leaf", [{"t.flag": {"is": "yes"}}, {"a.capital": {"below": "10 USD"}}])
def test_an_unknown_term_or_arrangement_stops_nothing(leaf):
    answer = decide([route("R")], [requirement("Q", failed_when=leaf)])
    assert (answer["status"], statuses(answer)["Q"]) == ("checks_required", ("required",))


def test_an_unknown_special_case_is_only_if_and_a_special_stop_keeps_its_status():
    special = {"x.short": {"is": "yes"}}
    rules = [requirement("Q1", applies_when=special), requirement("Q2", failed_when=special), requirement("Q3", failed_when=special, stops="nothing")]
    answer = decide([route("R")], rules)
    assert statuses(answer) == {"Q1": ("only_if",), "Q2": ("required", "only_if"), "Q3": ("required", "only_if")}
    assert [row["if"] for row in answer["only_if"]] == ["only if it is short", "stops the trade only if it is short", "fails only if it is short"]
    assert "x.short" not in [row["fact"] for row in answer["missing"]]


def test_unknown_evidence_means_do_the_check_and_known_evidence_satisfies():
    rule = requirement("Q", satisfied_when={"a.signed": {"is": "yes"}})
    assert statuses(decide([route("R")], [rule])) == {"Q": ("required",)}
    assert statuses(decide([route("R")], [rule], facts={"a.signed": False})) == {"Q": ("required",)}
    done = decide([route("R")], [rule], facts={"a.signed": True})
    assert (done["status"], done["satisfied"][0]["by"]) == ("clear", "facts")


def test_attestation_satisfies_and_is_said_to_be_unverified():
    answer = decide([route("R")], [requirement("Q")], options={"attested": ["Q"]})
    assert (answer["status"], answer["satisfied"][0]["by"], [c["kind"] for c in answer["caveats"]]) == ("clear", "attested", ["attested"])


def test_attestation_does_not_undo_a_failure():
    answer = decide([route("R")], [requirement("Q", failed_when="always")], options={"attested": ["Q"]})
    assert (answer["status"], statuses(answer)["Q"]) == ("blocked", ("failed",))


def test_recognition_stands_apart_from_what_is_left_to_home_and_both_lift_a_stop():
    rules = [requirement("Q1", failed_when="always"), requirement("Q2", failed_when="always")]
    rows = [
        {"id": "D1", "versions": [version(requirements=["Q1"], mode="relied_on", when="always")]},
        {"id": "D2", "versions": [version(requirements=["Q2"], mode="by_absence", when={"definition": "home_in_good_standing"})]},
    ]
    standing = {"id": "home_in_good_standing", "versions": [version(when={"registration.home": {"is": "GB"}})]}
    answer = decide([route("R")], rules, recognitions=rows, definitions=[standing])
    assert (answer["status"], [r["id"] for r in answer["recognised"]], [r["id"] for r in answer["left_to_home"]]) == ("clear", ["Q1"], ["Q2"])


def test_an_unknown_recognition_does_not_relieve_and_its_fact_is_asked():
    row = {"id": "D", "versions": [version(requirements=["Q"], mode="relied_on", when={"c.flag": {"is": "yes"}})]}
    answer = decide([route("R")], [requirement("Q")], recognitions=[row])
    assert (statuses(answer)["Q"], [m["fact"] for m in answer["missing"]]) == (("required",), ["c.flag"])


def test_what_another_owes_after_the_trade_is_no_check():
    rules = [
        requirement("Q1", duty_on="client", due="post_trade"),
        requirement("Q2", due="post_trade"),
        requirement("Q3", duty_on="client", stops="nothing"),
        requirement("Q4", duty_on="client"),
    ]
    answer = decide([route("R")], rules)
    found = {name: [row["id"] for row in answer[name]] for name in ("checks", "duties", "others")}
    assert found == {"checks": ["Q4"], "duties": ["Q2"], "others": ["Q3", "Q1"]}
    assert answer["checks"][0]["do"] == "See that the client does this: do it"


def test_a_stop_on_settlement_leaves_the_trade_open_and_says_so():
    answer = decide([route("R")], [requirement("Q", due="post_trade", stops="settlement", failed_when="always")])
    assert (answer["status"], [c["kind"] for c in answer["caveats"]]) == ("checks_required", ["settlement_stopped"])


def test_who_owes_a_duty_decides_whether_it_stops_and_while_unknown_it_may():
    rules = [requirement("Q", duty_on="uk_firm", stops={"firm": "trade", "other": "nothing"}, failed_when="always")]
    roles = {"uk_firm": [{"when": {"c.flag": {"is": "yes"}}, "party": "firm"}, {"party": "uk_firm"}]}

    def status(facts):
        answer = decide([route("R")], rules, roles=roles, facts=facts)
        return answer["status"], [m["fact"] for m in answer["missing"]]

    assert status({}) == ("undetermined", ["c.flag"])
    assert status({"c.flag": True})[0] == "blocked"
    assert status({"c.flag": False})[0] == "checks_required"


def test_the_plan_takes_law_before_orders_before_staff_then_fewest_checks_then_id():
    rules = [requirement("Q", on_routes=["A"])]
    routes = [route("A"), route("B"), route("C"), route("S", standing="staff_position")]
    assert [row["route"] for row in decide(routes, rules)["plan"]] == ["B"]
    assert [row["route"] for row in decide(routes, rules, options={"prefer": ["S"]})["plan"]] == ["S"]


@pytest.mark.parametrize(
    ("prefer", "plan", "status"),
    [((), ["A", "F"], "clear"), (("B",), ["B", "F"], "checks_required"), (("F",), ["A", "F"], "clear"), (("A",), ["A", "F"], "clear")],
)
def test_a_plan_that_leaves_nothing_to_do_is_kept_when_a_circumstance_opens_a_route_of_better_standing(prefer, plan, status):
    routes = [route("A", standing="order"), route("B", {"c.flag": {"is": "yes"}}), route("F", leg="form")]
    rules, legs = [requirement("Q", on_routes=["B"])], {"form": {"needed_when": "always"}}
    before = decide(routes, rules, legs, options={"prefer": list(prefer)})
    assert (before["status"], sorted(row["route"] for row in before["plan"])) == ("clear", ["A", "F"])
    after = decide(routes, rules, legs, facts={"c.flag": True}, options={"prefer": list(prefer)})
    assert (after["status"], sorted(row["route"] for row in after["plan"])) == (status, plan)
    # Where something is left to do in any case, standing decides as ever.
    more = decide(routes, [*rules, requirement("P", on_routes=["F"])], legs, facts={"c.flag": True})
    assert (more["status"], sorted(row["route"] for row in more["plan"])) == ("checks_required", ["B", "F"])


def test_a_route_that_is_closed_to_two_activities_for_different_reasons_says_of_each_what_would_open_it():
    way = {"any": [{"all": [{"activity": {"is": name}}, {fact: {"is": "yes"}}]} for name, fact in (("deal", "c.flag"), ("advise", "t.flag"))]}
    both = {"transaction.activities": ["deal", "advise"], "c.flag": False, "t.flag": False}
    rows = decide([route("R", way, activities=["deal", "advise"])], facts=both)["routes"]
    found = {tuple(row["activities"]): ([why["fact"] for why in row["why"]], [term["fact"] for term in row["would_open_if"]]) for row in rows}
    assert found == {("deal",): (["c.flag"], []), ("advise",): (["t.flag"], ["t.flag"])}
    # Where the reasons are the same, one row tells both.
    same = decide([route("R", {"t.flag": {"is": "yes"}}, activities=["deal", "advise"])], facts=both)["routes"]
    assert [row["activities"] for row in same] == [["advise", "deal"]]


def test_of_exclusive_routes_one_that_leaves_nothing_to_do_is_planned_with_those_it_goes_with():
    routes = [route("A", not_with=["F"]), route("B"), route("F", leg="form"), route("G", leg="form", standing="order")]
    rules, legs = [requirement("Q", on_routes=["B"])], {"form": {"needed_when": "always"}}
    found = decide(routes, rules, legs)
    assert (found["status"], sorted(row["route"] for row in found["plan"])) == ("clear", ["A", "G"])
    alone = decide(routes[:3], rules, legs)
    assert (alone["status"], sorted(row["route"] for row in alone["plan"])) == ("checks_required", ["B", "F"])


def test_exclusive_routes_are_never_planned_together():
    routes = [route("A", not_with=["F"]), route("B", standing="order"), route("F", leg="form")]
    answer = decide(routes, legs={"form": {"needed_when": "always"}})
    assert sorted(row["route"] for row in answer["plan"]) == ["B", "F"]
    alone = decide([routes[0], routes[2]], legs={"form": {"needed_when": "always"}})
    assert (alone["status"], alone["plan"]) == ("blocked", [])


def test_a_need_that_terms_leave_open_counts_as_none_and_one_that_circumstances_leave_open_does_not():
    routes = [route("A")]
    by_term = decide(routes, legs={"form": {"needed_when": {"t.flag": {"is": "yes"}}}})
    assert (by_term["status"], [m["fact"] for m in by_term["missing"]]) == ("clear", ["t.flag"])
    unsure = decide(routes, legs={"form": {"needed_when": {"c.flag": {"is": "yes"}}}})
    assert (unsure["status"], [m["fact"] for m in unsure["missing"]]) == ("undetermined", ["c.flag"])


def test_every_activity_needs_its_own_route_and_one_not_covered_is_named():
    both = {"transaction.activities": ["deal", "advise"]}
    answer = decide([route("A")], facts=both)
    assert (answer["status"], answer["activities"]) == (
        "blocked",
        [{"activity": "advise", "status": "blocked"}, {"activity": "deal", "status": "clear"}],
    )
    partly = decide([route("A")], facts={"transaction.activities": ["deal", "keep"]})
    assert (partly["status"], partly["activities"][1]) == ("not_covered", {"activity": "keep", "status": "not_covered"})


def test_absent_activities_are_the_first_missing_fact():
    answer = decide([route("A")], options={"transaction": {}})
    assert (answer["status"], answer["missing"][0]["fact"]) == ("undetermined", "transaction.activities")


def test_staff_positions_are_evaluated_both_ways():
    routes = [route("A", {"c.flag": {"is": "yes"}}), route("S", standing="staff_position")]
    relied = decide(routes, facts={"c.flag": False})
    assert (relied["status"], [(c["kind"], c["ids"]) for c in relied["caveats"]]) == ("clear", [("staff_position", ["S"])])
    strict = decide(routes, facts={"c.flag": False}, options={"rely_on_staff_positions": False})
    assert strict["status"] == "blocked"


def test_a_strict_definition_is_false_or_open_as_it_says():
    def strict(**extra):
        definition = {"id": "d", "versions": [version(standing="staff_position", when="always", **extra)]}
        return decide([route("A", {"definition": "d"})], definitions=[definition], options={"rely_on_staff_positions": False})["status"]

    assert (strict(), strict(without="unknown")) == ("blocked", "undetermined")


def test_a_fact_asked_and_not_known_stays_missing_and_last():
    rules = [requirement("Q", applies_when={"c.wide": {"is": "yes"}})]
    answer = decide([route("R", {"c.flag": {"is": "yes"}})], rules, facts={"c.flag": {"unknown": True}})
    assert [(m["fact"], m["asked"]) for m in answer["missing"]] == [("c.wide", False), ("c.flag", True)]


def test_a_guarded_fact_is_not_asked_before_its_guard():
    answer = decide([route("R", {"c.deep": {"at_least": "1"}})])
    assert [m["fact"] for m in answer["missing"]] == ["c.flag"]


def test_a_threshold_in_another_currency_is_unknown_and_names_the_currency_wanted():
    answer = decide([route("R", {"c.size": {"exceeds": "10 USD"}})], facts={"c.size": {"amount": "99", "currency": "GBP"}})
    assert (answer["status"], answer["missing"][0]["fact"], answer["missing"][0]["currencies"]) == ("undetermined", "c.size", ["USD"])


def test_two_dates_name_what_would_change():
    later = {**version(headline="h", opens_when="never", standing="closed", activities=["deal"]), "from": "2026-12-01"}
    changing = {"id": "R", "leg": "status", "versions": [version(headline="h", opens_when="always", activities=["deal"]), later]}
    answer = decide([changing], options={"as_of": "2026-11-23"}, facts={"transaction.date": "2026-12-01"})
    assert (answer["status"], [(c["kind"], c["ids"]) for c in answer["caveats"]]) == ("clear", [("two_dates", ["R"])])
    assert answer["valid_until"] == "2026-12-01"


# -- found by review: each of these once gave a wrong answer ---------------------------------------------------------------


def both_activities(*routes, **more):
    return decide(routes, facts={"transaction.activities": ["deal", "advise"]}, **more)


def test_where_two_planned_routes_cast_a_role_differently_the_stricter_reading_stands():
    a = route("A", activities=["advise"], plays={"us_broker_dealer": "chaperone"})
    b = route("B", activities=["deal"], plays={"us_broker_dealer": "firm"})
    rule = requirement("Q", duty_on="us_broker_dealer", stops="nothing")
    for routes in ((a, b), (b, a)):
        answer = both_activities(*routes, requirements=[rule])
        assert (answer["status"], [row["id"] for row in answer["checks"]]) == ("checks_required", ["Q"])


def test_a_recognition_limited_to_one_route_does_not_cover_another():
    row = {"id": "D", "versions": [version(requirements=["Q"], mode="relied_on", when="always", on_routes=["A"])]}
    answer = both_activities(route("A", activities=["deal"]), route("B", activities=["advise"]), requirements=[requirement("Q")], recognitions=[row])
    assert (answer["status"], statuses(answer)["Q"]) == ("checks_required", ("required",))


def test_what_may_yet_fail_is_a_check_now_so_that_clear_stays_clear():
    rule = requirement("Q", due="post_trade", stops="nothing", failed_when={"c.flag": {"is": "yes"}})
    found = [decide([route("R")], [rule], facts=facts)["status"] for facts in ({}, {"c.flag": False}, {"c.flag": True})]
    assert found == ["checks_required", "clear", "checks_required"]


def test_an_answer_that_turns_on_a_staff_position_names_it_wherever_it_stands():
    definition = {"id": "d", "versions": [version(standing="staff_position", when="always")]}
    answer = decide([route("R")], [requirement("Q", failed_when={"definition": "d"})], definitions=[definition])
    assert answer["status"] == "blocked"
    assert [row["ids"] for row in answer["caveats"] if row["kind"] == "staff_position"] == [["d"]]


def test_what_decides_who_owes_a_duty_is_asked():
    rule = requirement("Q", duty_on="uk_firm", stops="nothing")
    roles = {"uk_firm": [{"when": {"c.flag": {"is": "yes"}}, "party": "firm"}, {"party": "uk_firm"}]}
    answer = decide([route("R")], [rule], roles=roles)
    assert [row["fact"] for row in answer["missing"]] == ["c.flag"]


def test_consequences_know_what_is_attested():
    answer = decide([route("R")], [requirement("Q", applies_when={"c.flag": {"is": "yes"}})], options={"attested": ["Q"]})
    assert {"if": "is yes", "then": "Q satisfied", "text": "yes"} in answer["missing"][0]["consequences"]


def test_a_further_amount_does_not_take_back_the_one_stated():
    size = {"any": [{"all": [{"c.size": {"exceeds": "5 GBP"}}, {"c.flag": {"is": "yes"}}]}, {"c.size": {"exceeds": "10 USD"}}]}
    answer = decide([route("R", size)], facts={"c.size": {"amount": "4", "currency": "GBP"}})
    (row,) = [row for row in answer["missing"] if row["fact"] == "c.size"]
    assert row["currencies"] == ["USD"]
    assert [(found["if"], found["then"]) for found in row["consequences"]] == [("is at most 10 USD", "R closed"), ("is more than 10 USD", "R open")]


# -- found by changing the code: nothing noticed ---------------------------------------------------------------------------


def test_whom_a_route_casts_in_a_role_decides_whether_a_duty_of_that_role_stops():
    rule = requirement("Q", duty_on="us_broker_dealer", stops={"firm": "trade", "other": "nothing"}, failed_when="always")
    cast = [route("R", plays={"us_broker_dealer": "firm"}), route("R", plays={"us_broker_dealer": "chaperone"}), route("R")]
    assert [decide([found], [rule])["status"] for found in cast] == ["blocked", "checks_required", "checks_required"]


def test_nothing_that_a_law_without_staff_positions_says_changes_when_none_may_be_relied_on():
    for strict in (False, True):
        assert decided([route("A")], strict=strict).status == "clear"


def test_a_decision_relies_on_staff_positions_unless_told_not_to():
    routes = [route("S", standing="staff_position")]
    law = small_law(routes).law("US", DAY)
    situation = situate(CATALOGUE, {"registration.home": "GB", "transaction.activities": frozenset({"deal"}), "transaction.date": DAY})
    assert decision.decide(law, situation, Options()).status == "clear"
    assert [decided(routes, strict=strict).status for strict in (False, True)] == ["clear", "blocked"]


def test_routes_of_two_activities_never_exclude_each_other():
    answer = both_activities(route("A", activities=["deal"], not_with=["B"]), route("B", activities=["advise"]))
    assert (answer["status"], sorted(row["route"] for row in answer["plan"])) == ("clear", ["A", "B"])


def candidates(found):
    return {(c.route.id, c.activity): c for leg in found.legs for c in leg.candidates}


def test_a_route_on_a_staff_position_is_closed_without_them_whatever_else_the_law_says():
    # Its condition has no byte in the strict reading; the last byte, that of a role, is TRUE here.
    found = decided([route("S", standing="staff_position")], roles={"uk_firm": [{"party": "firm"}]}, strict=True)
    assert (found.status, candidates(found)["S", "deal"].status) == ("blocked", "closed")


def test_while_activities_are_unknown_no_route_is_open_and_a_closed_one_stays_closed():
    routes = [route("A"), route("B", "never"), route("F", leg="form")]
    law = small_law(routes, legs={"form": {"needed_when": "always"}}).law("US", DAY)
    found = decision.decide(law, situate(CATALOGUE, {"registration.home": "GB"}), Options())
    assert {key: c.status for key, c in candidates(found).items()} == {("A", "deal"): "undetermined", ("B", "deal"): "closed", ("F", ""): "open"}
    assert (found.status, found.activities, found.activities_unknown, found.home_unknown) == ("undetermined", (), True, False)


@pytest.mark.parametrize(
    ("routes", "legs", "status"),
    [
        ([route("A", "never"), route("B", "never", activities=["advise"])], {}, "blocked"),
        ([route("A", "never"), route("B", activities=["advise"])], {}, "undetermined"),  # the firm may yet do the one that is open
        ([route("A"), route("B", activities=["advise"])], {"form": {"needed_when": "always"}}, "blocked"),
        ([route("A"), route("B", activities=["advise"])], {}, "undetermined"),
    ],
)
def test_while_activities_are_unknown_only_what_blocks_each_of_them_blocks(routes, legs, status):
    law = small_law(routes, legs=legs).law("US", DAY)
    assert decision.decide(law, situate(CATALOGUE, {"registration.home": "GB"}), Options()).status == status


def test_while_the_home_is_unknown_nothing_is_clear_and_what_is_blocked_is_blocked():
    for opens, status in (("always", "undetermined"), ("never", "blocked")):
        law = small_law([route("A", opens)]).law("US", DAY)
        found = decision.decide(law, situate(CATALOGUE, {"transaction.activities": frozenset({"deal"})}), Options())
        assert (found.status, found.home_unknown, found.activities_unknown) == (status, True, False)


def test_a_route_that_is_open_only_through_a_staff_position_counts_as_one_in_the_plan():
    definitions = [{"id": "d", "versions": [version(standing="staff_position", when="always")]}]
    routes = [route("A", {"definition": "d"}), route("B", standing="order"), route("C", standing="proposed")]
    assert [c.route.id for c in decided(routes, definitions=definitions).plan] == ["B"]
    assert [c.route.id for c in decided([routes[0], routes[2]], definitions=definitions).plan] == ["A"]
    found = decided(routes, [requirement("Q", on_routes=["B"]), requirement("P")], definitions=definitions)
    assert (found.status, found.activities, found.plan[0].route.id) == ("checks_required", (("deal", "checks_required"),), "B")


@pytest.mark.parametrize(
    ("asked", "status", "activities"),
    [
        ({"keep"}, "not_covered", (("keep", "not_covered"),)),
        ({"agree"}, "not_covered", ()),  # ancillary: asks for nothing by itself
        ({"deal", "agree"}, "blocked", (("deal", "blocked"),)),
        ({"deal", "keep"}, "blocked", (("deal", "blocked"), ("keep", "not_covered"))),
    ],
)
def test_where_no_activity_is_covered_nothing_else_is_said(asked, status, activities):
    # The leg that every transaction needs has no route: that blocks whatever is covered.
    found = decided([route("A")], legs={"form": {"needed_when": "always"}}, facts={"transaction.activities": frozenset(asked)})
    assert (found.status, found.activities) == (status, activities)


def test_each_activity_has_the_status_that_its_own_routes_and_checks_give_it():
    routes = [
        route("A", activities=["deal"]),
        route("B", {"c.flag": {"is": "yes"}}, activities=["advise"]),
        route("C", {"c.kind": {"is": "one"}}, activities=["advise"]),
    ]
    rules = [requirement("Q1", on_routes=["B", "C"]), requirement("Q2", on_routes=["A"], due="post_trade"), requirement("Q3", applies_when="never")]
    both = frozenset({"deal", "advise"})

    def statuses_of(facts, **more):
        found = decided(routes, rules, facts={"transaction.activities": both} | facts, **more)
        return found.status, dict(found.activities)

    assert statuses_of({}) == ("undetermined", {"deal": "clear", "advise": "undetermined"})
    assert statuses_of({"c.flag": True}) == ("checks_required", {"deal": "clear", "advise": "checks_required"})
    assert statuses_of({"c.flag": False, "c.kind": "two"}) == ("blocked", {"deal": "clear", "advise": "blocked"})
    alone = {"transaction.activities": frozenset({"deal", "keep"})}
    assert statuses_of(alone) == ("not_covered", {"deal": "clear", "keep": "not_covered"})
    keep = {"transaction.activities": frozenset({"deal", "advise", "keep"})}
    assert statuses_of({"c.flag": True} | keep) == ("not_covered", {"deal": "clear", "advise": "checks_required", "keep": "not_covered"})


def test_a_route_of_a_leg_that_serves_every_activity_gives_each_of_them_its_checks():
    routes = [route("A", activities=["deal"]), route("B", activities=["advise"]), route("F", leg="form")]
    facts = {"transaction.activities": frozenset({"deal", "advise"})}
    found = decided(routes, [requirement("Q", on_routes=["F"])], legs={"form": {"needed_when": "always"}}, facts=facts)
    assert found.activities == (("advise", "checks_required"), ("deal", "checks_required"))


def test_an_activity_is_judged_by_the_plan_and_not_by_what_would_be_best_for_it_alone():
    # Alone, A would seem law in force; the plan knows that it rests on staff, and takes B with its checks.
    definitions = [{"id": "d", "versions": [version(standing="staff_position", when="always")]}]
    routes = [route("A", {"definition": "d"}), route("B", standing="order"), route("C", activities=["advise"])]
    facts = {"transaction.activities": frozenset({"deal", "advise"})}
    found = decided(routes, [requirement("Q", on_routes=["B"]), requirement("P", on_routes=["A", "B"])], definitions=definitions, facts=facts)
    assert (found.status, found.activities) == ("checks_required", (("advise", "clear"), ("deal", "checks_required")))
    assert [(c.activity, c.route.id, c.outstanding) for c in found.plan] == [("advise", "C", 0), ("deal", "B", 2)]


@pytest.mark.parametrize(("prefer", "status"), [((), "clear"), (("B",), "checks_required")])
def test_where_exclusive_routes_leave_no_plan_an_activity_is_judged_by_its_own_best_routes(prefer, status):
    routes = [
        route("A", activities=["deal"], not_with=["F"]),
        route("B", activities=["advise"]),
        route("C", activities=["advise"]),
        route("F", leg="form"),
    ]
    law = small_law(routes, [requirement("Q", on_routes=["B"])], {"form": {"needed_when": "always"}}).law("US", DAY)
    facts = {"registration.home": "GB", "transaction.activities": frozenset({"deal", "advise"})}
    found = decision.decide(law, situate(CATALOGUE, facts), Options(prefer=prefer))
    assert (found.status, dict(found.activities)) == ("blocked", {"advise": status, "deal": "blocked"})


@pytest.mark.parametrize(
    ("standings", "check_on", "planned"),
    [
        (("in_force", "order", "in_force", "proposed"), [], ("B", "F")),  # order and law, rather than law and a proposal
        (("in_force", "order", "in_force", "order"), ["A"], ("B", "F")),  # as good in standing, and a check fewer
        (("in_force", "order", "in_force", "order"), ["B"], ("A", "G")),
        (("in_force", "order", "in_force", "order"), [], ("A", "G")),  # alike in all: by id
        (("in_force", "order", "in_force", "in_force"), ["A"], ("A", "G")),  # standing before checks
    ],
)
def test_of_exclusive_routes_the_best_combination_is_planned(standings, check_on, planned):
    a, b, f, g = standings
    routes = [route("A", standing=a, not_with=["F"]), route("B", standing=b), route("F", leg="form", standing=f), route("G", leg="form", standing=g)]
    rules = [requirement("Q", on_routes=check_on), requirement("P")] if check_on else []  # P: no combination leaves nothing to do
    for written in (routes, routes[::-1]):
        assert tuple(c.route.id for c in decided(written, rules, {"form": {"needed_when": "always"}}).plan) == planned


def test_a_route_that_a_scenario_adds_is_planned_before_others_unless_another_is_preferred():
    legs = decided([route("A"), route("B", standing="hypothetical"), route("C", standing="hypothetical")]).legs
    assert [c.route.id for c in best_plan(legs, (), frozenset(), None)] == ["A"]
    assert [c.route.id for c in best_plan(legs, (), frozenset({"B", "C"}), None)] == ["B"]
    assert [c.route.id for c in best_plan(legs, ("C", "A"), frozenset({"B"}), None)] == ["C"]


def test_a_leg_that_may_be_needed_and_has_no_route_leaves_the_decision_open_and_never_blocks():
    legs = {"form": {"needed_when": {"c.flag": {"is": "yes"}}}}
    for activities in ({"transaction.activities": frozenset({"deal"})}, {}):
        law = small_law([route("A")], legs=legs).law("US", DAY)
        found = decision.decide(law, situate(CATALOGUE, {"registration.home": "GB"} | activities), Options())
        assert (found.status, [leg.blocked for leg in found.legs if leg.name == "form"]) == ("undetermined", [False])
    assert [decided([route("A")], legs=legs, facts={"c.flag": flag}).status for flag in (True, False)] == ["blocked", "clear"]


def test_what_bears_on_the_plan_and_on_what_may_yet_be_in_it_is_listed():
    routes = [
        route("A"),
        route("V1", {"c.flag": {"is": "yes"}}, "venue"),
        route("V2", "never", "venue"),
        route("F1", {"c.wide": {"is": "yes"}}, "form"),
    ]
    rules = [requirement("Q1"), requirement("Q2", on_routes=["A"]), requirement("Q3", on_routes=["V1", "V2"]), requirement("Q4", on_routes=["F1"])]
    found = decided(routes, rules, {"form": {"needed_when": "always"}, "venue": {"needed_when": "always"}})
    assert found.status == "undetermined"
    assert {one.id: one.routes for one in found.items} == {"Q1": ("A", "F1", "V1"), "Q2": ("A",), "Q3": ("V1",), "Q4": ("F1",)}


def test_exclusive_routes_block_the_whole_and_not_the_activity_that_has_none():
    routes = [route("A", activities=["deal"], not_with=["F"]), route("B", activities=["advise"]), route("F", leg="form")]
    facts = {"transaction.activities": frozenset({"deal", "advise"})}
    found = decided(routes, [requirement("Q")], legs={"form": {"needed_when": "always"}}, facts=facts)
    assert (found.status, found.plan, found.activities) == ("blocked", (), (("advise", "checks_required"), ("deal", "blocked")))


def test_a_stop_on_some_routes_stops_those_and_no_others():
    rules = [requirement("Q", on_routes=["A", "C"], failed_when="always"), requirement("D", on_routes=["B"], failed_when={"c.flag": {"is": "yes"}})]
    found = candidates(decided([route("A"), route("B"), route("C", "never"), route("E")], rules))
    assert {id_: (c.status, c.live, c.dead, c.stopped_by, c.doubted_by) for (id_, _), c in found.items()} == {
        "A": ("open", False, True, ("Q",), ()),
        "B": ("open", False, False, (), ("D",)),
        "C": ("closed", False, True, (), ()),  # what is closed is stopped by nothing more
        "E": ("open", True, False, (), ()),
    }


def test_what_stops_nothing_or_settlement_alone_leaves_a_route_live():
    rules = [requirement("Q1", failed_when="always", stops="nothing"), requirement("Q2", failed_when="always", stops="settlement")]
    (found,) = candidates(decided([route("A")], rules)).values()
    assert (found.live, found.outstanding) == (True, 2)


def test_the_plan_names_the_route_of_each_leg_and_activity():
    routes = [
        route("A", activities=["deal"]),
        route("B", activities=["advise"]),
        route("F", leg="form"),
        route("V", {"c.flag": {"is": "yes"}}, "venue"),
    ]
    legs = {"form": {"needed_when": "always"}, "venue": {"needed_when": "always"}}
    found = decided(routes, legs=legs, facts={"transaction.activities": frozenset({"deal", "advise"})})
    planned = {(leg.name, leg.activity): found.planned(leg) for leg in found.legs}
    assert {key: candidate and candidate.route.id for key, candidate in planned.items()} == {
        ("status", "advise"): "B", ("status", "deal"): "A", ("form", ""): "F", ("venue", ""): None,
    }  # fmt: skip
    assert {leg.condition for leg in found.legs} == {ALWAYS}


# -- reasons, against the oracle of trying every subset ------------------------------------------------------------------


@given(seeds)
@examples(120)
def test_why_is_a_smallest_set_of_facts_that_forces_the_outcome(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    law = laws_of(maker.rulebook(), CATALOGUE).law("US", DAY)
    full = maker.facts()
    facts = dict(rng.sample(sorted(full.items(), key=lambda item: item[0]), 7))
    situation = situate(CATALOGUE, facts)
    walker = Walker(law, situation)
    for condition in law.conditions[:12]:
        code = walker.code(condition)
        if code & MUST or not code & MAY:
            reasons = walker.why(condition)
            behind = _without_what_follows({fact for reason in reasons for fact in _stated_behind(walker, reason.fact, facts)})
            assert _forces(law, {name: facts[name] for name in behind}, condition, code), (condition, behind)
            for smaller in itertools.combinations(facts, max(len(behind) - 1, 0)) if behind else ():
                assert not _forces(law, {name: facts[name] for name in smaller}, condition, code), (condition, behind, smaller)


# What answering a question says besides: that it arises. Written down here, apart from the catalogue that works it out.
PRESUPPOSED = {"p.kind": ("p.exists",), "c.inner": ("c.flag",), "c.deep": ("c.inner", "c.flag")}


def _stated_behind(walker, name, facts):
    from passport_service.conditions import Leaf

    behind = walker.facts_behind(Leaf(name, "is", None)) if name not in facts else {name}
    inferred_from = {"c.wide": ("c.narrow",), "c.narrow": ("c.wide",)}
    inferred_from |= {implied: tuple(fact for fact in PRESUPPOSED if implied in PRESUPPOSED[fact]) for implied in ("p.exists", "c.inner", "c.flag")}
    return {fact if fact in facts else next(stated for stated in inferred_from[fact] if stated in facts) for fact in behind}


def _without_what_follows(told):
    """The facts told but for those that others of them presuppose: whoever answers a question says that it arises."""
    return told - {implied for fact in told for implied in PRESUPPOSED.get(fact, ())}


def _forces(law, facts, condition, code) -> bool:
    found = Walker(law, situate(CATALOGUE, facts)).code(condition)
    return bool(found & MUST) if code & MUST else not found & MAY


# -- order ---------------------------------------------------------------------------------------------------------------


@given(seeds)
@examples(60)
def test_shuffling_rules_and_facts_changes_no_byte_of_the_answer(seed):
    rng = random.Random(seed)
    maker = Maker(rng)
    content = maker.rulebook()
    full = maker.facts()
    facts = {name: full[name] for name in rng.sample(sorted(full), len(full) // 2)} | {"registration.home": "GB"}
    shuffled = {
        **content,
        **{kind: rng.sample(content[kind], len(content[kind])) for kind in ("definitions", "routes", "requirements", "recognitions")},
    }
    one = Service(laws_of(content)).decide(_body(facts), NOW).bytes()
    items = rng.sample(sorted(facts.items(), key=lambda item: item[0]), len(facts))
    other = Service(laws_of(shuffled, catalogue(rng))).decide(_body(dict(items)), NOW).bytes()
    assert one == other


def _body(facts):
    from passport_service.proposal import as_json

    body = {"host": "US"}
    for name, value in facts.items():
        group, _, member = name.partition(".")
        body.setdefault(group, {})[member] = as_json(value)
    return body


# -- reasons by activity -----------------------------------------------------------------------------------------------------


def test_activities_that_are_closed_for_different_reasons_make_rows_of_their_own():
    opens = {
        "any": [
            {"all": [{"activity": {"is": "deal"}}, {"c.flag": {"is": "yes"}}]},
            {"all": [{"activity": {"is": "advise"}}, {"t.venue": {"is": "otc"}}]},
        ]
    }
    facts = {"transaction.activities": ["deal", "advise"], "c.flag": False, "t.venue": "floor"}
    rows = decide([route("R", opens, activities=["deal", "advise"])], facts=facts)["routes"]
    assert [(row["activities"], [why["fact"] for why in row["why"]], [one["fact"] for one in row["would_open_if"]]) for row in rows] == [
        (["advise"], ["t.venue"], ["t.venue"]),
        (["deal"], ["c.flag"], []),
    ]
    alike = decide([route("R", {"c.flag": {"is": "yes"}}, activities=["deal", "advise"])], facts=facts)["routes"]
    assert [row["activities"] for row in alike] == [["advise", "deal"]]


def test_activities_that_hang_on_different_facts_make_rows_of_their_own():
    opens = {
        "any": [
            {"all": [{"activity": {"is": "deal"}}, {"c.flag": {"is": "yes"}}]},
            {"all": [{"activity": {"is": "advise"}}, {"c.wide": {"is": "yes"}}]},
        ]
    }
    rows = decide([route("R", opens, activities=["deal", "advise"])], facts={"transaction.activities": ["deal", "advise"]})["routes"]
    assert [(row["activities"], row["missing"]) for row in rows] == [(["advise"], ["c.wide"]), (["deal"], ["c.flag"])]


def test_a_last_day_that_hangs_on_facts_says_on_the_answers_to_which_questions():
    counted = {"after": "transaction.date", "calendar": "test", "roll": "none"}
    steps = [{**counted, "days": "1", "when": {"any": [{"c.flag": {"is": "yes"}}, {"c.deep": {"exceeds": "1"}}]}}, {**counted, "days": "2"}]
    answer = decide([route("R")], [requirement("Q", deadline=steps, due="post_trade")])
    assert [row["deadline_note"] for row in answer["duties"]] == ["It depends on the answer to “Flag?”."]
    answer = decide([route("R")], [requirement("Q", deadline=steps, due="post_trade")], facts={"c.flag": False})
    assert [row["deadline"]["date"] for row in answer["duties"]] == ["2026-11-25"]


def test_a_last_day_that_a_special_case_would_change_is_told_with_that_case_where_the_law_says_so():
    def row(first, **facts):
        steps = [{**counted, "days": "1", "when": {"any": [{"x.short": {"is": "yes"}}, {"x.hit": {"is": "hit"}}]}, **first}, {**counted, "days": "2"}]
        (found,) = decide([route("R")], [requirement("Q", deadline=steps, due="post_trade")], facts=facts)["duties"]
        return found["deadline"], found["deadline_note"]

    counted, special = {"after": "transaction.date", "calendar": "test", "roll": "none"}, {"special": "yes"}
    day, _ = row(special)
    assert day["date"] == "2026-11-25" and day["rule"].endswith(". Another day counts if it is short or there is a hit.")
    day, _ = row(special, **{"x.short": False, "x.hit": "clear"})
    assert day["date"] == "2026-11-25" and "Another" not in day["rule"]
    day, _ = row(special, **{"x.short": True})
    assert day["date"] == "2026-11-24" and "Another" not in day["rule"]
    # Where it does not, the day that would be told might be too late.
    assert row({}) == (None, "It depends on the answer to “Hit?” and “Short?”.")
