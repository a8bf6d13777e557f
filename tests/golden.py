"""`make golden` records receipts of this answer version, with their law and public keys, to be verified for ever.

One directory for each answer version. What is recorded never changes; after answers have changed (`ANSWER_VERSION` was
raised), a new directory is recorded beside the old ones, which must then still be authentic.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import sys
from pathlib import Path

from passport_service import bundle, canonical, keys, laws
from passport_service.proposal import as_json
from passport_service.receipt import issue
from passport_service.service import ANSWER_VERSION, Service

from . import small_law
from .worlds import FACTS, Maker

ROOT = Path(__file__).with_name("golden")
ISSUER = "https://golden.passport.example"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
PROPOSALS = (
    small_law.PROPOSAL,
    {"host": "US"},
    {"host": "FR", "registration": {"home": "GB"}},
    small_law.PROPOSAL | {"client": {"kind": "person"}},
    small_law.PROPOSAL | {"attested": ["Q1"], "prefer": ["R1"], "rely_on_staff_positions": False, "as_of": "2026-11-24"},
    small_law.PROPOSAL | {"known_on": "2026-11-23"},
    small_law.PROPOSAL | {"chaperone": {"signed": True}},
)


def random_law(seed: int) -> tuple[dict[str, str], list[dict]]:
    """A random law with every kind of provision, and proposals to it."""
    maker = Maker(random.Random(seed))
    content = maker.rulebook()
    content["head"]["version"] = "2026.11.22"
    calendar = small_law.CALENDAR.replace("2027-12-31", "2026-12-31")
    bodies = []
    for _ in range(4):
        body: dict = {"host": "US"}
        for name, value in maker.facts().items():
            if maker.rng.random() < 0.8:
                group, _, member = name.partition(".")
                body.setdefault(group, {})[member] = as_json(value)
        bodies.append(body)
    return {"facts.yaml": FACTS, "calendars/test.yaml": calendar, "rulebooks/us/rulebook.yaml": json.dumps(content, indent=1)}, bodies


def record(directory: Path) -> None:
    signing = keys.read_keys(keys.with_new_key(None, NOW - dt.timedelta(days=1)).decode(), ISSUER)
    files = {"jwks.json": canonical.dump(signing.as_json())}
    for name, (texts, bodies) in {"small": (small_law.TEXTS, PROPOSALS), **{f"random{seed}": random_law(seed) for seed in (3, 5, 8)}}.items():
        bound = bundle.bind(texts, laws.read(texts))
        service = Service(bound.laws(), None, bound.label)
        files[f"law-{name}.json"] = bound.content()
        for number, body in enumerate(bodies):
            receipt = issue(service, signing, body, NOW)
            files[f"{name}-{number}.json"], files[f"{name}-{number}.jws"] = receipt.flattened(), receipt.compact()
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    (directory / "SHA256SUMS").write_text(sums)


if __name__ == "__main__":
    target = ROOT / str(ANSWER_VERSION)
    if target.exists():
        sys.exit(f"{target} is recorded already; remove it only if no release has ever answered with version {ANSWER_VERSION}")
    record(target)
    print(f"recorded in {target}")
