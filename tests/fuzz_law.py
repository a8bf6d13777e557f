"""Fuzzing the law as written: source.parse, the reader on one small rulebook, the compiler. Nothing here needs the fuzzer."""

from __future__ import annotations

import random
from collections.abc import Iterator

from passport_service import canonical
from passport_service.errors import LawProblem
from passport_service.laws import Laws
from passport_service.reader import RulebookReader
from passport_service.source import Report, parse

from .shipped import ROOT
from .worlds import Maker, catalogue

CATALOGUE = catalogue()


def run(data: bytes) -> None:
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


def seeds() -> Iterator[bytes]:
    """Every broken rulebook that we hold, and whole ones."""
    for path in sorted((ROOT / "tests" / "broken_rulebooks").glob("*.yaml")):
        yield path.read_bytes().partition(b"\n")[2]
    for number in range(30):
        yield canonical.dump(Maker(random.Random(number)).rulebook())  # JSON is YAML


def words() -> list[str]:
    found = set(CATALOGUE.facts)
    for seed in seeds():
        found |= {word.strip(":,[]{}'\"") for word in seed.decode().split()}
    return sorted(word for word in found if 1 < len(word) < 40 and word.isascii() and word.isprintable())
