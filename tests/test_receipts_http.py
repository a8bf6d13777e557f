"""Receipts as their users meet them: over a real gunicorn, on the command line, and by a third party with public tools."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import jsonschema
import pytest
import requests
from jwcrypto import jwk, jws

from passport_service import keys
from passport_service.openapi import EXAMPLE

from .patience import PATIENCE
from .places import ROOT, copy_of_the_law
from .servers import free_port, serving
from .test_cli import passport

ISSUER = "https://passport.example"
AMENDMENT = """
requirements:
  - id: US-ZZ-01
    versions:
      - from: 2026-01-01
        title: A notice of tokenised trades
        standing: in_force
        cite: {source: SEA-1934, at: s 99 as amended}
        says: The firm notifies each trade in a tokenised share.
        topic: trading
        duty_on: firm
        due: post_trade
        stops: nothing
        applies_when: always
        check: {do: Notify the trade.}
        provenance: {read: not_read, confidence: 1, reviewed_on: 2026-11-22}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a list of private keys, made by the command an operator uses."""
    found = tmp_path_factory.mktemp("receipts")
    made = passport("receipts", "new-key", str(found / "keys.json"))
    assert made.returncode == 0 and (found / "keys.json").stat().st_mode & 0o777 == 0o600
    return found


@pytest.fixture(scope="module")
def signing(place):
    """A service that signs with those keys. Shapes: (address, the lines of its log)."""
    keys_of = {"PASSPORT_KEYS": str(place / "keys.json"), "PASSPORT_ISSUER": ISSUER}
    with serving(PASSPORT_WORKERS="1", PASSPORT_LOG_LEVEL="debug", **keys_of) as (process, address):
        yield address, process.said


@pytest.fixture(scope="module")
def kept(place, signing):
    """What a caller keeps: a receipt in both forms, and the keys. Shapes: name -> path."""
    address, _ = signing
    found = {"json": place / "receipt.json", "jws": place / "receipt.jws", "jwks": place / "jwks.json", "law": place / "law.json"}
    found["json"].write_bytes(requests.post(f"{address}/v1/receipts", json=EXAMPLE, timeout=PATIENCE).content)
    found["jws"].write_bytes(requests.post(f"{address}/v1/receipts", json=EXAMPLE, headers={"Accept": "application/jose"}, timeout=PATIENCE).content)
    found["jwks"].write_bytes(requests.get(f"{address}/.well-known/jwks.json", timeout=PATIENCE).content)
    assert passport("rulebooks", "bundle", "--out", str(found["law"])).returncode == 0
    return found


def check(address, content, media="application/jose+json"):
    response = requests.post(f"{address}/v1/receipts/verify", data=content, headers={"Content-Type": media}, timeout=PATIENCE)
    assert response.status_code == 200 and response.headers["Cache-Control"] == "no-store"
    return response.json()


def private_parts(place):
    """Every spelling in which a private key could show."""
    row = json.loads((place / "keys.json").read_text())["keys"][0]
    raw = base64.urlsafe_b64decode(row["d"] + "=")
    return [row["d"].encode(), raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), repr(raw)[2:-1].encode()]


# -- over HTTP ---------------------------------------------------------------------------------------------------------------------


def test_a_receipt_is_a_signed_decision_that_nobody_may_keep_on_the_way(signing):
    address, _ = signing
    response = requests.post(f"{address}/v1/receipts", json=EXAMPLE, timeout=PATIENCE)
    assert (response.status_code, response.headers["Content-Type"], response.headers["Cache-Control"]) == (200, "application/jose+json", "no-store")
    payload = json.loads(base64.urlsafe_b64decode(response.json()["payload"] + "=="))
    decision = requests.post(f"{address}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()
    assert payload["decision"] == decision and response.headers["Rulebook-Digest"] == decision["rulebook"]["digest"]


def test_the_service_verifies_what_it_signed_in_both_forms_and_says_what_it_would_be_today(signing, kept):
    for form, media in (("json", "application/jose+json"), ("json", "application/json"), ("jws", "application/jose")):
        found = check(signing[0], kept[form].read_bytes(), media)
        assert (found["verified"], found["authentic"], found["today"]["differs"]) == (True, True, False)
        assert [step["status"] for step in found["steps"]] == ["passed"] * 9


def test_the_service_trusts_its_own_keys_and_no_others(signing, server):
    foreign = requests.post(f"{server}/v1/receipts", json=EXAMPLE, timeout=PATIENCE)
    found = check(signing[0], foreign.content)
    assert (found["verified"], found["authentic"], found["today"], found["receipt"]) == (False, False, None, None)
    assert [step["name"] for step in found["steps"] if step["status"] == "failed"] == ["key"]


def test_without_keys_receipts_are_signed_for_a_trial_and_say_so_loudly(server):
    """The quick start: one key for all workers, marked in the receipt, in the list of keys and in the verification."""
    found = requests.get(f"{server}/.well-known/jwks.json", timeout=PATIENCE)
    assert found.headers["Content-Type"] == "application/jwk-set+json"
    assert (found.json()["issuer"], [key["ephemeral"] for key in found.json()["keys"]]) == ("urn:passport:trial", [True])
    for _ in range(6):  # two workers
        receipt = requests.post(f"{server}/v1/receipts", json=EXAMPLE, timeout=PATIENCE).content
        assert check(server, receipt)["receipt"]["ephemeral"] is True
    failed = passport("serve", PASSPORT_ISSUER=ISSUER, PORT=str(free_port()))
    assert failed.returncode == 1 and "go together" in failed.stderr.decode()


@pytest.mark.parametrize(
    ("path", "data", "headers", "status"),
    [
        ("/v1/receipts", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/v1/receipts", b'{"host": "US"}', {"Content-Type": "application/json", "Accept": "text/html"}, 406),
        ("/v1/receipts", b'{"host": "US", "clinet": {}}', {"Content-Type": "application/json"}, 422),
        ("/v1/receipts", b'{"host": "US", "rulebook": "sha256:0"}', {"Content-Type": "application/json"}, 422),
        ("/v1/receipts", b" " * 70000, {"Content-Type": "application/json"}, 413),
        ("/v1/receipts/verify", b"x", {"Content-Type": "text/plain"}, 415),
        ("/v1/receipts/verify", b"", {"Content-Type": "application/jose"}, 400),
        ("/v1/receipts/verify", b"x" * (1024 * 1024 + 1), {"Content-Type": "application/jose"}, 413),
    ],
)
def test_a_wrong_request_is_a_problem(signing, path, data, headers, status):
    response = requests.post(signing[0] + path, data=data, headers=headers, timeout=PATIENCE)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")


def test_what_is_no_receipt_is_answered_with_the_step_and_is_no_error(signing):
    for body in (b"{}", b"a.b.c", b"\xff\xfe", b'{"payload":"","protected":"","signature":""}'):
        assert check(signing[0], body)["verified"] is False


# -- keys stay where they are ---------------------------------------------------------------------------------------------------------


def test_private_keys_appear_in_no_log_error_answer_or_page(place, signing, kept):
    address, log = signing
    said = [kept[name].read_bytes() for name in kept]
    said += [
        requests.get(address + path, timeout=PATIENCE).content
        for path in ("/", "/docs", "/openapi.json", "/readyz", "/nowhere", "/.well-known/jwks.json")
    ]
    for data in (b"{", b'{"host": 1}', (place / "keys.json").read_bytes()[:200]):
        for path in ("/v1/receipts", "/v1/receipts/verify"):
            response = requests.post(address + path, data=data, headers={"Content-Type": "application/json"}, timeout=PATIENCE)
            said += [response.content] if data[:7] != b'{"keys"' else []
    said.append("".join(log).encode())
    spoilt = json.loads((place / "keys.json").read_text())
    for number, change in enumerate(({"x": "AAAA"}, {"nbf": "soon"}, {"kid": "mine"}, {"more": 1})):
        bad = place / f"bad{number}.json"
        bad.write_text(json.dumps({"keys": [spoilt["keys"][0] | change]}))
        commands = (("serve",), ("receipts", "issue", "-")) if number == 0 else (("receipts", "verify", str(kept["json"])),)
        for value in (str(bad), bad.read_text()[:-1], bad.read_text()[1:]) if number == 0 else (bad.read_text(),):
            for command in commands:
                found = passport(*command, stdin=b"{}", PASSPORT_KEYS=value, PASSPORT_ISSUER=ISSUER, PORT=str(free_port()))
                assert found.returncode and b"Traceback" not in found.stderr
                said += [found.stdout, found.stderr]
    for part in private_parts(place):
        assert not [text for text in said if part in text]


def test_images_and_repository_hold_no_private_key():
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY") and "--from" not in line]
    assert "tests" in ignored and ["passport_service"] in copied and not [name for names in copied for name in names if name == "."]
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")[:-1]
    for name in files:
        text = (ROOT / name.decode()).read_bytes()
        assert b'"d":"' not in text or name.endswith(b".py"), name


# -- on the command line, in another process, with nothing but files -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def amended(tmp_path_factory):
    """The law after an amendment, on a machine that has neither the service nor an archive."""
    config = copy_of_the_law(tmp_path_factory.mktemp("amended") / "config")
    head = config / "rulebooks" / "us" / "head.yaml"
    text = head.read_text()
    assert "version: 2026.11.30" in text
    head.write_text(text.replace("version: 2026.11.30", "version: 2026.12.24"))
    (config / "rulebooks" / "us" / "amendment.yaml").write_text(AMENDMENT)
    return config


def test_another_process_verifies_and_replays_with_only_the_bundle_and_the_public_keys(kept):
    found = passport("receipts", "verify", str(kept["json"]), "--jwks", str(kept["jwks"]), "--bundle", str(kept["law"]))
    text = found.stdout.decode()
    assert found.returncode == 0 and "The receipt holds." in text and "✓ 9." in text and "The answer is the same today" in text


def test_after_an_amendment_the_receipt_replays_under_its_bundle_and_names_the_amendment(kept, amended):
    options = ("--jwks", str(kept["jwks"]), "--bundle", str(kept["law"]), "--json")
    found = passport("receipts", "verify", str(kept["jws"]), *options, config=amended)
    answer = json.loads(found.stdout)
    assert found.returncode == 0 and answer["verified"]
    assert [(row["id"], row["then"], row["now"]) for row in answer["today"]["rows"]] == [("US-ZZ-01", "not_in_this_law", "required")]
    (cause,) = answer["today"]["provisions"]
    assert (cause["id"], cause["cause"], cause["how"]) == ("US-ZZ-01", "amendment", "begins") and "s 99 as amended" in cause["cite"]["text"]


def test_without_the_bundle_it_is_authentic_and_the_exit_code_says_that_more_is_needed(kept, amended):
    found = passport("receipts", "verify", str(kept["json"]), "--jwks", str(kept["jwks"]), config=amended)
    assert found.returncode == 5 and "bring the bundle sha256:" in found.stdout.decode() and "Authentic" in found.stdout.decode()


def test_a_changed_receipt_has_its_own_exit_code_and_needs_keys_to_be_named(kept, place):
    bad = place / "changed.json"
    bad.write_bytes(kept["json"].read_bytes().replace(b'"signature":"', b'"signature":"A', 1))
    found = passport("receipts", "verify", str(bad), "--jwks", str(kept["jwks"]))
    assert found.returncode == 4 and "THE RECEIPT DOES NOT HOLD." in found.stdout.decode()
    other = passport("receipts", "verify", str(kept["json"]), "--jwks", str(kept["jwks"]), "--issuer", "https://other.example")
    assert other.returncode == 1 and "is another than the list's own" in other.stderr.decode()
    assert passport("receipts", "verify", str(kept["json"])).returncode == 2


def test_a_folder_is_checked_again_after_an_amendment_with_one_command(kept, amended, place):
    book = place / "book"
    book.mkdir()
    for name in ("json", "jws"):
        shutil.copy(kept[name], book / f"insurer.{name}")
    (book / "torn.json").write_bytes(kept["json"].read_bytes()[:500])
    (book / "notes.txt").write_text("not a receipt")
    options = ("--jwks", str(kept["jwks"]), "--bundle", str(kept["law"]))
    found = passport("receipts", "due", str(book), *options, config=amended)
    text = found.stdout.decode()
    assert found.returncode == 0
    assert [line.split()[:2] for line in text.splitlines()[1:4]] == [
        ["torn.json", "invalid"],
        ["insurer.json", "changed"],
        ["insurer.jws", "changed"],
    ]
    assert "US-ZZ-01" in text and "A notice of tokenised trades" in text and "2 changed" in text
    rows = json.loads(passport("receipts", "due", str(book), *options, "--json", config=amended).stdout)
    assert rows["counts"] == {"invalid": 1, "worse": 0, "changed": 2, "lapsed": 0, "lapses": 0, "same": 0}
    today = passport("receipts", "due", str(book), "--jwks", str(kept["jwks"])).stdout.decode()
    assert "2 same" in today and "insurer" not in today


def test_the_archive_is_written_by_one_command_and_serves_the_law_of_then(amended, kept, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    assert b"sha256:" in passport("rulebooks", "bundle", PASSPORT_ARCHIVE=str(archive)).stdout
    (path,) = archive.iterdir()
    assert path.read_bytes() == kept["law"].read_bytes()
    body = json.dumps(EXAMPLE | {"known_on": "2026-11-30"}).encode()
    then = json.loads(passport("decide", "-", "--json", stdin=body, config=amended, PASSPORT_ARCHIVE=str(archive)).stdout)
    assert then["rulebook"]["version"] == "2026.11.30"
    assert "which is no directory" in passport("decide", "-", PASSPORT_ARCHIVE="/nowhere").stderr.decode()


def test_issue_writes_the_same_receipt_as_the_service_would(place, kept):
    environ = {"PASSPORT_KEYS": (place / "keys.json").read_text(), "PASSPORT_ISSUER": ISSUER}
    found = passport("receipts", "issue", "-", "--compact", stdin=json.dumps(EXAMPLE).encode(), **environ)
    assert found.returncode == 0
    path = place / "issued.jws"
    path.write_bytes(found.stdout)
    assert passport("receipts", "verify", str(path), "--jwks", str(kept["jwks"])).returncode == 0


# -- a third party, with no code of ours ---------------------------------------------------------------------------------------------------


def test_an_independent_implementation_of_jose_verifies_both_forms(kept):
    published = jwk.JWKSet.from_json(kept["jwks"].read_text())
    for form in ("json", "jws"):
        token = jws.JWS()
        token.allowed_algs = ["Ed25519"]
        token.deserialize(kept[form].read_text())
        token.verify(published.get_key(token.jose_header["kid"]))
        assert json.loads(token.payload)["issuer"] == ISSUER
        key = published.get_key(token.jose_header["kid"])
        assert key.thumbprint() == token.jose_header["kid"]


def test_an_independent_implementation_refuses_what_was_changed(kept):
    published = jwk.JWKSet.from_json(kept["jwks"].read_text())
    header, payload, signature = kept["jws"].read_text().split(".")
    token = jws.JWS()
    token.allowed_algs = ["Ed25519"]
    token.deserialize(".".join((header, payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:], signature)))
    with pytest.raises(jws.InvalidJWSSignature):
        token.verify(published.get_key(token.jose_header["kid"]))


def test_we_verify_what_an_independent_implementation_signs(place, kept):
    """The other way round: the same bytes whoever signs, because Ed25519 signatures are deterministic."""
    row = json.loads((place / "keys.json").read_text())["keys"][0]
    ours = kept["jws"].read_text()
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in ours.split("."))
    token = jws.JWS(payload)
    token.allowed_algs = ["Ed25519"]
    token.add_signature(jwk.JWK(**{name: row[name] for name in ("kty", "crv", "x", "d")}), None, header.decode(), None)
    assert token.serialize(compact=True) == ours
    assert keys.read_keys(kept["jwks"].read_text()).find(row["kid"])


def test_the_commands_of_the_documents_verify_a_receipt_and_refuse_a_changed_one(kept, tmp_path):
    (commands,) = [block for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "receipts.md").read_text(), re.S) if "openssl" in block]
    for name, target in (("json", "receipt.json"), ("jwks", "jwks.json"), ("law", "law.json")):
        shutil.copy(kept[name], tmp_path / target)

    def run():
        return subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, capture_output=True, timeout=PATIENCE)

    found = run()
    assert found.returncode == 0 and b"Signature Verified Successfully" in found.stdout, found.stderr
    assert json.loads((tmp_path / "payload.json").read_text())["decision"]["host"] == "US"
    receipt = json.loads(kept["json"].read_text())
    changes = {
        "receipt.json": json.dumps(receipt | {"payload": receipt["payload"][:-8] + "AAAAAAAA"}),
        "jwks.json": kept["jwks"].read_text().replace("passport.example", "other.example"),
        "law.json": kept["law"].read_text() + " ",
    }
    for name, text in changes.items():
        before = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text)
        assert run().returncode, name
        (tmp_path / name).write_text(before)
    assert run().returncode == 0


def test_the_law_that_a_receipt_rests_on_can_be_fetched(signing, kept):
    address, _ = signing
    (label,) = requests.get(f"{address}/v1/bundles", timeout=PATIENCE).json()["bundles"]
    response = requests.get(f"{address}/v1/bundles/{label['digest']}", timeout=PATIENCE)
    assert response.content == kept["law"].read_bytes() and "immutable" in response.headers["Cache-Control"]
    assert requests.get(f"{address}/v1/bundles/sha256:0", timeout=PATIENCE).status_code == 404
    assert label["published"] == "2026-11-30" and len(label["rulebooks"]) == 10


def test_the_resources_of_receipts_keep_the_published_shape(signing, kept):
    address, _ = signing
    document = requests.get(f"{address}/openapi.json", timeout=PATIENCE).json()
    assert {"/v1/receipts", "/v1/receipts/verify", "/.well-known/jwks.json", "/v1/bundles"} <= document["paths"].keys()
    for name, value in (("Receipt", json.loads(kept["json"].read_text())), ("Verification", check(address, kept["json"].read_bytes()))):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(value)
    assert "known_on" in document["components"]["schemas"]["Proposal"]["properties"]


def test_a_receipt_can_be_dropped_on_a_page_and_is_told_in_words(signing, kept):
    address, _ = signing
    assert "Drop it here" in requests.get(f"{address}/verify", timeout=PATIENCE).text
    for sent in ({"files": {"file": ("r.json", kept["json"].read_bytes())}}, {"data": {"text": kept["jws"].read_text() + "\r\n"}}):
        page = requests.post(f"{address}/verify", timeout=PATIENCE, **sent)
        assert page.status_code == 200 and "The receipt holds." in page.text and "The answer is the same today" in page.text
        assert page.text.count("<td>Yes</td>") == 9
    changed = requests.post(f"{address}/verify", files={"file": ("r.json", kept["json"].read_bytes()[:-2])}, timeout=PATIENCE).text
    assert "The receipt does not hold." in changed and "<td>No</td>" in changed and "What it would be today" not in changed
    hostile = requests.post(f"{address}/verify", data={"text": "<script>alert(1)</script>"}, timeout=PATIENCE).text
    assert "<script" not in hostile and "The receipt does not hold." in hostile
    for sent in ({"files": {"file": ("r", b"x" * 2_000_000)}}, {"data": {"text": "x" * 1_100_000}}):
        assert requests.post(f"{address}/verify", timeout=PATIENCE, **sent).status_code == 413
    assert "does not hold" in requests.post(f"{address}/verify", data={}, timeout=PATIENCE).text


def test_a_page_that_shows_an_answer_can_offer_its_receipt_to_take_away(signing):
    address, _ = signing
    found = requests.post(f"{address}/receipt", data={"proposal": json.dumps(EXAMPLE)}, timeout=PATIENCE)
    id_ = requests.post(f"{address}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).json()["id"]
    assert found.headers["Content-Disposition"] == f'attachment; filename="receipt-{id_}.json"' and found.headers["Cache-Control"] == "no-store"
    assert check(address, found.content)["verified"] is True
    for text, status in (("", 400), ("{", 400), ('{"host": 1}', 422), (" " * 70000, 413)):
        assert requests.post(f"{address}/receipt", data={"proposal": text}, timeout=PATIENCE).status_code == status
