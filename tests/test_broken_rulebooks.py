"""One mistake a file: the loader tells each at its exact place, and tells nothing else.

The first line of each file says what is expected: `# line:column path: message`, where lines count from the second.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from passport_service.catalogue import read_catalogue
from passport_service.errors import LawError
from passport_service.laws import Laws
from passport_service.reader import RulebookReader
from passport_service.source import Report, parse

from . import tiny
from .worlds import CALENDAR, CITE, PROVENANCE, catalogue, laws_of

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


# -- what would let a circumstance stop a trade that is settled ---------------------------------------------------------------

INNER = {"t.inner": {"is": "yes"}}  # a term, asked only where the circumstance c.flag is yes
VERSION = {"from": "2020-01-01", "title": "t", "standing": "in_force", "cite": CITE, "says": "s", "provenance": PROVENANCE}


def refusals(requirement=None, recognition=None, definition=None, form=None) -> list[str]:
    """What the loader says of a law with these conditions."""
    content = tiny.TinyMaker(random.Random(0)).rulebook() | {"definitions": [], "routes": [], "requirements": [], "recognitions": []}
    never = {"needed_when": "never"}
    content["legs"] = {"venue": never, "promotion": never, "form": {"needed_when": form} if form else never}
    content["head"]["roles"] = {}
    own = {"duty_on": "firm", "due": "pre_trade", "stops": "trade", "applies_when": "always", "check": {"do": "do it"}, **(requirement or {})}
    content["requirements"] = [{"id": "Q", "versions": [{**VERSION, **own}]}]
    if recognition:
        content["recognitions"] = [{"id": "D", "versions": [{**VERSION, "requirements": ["Q"], "mode": "relied_on", "when": recognition}]}]
    if definition:
        content["definitions"] = [{"id": "d", "versions": [{**VERSION, "when": definition}]}]
    try:
        laws_of(content, tiny.CATALOGUE)
    except LawError as error:
        return [problem.detail for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "law",
    [
        {"requirement": {"failed_when": {"not": INNER}}},
        {"requirement": {"failed_when": {"all": [{"c.flag": {"is": "yes"}}, {"not": {"any": [INNER, {"c.low": {"is": "yes"}}]}}]}}},
        {"requirement": {"applies_when": {"not": INNER}, "failed_when": "always"}},
        {"requirement": {"failed_when": {"not": {"definition": "d"}}}, "definition": INNER},
        {"recognition": INNER},
        {"form": {"not": INNER}},
    ],
)
def test_a_term_that_a_circumstance_may_rule_out_is_not_turned_round_where_that_could_stop_a_trade(law):
    assert refusals(**law) == ["t.inner is ruled out by a circumstance (c.flag), which may not stop a trade: test it without `not`"]


@pytest.mark.parametrize(
    "law",
    [
        {"requirement": {"failed_when": {"t.inner": {"is": "no"}}}},
        {"requirement": {"failed_when": {"not": {"t.venue": {"is": "otc"}}}}},  # nothing rules it out
        {"requirement": {"failed_when": {"not": {"c.high": {"is": "yes"}}}}},  # a circumstance itself: asked
        {"requirement": {"failed_when": {"not": {"c.on_floor": {"is": "yes"}}}}},  # ruled out by a term
        {"requirement": {"applies_when": {"not": INNER}}},  # and cannot fail
        {"requirement": {"satisfied_when": {"not": INNER}}},
        {"recognition": {"not": INNER}},
        {"form": INNER},
    ],
)
def test_elsewhere_a_term_that_a_circumstance_may_rule_out_is_a_term_like_others(law):
    assert refusals(**law) == []


def test_an_arrangement_that_a_circumstance_may_rule_out_is_not_turned_round_either():
    assert refusals({"failed_when": {"not": {"a.cover": {"at_least": "10 USD"}}}}) == [
        "a.cover is ruled out by a circumstance (c.kind), which may not stop a trade: test it without `not`"
    ]


@pytest.mark.parametrize(
    ("low", "high", "allowed"),
    [
        ("c.low", "c.high", True),
        ("t.one", "t.inner", True),
        ("x.short", "c.flag", True),  # no on the one is no special case on the other
        ("c.flag", "x.short", False),  # yes on the one would make a special case hold
        ("c.flag", "t.inner", False),
        ("t.inner", "c.flag", False),
        ("c.net", "t.notional", False),
        ("c.net", "c.owned", True),
        ("x.large", "c.net", False),
        ("t.notional", "a.capital", True),  # both are the firm's to bring about
    ],
)
def test_a_bound_ties_facts_of_one_class(low, high, allowed):
    more = """  t.one: {type: yes_no, class: term, question: 'One?'}
  x.large: {type: money, class: circumstance, exceptional: 'yes', only_if: it is large, question: 'Large?'}
bounds:
"""
    before, _, after = tiny.FACTS.partition("bounds:\n")
    text = f"{before}{more}  - {{fact: {low}, at_most: {high}}}\n{after[after.index('derived:') :]}"
    report = Report()
    read_catalogue(parse(text, "facts.yaml", report), {"test": CALENDAR}, report)
    told = f"{low} and {high} are not of one class: learning the one could not be told from deciding the other"
    assert [problem.detail for problem in report.problems] == ([] if allowed else [told])
