"""Reads a scenario: an overlay on the law by verbs, never a copied version.

`add_route`, `add_requirement`, `add_recognition`, `add_definition` and `add_notice` add provisions, always proposed or
hypothetical; `close` names provisions that the scenario does away with. Worked cases beside them run under the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import canonical
from .cases import CaseReader, read_untried
from .facts import Catalogue
from .reader import KINDS, RulebookReader, roles_of_firm, texts_of
from .rulebook import Case, Citation, Provision, Rulebook, Scenario
from .source import Node, Report

STANDINGS = ("proposed", "hypothetical")
_VERBS = {f"add_{kind.removesuffix('s')}": kind for kind in KINDS}


def read_scenario(
    node: Node, catalogue: Catalogue, rulebooks: Mapping[str, Rulebook], report: Report, published: bool = False
) -> tuple[Scenario, dict[str, Rulebook]] | None:
    """A scenario file: what it is, and each host's rulebook under it. None after a mistake that leaves nothing to build on."""
    before = len(report.problems)
    keys = report.mapping(node, ("scenario", "title", "standing", "says", "cite", "hosts"))
    if len(report.problems) > before:
        return None
    name, title, says = (report.text(keys[key]) or "" for key in ("scenario", "title", "says"))
    standing = report.one_of(keys["standing"], STANDINGS, "standing of a scenario") or STANDINGS[-1]
    cited = report.mapping(keys["cite"], ("text",), ("url",))
    texts = {key: report.text(child) for key, child in cited.items()}
    hosts = report.open_mapping(keys["hosts"])
    for host, child in hosts.items():
        if host not in rulebooks:
            report.error(child, f"there is no rulebook for the host {host}; there are {', '.join(sorted(rulebooks))}")
    overlays = {host: _Overlay(catalogue, report, rulebooks[host], name, published).read(child) for host, child in hosts.items() if host in rulebooks}
    scenario = Scenario(name, title, standing, says, Citation(texts.get("text") or "", texts.get("url")), tuple(sorted(overlays)))
    return scenario, overlays


class _Overlay(RulebookReader):
    """Reads what a scenario says of one host, against that host's law."""

    def __init__(self, catalogue: Catalogue, report: Report, base: Rulebook, scenario: str, published: bool):
        super().__init__(catalogue, report, published)
        self.base, self.scenario = base, scenario
        self.sources = {id_: dict(source) for id_, source in base.sources.items()}
        self.texts = dict(base.texts)
        self.roles |= base.head.roles.keys()
        self.firm_roles |= roles_of_firm(base.head)

    def read(self, node: Node) -> Rulebook:  # type: ignore[override]
        keys = self.report.mapping(node, (), ("sources", "close", "given", "cases", "untried", *_VERBS))
        if "sources" in keys:
            self.read_sources(keys["sources"])
        added = {kind: self.provisions(kind, [keys[verb]] if verb in keys else []) for verb, kind in _VERBS.items()}
        merged = {kind: {**getattr(self.base, kind), **found} for kind, found in added.items()}
        for kind, found in added.items():
            self._check(kind, found, keys)
        self.check_references(merged)
        for item in self.report.items(keys["close"]) if "close" in keys else ():
            self._close(merged, item)
        text = {
            verb: texts_of([child]) if verb != "close" else child.plain() for verb, child in keys.items() if verb not in ("given", "cases", "untried")
        }
        return replace(
            self.base,
            sources=self.sources,
            **{kind: dict(sorted(found.items())) for kind, found in merged.items()},
            cases=self._cases(node),
            untried=read_untried([keys["untried"]] if "untried" in keys else [], self.report),
            digest=canonical.digest([self.base.digest, self.scenario, text]),
            scenario=self.scenario,
            added=frozenset(id_ for found in added.values() for id_ in found),
        )

    def _check(self, kind: str, found: Mapping[str, Provision], keys: Mapping[str, Node]) -> None:
        node = keys.get(f"add_{kind.removesuffix('s')}")
        for id_, provision in found.items():
            if id_ in getattr(self.base, kind):
                self.report.error(node, f"{id_} stands in the law already; a scenario adds under ids of its own")
            if any(version.standing not in STANDINGS for version in provision.versions):
                self.report.error(node, f"{id_} is {' or '.join(STANDINGS)} in a scenario, never law")

    def _close(self, merged: dict[str, dict[str, Provision]], node: Node) -> None:
        closable = ("routes", "requirements", "recognitions", "notices")
        known = [id_ for kind in closable for id_ in getattr(self.base, kind)]
        id_ = self.report.one_of(node, known, "provision")
        for kind in closable:
            merged[kind].pop(id_, None)

    def _cases(self, node: Node) -> tuple[Case, ...]:
        cases = CaseReader(self.catalogue, self.report, self.base.host).read([node])
        return tuple(replace(case, proposal={"scenario": self.scenario, **case.proposal}) for case in cases)
