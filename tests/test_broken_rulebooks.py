"""One mistake a file: the loader tells each at its exact place, and tells nothing else.

The first line of each file says what is expected: `# line:column path: message`, where lines count from the second.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from passport_service.laws import Laws
from passport_service.reader import RulebookReader
from passport_service.source import Report, parse

from .worlds import catalogue

CATALOGUE = catalogue()
FILES = sorted((Path(__file__).parent / "broken_rulebooks").glob("*.yaml"))


def problems_of(text: str) -> list[str]:
    report = Report()
    files = [parse(text, "broken.yaml", report)]
    if not report.problems:
        rulebook = RulebookReader(CATALOGUE, report).read(files, "broken")
        if not report.problems:
            report.problems += Laws(CATALOGUE, {"US": rulebook}).check_definitions()
    return [f"{found.line}:{found.column} {found.path or '(top)'}: {found.detail}" for found in sorted(set(report.problems))]


def test_there_are_enough_of_them():
    assert len(FILES) >= 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_mistake_is_told_at_its_place(path):
    expected, _, text = path.read_text().partition("\n")
    assert [f"# {found}" for found in problems_of(text)] == [expected]


def test_several_mistakes_are_told_together():
    texts = {path.stem: path.read_text().partition("\n")[2] for path in FILES}
    text = texts["unknown_due"].replace("confidence: 5", "confidence: 6").replace("leg: status", "leg: statuses")
    assert len(problems_of(text)) > 4
