"""How a requirement stands, who owes it, and in which list of the answer: on small law written out here."""

from __future__ import annotations

import pytest

from .test_decision import decide, decided, requirement, route, version

FIRM_OR_OTHER = {"firm": "trade", "other": "nothing"}


def recognition(mode="relied_on", when="always", **more):
    return {"id": "D", "versions": [version(requirements=["Q"], mode=mode, when=when, **more)]}


def item(*args, **more):
    """The requirement Q as it stands."""
    return decided(*args, **more).listed.by_id["Q"]


# -- recognitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("on_routes", "status", "counted"), [(["A"], "recognised", 0), (["B"], "required", 1), (["A", "B"], "recognised", 0)])
def test_a_recognition_of_a_route_counts_where_that_route_is_planned(on_routes, status, counted):
    routes = [route("A"), route("B", "never")]
    answer = decided(routes, [requirement("Q")], recognitions=[recognition(on_routes=on_routes)])
    assert answer.listed.by_id["Q"].status == status
    assert [candidate.outstanding for candidate in answer.plan] == [counted]


def test_a_recognition_of_one_route_does_not_count_where_no_route_is_in_question():
    found = decided([route("A", "never")], [requirement("Q")], recognitions=[recognition(on_routes=["A"])])
    assert (found.status, found.listed.by_id["Q"].status, found.listed.by_id["Q"].routes) == ("blocked", "required", ())


def test_where_no_route_is_in_question_a_duty_is_listed_all_the_same_with_who_owes_it():
    found = decided(
        [route("A", "never")], [requirement("Q1", failed_when="always"), requirement("Q2", duty_on="client"), requirement("Q3", on_routes=["A"])]
    )
    assert [(one.id, one.status, one.party) for one in found.items] == [("Q1", "failed", "firm"), ("Q2", "required", "client")]


def test_the_review_days_are_those_of_all_that_is_listed_and_of_what_it_reads():
    def reviewed(day):
        return {"provenance": {"read": "secondary", "confidence": "5", "reviewed_on": day}}

    found = decided(
        [route("A"), route("B", "never")],
        [requirement("Q1", **reviewed("2026-11-01")), requirement("Q"), requirement("Q2", on_routes=["B"], **reviewed("2026-11-02"))],
        recognitions=[recognition(**reviewed("2026-11-03"))],
        definitions=[{"id": "d", "versions": [version(when="always", **reviewed("2026-11-04"))]}],
        notices=[{"id": "N", "versions": [version(when="always", **reviewed("2026-11-05"))]}],
    )
    assert [day.isoformat() for day in found.listed.listing.review_days] == ["2027-05-01", "2027-05-03", "2027-05-04", "2027-05-05", "2027-05-22"]


STANDING = {"id": "home_in_good_standing", "versions": [version(when={"registration.home": {"is": "GB"}})]}
IN_STANDING = {"definition": STANDING["id"]}


@pytest.mark.parametrize(("mode", "status"), [("relied_on", "recognised"), ("replaced", "recognised"), ("by_absence", "left_to_home")])
def test_a_mode_of_recognition_has_a_status_of_its_own(mode, status):
    found = item([route("R")], [requirement("Q")], recognitions=[recognition(mode, IN_STANDING)], definitions=[STANDING])
    assert found.status == status


def test_of_two_modes_recognition_counts_before_absence():
    rows = [recognition("by_absence", IN_STANDING), {**recognition(), "id": "E"}]
    assert item([route("R")], [requirement("Q")], recognitions=rows, definitions=[STANDING]).status == "recognised"


