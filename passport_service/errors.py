"""What can go wrong, as data: every error says what was found, what was expected and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class PassportError(Exception):
    """The root of everything this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a proposal. `pointer` is a JSON pointer (RFC 6901) into the body."""

    pointer: str
    detail: str
    allowed: tuple[str, ...] = ()
    did_you_mean: str | None = None

    def as_json(self) -> dict[str, object]:
        found: dict[str, object] = {"pointer": self.pointer, "detail": self.detail}
        if self.allowed:
            found["allowed"] = list(self.allowed)
        if self.did_you_mean:
            found["did_you_mean"] = self.did_you_mean
        return found


class ProposalError(PassportError):
    """A proposal cannot be understood. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(sorted(problems, key=lambda p: (p.pointer, p.detail)))
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems))


class MalformedError(PassportError):
    """The bytes are not the JSON we accept: syntax, duplicate members, depth, numbers that are no integers."""


class TooLargeError(PassportError):
    """The body is larger than the limit."""


class NotAcceptableError(PassportError):
    """The caller accepts nothing that we can give."""


class UnsupportedMediaError(PassportError):
    """The body is not of a media type that we read."""


class BadQueryError(PassportError):
    """A query parameter or preference cannot be used."""


class UnauthorizedError(PassportError):
    """The caller has shown no key that we know."""


class ForbiddenError(PassportError):
    """The caller's key does not go so far."""


class RateLimitedError(PassportError):
    """The caller asks too often. Units: `seconds` until asking again may help."""

    def __init__(self, text: str, seconds: int):
        super().__init__(text)
        self.seconds = seconds


class NotKeptError(PassportError):
    """A decision is asked for by its id, and is no longer kept."""


class UnknownNameError(PassportError):
    """A rulebook, requirement, route or fact of that name does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()):
        self.kind, self.name = kind, name
        self.did_you_mean = closest(name, known)
        hint = f" Did you mean {self.did_you_mean}?" if self.did_you_mean else ""
        super().__init__(f"There is no {kind} {name!r}.{hint}")


class NoRulebookError(PassportError):
    """No rulebook is active, so nothing can be decided."""


@dataclass(frozen=True, slots=True, order=True)
class LawProblem:
    """One mistake in the law as written, at the place where it stands. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path or '(top)'}: {self.detail}"


class LawError(PassportError):
    """The law as written does not load. Carries every mistake found."""

    def __init__(self, problems: Iterable[LawProblem]):
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None.

    >>> closest("client.knd", ["client.kind", "token.model"])
    'client.kind'
    """
    # A body may hold anything: comparing a very long word with hundreds of names would cost seconds.
    if len(word) > 80:
        return None
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
