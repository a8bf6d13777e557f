"""Reads the fact catalogue, `config/facts.yaml`: strictly, and everything wrong with it at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .calendars import Calendar
from .conditions import All, Condition, ConditionReader, Leaf, leaves
from .facts import ACTIVITIES, Bound, Catalogue, Contradiction, Derived, Fact, Guard
from .source import Node, Report
from .values import COUNTRIES, IDENTIFIERS, parse_date, parse_decimal, parse_integer
from .vocabulary import KEYS as WORDS
from .vocabulary import Words, read_words, spellings

TYPES = ("yes_no", "choice", "set", "country", "code", "money", "integer", "decimal", "date", "text", "identifier")
CLASSES = ("circumstance", "term", "arrangement")
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)

# -- the closed list of derivations: input keys, options, the type they give --------------------------------------------

DERIVATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "days": (("from", "to"), (), "integer"),
    "business_days": (("from", "to"), ("calendar",), "integer"),
    "months": (("from", "to"), ("count",), "integer"),
    "date_plus": (("date",), ("days", "business_days", "months", "calendar"), "date"),
    "month_end": (("date",), (), "date"),
    "sum": ((), (), ""),
    "difference": ((), (), ""),
    "ratio": (("of", "to"), (), "decimal"),
    "among": (("value", "set"), (), "yes_no"),
    "known_authority": (("authority", "country"), (), "yes_no"),
}
_NUMBERS = ("money", "integer", "decimal")
BOUNDED: dict[str, Callable[[str], Any]] = {"integer": parse_integer, "decimal": parse_decimal, "money": parse_decimal, "date": parse_date}
_FITS = {
    "from": ("date",),
    "to": ("date",),
    "date": ("date",),
    "set": ("set",),
    "value": ("choice", "country", "code"),
    "authority": ("code",),
    "country": ("country",),
}


def read_catalogue(node: Node, calendars: Mapping[str, Calendar], report: Report, published: bool = False) -> Catalogue:
    """The catalogue; mistakes are reported, and the result is then good only for finding more of them.

    One that was `published` earlier need not state bounds: it had none.
    """
    return _CatalogueReader(report, calendars, published).read(node)


def fact_of_type(node: Node, facts: Mapping[str, Fact], types: Collection[str], report: Report) -> Fact | None:
    """The fact that a text names, if there is one and it has one of these types (none: any)."""
    fact = facts.get(report.one_of(node, facts, "fact") or "")
    if fact and types and fact.type not in types:
        report.error(node, f"the type of {fact.name} is {fact.type}; expected {' or '.join(types)}")
        return None
    return fact


def _text(node: Node) -> Any:
    """The catalogue's content; the order of bounds says nothing, that of a fact's values is the order in which they are offered."""
    found = node.plain()
    for fact in found.get("facts", {}).values() if isinstance(found, dict) and isinstance(found.get("facts"), dict) else ():
        if isinstance(fact, dict) and isinstance(fact.get("values"), dict):
            fact["values"] = [list(pair) for pair in fact["values"].items()]
    return {**found, "bounds": sorted(found.get("bounds", []), key=str)} if isinstance(found, dict) else found


def _bounds_mistake(type_: str, low: Any, high: Any) -> str:
    """What is wrong with the bounds of a fact, or "". They must be such that JSON Schema can say them of a text: of a decimal by its digits, of a day by its year."""
    if low is not None and high is not None and low > high:
        return f"the minimum {low} is more than the maximum {high}"
    if type_ in ("decimal", "money") and not (low in (None, 0) and (high is None or re.fullmatch("10*", str(high)))):
        return "the minimum of a decimal is 0, and its maximum a power of ten, so that a schema can say so"
    if type_ == "date" and not ((low is None or (low.month, low.day) == (1, 1)) and (high is None or (high.month, high.day) == (12, 31))):
        return "the minimum of a day is the first of a year, and its maximum the last of one, so that a schema can say so"
    return ""


class _CatalogueReader:
    def __init__(self, report: Report, calendars: Mapping[str, Calendar], published: bool):
        self.report, self.calendars, self.published = report, calendars, published
        self.facts: dict[str, Fact] = {}
        self.derived: dict[str, Derived] = {}
        self.limits: dict[str, dict[str, Any]] = {}  # of all facts of a type, where a fact states none of its own

    def read(self, node: Node) -> Catalogue:
        optional = ("core", "start", "limits", "bounds", "contradictions", "derived", "countries")
        keys = self.report.mapping(node, ("groups", "facts"), optional)
        limits = self.report.mapping(keys["limits"], (), ("money", "date")) if "limits" in keys else {}
        self.limits = {type_: self._limits(type_, limits[type_]) for type_ in limits}
        groups = self.report.open_mapping(keys["groups"]) if "groups" in keys else {}
        nodes = self.report.open_mapping(keys["facts"]) if "facts" in keys else {}
        for name, child in nodes.items():
            self._fact(name, child, groups)
        for name, child in nodes.items():
            if isinstance(child.value, dict) and "words_of" in child.value:
                self._shared_words(name, child.value["words_of"])
        self._derivations(self.report.open_mapping(keys["derived"]) if "derived" in keys else {})
        titles, exists, group_guards = self._groups(groups)
        self._guards(nodes, exists, group_guards)
        core, start = (self._names(keys[key]) if key in keys else () for key in ("core", "start"))
        if ACTIVITIES not in self.facts:
            self.report.error(node, f"the catalogue needs {ACTIVITIES}")
        bounds = tuple(filter(None, map(self._bound, self.report.items(keys["bounds"])))) if "bounds" in keys else ()
        contradictions = self._contradictions(keys["contradictions"]) if "contradictions" in keys else ()
        countries = self._country_words(keys["countries"]) if "countries" in keys else Words()
        self.facts |= {name: replace(fact, words=countries) for name, fact in self.facts.items() if fact.type == "country"}
        return Catalogue(
            facts=self.facts,
            groups=titles,
            exists=exists,
            derived=self.derived,
            bounds=bounds,
            guards=self._guard_order(node),
            core=core,
            calendars=self.calendars,
            text=_text(node),
            start=start,
            contradictions=contradictions,
            country_words=countries,
        )

    def _fact(self, name: str, node: Node, groups: Mapping[str, Node]) -> None:
        optional = (
            *("label", "exceptional", "only_if", "asked_when", "unit", "scheme", "help", "values", "open", "open_point", "minimum", "maximum"),
            *("words_of", *WORDS),
        )
        keys = self.report.mapping(node, ("type", "class", "question"), optional)
        if not _NAME.fullmatch(name) or name.partition(".")[0] not in groups:
            self.report.error(node, f"a fact's name is group.name of a known group; {name!r} is not")
        type_ = self.report.one_of(keys["type"], TYPES, "type") if "type" in keys else None
        klass = self.report.one_of(keys["class"], CLASSES, "class") if "class" in keys else None
        flags = {key: self.report.yes_no(keys[key]) is True for key in ("exceptional", "open") if key in keys}
        texts = {key: self.report.text(keys[key]) or "" for key in ("question", "label", "help", "only_if", "unit") if key in keys}
        values = self.report.open_mapping(keys["values"]) if "values" in keys else {}
        if type_ in ("choice", "set") and not values and not flags.get("open"):
            self.report.error(node, f"a {type_} fact lists its `values`")
        if flags.get("exceptional", False) != ("only_if" in keys):
            self.report.error(node, "an exceptional fact, and only that, finishes the sentence `only_if`")
        if type_ in ("integer", "decimal") and "unit" not in keys:
            self.report.error(node, "a number carries its `unit`")
        if "label" in keys and type_ in ("yes_no", "set"):
            self.report.error(keys["label"], "yes, no and several values are told as answers to the question: such a fact has no label")
        scheme = self.report.one_of(keys["scheme"], IDENTIFIERS, "scheme") if "scheme" in keys else None
        if (type_ == "identifier") != ("scheme" in keys):
            self.report.error(node, "an identifier, and only that, names its `scheme`")
        open_point = None
        if "open_point" in keys:
            point = self.report.mapping(keys["open_point"], ("who", "text"))
            open_point = {key: self.report.text(child) or "" for key, child in point.items()}
        labels = {value: self.report.text(child) or value for value, child in values.items()}
        limits = {**self.limits.get(type_ or "", {}), **self._limits(type_ or "", node)}
        if type_ in ("integer", "decimal") and len(limits) < 2 and not self.published:
            self.report.error(node, "a number states its `minimum` and its `maximum`")
        words = self._words(node, type_ or "text", labels, flags.get("open", False))
        self.facts[name] = Fact(
            name,
            type_ or "text",
            klass or "circumstance",
            values=labels,
            scheme=scheme,
            open_point=open_point,
            words=words,
            **flags,
            **texts,
            **limits,
        )

    def _words(self, node: Node, type_: str, values: Mapping[str, str], open_: bool) -> Words:
        """What else the values may be called. Any code may stand in an open fact, so there a word may mean any."""
        if type_ not in ("choice", "set", "code"):
            if isinstance(node.value, dict) and node.value.keys() & set(WORDS):
                self.report.error(node, f"a fact of type {type_} has no words for its values")
            return Words()
        found = read_words(node, self.report, None if open_ or type_ == "code" else values, "value")
        return Words({**{form: value for value in values for form in spellings(value) if form not in values}, **found.synonyms}, found.ambiguous)

    def _shared_words(self, name: str, node: Node) -> None:
        """The words of another fact that has the same values, and perhaps more."""
        other, fact = self._known(self.report.text(node), node), self.facts[name]
        if other is None:
            return
        if not fact.open and fact.values.keys().isdisjoint(other.values):
            self.report.error(node, f"{name} and {other.name} have no value in common")
        means = {word: value for word, value in other.words.synonyms.items() if fact.open or value in fact.values}
        may_mean = {word: found for word, found in other.words.ambiguous.items() if fact.open or set(found.may_mean) <= fact.values.keys()}
        self.facts[name] = replace(fact, words=Words({**means, **fact.words.synonyms}, {**may_mean, **fact.words.ambiguous}))

    def _country_words(self, node: Node) -> Words:
        self.report.mapping(node, (), WORDS)
        return read_words(node, self.report, COUNTRIES, "country")

    def _limits(self, type_: str, node: Node) -> dict[str, Any]:
        """The bounds that stand at a node, of a fact or of all facts of a type."""
        nodes = {key: node.value[key] for key in ("minimum", "maximum") if isinstance(node.value, dict) and key in node.value}
        if nodes and type_ not in BOUNDED:
            self.report.error(node, f"only a number, an amount or a day has bounds; this is a {type_ or 'fact of no type'}")
            return {}
        found = {key: self.report.parse(child, BOUNDED[type_]) for key, child in nodes.items()}
        mistake = _bounds_mistake(type_, found.get("minimum"), found.get("maximum"))
        if mistake:
            self.report.error(node, mistake)
        return found

    def _names(self, node: Node) -> tuple[str, ...]:
        names = self.report.texts(node)
        for name in names:
            self._known(name, node)
        return names

    def _known(self, name: str | None, node: Node) -> Fact | None:
        if name is not None and name not in self.facts:
            self.report.one_of(Node(name, node.file, node.line, node.column, node.path), self.facts, "fact")
        return self.facts.get(name or "")

    def _bound(self, node: Node) -> Bound | None:
        keys = self.report.mapping(node, ("fact", "at_most"))
        found = [self._known(self.report.text(child), child) for child in keys.values()]
        if len(found) < 2 or None in found:
            return None
        if found[0].type != found[1].type or found[0].type not in ("money", "integer", "decimal", "date", "yes_no"):
            self.report.error(node, "both facts of a bound have one ordered type")
            return None
        low, high = found
        # Learning the one may settle the other, and no circumstance may decide a term, nor make a special case hold.
        announced = low.exceptional == high.exceptional or (low.exceptional and low.type == "yes_no")
        if not announced or (not low.exceptional and (low.klass == "circumstance") != (high.klass == "circumstance")):
            self.report.error(node, f"{low.name} and {high.name} are not of one class: learning the one could not be told from deciding the other")
            return None
        return Bound(found[0].name, found[1].name)

    def _contradictions(self, node: Node) -> tuple[Contradiction, ...]:
        """Facts that cannot all be so. They read what is stated: a derived fact follows from others, which are to be named."""
        found = []
        for item in self.report.items(node):
            keys = self.report.mapping(item, ("when", "says"))
            if len(keys) < 2:
                continue
            reader = ConditionReader(self.facts, self.report)
            when = reader.read(keys["when"])
            read = {leaf.fact for leaf, _ in leaves(when) if isinstance(leaf, Leaf)}
            for ref in reader.refs:
                self.report.error(ref.node, "the catalogue knows no definitions; test the facts")
            for name in sorted(read & self.derived.keys()):
                self.report.error(keys["when"], f"{name} is derived; name the facts that it follows from")
            if len(read) < 2:
                self.report.error(keys["when"], "a contradiction is between two facts or more")
            found.append(Contradiction(when, self.report.text(keys["says"]) or "", tuple(name for name in self.facts if name in read)))
        return tuple(found)

    # -- derivations --------------------------------------------------------------------------------------------------

    def _derivations(self, nodes: Mapping[str, Node]) -> None:
        for name, node in nodes.items():
            if not _NAME.fullmatch(name) or not name.startswith("derived."):
                self.report.error(node, f"a derived fact is called derived.name; {name!r} is not")
        pending = dict(nodes)
        while pending:  # a derivation may use another that stands further down
            ready = [name for name, node in pending.items() if not self._mentions(node) & pending.keys()]
            if not ready:
                for node in pending.values():
                    self.report.error(node, f"derived facts go round in a circle: {', '.join(sorted(pending))}")
                return
            for name in ready:
                self._derivation(name, pending.pop(name))

    def _mentions(self, node: Node) -> set[str]:
        if isinstance(node.value, str):
            return {node.value}
        children = node.value.values() if isinstance(node.value, dict) else node.value
        return set().union(*map(self._mentions, children))

    def _derivation(self, name: str, node: Node) -> None:
        keys = self.report.mapping(node, ("says",), tuple(DERIVATIONS))
        functions = [key for key in keys if key != "says"]
        if len(functions) != 1:
            self.report.error(node, f"a derived fact has exactly one function of: {', '.join(DERIVATIONS)}")
            return
        function = functions[0]
        names, optional, type_ = DERIVATIONS[function]
        options: dict[str, Any] = {}
        if names:
            arguments = self.report.mapping(keys[function], names, optional)
            types = {key: _NUMBERS if function == "ratio" else _FITS[key] for key in names}
            inputs = [fact_of_type(arguments[key], self.facts, types[key], self.report) for key in names if key in arguments]
            options = {key: self._option(key, arguments[key]) for key in optional if key in arguments}
        else:
            inputs = [fact_of_type(child, self.facts, _NUMBERS, self.report) for child in self.report.items(keys[function], empty=False)]
        if None in inputs:
            return
        if function == "date_plus" and len(options.keys() - {"calendar"}) != 1:
            self.report.error(node, "date_plus adds exactly one of days, business_days and months")
        if function == "difference" and len(inputs) != 2:
            self.report.error(node, "a difference has two inputs")
        if function in ("sum", "difference", "ratio") and len({fact.type for fact in inputs}) > 1:
            self.report.error(node, "the inputs have one type")
        if ("calendar" in options) != (function == "business_days" or "business_days" in options):
            self.report.error(node, "business days, and only they, name their calendar")
        self._add_derived(
            Derived(name, function, tuple(fact.name for fact in inputs), self.report.text(keys["says"]) or "", options),
            type_ or inputs[0].type,
            inputs,
        )

    def _add_derived(self, derived: Derived, type_: str, inputs: list[Fact]) -> None:
        classes = {fact.klass for fact in inputs}
        # What may stand where follows the strictest input. (While unknown it reads as its unknown inputs do: see situation.)
        klass = next(known for known in ("arrangement", "circumstance", "term") if known in classes)
        self.facts[derived.name] = Fact(
            derived.name,
            type_,
            klass,
            question=derived.says,
            label=derived.says,
            exceptional=any(fact.exceptional for fact in inputs),
            only_if=next((fact.only_if for fact in inputs if fact.exceptional), ""),
            unit={"days": "days", "business_days": "business days", "months": "months", "ratio": "per cent"}.get(derived.function),
        )
        self.derived[derived.name] = derived

    def _option(self, key: str, node: Node) -> Any:
        if key == "calendar":
            return self.report.one_of(node, self.calendars, "calendar")
        if key == "count":
            return self.report.one_of(node, ("complete", "started"), "way of counting")
        return self.report.parse(node, parse_integer)

    # -- guards ---------------------------------------------------------------------------------------------------------

    def _groups(self, groups: Mapping[str, Node]) -> tuple[dict[str, str], dict[str, str], dict[str, Node]]:
        titles, exists, guards = {}, {}, {}
        for name, node in groups.items():
            keys = self.report.mapping(node, ("title",), ("exists", "asked_when"))
            titles[name] = self.report.text(keys["title"]) or name if "title" in keys else name
            if "exists" in keys:
                fact = self._known(self.report.text(keys["exists"]), keys["exists"])
                if fact and (fact.type != "yes_no" or fact.group != name):
                    self.report.error(keys["exists"], "what says whether a group exists is a yes_no fact of that group")
                elif fact:
                    exists[name] = fact.name
            if "asked_when" in keys:
                guards[name] = keys["asked_when"]
        return titles, exists, guards

    def _guards(self, nodes: Mapping[str, Node], exists: Mapping[str, str], groups: Mapping[str, Node]) -> None:
        """Gives every guarded fact its `asked_when`: its own, its group's, and that its group exists."""
        reader = ConditionReader(self.facts, self.report)
        group_guards = {name: reader.read(node) for name, node in groups.items()}
        for name, node in groups.items():
            self._check_guard(node, group_guards[name])
        for name, fact in list(self.facts.items()):
            if name in self.derived:
                continue
            parts: list[Condition] = []
            if fact.group in exists and name != exists[fact.group]:
                parts.append(Leaf(exists[fact.group], "is", True))
            if fact.group in group_guards:
                parts.append(group_guards[fact.group])
            own = nodes[name].value.get("asked_when") if isinstance(nodes[name].value, dict) else None
            if own is not None:
                parts.append(reader.read(own))
                self._check_guard(own, parts[-1])
            if parts:
                self.facts[name] = replace(fact, asked_when=parts[0] if len(parts) == 1 else All(tuple(parts)))
        for ref in reader.refs:
            self.report.error(ref.node, "the catalogue knows no definitions; test the facts")

    def _check_guard(self, node: Node, condition: Condition) -> None:
        for leaf, _ in leaves(condition):
            fact = self.facts.get(leaf.fact) if isinstance(leaf, Leaf) else None
            if fact and (fact.exceptional or fact.klass == "arrangement" or fact.name in self.derived):
                self.report.error(node, f"{fact.name} is exceptional, an arrangement or derived; a guard reads none of these")

    def _guard_order(self, node: Node) -> tuple[Guard, ...]:
        needs = {
            name: {leaf.fact for leaf, _ in leaves(fact.asked_when) if isinstance(leaf, Leaf)}
            for name, fact in self.facts.items()
            if fact.asked_when is not None
        }
        try:
            order = [name for name in TopologicalSorter(needs).static_order() if name in needs]
        except CycleError as error:
            self.report.error(node, f"guards go round in a circle: {', '.join(sorted(set(error.args[1])))}")
            return ()
        # A guard is evaluated after the guards of the facts it reads; facts of one depth and one guard share it.
        depth: dict[str, int] = {}
        grouped: dict[tuple[int, Condition], list[str]] = {}
        for name in order:
            depth[name] = 1 + max((depth.get(need, 0) for need in needs[name]), default=0)
            grouped.setdefault((depth[name], self.facts[name].asked_when), []).append(name)
        return tuple(Guard(when, tuple(names)) for (_, when), names in sorted(grouped.items(), key=lambda item: item[0][0]))
