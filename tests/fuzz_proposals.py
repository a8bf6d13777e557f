"""Fuzzing proposals: canonical.load and schema.load. Nothing here needs the fuzzer."""

from __future__ import annotations

import json
from collections.abc import Iterator

from passport_service import canonical
from passport_service.errors import MalformedError, ProposalError

from .shipped import NOW, SHIPPED


def run(data: bytes) -> None:
    """A body of POST /v1/decisions, as it comes off the wire: understood, or refused in words. (Answering is the property tests' business.)"""
    try:
        body = canonical.load(data)
    except MalformedError as error:
        assert 0 < len(str(error)) < 500
        return
    respelt = canonical.load(canonical.dump(body))
    assert body == respelt == json.loads(data)
    try:
        proposal = SHIPPED.schema.load(body)
    except ProposalError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.detail and (not problem.pointer or problem.pointer.startswith("/"))
            canonical.dump(problem.as_json())
        return
    # What was asked and cannot be said is never taken for an answer, and one question has one address.
    assert not proposal.asked & proposal.facts.keys()
    assert SHIPPED.question(proposal, NOW).id == SHIPPED.question(SHIPPED.schema.load(respelt), NOW).id


def seeds() -> Iterator[bytes]:
    """Good input and nearly good input: what a fuzzer cannot invent in a night."""
    for _, rulebook in SHIPPED.laws.all_rulebooks():
        yield from (canonical.dump(case.proposal) for case in rulebook.cases[::4])
    yield b'{"host": "US", "client": {"kind": {"unknown": true}}, "attested": ["US-FC-07"], "scenario": "reciprocity"}'
    yield b'{"host":"US","host":"GB"}'
    yield b'[1.5, NaN, "\\ud800", 123456789012345678901234567890]'


def words() -> list[str]:
    """The words of the language: they stand in for what a fuzzer would have to guess letter by letter."""
    schema, facts = SHIPPED.schema, SHIPPED.laws.catalogue.given()
    found = {*schema.schema.fields, *(name for members in schema.groups.values() for name in members)}
    found |= {value for fact in facts for value in fact.values} | {"US", "GB", "amount", "currency", "USD", "GBP", "unknown", "2026-12-01"}
    return sorted({f'"{word}"' for word in found} | {'{"unknown":true}', '{"amount":"1","currency":"USD"}', "true", "false", "null"})
