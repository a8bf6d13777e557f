"""Words that people use: read where they have one meaning and told back, asked about where they have several, refused where they cannot be."""

from __future__ import annotations

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from passport_service.catalogue import read_catalogue
from passport_service.errors import ProposalError
from passport_service.openapi import EXAMPLE
from passport_service.publish import facts_schema
from passport_service.receipt import issue
from passport_service.service import open_service
from passport_service.source import Report, parse
from passport_service.verification import verify

from .shipped import CONFIG, NOW, SHIPPED
from .small_law import key_list
from .test_situation import RATIOS

CATALOGUE = SHIPPED.laws.catalogue
SCHEMA = facts_schema(CATALOGUE)
STATUS = CATALOGUE.facts["registration.status"].values


def load(**groups):
    return SHIPPED.schema.load({"host": "US", **groups})


def refused(**groups):
    with pytest.raises(ProposalError) as found:
        load(**groups)
    (problem,) = found.value.problems
    return problem


def told(proposal):
    return [one.text for one in proposal.read_as]


# -- the home registration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("home", "stated", "meant", "text"),
    [
        ("GB", "FCA", "FCA", []),
        ("GB", "F.C.A.", "FCA", ["registration.authority: “F.C.A.” was read as FCA."]),
        ("GB", "Financial Conduct Authority", "FCA", ["registration.authority: “Financial Conduct Authority” was read as FCA."]),
        (
            "GB",
            "FSA",
            "FCA",
            ["registration.authority: “FSA” was read as FCA, the successor of the Financial Services Authority since 1 April 2013."],
        ),
        ("JP", "FSA", "JFSA", ["registration.authority: “FSA” was read as JFSA."]),
        (
            "CH",
            "EBK",
            "FINMA",
            ["registration.authority: “EBK” was read as FINMA, the successor of the Swiss Federal Banking Commission since 1 January 2009."],
        ),
        ("GB", "BANANA", "BANANA", []),
        ("PH", "SEC", "SEC", []),  # the Philippines have a commission of that name, and no list here
        ("PH", "Securities and Exchange Commission", "Securities and Exchange Commission", []),
    ],
)
def test_an_authority_is_read_by_its_country(home, stated, meant, text):
    proposal = load(registration={"home": home, "authority": stated})
    assert (proposal.facts["registration.authority"], told(proposal)) == (meant, text)


def test_without_a_country_a_name_of_several_authorities_is_asked_about():
    problem = refused(registration={"authority": "FSA"})
    assert problem.pointer == "/registration/authority" and "state registration.home" in problem.detail
    assert {"FCA", "JFSA"} < set(problem.allowed)


@pytest.mark.parametrize(
    ("registration", "pointer", "says"),
    [
        (
            {"home": "GB", "authority": "SEC"},
            "/registration/authority",
            "SEC (Securities and Exchange Commission) is an authority of the United States, and registration.home is GB",
        ),
        ({"home": "US", "authority": "FCA"}, "/registration/authority", "is an authority of the United Kingdom, and registration.home is US"),
        ({"home": "US", "authority": "Financial Conduct Authority"}, "/registration/authority", "is an authority of the United Kingdom"),
        ({"home": "PH", "authority": "FCA"}, "/registration/authority", "is an authority of the United Kingdom, and registration.home is PH"),
        ({"home": "US", "authority": "FSA"}, "/registration/authority", "“FSA” is no authority of the United States"),
        ({"home": "US", "authority": "FINRA"}, "/registration/authority", "grants no registration; the authority that registers its members is SEC"),
        ({"home": "US", "authority": "NASD"}, "/registration/authority", "state that, and FINRA under registration.memberships"),
        ({"home": "US", "authority": "SEC", "kinds": ["investment_firm"]}, "/registration/kinds", "no authority of the United States grants this"),
        ({"home": "GB", "authority": "FCA", "kinds": ["investment_firm", "broker_dealer"]}, "/registration/kinds", "grants this: broker_dealer;"),
        ({"home": "US", "authority": "CFTC", "kinds": ["broker_dealer"]}, "/registration/kinds", "does not grant this: broker_dealer"),
        ({"home": "CH", "authority": "FINMA", "kinds": ["broker_dealer"]}, "/registration/kinds", "no authority of Switzerland grants this"),
    ],
)
def test_a_registration_that_cannot_be_is_refused_and_says_why(registration, pointer, says):
    problem = refused(registration=registration)
    assert problem.pointer == pointer and says in problem.detail