# -- statuses, first match wins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "facts", "attested", "status"),
    [
        ({"applies_when": "never"}, {}, ("Q",), "not_required"),
        ({"applies_when": {"x.short": {"is": "yes"}}}, {}, ("Q",), "only_if"),
        ({"applies_when": {"c.flag": {"is": "yes"}}}, {}, ("Q",), "undetermined"),
        ({"failed_when": {"c.flag": {"is": "yes"}}}, {}, ("Q",), "undetermined"),
        ({"failed_when": {"c.flag": {"is": "yes"}}}, {"c.flag": True}, ("Q",), "failed"),
        ({"failed_when": {"c.flag": {"is": "yes"}}}, {"c.flag": False}, ("Q",), "satisfied"),
        ({"failed_when": {"c.flag": {"is": "yes"}}}, {"c.flag": False}, (), "required"),
        ({"failed_when": {"t.flag": {"is": "yes"}}}, {}, (), "required"),
        ({"failed_when": {"t.flag": {"is": "yes"}}}, {"t.flag": True}, (), "failed"),
        ({"satisfied_when": {"a.signed": {"is": "yes"}}}, {}, (), "required"),
        ({"satisfied_when": {"a.signed": {"is": "yes"}}}, {"a.signed": True}, (), "satisfied"),
        ({}, {}, ("Other",), "required"),
    ],
)
def test_the_status_of_a_requirement_is_the_first_that_matches(own, facts, attested, status):
    rules = [requirement("Q", **own), requirement("Other")]
    assert item([route("R")], rules, facts=facts, attested=frozenset(attested)).status == status


@pytest.mark.parametrize(
    ("stops", "failed_when", "special"),
    [
        ("trade", {"x.short": {"is": "yes"}}, True),
        ("settlement", {"x.short": {"is": "yes"}}, True),
        ("nothing", {"x.short": {"is": "yes"}}, True),  # it stops nothing, and what fails is a check all the same
        ("trade", {"c.flag": {"is": "yes"}}, False),  # undetermined: asked
        ("trade", "always", False),
        ("trade", {"any": [{"x.short": {"is": "yes"}}, {"c.flag": {"is": "yes"}}]}, False),
        ("trade", {"t.flag": {"is": "yes"}}, False),  # the firm's own choice
    ],
)
def test_a_special_stop_is_one_that_a_special_case_alone_decides(stops, failed_when, special):
    rule = requirement("Q", stops=stops, failed_when=failed_when)
    assert item([route("R")], [rule]).special_stop is special
    listed = [row["id"] for row in decide([route("R")], [rule])["only_if"]]
    assert listed == (["Q"] if special else [])


def test_a_requirement_that_cannot_fail_has_no_stop():
    found = item([route("R")], [requirement("Q")])
    assert (found.may_fail, found.special_stop) == (False, False)


# -- who owes it -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "party", "stops"),
    [
        ({}, "firm", "trade"),
        ({"c.kind": "one"}, "client", "nothing"),
        ({"c.kind": "two"}, "issuer", "nothing"),
        ({"c.kind": "three"}, "firm", "trade"),
    ],
)
def test_while_nobody_can_say_who_owes_a_duty_it_is_listed_as_the_firms(facts, party, stops):
    roles = {
        "seller": [{"when": {"c.kind": {"is": "one"}}, "party": "client"}, {"when": {"c.kind": {"is": "two"}}, "party": "issuer"}, {"party": "firm"}]
    }
    found = item([route("R")], [requirement("Q", duty_on="seller", stops=FIRM_OR_OTHER)], roles=roles, facts=facts)
    assert (found.party, found.stops) == (party, stops)


def test_two_others_who_may_owe_a_duty_make_it_the_firms_until_one_does():
    roles = {"seller": [{"when": {"c.flag": {"is": "yes"}}, "party": "client"}, {"party": "issuer"}]}
    rule = requirement("Q", duty_on="seller", stops=FIRM_OR_OTHER)
    found = [item([route("R")], [rule], roles=roles, facts=facts) for facts in ({}, {"c.flag": True}, {"c.flag": False})]
    assert [(one.party, one.stops, sorted(one.may_stop)) for one in found] == [
        ("firm", "trade", ["nothing"]),
        ("client", "nothing", ["nothing"]),
        ("issuer", "nothing", ["nothing"]),
    ]


