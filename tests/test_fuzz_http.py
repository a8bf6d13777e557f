"""Every operation of the OpenAPI document, with good and bad data, over a real gunicorn. `make fuzz-http` is the long run."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict

import pytest

from passport_service.openapi import openapi
from passport_service.problems import PROBLEMS

from .fuzz_http import run
from .patience import PATIENCE
from .shipped import SHIPPED

DOCUMENT = openapi(SHIPPED.laws, PROBLEMS, defaultdict(lambda: None))
OPERATIONS = [(path, method) for path, operations in DOCUMENT["paths"].items() for method in operations]


def test_the_service_keeps_what_its_document_promises():
    found = run(8, 1, "examples,fuzzing", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    assert found.returncode == 0, found.stdout
    assert f"Tested: {len(OPERATIONS)}" in found.stdout and len(OPERATIONS) >= 12


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_says_what_it_answers_and_how_it_refuses(path, method):
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert "200" in responses and "429" in responses
    for status, response in responses.items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"] and response["description"], status
    json.dumps(responses)
