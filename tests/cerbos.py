"""The Cerbos server beside our own, over loopback HTTP, on the same synthetic rules: its binary, its policy, and what is asked of it.

The binary comes from npm (`make bench-peers` puts it beside the environment). Nothing leaves this machine: telemetry is off, and it
listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from passport_service.conditions import All, Any_, Condition, Leaf

from .patience import until
from .peers import CERBOS, among, plain
from .servers import free_port
from .small_law import CALENDAR, FACTS

LICENCE = "Apache-2.0"
PATH, OUR_BATCH = "/api/check/resources", "/v1/decisions/batch"


def binary() -> Path | None:
    """The server that npm brought, or one on the path; None where there is neither."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"cerbos-{platform.system().lower()}-{machine}"
    path = Path(sys.prefix) / "npm" / "node_modules" / "@cerbos" / name / name
    found = shutil.which("cerbos")
    return path if path.exists() else Path(found) if found else None


def version(server: Path) -> str:
    return subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]


@contextmanager
def serving(server: Path, directory: Path, rules: Sequence[Condition]):
    """One policy in which each rule allows the same action and says its number. On one processor, as one worker of ours has. The address."""
    (directory / "policies").mkdir(parents=True)
    (directory / "policies" / "trade.json").write_text(json.dumps(_policy(rules)))
    port = free_port()
    settings = {
        "server": {"httpListenAddr": f"127.0.0.1:{port}", "grpcListenAddr": f"127.0.0.1:{free_port()}"},
        "storage": {"driver": "disk", "disk": {"directory": str(directory / "policies"), "watchForChanges": False}},
        "telemetry": {"disabled": True},
        "audit": {"enabled": False},
    }
    (directory / "cerbos.json").write_text(json.dumps(settings))
    command = [str(server), "server", f"--config={directory / 'cerbos.json'}", "--log-level=error"]
    process = subprocess.Popen(command, env={**os.environ, "GOMAXPROCS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _lives(port), "Cerbos did not start")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _lives(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/_cerbos/health", timeout=1).ok
    except requests.RequestException:
        return False


def _policy(rules: Sequence[Condition]) -> dict:
    found = [
        {
            "name": f"rule{number}",
            "actions": ["trade"],
            "roles": ["firm"],
            "effect": "EFFECT_ALLOW",
            "condition": {"match": {"expr": CERBOS.write(rule)}},
            "output": {"when": {"ruleActivated": str(number)}},
        }
        for number, rule in enumerate(rules)
    ]
    return {"apiVersion": "api.cerbos.dev/v1", "resourcePolicy": {"resource": "trade", "version": "default", "rules": found}}


def request(proposals: Sequence[dict]) -> bytes:
    """Proposals as resources of one request."""
    resources = [
        {"actions": ["trade"], "resource": {"kind": "trade", "id": str(number), "attr": plain(facts)}} for number, facts in enumerate(proposals)
    ]
    return json.dumps({"requestId": "1", "principal": {"id": "f", "roles": ["firm"]}, "resources": resources}).encode()


def outcomes(body: bytes, count: int) -> list[list[str]]:
    return [among({int(row["val"]) for row in result.get("outputs", [])}, count) for result in json.loads(body)["results"]]


def missing(caller: Caller) -> str:
    """What is said of a firm of which nothing is known."""
    result = json.loads(caller.ask(request([{}])))["results"][0]
    more = sorted(set(result) - {"resource", "actions", "outputs"})
    return f"{result['actions']['trade']}, {len(result.get('outputs', []))} rules that hold, {', '.join(more) or 'nothing else'}"


# -- the same rules as a law of our own -----------------------------------------------------------------------------------

_HEAD = """
rulebook: us
host: US
head:
  title: The synthetic host
  version: 2026.11.22
  known_to: 2026-11-01
  timezone: America/New_York
  calendar: test
  currency: USD
  covers: {from: 2026-01-01, homes: any, activities: [deal, advise]}
legs: {venue: {needed_when: never}, promotion: {needed_when: never}, form: {needed_when: never}}
sources: {ACT: {title: The Synthetic Act}}
"""
_ROUTE = {
    "title": "Open to all",
    "headline": "open to all",
    "standing": "in_force",
    "says": "Whoever does all that is required may deal.",
    "activities": ["deal", "advise"],
}
_DUTY = {"standing": "in_force", "duty_on": "firm", "due": "at_trade", "stops": "nothing"}


def law(directory: Path, rules: Sequence[Condition], facts: Sequence) -> Path:
    """A directory of law in which the n-th requirement applies when the n-th rule holds."""
    texts = {"facts.yaml": FACTS.replace("\nfacts:\n", "\n  g: {title: G}\nfacts:\n" + _facts(facts)), "calendars/test.yaml": CALENDAR}
    read = {"from": "2020-01-01", "provenance": {"read": "secondary", "confidence": "5", "reviewed_on": "2026-11-22"}}
    route = {"id": "R1", "leg": "status", "versions": [{**_ROUTE, **read, "cite": {"source": "ACT", "at": "s 1"}, "opens_when": "always"}]}
    requirements = []
    for number, rule in enumerate(rules):
        about = {"title": f"Duty {number}", "says": f"Duty {number} is done.", "check": {"do": f"Do duty {number}."}}
        own = {**_DUTY, **read, **about, "cite": {"source": "ACT", "at": f"s {number + 2}"}, "applies_when": _written(rule)}
        requirements.append({"id": f"Q{number}", "versions": [own]})
    texts["rulebooks/us/rulebook.yaml"] = f"{_HEAD}routes: {json.dumps([route])}\nrequirements: {json.dumps(requirements)}\n"
    for name, text in texts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def _facts(facts: Sequence) -> str:
    rows = []
    for fact in facts:
        more = {"values": {value: value for value in fact.values}} if fact.values else {}
        rows.append(f"  {fact.name}: {json.dumps({'type': fact.type, 'class': fact.klass, 'question': 'What is it?', **more})}\n")
    return "".join(rows)


def _written(condition: Condition) -> dict:
    match condition:
        case All(parts):
            return {"all": [_written(part) for part in parts]}
        case Any_(parts):
            return {"any": [_written(part) for part in parts]}
        case Leaf(fact=fact, operator="in", value=values):
            return {fact: {"in": list(values)}}
        case Leaf(fact=fact, operator=operator, value=(amount, currency)):
            return {fact: {operator: f"{amount} {currency}"}}
    raise TypeError(f"not a condition of the synthetic law: {condition!r}")


def proposal(facts: dict) -> bytes:
    """A proposal to our own service."""
    own = {
        name.partition(".")[2]: {"amount": str(value["USD"]), "currency": "USD"} if isinstance(value, dict) else value
        for name, value in facts.items()
    }
    about = {"registration": {"home": "GB"}, "transaction": {"activities": ["deal"], "date": "2026-11-25"}}
    return json.dumps({"host": "US", **about, "g": own}).encode()


def our_outcomes(body: bytes, count: int) -> list[str]:
    answer = json.loads(body)
    required = {int(row["id"][1:]) for row in answer["checks"] + answer["duties"] + answer["others"] if row["status"] == "required"}
    left = {int(id_[1:]) for id_ in answer["not_required"]}
    assert required | left == set(range(count)) and not required & left, "some duty is neither required nor not"
    return among(required, count)


# -- asking ---------------------------------------------------------------------------------------------------------------


class Caller:
    """One connection that is kept. Shapes: `place` host:port."""

    def __init__(self, place: str, path: str, kind: str):
        self.connection, self.path, self.head = http.client.HTTPConnection(place, timeout=60), path, {"Content-Type": kind}

    def ask(self, body: bytes) -> bytes:
        self.connection.request("POST", self.path, body, self.head)
        found = self.connection.getresponse()
        said = found.read()
        assert found.status == 200, said[:300]
        return said
