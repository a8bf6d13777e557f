"""The authorities by country: who goes by which name, what cannot be, and every mistake in the file at its place."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from passport_service import bundle, laws
from passport_service.authorities import read_authorities
from passport_service.errors import LawError
from passport_service.source import AUTHORITIES, Report, parse, read_files

from .shipped import CONFIG, NOW, SHIPPED
from .small_law import TEXTS

OURS = SHIPPED.laws.catalogue.authorities
FILES = sorted((Path(__file__).parent / "broken_authorities").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_mistake_is_told_at_its_place(path):
    expected, _, text = path.read_text().partition("\n")
    report = Report()
    node = parse(text, AUTHORITIES, report)
    if not report.problems:
        read_authorities(node, SHIPPED.laws.catalogue.facts, report)
    assert [f"# {found.line}:{found.column} {found.path or '(top)'}: {found.detail}" for found in report.problems] == [expected]


def test_there_are_enough_of_them():
    assert len(FILES) >= 15


@pytest.mark.parametrize("country", ["GB", "US", "CH"])
def test_of_the_markets_of_this_service_it_is_known_what_each_authority_grants(country):
    granted = {id_: OURS.of(country)[id_].grants for id_ in OURS.registering(country)}
    assert granted and all(granted.values()), granted


def test_every_kind_of_registration_that_is_peculiar_to_a_country_is_granted_by_somebody():
    everywhere = {"issuer"}  # nobody grants it everywhere, and some do
    kinds = SHIPPED.laws.catalogue.facts["registration.kinds"].values
    assert set(kinds) - everywhere <= {kind for authority in OURS for kind in authority.grants or ()}


def test_every_authority_has_a_source_and_honest_provenance():
    for authority in OURS:
        assert authority.source and authority.provenance.review_by > authority.provenance.reviewed_on, authority.id
        assert authority.provenance.read != "not_read" or authority.provenance.confidence <= 3, authority.id


@pytest.mark.parametrize(
    ("text", "country", "ids"),
    [
        ("FCA", "GB", ["FCA"]),
        ("f.c.a.", "GB", ["FCA"]),
        ("The Financial Conduct Authority", "GB", ["FCA"]),
        ("FSA", "GB", ["FCA"]),
        ("FSA", "JP", ["JFSA"]),
        ("FMA", "NZ", ["FMA"]),
        ("autorite des marches financiers", "FR", ["AMF"]),
        ("SFC", "HK", ["HKSFC"]),
        ("bafin", "DE", ["BaFin"]),
        ("Securities and Exchange Commission", None, ["SEC"]),
        ("Ministry of Silly Walks", "GB", []),
    ],
)
def test_an_authority_goes_by_its_names_and_those_of_its_predecessors(text, country, ids):
    assert [meaning.authority.id for meaning in OURS.named(text, country)] == ids


def test_a_predecessor_says_until_when_it_was_there():
    (meaning,) = OURS.named("FSA", "GB")
    assert (meaning.predecessor.name, meaning.predecessor.until) == ("Financial Services Authority", dt.date(2013, 4, 1))


def test_the_authorities_are_part_of_the_law_and_of_its_bundle(tmp_path):
    texts = read_files(CONFIG)
    made = bundle.bind(texts, SHIPPED.laws)
    assert AUTHORITIES in made.texts and AUTHORITIES in bundle.read(made.content()).texts
    changed = texts | {AUTHORITIES: texts[AUTHORITIES].replace("name: Financial Conduct Authority", "name: Financial Conduct Agency")}
    digests = {host: rulebook.digest for host, rulebook in laws.read(changed).rulebooks.items()}
    assert all(digests[host] != rulebook.digest for host, rulebook in SHIPPED.laws.rulebooks.items())


def test_law_without_a_list_of_authorities_is_law_all_the_same():
    assert laws.read(TEXTS).catalogue.authorities.text is None


def test_a_list_of_authorities_that_does_not_load_keeps_the_law_from_loading():
    texts = read_files(CONFIG)
    with pytest.raises(LawError) as found:
        laws.read(texts | {AUTHORITIES: texts[AUTHORITIES].replace("grants: [csd]", "grants: [cds]")})
    (problem,) = found.value.problems
    assert (problem.file, problem.path.rpartition(".")[2]) == (AUTHORITIES, "grants[0]")


def decide(**registration):
    body = {
        "host": "US" if registration.get("home") != "US" else "GB",
        "registration": registration,
        "transaction": {"activities": ["deal_as_principal"]},
    }
    return SHIPPED.decide(body, NOW).body


def caveat(answer, kind):
    return [row["text"] for row in answer["caveats"] if row["kind"] == kind]


@pytest.mark.parametrize("authority", ["BANANA", "FCAA", "Banana Conduct Authority"])
def test_an_authority_that_nobody_knows_is_told_with_those_that_are_known(authority):
    answer = decide(home="GB", authority=authority, status="authorised")
    assert caveat(answer, "authority") == [
        f"“{authority}” is no authority of the United Kingdom that is known here (FCA (Financial Conduct Authority), PRA (Prudential Regulation "
        "Authority), BOE (Bank of England) are); it may be one all the same, so what rests on the home registration stays open."
    ]
    assert "registration.authority" not in [row["fact"] for row in answer["missing"]]


def test_of_a_country_without_a_list_that_is_said_and_no_name_is_asked_for():
    answer = decide(home="BR", status="authorised")
    assert caveat(answer, "authority") == ["No list of the authorities of BR is held here, so what rests on the home registration stays open."]
    assert "registration.authority" not in [row["fact"] for row in answer["missing"]]


def test_two_authorities_that_nobody_knows_are_each_told_by_their_own_name():
    # The first answer is remembered: what it says of the name must not be said of another.
    first, second = (caveat(decide(home="GB", authority=name, status="authorised"), "authority") for name in ("APPLE", "CHERRY"))
    assert "“APPLE”" in first[0] and "“CHERRY”" in second[0]


def test_a_known_authority_is_no_matter_for_a_caveat():
    assert caveat(decide(home="GB", authority="FCA", status="authorised"), "authority") == []


@pytest.mark.parametrize(("kinds", "fitting"), [([], "FCA, PRA, BOE"), (["investment_firm"], "FCA, PRA"), (["csd"], "BOE")])
def test_an_authority_not_said_is_asked_for_and_what_those_that_fit_would_settle_is_told(kinds, fitting):
    body = {
        "host": "US",
        "registration": {"home": "GB", "status": "authorised", "permissions": ["deal_as_principal"], **({"kinds": kinds} if kinds else {})},
        "firm": {"place_in_host": False, "host_status": []},
        "transaction": {"activities": ["deal_as_principal"]},
        "client": {"kind": "bank", "location": "US", "solicited": True},
    }
    (row,) = [row for row in SHIPPED.decide(body, NOW).body["missing"] if row["fact"] == "registration.authority"]
    settled = [one for one in row["consequences"] if one["if"] == f"is one of {fitting}"]
    assert settled and "US-BD-17 left to home" in settled[0]["then"]
