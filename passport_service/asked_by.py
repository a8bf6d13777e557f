"""Which caller has asked which question, where callers have keys: what one of them asked is told to no other.

Answers are shared, since they depend on the question alone. Whether a question was asked before is not: a caller learns from headers
and by an id only of what they asked themselves. (The time that an answer takes still differs.)
"""

from __future__ import annotations

import threading

from .cache import LONGEST
from .recall import Memo
from .seal import Sealer
from .store import Store

MOST = 20_000  # questions of callers remembered in a process; beyond it a caller is told less than might be
_PREFIX = "passport:by:"


class AskedBy:
    """Remembers in the process, and in Redis for every replica. `apart` is false where nobody has a key: then callers are not told apart."""

    def __init__(self, apart: bool, sealer: Sealer, store: Store | None = None):
        self.apart, self._sealer, self._store = apart, sealer, store
        self._memory, self._lock = Memo(MOST), threading.Lock()

    def tell(self, caller: str, id_: str, how: str) -> str:
        """How an answer was found, as this caller may know it; from now on they have asked this question. Shapes: `how` as the cache says it."""
        if not self.apart:
            return how
        with self._lock:
            before = (caller, id_) in self._memory
            if not before:
                self._memory.keep((caller, id_), True)
        if before:
            return how
        if self._store is not None:
            name = self._name(caller, id_)
            self._store.put(name, lambda: self._sealer.seal(name, b""), LONGEST)
        return "miss" if how.startswith("hit") else how

    def has_asked(self, caller: str, id_: str) -> bool:
        """Whether this caller has asked the question with this id, as far as it is remembered."""
        if not self.apart:
            return True
        with self._lock:
            if (caller, id_) in self._memory:
                return True
        if self._store is None or not self._store.wait(0):
            return False
        name = self._name(caller, id_)
        sealed = self._store.get([name])[0]
        return sealed is not None and self._sealer.open(name, sealed) is not None

    def _name(self, caller: str, id_: str) -> str:
        # Whoever reads Redis learns neither callers nor who asked what.
        return _PREFIX + self._sealer.mark(f"{caller}\n{id_}")
