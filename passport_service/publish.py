"""The law and the catalogue as loaded, as JSON: for integrators, for browsers, and for whoever checks a citation."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from .authorities import Authorities
from .conditions import All, Any_, Condition, Constant, Leaf, Not, Ref, value_text
from .errors import UnknownNameError
from .explain import cite_json, provenance_json
from .facts import Catalogue, Fact
from .laws import Laws
from .provenance import Text
from .rulebook import Case, Provision, Rulebook, Scenario, Step, Version
from .sentences import asks
from .values import AUTHORITY_NAME, CURRENCIES, IDENTIFIERS, plain

# -- conditions -------------------------------------------------------------------------------------------------------


def condition_json(condition: Condition) -> Any:
    """A condition as it is written in a rulebook."""
    match condition:
        case Constant(holds):
            return _CONSTANTS[holds]
        case All(parts):
            return {"all": [condition_json(part) for part in parts]}
        case Any_(parts):
            return {"any": [condition_json(part) for part in parts]}
        case Not(part):
            return {"not": condition_json(part)}
        case Ref(definition=name):
            return {"definition": name}
        case Leaf(fact=fact, operator=operator, value=value):
            return {fact: {operator: _operand(operator, value)}}
    raise TypeError(f"not a condition: {condition!r}")


def _operand(operator: str, value: Any) -> Any:
    if operator in ("in", "not_in"):
        return [value_text(item) for item in value]
    if value == ():
        return []
    return value if isinstance(value, int) and not isinstance(value, bool) else value_text(value)


def condition_words(condition: Condition, catalogue: Catalogue, definitions: Mapping[str, Provision]) -> str:
    """A condition as one English sentence without a full stop; brackets say what belongs together."""

    def words(part: Condition) -> str:
        match part:
            case Constant(holds):
                return _CONSTANTS[holds]
            case All(parts):
                return " and ".join(map(within, parts))
            case Any_(parts):
                return " or ".join(map(within, parts))
            case Not(inner):
                return f"it is not so that {within(inner)}"
            case Ref(definition=name):
                return defined(name, definitions)
            case Leaf():
                return asks(catalogue, part)
        raise TypeError(f"not a condition: {part!r}")

    def within(part: Condition) -> str:
        return f"({words(part)})" if isinstance(part, (All, Any_, Not)) else words(part)

    return words(condition)


_CONSTANTS = {True: "always", False: "never", None: "nobody can say"}


def defined(name: str, definitions: Mapping[str, Provision]) -> str:
    """That a definition of a rulebook holds, as a clause with its title."""
    found = definitions.get(name)
    return f"“{found.versions[-1].title if found else name}” holds"


# -- provisions -------------------------------------------------------------------------------------------------------


def provision_json(catalogue: Catalogue, rulebook: Rulebook, provision: Provision) -> dict[str, Any]:
    """One provision with all its versions, conditions in words too, and the worked cases that speak of it."""
    found = {
        "id": provision.id,
        "kind": provision.kind.removesuffix("s"),
        "host": rulebook.host,
        "leg": provision.leg or None,
        "versions": [version_json(version) | _in_words(version, catalogue, rulebook) for version in provision.versions],
        "recognitions": [r.id for r in rulebook.recognitions.values() if any(provision.id in version.requirements for version in r.versions)],
        "cases": [case.id for case in rulebook.cases if speaks_of(case, provision.id)],
    }
    return {key: value for key, value in found.items() if value is not None}


def speaks_of(case: Case, id_: str) -> bool:
    """Whether a worked case expects anything of a provision."""
    return id_ in case.expect.get("plan", ()) or id_ in case.expect.get("routes", {}) or id_ in case.expect.get("requirements", {})


def version_json(version: Version) -> dict[str, Any]:
    """A version as loaded, every field of it. Shapes: conditions as they are written."""
    found: dict[str, Any] = {"cite": cite_json(version.cite), "provenance": provenance_json(version.provenance)}
    for name in type(version).__dataclass_fields__:
        value = getattr(version, name)
        if isinstance(value, Condition):
            found[name] = condition_json(value)
        elif name not in found:
            found["from" if name == "begins" else name] = _plain(value)
    return found


def _in_words(version: Version, catalogue: Catalogue, rulebook: Rulebook) -> dict[str, str]:
    values = {name: getattr(version, name) for name in type(version).__dataclass_fields__}
    return {
        f"{name}_words": condition_words(value, catalogue, rulebook.definitions) for name, value in values.items() if isinstance(value, Condition)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Step):
        return {**_plain(value.what), "when": condition_json(value.when)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value


def rulebook_json(catalogue: Catalogue, rulebook: Rulebook) -> dict[str, Any]:
    """A whole rulebook: head, legs, sources and every provision."""
    kinds = ("definitions", "routes", "requirements", "recognitions", "notices")
    return {
        **rulebook_line(rulebook),
        "legs": {leg: {"needed_when": condition_json(condition)} for leg, condition in rulebook.legs.items()},
        "sources": {id_: dict(source) for id_, source in rulebook.sources.items()},
        "texts": {id_: text_json(text) for id_, text in rulebook.texts.items()},
        **{kind: [provision_json(catalogue, rulebook, provision) for provision in getattr(rulebook, kind).values()] for kind in kinds},
        "cases": [
            {"id": case.id, "title": case.title, "note": case.note or None, "proposal": case.proposal, "expect": _plain(case.expect)}
            for case in rulebook.cases
        ],
    }


def rulebook_line(rulebook: Rulebook) -> dict[str, Any]:
    head = rulebook.head
    return {
        "rulebook": rulebook.name,
        "host": rulebook.host,
        "title": head.title,
        "version": head.version,
        "known_to": head.known_to.isoformat(),
        "digest": rulebook.digest,
        "covers": {
            "from": head.covers_from.isoformat(),
            "homes": "any" if head.homes is None else list(head.homes),
            "activities": list(head.activities),
        },
        "counts": {kind: len(getattr(rulebook, kind)) for kind in ("definitions", "routes", "requirements", "recognitions", "notices", "cases")},
    }


def text_json(text: Text) -> dict[str, Any]:
    """A text in which provisions were read."""
    return {"title": text.title, "version": text.version.isoformat(), "prospective": text.prospective, "url": text.url, "note": text.note or None}


def scenario_json(scenario: Scenario) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "standing": scenario.standing,
        "says": scenario.says,
        "cite": cite_json(scenario.cite),
        "hosts": list(scenario.hosts),
    }


def find_provision(laws: Laws, kind: str, id_: str) -> tuple[Rulebook, Provision]:
    """A requirement or route by its id. Raises: UnknownNameError."""
    for rulebook in laws.rulebooks.values():
        found = getattr(rulebook, kind).get(id_)
        if found is not None:
            return rulebook, found
    known = [known for rulebook in laws.rulebooks.values() for known in getattr(rulebook, kind)]
    raise UnknownNameError(kind.removesuffix("s"), id_, known)


def find_rulebook(laws: Laws, host: str) -> Rulebook:
    """Raises: UnknownNameError."""
    if host not in laws.rulebooks:
        raise UnknownNameError("rulebook of the host", host, laws.rulebooks)
    return laws.rulebooks[host]


# -- the catalogue ------------------------------------------------------------------------------------------------------

_MONEY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency"],
    "properties": {"amount": {"type": "string", "pattern": r"^[0-9]{1,18}(\.[0-9]{1,8})?$"}, "currency": {"enum": sorted(CURRENCIES)}},
}
_SHAPES: dict[str, dict[str, Any]] = {
    "yes_no": {"type": "boolean"},
    "choice": {"type": "string"},
    "set": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
    "code": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"},
    "money": {"anyOf": [{"$ref": "#/$defs/money"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/money"}}]},
    "integer": {"type": "integer", "minimum": -(10**17) + 1, "maximum": 10**18 - 1},  # what `canonical.load` reads: at most 18 characters
    "decimal": {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,8})?$"},
    "date": {"type": "string", "format": "date"},
    "text": {"type": "string", "minLength": 1, "maxLength": 200},
    "identifier": {"type": "string"},
}


def facts_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The catalogue as JSON Schema 2020-12, with the questions, units and allowed values."""
    groups: dict[str, Any] = {}
    for fact in catalogue.given():
        group = groups.setdefault(
            fact.group,
            {"type": "object", "title": catalogue.groups[fact.group], "additionalProperties": False, "properties": {}},
        )
        group["properties"][fact.name.partition(".")[2]] = _fact_schema(fact, catalogue.authorities)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The facts of a proposal",
        "description": "Absent means not known. null is refused. A set given is the whole set.",
        "type": "object",
        "properties": groups,
        "$defs": {
            "money": _MONEY,
            "unknown": {"type": "object", "const": {"unknown": True}, "description": "asked, and cannot be said"},
            "country_word": by_word(sorted(catalogue.country_words.synonyms)),
        },
    }


