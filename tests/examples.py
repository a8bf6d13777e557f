"""How many examples a property test tries: the number given, or many more in a soak run."""

from __future__ import annotations

import os

from hypothesis import settings


def many(count: int) -> int:
    return count * int(os.environ.get("PASSPORT_SOAK") or 1)


def examples(count: int) -> settings:
    return settings(max_examples=many(count), deadline=None)
