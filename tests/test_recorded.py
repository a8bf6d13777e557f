"""Answers that were recorded stay as they are, byte for byte, while nothing but the machinery changes."""

from __future__ import annotations

import json

from . import recorded


def test_four_hundred_recorded_answers_are_given_byte_for_byte():
    kept = json.loads(recorded.PATH.read_text())
    assert len(kept) == recorded.ANSWERS
    other = [name for name, digest in kept.items() if recorded.digest_of(recorded.question(name)) != digest]
    assert other == [], f"{len(other)} answers have changed; where the law or the words of an answer were to change: `make record`"
