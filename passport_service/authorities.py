"""The authorities that register firms, by country: their names, whom they succeeded, what they grant, and what their registers' words mean.

Read from `config/authorities.yaml`. An authority that stands nowhere in it may be real all the same: it is not known, and nothing more.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .provenance import Provenance, read_provenance
from .source import Node, Report
from .values import parse_code, parse_country, parse_date
from .vocabulary import KEYS, Words, read_words, spellings

ABOUT = {"country": "country", "authority": "code", "kinds": "set", "status": "choice", "memberships": "set"}  # the facts, by their types
_REVIEW_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A body whose work an authority took over on the day `until`."""

    name: str
    words: tuple[str, ...]
    until: dt.date


@dataclass(frozen=True, slots=True)
class Authority:
    """Shapes: `grants` kinds of registration, None where they are not listed; `registered_by` of a self-regulatory body: the authority that
    registers its members; `shared_name`: authorities of other countries go by the same name; `kind_words` kind -> words of its register for that kind."""

    id: str
    country: str
    name: str
    words: tuple[str, ...]
    predecessors: tuple[Predecessor, ...]
    grants: tuple[str, ...] | None
    registered_by: str | None
    shared_name: bool
    status_words: Words
    kind_words: Mapping[str, Words]
    source: str
    provenance: Provenance

    @property
    def title(self) -> str:
        return self.id if self.id == self.name else f"{self.id} ({self.name})"


@dataclass(frozen=True, slots=True)
class Meaning:
    """An authority that a text may mean; where it names a predecessor, that."""

    authority: Authority
    predecessor: Predecessor | None = None


