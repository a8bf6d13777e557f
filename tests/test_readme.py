"""The README is run: its curl commands against a real server, its shell commands as written."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

from .patience import PATIENCE
from .shipped import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)


def test_the_first_two_commands_are_run_and_test():
    assert [block.strip() for block in BLOCKS[:2]] == ["make run", "make test"]


def test_the_curl_of_the_readme_returns_a_decision_with_citations(server):
    (command,) = [block for block in BLOCKS if block.startswith("curl")]
    arguments = shlex.split(command.replace("http://127.0.0.1:8000", server))
    answer = json.loads(subprocess.run(arguments, capture_output=True, check=True, timeout=PATIENCE).stdout)
    assert answer["status"] == "checks_required" and answer["plan"][0]["route"] == "US-R03"
    assert "17 CFR 240.15a-6" in next(row for row in answer["routes"] if row["id"] == "US-R03")["cite"]["text"]
    assert all(row["cite"]["text"] for row in answer["checks"])


def test_every_make_target_spoken_of_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make ([a-z]+)", README)) - {"alone"} <= targets


def test_every_setting_in_the_readme_is_read_somewhere():
    code = "".join(path.read_text() for path in [*(ROOT / "passport_service").glob("*.py"), ROOT / "config" / "gunicorn.conf.py"])
    for name in re.findall(r"`((?:PASSPORT_)?[A-Z_]{4,})`", README):
        assert f'"{name}"' in code, name


def test_every_file_linked_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