def test_a_role_that_the_facts_give_to_nobody_is_the_firms():
    roles = {"seller": [{"when": {"c.flag": {"is": "yes"}}, "party": "client"}]}
    rule = requirement("Q", duty_on="seller", stops=FIRM_OR_OTHER)
    found = [item([route("R")], [rule], roles=roles, facts=facts) for facts in ({}, {"c.flag": True}, {"c.flag": False})]
    assert [(one.party, one.stops, sorted(one.may_stop)) for one in found] == [
        ("firm", "trade", ["nothing", "trade"]),
        ("client", "nothing", ["nothing"]),
        ("firm", "trade", ["trade"]),
    ]


def test_a_route_casts_a_role_whatever_the_facts_say():
    roles = {"us_broker_dealer": [{"party": "firm"}]}
    rule = requirement("Q", duty_on="us_broker_dealer", stops=FIRM_OR_OTHER)
    found = [item([one], [rule], roles=roles) for one in (route("R"), route("R", plays={"us_broker_dealer": "chaperone"}))]
    assert [(one.party, one.stops, sorted(one.may_stop)) for one in found] == [("firm", "trade", ["trade"]), ("chaperone", "nothing", ["nothing"])]


def test_a_duty_of_a_party_is_that_partys():
    assert [item([route("R")], [requirement("Q", duty_on=party)]).party for party in ("firm", "client", "issuer")] == ["firm", "client", "issuer"]


# -- what is a check, and where it stands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "section"),
    [
        ({"due": "pre_contact"}, "checks"),
        ({"due": "onboarding"}, "checks"),
        ({"due": "at_trade"}, "checks"),
        ({"due": "settlement"}, "duties"),
        ({"due": "periodic", "duty_on": "client"}, "others"),
        ({"duty_on": "client"}, "checks"),
        ({"duty_on": "client", "stops": "settlement"}, "others"),
        ({"duty_on": "client", "stops": "nothing"}, "others"),
        ({"stops": "nothing"}, "checks"),
        ({"due": "post_trade", "duty_on": "client", "failed_when": "always", "stops": "nothing"}, "checks"),
        ({"due": "post_trade", "duty_on": "client", "failed_when": {"c.flag": {"is": "yes"}}, "stops": "nothing"}, "checks"),
        ({"due": "post_trade", "applies_when": {"c.flag": {"is": "yes"}}}, "duties"),
        ({"applies_when": {"c.flag": {"is": "yes"}}}, "checks"),
        ({"applies_when": {"x.short": {"is": "yes"}}}, "only_if"),
        ({"applies_when": "never"}, "not_required"),
        ({"satisfied_when": "always"}, "satisfied"),
    ],
)
def test_a_requirement_stands_in_one_list(own, section):
    found = decided([route("R")], [requirement("Q", **own)])
    assert {name: [one.id for one in items] for name, items in found.listed.sections.items() if items} == {section: ["Q"]}
    (one,) = found.items
    assert one.is_check is (section == "checks")
    assert one.outstanding is (section in ("checks", "duties", "others"))
    assert found.status == ("checks_required" if section == "checks" else "clear")
    assert found.plan[0].outstanding == (section == "checks")
    assert [kept.id for kept in found.listed.outstanding] == (["Q"] if one.outstanding else [])
    assert [kept.id for kept in found.listed.undetermined] == (["Q"] if one.status == "undetermined" else [])


def test_the_lists_of_the_answer_are_these():
    assert list(decided([route("R")]).listed.sections) == [
        "checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if", "not_required",
    ]  # fmt: skip


def test_requirements_are_listed_as_they_fall_due_and_then_by_id():
    dues = {"Q1": "event", "Q2": "pre_trade", "Q3": "pre_contact", "Q4": "periodic", "Q5": "settlement", "Q6": "pre_contact", "Q7": "at_trade"}
    found = decided([route("R")], [requirement(id_, due=due) for id_, due in reversed(dues.items())])
    assert [one.id for one in found.items] == ["Q3", "Q6", "Q2", "Q7", "Q5", "Q4", "Q1"]


