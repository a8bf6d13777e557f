"""Fuzzing receipts: verification of what anybody sends, and of what somebody who holds the key could sign. Nothing here needs the fuzzer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from passport_service import canonical, keys, receipt, verification

from .small_law import NOW, PROPOSAL, key_list, service

SERVICE = service()
KEYS = key_list()
PUBLIC = keys.read_keys(json.dumps(KEYS.as_json()))
RECEIPT = receipt.issue(SERVICE, KEYS, PROPOSAL, NOW)
GENUINE = {RECEIPT.compact(), RECEIPT.flattened()}
HEADER = canonical.dump({"alg": "Ed25519", "kid": KEYS.keys[0].kid, "typ": "passport-receipt+json"})
# The first byte of the input says what the rest is: what a stranger sends, or a part of what a holder of the key signs.
AS_IT_COMES, PAYLOAD, HEAD = b"{", b"P", b"H"
STATUSES = {"passed", "failed", "cannot", "not_reached"}


def run(data: bytes) -> None:
    """Every receipt is told in nine steps; what was not signed is never authentic, and nothing is verified but what replays."""
    content = data
    if data[:1] == PAYLOAD:
        content = signed(HEADER, data[1:])
    elif data[:1] == HEAD:
        content = signed(data[1:], canonical.dump(dict(RECEIPT.payload)))
    found = verification.verify(content, PUBLIC, SERVICE, NOW)
    steps = [step.status for step in found.steps]
    assert len(steps) == 9 and set(steps) <= STATUSES and all(step.says or step.status == "not_reached" for step in found.steps)
    passed = steps.index(next((status for status in steps if status != "passed"), "")) if not found.verified else 9
    assert set(steps[passed + 1 :]) <= {"not_reached"}
    canonical.dump(found.as_json())
    if data[:1] != PAYLOAD:
        assert found.authentic == found.verified == (content in GENUINE)
    elif found.verified:
        payload = json.loads(data[1:])
        again = SERVICE.stamped(payload["service"]).decide(payload["proposal"], NOW).body
        assert payload["decision"]["status"] == again["status"]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes) -> bytes:
    signing = f"{b64(header)}.{b64(payload)}"
    return f"{signing}.{b64(KEYS.keys[0].jwk.private_key.sign(signing.encode()))}".encode()


def seeds() -> Iterator[bytes]:
    payload = dict(RECEIPT.payload)
    yield from sorted(GENUINE)
    yield HEAD + HEADER
    for change in ({}, {"answer": 0}, {"issuer": "urn:x:y"}, {"issued_at": "2026-11-23T12:00:60Z"}, {"proposal": {"host": "US"}}, {"bundle": {}}):
        yield PAYLOAD + canonical.dump(payload | change)


def words() -> list[str]:
    found = {*RECEIPT.payload, *RECEIPT.payload["decision"], "alg", "kid", "typ", "Ed25519", "EdDSA", "none", "protected", "payload", "signature"}
    return sorted({f'"{word}"' for word in found} | {"null", "true", "{}", "[]", "-1", '"host":"GB"', "2026-11-23T12:00:00Z"})
