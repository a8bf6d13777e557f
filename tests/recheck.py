"""`make recheck`: issue 10,000 receipts under the law we ship, amend it, and check them all again with one command.

Shows the rate, the memory and the report. Needs about a gigabyte of disk for the receipts, which it removes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from passport_service import keys
from passport_service.receipt import issue
from passport_service.service import open_service

from .shipped import CONFIG, ROOT

ISSUER = "https://passport.example"
SEED = 20261122
AMENDMENT = """
requirements:
  - id: US-ZZ-01
    versions:
      - from: 2026-01-01
        title: A notice of tokenised trades with institutions
        standing: in_force
        cite: {source: SEA-1934, at: s 99 as amended}
        says: The firm notifies each trade in a tokenised share with an institution.
        topic: trading
        duty_on: firm
        due: post_trade
        stops: nothing
        applies_when: {client.kind: {in: [bank, insurance_company, pension_plan]}}
        check: {do: Notify the trade.}
        provenance: {read: not_read, confidence: 1, reviewed_on: 2026-11-22}
"""


def proposals(service, count: int):
    """Proposals of the worked cases, each with a notional of its own."""
    rng = random.Random(SEED)
    cases = [case.proposal for rulebook in service.laws.rulebooks.values() for case in rulebook.cases if "transaction" in case.proposal]
    for number in range(count):
        found = json.loads(json.dumps(rng.choice(cases)))
        found["transaction"]["notional"] = {"amount": str(100_000 + number), "currency": "USD"}
        yield found


def issue_all(place: Path, count: int) -> float:
    """Receipts in place/book, the public keys and the law beside them. Returns the receipts a second."""
    now = dt.datetime.now(dt.UTC)
    service, signing = open_service(CONFIG), keys.read_keys(keys.with_new_key(None, now - dt.timedelta(days=1)).decode(), ISSUER)
    (place / "jwks.json").write_text(json.dumps(signing.as_json()))
    (place / "law.json").write_bytes(service.archive.content(service.label.digest))
    (place / "book").mkdir()
    began = time.perf_counter()
    for number, body in enumerate(proposals(service, count)):
        (place / "book" / f"{number:05}.json").write_bytes(issue(service, signing, body, now).flattened())
    return count / (time.perf_counter() - began)


def amend(place: Path) -> Path:
    config = place / "config"
    shutil.copytree(CONFIG, config)
    head = config / "rulebooks" / "us" / "head.yaml"
    head.write_text(head.read_text().replace("  version: 2026.11.30", "  version: 2026.12.24"))
    (config / "rulebooks" / "us" / "amendment.yaml").write_text(AMENDMENT)
    return config


def due(place: Path, book: str, config: Path, *more: str) -> tuple[str, float, float]:
    """What the command says, the seconds it took, and the megabytes it used."""
    command = [sys.executable, "-m", "passport_service.cli", "receipts", "due", str(place / book), "--jwks", str(place / "jwks.json")]
    command += ["--bundle", str(place / "law.json"), "--config", str(config), *more]
    began = time.perf_counter()
    with (place / "said").open("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, env={**os.environ, "COLUMNS": "150"})
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0
        said.seek(0)
        return said.read(), time.perf_counter() - began, used.ru_maxrss / 1024


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        rate = issue_all(place, count)
        print(f"Python {platform.python_version()}, {platform.machine()}; {count} receipts issued, {rate:.0f} a second")
        size = sum(path.stat().st_size for path in (place / "book").iterdir())
        config = amend(place)
        (place / "empty").mkdir()
        due(place, "empty", config)  # runs the worked cases of the amended law once
        _, start, before = due(place, "empty", config)
        text, took, peak = due(place, "book", config)
        print(
            f"{size / count / 1000:.0f} KB each; checked again in {took:.0f} s, {count / (took - start):.0f} a second after {start:.1f} s to load the law"
        )
        print(f"memory at most {peak:.0f} MB ({before:.0f} MB with an empty folder)")
        lines = text.splitlines()
        print("\n".join([*lines[:6], f"… {len(lines) - 12} lines …", *lines[-6:]]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