def test_only_what_bears_on_the_plan_is_listed_and_the_rest_is_not_required():
    rules = [
        requirement("Q1"),
        requirement("Q2", on_routes=["A"]),
        requirement("Q3", on_routes=["B"], due="post_trade"),
        requirement("Q4", applies_when="never"),
        requirement("Q5", on_routes=["C"]),
    ]
    found = decided([route("A"), route("B", "never"), route("C", "never")], rules)
    assert {one.id: one.routes for one in found.items} == {"Q1": ("A",), "Q2": ("A",), "Q4": ("A",)}
    assert found.listed.not_required == ["Q3", "Q4", "Q5"]


def test_the_counts_are_of_all_requirements_and_say_who_owes_what_remains():
    rules = [
        requirement("Q1"),
        requirement("Q2", duty_on="client"),
        requirement("Q3", duty_on="client", due="post_trade"),
        requirement("Q4", on_routes=["B"]),
        requirement("Q5", applies_when="never"),
        requirement("Q6", satisfied_when="always"),
        requirement("Q7", failed_when={"c.flag": {"is": "yes"}}, stops="nothing"),
        requirement("Q8", applies_when={"x.short": {"is": "yes"}}),
        requirement("Q9", failed_when="always", stops="nothing"),
    ]
    found = decided([route("A"), route("B", "never")], rules)
    assert found.listed.counts == {
        "requirements": 9, "not_required": 2, "only_if": 1, "undetermined": 1, "recognised": 0, "left_to_home": 0, "failed": 1, "satisfied": 1,
        "required": 3, "by_party": {"client": 2, "firm": 3},
    }  # fmt: skip
    assert list(found.listed.counts["by_party"]) == ["client", "firm"]


def test_a_route_counts_the_checks_that_bear_on_it():
    rules = [
        requirement("Q1"),
        requirement("Q2", on_routes=["A"]),
        requirement("Q3", on_routes=["A", "B"], applies_when="never"),
        requirement("Q4", due="post_trade"),
        requirement("Q5", on_routes=["B"], duty_on="us_broker_dealer", stops=FIRM_OR_OTHER),
    ]
    routes = [route("A"), route("B", plays={"us_broker_dealer": "firm"}), route("C"), route("D", "never")]
    found = decided(routes, rules)
    assert {c.route.id: c.outstanding for leg in found.legs for c in leg.candidates} == {"A": 2, "B": 2, "C": 1, "D": 0}
    assert [c.route.id for c in found.plan] == ["C"]


def test_a_failure_on_a_role_that_two_routes_cast_differently_is_that_of_the_stricter():
    a = route("A", activities=["advise"], plays={"us_broker_dealer": "chaperone"})
    b = route("B", activities=["deal"], plays={"us_broker_dealer": "firm"})
    rule = requirement("Q", duty_on="us_broker_dealer", stops={"firm": "settlement", "other": "nothing"}, due="post_trade")
    for routes in ((a, b), (b, a)):
        found = item(routes, [rule], facts={"transaction.activities": frozenset({"deal", "advise"})})
        assert (found.party, found.stops, sorted(found.may_stop), found.routes) == ("firm", "settlement", ["nothing", "settlement"], ("A", "B"))


@pytest.mark.parametrize("due", ["pre_trade", "post_trade"])
def test_where_two_routes_cast_a_role_as_the_firm_and_as_another_the_firm_owes_the_duty(due):
    a = route("A", activities=["advise"], plays={"us_broker_dealer": "issuer"})
    b = route("B", activities=["deal"], plays={"us_broker_dealer": "firm"})
    found = item([a, b], [requirement("Q", duty_on="us_broker_dealer", due=due)], facts={"transaction.activities": frozenset({"deal", "advise"})})
    assert (found.party, found.is_check, found.routes) == ("firm", due == "pre_trade", ("A", "B"))
