"""Everything that a fuzzer ever found, and what it starts from, tried again: see tests/fuzz.py."""

from __future__ import annotations

import importlib
from itertools import islice

import pytest

from .shipped import ROOT

FOUND = sorted((ROOT / "tests" / "fuzzed").glob("*-*"))


def target(name: str):
    if name == "receipts":
        pytest.importorskip("passport_service.verification")
    return importlib.import_module(f"tests.fuzz_{name}")


@pytest.mark.parametrize("name", ["proposals", "law", "receipts"])
def test_what_a_fuzzer_starts_from_passes(name):
    module, tried = target(name), 0
    for content in islice(module.seeds(), 400):
        module.run(content)
        module.run(content[: len(content) // 2])
        tried += 1
    assert tried >= 8 and len(module.words()) > 20


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_a_fuzzer_found_is_mended(path):
    target(path.name.partition("-")[0]).run(path.read_bytes())
