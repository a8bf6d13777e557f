"""Remembered results of pure functions: a decision is one, and so are its parts. At most so many are kept."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice
from typing import Any


class Memo(dict[Hashable, Any]):
    """A dict that forgets its older half when it is full, so that memory stays flat. Read it with `get`; None is never a result."""

    __slots__ = ("most",)

    def __init__(self, most: int):
        super().__init__()
        self.most = most

    def keep(self, key: Hashable, result: Any) -> Any:
        """Remembers a result, and returns it. Two threads may both work a result out; it is the same."""
        if len(self) >= self.most:
            for old in list(islice(self, self.most // 2)):
                self.pop(old, None)
        self[key] = result
        return result
