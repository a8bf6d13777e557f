"""Questions that regulators answered themselves: our law gives the same answer, or the case says why it does not.

`cases.json` was written from what the regulators published, independently of the rulebooks. A case that we answer otherwise carries
`differs`, the reason; it fails as soon as we agree, so that no reason outlives its fault.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..shipped import NOW, SHIPPED

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
OUTSTANDING = ("checks", "duties", "others")


def disagreements(case) -> list[str]:
    """What our answer says otherwise than the regulator."""
    answer = SHIPPED.decide(case["proposal"], NOW).body
    rows = {row["id"]: row for section in OUTSTANDING for row in answer[section]}
    routes = {row["id"]: row["status"] for row in answer["routes"]}
    satisfied = {row["id"] for row in answer["satisfied"]}
    expect = case["expect"]
    found = []
    if answer["status"] != expect.get("status", answer["status"]):
        found.append(f"status is {answer['status']}")
    if answer["status"] in expect.get("not_status", ()):
        found.append(f"status is {answer['status']}")
    for route, statuses in expect.get("routes", {}).items():
        if routes.get(route, "absent") not in statuses:
            found.append(f"{route} is {routes.get(route, 'absent')}")
    found += [f"{id_} is not asked for" for id_ in expect.get("requires", ()) if id_ not in rows]
    found += [f"{id_} is asked for" for id_ in expect.get("not_requires", ()) if id_ in rows]
    found += [f"{id_} has not failed" for id_ in expect.get("failed", ()) if id_ not in rows or rows[id_]["status"] != "failed"]
    found += [f"{id_} has failed" for id_ in expect.get("not_failed", ()) if id_ in rows and rows[id_]["status"] == "failed"]
    found += [f"{id_} is not satisfied" for id_ in expect.get("satisfied", ()) if id_ not in satisfied]
    found += [f"{id_} is satisfied" for id_ in expect.get("not_satisfied", ()) if id_ in satisfied]
    for id_, day in expect.get("dates", {}).items():
        deadline = (rows.get(id_) or {}).get("deadline")
        if deadline is None or deadline["date"] != day:
            found.append(f"{id_} is due on {deadline and deadline['date']}")
    for id_, amount in expect.get("amounts", {}).items():
        amounts = (rows.get(id_) or {}).get("amount") or []
        if [row["amount"] for row in amounts] != [amount]:
            found.append(f"{id_} asks for {amounts}")
    return found


def test_every_case_names_its_source_and_expects_something():
    assert len(CASES) >= 83
    for case in CASES:
        assert case["source"] and case["address"] and case["answer"] and any(case["expect"].values()), case["id"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_we_answer_as_the_regulator_did(case):
    found = disagreements(case)
    if "differs" in case:
        assert found, f"{case['id']}: we agree now; take `differs` out"
    else:
        assert not found, f"{case['source']} says: {case['answer']} But {'; '.join(found)}"
