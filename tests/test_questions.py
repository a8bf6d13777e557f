"""Which questions are asked, in which order, and how many an officer answers before the way is settled."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from passport_service import questions
from passport_service.facts import ACTIVITIES
from passport_service.journey import UNKNOWN, Journey

from .shipped import NOW, SHIPPED

CATALOGUE = SHIPPED.laws.catalogue
MOST = 15
PACK = re.compile(r"(US|UK)-C\d+[a-z]?", re.ASCII)  # the worked cases of the two packs, without their variants


def decide(journey):
    return SHIPPED.decide(journey.body, NOW).body


def settled_cases():
    cases = [case for id_, case in SHIPPED.case_ids.items() if PACK.fullmatch(id_)]
    return [case for case in cases if decide(Journey(case.proposal))["status"] in ("clear", "checks_required", "blocked")]


def from_the_start_page(case) -> tuple[Journey, int]:
    """The journey after the first page, answered with what the case says, and how many questions were answered there."""
    whole = Journey(case.proposal)
    answers = {name: value for name, value in whole.facts().items() if name in CATALOGUE.start}
    if "client.kind" not in answers and whole.facts().get("client.exists") is False:
        answers["client.exists"] = False  # the first page offers it beside the kinds of client
    return Journey(whole.options()).answered(SHIPPED.schema, answers), 1 + len(answers)


def to_a_settled_route(case) -> tuple[int, int, int, str]:
    """Answers as an officer who knows what the case says and nothing else. Shapes: on the first page, after it, pages, status."""
    journey, first = from_the_start_page(case)
    facts, after, pages = Journey(case.proposal).facts(), 0, 0
    while (body := decide(journey))["status"] == "undetermined" and (rows := questions.page(body, CATALOGUE)):
        pages += 1
        answers = {row["fact"]: facts.get(row["fact"], UNKNOWN) for row in rows}
        assert not answers.keys() & journey.facts().keys(), "nothing is asked twice"
        journey, after = journey.answered(SHIPPED.schema, answers), after + len(answers)
        assert after < 60
    return first, after, pages, body["status"]


def test_from_the_start_page_to_a_settled_route_takes_at_most_fifteen_answered_questions(capsys):
    cases = settled_cases()
    rows = [(case.id, *to_a_settled_route(case)) for case in cases]
    with capsys.disabled():
        print(f"\n{'case':10} {'first page':>10} {'then':>5} {'pages':>6}  settled as")
        for id_, first, after, pages, status in rows:
            print(f"{id_:10} {first:>10} {after:>5} {pages:>6}  {status}")
        print(
            f"{len(rows)} settled cases; at most {max(row[2] for row in rows)} questions after the first page, {sum(row[2] for row in rows) / len(rows):.1f} in the mean"
        )
    assert len(rows) >= 20
    assert {id_: after for id_, _, after, _, _ in rows if after > MOST} == {}
    assert {id_ for id_, _, _, _, status in rows if status == "undetermined"} == set()


def test_what_was_answered_with_i_do_not_know_is_not_asked_again():
    journey, _ = from_the_start_page(SHIPPED.case_ids["US-C03"])
    name = questions.page(decide(journey), CATALOGUE)[0]["fact"]
    journey = journey.answered(SHIPPED.schema, {name: UNKNOWN})
    assert name not in [row["fact"] for row in questions.to_ask(decide(journey), CATALOGUE)]
    assert name in [row["fact"] for row in decide(journey)["missing"] if row["asked"]]


def test_evidence_is_never_asked_for_as_a_question():
    for case in settled_cases():
        for row in questions.to_ask(decide(Journey(case.proposal)), CATALOGUE):
            assert CATALOGUE.facts[row["fact"]].klass != "arrangement"


def test_a_page_asks_a_few_questions_of_one_group_and_none_that_hangs_on_another_of_them():
    for case in settled_cases():
        journey, _ = from_the_start_page(case)
        rows = questions.page(decide(journey), CATALOGUE)
        names = [row["fact"] for row in rows]
        assert len(names) <= questions.TOGETHER and len({name.partition(".")[0] for name in names}) <= 1
        for one in names:
            guards, _ = CATALOGUE.following(one)
            assert not {name for guard in guards for name in guard.facts} & set(names)


def test_activities_are_asked_first_because_they_say_which_routes_there_are():
    body = decide(Journey({"host": "US", "registration": {"home": "GB"}}))
    assert questions.page(body, CATALOGUE)[0]["fact"] == ACTIVITIES


def test_counsels_view_is_asked_after_what_an_officer_can_look_up():
    for case in settled_cases():
        journey, _ = from_the_start_page(case)
        rows = [row for row in questions.to_ask(decide(journey), CATALOGUE) if row["settles_what"] == "status"]
        if rows and any(CATALOGUE.facts[row["fact"]].open_point is None for row in rows):
            assert CATALOGUE.facts[rows[0]["fact"]].open_point is None, case.id


# -- reading a form -------------------------------------------------------------------------------------------------------


def read(name, *texts, **more):
    return questions.read_answers(CATALOGUE, [name], {name: list(texts), **more})


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("client.solicited", ["yes"], True),
        ("client.solicited", ["no"], False),
        ("client.solicited", ["?"], {"unknown": True}),
        ("client.kind", ["bank"], "bank"),
        ("client.location", ["US"], "US"),
        ("firm.host_status", ["[]"], []),
        ("firm.host_status", ["ats", "broker_dealer"], ["ats", "broker_dealer"]),
        ("registration.memberships", ["FINRA, SIPC"], ["FINRA", "SIPC"]),
        ("transaction.date", [" 2026-12-01 "], "2026-12-01"),
        ("settlement.cycle_days", ["1"], 1),
        ("settlement.cycle_days", ["1,000"], 1000),
    ],
)
def test_an_answer_becomes_the_json_that_the_api_takes(name, texts, value):
    found = read(name, *texts)
    assert (found.given, found.problems) == ({name: value}, [])


def test_an_empty_field_is_no_answer():
    found = read("client.kind", "", " ")
    assert (found.given, found.blank, found.problems) == ({}, ["client.kind"], [])


def test_amounts_may_be_grouped_as_people_write_them_and_keep_their_currencies():
    found = read("client.total_assets", "40,000,000", "30 000.50", **{"client.total_assets:currency": ["USD", "GBP"]})
    assert found.given == {"client.total_assets": [{"amount": "40000000", "currency": "USD"}, {"amount": "30000.50", "currency": "GBP"}]}


def test_an_ambiguous_number_is_refused_and_not_guessed():
    found = read("client.total_assets", "40.000,00", **{"client.total_assets:currency": ["EUR"]})
    assert found.given == {"client.total_assets": {"amount": "40.000,00", "currency": "EUR"}}  # the schema refuses it
    with pytest.raises(Exception, match="not a plain decimal number"):
        SHIPPED.schema.load({"host": "US", "client": {"total_assets": found.given["client.total_assets"]}})


@pytest.mark.parametrize(
    ("name", "texts", "says"),
    [
        ("firm.host_status", ["[]", "ats"], "choose one"),
        ("firm.host_status", ["?", "ats"], "choose one"),
        ("settlement.cycle_days", ["soon"], "whole number"),
        ("client.total_assets", ["5"], "currency"),
    ],
)
def test_an_answer_that_says_two_things_or_none_is_told_in_words(name, texts, says):
    found = read(name, *texts)
    assert says in found.problems[0].detail and found.given == {} and found.typed[name] == texts


def test_no_client_is_an_answer_where_the_client_is_asked_about():
    assert read("client.kind", "-").given == {"client.exists": False}


def test_every_type_of_fact_has_a_field():
    from passport_service.catalogue import TYPES

    asked = {questions.Question(replace(fact)).fact.type for fact in CATALOGUE.given()}
    assert asked <= set(TYPES)
