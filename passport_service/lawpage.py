"""One self-contained HTML page of a host's law, so that a lawyer can review it without reading YAML."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import amounts, deadlines
from .conditions import ALWAYS, All, Any_, Condition, Constant, Leaf, Not, Ref, leaves
from .facts import Catalogue
from .laws import Laws
from .placement import uses
from .publish import condition_words, defined, speaks_of
from .rulebook import Provision, Rulebook
from .sentences import asks

_FIELDS = {
    "opens_when": "Open when",
    "applies_when": "Applies when",
    "failed_when": "Cannot be met when",
    "satisfied_when": "Evidenced when",
    "when": "Holds when",
}
_KINDS = {
    "routes": "Routes",
    "requirements": "Requirements",
    "recognitions": "Recognition of home supervision",
    "definitions": "Definitions",
    "notices": "Notices",
}
_environment = Environment(loader=PackageLoader("passport_service"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(laws: Laws, rulebook: Rulebook, served: bool = False) -> str:
    """The page. Needs no script: the filters are style. `served`, it links to the other pages of the service."""
    rows = {kind: [_provision(laws.catalogue, rulebook, found) for found in getattr(rulebook, kind).values()] for kind in _KINDS}
    everything = [row for found in rows.values() for row in found]
    filters = {name: sorted({row[name] for row in everything}) for name in ("topic", "standing", "confidence")}
    return _environment.get_template("law.html").render(
        rulebook=rulebook, rows=rows, kinds=_KINDS, filters=filters, served=served, style=_environment.get_template("law.css").render(filters=filters)
    )


def search(laws: Laws, query: str) -> list[dict[str, str]]:
    """The provisions in which every word of a query stands, by host and id. Shapes: host, kind, id, title, says, standing, cite."""
    words = set(query.lower().split())
    found = []
    for rulebook in laws.rulebooks.values():
        for kind, name in _KINDS.items():
            for provision in getattr(rulebook, kind).values():
                last = provision.versions[-1]
                text = f"{provision.id} {last.title} {last.says} {last.cite.text} {getattr(last, 'topic', '')} {last.standing}".lower()
                if words and all(map(text.__contains__, words)):
                    row = {"host": rulebook.host, "kind": name, "id": provision.id, "title": last.title or provision.id, "says": last.says}
                    found.append({**row, "standing": last.standing, "cite": last.cite.text})
    return found


def style_hash(html: str) -> str:
    """The Content-Security-Policy source of the page's own style."""
    style = html.partition("<style>")[2].partition("</style>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'"


def _provision(catalogue: Catalogue, rulebook: Rulebook, provision: Provision) -> dict[str, Any]:
    versions = list(provision.versions)
    last = versions[-1]
    ends: list[dt.date | None] = [version.begins for version in versions[1:]] + [None]
    return {
        "id": provision.id,
        "kind": provision.kind,
        "leg": provision.leg,
        "title": last.title or last.says,
        "topic": _word(getattr(last, "topic", "") or provision.leg or provision.kind),
        "standing": "repealed" if last.repealed else last.standing,
        "confidence": str(last.provenance.confidence),
        "versions": [_version(catalogue, rulebook, version, end) for version, end in zip(versions, ends, strict=True)][::-1],
        "recognised_by": [
            found.id for found in rulebook.recognitions.values() if any(provision.id in version.requirements for version in found.versions)
        ],
        "cases": [case for case in rulebook.cases if speaks_of(case, provision.id)],
        "open_points": list(_open_points(catalogue, rulebook, provision)),
    }


def _word(text: str) -> str:
    return text.replace(" ", "_").lower()


def _version(catalogue: Catalogue, rulebook: Rulebook, version: Any, end: dt.date | None) -> dict[str, Any]:
    logic = [
        (title, tree(getattr(version, name), catalogue, rulebook))
        for name, title in _FIELDS.items()
        if _says_something(name, getattr(version, name, None))
    ]
    return {"version": version, "end": end, "logic": logic, "dues": list(_dues(catalogue, rulebook, version))}


def _dues(catalogue: Catalogue, rulebook: Rulebook, version: Any) -> Iterator[tuple[str, str]]:
    """The deadlines and amounts of a requirement, without dates and numbers of a case. Shapes: (what it is, its terms in words)."""
    for label, steps, words in (("Deadline", "deadlines", deadlines.in_words), ("Amount", "amounts", amounts.in_words)):
        for step in getattr(version, steps, ()):
            when = "" if step.when == ALWAYS else f", where {condition_words(step.when, catalogue, rulebook.definitions)}"
            says = f". {step.what['says']}" if "says" in step.what else ""
            yield label, f"{words(step.what, catalogue)}{when}{says}"


def _says_something(name: str, condition: Condition | None) -> bool:
    return condition is not None and not (isinstance(condition, Constant) and condition.holds is False and name in ("failed_when", "satisfied_when"))


def tree(condition: Condition, catalogue: Catalogue, rulebook: Rulebook) -> dict[str, Any]:
    """A condition as nested sentences. Shapes: text, the fact with its question where the text does not say it, children."""
    match condition:
        case Not(All() | Any_() as part):
            text = "not all of these hold" if isinstance(part, All) else "none of these holds"
        case Not(part):
            text, part = "this does not hold", All((part,))
        case All() as part:
            text = "all of these hold"
        case Any_() as part:
            text = "at least one of these holds"
        case Ref(definition=name):
            return {"text": defined(name, rulebook.definitions), "fact": "", "question": "", "children": [], "definition": name}
        case Leaf(fact=name):
            fact = catalogue.facts.get(name)
            question = fact.question if fact and fact.label else ""
            return {"text": asks(catalogue, condition), "fact": name if fact else "", "question": question, "children": []}
        case _:
            return {"text": condition_words(condition, catalogue, rulebook.definitions), "fact": "", "question": "", "children": []}
    return {"text": text, "fact": "", "question": "", "children": [tree(part, catalogue, rulebook) for part in part.parts]}


def _open_points(catalogue: Catalogue, rulebook: Rulebook, provision: Provision) -> Iterator[tuple[str, Mapping[str, str]]]:
    conditions = [getattr(version, name) for version in provision.versions for name in _FIELDS if getattr(version, name, None) is not None]
    read = {leaf.fact for condition in conditions for leaf, _ in leaves(condition) if isinstance(leaf, Leaf)}
    for name in set().union(*(uses(rulebook.definitions, condition) for condition in conditions)) if conditions else ():
        read |= {leaf.fact for version in rulebook.definitions[name].versions for leaf, _ in leaves(version.when) if isinstance(leaf, Leaf)}
    for name in sorted(read):
        fact = catalogue.facts.get(name)
        if fact and fact.open_point:
            yield fact.question, fact.open_point
