"""The law as one file: every source text by its name, in one spelling, under the digest of its own bytes.

A bundle is what a receipt pins and what an archive keeps. It says on its label when it was published and which rulebooks
it holds; both follow from the texts, and opening a bundle checks that they do. A directory and a bundle are read alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import canonical, laws
from .errors import LawError, MalformedError, PassportError
from .laws import Laws

FORMAT = 1
MAX_BUNDLE = 64 * 1024 * 1024  # bytes; the law of two hosts is about 1.5 MB
_VERSION = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})(?:\.(\d{1,3}))?", re.ASCII)


class BundleError(PassportError):
    """A bundle cannot be made, read or kept."""


@dataclass(frozen=True, slots=True)
class Book:
    """One rulebook of a bundle; under a scenario, a rulebook of its own."""

    host: str
    scenario: str | None
    version: str
    digest: str

    def as_json(self) -> dict[str, str | None]:
        return {"host": self.host, "scenario": self.scenario, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Label:
    """What a bundle says of itself. `digest` is that of its bytes: `sha256sum` over the file gives it."""

    digest: str
    books: tuple[Book, ...]

    @property
    def edition(self) -> tuple[dt.date, int]:
        """(the day on which it was published, which one of that day): the latest version among its rulebooks."""
        return max(_edition(book.version) for book in self.books)

    @property
    def published(self) -> dt.date:
        return self.edition[0]

    def holds(self, digest: str) -> bool:
        return any(book.digest == digest for book in self.books)

    def as_json(self) -> dict[str, Any]:
        return {"digest": self.digest, "published": self.published.isoformat(), "rulebooks": [book.as_json() for book in self.books]}

    @property
    def file_name(self) -> str:
        return f"law-{self.published}-{self.digest[7:19]}.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The law of a label. Shapes: `texts` name -> source text."""

    label: Label
    texts: Mapping[str, str]

    def content(self) -> bytes:
        return _content(self.texts, self.label.books)

    def laws(self) -> Laws:
        """The laws. Raises: BundleError when they do not load, or are not those on the label."""
        try:
            found = laws.read(self.texts, published=True)
        except LawError as error:
            raise BundleError(f"This version cannot read the law of the bundle {self.label.digest}: {error.problems[0]}") from None
        if _books(found) != self.label.books:
            raise BundleError(f"The bundle {self.label.digest} does not give the rulebooks that it names, or this version reads them otherwise.")
        return found


def bind(texts: Mapping[str, str], found: Laws) -> Bundle:
    """The bundle of law that has been read. Raises: BundleError where a rulebook's version is no day."""
    books = _books(found)
    label = Label("sha256:" + hashlib.sha256(_content(texts, books)).hexdigest(), books)
    if not books or not label.edition:
        raise BundleError("There is no rulebook to put into a bundle.")
    return Bundle(label, texts)


def read(content: bytes) -> Bundle:
    """A bundle from its bytes. Raises: BundleError, saying what was found."""
    if len(content) > MAX_BUNDLE:
        raise BundleError(f"The bundle has {len(content)} bytes; at most {MAX_BUNDLE} are read.")
    try:
        found = canonical.read(content)
    except MalformedError as error:
        raise BundleError(f"Not a bundle of law: {error}") from None
    if not isinstance(found, dict) or found.keys() != {"bundle", "published", "rulebooks", "texts"} or found["bundle"] != FORMAT:
        raise BundleError(f"Not a bundle of law of format {FORMAT}.")
    texts, rows = found["texts"], found["rulebooks"]
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()) or not isinstance(rows, list) or not rows:
        raise BundleError("Not a bundle of law: expected texts by name, and at least one rulebook.")
    label = Label("sha256:" + hashlib.sha256(content).hexdigest(), tuple(_book(row) for row in rows))
    if found["published"] != label.published.isoformat():
        raise BundleError("Not a bundle of law: the day of publication is not that of its latest rulebook.")
    return Bundle(label, texts)


def _content(texts: Mapping[str, str], books: Iterable[Book]) -> bytes:
    books = tuple(books)
    published = Label("", books).published.isoformat() if books else None
    return canonical.dump({"bundle": FORMAT, "published": published, "rulebooks": [book.as_json() for book in books], "texts": dict(texts)})


def _books(found: Laws) -> tuple[Book, ...]:
    books = [Book(host, scenario, rulebook.head.version, rulebook.digest) for (host, scenario), rulebook in found.all_rulebooks()]
    return tuple(sorted(books, key=lambda book: (book.host, book.scenario or "")))


def _book(row: Any) -> Book:
    keys = ("host", "scenario", "version", "digest")
    if (
        not isinstance(row, dict)
        or row.keys() != set(keys)
        or not all(isinstance(row[key], str) or (key, row[key]) == ("scenario", None) for key in keys)
    ):
        raise BundleError("Not a bundle of law: a rulebook is named by host, scenario, version and digest.")
    return Book(**row)


def _edition(version: str) -> tuple[dt.date, int]:
    """
    >>> _edition("2026.11.22"), _edition("2026.11.22.2")
    ((datetime.date(2026, 11, 22), 1), (datetime.date(2026, 11, 22), 2))
    """
    found = _VERSION.fullmatch(version)
    try:
        if found:
            return dt.date(*map(int, found.groups()[:3])), int(found[4] or 1)
    except ValueError:
        pass
    raise BundleError(f"The version {version!r} of a rulebook is not the day on which it was published, such as 2026.11.22 (or 2026.11.22.2).")
