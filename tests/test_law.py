"""What the law we ship must always answer, whatever else changes in it."""

from __future__ import annotations

import copy

import pytest

from passport_service.errors import ProposalError
from passport_service.openapi import EXAMPLE

from .shipped import NOW, SHIPPED

THIN = {"host": "US", "registration": {"home": "GB"}, "client": {"kind": "insurance_company"}}
OPEN = ("undetermined",)


def decide(body):
    return SHIPPED.decide(body, NOW).body


def with_fact(body, name, value):
    changed = copy.deepcopy(body)
    group, _, member = name.partition(".")
    changed.setdefault(group, {})[member] = value
    return changed


def open_questions(answer) -> int:
    """Routes and requirements that are not settled."""
    from passport_service.cases import requirement_statuses

    routes = sum(row["status"] in OPEN for row in answer["routes"] for _ in (row["activities"] or [""]))
    return routes + sum(OPEN[0] in found for found in requirement_statuses(answer).values())


def answers_to(fact):
    """Plausible answers to a fact, as they stand in a body."""
    match fact.type:
        case "yes_no":
            return [True, False]
        case "choice":
            return list(fact.values)
        case "set":
            return (
                [[value] for value in SHIPPED.laws.rulebooks["US"].head.activities]
                if fact.name == "transaction.activities"
                else [[], *([value] for value in fact.values)]
            )
        case "country":
            return ["US", "GB", "FR"]
        case "money":
            return [{"amount": amount, "currency": "USD"} for amount in ("1", "1000000000")]
        case "date":
            return ["2026-11-23"]
        case "integer":
            return [0, 1, 1000]
        case "decimal":
            return ["0", "100"]
    return []


def mean_settled(body, fact) -> float:
    before = open_questions(decide(body))
    settled = [before - open_questions(decide(with_fact(body, fact.name, value))) for value in answers_to(fact)]
    return sum(settled) / len(settled) if settled else 0.0


def test_a_first_thin_proposal_is_never_clear_and_asks_first_what_settles_most():
    answer = decide(THIN)
    assert answer["status"] == "undetermined" and len(answer["missing"]) > 3
    facts = [SHIPPED.laws.catalogue.facts[row["fact"]] for row in answer["missing"]]
    settles = {fact.name: mean_settled(THIN, fact) for fact in facts}
    assert max(settles, key=settles.get) == facts[0].name == "transaction.activities"


def test_the_next_fact_asked_settles_the_status_at_least_as_well_as_the_next_ten():
    body = with_fact(THIN, "transaction.activities", ["deal_as_principal"])
    rows = [row for row in decide(body)["missing"] if row["settles_what"] == "status"]
    facts = [SHIPPED.laws.catalogue.facts[row["fact"]] for row in rows]
    settles = [mean_settled(body, fact) for fact in facts[:10]]
    assert settles[0] >= max(settles) - 0.5, dict(zip([fact.name for fact in facts], settles, strict=False))


@pytest.mark.parametrize("host", ["US", "GB"])
def test_no_single_fact_makes_a_thin_proposal_clear(host):
    home = {"US": "GB", "GB": "US"}[host]
    answers = [(fact, value) for fact in SHIPPED.laws.catalogue.given() for value in answers_to(fact)]
    for fact, value in answers:
        body = with_fact({"host": host, "registration": {"home": home}}, fact.name, value)
        try:
            answer = SHIPPED.decide(body, NOW, reasons=False, missing=False).body
        except ProposalError:
            continue  # a fact that cannot apply to this home is refused, not answered
        assert answer["status"] in ("undetermined", "blocked", "not_covered"), (fact.name, value)


def test_a_sanctions_hit_blocks_and_says_what_to_do_about_it():
    for host, group, report in (("US", {"us_sanctions": "hit"}, "US-FC-08"), ("GB", {"uk_sanctions": "hit"}, "UK-O48R")):
        answer = decide(
            {
                **(EXAMPLE if host == "US" else {"registration": {"home": "US"}, "transaction": {"activities": ["deal_as_principal"]}}),
                "host": host,
                "screening": group,
            }
        )
        assert answer["status"] == "blocked"
        listed = {row["id"] for row in answer["checks"] + answer["duties"]}
        assert report in listed


def test_every_provision_has_a_citation_a_review_date_and_honest_provenance():
    for rulebook in SHIPPED.laws.rulebooks.values():
        for provision in rulebook.provisions():
            for version in provision.versions:
                assert version.cite.text and version.provenance.review_by > version.provenance.reviewed_on, provision.id


def test_every_requirement_and_route_is_spoken_of_by_some_worked_case():
    for rulebook in SHIPPED.laws.rulebooks.values():
        spoken = set()
        for case in rulebook.cases:
            spoken |= {*case.expect.get("plan", ()), *case.expect.get("routes", {}), *case.expect.get("requirements", {})}
        assert not {*rulebook.routes, *rulebook.requirements} - spoken


def test_nobody_is_asked_in_a_way_a_person_cannot_answer():
    for fact in SHIPPED.laws.catalogue.given():
        assert fact.question.endswith("?") and len(fact.question) < 250, fact.name
        assert not fact.exceptional or not fact.only_if.endswith("."), fact.name
        assert not fact.name.startswith("opinion.") or fact.open_point, f"{fact.name} does not say what is open, and who could settle it"