@pytest.mark.parametrize(
    "registration",
    [
        {"home": "US", "authority": "SEC", "kinds": ["broker_dealer", "futures_commission_merchant"]},  # registered with two authorities
        {"home": "US", "authority": "SEC", "kinds": []},
        {"home": "DE", "authority": "BaFin", "kinds": ["broker_dealer"]},  # what it grants is not listed
        {"home": "GB", "authority": "BANANA", "kinds": ["broker_dealer"]},
        {"authority": "SEC", "kinds": ["investment_firm"]},
        {"home": "GB", "authority": {"unknown": True}, "kinds": ["broker_dealer"]},
    ],
)
def test_a_registration_that_may_be_is_not_refused(registration):
    assert load(registration=registration).read_as == ()


@pytest.mark.parametrize(
    ("registration", "word", "status"),
    [
        ({"home": "US", "authority": "SEC"}, "registered", "authorised"),
        ({"home": "US", "authority": "SEC"}, "Registered", "authorised"),
        ({"home": "US"}, "registered", "authorised"),  # all its registers say so
        ({"home": "US", "authority": "SEC", "kinds": ["broker_dealer"]}, "ACTIVE", "authorised"),
        ({"home": "US", "authority": "SEC", "kinds": ["investment_adviser"]}, "APPROVED", "authorised"),
        ({"home": "GB", "authority": "FCA"}, "Authorised", "authorised"),
        ({"home": "GB", "authority": "FCA"}, "No longer authorised", "withdrawn"),
        ({"home": "GB", "authority": "FCA"}, "Unauthorised", "never_granted"),
        ({}, "active", "authorised"),
        ({}, "effective", "authorised"),
        ({}, "revoked", "cancelled"),
        ({}, "Cancelled", "cancelled"),
        ({}, "expelled", "cancelled"),
        ({}, "terminated", "withdrawn"),
        ({}, "lapsed", "withdrawn"),
        ({}, "refused", "never_granted"),
        ({}, "applied for", "pending"),
        ({"home": "GB", "authority": "BANANA"}, "revoked", "cancelled"),
    ],
)
def test_a_word_of_a_register_is_read_by_whose_register_it_is(registration, word, status):
    proposal = load(registration={**registration, "status": word})
    assert proposal.facts["registration.status"] == status
    assert told(proposal) == [f"registration.status: “{word}” was read as {status}."]


@pytest.mark.parametrize(
    ("registration", "word", "choices"),
    [
        ({"home": "GB", "authority": "FCA"}, "registered", ("authorised", "never_granted")),
        ({"home": "GB"}, "registered", ("authorised", "never_granted")),
        ({}, "registered", ("authorised", "never_granted")),
        ({"home": "GB", "authority": "BANANA"}, "registered", ("authorised", "never_granted")),
        ({"home": "GB", "authority": "FCA"}, "Appointed representative", ("never_granted", "authorised")),
        ({"home": "US", "authority": "SEC", "kinds": ["investment_adviser"]}, "ACTIVE", ("authorised", "never_granted")),
        ({}, "chartered", tuple(STATUS)),
    ],
)
def test_a_word_that_may_say_several_things_of_a_registration_is_asked_about_and_nothing_is_suggested(registration, word, choices):
    problem = refused(registration={**registration, "status": word})
    assert (problem.pointer, problem.allowed, problem.did_you_mean) == ("/registration/status", choices, None)
    assert f"“{word}” may mean " in problem.detail


def test_all_that_is_wrong_with_a_registration_is_told_at_once():
    with pytest.raises(ProposalError) as found:
        load(registration={"home": "GB", "authority": "FCA", "kinds": ["broker_dealer"], "status": "registered"})
    assert [problem.pointer for problem in found.value.problems] == ["/registration/kinds", "/registration/status"]


# -- every word of the catalogue ----------------------------------------------------------------------------------------


def body_of(fact, value):
    group, _, member = fact.name.partition(".")
    return {group: {member: [value] if fact.type == "set" else value}}


WORDED = [fact for fact in CATALOGUE.given() if fact.words.synonyms]


