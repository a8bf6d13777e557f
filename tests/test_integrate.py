"""docs/integrate.md is run: its curl and its Python, in order, as written, against a real server."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import requests

from .patience import PATIENCE
from .shipped import ROOT

PAGE = (ROOT / "docs" / "integrate.md").read_text()
BLOCKS = re.findall(r"```(\w+)( receipts)?\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def resources(server):
    return requests.get(f"{server}/openapi.json", timeout=PATIENCE).json()["paths"]


def shown(kind: str, resources) -> list[str]:
    """The blocks of a kind. Those about receipts run where the service has them."""
    return [text for language, receipts, text in BLOCKS if language == kind and (not receipts or "/v1/receipts" in resources)]


def test_the_commands_answer_as_the_page_says(server, resources, tmp_path):
    answers = []
    for block in shown("sh", resources):
        command = block.replace("http://127.0.0.1:8000", server)
        found = subprocess.run(["sh", "-euc", command], capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path)
        assert found.returncode == 0, found.stderr
        answers.append(found.stdout)
    first, facts, mistakes, lines, *receipts = answers
    assert json.loads(first)["status"] == "undetermined" and json.loads(first)["missing"][0]["question"]
    assert json.loads(facts)["$defs"]
    assert {row["pointer"]: row.get("did_you_mean") for row in json.loads(mistakes)["errors"]} == {"/host": None, "/clinet": "client"}
    assert [json.loads(line)["status"] for line in lines.splitlines()] == ["undetermined", 422, "undetermined"]
    for verified in receipts:
        assert json.loads(verified)["verified"] is True


def test_the_flow_runs_as_written(server, resources, capsys):
    code = "\n".join(shown("python", resources)).replace("http://127.0.0.1:8000", server)
    names: dict = {}
    exec(compile(code, "docs/integrate.md", "exec"), names)
    names["client"].close()
    said = capsys.readouterr().out
    assert "US-BD-03: " in said and "17 CFR 240.15a-6" in said
    assert "undetermined\nundetermined\nline 3: 422 The proposal cannot be understood: /client/kind: 'no such kind' is not an allowed value" in said


def test_every_status_has_a_line_in_the_flow():
    for status in ("clear", "checks_required", "undetermined", "blocked", "not_covered"):
        assert f"| `{status}` |" in PAGE
