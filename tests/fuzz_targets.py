"""What the fuzzer throws bytes at, and what must hold whatever they are. Each target fails by raising.

Nothing here needs the fuzzer: the tests run the same targets on everything that it ever found (`tests/fuzzed/`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from passport_service import canonical
from passport_service.errors import LawProblem, MalformedError, ProposalError
from passport_service.laws import Laws
from passport_service.reader import RulebookReader
from passport_service.source import Report, parse

from .shipped import NOW, ROOT, SHIPPED
from .worlds import Maker, catalogue


def proposals(data: bytes) -> None:
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


CATALOGUE = catalogue()


def law(data: bytes) -> None:
    """One YAML file as a whole rulebook: read and compiled, or refused with every mistake at its place."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:  # `source.read` says so; there is no text to read
        return
    problems, laws = read_law(text)
    for problem in problems:
        assert problem.detail and problem.line >= 1 and problem.column >= 1 and str(problem)
    if laws is not None:
        for rulebook in laws.rulebooks.values():
            first = rulebook.head.covers_from  # no day before it is ever asked for
            for day in (first, *[turn for turn in rulebook.turning_days() if turn > first][:4]):
                laws.law(rulebook.host, day)


def read_law(text: str) -> tuple[list[LawProblem], Laws | None]:
    """Every mistake of a rulebook of one file, or its laws."""
    report = Report()
    files = [parse(text, "fuzzed.yaml", report)]
    if not report.problems:
        rulebook = RulebookReader(CATALOGUE, report).read(files, "fuzzed")
        if not report.problems:
            laws = Laws(CATALOGUE, {rulebook.host: rulebook})
            problems = laws.check_definitions()
            return problems, None if problems else laws
    return report.problems, None


TARGETS: dict[str, Callable[[bytes], None]] = {"proposals": proposals, "law": law}


# -- where the fuzzer starts from -------------------------------------------------------------------------------------


def seeds(target: str) -> Iterator[bytes]:
    """Good input and nearly good input: what a fuzzer cannot invent in a night."""
    if target == "proposals":
        for _, rulebook in SHIPPED.laws.all_rulebooks():
            yield from (canonical.dump(case.proposal) for case in rulebook.cases[::4])
        yield b'{"host": "US", "client": {"kind": {"unknown": true}}, "attested": ["US-FC-07"], "scenario": "reciprocity"}'
        yield b'{"host":"US","host":"GB"}'
        yield b'[1.5, NaN, "\\ud800", 123456789012345678901234567890]'
    elif target == "law":
        for path in sorted((ROOT / "tests" / "broken_rulebooks").glob("*.yaml")):
            yield path.read_bytes().partition(b"\n")[2]
        for number in range(30):
            yield canonical.dump(Maker(random.Random(number)).rulebook())  # JSON is YAML


def words(target: str) -> list[str]:
    """The words of the language that is read: they stand in for what a fuzzer would have to guess letter by letter."""
    if target == "proposals":
        schema, facts = SHIPPED.schema, SHIPPED.laws.catalogue.given()
        found = {*schema.schema.fields, *(name for members in schema.groups.values() for name in members)}
        found |= {value for fact in facts for value in fact.values} | {"US", "GB", "amount", "currency", "USD", "GBP", "unknown", "2026-12-01"}
        return sorted({f'"{word}"' for word in found} | {'{"unknown":true}', '{"amount":"1","currency":"USD"}', "true", "false", "null"})
    found = set(CATALOGUE.facts)
    for seed in seeds(target):
        found |= {word.strip(":,[]{}'\"") for word in seed.decode().split()}
    return sorted(word for word in found if 1 < len(word) < 40 and word.isascii() and word.isprintable())
