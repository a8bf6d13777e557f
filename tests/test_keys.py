"""Lists of keys: which one signs, which verify, and that a private one never shows itself."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from passport_service import keys
from passport_service.keys import KeysError

from .small_law import ISSUER, NOW

DAY = dt.timedelta(days=1)
ONE = json.loads(keys.with_new_key(None, NOW))["keys"][0]
TWO = json.loads(keys.with_new_key(None, NOW + DAY))["keys"][0]


def read(*rows, issuer=ISSUER):
    return keys.read_keys(json.dumps({"keys": list(rows)}), issuer)


def test_the_newest_key_in_use_signs():
    found = read(ONE, TWO)
    assert found.signing(NOW).kid == ONE["kid"]
    assert found.signing(NOW + DAY).kid == TWO["kid"]
    with pytest.raises(KeysError, match="No private key"):
        found.signing(NOW - DAY)


def test_a_new_key_retires_those_before_it_and_keeps_only_their_public_halves():
    text = keys.with_new_key(json.dumps({"keys": [ONE]}), NOW + DAY).decode()
    new, old = json.loads(text)["keys"]
    assert "d" in new and old == {name: value for name, value in ONE.items() if name != "d"} | {"exp": int((NOW + DAY).timestamp())}
    found = keys.read_keys(text, ISSUER)
    assert found.signing(NOW + DAY).kid == new["kid"]
    assert found.find(old["kid"]).in_use(NOW) and not found.find(old["kid"]).in_use(NOW + DAY)
    again = json.loads(keys.with_new_key(text, NOW + 2 * DAY))["keys"]
    assert [row.get("exp") for row in again] == [None, int((NOW + 2 * DAY).timestamp()), int((NOW + DAY).timestamp())]


def test_the_published_list_has_every_public_half_under_its_thumbprint_and_no_private_one():
    revoked = TWO | {"revoked": {"reason": "lost"}}
    found = read(ONE, revoked).as_json()
    assert found == {
        "issuer": ISSUER,
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": ONE["x"], "kid": ONE["kid"], "use": "sig", "alg": "Ed25519", "nbf": int(NOW.timestamp())},
            {
                "kty": "OKP", "crv": "Ed25519", "x": TWO["x"], "kid": TWO["kid"], "use": "sig", "alg": "Ed25519",
                "nbf": int((NOW + DAY).timestamp()), "revoked": {"reason": "lost"},
            },
        ],
    }  # fmt: skip
    assert keys.read_keys(json.dumps(found)).as_json() == found


def test_the_thumbprint_is_that_of_the_example_in_rfc_8037():
    # RFC 8037, appendix A.3
    row = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert read(row).keys[0].kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_revoked_key_signs_nothing_however_its_revocation_is_written():
    for revoked in ({"reason": "lost"}, {}, "yes", True, 0):
        found = read(ONE | {"revoked": revoked})
        assert found.keys[0].revoked
        with pytest.raises(KeysError, match="No private key"):
            found.signing(NOW)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "is empty"),
        ([ONE, ONE], "stands in it twice"),
        (["key"], "Key 1 of the list is no object"),
        ([ONE | {"note": "x"}], "has a member that is none of"),
        ([ONE | {"kty": "RSA"}], "is not a signing key of the curve Ed25519"),
        ([ONE | {"crv": "X25519"}], "is not a signing key of the curve Ed25519"),
        ([ONE | {"use": "enc"}], "is not a signing key"),
        ([ONE | {"alg": "EdDSA"}], "is not a signing key"),
        ([ONE, TWO | {"d": "AAAA"}], "Key 2 of the list cannot be read"),
        ([ONE | {"d": 5}], "Key 1 of the list cannot be read"),
        ([{"kty": "OKP", "crv": "Ed25519"}], "Key 1 of the list cannot be read"),
        ([ONE | {"x": TWO["x"], "kid": TWO["kid"]}], "is not its own"),
        ([ONE | {"kid": "mine"}], "a kid is the thumbprint"),
        ([ONE | {"nbf": "2026"}], "nbf that is no number of seconds"),
        ([ONE | {"exp": -1}], "exp that is no number of seconds"),
        ([ONE | {"exp": None}], "exp that is no number of seconds"),
        ([ONE | {"nbf": None}], "nbf that is no number of seconds"),
        ([ONE | {"nbf": True}], "nbf that is no number of seconds"),
        ([ONE | {"exp": ONE["nbf"] - 1}], "retired before its use begins"),
        ([ONE | {"revoked": None}], "a revoked that says neither yes nor no"),
        ([ONE | {"revoked": False}], "a revoked that says neither yes nor no"),
        ([ONE | {"revoked": {"reason": None}}], "a revoked with members"),
        ([ONE | {"revoked": {"reasn": "lost"}}], "a revoked with members"),
        ([ONE | {"ephemeral": None}], "an ephemeral that is neither true nor false"),
        ([ONE | {"ephemeral": "yes"}], "an ephemeral that is neither true nor false"),
        ([ONE | {"kid": None}], "a kid is the thumbprint"),
        ([ONE | {"use": None}], "is not a signing key"),
        ([ONE | {"alg": None}], "is not a signing key"),
        ([ONE | {"kty": None}], "is not a signing key"),
        ([ONE | {"crv": None}], "is not a signing key"),
        ([ONE | {"x": None}], "cannot be read"),
        ([ONE | {"x": 5}], "cannot be read"),
        ([ONE | {"d": None}], "cannot be read"),
        ([None], "Key 1 of the list is no object"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_without_repeating_it(rows, says):
    with pytest.raises(KeysError, match=says) as found:
        read(*rows)
    assert ONE["d"] not in str(found.value) and ONE["x"] not in str(found.value)
    assert found.value.__cause__ is None and found.value.__suppress_context__ or not found.value.__context__


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"keys": null}', '{"keys": {}}', '{"keys": 1}', '{"keys": [], "keys": []}', '{"keys": [], "secret": 1}']
)
def test_what_is_no_list_of_keys_is_refused(text):
    with pytest.raises(KeysError, match="list of keys"):
        keys.read_keys(text, ISSUER)


def test_an_issuer_is_named_once_and_is_a_uri():
    public = read(ONE).as_json()
    assert keys.read_keys(json.dumps(public)).issuer == ISSUER
    for issuer in ("https://other.example", "no uri", "a:\n"):
        with pytest.raises(KeysError, match="The issuer of the keys"):
            keys.read_keys(json.dumps(public), issuer)
    with pytest.raises(KeysError, match="The issuer of the keys"):
        keys.read_keys(json.dumps({"keys": public["keys"]}))
    for issuer in (None, "", 5, ["https://passport.example"]):
        with pytest.raises(KeysError, match="The issuer of the keys"):
            keys.read_keys(json.dumps({"keys": public["keys"], "issuer": issuer}), ISSUER)
        with pytest.raises(KeysError, match="The issuer of the keys"):
            keys.read_keys(json.dumps({"keys": public["keys"], "issuer": issuer}))


def test_a_private_key_shows_in_no_repr():
    found = read(ONE, TWO)
    for thing in (found, found.keys, found.keys[0], found.keys[0].jwk, str(found.keys[0])):
        assert ONE["d"] not in repr(thing) and TWO["d"] not in repr(thing)
