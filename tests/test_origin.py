"""To whom a request is addressed, and from whose page it comes; over raw sockets where no client would send it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
import requests

from passport_service.access import new_key
from passport_service.journey import Journey
from passport_service.openapi import EXAMPLE
from passport_service.origin import Hosts, read_hosts
from passport_service.settings import SettingsError, read_settings

from .patience import PATIENCE
from .servers import raw, serving

BODY = json.dumps({"host": "FR"}).encode()
DECIDE = "POST /v1/decisions HTTP/1.1\r\nContent-Type: application/json\r\n"
KEY, LISTED = new_key("desk", ["admin"])


def sent(server, head, body=b"", **headers):
    """(status, problem's name or "") of a request as it is written here."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    status, about, content = raw(urlsplit(server), head + lines, body)
    named = about["content-type"] == "application/problem+json"
    return status, json.loads(content)["type"].rpartition("/")[2] if named else ""


@pytest.fixture(scope="module")
def named():
    """A service on this machine that stands behind something which calls it by a name."""
    with serving(PASSPORT_WORKERS="1", PASSPORT_HOSTS="passport.example, PASSPORT.internal") as (_, address):
        yield address


@pytest.fixture(scope="module")
def keyed():
    with serving(PASSPORT_WORKERS="1", PASSPORT_API_KEYS=LISTED.line(), PASSPORT_BASIC="yes") as (_, address):
        yield address


# -- to whom ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["GET /livez HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", DECIDE])
def test_a_request_of_http_1_1_without_a_host_is_refused(server, head):
    assert sent(server, head, BODY if head == DECIDE else b"") == (400, "bad-request")
    assert sent(server, head.replace("1.1", "1.0"), BODY if head == DECIDE else b"")[0] == 200


@pytest.mark.parametrize("host", ["", "a b", "localhost:x", "localhost:123456", "me@localhost", "localhost,evil.example", "[::1", "http://localhost"])
def test_a_host_header_that_names_no_host_is_refused(server, host):
    assert sent(server, "GET /livez HTTP/1.1\r\n", Host=host)[0] == 400


@pytest.mark.parametrize("path", ["/livez", "/", "/docs", "/v1/facts", "/metrics", "/nowhere", "/static/style.css"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "127.1", "2130706433"]
)
def test_a_service_without_keys_answers_only_to_this_machine_s_own_names(server, path, host):
    assert sent(server, f"GET {path} HTTP/1.1\r\n", Host=host) == (421, "misdirected")


def test_a_page_whose_name_leads_to_this_machine_learns_no_decision(server):
    assert sent(server, DECIDE, BODY, Host="evil.example", Origin="http://evil.example", Sec_Fetch_Site="same-origin") == (421, "misdirected")
    assert sent(server, "POST /receipt HTTP/1.1\r\n", b"proposal=%7B%7D", Host="evil.example") == (421, "misdirected")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "localhost.", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"])
def test_this_machine_s_own_names_are_answered(server, host):
    assert sent(server, "GET /livez HTTP/1.1\r\n", Host=host) == (200, "")


def test_the_address_in_the_request_line_stands_in_place_of_the_host_header(server):
    assert sent(server, "GET http://evil.example/livez HTTP/1.1\r\n", Host="localhost") == (421, "misdirected")
    assert sent(server, "GET http://me@localhost/livez HTTP/1.1\r\n", Host="localhost") == (400, "bad-request")
    assert sent(server, "GET http://localhost/livez HTTP/1.1\r\n", Host="localhost") == (200, "")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("passport.example", 200),
        ("Passport.Internal:8443", 200),
        ("localhost", 200),
        ("10.1.2.3:8000", 200),
        ("[fd00::1]", 200),
        ("evil.example", 421),
    ],
)
def test_the_names_that_the_operator_lists_are_answered_and_addresses_as_probes_use_them(named, host, status):
    assert sent(named, "GET /livez HTTP/1.1\r\n", Host=host)[0] == status


def test_with_keys_any_name_is_answered_since_no_page_has_the_key(keyed):
    assert sent(keyed, "GET /livez HTTP/1.1\r\n", Host="passport.example") == (200, "")
    assert sent(keyed, DECIDE, BODY, Host="passport.example", Authorization=f"Bearer {KEY}") == (200, "")


