"""Reads the law as written: strictly, and everything wrong with it at once, with file, line, column and path.

Unknown or duplicate keys, unknown facts, values, ids and sources, wrong operators and units, backward dates, empty `all`,
circles, missing citation or provenance, and facts of a class that may not stand where they stand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from . import canonical
from .amounts import read_amount
from .cases import CaseReader, read_untried
from .conditions import ALWAYS, NEVER, All, Condition, ConditionReader, Ref
from .corrections import corrected, read_correction
from .deadlines import read_deadline
from .facts import Catalogue
from .placement import check_placement, check_standing
from .provenance import Text, read_provenance, read_texts
from .rulebook import (
    DUE,
    LEGS,
    MODES,
    PARTIES,
    STANDINGS,
    STOPS,
    Citation,
    DefinitionVersion,
    Head,
    NoticeVersion,
    Provision,
    RecognitionVersion,
    RequirementVersion,
    Role,
    RouteVersion,
    Rulebook,
    Step,
)
from .source import Node, Report
from .values import CURRENCIES, parse_country, parse_date, parse_integer

KINDS = ("definitions", "routes", "requirements", "recognitions", "notices")
_VERSION = ("from", "title", "standing", "cite", "says", "provenance")
_VERSION_OPTIONAL = ("repealed", "correction")
# what each kind of provision must and may say beyond that
_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "definitions": (("when",), ("without",)),
    "routes": (("headline", "opens_when"), ("activities", "plays", "not_with")),
    "requirements": (
        ("duty_on", "due", "stops", "applies_when", "check"),
        ("topic", "on_routes", "only_when", "failed_when", "satisfied_when", "deadline", "amount"),
    ),
    "recognitions": (("requirements", "mode", "when"), ("on_routes",)),
    "notices": (("when",), ("on_routes", "text")),
}


class RulebookReader:
    """Reads the files of one host into one rulebook."""

    def __init__(self, catalogue: Catalogue, report: Report, published: bool = False):
        self.catalogue, self.report = catalogue, report
        self.published = published  # law that was published is read as it stands; what is asked of authors since does not unmake it
        self.sources: dict[str, dict[str, str]] = {}
        self.texts: dict[str, Text] = {}
        self.refs: list[Ref] = []
        self.roles: set[str] = set(PARTIES)
        self.firm_roles: set[str] = {"firm"}  # the roles that the firm may play, whoever else does
        self.roles_used: list[Node] = []
        self.ids: list[tuple[str, Node]] = []  # (kind, node) of every id referred to
        self.checks: list[tuple[str, Condition]] = []  # (place, condition) still to be checked for the classes of its facts
        self.recognising: list[tuple[Node, RecognitionVersion]] = []
        self.review_months = 6

    def read(self, files: list[Node], name: str) -> Rulebook | None:
        parts: dict[str, list[Node]] = {}
        for file in files:
            optional = ("rulebook", "host", "head", "legs", "sources", "texts", "given", "cases", "untried", "corrections", *KINDS)
            keys = self.report.mapping(file, (), optional)
            for key, node in keys.items():
                parts.setdefault(key, []).append(node)
            if "given" in keys and "cases" not in keys:
                self.report.error(keys["given"], "`given` belongs to the `cases` of its own file")
        top = {key: self._once(parts, key, name) for key in ("rulebook", "host", "head", "legs")}
        for node in parts.get("sources", []):
            self.read_sources(node)
        for node in parts.get("texts", []):
            for id_ in (found := read_texts(node, self.report)).keys() & self.texts.keys():
                self.report.error(node, f"the text {id_!r} stands twice")
            self.texts |= found
        if None in top.values():
            return None
        head = self._head(top["head"])
        self.roles |= head.roles.keys() if head else set()
        self.firm_roles |= roles_of_firm(head) if head else set()
        legs = self._legs(top["legs"])
        found = {kind: self.provisions(kind, parts.get(kind, [])) for kind in KINDS}
        found = corrected(found, parts.get("corrections", []), self.report)
        self.check_references(found)
        tried = {
            "cases": CaseReader(self.catalogue, self.report, str(top["host"].value)).read(files),
            "untried": read_untried(parts.get("untried", []), self.report),
        }
        text = {key: top[key].plain() for key in top} | {kind: texts_of(parts.get(kind, [])) for kind in KINDS}
        calendars = [found.plain() for _, found in sorted(self.catalogue.calendars.items())]
        text |= {"sources": texts_of(parts.get("sources", [])), "texts": texts_of(parts.get("texts", [])), "facts": self.catalogue.text}
        text |= {"calendars": calendars}
        text |= {"corrections": texts_of(parts["corrections"])} if "corrections" in parts else {}
        text |= {"authorities": self.catalogue.authorities.text} if self.catalogue.authorities.text is not None else {}
        rulebook, host = self.report.text(top["rulebook"]), self.report.text(top["host"])
        return head and Rulebook(rulebook or "", host or "", head, legs, self.sources, self.texts, **found, **tried, digest=canonical.digest(text))

    def _once(self, parts: Mapping[str, list[Node]], key: str, name: str) -> Node | None:
        nodes = parts.get(key, [])
        if not nodes:
            self.report.error(Node("", name, 1, 1, ""), f"no file of this rulebook has {key!r}")
            return None
        for again in nodes[1:]:
            self.report.error(again, f"{key!r} stands in {nodes[0].file} already")
        return nodes[0]

    def read_sources(self, node: Node) -> None:
        for id_, child in self.report.open_mapping(node).items():
            keys = self.report.mapping(child, ("title",), ("publisher", "url", "date", "note"))
            if id_ in self.sources:
                self.report.error(child, f"the source {id_!r} stands twice")
            self.sources[id_] = {key: self.report.text(value) or "" for key, value in keys.items()}

    # -- head and legs --------------------------------------------------------------------------------------------------

    def _head(self, node: Node) -> Head | None:
        before = len(self.report.problems)
        names = ("title", "version", "known_to", "timezone", "calendar", "currency", "covers")
        keys = self.report.mapping(node, names, ("review_months", "ancillary", "roles"))
        covers = self.report.mapping(keys["covers"], ("from", "homes", "activities")) if "covers" in keys else {}
        if len(report := self.report.problems) > before:
            return None
        if "review_months" in keys:
            self.review_months = self.report.parse(keys["review_months"], parse_integer) or 6
        homes = None
        if covers["homes"].value != "any":
            homes = tuple(self.report.parse(item, parse_country) or "" for item in self.report.items(covers["homes"], empty=False))
        activities = self._names(covers["activities"], self.catalogue.activities, "activity")
        ancillary = self._names(keys["ancillary"], self.catalogue.activities, "activity") if "ancillary" in keys else ()
        roles = {role: self._role(child) for role, child in self.report.open_mapping(keys["roles"]).items()} if "roles" in keys else {}
        if "firm" in roles:
            self.report.error(keys["roles"], "who the firm is does not change: `firm` is no role to be played")
        title, version, timezone, currency = (self.report.text(keys[key]) for key in ("title", "version", "timezone", "currency"))
        calendar = self.report.one_of(keys["calendar"], self.catalogue.calendars, "calendar")
        begins, known_to = self.report.parse(covers["from"], parse_date), self.report.parse(keys["known_to"], parse_date)
        self.report.one_of(keys["timezone"], available_timezones(), "time zone")
        self.report.one_of(keys["currency"], CURRENCIES, "currency")
        if len(report) > before:
            return None
        return Head(title, version, known_to, timezone, calendar, currency, begins, homes, activities, ancillary, roles)

    def _role(self, node: Node) -> tuple[Role, ...]:
        found = []
        for item in self.report.items(node, empty=False):
            keys = self.report.mapping(item, ("party",), ("when",))
            when = self._condition(keys["when"], "role") if "when" in keys else ALWAYS
            found.append(Role(when, self.report.one_of(keys["party"], PARTIES, "party") if "party" in keys else ""))
        return tuple(found)

    def _legs(self, node: Node) -> dict[str, Condition]:
        keys = self.report.mapping(node, LEGS[1:])
        legs = {}
        for leg, child in ((leg, keys[leg]) for leg in LEGS if leg in keys):
            member = self.report.mapping(child, ("needed_when",))
            legs[leg] = self._condition(member["needed_when"], "leg") if "needed_when" in member else NEVER
        return legs

    # -- provisions -------------------------------------------------------------------------------------------------------

    def provisions(self, kind: str, nodes: Iterable[Node]) -> dict[str, Provision]:
        found: dict[str, Provision] = {}
        for item in (item for node in nodes for item in self.report.items(node)):
            keys = self.report.mapping(item, ("id", "versions", *(("leg",) if kind == "routes" else ())))
            if not {"id", "versions"} <= keys.keys():
                continue
            id_ = self.report.text(keys["id"]) or ""
            if id_ in found:
                self.report.error(item, f"the id {id_!r} stands twice")
            leg = self.report.one_of(keys["leg"], LEGS, "leg") or "" if "leg" in keys else ""
            found[id_] = Provision(kind, id_, self._versions(kind, leg, keys["versions"]), leg)
            if any(id_ in getattr(version, "not_with", ()) for version in found[id_].versions):
                self.report.error(item, "a route does not exclude itself")
        return dict(sorted(found.items()))

    def _versions(self, kind: str, leg: str, node: Node) -> tuple[Any, ...]:
        required, optional = _FIELDS[kind]
        if kind == "notices":
            required_first = (*(key for key in _VERSION if key not in ("title", "says")), *required)
            optional = (*optional, "title", "says")
        else:
            required_first = (*_VERSION, *required)
        versions, inherited, last = [], {}, None
        for number, item in enumerate(self.report.items(node, empty=False)):
            keys = self.report.mapping(
                item, required_first if number == 0 else ("from",), (*optional, *_VERSION_OPTIONAL, *(required_first if number else ()))
            )
            if keys.keys() & {"text", "says"}:  # two words for one thing: the new one takes the place of the old
                inherited = {key: value for key, value in inherited.items() if key not in ("text", "says")}
            merged = {**inherited, **keys}
            begins = self.report.parse(keys["from"], parse_date) if "from" in keys else None
            if begins and last and begins <= last:
                self.report.error(keys["from"], f"{begins} does not come after {last}, where the version before begins")
            last = begins or last
            repealed = "repealed" in keys and self.report.yes_no(keys["repealed"]) is True
            if begins and not any(key not in merged for key in required_first):
                versions.append(self._version(kind, leg, item, merged, begins, repealed))
            inherited = {key: value for key, value in merged.items() if key not in ("repealed", "correction")}
        return tuple(versions)

    def _version(self, kind: str, leg: str, item: Node, keys: Mapping[str, Node], begins: dt.date, repealed: bool) -> Any:
        said = keys["text"] if "text" in keys else keys.get("says", item)
        common = {
            "begins": begins,
            "title": (self.report.text(keys["title"]) or "") if "title" in keys else "",
            "standing": self.report.one_of(keys["standing"], STANDINGS, "standing"),
            "cite": self._cite(keys["cite"]),
            "says": self.report.text(said) or "",
            "provenance": read_provenance(keys["provenance"], self.report, self.review_months, self.texts, begins),
            "repealed": repealed,
            "correction": read_correction(keys["correction"], self.report) if "correction" in keys else None,
        }
        return getattr(self, f"_{kind}")(common, keys, leg)

    def _definitions(self, common: dict[str, Any], keys: Mapping[str, Node], leg: str) -> DefinitionVersion:
        unknown = "without" in keys and self.report.one_of(keys["without"], ("unknown", "false"), "reading") == "unknown"
        return DefinitionVersion(**common, when=self._condition(keys["when"], "definition"), without_unknown=unknown)

    def _routes(self, common: dict[str, Any], keys: Mapping[str, Node], leg: str) -> RouteVersion:
        if leg and (leg == "status") != ("activities" in keys):
            self.report.error(keys["opens_when"], "a route of the leg `status`, and only that, lists its `activities`")
        activities = self._names(keys["activities"], self.catalogue.activities, "activity") if "activities" in keys else ()
        plays = {}
        for role, child in (self.report.open_mapping(keys["plays"]) if "plays" in keys else {}).items():
            if role == "firm":
                self.report.error(child, "who the firm is does not change: `firm` is no role to be played")
            self.roles_used.append(Node(role, child.file, child.line, child.column, child.path))
            plays[role] = self.report.one_of(child, PARTIES, "party") or ""
            self.firm_roles |= {role} if plays[role] == "firm" else set()
        opens = self._condition(keys["opens_when"], "route", self.catalogue.activities if leg == "status" else None)
        not_with = self._ids("routes", keys["not_with"]) if "not_with" in keys else ()
        headline = self.report.text(keys["headline"]) or ""
        return RouteVersion(**common, headline=headline, opens_when=opens, activities=activities, plays=plays, not_with=not_with)

    def _requirements(self, common: dict[str, Any], keys: Mapping[str, Node], leg: str) -> RequirementVersion:
        stops = keys["stops"]
        if isinstance(stops.value, dict):
            two = self.report.mapping(stops, ("firm", "other"))
            firm, other = (self.report.one_of(two[key], STOPS, "stop") if key in two else None for key in ("firm", "other"))
        else:
            firm = other = self.report.one_of(stops, STOPS, "stop")
        check = self.report.mapping(keys["check"], ("do",), ("evidence",))
        failed = self._condition(keys["failed_when"], "failed") if "failed_when" in keys else NEVER
        place = "applies" if failed == NEVER else "applies, and may fail"
        applies = self._condition(keys["applies_when"], place)
        if "only_when" in keys:
            only = self._condition(keys["only_when"], place)
            applies = only if applies == ALWAYS else All((only, applies))
        return RequirementVersion(
            **common,
            topic=(self.report.text(keys["topic"]) or "") if "topic" in keys else "",
            duty_on=self._role_name(keys["duty_on"]),
            due=self.report.one_of(keys["due"], DUE, "time") or DUE[0],
            stops_firm=firm or "nothing",
            stops_other=other or "nothing",
            on_routes=self._ids("routes", keys["on_routes"]) if "on_routes" in keys else None,
            applies_when=applies,
            failed_when=failed,
            satisfied_when=self._condition(keys["satisfied_when"], "satisfied") if "satisfied_when" in keys else NEVER,
            do=(self.report.text(check["do"]) or "") if "do" in check else "",
            evidence=self.report.texts(check["evidence"]) if "evidence" in check else (),
            deadlines=self._steps(keys["deadline"], read_deadline) if "deadline" in keys else (),
            amounts=self._steps(keys["amount"], read_amount) if "amount" in keys else (),
        )

    def _recognitions(self, common: dict[str, Any], keys: Mapping[str, Node], leg: str) -> RecognitionVersion:
        found = RecognitionVersion(
            **common,
            requirements=self._ids("requirements", keys["requirements"]),
            mode=self.report.one_of(keys["mode"], MODES, "mode") or "by_absence",
            when=self._condition(keys["when"], "recognition"),
            on_routes=self._ids("routes", keys["on_routes"]) if "on_routes" in keys else None,
        )
        if found.standing == "staff_position":
            self.report.error(keys["standing"], "no recognition rests on a staff position")
        self.recognising.append((keys["requirements"], found))
        return found

    def _notices(self, common: dict[str, Any], keys: Mapping[str, Node], leg: str) -> NoticeVersion:
        on_routes = self._ids("routes", keys["on_routes"]) if "on_routes" in keys else None
        return NoticeVersion(**common, when=self._condition(keys["when"], "notice"), on_routes=on_routes)

    # -- parts of a version ---------------------------------------------------------------------------------------------------

    def _condition(self, node: Node, place: str, activities: Mapping[str, str] | None = None) -> Condition:
        reader = ConditionReader(self.catalogue.facts, self.report, activities)
        found = reader.read(node)
        self.refs += reader.refs
        self.checks.append((place, found))
        return found

    def _cite(self, node: Node) -> Citation:
        keys = self.report.mapping(node, ("source",), ("at",))
        source = self.report.one_of(keys["source"], self.sources, "source") if "source" in keys else None
        if source is None:
            return Citation("", None)
        title, place = self.sources[source].get("title", ""), self.report.text(keys["at"]) if "at" in keys else None
        return Citation(f"{title}, {place}" if place else title, self.sources[source].get("url"))

    def _steps(self, node: Node, read: Callable[[Node, Catalogue, Report], dict[str, Any]]) -> tuple[Step, ...]:
        items = self.report.items(node, empty=False) if isinstance(node.value, list) else [node]
        found = []
        for item in items:
            when = item.value.get("when") if isinstance(item.value, dict) else None
            found.append(Step(when=self._condition(when, "step") if when is not None else ALWAYS, what=read(item, self.catalogue, self.report)))
        return tuple(found)

    def _names(self, node: Node, allowed: Mapping[str, str], what: str) -> tuple[str, ...]:
        return tuple(name for item in self.report.items(node, empty=False) if (name := self.report.one_of(item, allowed, what)))

    def _ids(self, kind: str, node: Node) -> tuple[str, ...]:
        self.ids += [(kind, item) for item in self.report.items(node, empty=False)]
        return self.report.texts(node)

    # -- what only the whole rulebook can tell ---------------------------------------------------------------------------------

    def _role_name(self, node: Node) -> str:
        self.roles_used.append(node)
        return self.report.text(node) or ""

    def check_references(self, found: Mapping[str, Mapping[str, Provision]]) -> None:
        for ref in self.refs:
            self.report.one_of(ref.node, found["definitions"], "definition")
        for node in self.roles_used:
            self.report.one_of(node, sorted(self.roles), "role or party")
        for kind, node in self.ids:
            self.report.one_of(node, found[kind], kind.removesuffix("s"))
        check_placement(self.catalogue, self.report, found["definitions"], self.checks)
        for node, recognition in self.recognising:
            versions = [
                version for id_ in recognition.requirements if id_ in found["requirements"] for version in found["requirements"][id_].versions
            ]
            if not self.published:
                of_firm = any(version.duty_on in self.firm_roles for version in versions)
                check_standing(self.report, found["definitions"], node, recognition, of_firm)
            if recognition.on_routes is not None and any(version.failed_when != NEVER for version in versions):
                self.report.error(node, "a recognition limited to some routes may not cover a requirement that can fail")


def roles_of_firm(head: Head) -> set[str]:
    """The roles that the facts may give to the firm."""
    return {name for name, roles in head.roles.items() if any(role.party == "firm" for role in roles)}


def texts_of(nodes: Iterable[Node]) -> list[Any]:
    """Content without order: shuffling provisions is not a change of the law."""
    items = [item for node in nodes for item in (node.value if isinstance(node.value, list) else [node])]
    return sorted((item.plain() for item in items), key=canonical.dump)
