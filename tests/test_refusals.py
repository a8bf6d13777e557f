"""A refusal costs less than an answer: counted in calls of functions, which no other program on the machine can change."""

from __future__ import annotations

import json
import statistics
import sys

import pytest
import requests

from passport_service.app import create_app
from passport_service.errors import MOST_SHOWN, closest
from passport_service.openapi import EXAMPLE
from passport_service.settings import read_settings

from .bench import thinner
from .patience import PATIENCE
from .refusals import Request, requests_of
from .shipped import SHIPPED

REFUSALS = dict(requests_of(SHIPPED.laws.catalogue))


@pytest.fixture(scope="module")
def client():
    """The application in this process."""
    return create_app(read_settings({"PASSPORT_REDIS_URL": "", "PASSPORT_LOG_REQUESTS": "no"})).test_client()


def send(client, request: Request):
    return client.open(request.path, method=request.method, data=request.body, headers=request.all_headers(), buffered=True)


def calls(run) -> tuple[int, int]:
    """How many functions of Python a piece of work calls, and how often it looks for what was meant."""
    counted = {"all": 0, "closest": 0}

    def count(frame, event, _):
        if event == "call":
            counted["all"] += 1
            counted["closest"] += frame.f_code is closest.__code__

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return counted["all"], counted["closest"]


@pytest.fixture(scope="module")
def answer(client) -> float:
    """The work of a question never asked before, whose law has been met: the median of some."""
    cases = [dict(case.proposal) for rulebook in SHIPPED.laws.rulebooks.values() for case in rulebook.cases[:: len(rulebook.cases) // 15]]

    def ask(body) -> Request:
        return Request("POST", "/v1/decisions", json.dumps(body).encode())

    for body in cases:
        send(client, ask(body))
    return statistics.median(calls(lambda body=body, number=number: send(client, ask(thinner(body, number))))[0] for number, body in enumerate(cases))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_less_work_than_an_answer(client, answer, name):
    assert send(client, REFUSALS[name]).status_code == REFUSALS[name].status  # and what is worked out once is worked out
    work, suggestions = calls(lambda: send(client, REFUSALS[name]))
    assert work < answer and suggestions <= MOST_SHOWN


@pytest.mark.parametrize("name", REFUSALS)
def test_over_http_a_refusal_shows_fifty_problems_at_most(server, name):
    request = REFUSALS[name]
    found = requests.request(
        request.method,
        server + request.path,
        data=request.body or None,
        headers=request.all_headers(),
        timeout=PATIENCE,
        allow_redirects=False,
    )
    assert found.status_code == request.status
    assert len(found.content) < 90_000  # as long as an answer is
    if found.headers["Content-Type"] == "application/problem+json":
        problem = found.json()
        assert problem["status"] == request.status and len(problem.get("errors", ())) <= MOST_SHOWN


def test_who_is_told_fifty_problems_is_told_that_there_are_more(server):
    found = requests.post(f"{server}/v1/decisions", json=EXAMPLE | {"attested": [f"US-XX-{number}" for number in range(51)]}, timeout=PATIENCE).json()
    assert found["detail"] == "More than 50 problems were found; these are 50 of them." and len(found["errors"]) == 50
    found = requests.post(f"{server}/v1/decisions", json=EXAMPLE | {"attested": [f"US-XX-{number}" for number in range(50)]}, timeout=PATIENCE).json()
    assert found["detail"] == "50 problem(s) were found." and len(found["errors"]) == 50
