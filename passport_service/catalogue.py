"""Reads the fact catalogue, `config/facts.yaml`: strictly, and everything wrong with it at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .calendars import Calendar
from .conditions import All, Condition, ConditionReader, Leaf, leaves
from .facts import ACTIVITIES, Bound, Catalogue, Derived, Fact, Guard
from .source import Node, Report
from .values import IDENTIFIERS, parse_date, parse_decimal, parse_integer

TYPES = ("yes_no", "choice", "set", "country", "code", "money", "integer", "decimal", "date", "text", "identifier")
CLASSES = ("circumstance", "term", "arrangement")
_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", re.ASCII)

# -- the closed list of derivations: input keys, options, the type they give --------------------------------------------

DERIVATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "days": (("from", "to"), (), "integer"),
    "business_days": (("from", "to"), ("calendar",), "integer"),
    "months": (("from", "to"), ("count",), "integer"),
    "date_plus": (("date",), ("days", "business_days", "months", "calendar"), "date"),
    "sum": ((), (), ""),
    "difference": ((), (), ""),
    "ratio": (("of", "to"), (), "decimal"),
    "among": (("value", "set"), (), "yes_no"),
}
_NUMBERS = ("money", "integer", "decimal")
BOUNDED: dict[str, Callable[[str], Any]] = {"integer": parse_integer, "decimal": parse_decimal, "money": parse_decimal, "date": parse_date}
_FITS = {"from": ("date",), "to": ("date",), "date": ("date",), "set": ("set",), "value": ("choice", "country", "code")}


def read_catalogue(node: Node, calendars: Mapping[str, Calendar], report: Report, published: bool = False) -> Catalogue:
    """The catalogue; mistakes are reported, and the result is then good only for finding more of them.

    One that was `published` earlier need not state bounds: it had none.
    """
    return _CatalogueReader(report, calendars, published).read(node)


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
        keys = self.report.mapping(node, ("groups", "facts"), ("core", "start", "limits", "bounds", "derived"))
        limits = self.report.mapping(keys["limits"], (), ("money", "date")) if "limits" in keys else {}
        self.limits = {type_: self._limits(type_, limits[type_]) for type_ in limits}
        groups = self.report.open_mapping(keys["groups"]) if "groups" in keys else {}
        nodes = self.report.open_mapping(keys["facts"]) if "facts" in keys else {}
        for name, child in nodes.items():
            self._fact(name, child, groups)
        self._derivations(self.report.open_mapping(keys["derived"]) if "derived" in keys else {})
        titles, exists, group_guards = self._groups(groups)
        self._guards(nodes, exists, group_guards)
        core, start = (self._names(keys[key]) if key in keys else () for key in ("core", "start"))
        if ACTIVITIES not in self.facts:
            self.report.error(node, f"the catalogue needs {ACTIVITIES}")
        bounds = tuple(filter(None, map(self._bound, self.report.items(keys["bounds"])))) if "bounds" in keys else ()
        return Catalogue(self.facts, titles, exists, self.derived, bounds, self._guard_order(node), core, self.calendars, _text(node), start)

    def _fact(self, name: str, node: Node, groups: Mapping[str, Node]) -> None:
        optional = ("exceptional", "only_if", "asked_when", "unit", "scheme", "help", "values", "open", "open_point", "minimum", "maximum")
        keys = self.report.mapping(node, ("type", "class", "question"), optional)
        if not _NAME.fullmatch(name) or name.partition(".")[0] not in groups:
            self.report.error(node, f"a fact's name is group.name of a known group; {name!r} is not")
        type_ = self.report.one_of(keys["type"], TYPES, "type") if "type" in keys else None
        klass = self.report.one_of(keys["class"], CLASSES, "class") if "class" in keys else None
        flags = {key: self.report.yes_no(keys[key]) is True for key in ("exceptional", "open") if key in keys}
        texts = {key: self.report.text(keys[key]) or "" for key in ("question", "help", "only_if", "unit") if key in keys}
        values = self.report.open_mapping(keys["values"]) if "values" in keys else {}
        if type_ in ("choice", "set") and not values and not flags.get("open"):
            self.report.error(node, f"a {type_} fact lists its `values`")
        if flags.get("exceptional", False) != ("only_if" in keys):
            self.report.error(node, "an exceptional fact, and only that, finishes the sentence `only_if`")
        if type_ in ("integer", "decimal") and "unit" not in keys:
            self.report.error(node, "a number carries its `unit`")
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
        self.facts[name] = Fact(
            name, type_ or "text", klass or "circumstance", values=labels, scheme=scheme, open_point=open_point, **flags, **texts, **limits
        )

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
        return Bound(found[0].name, found[1].name)

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
            inputs = [self._input(arguments[key], _NUMBERS if function == "ratio" else _FITS[key]) for key in names if key in arguments]
            options = {key: self._option(key, arguments[key]) for key in optional if key in arguments}
        else:
            inputs = [self._input(child, _NUMBERS) for child in self.report.items(keys[function], empty=False)]
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
            exceptional=any(fact.exceptional for fact in inputs),
            only_if=next((fact.only_if for fact in inputs if fact.exceptional), ""),
            unit={"days": "days", "business_days": "business days", "months": "months", "ratio": "per cent"}.get(derived.function),
        )
        self.derived[derived.name] = derived

    def _input(self, node: Node, types: tuple[str, ...] | None) -> Fact | None:
        fact = self._known(self.report.text(node), node)
        if fact and types and fact.type not in types:
            self.report.error(node, f"the type of {fact.name} is {fact.type}; expected {' or '.join(types)}")
            return None
        return fact

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
