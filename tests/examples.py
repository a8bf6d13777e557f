"""How many examples a property test tries: the number given, or many more in a soak run."""

from __future__ import annotations

import os

from hypothesis import settings


def examples(count: int) -> settings:
    factor = int(os.environ.get("PASSPORT_SOAK") or 1)
    return settings(max_examples=count * factor, deadline=None)