def validator(fact):
    group, _, member = fact.name.partition(".")
    return Draft202012Validator({**SCHEMA["properties"][group]["properties"][member], "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize("fact", WORDED, ids=lambda fact: fact.name)
def test_every_synonym_is_read_told_back_and_described(fact):
    schema = validator(fact)
    for word, value in fact.words.synonyms.items():
        stated = body_of(fact, word)
        try:
            facts, _, _ = SHIPPED.schema.read({"host": "US", **stated})
        except ProposalError as error:  # a form of it that some other rule forbids is not the word's fault
            raise AssertionError((word, error)) from None
        assert facts[fact.name] == (frozenset([value]) if fact.type == "set" else value), word
        assert schema.is_valid([word] if fact.type == "set" else word), word


@pytest.mark.parametrize("fact", [fact for fact in CATALOGUE.given() if fact.words.ambiguous], ids=lambda fact: fact.name)
def test_every_word_of_several_meanings_is_refused_with_the_choices_and_not_described(fact):
    schema = validator(fact)
    for word, found in fact.words.ambiguous.items():
        problem = refused(**body_of(fact, word))
        assert problem.allowed == found.may_mean and problem.did_you_mean is None and found.because in problem.detail
        assert not schema.is_valid([word] if fact.type == "set" else word) or fact.type == "code" or fact.open, word


def test_every_word_that_a_register_uses_for_one_thing_is_described():
    schema = validator(CATALOGUE.facts["registration.status"])
    assert all(schema.is_valid(word) for word in CATALOGUE.authorities.status_synonyms)
    assert not schema.is_valid("banana") and not schema.is_valid("exempt")


@pytest.mark.parametrize(
    ("groups", "choices"),
    [
        ({"client": {"kind": "hedge_fund"}}, ("private_fund", "registered_adviser", "unregistered_adviser")),
        ({"client": {"kind": "hedge fund"}}, ("private_fund", "registered_adviser", "unregistered_adviser")),
        ({"settlement": {"asset": "stablecoin"}}, ("uk_stablecoin", "us_payment_stablecoin", "other_stablecoin")),
        ({"settlement": {"asset": "USDC"}}, ("us_payment_stablecoin", "other_stablecoin")),
        ({"client": {"category": "professional"}}, ("per_se_professional", "elective_professional")),
    ],
)
def test_a_word_whose_meanings_the_law_tells_apart_is_asked_about(groups, choices):
    assert refused(**groups).allowed == choices


@pytest.mark.parametrize(
    ("groups", "name", "value"),
    [
        ({"client": {"kind": "pension fund"}}, "client.kind", "pension_plan"),
        ({"client": {"location": "UK"}}, "client.location", "GB"),
        ({"registration": {"home": "USA"}}, "registration.home", "US"),
        ({"transaction": {"activities": ["Dealing in investments as principal", "research"]}}, "transaction.activities", {"deal_as_principal", "publish_research"}),
        ({"registration": {"memberships": ["NASD", "XNYS"]}}, "registration.memberships", {"FINRA", "XNYS"}),
        ({"client": {"tax_form": "W-8BEN-E"}}, "client.tax_form", "w_8ben_e"),
    ],
)  # fmt: skip
def test_ordinary_words_are_read(groups, name, value):
    proposal = load(**groups)
    assert proposal.facts[name] == value and {one.fact for one in proposal.read_as} == {name}


def test_a_code_is_exact_and_so_is_the_host():
    assert "ISO 3166" in refused(client={"location": "gb"}).detail
    with pytest.raises(ProposalError, match="did you mean GB"):
        SHIPPED.schema.load({"host": "UK"})


def test_two_words_for_one_value_are_one_member_of_a_set_and_both_are_told_back():
    proposal = load(registration={"kinds": ["mifid_firm", "investment firm", "investment_firm"]})
    assert proposal.facts["registration.kinds"] == {"investment_firm"}
    assert [one.word for one in proposal.read_as] == ["investment firm", "mifid_firm"]
    assert "stands twice" in refused(registration={"kinds": ["mifid_firm", "mifid_firm"]}).detail


# -- told back, and the address of the answer -----------------------------------------------------------------------------

WORDY = copy.deepcopy(EXAMPLE)
WORDY["registration"] |= {"home": "UK", "authority": "FSA", "status": "Authorised", "kinds": ["mifid_firm"]}
WORDY["client"] |= {"kind": "insurer"}


def test_the_answer_tells_back_how_it_read_each_word():
    answer = SHIPPED.decide(WORDY, NOW).body
    assert [(row["text"], row["ids"]) for row in answer["caveats"] if row["kind"] == "read_as"] == [
        ("client.kind: “insurer” was read as insurance_company.", ["client.kind"]),
        ("registration.authority: “FSA” was read as FCA, the successor of the Financial Services Authority since 1 April 2013.", ["registration.authority"]),
        ("registration.home: “UK” was read as GB.", ["registration.home"]),
        ("registration.kinds: “mifid_firm” was read as investment_firm.", ["registration.kinds"]),
        ("registration.status: “Authorised” was read as authorised.", ["registration.status"]),
    ]  # fmt: skip


def test_other_words_for_the_same_thing_give_the_same_answer_at_an_address_of_its_own():
    plain, wordy = SHIPPED.decide(EXAMPLE, NOW), SHIPPED.decide(WORDY, NOW)
    assert plain.id != wordy.id
    left_out = ("id", "caveats")
    assert {name: value for name, value in plain.body.items() if name not in left_out} == {
        name: value for name, value in wordy.body.items() if name not in left_out
    }


def test_a_proposal_as_understood_gives_the_same_answer_again():
    bodies = [WORDY, EXAMPLE, {**WORDY, "registration": {**WORDY["registration"], "authority": "BANANA", "kinds": ["MTF", "mifid_firm"]}}]
    for body in bodies:
        again = SHIPPED.schema.load(body).body()
        assert SHIPPED.decide(again, NOW).bytes() == SHIPPED.decide(body, NOW).bytes()
        assert SHIPPED.schema.load(again).body() == again


def test_what_does_not_cover_a_question_tells_the_words_back_as_well():
    answer = SHIPPED.decide({"host": "FR", "client": {"kind": "insurer"}}, NOW).body
    assert answer["status"] == "not_covered" and [row["kind"] for row in answer["caveats"]] == ["not_covered", "read_as"]


@pytest.mark.parametrize("body", [EXAMPLE, WORDY], ids=["plain", "wordy"])
def test_a_receipt_of_what_was_asked_in_words_verifies_and_replays(body):
    service, keys = open_service(CONFIG), key_list(NOW)
    receipt = issue(service, keys, body, NOW)
    found = verify(receipt.compact(), keys, service, NOW)
    assert found.verified, found.stopped_at
    assert receipt.payload["proposal"]["registration"]["authority"] == body["registration"]["authority"]


# -- mistakes in the catalogue's words ----------------------------------------------------------------------------------

FACTS = (
    RATIOS.replace("values: {deal: deal}}", "values: {deal: deal, advise: advise}, %s}")
    + """
countries: {synonyms: {GB: [UK]}}
"""
)


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        ("synonyms: {deal: [trade]}", []),
        ("synonyms: {deal: [trade]}, ambiguous: [{words: [act], may_mean: [deal, advise], because: either}]", []),
        ("synonyms: {sell: [trade]}", ["synonyms.sell: unknown value 'sell'; known: deal, advise"]),
        ("synonyms: {deal: [advise]}", ["synonyms.deal[0]: 'advise' is a value itself and needs no other meaning"]),
        ("synonyms: {deal: [act], advise: [act]}", ["synonyms.advise[0]: 'act' stands here twice; a word has one meaning, or several in one place"]),
        ("synonyms: {deal: []}", ["synonyms.deal: an empty list says nothing; write it out or leave it out"]),
        ("ambiguous: [{words: [act], may_mean: [deal, advise]}]", ["ambiguous[0]: missing 'because'"]),
        ("ambiguous: [{words: [act], may_mean: [sell], because: x}]", ["ambiguous[0].may_mean[0]: unknown value 'sell'; known: deal, advise"]),
        ("words_of: g.nothing", ["words_of: unknown fact 'g.nothing'"]),
        ("words_of: g.held", ["words_of: transaction.activities and g.held have no value in common"]),
    ],
)
def test_a_mistake_in_the_words_of_a_fact_is_told_at_its_place(words, problems):
    report = Report()
    read_catalogue(parse(FACTS % words, "facts.yaml", report), {}, report)
    found = [f"{problem.path.removeprefix('facts.transaction.activities.')}: {problem.detail}" for problem in report.problems]
    assert len(found) == len(problems) and all(one.startswith(other) for one, other in zip(found, problems, strict=True)), found


def test_a_number_has_no_words_for_its_values():
    report = Report()
    text = (FACTS % "synonyms: {deal: [trade]}").replace("unit: pieces, question: 'Held?'", "unit: pieces, question: 'Held?', synonyms: {one: [a]}")
    read_catalogue(parse(text, "facts.yaml", report), {}, report)
    assert [problem.detail for problem in report.problems] == ["a fact of type integer has no words for its values"]


def test_the_schema_of_a_whole_proposal_takes_the_words_too():
    whole = {name: value for name, value in WORDY.items() if isinstance(value, dict)}
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(json.dumps(whole)))) == []
