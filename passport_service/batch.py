"""Many proposals, one a line: each answered in its place, in order, in memory that does not grow with their number."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from . import canonical, problems
from .cache import Finished
from .errors import PassportError, TooLargeError
from .service import Question, Service

log = logging.getLogger("passport.batch")
Told = Callable[[Sequence[tuple[Finished, str]]], None]
Row = tuple[int, bytes]  # the number of a line, and what stands on it
CHUNK = 64  # lines that share one round trip to Redis


class Lines(Protocol):
    error: Exception | None

    def take(self, most: int, /) -> list[bytes]: ...


def decide_lines(service: Service, lines: Lines, detail: str, now: dt.datetime, longest: int, told: Told) -> Iterator[bytes]:
    """A decision or a problem for each line that is not blank. Units: `longest` bytes of a line. All lines are answered under one time.

    `told` is called for each chunk, with what was decided and where it was found.
    """
    number = 0
    while taken := lines.take(CHUNK):
        rows = [(number + place, line) for place, line in enumerate(taken, 1) if line.strip()]
        number += len(taken)
        yield from _Chunk(service, rows, detail, now, longest).answers(told)
    if lines.error is not None:
        error = lines.error if isinstance(lines.error, PassportError) else PassportError("the lines could not be read to their end")
        yield _problem(error, number + 1)


class _Chunk:
    """Some lines, answered together: what was answered a moment ago in the same bytes is not read again."""

    def __init__(self, service: Service, rows: Sequence[Row], detail: str, now: dt.datetime, longest: int):
        self.service, self.rows, self.detail, self.time, self.longest = service, rows, detail, now, longest
        self.kept: dict[str, tuple[Finished | None, str]] = {}  # by the id of the question

    def answers(self, told: Told) -> Iterator[bytes]:
        keys = [("line", self.detail, hashlib.sha256(line).digest()) for _, line in self.rows]
        known = [self.service.cache.recall_asked(key, self.time) if self.service.cache else None for key in keys]
        read = [None if found else self._question(line) for found, (_, line) in zip(known, self.rows, strict=True)]
        self._fetch([question for question in read if isinstance(question, Question)])
        decided = []
        try:
            for key, found, question, (number, _) in zip(keys, known, read, self.rows, strict=True):
                try:
                    finished, how = (found, "hit-memory") if found else self._answer(key, question)
                except PassportError as error:
                    yield _problem(error, number)
                    continue
                decided.append((finished, how))
                yield finished.body + b"\n"
        finally:
            told(decided)

    def _question(self, line: bytes) -> Question | PassportError:
        try:
            if len(line) > self.longest:
                raise TooLargeError(f"The line has more than {self.longest} bytes.")
            return self.service.put(canonical.load(line), self.time)
        except PassportError as error:
            return error
        except Exception as error:
            return _fault(error)

    def _fetch(self, questions: Sequence[Question]) -> None:
        if self.service.cache is not None and questions:
            ids = list(dict.fromkeys(question.id for question in questions))
            found = self.service.cache.find_all([(id_, self.detail) for id_ in ids], self.time)
            self.kept = dict(zip(ids, found, strict=True))

    def _answer(self, key: object, question: Question | PassportError) -> tuple[Finished, str]:
        """Raises: PassportError."""
        if isinstance(question, PassportError):
            raise question
        finished, how = self.kept.get(question.id, (None, "bypass"))
        try:
            finished = finished or self.service.compute(question, self.detail, self.time)
        except PassportError:
            raise
        except Exception as error:
            raise _fault(error) from error
        self.kept[question.id] = finished, "hit-memory"  # for the same question again
        if self.service.cache is not None:
            self.service.cache.remember_asked(key, self.service.until_asked_anew(question, finished), self.time)
        return finished, how


def _fault(error: Exception) -> PassportError:
    """A fault of ours in one line, which must not take the others with it."""
    log.exception("a line of a batch failed", exc_info=error)
    return PassportError("the line could not be answered")


def _problem(error: PassportError, number: int) -> bytes:
    return canonical.dump(problems.of_error(error, line=number)) + b"\n"