@pytest.mark.parametrize(
    ("environ", "host", "answered"),
    [
        ({}, "evil.example", False),
        ({"HOST": "::1"}, "evil.example", False),
        ({"PASSPORT_PROXY_HEADER": "X-User"}, "evil.example", False),  # a page could send that header from this machine
        ({"PASSPORT_API_KEYS": LISTED.line(), "PASSPORT_PROXY_HEADER": "X-User"}, "evil.example", False),
        ({"PASSPORT_API_KEYS": LISTED.line()}, "evil.example", True),
        ({"HOST": "0.0.0.0", "PASSPORT_OPEN": "yes"}, "evil.example", True),
        ({"HOST": "0.0.0.0", "PASSPORT_OPEN": "yes", "PASSPORT_HOSTS": "a.example"}, "evil.example", False),
        ({"PASSPORT_API_KEYS": LISTED.line(), "PASSPORT_HOSTS": "a.example"}, "evil.example", False),
        ({"PASSPORT_HOSTS": "*"}, "evil.example", True),
    ],
)
def test_who_answers_to_any_name(environ, host, answered):
    hosts = read_settings(environ).policy.hosts
    assert (hosts.names is None or host in hosts.names) == answered


@pytest.mark.parametrize("text", ["a.example:80", "http://a.example", "a b", "a.example,,b.example/x", "[::1"])
def test_a_list_of_names_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="PASSPORT_HOSTS"):
        read_settings({"PASSPORT_HOSTS": text})


def test_names_are_read_in_small_letters_and_addresses_without_brackets():
    assert read_hosts("A.example., ::1 ,[fd00::2]") == {"a.example", "::1", "fd00::2"}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"PASSPORT_API_KEYS": " ; # none"}, "lists no key"),
        ({"PASSPORT_PROXY_HEADER": "X User"}, "PASSPORT_PROXY_HEADER"),
        ({"PASSPORT_PROXY_HEADER": "Authorization"}, "PASSPORT_PROXY_HEADER"),
        ({"PASSPORT_PROXY_HEADER": "Host"}, "PASSPORT_PROXY_HEADER"),
        ({"PASSPORT_PROXY_HEADER": "X-User", "PASSPORT_PROXIES": "10.0.0.0/8"}, "PASSPORT_PROXIES"),
        ({"PASSPORT_PROXY_HEADER": "X-User", "PASSPORT_PROXIES": "proxy.internal"}, "PASSPORT_PROXIES"),
        ({"PORT": "8" * 5000}, "PORT"),
        ({"PORT": "٨٠"}, "PORT"),
    ],
)
def test_a_setting_of_access_that_would_be_passed_over_is_refused(environ, says):
    with pytest.raises(SettingsError, match=says):
        read_settings(environ)


# -- from whose page ----------------------------------------------------------------------------------------------------------

