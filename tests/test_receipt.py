"""Receipts: what is signed, the steps of verification, and everything that must be refused, at the step that says why."""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
import re

import pytest
import rfc8785
from joserfc import jws
from joserfc.jwk import OKPKey

from passport_service import bundle, canonical, keys
from passport_service.archive import file_away
from passport_service.errors import ProposalError
from passport_service.keys import KeysError
from passport_service.receipt import MAX_RECEIPT, ReceiptError, issue
from passport_service.service import Service
from passport_service.source import read_files
from passport_service.verification import verify

from .shipped import CONFIG, SHIPPED
from .shipped import NOW as SHIPPED_NOW
from .small_law import ISSUER, NOW, PROPOSAL, amended, bound, key_list, service

KEYS = key_list()
PUBLIC = keys.read_keys(json.dumps(KEYS.as_json()))
SERVICE = service()
RECEIPT = issue(SERVICE, KEYS, PROPOSAL, NOW)
NAMES = ["form", "algorithm", "key", "signature", "payload", "issuer", "time", "law", "replay"]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(payload, header=None, key_list=KEYS) -> bytes:
    """A token over any payload and header: what somebody who holds the key could make."""
    key = key_list.keys[0]
    raw = payload if isinstance(payload, bytes) else canonical.dump(payload)
    head = header if header is not None else {"alg": "Ed25519", "kid": key.kid, "typ": "passport-receipt+json"}
    signing = f"{b64(canonical.dump(head))}.{b64(raw)}"
    return f"{signing}.{b64(key.jwk.private_key.sign(signing.encode()))}".encode()


def stopped(content, trusted=PUBLIC, law=SERVICE, now=NOW):
    """(step, status) at which a receipt stops, and the reason; the steps after it are not reached."""
    found = verify(content, trusted, law, now)
    names = [step.name for step in found.steps]
    assert names == NAMES and [step.number for step in found.steps] == list(range(1, 10))
    assert not found.verified
    last = found.stopped_at
    assert {step.status for step in found.steps[last.number :]} <= {"not_reached"}
    return last.name, last.status, last.says


def altered(**members):
    return {**RECEIPT.payload, **members}


# -- what is signed ------------------------------------------------------------------------------------------------------------


def test_a_receipt_says_what_was_asked_answered_under_which_law_when_and_by_whom():
    decision = SERVICE.decide(PROPOSAL, NOW).body
    (book,) = bound().label.books
    assert RECEIPT.payload == {
        "receipt": 1,
        "issuer": "https://passport.example",
        "issued_at": "2026-11-23T12:00:00Z",
        "ephemeral": False,
        "proposal": PROPOSAL | {"transaction": PROPOSAL["transaction"] | {"notional": {"amount": "2500000", "currency": "USD"}}},
        "decision": decision,
        "law_date": "2026-11-25",
        "valid_until": "2027-05-22",
        "rulebook": {"host": "US", "version": "2026.11.22", "digest": book.digest},
        "bundle": {"digest": bound().label.digest, "published": "2026-11-22"},
        "service": "1.0.0",
        "answer": 2,
    }


def test_both_forms_carry_the_same_three_parts_and_their_json_is_canonical():
    flattened = json.loads(RECEIPT.flattened())
    assert RECEIPT.compact().decode().split(".") == [flattened["protected"], flattened["payload"], flattened["signature"]]
    assert json.loads(unb64(flattened["protected"])) == {"alg": "Ed25519", "kid": KEYS.keys[0].kid, "typ": "passport-receipt+json"}
    assert rfc8785.dumps(flattened) == RECEIPT.flattened()
    assert rfc8785.dumps(json.loads(unb64(flattened["payload"]))) == unb64(flattened["payload"])


@pytest.mark.parametrize("content", [RECEIPT.flattened(), RECEIPT.compact()])
def test_a_receipt_verifies_and_replays_with_public_keys_and_the_law_alone(content):
    found = verify(content, PUBLIC, SERVICE, NOW + dt.timedelta(days=4000))
    assert (found.verified, found.authentic, found.payload) == (True, True, RECEIPT.payload)
    assert [step.status for step in found.steps] == ["passed"] * 9 and all(step.says for step in found.steps)


