"""How long a test waits for what should come soon. Nothing is measured with it: it is so long that only what never comes exceeds it.

Others may use the machine at the same time, so a test ends its waits by what happens, never by the clock, and asserts no speed. This is
the only place with a number of seconds to wait (tests/test_architecture.py holds that); time-outs of the service itself are its own.
"""

from __future__ import annotations

import os
import time

PATIENCE = float(os.environ.get("PASSPORT_PATIENCE") or 900)  # seconds; fewer, while a failing test is looked into
A_LOOK = 0.02  # seconds between two looks at whether something has happened
A_MOMENT = 0.1  # seconds after which the service treats a caller as one who pauses, if it is quick; nothing is asserted of it


def until(condition, what="it did not happen"):
    """Waits until something is true, and gives it."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(A_LOOK)
    return found
