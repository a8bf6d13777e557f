"""`make record` keeps the digest of 400 answers of the law we ship: whatever is rebuilt underneath, they stay the same byte for byte.

The questions are worked cases of every host, status and scenario; every other one is put to the law of another day, or under a scenario that
its case does not name. Recording again is right when the law or what an answer says has changed, and only then.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from passport_service.errors import ProposalError

from .shipped import NOW, SHIPPED

PATH = Path(__file__).with_name("recorded.json")
ANSWERS = 400
LAST = dt.date(2029, 12, 31)


def names() -> list[str]:
    """The questions to record: the id of a worked case, for every other one with the day and the scenario that it is put to instead."""
    kinds: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for id_, case in SHIPPED.case_ids.items():
        kinds[case.proposal["host"], case.expect.get("status"), case.proposal.get("scenario")].append(id_)
    for ids in kinds.values():
        ids.sort(key=lambda id_: hashlib.sha256(id_.encode()).digest())
    found: list[str] = []
    while len(found) < ANSWERS and any(kinds.values()):
        for ids in filter(None, kinds.values()):  # one of each kind in turn, so that the rare ones are all there
            id_ = ids.pop()
            found.append(_varied(id_) if len(found) % 2 else id_)
    return found[:ANSWERS]


def _varied(id_: str) -> str:
    rng = random.Random(id_)
    first = SHIPPED.laws.rulebooks[SHIPPED.case_ids[id_].proposal["host"]].head.covers_from
    day = first + dt.timedelta(days=rng.randrange((LAST - first).days))
    scenario = [rng.choice(sorted(SHIPPED.laws.scenarios))] if rng.random() < 0.5 else []
    return " ".join([id_, day.isoformat(), *scenario])


def question(name: str) -> dict[str, Any]:
    """The body that is asked under a name."""
    id_, *other = name.split(" ")
    return {**SHIPPED.case_ids[id_].proposal, **dict(zip(("as_of", "scenario"), other, strict=False))}


def digest_of(body: dict[str, Any]) -> str:
    """The digest of the answer's bytes, or of the words in which the question is refused."""
    try:
        said = SHIPPED.decide(body, NOW).bytes()
    except ProposalError as error:
        said = repr([(problem.pointer, problem.detail) for problem in error.problems]).encode()
    return hashlib.sha256(said).hexdigest()[:16]


if __name__ == "__main__":
    answers = {name: digest_of(question(name)) for name in names()}
    PATH.write_text(json.dumps(answers, indent=0) + "\n")
    print(f"{len(answers)} answers recorded in {PATH.name}")