def test_every_kind_of_worked_case_replays_byte_for_byte():
    law = Service(SHIPPED.laws, None, bundle.bind(read_files(CONFIG), SHIPPED.laws).label)
    cases = [case for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases]
    for case in random.Random(11).sample(cases, 60):
        receipt = issue(law, KEYS, case.proposal, SHIPPED_NOW)
        found = verify(receipt.compact(), PUBLIC, law, SHIPPED_NOW)
        assert found.verified, (case.id, found.stopped_at)


def test_a_proposal_as_understood_is_read_as_the_same_proposal():
    cases = [case for _, rulebook in SHIPPED.laws.all_rulebooks() for case in rulebook.cases]
    for case in cases:
        proposal = SHIPPED.schema.load(case.proposal)
        again = SHIPPED.schema.load(proposal.body())
        assert (again.canonical(), again.body()) == (proposal.canonical(), proposal.body()), case.id


def test_an_answer_of_no_rulebook_and_one_of_today_replay_too():
    for body in ({"host": "FR"}, {"host": "US"}, {"host": "US", "attested": ["Q2", "Q1"], "prefer": ["R1"], "rely_on_staff_positions": False}):
        receipt = issue(SERVICE, KEYS, body, NOW.replace(hour=3))  # the evening before in New York
        assert verify(receipt.flattened(), PUBLIC, SERVICE, NOW).verified
    assert issue(SERVICE, KEYS, {"host": "US"}, NOW.replace(hour=3)).payload["law_date"] == "2026-11-22"


def test_a_receipt_is_not_issued_for_law_without_a_bundle_or_with_no_key_in_use():
    with pytest.raises(ReceiptError, match="which law it is"):
        issue(SHIPPED, KEYS, {"host": "US"}, NOW)
    with pytest.raises(KeysError, match="No private key of the list is in use"):
        issue(SERVICE, PUBLIC, PROPOSAL, NOW)
    with pytest.raises(KeysError, match="No private key of the list is in use"):
        issue(SERVICE, KEYS, PROPOSAL, NOW - dt.timedelta(days=2))
    with pytest.raises(ProposalError):
        issue(SERVICE, KEYS, {"host": "US", "client": {"kind": "moneylender"}}, NOW)


# -- the law it rests on ----------------------------------------------------------------------------------------------------------


def test_after_an_amendment_an_old_receipt_still_replays_under_its_bundle(tmp_path):
    file_away(bound(), tmp_path)
    after = service(amended(route=True), tmp_path)
    assert verify(RECEIPT.compact(), PUBLIC, after, NOW + dt.timedelta(days=9)).verified


def test_without_its_bundle_a_receipt_is_authentic_and_neither_replayed_nor_refused():
    found = verify(RECEIPT.compact(), PUBLIC, service(amended(route=True)), NOW)
    assert (found.authentic, found.verified, found.stopped_at.name, found.stopped_at.status) == (True, False, "law", "cannot")
    assert bound().label.digest in found.stopped_at.says


def test_a_receipt_under_law_of_the_archive_replays_as_well(tmp_path):
    file_away(bound(), tmp_path)
    after, later = service(amended(route=True), tmp_path), NOW + dt.timedelta(days=3)
    for named in ({"known_on": "2026-11-23"}, {"rulebook": bound().label.books[0].digest}):
        receipt = issue(after, KEYS, PROPOSAL | named, later)
        assert receipt.payload["bundle"]["digest"] == bound().label.digest
        assert verify(receipt.compact(), PUBLIC, after, later).verified
        assert verify(receipt.compact(), PUBLIC, SERVICE, later).verified  # the other service holds that law as its own


def test_another_release_with_the_same_answers_replays_and_says_so():
    other = SERVICE.stamped("1.4.2")
    found = verify(RECEIPT.compact(), PUBLIC, other, NOW)
    assert found.verified and "by 1.4.2, which answers as 1.0.0 did" in found.steps[-1].says


def test_a_release_with_other_answers_says_that_it_cannot_replay():
    name, status, says = stopped(signed(altered(answer=3, service="2.0.0", decision=RECEIPT.payload["decision"] | {"service": "2.0.0"})))
    assert (name, status) == ("replay", "cannot") and "Replay it with a release of answer version 3" in says


# -- what is refused ------------------------------------------------------------------------------------------------------------------

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _well_spelt(text: str) -> bool:
    """Base64url without padding, whose last letter carries no bits that are not there. (Its own reading, not the service's.)"""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return False
    spare = {0: 0, 2: 4, 3: 2}[len(text) % 4]
    return not spare or ALPHABET.index(text[-1]) % (1 << spare) == 0


