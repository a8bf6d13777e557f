"""Many proposals, one a line: each answered in its place, in order, in memory that does not grow with their number."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from . import canonical, problems
from .cache import Finished
from .errors import PassportError, TooLargeError
from .service import Question, Service

log = logging.getLogger("passport.batch")
Told = Callable[[Finished, str], None]
CHUNK = 64  # lines that share one round trip to Redis


class Lines(Protocol):
    error: Exception | None

    def take(self, most: int, /) -> list[bytes]: ...


def decide_lines(service: Service, lines: Lines, detail: str, now: dt.datetime, longest: int, told: Told) -> Iterator[bytes]:
    """A decision or a problem for each line that is not blank. Units: `longest` bytes of a line. All lines are answered under one time."""
    number = 0
    while taken := lines.take(CHUNK):
        rows: list[tuple[int, Question | PassportError]] = []
        for line in taken:
            number += 1
            if line.strip():
                rows.append((number, _question(service, line, now, longest)))
        yield from _answers(service, rows, detail, now, told)
    if lines.error is not None:
        error = lines.error if isinstance(lines.error, PassportError) else PassportError("the lines could not be read to their end")
        yield _problem(error, number + 1)


def _question(service: Service, line: bytes, now: dt.datetime, longest: int) -> Question | PassportError:
    try:
        if len(line) > longest:
            raise TooLargeError(f"The line has more than {longest} bytes.")
        return service.put(canonical.load(line), now)
    except PassportError as error:
        return error
    except Exception as error:
        return _fault(error)


def _fault(error: Exception) -> PassportError:
    """A fault of ours in one line, which must not take the others with it."""
    log.exception("a line of a batch failed", exc_info=error)
    return PassportError("the line could not be answered")


def _answers(service: Service, rows: list[tuple[int, Question | PassportError]], detail: str, now: dt.datetime, told: Told) -> Iterator[bytes]:
    questions = [row for _, row in rows if isinstance(row, Question)]
    kept: dict[str, tuple[Finished | None, str]] = {}
    if service.cache is not None:
        ids = list(dict.fromkeys(question.id for question in questions))
        found = service.cache.find_all([(id_, detail) for id_ in ids], now)
        kept = dict(zip(ids, found, strict=True))
    for number, row in rows:
        if isinstance(row, PassportError):
            yield _problem(row, number)
            continue
        try:
            finished, how = kept.get(row.id, (None, "bypass"))
            finished = finished or service.compute(row, detail, now)
        except Exception as error:
            yield _problem(error if isinstance(error, PassportError) else _fault(error), number)
            continue
        kept[row.id] = finished, "hit-memory"  # for the same question again
        told(finished, how)
        yield finished.body + b"\n"


def _problem(error: PassportError, number: int) -> bytes:
    return canonical.dump(problems.of_error(error, line=number)) + b"\n"
