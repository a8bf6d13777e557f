"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from passport_service.cases import mismatches
from passport_service.openapi import EXAMPLE

from . import small_law
from .patience import PATIENCE
from .servers import free_port
from .shipped import CONFIG, ROOT, SHIPPED


def passport(*arguments, stdin=None, config=CONFIG, **environ):
    return subprocess.run(
        [sys.executable, "-m", "passport_service.cli", *arguments],
        cwd=ROOT, input=stdin, capture_output=True, timeout=PATIENCE, env={**os.environ, "PASSPORT_CONFIG": str(config), "COLUMNS": "160", **environ},
    )  # fmt: skip


@pytest.fixture(scope="module")
def proposal(tmp_path_factory):
    path = tmp_path_factory.mktemp("proposals") / "insurer.json"
    path.write_text(json.dumps(EXAMPLE))
    return str(path)


def test_json_is_the_same_bytes_as_over_http(proposal, server):
    over_http = requests.post(f"{server}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).content
    assert passport("decide", proposal, "--json").stdout == over_http
    assert passport("decide", "-", "--json", stdin=json.dumps(EXAMPLE).encode()).stdout == over_http


def test_the_table_says_the_status_in_words_and_lists_what_to_do(proposal):
    found = passport("decide", proposal)
    text = found.stdout.decode()
    assert found.returncode == 0
    assert "CHECKS REQUIRED" in text and "US-R03" in text and "US-BD-12" in text and "Facts still missing" in text


def test_undetermined_looks_nothing_like_clear():
    text = passport("decide", "-", stdin=b'{"host": "GB"}').stdout.decode()
    assert text.startswith("UNDETERMINED") and "CLEAR" not in text


@pytest.mark.parametrize(
    ("stdin", "code", "says"),
    [
        (b"{", 3, "Not JSON"),
        (b'{"host": "US", "clinet": {}}', 3, "did you mean client?"),
        (b'{"host": "US", "client": {"kind": "moneylender"}}', 3, "allowed: individual"),
    ],
)
def test_a_bad_proposal_is_refused_in_words_with_its_own_exit_code(stdin, code, says):
    found = passport("decide", "-", stdin=stdin)
    assert found.returncode == code and says in found.stderr.decode() and not found.stdout


def test_wrong_usage_exits_with_two():
    assert passport("decide", "no-such-file.json").returncode == 2
    assert passport("facts", "client.knd").returncode == 2
    assert "Did you mean client.kind?" in passport("facts", "client.knd").stderr.decode()


def test_facts_are_listed_shown_and_given_as_a_schema():
    assert "client.kind" in passport("facts").stdout.decode()
    assert "insurance_company: an insurance company (also: insurer, reinsurer" in passport("facts", "client.kind").stdout.decode()
    assert json.loads(passport("facts", "--json").stdout)["properties"]["client"]


def test_check_loads_the_law_and_runs_every_case():
    found = passport("rulebooks", "check")
    assert found.returncode == 0 and "every worked case passes" in found.stdout.decode()


def test_a_broken_law_is_told_with_its_places_and_never_served(tmp_path):
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)
    path = next(path for path in sorted((config / "rulebooks" / "us").glob("*.yaml")) if "due: onboarding" in path.read_text())
    path.write_text(path.read_text().replace("due: onboarding", "due: onbording", 1))
    for command in (("rulebooks", "check"), ("serve",), ("decide", "-")):
        found = passport(*command, config=config, stdin=b"{}", PORT=str(free_port()))
        text = found.stderr.decode()
        assert found.returncode == 1 and f"rulebooks/us/{path.name}:" in text and "did you mean 'onboarding'" in text and "Traceback" not in text


def test_a_worked_case_that_fails_keeps_the_law_from_loading(tmp_path):
    wrong = "cases:\n  - id: WRONG\n    title: A thin proposal is never clear\n    facts: {registration.home: GB}\n    expect: {status: clear}\n"
    config = small_law.write(tmp_path / "config", {**small_law.TEXTS, "rulebooks/us/cases/wrong.yaml": wrong})
    for command in (("rulebooks", "check"), ("facts",)):
        found = passport(*command, config=config)
        assert found.returncode == 1
        assert "cases/wrong.yaml:2:1: case WRONG: status is undetermined, expected clear" in found.stderr.decode()


def test_a_setting_that_cannot_be_used_is_named():
    assert "PORT is 'eighty'" in passport("serve", PORT="eighty").stderr.decode()
    assert "PASSPORT_CONFIG names the directory" in passport("rulebooks", "check", config="/nowhere").stderr.decode()


@pytest.mark.parametrize("command", [(), ("decide",), ("facts",), ("rulebooks", "check"), ("serve",)])
def test_every_command_has_help(command):
    found = passport(*command, "--help")
    assert found.returncode == 0 and b"Usage:" in found.stdout


# The law packs' own cases: what they must come to stands beside the law, in config/rulebooks/*/cases.
PACK = ["US-C02", "US-C03", "US-C11", "UK-C01", "UK-C02/a", "UK-C09"]


def test_the_packs_cases_give_over_the_command_line_what_they_give_over_http(tmp_path, server):
    def run(id_):
        body = json.dumps(SHIPPED.case_ids[id_].proposal)
        found = passport("decide", "-", "--json", stdin=body.encode())
        assert (
            found.stdout == requests.post(f"{server}/v1/decisions", data=body, headers={"Content-Type": "application/json"}, timeout=PATIENCE).content
        )
        return [f"{id_}: {text}" for text in mismatches(SHIPPED.case_ids[id_].expect, json.loads(found.stdout))]

    with ThreadPoolExecutor(2) as pool:
        assert [text for found in pool.map(run, PACK) for text in found] == []