def _expected(content: bytes, flattened: bool) -> set[str]:
    """The steps at which a changed receipt may stop, judged from its bytes alone."""
    try:
        if flattened:
            found = json.loads(content.decode())
            parts = [found["protected"], found["payload"], found["signature"]]
            if json.dumps(found, separators=(",", ":"), sort_keys=True).encode() != content or len(found) != 3:
                return {"form"}
        else:
            parts = content.decode("ascii").split(".")
            if len(parts) != 3:
                return {"form"}
        if not all(_well_spelt(part) for part in parts):
            return {"form"}
    except (ValueError, KeyError, TypeError):
        return {"form"}
    original = RECEIPT.token.split(".")
    if parts[0] != original[0]:
        try:
            header = json.loads(unb64(parts[0]).decode())
            changed = {name for name, value in json.loads(unb64(original[0])).items() if header.get(name) != value} | (
                header.keys() - {"alg", "kid", "typ"}
            )
        except (ValueError, AttributeError):
            return {"algorithm"}
        return {"key"} if changed == {"kid"} else {"algorithm"}
    return {"signature"}


@pytest.mark.parametrize("flattened", [True, False])
def test_every_single_byte_change_is_refused_at_the_right_step(flattened):
    content = RECEIPT.flattened() if flattened else RECEIPT.compact()
    rng, tried, at = random.Random(5), 0, dict.fromkeys(NAMES, 0)
    for place in range(len(content)):
        # a letter that keeps the base64 whole, any byte at all, and the neighbour that differs in one bit
        for byte in {rng.choice(ALPHABET.encode()), rng.randrange(256), content[place] ^ 1} - {content[place]}:
            changed = content[:place] + bytes([byte]) + content[place + 1 :]
            found = verify(changed, PUBLIC, SERVICE, NOW)
            assert not found.authentic and not found.verified and found.payload is None
            assert found.stopped_at.name in _expected(changed, flattened), (place, byte, found.stopped_at)
            tried, at[found.stopped_at.name] = tried + 1, at[found.stopped_at.name] + 1
    assert tried >= 5000 and all(at[name] for name in ("form", "algorithm", "key", "signature")), at


def _mutations(rng: random.Random):
    """Changes of more than one byte: cuts, repeats, insertions, swaps, other spellings of the same JSON."""
    for content in (RECEIPT.flattened(), RECEIPT.compact()):
        for _ in range(600):
            one, other = sorted(rng.sample(range(len(content)), 2))
            yield content[:one] + content[other:]
            yield content[:other] + content[one:]
            yield content[:one] + rng.choice([b" ", b"\n", b"=", b"A", b"\\u0041", b"\x00", b"\xef\xbb\xbf"]) + content[one:]
            yield content[:one] + content[other:] + content[one:other]
            yield content[:one] + bytes(rng.randrange(256) for _ in range(3)) + content[one + 3 :]
    flattened = json.loads(RECEIPT.flattened())
    yield json.dumps(flattened).encode()
    yield json.dumps(flattened, indent=1).encode()
    yield RECEIPT.flattened() + b"\n"
    yield RECEIPT.compact() + b"\n"
    yield RECEIPT.compact() + b"."
    yield RECEIPT.compact().replace(b".", b"..", 1)
    yield json.dumps(dict(reversed(flattened.items())), separators=(",", ":")).encode()


def test_thousands_of_larger_changes_are_refused_as_well():
    originals = {RECEIPT.flattened(), RECEIPT.compact()}
    tried = 0
    for changed in _mutations(random.Random(17)):
        if changed not in originals:
            found = verify(changed, PUBLIC, SERVICE, NOW)
            assert not found.authentic and not found.verified
            tried += 1
    assert tried > 5000


FLAT = json.loads(RECEIPT.flattened())
OTHER = key_list()
RETIRED = keys.KeyList(ISSUER, (keys.Key(KEYS.keys[0].kid, KEYS.keys[0].jwk, KEYS.keys[0].begins, NOW - dt.timedelta(hours=1)),))
REVOKED = keys.KeyList(ISSUER, (keys.Key(KEYS.keys[0].kid, KEYS.keys[0].jwk, revoked="the machine was stolen"),))
NOT_YET = keys.KeyList(ISSUER, (keys.Key(KEYS.keys[0].kid, KEYS.keys[0].jwk, NOW + dt.timedelta(hours=1)),))
HEAD = {"alg": "Ed25519", "kid": KEYS.keys[0].kid, "typ": "passport-receipt+json"}
SWAPPED = issue(SERVICE, KEYS, PROPOSAL | {"client": {"kind": "person"}}, NOW).token.split(".")[1]