def _bounds(fact: Fact) -> dict[str, Any]:
    """The bounds of a fact as JSON Schema has them: of a text by a pattern, since only numbers have bounds there. The catalogue keeps to such bounds."""
    if fact.type == "integer":
        return {key: value for key, value in (("minimum", fact.minimum), ("maximum", fact.maximum)) if value is not None}
    if fact.type == "decimal" and fact.minimum is not None:
        whole, most = "[0-9]{1,18}", fact.maximum
        if most is not None:
            digits = len(str(most)) - 1  # of every number below it
            below = f"0{{0,{18 - digits}}}[0-9]{{1,{digits}}}" if digits else "0{1,18}"
            return {"pattern": rf"^({below}(\.[0-9]{{1,8}})?|0{{0,{17 - digits}}}{most}(\.0{{1,8}})?)$"}
        return {"pattern": rf"^{whole}(\.[0-9]{{1,8}})?$"}
    if fact.type == "date" and fact.minimum is not None and fact.maximum is not None:
        return {"pattern": f"^({_years(fact.minimum.year, fact.maximum.year)})-[0-9]{{2}}-[0-9]{{2}}$"}
    return {}


def _years(first: int, last: int) -> str:
    """A regular expression for the years from one to another, decade by decade and century by century where they are whole.

    >>> _years(1900, 2199), _years(1995, 2010)
    ('19[0-9]{2}|20[0-9]{2}|21[0-9]{2}', '1995|1996|1997|1998|1999|200[0-9]|2010')
    """
    found = []
    while first <= last:
        step = next(step for step in (100, 10, 1) if first % step == 0 and first + step - 1 <= last)
        found.append(f"{first:04}"[: {100: 2, 10: 3, 1: 4}[step]] + {100: "[0-9]{2}", 10: "[0-9]", 1: ""}[step])
        first += step
    return "|".join(found)


