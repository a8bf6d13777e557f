"""The law as it was published, bundle by bundle: which one a proposal names, and the laws of those that are asked for."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from .bundle import Bundle, BundleError, Label, read
from .errors import Problem, ProposalError
from .laws import Laws
from .values import parse_date

KEEP = 3  # bundles whose law stays in memory: 20 to 40 MB each
T = TypeVar("T")


class Archive(Generic[T]):
    """Bundles that were published, by their labels. The law of one is loaded when first asked for; the last few are kept.

    Shapes: `make` turns laws and their label into what the caller wants to keep of them. Units: `keep` bundles.
    """

    def __init__(self, make: Callable[[Laws, Label], T], keep: int = KEEP):
        self.make, self.keep = make, keep
        self.labels: dict[str, Label] = {}
        self._paths: dict[str, Path] = {}
        self.current: Bundle | None = None
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
        """The law that the service was started with, which lies in no file of the archive."""
        self.current = bundle

    def all_labels(self) -> dict[str, Label]:
        return {**self.labels, **({self.current.label.digest: self.current.label} if self.current else {})}

    def content(self, digest: str) -> bytes | None:
        """The bytes of a bundle, if it is here. Raises: OSError."""
        if self.current and self.current.label.digest == digest:
            return self.current.content()
        return self._paths[digest].read_bytes() if digest in self._paths else None

    def named(self, body: Any, now: dt.datetime) -> Label | None:
        """The bundle whose law a proposal names: by a rulebook's digest, or as it stood on a day. None where it names none.

        Raises: ProposalError when no such law is held, or the day has not come: nobody knows what will be published.
        """
        named = {name: body[name] for name in ("rulebook", "known_on") if name in body} if isinstance(body, dict) else {}
        if len(named) == 2:
            raise ProposalError([Problem("/known_on", "name the rulebook or the day on which it stood, not both")])
        if isinstance(named.get("rulebook"), str):
            return self._with_rulebook(named["rulebook"], body.get("host"))
        try:
            day = parse_date(named["known_on"]) if isinstance(named.get("known_on"), str) else None
        except ValueError:
            day = None  # the schema says what is wrong with it
        return self._stood_on(day, now.astimezone(dt.UTC).date()) if day else None

    def _with_rulebook(self, digest: str, host: Any) -> Label:
        held = self.all_labels().values()
        found = self._latest(label for label in held if any(book.digest == digest for book in label.books))
        if found is None:
            digests = {book.digest for label in held for book in label.books if book.host == host}
            raise ProposalError([Problem("/rulebook", "no rulebook of that digest is held here", tuple(sorted(digests)))])
        return found

    def _stood_on(self, day: dt.date, today: dt.date) -> Label:
        if day > today:
            raise ProposalError([Problem("/known_on", f"{day} has not come, so nobody knows how the law will stand then")])
        held = self.all_labels().values()
        found = self._latest(label for label in held if label.published <= day)
        if found is None:
            first = min(label.published for label in held)
            raise ProposalError([Problem("/known_on", f"the first law held here was published on {first}")])
        return found

    def _latest(self, labels: Iterable[Label]) -> Label | None:
        """The last edition; of two of the same, that which the service was started with."""
        current = self.current.label if self.current else None
        return max(labels, key=lambda label: (label.edition, label == current), default=None)

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


def open_archive(directory: Path | None, make: Callable[[Laws, Label], T], keep: int = KEEP) -> Archive[T]:
    """The archive of a directory; without one, an empty archive. Raises: BundleError, OSError."""
    archive = Archive(make, keep)
    for path in sorted(directory.glob("*.json")) if directory and directory.is_dir() else ():
        archive.add(path)
    return archive