def _joined(header, payload=None, signature=None) -> bytes:
    return _raw(canonical.dump(header), payload, signature)


def _raw(header: bytes, payload=None, signature=None) -> bytes:
    return ".".join((b64(header), payload or FLAT["payload"], FLAT["signature"] if signature is None else signature)).encode()


@pytest.mark.parametrize(
    ("why", "content", "step", "says"),
    [
        ("nothing", b"", "form", "neither"),
        ("a decision instead of a receipt", SERVICE.decide(PROPOSAL, NOW).bytes(), "form", "no other"),
        ("an oversized file", b"{" + b" " * MAX_RECEIPT, "form", "at most 1048576"),
        ("a member that stands twice", RECEIPT.flattened().replace(b'{"payload"', b'{"payload":"e30","payload"'), "form", "twice"),
        ("a member beside the three", canonical.dump(FLAT | {"header": {"kid": "x"}}), "form", "no other"),
        ("the general form of several signatures", canonical.dump({"payload": FLAT["payload"], "signatures": [FLAT]}), "form", "no other"),
        ("a part that is no text", canonical.dump(FLAT | {"signature": 1}), "form", "no other"),
        ("padding", canonical.dump(FLAT | {"signature": FLAT["signature"] + "=="}), "form", "base64url"),
        ("bits that are not there", canonical.dump(FLAT | {"signature": FLAT["signature"][:-1] + ALPHABET[ALPHABET.index(FLAT["signature"][-1]) + 1]}), "form", "not spelt"),
        ("JSON nested for ever", b"{" + b'"a":{' * 5000, "form", "not JSON"),
        ("a stripped header", f".{FLAT['payload']}.{FLAT['signature']}".encode(), "algorithm", "cannot be read"),
        ("no algorithm", _joined({"kid": HEAD["kid"], "typ": HEAD["typ"]}), "algorithm", "alg, kid and typ"),
        ("the algorithm none", _joined(HEAD | {"alg": "none"}, signature=""), "algorithm", "'none'"),
        ("the deprecated name", _joined(HEAD | {"alg": "EdDSA"}), "algorithm", "'EdDSA'"),
        ("another algorithm", _joined(HEAD | {"alg": "HS256"}), "algorithm", "'HS256'"),
        ("another type", _joined(HEAD | {"typ": "JWT"}), "algorithm", "'JWT'"),
        ("a key of its own in the header", signed(RECEIPT.payload, HEAD | {"jwk": OTHER.keys[0].as_json()}), "algorithm", "and no other"),
        ("a critical extension", signed(RECEIPT.payload, HEAD | {"crit": ["b64"], "b64": False}), "algorithm", "and no other"),
        ("a header with a member twice", _raw(b'{"alg":"Ed25519","alg":"none"}'), "algorithm", "twice"),
        ("a header that is a list", _joined(["alg"]), "algorithm", "alg, kid and typ"),
        ("a key nobody knows", signed(RECEIPT.payload, HEAD | {"kid": OTHER.keys[0].kid}, OTHER), "key", "not among those"),
        ("another key under a known name", signed(RECEIPT.payload, HEAD, OTHER), "signature", "was changed"),
        ("a swapped payload", _joined(HEAD, SWAPPED), "signature", "was changed"),
        ("no signature", _joined(HEAD, signature=""), "signature", "was changed"),
        ("a payload with a member twice", signed(b'{"receipt":1,"receipt":1}'), "payload", "twice"),
        ("a payload that is no JSON", signed(b"receipt"), "payload", "not JSON"),
        ("a payload of another spelling", signed(json.dumps(RECEIPT.payload).encode()), "payload", "not canonical"),
        ("a payload that is a list", signed([1]), "payload", "format 1"),
        ("another format", signed(altered(receipt=2)), "payload", "format 1"),
        ("a member too many", signed(altered(note="x")), "payload", "note"),
        ("a member of another type", signed(altered(valid_until=3)), "payload", "valid_until"),
        ("an inside that differs from the outside", signed(altered(valid_until="2099-01-01")), "payload", "outside"),
        ("a decision with nothing in it", signed(altered(decision={})), "payload", "outside"),
        ("a bundle without a digest", signed(altered(bundle={"published": "2026-11-22"})), "payload", "bundle"),
        ("a time with a zone", signed(altered(issued_at="2026-11-23T12:00:00+01:00")), "payload", "time of issue"),
        ("a time that is none", signed(altered(issued_at="2026-02-30T12:00:00Z")), "payload", "time of issue"),
        ("a receipt for another issuer", signed(altered(issuer="https://passport.example.org")), "issuer", "example.org"),
        ("a future time of issue", signed(altered(issued_at="2026-11-23T12:01:01Z")), "time", "has not come"),
        ("a mark of a trial that the key does not have", signed(altered(ephemeral=True)), "time", "disagree"),
        ("a rulebook that is not the bundle's", signed(altered(rulebook=None, decision=RECEIPT.payload["decision"] | {"rulebook": None})), "law", "does not give"),
        ("a day of publication that is not the bundle's", signed(altered(bundle=RECEIPT.payload["bundle"] | {"published": "2026-11-21"})), "law", "does not give"),
        ("a better answer than the law gives", signed(altered(decision=RECEIPT.payload["decision"] | {"status": "clear"})), "replay", "at /status"),
        ("a proposal that the law does not take", signed(altered(proposal={"host": "US", "client": {"kind": "king"}})), "replay", "does not take"),
        ("a proposal in other words", signed(altered(proposal=PROPOSAL)), "replay", "not spelt as it is understood"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_at_its_step(why, content, step, says):
    name, status, reason = stopped(content)
    assert (name, status) == (step, "failed"), why
    assert says in reason, why


@pytest.mark.parametrize(
    ("trusted", "step", "says"),
    [
        (RETIRED, "time", "was retired at 2026-11-23T11:00:00Z, before the receipt was issued"),
        (REVOKED, "key", "was revoked: the machine was stolen"),
        (NOT_YET, "time", "was not in use before"),
        (keys.KeyList("https://other.example", KEYS.keys), "issuer", "these are the keys of 'https://other.example'"),
        (OTHER, "key", "not among those"),
    ],
)
def test_a_key_is_judged_by_the_list_and_not_by_the_receipt(trusted, step, says):
    name, status, reason = stopped(RECEIPT.compact(), trusted)
    assert (name, status) == (step, "failed") and says in reason


def test_a_key_retired_later_still_vouches_for_what_it_signed_before():
    key = KEYS.keys[0]
    later = keys.KeyList(ISSUER, (keys.Key(key.kid, key.jwk, key.begins, NOW + dt.timedelta(seconds=1)),))
    assert verify(RECEIPT.compact(), later, SERVICE, NOW + dt.timedelta(days=900)).verified
    exactly = keys.KeyList(ISSUER, (keys.Key(key.kid, key.jwk, key.begins, NOW),))
    assert stopped(RECEIPT.compact(), exactly)[0] == "time"


def test_a_clock_that_runs_ahead_by_a_minute_is_allowed_and_no_more():
    assert verify(RECEIPT.compact(), PUBLIC, SERVICE, NOW - dt.timedelta(seconds=60)).verified
    assert stopped(RECEIPT.compact(), now=NOW - dt.timedelta(seconds=61))[:2] == ("time", "failed")


def test_an_ephemeral_key_says_so_in_the_receipt_and_in_the_steps():
    trial = keys.ephemeral(NOW)
    receipt = issue(SERVICE, trial, PROPOSAL, NOW)
    found = verify(receipt.compact(), keys.read_keys(json.dumps(trial.as_json())), SERVICE, NOW)
    assert (receipt.payload["ephemeral"], receipt.payload["issuer"]) == (True, "urn:passport:trial")
    assert found.verified and "made for a trial" in found.steps[2].says


def test_a_large_answer_can_be_signed_and_verified():
    # The library behind us refuses payloads above 128,000 bytes by default, and says so only at run time.
    payload = altered(decision=RECEIPT.payload["decision"] | {"summary": "x" * 400_000})
    assert stopped(signed(payload))[0] == "replay"
    key = OKPKey.generate_key("Ed25519")
    with pytest.raises(Exception, match="exceeds 129536 bytes"):
        jws.deserialize_compact(jws.serialize_compact({"alg": "Ed25519"}, b"x" * 400_000, key, algorithms=["Ed25519"]), key, algorithms=["Ed25519"])
