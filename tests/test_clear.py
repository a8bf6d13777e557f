"""A complete proposal needs nothing but evidence: once all that the answer lists is attested, the status is `clear`."""

from __future__ import annotations

from collections import Counter

import pytest

from .shipped import NOW, SHIPPED

COMPLETE = [
    case
    for host in sorted(SHIPPED.laws.rulebooks)
    for case in SHIPPED.laws.rulebooks[host].cases
    if case.place.partition(":")[0].endswith("clear.yaml")
]


@pytest.mark.parametrize("case", COMPLETE, ids=lambda case: case.id)
def test_once_everything_is_attested_it_is_clear(case):
    before = SHIPPED.decide(case.proposal, NOW).body
    listed = {row["id"] for section in ("checks", "duties", "others") for row in before[section]}
    after = SHIPPED.decide({**case.proposal, "attested": sorted(listed)}, NOW).body
    assert before["status"] == "checks_required" and before["checks"]
    assert (after["status"], [(row["id"], row["status"]) for row in after["checks"]]) == ("clear", [])
    assert after["plan"] and all(row["outstanding"] == 0 for row in after["plan"])


def test_there_are_thirty_of_them_on_each_host_by_many_ways():
    hosts = Counter(case.proposal["host"] for case in COMPLETE)
    assert set(hosts) == set(SHIPPED.laws.rulebooks) and min(hosts.values()) >= 30
    for host in hosts:
        ways = {route for case in COMPLETE if case.proposal["host"] == host for route in case.expect["plan"]}
        assert len(ways) >= 10, ways
