"""Receipts that were issued once verify for ever, and replay for as long as answers are the same."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest

from passport_service import bundle, keys, laws
from passport_service.archive import Archive
from passport_service.bundle import BundleError
from passport_service.service import ANSWER_VERSION
from passport_service.verification import verify

from . import small_law
from .golden import ROOT
from .small_law import opened

RECEIPTS = sorted(path for path in ROOT.glob("*/*") if path.suffix in (".json", ".jws") and not path.name.startswith(("law-", "jwks")))
LONG_AFTER = dt.datetime(2046, 1, 1, tzinfo=dt.UTC)


def services(directory):
    archive = Archive(opened, keep=9)
    labels = [archive.add(path) for path in sorted(directory.glob("law-*.json"))]
    try:
        first = archive.open(labels[0].digest)
    except BundleError:  # law of a form that is no longer read: its receipts are authentic still
        return opened(bundle.bind(small_law.TEXTS, laws.read(small_law.TEXTS)).laws(), None, archive)
    return opened(first.laws, first.label, archive)


SETS = {path.name: (keys.read_keys((path / "jwks.json").read_text()), services(path)) for path in ROOT.iterdir()}


def test_the_bytes_of_golden_receipts_never_change():
    for directory in ROOT.iterdir():
        sums = dict(reversed(line.split("  ")) for line in (directory / "SHA256SUMS").read_text().splitlines())
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir() if path.name != "SHA256SUMS"}
        assert found == sums, f"{directory} was changed. Receipts that were issued cannot change: take the files back from the repository's history."


def test_this_answer_version_has_golden_receipts():
    assert str(ANSWER_VERSION) in SETS, "ANSWER_VERSION was raised: run `make golden` and keep the older directories"
    assert len(RECEIPTS) >= 36


@pytest.mark.parametrize("path", RECEIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_golden_receipt_verifies(path):
    trusted, service = SETS[path.parent.name]
    found = verify(path.read_bytes(), trusted, service, LONG_AFTER)
    assert found.authentic, f"{found.stopped_at}: receipts that were issued must verify for ever; mend the change that refuses this one"
    if found.payload["answer"] == ANSWER_VERSION:
        assert found.verified, (
            f"{found.stopped_at.says} The same proposal under the same law now gives other bytes, so receipts that firms hold no longer replay. If that is "
            "meant, raise ANSWER_VERSION in service.py, run `make golden`, keep the older directories, and say so in the changelog; otherwise mend it."
        )
    else:
        # Either its law has a form that is no longer read, or the answers have another since.
        assert (found.stopped_at.name, found.stopped_at.status) in (("law", "cannot"), ("replay", "cannot"))


def test_golden_receipts_cover_every_status():
    statuses = {verify(path.read_bytes(), *SETS[path.parent.name], LONG_AFTER).payload["decision"]["status"] for path in RECEIPTS}
    assert statuses == {"not_covered", "blocked", "undetermined", "checks_required", "clear"}


def test_no_private_key_was_recorded():
    for path in ROOT.rglob("jwks.json"):
        assert [set(row) & {"d"} for row in json.loads(path.read_text())["keys"]] == [set()]
