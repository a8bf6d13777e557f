"""How many examples a property test tries: the number given, many more in a soak run, a few while mutants are tried."""

from __future__ import annotations

import os

from hypothesis import settings


def many(count: int) -> int:
    return max(1, int(count * float(os.environ.get("PASSPORT_SOAK") or 1)))


def examples(count: int) -> settings:
    return settings(max_examples=many(count), deadline=None)
