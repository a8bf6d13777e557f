"""One proposal under several laws side by side: which answers differ, and which provisions make the difference.

Works on finished answers, so that a column says exactly what a decision would say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .cases import requirement_statuses

Body = Mapping[str, Any]
_SECTIONS = ("checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if")


def matrix(answers: Sequence[Body]) -> dict[str, Any]:
    """Columns and rows; rows that differ first. Shapes: a row has one cell for each column, in their order."""
    routes, requirements = [_routes(body) for body in answers], [_requirements(body) for body in answers]
    rows = [_row("route", id_, routes) for id_ in sorted(set().union(*routes))]
    rows += [_row("requirement", id_, requirements) for id_ in sorted(set().union(*requirements))]
    rows.sort(key=lambda row: (not row["differs"], row["kind"] != "route", row["id"]))
    return {"columns": [_column(body) for body in answers], "differences": sum(row["differs"] for row in rows), "rows": rows}


def _column(body: Body) -> dict[str, Any]:
    keys = ("id", "status", "summary", "as_of", "scenario", "valid_until", "activities", "plan", "counts", "rulebook")
    stamps = [row["text"] for row in body["caveats"] if row["kind"] == "scenario"]
    return {**{key: body[key] for key in keys}, "stamp": stamps[0] if stamps else None, "missing": [row["fact"] for row in body["missing"]]}


def _routes(body: Body) -> dict[str, dict[str, Any]]:
    planned = {row["route"] for row in body["plan"]}
    found: dict[str, dict[str, Any]] = {}
    for row in body["routes"]:
        word = "planned" if row["id"] in planned else "live" if row["live"] else "stopped" if row["stopped_by"] else row["status"]
        # A route that serves two activities differently is told by its better half.
        if row["id"] not in found or word in ("planned", "live"):
            found[row["id"]] = {
                "status": word,
                "title": row["title"],
                "cite": row["cite"],
                "standing": row["standing"],
                "by": row["stopped_by"] or None,
            }
    return found


def _requirements(body: Body) -> dict[str, dict[str, Any]]:
    rows = {row["id"]: row for section in _SECTIONS for row in body[section]}
    found = {}
    for id_, statuses in requirement_statuses(body).items():
        row = rows.get(id_, {})
        by = row.get("by") if statuses[0] in ("recognised", "left_to_home") else None
        found[id_] = {
            "status": statuses[0],
            "title": row.get("title"),
            "cite": row.get("cite"),
            "by": [by] if by else None,
            "standing": row.get("standing"),
        }
    return found


def _row(kind: str, id_: str, columns: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    held = [column.get(id_) for column in columns]
    cells = [
        {"status": cell["status"], "by": cell["by"], "cite": cell["cite"]} if cell else {"status": "not_in_this_law", "by": None, "cite": None}
        for cell in held
    ]
    title = next((cell["title"] for cell in held if cell and cell["title"]), None)
    # A requirement that does not apply asks no more than one that does not exist.
    words = {"not_required" if kind == "requirement" and cell["status"] == "not_in_this_law" else cell["status"] for cell in cells}
    return {"kind": kind, "id": id_, "title": title, "differs": len(words) > 1, "cells": cells}
