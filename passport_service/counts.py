"""Numbers that several processes count together, in memory that they share: no file, so no disk can be full and nothing is left behind.

The memory is made before the first worker, so every worker has it. It is divided into slots, and a process counts in a slot of its
own, so that no two ever change the same number. When a process ends, the next one with that slot goes on from where it stopped: a sum
over all slots never goes back. What this costs when it fails is numbers, never an answer.
"""

from __future__ import annotations

import json
import logging
import mmap
import struct
import threading
from collections.abc import Iterable, Iterator

log = logging.getLogger("passport.counts")
Key = tuple[str, ...]  # the name of a number, and the values of its labels
SLOT = 256 * 1024  # bytes: some 3,000 numbers; memory that nobody has written to costs nothing
_LENGTH = struct.Struct("<Q")
_ROW = 16  # bytes before the name of a number: its value, and the length of the name


class Slot:
    """The numbers of one process. In memory: rows of a value, the length of a name, and the name, each a multiple of eight bytes."""

    def __init__(self, memory: memoryview):
        self._memory, self._values = memory, memory.cast("d")
        self._lock = threading.RLock()  # of one thread: a signal may come, and be told, while a number changes
        self._rows: dict[Key, int] = {}
        self._end, self._full = 0, False
        for row, key, _ in self._read():
            self._rows[key] = row
            self._end = _after(row, self._length(row))

    def add(self, key: Key, amount: float) -> None:
        with self._lock:
            row = self._row(key)
            if row is not None:
                self._values[row // 8] += amount

    def set(self, key: Key, value: float) -> None:
        with self._lock:
            row = self._row(key)
            if row is not None:
                self._values[row // 8] = value

    def values(self) -> Iterator[tuple[Key, float]]:
        return ((key, value) for _, key, value in self._read())

    def _row(self, key: Key) -> int | None:
        """Where a number stands; a new one gets a row, as long as there is room."""
        found = self._rows.get(key)
        return found if found is not None else self._new_row(key)

    def _new_row(self, key: Key) -> int | None:
        name, row = json.dumps(key).encode(), self._end
        end = _after(row, len(name))
        if end > len(self._memory):
            if not self._full:
                self._full = True
                log.error("there is no room for another number; %s is the first that is not counted", key[0])
            return None
        self._memory[row + _ROW : row + _ROW + len(name)] = name
        # The length comes last: others read a row only when it has one.
        _LENGTH.pack_into(self._memory, row + 8, len(name))
        self._rows[key], self._end = row, end
        return row

    def _length(self, row: int) -> int:
        return int(_LENGTH.unpack_from(self._memory, row + 8)[0])

    def _read(self) -> Iterator[tuple[int, Key, float]]:
        row = 0
        while row + _ROW <= len(self._memory) and (length := self._length(row)):
            name = bytes(self._memory[row + _ROW : row + _ROW + length])
            yield row, tuple(json.loads(name)), self._values[row // 8]
            row = _after(row, length)


class Counts:
    """The slots of all processes. Shapes: `slots` how many processes may count at the same time; `current` names numbers that end with their process."""

    def __init__(self, slots: int = 1, current: Iterable[str] = ()):
        self._slots, self._current = slots, frozenset(current)
        self._memory = memoryview(mmap.mmap(-1, slots * SLOT))
        self.mine = Slot(self._part(0))

    def free(self, taken: Iterable[int | None]) -> int | None:
        """A slot for another process, other than the first, which belongs to the one that made them."""
        return next((number for number in range(1, self._slots) if number not in taken), None)

    def enter(self, number: int | None) -> None:
        """In a new process: from now on it counts in this slot. Without one, what it counts is seen by nobody."""
        if number is None:
            log.error("there are more workers than slots to count in; what this one counts is lost")
            self.mine = Slot(memoryview(bytearray(SLOT)))
        else:
            self.leave(number)
            self.mine = Slot(self._part(number))

    def leave(self, number: int | None) -> None:
        """The process that had this slot has ended, and what was true only while it lived ends with it."""
        slot = Slot(self._part(number)) if number is not None else None
        for key, value in slot.values() if slot else ():
            if key[0] in self._current and value:
                slot.set(key, 0.0)

    def total(self) -> dict[Key, float]:
        """Every number: the sum over all processes; of what is true only while a process lives, the largest."""
        found: dict[Key, float] = {}
        for number in range(self._slots):
            for key, value in Slot(self._part(number)).values():
                before = found.get(key, 0.0)
                found[key] = max(before, value) if key[0] in self._current else before + value
        return found

    def _part(self, number: int) -> memoryview:
        return self._memory[number * SLOT : (number + 1) * SLOT]


def _after(row: int, length: int) -> int:
    return row + _ROW + -(-length // 8) * 8
