"""The law as one file, its archive, and the two time axes: the date whose law is applied, and the day on which it was known."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random

import pytest

from passport_service import bundle, canonical
from passport_service.archive import file_away, open_archive
from passport_service.bundle import BundleError
from passport_service.errors import ProposalError
from passport_service.service import Service, open_service
from passport_service.source import read_files

from .shipped import CONFIG, SHIPPED
from .shipped import NOW as SHIPPED_NOW
from .small_law import NOW, PROPOSAL, TEXTS, amended, bound, service


@pytest.fixture(scope="module")
def shipped_bundle():
    return bundle.bind(read_files(CONFIG), SHIPPED.laws)


def test_a_bundle_gives_the_same_digests_and_the_same_bytes_as_its_directory(shipped_bundle):
    laws = bundle.read(shipped_bundle.content()).laws()
    directory = {key: rulebook.digest for key, rulebook in SHIPPED.laws.all_rulebooks()}
    assert {key: rulebook.digest for key, rulebook in laws.all_rulebooks()} == directory and len(directory) == 10
    again = Service(laws)
    cases = [case for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases]
    for case in random.Random(6).sample(cases, 25):
        assert again.decide(case.proposal, SHIPPED_NOW).bytes() == SHIPPED.decide(case.proposal, SHIPPED_NOW).bytes(), case.id


def test_a_bundle_holds_every_file_of_the_law_and_is_addressed_by_its_bytes(shipped_bundle):
    names = {path.relative_to(CONFIG).as_posix() for path in CONFIG.rglob("*.yaml")}
    assert set(shipped_bundle.texts) == names
    assert shipped_bundle.label.digest == "sha256:" + hashlib.sha256(shipped_bundle.content()).hexdigest()
    assert shipped_bundle.content() == bundle.read(shipped_bundle.content()).content()


def test_the_day_of_publication_is_the_latest_version_of_a_rulebook():
    assert bound().label.published == dt.date(2026, 11, 22)
    assert bound(amended(version="2026.12.01.3")).label.edition == (dt.date(2026, 12, 1), 3)
    with pytest.raises(BundleError, match="is not the day on which it was published"):
        bound(amended(version="seven"))
    with pytest.raises(BundleError, match="is not the day on which it was published"):
        bound(amended(version="2026.13.01"))


def _changed(**members):
    return canonical.dump(json.loads(bound().content()) | members)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b"[" * 2000, "not JSON"),
        (bound().content() + b"\n", "not canonical"),
        (bound().content().replace(b'{"bundle":1,', b'{"bundle":1,"bundle":1,'), "not canonical"),
        (canonical.dump(["bundle"]), "of format 1"),
        (_changed(bundle=2), "of format 1"),
        (_changed(more=1), "of format 1"),
        (_changed(texts=[]), "expected texts"),
        (_changed(texts={"facts.yaml": 1}), "expected texts"),
        (_changed(rulebooks=[]), "at least one rulebook"),
        (_changed(rulebooks=[{"host": "US"}]), "named by host"),
        (_changed(published="2026-11-23"), "day of publication"),
    ],
)
def test_what_is_no_bundle_is_refused_with_the_reason(content, says):
    with pytest.raises(BundleError, match=says):
        bundle.read(content)


def test_a_bundle_whose_texts_do_not_give_its_rulebooks_does_not_open():
    found = bundle.read(_changed(texts=amended(route=True, version="2026.11.22")))
    with pytest.raises(BundleError, match="does not give the rulebooks that it names"):
        found.laws()
    with pytest.raises(BundleError, match="cannot read the law of the bundle"):
        bundle.read(_changed(texts=TEXTS | {"facts.yaml": "facts: 3"})).laws()


def test_an_archive_takes_one_law_for_each_day_of_publication(tmp_path):
    first = file_away(bound(), tmp_path)
    assert file_away(bound(), tmp_path) == first and first.read_bytes() == bound().content()
    file_away(bound(amended(route=True)), tmp_path)
    with pytest.raises(BundleError, match="raise a rulebook's head.version"):
        file_away(bound(amended(definition=True)), tmp_path)
    file_away(bound(amended(definition=True, version="2026.11.24.2")), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_an_archive_keeps_only_the_last_few_laws_in_memory(tmp_path):
    for number in range(5):
        file_away(bound(amended(version=f"2026.12.0{number + 1}")), tmp_path)
    opened = []
    archive = open_archive(tmp_path, lambda laws, label: opened.append(label.digest) or label, keep=2)
    digests = list(archive.labels)
    assert len(digests) == 5 and not opened
    for digest in (digests[0], digests[0], digests[1], digests[2], digests[1], digests[0]):
        assert archive.open(digest).digest == digest
    assert opened == [digests[0], digests[1], digests[2], digests[0]]


def test_a_file_that_changed_since_is_not_opened(tmp_path):
    path = file_away(bound(), tmp_path)
    found = service(amended(route=True), tmp_path)
    path.write_bytes(bound(amended(definition=True)).content())
    with pytest.raises(BundleError, match="has changed"):
        found.of_bundle(bound().label.digest)
    with pytest.raises(ProposalError, match="has changed"):
        found.decide(PROPOSAL | {"known_on": "2026-11-22"}, NOW + dt.timedelta(days=3))


# -- deciding under law of the archive ---------------------------------------------------------------------------------------


@pytest.fixture
def after(tmp_path):
    """The service three days after an amendment, with the law before it in the archive."""
    file_away(bound(), tmp_path)
    return service(amended(route=True), tmp_path)


LATER = NOW + dt.timedelta(days=3)


def test_a_proposal_may_name_any_rulebook_held_and_gets_the_bytes_of_then(after):
    (old,), (new,) = bound().label.books, bound(amended(route=True)).label.books
    then = service().decide(PROPOSAL | {"rulebook": old.digest}, NOW)
    assert after.decide(PROPOSAL | {"rulebook": old.digest}, LATER).bytes() == then.bytes()
    assert (then.body["status"], then.body["rulebook"]["digest"]) == ("checks_required", old.digest)
    assert after.decide(PROPOSAL | {"rulebook": new.digest}, LATER).body["status"] == "blocked"


def test_the_knowledge_date_picks_the_law_that_was_published_by_then(after):
    def digest(day):
        return after.decide(PROPOSAL | {"known_on": day}, LATER).body["rulebook"]["version"]

    assert [digest(day) for day in ("2026-11-22", "2026-11-23", "2026-11-24", "2026-11-26")] == [
        "2026.11.22",
        "2026.11.22",
        "2026.11.24",
        "2026.11.24",
    ]


def test_the_two_time_axes_are_independent(after):
    status = {
        (day, known): after.decide(PROPOSAL | {"as_of": day, "known_on": known}, LATER).body["status"]
        for day in ("2026-11-23", "2026-11-25")
        for known in ("2026-11-22", "2026-11-24")
    }
    assert status == {
        ("2026-11-23", "2026-11-22"): "checks_required",
        ("2026-11-23", "2026-11-24"): "checks_required",  # the amendment is known, and not yet in force
        ("2026-11-25", "2026-11-22"): "checks_required",  # it will be in force, and is not yet known
        ("2026-11-25", "2026-11-24"): "blocked",
    }


@pytest.mark.parametrize(
    ("law", "pointer", "says"),
    [
        ({"rulebook": "sha256:0"}, "/rulebook", "no rulebook of that digest"),
        ({"rulebook": 7}, "/rulebook", "found the number 7"),
        ({"known_on": "2026-11-21"}, "/known_on", "the first law held here was published on 2026-11-22"),
        ({"known_on": "2026-11-27"}, "/known_on", "has not come"),
        ({"known_on": "22.11.2026"}, "/known_on", "not a date"),
        ({"known_on": "2026-11-22", "rulebook": "sha256:0"}, "/known_on", "not both"),
    ],
)
def test_law_that_is_not_held_is_refused_with_what_is(after, law, pointer, says):
    with pytest.raises(ProposalError, match=says) as found:
        after.decide(PROPOSAL | law, LATER)
    assert found.value.problems[0].pointer == pointer
    if law == {"rulebook": "sha256:0"}:
        assert set(found.value.problems[0].allowed) == {bound().label.books[0].digest, bound(amended(route=True)).label.books[0].digest}


def test_a_comparison_may_set_the_law_of_then_beside_todays(after):
    columns = [{"known_on": "2026-11-22"}, {"rulebook": bound().label.books[0].digest, "as_of": "2026-11-30"}]
    found = after.compare({"proposal": PROPOSAL, "columns": columns}, LATER)
    assert [(column["status"], column["rulebook"]["version"], column["as_of"]) for column in found["columns"]] == [
        ("blocked", "2026.11.24", "2026-11-25"),
        ("checks_required", "2026.11.22", "2026-11-25"),
        ("checks_required", "2026.11.22", "2026-11-30"),
    ]
    with pytest.raises(ProposalError, match="/columns/0/known_on"):
        after.compare({"proposal": PROPOSAL, "columns": [{"known_on": "2026-11-01"}]}, LATER)


def test_a_rulebook_of_another_scenario_is_named_as_such():
    us = SHIPPED.laws.rulebooks["US"].digest
    with pytest.raises(ProposalError, match="not this host's rulebook, or not under this scenario"):
        SHIPPED.decide({"host": "US", "scenario": "reciprocity", "rulebook": us}, SHIPPED_NOW)


def test_the_directory_and_its_archive_open_together(tmp_path):
    file_away(bound(), tmp_path)
    found = open_service(CONFIG, tmp_path)
    assert found.label.published == dt.date(2026, 11, 30) and list(found.archive.labels) == [bound().label.digest]