LINK = Journey({"host": "FR"}).link()
POSTS = [
    ("/receipt", {"proposal": json.dumps(EXAMPLE)}),
    ("/verify", {"text": "x"}),
    ("/open", {"text": '{"host":"FR"}'}),
    ("/result", {**LINK, "held": "x"}),
    ("/questions", {**LINK, "ask": "client.kind", "client.kind": "bank"}),
    ("/", {"host": "FR"}),
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "garbage"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(("path", "fields"), POSTS, ids=[path for path, _ in POSTS])
def test_a_form_that_another_site_posts_is_refused(server, path, fields, headers):
    found = requests.post(server + path, data=fields, headers=headers, allow_redirects=False, timeout=PATIENCE)
    assert (found.status_code, found.json()["type"]) == (403, "/problems/cross-site")


@pytest.mark.parametrize(("path", "fields"), POSTS, ids=[path for path, _ in POSTS])
def test_a_form_of_our_own_pages_and_one_that_no_browser_sends_are_taken(server, path, fields):
    own = {"Origin": server, "Sec-Fetch-Site": "same-origin"}
    for headers in ({}, own, {"Origin": server}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert requests.post(server + path, data=fields, headers=headers, allow_redirects=False, timeout=PATIENCE).status_code in (200, 303, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions/batch", "/v1/comparisons", "/v1/receipts", "/v1/receipts/verify"])
def test_another_site_s_page_sends_nothing_to_the_interface_whatever_it_calls_it(server, path, kind):
    for method in ("POST", "QUERY"):
        found = requests.request(method, server + path, data=BODY, headers={"Content-Type": kind, "Origin": "https://evil.example"}, timeout=PATIENCE)
        assert (found.status_code, found.json()["type"]) == (403, "/problems/cross-site")


def test_a_kept_answer_is_not_for_another_site_s_page_either(server):
    ask = {"Content-Type": "application/json"}
    assert {requests.post(f"{server}/v1/decisions", data=BODY, headers=ask, timeout=PATIENCE).status_code for _ in range(4)} == {200}
    foreign = ask | {"Origin": "https://evil.example"}
    assert {requests.post(f"{server}/v1/decisions", data=BODY, headers=foreign, timeout=PATIENCE).status_code for _ in range(4)} == {403}


def test_a_link_from_another_site_is_followed(server):
    found = requests.get(f"{server}/result", params=LINK, headers={"Sec-Fetch-Site": "cross-site"}, timeout=PATIENCE)
    assert found.status_code == 200


def test_a_page_of_another_origin_gets_no_leave_to_ask(server):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    found = requests.options(f"{server}/v1/decisions", headers=headers, timeout=PATIENCE)
    assert not [name for name in found.headers if name.lower().startswith("access-control")]


def test_our_own_pages_let_a_browser_say_that_they_are_ours(server):
    # Under no-referrer it would say Origin: null for our own forms.
    assert requests.get(server, timeout=PATIENCE).headers["Referrer-Policy"] == "same-origin"


def test_a_password_that_a_browser_holds_serves_no_other_site(keyed):
    login = ("anyone", KEY)
    assert requests.post(f"{keyed}/receipt", data=POSTS[0][1], auth=login, timeout=PATIENCE).status_code == 200
    found = requests.post(f"{keyed}/receipt", data=POSTS[0][1], auth=login, headers={"Origin": "https://evil.example"}, timeout=PATIENCE)
    assert found.status_code == 403


def test_behind_a_proxy_that_changes_the_host_the_service_s_own_name_is_own(named):
    for origin, status in (("https://passport.example", 303), ("https://evil.example", 403), ("https://passport.example.evil.example", 403)):
        headers = {"Origin": origin, "Host": "passport.internal"}
        assert requests.post(f"{named}/", data={"host": "FR"}, headers=headers, allow_redirects=False, timeout=PATIENCE).status_code == status


def test_the_default_port_of_a_scheme_need_not_be_named():
    for host, origin in (("a.example", "http://a.example:80"), ("a.example:80", "http://a.example"), ("A.example", "https://a.example")):
        Hosts().check({"REQUEST_METHOD": "POST", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": host, "HTTP_ORIGIN": origin})


# -- what others say of us ----------------------------------------------------------------------------------------------------

FORGED = [
    {"SCRIPT_NAME": "/x"},
    {"SCRIPT_NAME": "/livez"},
    {"PATH_INFO": "/v1/receipts"},
    {"X-Script-Name": "/x"},
    {"X-Forwarded-Prefix": "/x"},
    {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1", "X-Forwarded-Proto": "https"},
    {"X-Forwarded-Protocol": "ssl", "X-Forwarded-Ssl": "on", "X-Forwarded-Proto": "https"},
    {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off"},
    {"Forwarded": "for=10.0.0.1;host=evil.example;proto=https"},
    {"X-Original-URL": "/metrics", "X-Rewrite-URL": "/metrics"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"REMOTE_ADDR": "10.0.0.1", "HTTP_HOST": "evil.example"},
]


@pytest.mark.parametrize("headers", FORGED, ids=str)
def test_headers_that_claim_another_path_host_or_scheme_are_passed_over(server, headers):
    where = urlsplit(server)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    status, _, body = raw(where, f"GET /livez HTTP/1.1\r\nHost: {where.netloc}\r\n{lines}")
    assert (status, body) == (200, b"ok\n")
    status, about, _ = raw(
        where, f"GET /memo?{'&'.join(f'{name}={value}' for name, value in LINK.items())} HTTP/1.1\r\nHost: {where.netloc}\r\n{lines}"
    )
    assert status == 200
    status, about, body = raw(
        where, f"POST / HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/x-www-form-urlencoded\r\n{lines}", b"host=FR"
    )
    assert status == 303 and about["location"].startswith("/questions?p=")


def test_the_memo_s_address_is_the_one_that_was_asked(server):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    page = requests.get(f"{server}/memo", params=LINK, headers=headers, timeout=PATIENCE).text
    assert "evil.example" not in page and f'href="{server}/result?p=' in page
