"""What can go wrong, as data: every error says what was found, what was expected and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice


class PassportError(Exception):
    """The root of everything this project raises on purpose."""


MOST_SHOWN = 50  # problems: a body may have thousands


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a proposal. `pointer` is a JSON pointer (RFC 6901) into the body.

    `found` is a word that is none of `among`: what was meant is looked for once it is known that the problem is shown.
    """

    pointer: str
    detail: str
    allowed: tuple[str, ...] = ()
    did_you_mean: str | None = None
    found: str | None = None
    among: Iterable[str] = ()

    def with_suggestion(self) -> Problem:
        """The problem as it is shown: with what was probably meant, where something known is close to what was found."""
        meant = self.did_you_mean if self.found is None else closest(self.found, self.among) or self.did_you_mean
        return Problem(self.pointer, self.detail, self.allowed, meant)

    def as_json(self) -> dict[str, object]:
        found: dict[str, object] = {"pointer": self.pointer, "detail": self.detail}
        if self.allowed:
            found["allowed"] = list(self.allowed)
        if self.did_you_mean:
            found["did_you_mean"] = self.did_you_mean
        return found


class ProposalError(PassportError):
    """A proposal cannot be understood. Carries every problem found, at most `MOST_SHOWN` of them; `more` says that there are others."""

    def __init__(self, problems: Iterable[Problem], more: bool = False):
        first = list(islice(problems, MOST_SHOWN + 1))  # no more than these are ever made, where they are made one by one
        self.more = more or len(first) > MOST_SHOWN
        self.problems = tuple(sorted((problem.with_suggestion() for problem in first[:MOST_SHOWN]), key=lambda p: (p.pointer, p.detail)))
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems) + ("; and more" if self.more else ""))


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


class BadRequestError(PassportError):
    """The request's head is not HTTP as we accept it."""


class MisdirectedError(PassportError):
    """The request is addressed to a host that we do not answer as."""


class CrossSiteError(PassportError):
    """Another site's page made a browser send this."""


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
        super().__init__(f"There is no {kind} {name[:80]!r}.{hint}")


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


# -- what was probably meant --------------------------------------------------------------------------------------------

_LONGEST_WORD = 80  # characters: a body may hold anything, and a longer word is a slip of none of ours
_MOST_SLIPS = 2
_TOO_MANY = _MOST_SLIPS + 1
_NEGATIONS = ("not", "non", "un", "in", "no", "dis")
_SEPARATORS = re.compile(r"[\W_]+")
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
Parts = tuple[str, ...]


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word of which this one is a slip of the pen; None where none is close, or two are equally close.

    Case, separators and leading zeros are no difference. Otherwise the parts between separators are compared one by one: a letter or
    two may be wrong, lacking, too many or transposed. Another digit is another provision, two letters are mostly a country, and a
    negation is the opposite: none of these is a slip.

    >>> closest("client.knd", ["client.kind", "token.model"]), closest("us-r3", ["US-R03", "US-R30"])
    ('client.kind', 'US-R03')
    >>> closest("US-ZZ-99", ["US-TS-09"]), closest("uk_ats", ["us_ats"]), closest("unlisted", ["listed"])
    (None, None, None)
    """
    return _vocabulary(tuple(known)).closest(word) if len(word) <= _LONGEST_WORD else None


class _Vocabulary:
    """Known words, so laid out that a word is compared only with those of about its length and with its digits."""

    def __init__(self, words: Iterable[str]):
        self._joined: dict[str, list[str]] = {}
        self._by_size: dict[tuple[Parts, int], list[tuple[str, Parts]]] = {}
        for word in words:
            parts = _split(word)
            self._joined.setdefault("".join(parts), []).append(word)
            self._by_size.setdefault((_fixed(parts), sum(map(len, parts))), []).append((word, parts))

    def closest(self, word: str) -> str | None:
        parts = _split(word)
        found = self._joined.get("".join(parts)) or self._nearest(parts)
        return found[0] if len(found) == 1 else None

    def _nearest(self, parts: Parts) -> list[str]:
        """The known words at the least distance that is close."""
        size, fixed = sum(map(len, parts)), _fixed(parts)
        found: dict[int, list[str]] = {}
        for other in range(size - _MOST_SLIPS, size + _MOST_SLIPS + 1):
            for word, known in self._by_size.get((fixed, other), ()):
                found.setdefault(_slips(parts, known), []).append(word)
        found.pop(_TOO_MANY, None)
        return found[min(found)] if found else []


_vocabulary = lru_cache(512)(_Vocabulary)


def _split(word: str) -> Parts:
    """The parts between separators, in small letters."""
    return tuple(filter(None, _SEPARATORS.split(word.casefold())))


def _fixed(parts: Parts) -> Parts:
    """What no slip changes: how many parts there are, and which signs but zeros make up those with digits."""
    return tuple("" if part.isalpha() else "".join(sorted(part.replace("0", ""))) for part in parts)


def _slips(parts: Parts, known: Parts) -> int:
    """How many slips lead from one word to another, as far as that is close."""
    differing = [(one, other) for one, other in zip(parts, known, strict=True) if one != other]
    count = 0
    for one, other in sorted(differing, key=lambda pair: len(pair[0])) if len(differing) > 1 else differing:  # what is short is soon compared
        count += _part_slips(one, other)
        if count > _MOST_SLIPS:
            return _TOO_MANY
    return count


def _part_slips(one: str, other: str) -> int:
    if _LEADING_ZEROS.sub("", one) == _LEADING_ZEROS.sub("", other):
        return 0
    if not (one.isalpha() and other.isalpha()) or (len(one) == len(other) <= 3):
        return 1 if sorted(one) == sorted(other) else _TOO_MANY  # with digits, or too short to tell a slip from another word
    most = _MOST_SLIPS if max(len(one), len(other)) >= 8 else 1
    # A slip changes two letters of those that stand in either at most: that is soon counted, and rules most words out.
    if abs(len(one) - len(other)) > most or len(set(one) ^ set(other)) > 2 * most or _opposite(one, other):
        return _TOO_MANY
    found = _distance(one, other)
    return found if found <= most else _TOO_MANY


def _opposite(one: str, other: str) -> bool:
    """Whether the longer is the shorter with a negation in it."""
    short, long = sorted((one, other), key=len)
    return any(
        long[:at] + long[at + len(prefix) :] == short
        for prefix in _NEGATIONS
        if len(long) - len(short) == len(prefix)
        for at in range(len(short) + 1)
        if long.startswith(prefix, at)
    )


def _distance(one: str, other: str) -> int:
    """Letters wrong, lacking, too many or transposed (optimal string alignment)."""
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    start = next((place for place, (mine, theirs) in enumerate(zip(one, other, strict=False)) if mine != theirs), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, sign in enumerate(one, 1):
        before, last, row = row, before, [place]
        for at, theirs in enumerate(other, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (sign != theirs)))
            if place > 1 and at > 1 and sign == other[at - 2] and one[place - 2] == theirs:
                row[at] = min(row[at], last[at - 2] + 1)
    return row[-1]
