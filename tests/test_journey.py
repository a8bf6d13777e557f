"""The state in the page: a proposal in a link, and answers that come back when they matter again."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from passport_service.errors import MalformedError, ProposalError, TooLargeError
from passport_service.journey import MAX_JSON, Journey, pack, unpack
from passport_service.openapi import EXAMPLE

from .shipped import SHIPPED

SCHEMA = SHIPPED.schema


def test_a_link_holds_the_proposal_exactly():
    journey = Journey(EXAMPLE, {"client.category": "retail"})
    link = journey.link()
    assert Journey.read(link["p"], link["k"]) == journey


def test_every_worked_case_fits_into_a_link_that_servers_take():
    assert max(sum(map(len, Journey(case.proposal).link().values())) for case in SHIPPED.case_ids.values()) < 2000


def test_a_link_may_be_written_by_hand_without_compressing_it():
    text = base64.urlsafe_b64encode(json.dumps({"host": "US"}).encode()).decode().rstrip("=")
    assert unpack(text) == {"host": "US"}


@pytest.mark.parametrize("text", ["%%%", "é", "AAAA", "e30x", "eyJ", pack({"a": 1})[:-4], "A" * 9])
def test_a_damaged_link_is_refused_in_words(text):
    with pytest.raises(MalformedError):
        Journey.read(text)


def test_a_link_that_holds_no_object_is_refused():
    with pytest.raises(MalformedError):
        Journey.read(pack([1]))


def test_a_small_link_cannot_unpack_to_a_large_body():
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 50_000_000)).decode()
    assert len(bomb) < 70_000
    with pytest.raises(TooLargeError):
        unpack(bomb)
    assert MAX_JSON == 65_536


def test_an_answer_that_another_rules_out_is_kept_aside_and_comes_back():
    journey = Journey(EXAMPLE)
    alone = journey.answered(SCHEMA, {"client.exists": False})
    assert alone.body["client"] == {"exists": False}
    assert alone.aside == {f"client.{name}": value for name, value in EXAMPLE["client"].items()}
    again = alone.answered(SCHEMA, {"client.exists": True})
    assert again.body["client"] == {**EXAMPLE["client"], "exists": True} and again.aside == {}


def test_what_hangs_on_an_answer_that_is_put_aside_goes_with_it():
    journey = Journey({"host": "GB", "promotion": {"timing": "planned", "exemptions_claimed": ["UK-P07"]}})
    none = journey.answered(SCHEMA, {"promotion.timing": "none"})
    assert none.body == {"host": "GB", "promotion": {"timing": "none"}}
    assert none.aside == {"promotion.exemptions_claimed": ["UK-P07"]}
    SCHEMA.load(none.body)


def test_an_answer_taken_back_is_gone():
    journey = Journey(EXAMPLE).answered(SCHEMA, {}, ["client.location"])
    assert "location" not in journey.body["client"] and journey.aside == {}


def test_answers_given_together_that_contradict_each_other_are_told_and_not_silently_dropped():
    journey = Journey({"host": "US"}).answered(SCHEMA, {"client.exists": False, "client.kind": "bank"})
    with pytest.raises(ProposalError):
        SCHEMA.load(journey.body)


def test_choosing_an_option_keeps_the_answers():
    journey = Journey(EXAMPLE, {"client.category": "retail"}).choosing(scenario="reciprocity")
    assert journey.body == {**EXAMPLE, "scenario": "reciprocity"} and journey.aside == {"client.category": "retail"}
    assert journey.choosing(scenario=None).body == EXAMPLE
