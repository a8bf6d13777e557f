"""Why law that stood already was changed: beside the version itself, or once for many provisions that one mistake touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .rulebook import Provision
from .source import Node, Report
from .values import parse_date


def read_correction(node: Node, report: Report, *more: str) -> str | None:
    """The reason and the day in words; None after a mistake. `more` are keys that the node has beside these."""
    keys = report.mapping(node, ("reason", "on", *more))
    on = report.parse(keys["on"], parse_date) if "on" in keys else None
    return f"{report.text(keys['reason'])} (corrected on {on})" if "reason" in keys and on else None


def corrected(provisions: Mapping[str, Mapping[str, Provision]], nodes: Iterable[Node], report: Report) -> dict[str, dict[str, Provision]]:
    """The provisions by kind, those that a list of corrections names with its reasons beside their own."""
    found = {kind: dict(of_kind) for kind, of_kind in provisions.items()}
    kinds = {id_: kind for kind, of_kind in found.items() for id_ in of_kind}
    for item in (item for node in nodes for item in report.items(node, empty=False)):
        why = read_correction(item, report, "provisions")
        members = item.value if isinstance(item.value, dict) else {}
        for child in report.items(members["provisions"], empty=False) if why and "provisions" in members else ():
            id_ = report.one_of(child, kinds, "provision")
            if id_ is not None:
                of_kind = found[kinds[id_]]
                of_kind[id_] = replace(of_kind[id_], versions=tuple(_explained(version, str(why)) for version in of_kind[id_].versions))
    return found


def _explained(version: Any, why: str) -> Any:
    return replace(version, correction=f"{version.correction}; {why}" if version.correction else why)