@dataclass(frozen=True)
class Authorities:
    """Shapes: `facts` what it is about -> the name of the fact; `countries` code -> (name, authorities by id); `text` as written, for digests."""

    facts: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, tuple[str, Mapping[str, Authority]]] = field(default_factory=dict)
    status_words: Words = Words()
    text: Any = None

    @cached_property
    def fact_names(self) -> frozenset[str]:
        """The facts that must fit each other."""
        return frozenset(self.facts.values())

    def of(self, country: str | None) -> Mapping[str, Authority]:
        """The authorities known of a country; none where no list is held, or no country is known."""
        return self.countries[country][1] if country in self.countries else {}

    def registering(self, country: str | None) -> list[str]:
        """The ids of the authorities known to register firms in a country."""
        return [authority.id for authority in self.of(country).values() if authority.registered_by is None]

    def fitting(self, known: Mapping[str, Any]) -> list[str]:
        """The ids of the authorities that may have granted the registration of which this is known."""
        authority, country = self.facts["authority"], known.get(self.facts["country"])
        return [id_ for id_ in self.registering(country) if not self.contradictions({**known, authority: id_})]

    def grants_registration(self, authority: str, country: str) -> bool:
        """Whether this is an authority known to register firms in this country."""
        return authority in self.registering(country)

    def named(self, text: str, country: str | None = None) -> list[Meaning]:
        """What a text may mean: an authority of that country if any goes by that name, else those of all countries that do."""
        found = self._by_name.get(_bare(text), [])
        here = [meaning for meaning in found if meaning.authority.country == country]
        return here or found

    @cached_property
    def _by_name(self) -> dict[str, list[Meaning]]:
        found: dict[str, list[Meaning]] = {}
        for authority in self:
            meanings = {_bare(name): Meaning(authority) for name in (authority.id, authority.name, *authority.words)}
            for predecessor in authority.predecessors:
                for name in (predecessor.name, *predecessor.words):
                    meanings.setdefault(_bare(name), Meaning(authority, predecessor))
            for name, meaning in meanings.items():
                found.setdefault(name, []).append(meaning)
        return found

    def __iter__(self) -> Iterator[Authority]:
        return (authority for _, authorities in self.countries.values() for authority in authorities.values())

    def status_words_of(self, authority: Authority, kinds: Iterable[str]) -> list[Words]:
        """The words for the status of a registration in an authority's register, those that count first coming first."""
        return [*(authority.kind_words[kind] for kind in sorted(kinds) if kind in authority.kind_words), authority.status_words, self.status_words]

    @cached_property
    def all_status_words(self) -> frozenset[str]:
        """Every word for a status that some authority uses."""
        found = [self.status_words, *(words for authority in self for words in (authority.status_words, *authority.kind_words.values()))]
        return frozenset(word for words in found for word in (*words.synonyms, *words.ambiguous))

    def unknown_text(self, stated: str | None, country: str | None) -> str | None:
        """That nothing is known of an authority here, in words without a full stop; None where that is not so, or nothing was said."""
        if country is None or stated in self.registering(country):
            return None
        if country not in self.countries:
            return f"No list of the authorities of {country} is held here"
        if stated is None:
            return None
        known = ", ".join(self.of(country)[id_].title for id_ in self.registering(country))
        return f"“{stated}” is no authority of {self.countries[country][0]} that is known here ({known} are); it may be one all the same"

    @cached_property
    def status_synonyms(self) -> frozenset[str]:
        """The words for a status that have one meaning at some authority."""
        found = [self.status_words, *(words for authority in self for words in (authority.status_words, *authority.kind_words.values()))]
        return frozenset(word for words in found for word in words.synonyms)

    # -- what cannot be ---------------------------------------------------------------------------------------------------

    def contradictions(self, known: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What the country, the authority and the kinds of one registration say against each other. Shapes: (fact, in words)."""
        id_, country = (known.get(self.facts.get(key, "")) for key in ("authority", "country"))
        if id_ is None or country is None:
            return []
        here = self.of(country).get(id_)
        if here is None:
            return self._elsewhere(id_, country)
        if here.registered_by is not None:
            text = (
                f"{here.title} is a self-regulatory body and grants no registration; the authority that registers its members is "
                f"{here.registered_by}: state that, and {here.id} under {self.facts['memberships']}"
            )
            return [(self.facts["authority"], text)]
        return self._misfits(here, known.get(self.facts["kinds"], ()))

    def _elsewhere(self, id_: str, country: str) -> list[tuple[str, str]]:
        """An authority that is one of another country. Of a country without a list, only a name that no other authority bears tells."""
        others = [found for found in self if found.id == id_]
        if not others or (country not in self.countries and any(found.shared_name for found in others)):
            return []
        of = " and ".join(sorted(self.countries[found.country][0] for found in others))
        known = f"; of {self.countries[country][0]} we know {', '.join(self.registering(country))}" if country in self.countries else ""
        return [(self.facts["authority"], f"{others[0].title} is an authority of {of}, and {self.facts['country']} is {country}{known}")]

    def _misfits(self, authority: Authority, kinds: Iterable[str]) -> list[tuple[str, str]]:
        """Kinds of registration that the authority does not grant, beside none that it does, or that nobody in the country grants."""
        if authority.grants is None or not kinds:
            return []
        all_here = [found.grants for found in self.of(authority.country).values() if found.registered_by is None]
        granted_here = None if None in all_here else {kind for grants in all_here for kind in grants or ()}
        wrong = sorted(kind for kind in kinds if granted_here is not None and kind not in granted_here)
        where = f"no authority of {self.countries[authority.country][0]} grants"
        if not wrong and set(authority.grants).isdisjoint(kinds):
            wrong, where = sorted(kinds), f"{authority.title} does not grant"
        if not wrong:
            return []
        return [(self.facts["kinds"], f"{where} this: {', '.join(wrong)}; {authority.id} grants {', '.join(authority.grants)}")]


def _bare(text: str) -> str:
    """A name without what does not tell names apart: case, accents, points, spaces, the sign for "and", and an article.

    >>> _bare("The F.C.A."), _bare("Autorité des marchés financiers"), _bare("Securities & Exchange Commission")
    ('fca', 'autoritedesmarchesfinanciers', 'securitiesandexchangecommission')
    """
    plain = unicodedata.normalize("NFKD", text).casefold().removeprefix("the ").replace("&", "and")
    return "".join(sign for sign in plain if sign.isalnum())


# -- reading ----------------------------------------------------------------------------------------------------------


def read_authorities(node: Node, facts: Mapping[str, Any], report: Report) -> Authorities:
    """The authorities of a file, against the facts that they are about; mistakes are reported."""
    return _Reader(facts, report).read(node)


class _Reader:
    def __init__(self, facts: Mapping[str, Any], report: Report):
        self.facts, self.report = facts, report
        self.sources: set[str] = set()
        self.kinds: tuple[str, ...] = ()
        self.statuses: tuple[str, ...] = ()

    def read(self, node: Node) -> Authorities:
        keys = self.report.mapping(node, ("facts", "sources", "countries"), ("status_words",))
        if not {"facts", "sources", "countries"} <= keys.keys():
            return Authorities()
        about = self._about(keys["facts"])
        if about.keys() != ABOUT.keys():
            return Authorities()
        self.kinds, self.statuses = (tuple(self.facts[about[key]].values) for key in ("kinds", "status"))
        for id_, child in self.report.open_mapping(keys["sources"]).items():
            self.report.mapping(child, ("title",), ("publisher", "url", "date", "note"))
            self.sources.add(id_)
        words = self._words(keys["status_words"]) if "status_words" in keys else Words()
        words = Words({**self._printed(), **words.synonyms}, words.ambiguous)
        countries = {}
        for code, child in self.report.open_mapping(keys["countries"]).items():
            self.report.parse(Node(code, child.file, child.line, child.column, child.path), parse_country)
            countries[code] = self._country(code, child)
        return Authorities(about, countries, words, node.plain())

    def _about(self, node: Node) -> dict[str, str]:
        found = {}
        for key, child in self.report.mapping(node, tuple(ABOUT)).items():
            name = self.report.one_of(child, self.facts, "fact")
            if name is not None and self.facts[name].type != ABOUT[key]:
                self.report.error(child, f"the type of {name} is {self.facts[name].type}; expected {ABOUT[key]}")
            elif name is not None:
                found[key] = name
        return found

    def _country(self, code: str, node: Node) -> tuple[str, dict[str, Authority]]:
        keys = self.report.mapping(node, ("name", "authorities"))
        name = self.report.text(keys["name"]) or code if "name" in keys else code
        found: dict[str, Authority] = {}
        names: dict[str, str] = {}
        for item in self.report.items(keys["authorities"], empty=False) if "authorities" in keys else ():
            authority = self._authority(code, item)
            if authority is None:
                continue
            for word in {_bare(word) for word in (authority.id, authority.name, *authority.words)}:
                if names.setdefault(word, authority.id) != authority.id or authority.id in found:
                    self.report.error(item, f"{authority.id} and {names[word]} of {name} go by one name")
            found[authority.id] = authority
        for authority in found.values() if not self.report.problems else ():
            if authority.registered_by is not None and authority.registered_by not in found:
                self.report.error(node, f"{authority.id} is registered by {authority.registered_by}, which is no authority of {name} here")
        return name, found

    def _authority(self, country: str, node: Node) -> Authority | None:
        before = len(self.report.problems)
        optional = ("words", "successor_of", "grants", "registered_by", "shared_name", "status_words", "status_words_of_kind")
        keys = self.report.mapping(node, ("id", "name", "source", "provenance"), optional)
        if len(self.report.problems) > before:
            return None
        id_, name, source = (self.report.parse(keys["id"], parse_code), self.report.text(keys["name"]), keys["source"])
        by_kind = self.report.open_mapping(keys["status_words_of_kind"]) if "status_words_of_kind" in keys else {}
        for kind, child in by_kind.items():
            self.report.one_of(Node(kind, child.file, child.line, child.column, child.path), self.kinds, "kind of registration")
        provenance = read_provenance(keys["provenance"], self.report, _REVIEW_MONTHS)
        found = {
            "words": self.report.texts(keys["words"]) if "words" in keys else (),
            "predecessors": tuple(map(self._predecessor, self.report.items(keys["successor_of"]))) if "successor_of" in keys else (),
            "grants": self._grants(keys["grants"]) if "grants" in keys else None,
            "registered_by": self.report.text(keys["registered_by"]) if "registered_by" in keys else None,
            "shared_name": "shared_name" in keys and self.report.yes_no(keys["shared_name"]) is True,
            "status_words": self._words(keys["status_words"]) if "status_words" in keys else Words(),
            "kind_words": {kind: self._words(child) for kind, child in by_kind.items()},
            "source": self.report.one_of(source, self.sources, "source") or "",
        }
        if len(self.report.problems) > before or provenance is None:
            return None
        return Authority(id=id_ or "", country=country, name=name or "", provenance=provenance, **found)

    def _predecessor(self, node: Node) -> Predecessor:
        keys = self.report.mapping(node, ("name", "until"), ("words",))
        name = self.report.text(keys["name"]) if "name" in keys else None
        until = self.report.parse(keys["until"], parse_date) if "until" in keys else None
        return Predecessor(name or "", self.report.texts(keys["words"]) if "words" in keys else (), until or dt.date.min)

    def _grants(self, node: Node) -> tuple[str, ...]:
        found = (self.report.one_of(item, self.kinds, "kind of registration") for item in self.report.items(node, empty=False))
        return tuple(kind for kind in found if kind is not None)

    def _printed(self) -> dict[str, str]:
        """The statuses as registers print them."""
        forms = in_any_case(Words({form: status for status in self.statuses for form in spellings(status)}))
        return {form: status for form, status in forms.synonyms.items() if form not in self.statuses}

    def _words(self, node: Node) -> Words:
        self.report.mapping(node, (), KEYS)
        return in_any_case(read_words(node, self.report, self.statuses, "status"))


def in_any_case(words: Words) -> Words:
    """The same words as registers print them: in small letters, with a capital, all in capitals."""
    return Words(
        *({form: found for word, found in of.items() for form in (word, word.capitalize(), word.upper())} for of in (words.synonyms, words.ambiguous))
    )
