"""Read YAML into nodes that know where they stand, so that every mistake has a file, line, column and path.

Scalars stay text: the schema of whoever reads them gives them a type. Anchors, aliases, tags and duplicate keys are
refused. A `Report` collects every mistake, so that an author sees them all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .errors import LawError, LawProblem, closest

T = TypeVar("T")
FACTS, AUTHORITIES = "facts.yaml", "authorities.yaml"
FOLDERS = ("calendars", "rulebooks", "scenarios")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A scalar (`str`), a list of nodes, or a mapping of nodes, with its place. Lines and columns count from 1."""

    value: str | list[Node] | dict[str, Node]
    file: str
    line: int
    column: int
    path: str

    def plain(self) -> Any:
        """The same content without places: for digests."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        return [child.plain() for child in self.value] if isinstance(self.value, list) else self.value


class Report:
    """Collects mistakes. Reading goes on after one, so that all of them can be told."""

    def __init__(self) -> None:
        self.problems: list[LawProblem] = []

    def error(self, node: Node, detail: str) -> None:
        self.problems.append(LawProblem(node.file, node.line, node.column, node.path, detail))

    def check(self) -> None:
        """Raises: LawError when anything was wrong."""
        if self.problems:
            raise LawError(self.problems)

    # -- typed readings of one node; each returns None after a mistake ------------------------------------------

    def mapping(self, node: Node, required: Iterable[str] = (), optional: Iterable[str] = ()) -> dict[str, Node]:
        """The members of a mapping with a closed set of keys."""
        if not isinstance(node.value, dict):
            self.error(node, f"expected a mapping, found {_kind(node)}")
            return {}
        known = [*required, *optional]
        for key, child in node.value.items():
            if key not in known:
                meant = closest(key, known)
                self.error(child, f"unknown key {key!r}" + (f"; did you mean {meant!r}?" if meant else f"; known: {', '.join(known)}"))
        for key in required:
            if key not in node.value:
                self.error(node, f"missing {key!r}")
        return {key: child for key, child in node.value.items() if key in known}

    def open_mapping(self, node: Node) -> dict[str, Node]:
        if isinstance(node.value, dict):
            return node.value
        self.error(node, f"expected a mapping, found {_kind(node)}")
        return {}

    def items(self, node: Node, empty: bool = True) -> list[Node]:
        if not isinstance(node.value, list):
            self.error(node, f"expected a list, found {_kind(node)}")
            return []
        if not node.value and not empty:
            self.error(node, "an empty list says nothing; write it out or leave it out")
        return node.value

    def text(self, node: Node) -> str | None:
        if not isinstance(node.value, str) or not node.value.strip():
            self.error(node, f"expected text, found {_kind(node)}")
            return None
        return " ".join(node.value.split())

    def texts(self, node: Node, empty: bool = True) -> tuple[str, ...]:
        found = [self.text(item) for item in self.items(node, empty)]
        return tuple(text for text in found if text is not None)

    def parse(self, node: Node, parser: Callable[[str], T]) -> T | None:
        """Text through a parser that raises ValueError with what was expected."""
        text = self.text(node)
        if text is None:
            return None
        try:
            return parser(text)
        except ValueError as error:
            self.error(node, f"{text!r} is {error}")
            return None

    def one_of(self, node: Node, allowed: Iterable[str], what: str = "value") -> str | None:
        text = self.text(node)
        allowed = list(allowed)
        if text is None or text in allowed:
            return text
        meant = closest(text, allowed)
        self.error(node, f"unknown {what} {text!r}; " + (f"did you mean {meant!r}?" if meant else f"known: {', '.join(allowed[:40])}"))
        return None

    def yes_no(self, node: Node) -> bool | None:
        text = self.one_of(node, ("yes", "no"), "answer")
        return None if text is None else text == "yes"


def _kind(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return f"{node.value!r}" if node.value else "nothing"


def read_files(root: Path) -> dict[str, str]:
    """Every source text of a directory of law by its name, such as `rulebooks/us/head.yaml`: all that a digest covers.

    Raises: LawError for each file that is not UTF-8.
    """
    found, problems = {}, []
    paths = [
        root / FACTS,
        *(path for path in [root / AUTHORITIES] if path.is_file()),
        *(path for folder in FOLDERS for path in (root / folder).rglob("*.yaml")),
    ]
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            found[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(LawProblem(name, 1, 1, "", "the file is not UTF-8"))
    if problems:
        raise LawError(problems)
    return dict(sorted(found.items()))


def parse(text: str, name: str, report: Report) -> Node:
    """YAML text as a node. An empty text is an empty mapping."""
    empty = Node({}, name, 1, 1, "")
    try:
        events = yaml.parse(text, Loader=_Loader)
        found = _Builder(events, name, report).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        report.problems.append(LawProblem(name, line, column, "", f"not YAML: {error.problem or error.context}"))
        return empty
    except RecursionError:
        report.problems.append(LawProblem(name, 1, 1, "", "nested too deeply to be law"))
        return empty
    except yaml.YAMLError as error:  # characters that YAML does not allow carry no mark
        report.problems.append(LawProblem(name, 1, 1, "", f"not YAML: {error}".splitlines()[0]))
        return empty
    return found or empty


class _Builder:
    def __init__(self, events: Iterable[Any], name: str, report: Report):
        self.events, self.name, self.report = iter(events), name, report

    def document(self) -> Node | None:
        found = None
        for event in self.events:
            if isinstance(event, (yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent, yaml.AliasEvent)):
                node = self.node(event, "")
                if found is not None:
                    self.report.error(node, "a second document in one file")
                found = found or node
        return found

    def node(self, event: Any, path: str) -> Node:
        place = (self.name, event.start_mark.line + 1, event.start_mark.column + 1, path)
        if isinstance(event, yaml.AliasEvent):
            node = Node("", *place)
            self.report.error(node, "aliases are not used here; write it out")
            return node
        if event.anchor or event.tag:
            self.report.error(Node("", *place), "anchors and tags are not used here; write it out")
        if isinstance(event, yaml.ScalarEvent):
            return Node(event.value, *place)
        if isinstance(event, yaml.SequenceStartEvent):
            children: list[Node] = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                children.append(self.node(event, f"{path}[{len(children)}]"))
            return Node(children, *place)
        return Node(self._members(path), *place)

    def _members(self, path: str) -> Mapping[str, Node]:
        members: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, path)
            name = key.value if isinstance(key.value, str) else None
            child = self.node(next(self.events), f"{path}.{name}" if path else str(name))
            if name is None:
                self.report.error(key, "a key must be text")
            elif name in members:
                self.report.error(key, f"the key {name!r} stands twice")
            else:
                # A mistake in a member is told at its key: that is where an author looks.
                members[name] = Node(child.value, self.name, key.line, key.column, child.path)
        return members
