"""The words that people use for the values of a fact: those with one meaning, and those that may mean several.

Read beside the values, from the catalogue of facts and the list of authorities. What a proposal's words come to is `understanding`'s to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .source import Node, Report
from .values import parse_code

KEYS = ("synonyms", "ambiguous")


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A word with several meanings. Shapes: `may_mean` the values among which only the caller can choose."""

    may_mean: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Words:
    """Shapes: `synonyms` word -> the value that it means; `ambiguous` word -> the values that it may mean."""

    synonyms: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, Ambiguous] = field(default_factory=dict)


class Word(str):
    """A value that was stated by another word. Equal to the value; `said` is the word."""

    said: str

    def __new__(cls, value: str, said: str) -> Word:
        found = super().__new__(cls, value)
        found.said = said
        return found


class WordedSet(frozenset[str]):
    """A set some of whose members were stated by other words. Equal to the set of values; `said` are these words."""

    said: tuple[Word, ...]

    def __new__(cls, members: Iterable[str]) -> WordedSet:
        members = tuple(members)
        found = super().__new__(cls, map(str.__str__, members))
        found.said = tuple(member for member in members if isinstance(member, Word))
        return found


def spellings(word: str) -> tuple[str, ...]:
    """A word as it may be written: a value's underscores may be spaces.

    >>> spellings("pension_fund"), spellings("cash")
    (('pension_fund', 'pension fund'), ('cash',))
    """
    return tuple(dict.fromkeys([word, word.replace("_", " ")]))


def read_words(node: Node, report: Report, values: Collection[str] | None, what: str) -> Words:
    """The words of a mapping that has `synonyms` and `ambiguous`. `values` are what they may mean (None: any code), `what` names one of these."""
    return _Reader(report, values, what).read(node)


class _Reader:
    def __init__(self, report: Report, values: Collection[str] | None, what: str):
        self.report, self.values, self.what = report, values, what
        self.seen: set[str] = set()

    def read(self, node: Node) -> Words:
        members = node.value if isinstance(node.value, dict) else {}
        synonyms: dict[str, str] = {}
        ambiguous: dict[str, Ambiguous] = {}
        for value, child in self.report.open_mapping(members["synonyms"]).items() if "synonyms" in members else ():
            meant = self._value(Node(value, child.file, child.line, child.column, child.path))
            synonyms |= dict.fromkeys(self._words(child), meant)
        for item in self.report.items(members["ambiguous"], empty=False) if "ambiguous" in members else ():
            keys = self.report.mapping(item, ("words", "may_mean", "because"))
            if len(keys) == 3:
                may_mean = tuple(map(self._value, self.report.items(keys["may_mean"], empty=False)))
                ambiguous |= dict.fromkeys(self._words(keys["words"]), Ambiguous(may_mean, self.report.text(keys["because"]) or ""))
        return Words(synonyms, ambiguous)

    def _value(self, node: Node) -> str:
        return (self.report.parse(node, parse_code) if self.values is None else self.report.one_of(node, self.values, self.what)) or ""

    def _words(self, node: Node) -> list[str]:
        """The words of a list, each in all its spellings. A word has one meaning, or several, in one place."""
        found = []
        for item in self.report.items(node, empty=False):
            word = self.report.text(item)
            if word is None:
                continue
            if self.values is not None and word in self.values:
                self.report.error(item, f"{word!r} is a {self.what} itself and needs no other meaning")
            if word in self.seen:
                self.report.error(item, f"{word!r} stands here twice; a word has one meaning, or several in one place")
            self.seen.update(spellings(word))
            found += spellings(word)
        return found