def _fact_schema(fact: Fact, authorities: Authorities) -> dict[str, Any]:
    shape = {**_SHAPES[fact.type], **_bounds(fact)}
    if fact.values:
        allowed = {"enum": list(fact.values)}
        shape = {**shape, "items": allowed} if fact.type == "set" else {**shape, **allowed}
    if fact.scheme:
        shape["pattern"] = f"^{IDENTIFIERS[fact.scheme].form}$"
    words = sorted({*fact.words.synonyms, *(authorities.status_synonyms if fact.name == authorities.facts.get("status") else ())})
    if fact.name == authorities.facts.get("authority"):
        shape = {"type": "string", "pattern": f"^{AUTHORITY_NAME.pattern}$"}
    elif words and fact.type == "set":
        shape = {**shape, "items": {"anyOf": [shape["items"], by_word(words)]}}
    described = [shape]
    if words and fact.type != "set":
        described.append({"$ref": "#/$defs/country_word"} if fact.type == "country" else by_word(words))
    found: dict[str, Any] = {
        "title": fact.question,
        "description": fact.help or None,
        "anyOf": [*described, {"$ref": "#/$defs/unknown"}],
        "x-fact": fact.name,
        "x-label": fact.label or None,
        "x-type": fact.type,
        "x-class": fact.klass,
        "x-exceptional": fact.exceptional or None,
        "x-only-if": fact.only_if or None,
        "x-unit": fact.unit,
        "x-minimum": None if fact.minimum is None or fact.type == "integer" else value_text(fact.minimum),
        "x-maximum": None if fact.maximum is None or fact.type == "integer" else value_text(fact.maximum),
        "x-scheme": fact.scheme,
        "x-values": dict(fact.values) or None,
        "x-synonyms": _synonyms(fact) or None if fact.type != "country" else None,
        "x-ambiguous": {word: list(found.may_mean) for word, found in fact.words.ambiguous.items()} or None,
        "x-authorities": _authorities(authorities) if fact.name == authorities.facts.get("authority") else None,
        "x-asked-when": condition_json(fact.asked_when) if fact.asked_when is not None else None,
        "x-open-point": dict(fact.open_point) if fact.open_point else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def by_word(words: Iterable[str]) -> dict[str, Any]:
    """Other words, each read as the value that it means, and told back in the answer."""
    either = "|".join(re.sub(r"[\\^$.*+?()\[\]{}|/]", r"\\\g<0>", word) for word in words)
    return {"type": "string", "pattern": f"^(?:{either})$", "description": "another word for one of the values, told back as it was read"}


def _synonyms(fact: Fact) -> dict[str, list[str]]:
    """The other words for each value."""
    found: dict[str, list[str]] = {}
    for word, value in fact.words.synonyms.items():
        found.setdefault(value, []).append(word)
    return found


def _authorities(authorities: Authorities) -> dict[str, dict[str, str]]:
    """The authorities known to register firms, by country."""
    return {country: {id_: authorities.of(country)[id_].name for id_ in authorities.registering(country)} for country in authorities.countries}
