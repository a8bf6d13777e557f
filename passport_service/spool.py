"""Lines read from a caller as they come, whatever the caller does with our answers.

A caller may send everything before reading anything. If we answered each line before reading the next, both sides could
wait for each other for ever; if we kept what is unread in memory, a large batch would fill it. So a thread reads ahead
into a file. Who states a small length has all of it ready: that is read at once.
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from typing import Protocol

from .errors import TooLargeError

BLOCK = 64 * 1024
AT_ONCE = 256 * 1024
IN_MEMORY = 1024 * 1024  # what is read ahead beyond this lies on disk


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class Spool:
    """The lines of a stream. Units: `longest` bytes of a line, `total` bytes of all of them, `stated` how many the caller says there are."""

    def __init__(self, stream: Stream, longest: int, total: int, stated: int | None = None):
        self._stream, self._longest, self._total = stream, longest, total
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (closed by `close`)
        self._more = threading.Condition()
        self._written, self._read_to, self._rest = 0, 0, b""
        self._ended, self._closed = False, False
        self.error: Exception | None = None  # why reading ended before the caller did
        if stated is not None and stated <= min(AT_ONCE, total):
            self._fill_at_once(stated)
        else:
            threading.Thread(target=self._fill, name="passport-spool", daemon=True).start()

    def take(self, most: int) -> list[bytes]:
        """The lines that have come, without their ends: at least one, at most so many; none when there are no more.

        A line longer than allowed comes cut, one byte too long.
        """
        while True:
            lines, self._rest = _cut(self._rest, most)
            if lines:
                return lines
            if len(self._rest) > self._longest:
                return [self._skip_line()]
            block = self._block()
            if not block:
                last, self._rest = self._rest, b""
                return [last] if last and self.error is None else []
            self._rest += block

    def _skip_line(self) -> bytes:
        """Goes past the end of a line that is too long, keeping only its beginning."""
        kept = self._rest[: self._longest + 1]
        while b"\n" not in self._rest:
            self._rest = self._block()
            if not self._rest:
                return kept
        self._rest = self._rest.partition(b"\n")[2]
        return kept

    def _block(self) -> bytes:
        """The next bytes; waits for them. Empty at the end."""
        with self._more:
            self._more.wait_for(lambda: self._read_to < self._written or self._ended)
            try:
                self._file.seek(self._read_to)
                block = self._file.read(min(BLOCK, self._written - self._read_to))
            except OSError as error:  # what was kept did not find room after all
                self.error, self._ended, self._written = error, True, self._read_to
                return b""
            self._read_to += len(block)
            if self._read_to == self._written and not self._ended:
                # All is read: start the file again, so that a long batch read in step leaves nothing behind.
                self._file.seek(0)
                self._file.truncate()
                self._read_to = self._written = 0
            return block

    def _fill_at_once(self, stated: int) -> None:
        try:
            self._rest, self._ended = self._stream.read(stated), True
        except Exception as error:  # the caller went away
            self._end(error)

    def _fill(self) -> None:
        taken = 0
        try:
            # By lines: reading so many bytes would wait for them all, though a line has come.
            while not self._closed and (block := self._stream.readline(BLOCK)):
                taken += len(block)
                if taken > self._total:
                    self._end(TooLargeError(f"The batch has more than {self._total} bytes; the lines up to here were answered."))
                    self._discard()
                    return
                if not self._keep(block):
                    if not self._closed:
                        self._discard()
                    return
            self._end(None)
        except Exception as error:  # the caller went away: whoever takes the lines is told
            self._end(error)

    def _keep(self, block: bytes) -> bool:
        """Whether it is still worth reading on."""
        with self._more:
            if self._closed:
                return False
            try:
                self._file.seek(self._written)
                self._file.write(block)
                self._file.flush()
            except OSError as error:  # there is no room: whoever takes the lines is told
                self._end(error)
                return False
            self._written += len(block)
            self._more.notify()
            return True

    def _end(self, error: Exception | None) -> None:
        with self._more:
            self.error, self._ended = error, True
            self._more.notify()

    def _discard(self) -> None:
        """Takes what a caller still sends, as much again at most: who is cut off while sending never reads the answer."""
        left = self._total
        while left > 0 and (block := self._stream.readline(BLOCK)):
            left -= len(block)

    def close(self) -> None:
        """Ends the reading; what has come and was not taken is forgotten."""
        with self._more:
            self._closed = self._ended = True
            with suppress(OSError):  # it may still try to write
                self._file.close()
            self._more.notify()


def _cut(text: bytes, most: int) -> tuple[list[bytes], bytes]:
    parts = text.split(b"\n", most)
    return [part.removesuffix(b"\r") for part in parts[:-1]], parts[-1]
