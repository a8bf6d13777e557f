"""What the words of a proposal come to: a synonym is read as what it means and told back, a word of several meanings is asked about.

Fields read what stands by itself. What turns on another fact is settled here: an authority by its country, the status that a register
shows by its authority.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .authorities import Authority, Meaning
from .errors import Problem
from .facts import Catalogue
from .situation import pointer
from .vocabulary import Ambiguous, Word, WordedSet, Words


@dataclass(frozen=True, slots=True, order=True)
class ReadAs:
    """A word of the proposal and the value as which it was read. Shapes: `note` goes on after the value, in words."""

    fact: str
    word: str
    value: str
    note: str = ""

    @property
    def text(self) -> str:
        return f"{self.fact}: “{self.word}” was read as {self.value}{self.note}."


@dataclass(frozen=True, slots=True)
class Understood:
    """Shapes: `facts` name -> typed value in the catalogue's own words; `problems` words that only the caller can settle."""

    facts: dict[str, Any]
    read_as: tuple[ReadAs, ...]
    problems: tuple[Problem, ...]


def understand(catalogue: Catalogue, stated: Mapping[str, Any]) -> Understood:
    """The facts as meant. `stated` may hold words in place of values; whatever else it holds stays as it is."""
    facts, read_as = dict(stated), []
    for name, value in stated.items():
        if type(value) is Word:
            facts[name] = str.__str__(value)
            read_as.append(ReadAs(name, value.said, facts[name]))
        elif type(value) is WordedSet:
            facts[name] = frozenset(value)
            read_as += [ReadAs(name, word.said, str.__str__(word)) for word in value.said]
    if catalogue.authorities.fact_names.isdisjoint(facts):
        return Understood(facts, tuple(sorted(read_as)), ())
    registration = _Registration(catalogue, facts)
    found, problems = registration.understood()
    return Understood(facts | {one.fact: one.value for one in found}, tuple(sorted([*read_as, *found])), tuple(problems))


def ambiguity(word: str, found: Ambiguous) -> Problem:
    """That only the caller can say what a word means."""
    return Problem("", f"“{word}” may mean {_either(found.may_mean)}: {found.because}; choose one", found.may_mean)


def _either(values: Iterable[str]) -> str:
    *first, last = values
    return f"{', '.join(first)} or {last}" if first else last


class _Registration:
    """The words of the home registration, each of which may turn on the others."""

    def __init__(self, catalogue: Catalogue, facts: Mapping[str, Any]):
        self.authorities, self.facts = catalogue.authorities, facts
        names = self.authorities.facts
        self.authority_fact, self.status_fact = names["authority"], names["status"]
        self.statuses = catalogue.facts[self.status_fact].values
        self.country, self.kinds = facts.get(names["country"]), facts.get(names["kinds"], frozenset())

    def understood(self) -> tuple[list[ReadAs], list[Problem]]:
        read_as: list[ReadAs] = []
        problems: list[Problem] = []
        stated = self.facts.get(self.authority_fact)
        authority = None
        if isinstance(stated, str):
            meanings = self.authorities.named(stated, self.country)
            meaning, problem = self._meant(stated, meanings)
            problems += [problem] if problem else []
            authority = meaning.authority if meaning else None
            if meaning and meaning.authority.id != stated:
                read_as.append(ReadAs(self.authority_fact, stated, meaning.authority.id, _succession(meaning)))
        status = self.facts.get(self.status_fact)
        if isinstance(status, str) and status not in self.statuses and not problems:
            found = self._status(status, authority)
            if isinstance(found, Problem):
                problems.append(found)
            else:
                read_as.append(ReadAs(self.status_fact, status, found))
        return read_as, problems

    def _meant(self, stated: str, meanings: list[Meaning]) -> tuple[Meaning | None, Problem | None]:
        """The one authority that a text can mean, or why only the caller can say."""
        if len({meaning.authority.id for meaning in meanings}) == 1:
            meaning = meanings[0]
            foreign = meaning.authority.country != self.country
            # Another country's authority may bear the same name, and be the one that is meant.
            if foreign and meaning.authority.shared_name and stated != meaning.authority.id and self.country not in self.authorities.countries:
                return None, None
            return meaning, None
        exact = [meaning for meaning in meanings if meaning.authority.id == stated]
        if not meanings or exact or (self.country is not None and self.country not in self.authorities.countries):
            return (exact[0] if exact else None), None
        return None, self._which(stated, meanings)

    def _which(self, stated: str, meanings: list[Meaning]) -> Problem:
        names = self.authorities.facts
        of = [f"{meaning.authority.title} of {self.authorities.countries[meaning.authority.country][0]}" for meaning in meanings]
        if self.country is None:
            text = f"“{stated}” may mean {_either(of)}; state {names['country']}, or which of them"
            return Problem(pointer(self.authority_fact), text, tuple(sorted({meaning.authority.id for meaning in meanings})))
        here = tuple(self.authorities.registering(self.country))
        text = f"“{stated}” is no authority of {self.authorities.countries[self.country][0]}; it may be {_either(of)}, and {names['country']} is {self.country}"
        return Problem(pointer(self.authority_fact), text, here)

    # -- the status that a register shows ---------------------------------------------------------------------------------

    def _status(self, word: str, authority: Authority | None) -> str | Problem:
        """What a word for the status means in the register of the authority; of an authority not said, what it means in all that may be meant."""
        if authority is not None:
            found = _look_up(word, self.authorities.status_words_of(authority, self.kinds))
            if found is not None:
                return found if isinstance(found, str) else self._unclear(word, found)
        general = _look_up(word, [self.authorities.status_words])
        if isinstance(general, str):
            return general
        own = [] if authority is not None else self._registers(word)
        meanings = {found for found in own if isinstance(found, str)}
        if len(meanings) == 1 and not any(isinstance(found, Ambiguous) for found in own) and self.country is not None:
            return meanings.pop()
        if isinstance(general, Ambiguous):
            return self._unclear(word, general)
        because = f"what it means depends on whose register says so; state {self.authority_fact}"
        return self._unclear(word, Ambiguous(tuple(self.statuses), because))

    def _registers(self, word: str) -> list[str | Ambiguous]:
        """What the registers of the country make of a word, where they have it."""
        if self.authority_fact in self.facts:
            return []
        of = self.authorities.of(self.country).values()
        found = [_look_up(word, self.authorities.status_words_of(authority, self.kinds)[:-1]) for authority in of]
        return [meaning for meaning in found if meaning is not None]

    def _unclear(self, word: str, found: Ambiguous) -> Problem:
        problem = ambiguity(word, found)
        return Problem(pointer(self.status_fact), problem.detail, problem.allowed)


def _look_up(word: str, words: Iterable[Words]) -> str | Ambiguous | None:
    for known in words:
        found = known.synonyms.get(word) or known.ambiguous.get(word)
        if found is not None:
            return found
    return None


def _succession(meaning: Meaning) -> str:
    """What follows the name of an authority that took over from the one stated."""
    if meaning.predecessor is None:
        return ""
    until = meaning.predecessor.until
    return f", the successor of the {meaning.predecessor.name} since {until.day} {until:%B} {until.year}"
