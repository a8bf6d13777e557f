"""The law as one file: every source text by its name, in one spelling, under the digest of its own bytes.

A bundle is what a receipt pins and what an archive keeps. It says on its label when it was published and which rulebooks
it holds; both follow from the texts, and opening a bundle checks that they do. A directory and a bundle are read alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from . import canonical, laws
from .errors import LawError, MalformedError, PassportError
from .laws import Laws

FORMAT = 1
MAX_BUNDLE = 64 * 1024 * 1024  # bytes; the law of two hosts is about 1.5 MB
_VERSION = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})(?:\.(\d{1,3}))?", re.ASCII)
T = TypeVar("T")


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
            found = laws.read(self.texts)
        except LawError as error:
            raise BundleError(f"This version cannot read the law of the bundle {self.label.digest}: {error.problems[0]}") from None
        if _books(found) != self.label.books:
            raise BundleError(f"The bundle {self.label.digest} does not give the rulebooks that it names, or this version reads them otherwise.")
        return found


def seal(texts: Mapping[str, str], found: Laws) -> Bundle:
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


class Archive(Generic[T]):
    """Bundles that were published, by their labels. The law of one is loaded when first asked for; the last few are kept.

    Shapes: `make` turns laws and their label into what the caller wants to keep of them. Units: `keep` bundles.
    """

    def __init__(self, make: Callable[[Laws, Label], T], keep: int = 3):
        self.make, self.keep = make, keep
        self.labels: dict[str, Label] = {}
        self._paths: dict[str, Path] = {}
        self._held: dict[str, Bundle] = {}
        self._open: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, path: Path) -> Label:
        """Takes a bundle in by its label. Raises: BundleError naming the file, OSError."""
        try:
            label = read(path.read_bytes()).label
        except BundleError as error:
            raise BundleError(f"{path}: {error}") from None
        self.labels[label.digest], self._paths[label.digest] = label, path
        return label

    def hold(self, bundle: Bundle) -> None:
        """Gives out a bundle that lies in no file: that of the law which the service was started with."""
        self._held[bundle.label.digest] = bundle

    def content(self, digest: str) -> bytes | None:
        """The bytes of a bundle, if it is here. Raises: OSError."""
        if digest in self._held:
            return self._held[digest].content()
        return self._paths[digest].read_bytes() if digest in self._paths else None

    def with_rulebook(self, digest: str) -> Label | None:
        """The latest bundle that holds a rulebook."""
        return max((label for label in self.labels.values() if label.holds(digest)), key=lambda label: label.edition, default=None)

    def stood_on(self, day: dt.date) -> Label | None:
        """The latest bundle published up to a day."""
        return max((label for label in self.labels.values() if label.published <= day), key=lambda label: label.edition, default=None)

    def open(self, digest: str) -> T:
        """What `make` makes of a bundle. Raises: BundleError when it cannot be read, or has changed since; OSError."""
        with self._lock:  # loading is dear: two threads should not both do it
            if digest not in self._open:
                bundle = read(self._paths[digest].read_bytes())
                if bundle.label.digest != digest:
                    raise BundleError(f"The file of the bundle {digest} has changed.")
                self._open[digest] = self.make(bundle.laws(), bundle.label)
            self._open.move_to_end(digest)
            while len(self._open) > self.keep:
                self._open.popitem(last=False)
            return self._open[digest]


def file_away(bundle: Bundle, directory: Path) -> Path:
    """Puts a bundle into an archive. Raises: BundleError when other law was published there as the same edition.

    A knowledge date must pick one law: whoever changes the law says so in the version of a rulebook.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for path in sorted(directory.glob("*.json")):
        other = read(path.read_bytes()).label
        if other.digest == bundle.label.digest:
            return path
        if other.edition == bundle.label.edition:
            day = bundle.label.published
            raise BundleError(f"{path.name} was published on {day} with other law; raise a rulebook's head.version to the day of this change.")
    path = directory / bundle.label.file_name
    part = path.with_suffix(".part")
    part.write_bytes(bundle.content())
    part.replace(path)
    return path


def open_archive(directory: Path | None, make: Callable[[Laws, Label], T], keep: int = 3) -> Archive[T]:
    """The archive of a directory; without one, an empty archive. Raises: BundleError, OSError."""
    archive = Archive(make, keep)
    for path in sorted(directory.glob("*.json")) if directory and directory.is_dir() else ():
        archive.add(path)
    return archive
