"""What a request asks for beside its body: representations, preferences, parameters, encodings, addresses; over a real gunicorn."""

from __future__ import annotations

import codecs
import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
import requests

from passport_service.app import create_app
from passport_service.errors import NotAcceptableError
from passport_service.journey import Journey
from passport_service.negotiation import media_type, preferences
from passport_service.openapi import EXAMPLE
from passport_service.settings import read_settings

from .patience import PATIENCE

DECISIONS, BATCH = "/v1/decisions", "/v1/decisions/batch"
JSON = "application/json"
LINES = {"Content-Type": "application/x-ndjson"}


def problem(found, name, status):
    assert (found.status_code, found.json()["type"]) == (status, f"/problems/{name}"), found.text[:200]
    return found.json()["detail"]


def several(server, method, path, headers, body=b""):
    """A request with header lines as they are listed, also twice of one name."""
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=PATIENCE)
    connection.putrequest(method, path)
    for name, value in [*headers, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return found


# -- Accept -------------------------------------------------------------------------------------------------------------------

ACCEPTED = [
    "*/*",
    "application/*",
    "application/json",
    "APPLICATION/JSON",
    "application/json; version=1",
    "application/json;charset=utf-8",
    "application/json;q=0.001",
    "text/html, application/json;q=0.1",
    "text/html;q=1, */*;q=0.1",
    "application/json; version=1; q=0, */*",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    "application/json;q=0.5,",
]
NOT_ACCEPTED = [
    "application/json;q=0",
    "application/json; q=0.000",
    "*/*;q=0",
    "application/json;q=0, */*;q=1",
    "application/*;q=0, */*",
    "application/*;q=0, text/html",
    "application/json;version=1;q=0",
    "text/html",
    "application/problem+json",
    "application/json;q=2",
    "*/json",
    "json",
    '"application/json"',
]
RESOURCES = [
    DECISIONS,
    "/v1/comparisons",
    "/v1/facts",
    "/v1/rulebooks",
    "/v1/routes/US-R03",
    "/v1/bundles",
    "/openapi.json",
    "/.well-known/jwks.json",
]


def asked(server, path, accept):
    body = {"host": "FR"} if path == DECISIONS else {"proposal": {"host": "FR"}} if path == "/v1/comparisons" else None
    return requests.request("POST" if body else "GET", server + path, json=body, headers={"Accept": accept}, timeout=PATIENCE)


@pytest.mark.parametrize("accept", ACCEPTED)
def test_who_accepts_json_gets_json(server, accept):
    for path in RESOURCES:
        found = asked(server, path, accept)
        assert found.status_code == 200 and isinstance(found.json(), dict), path


@pytest.mark.parametrize("accept", NOT_ACCEPTED)
def test_who_does_not_accept_json_gets_406(server, accept):
    for path in RESOURCES:
        if not (path in ("/v1/facts", "/.well-known/jwks.json") and "*/*;q=1" in accept):  # which have another name for it
            found = asked(server, path, accept)
            assert found.status_code == 406, path
            if path.startswith("/v1/"):
                problem(found, "not-acceptable", 406)


def test_of_several_accept_headers_all_count(server):
    for first, second, status in (("text/html", "application/json", 200), ("application/json;q=0", "*/*", 406), ("*/*", "application/json;q=0", 406)):
        headers = [("Accept", first), ("Accept", second), ("Content-Type", JSON)]
        assert several(server, "POST", DECISIONS, headers, b'{"host":"FR"}')[0] == status


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/v1/facts", "application/json", "application/json"),
        ("/v1/facts", "*/*", "application/schema+json"),
        ("/v1/facts", "application/json;q=0.5, application/schema+json;q=0.4", "application/json"),
        ("/.well-known/jwks.json", "application/json", "application/json"),
        ("/.well-known/jwks.json", "application/json;q=0, */*", "application/jwk-set+json"),
    ],
)
def test_of_two_names_for_the_same_the_better_accepted_is_given(server, path, accept, kind):
    found = requests.get(server + path, headers={"Accept": accept}, timeout=PATIENCE)
    assert found.headers["Content-Type"] == kind and found.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/jose", "application/jose"),
        ("application/jose;q=0.5, */*", "application/jose+json"),
        ("application/jose+json;q=0, */*", "application/jose"),
    ],
)
def test_a_receipt_comes_in_the_form_that_is_accepted(server, accept, kind):
    assert requests.post(f"{server}/v1/receipts", json={"host": "FR"}, headers={"Accept": accept}, timeout=PATIENCE).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/x-ndjson"),
        ("application/jsonl", "application/jsonl"),
        ("application/ndjson;q=0, application/jsonl;q=0.1", "application/jsonl"),
    ],
)
def test_the_lines_of_a_batch_are_called_as_is_accepted(server, accept, kind):
    assert requests.post(server + BATCH, data=b"{}\n", headers=LINES | {"Accept": accept}, timeout=PATIENCE).headers["Content-Type"] == kind


def test_where_all_is_the_same_the_first_offered_is_given():
    assert media_type(None, ("a/b", "c/d")) == media_type("", ("a/b", "c/d")) == media_type("c/d, a/b", ("a/b", "c/d")) == "a/b"
    with pytest.raises(NotAcceptableError, match="The answer is a/b or c/d"):
        media_type("e/f", ("a/b", "c/d"))


# -- Content-Type -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; version=1", 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("application/jsonp", 415),
        ("application/problem+json", 415),
        ("text/json", 415),
        ("json", 415),
        ("", 415),
        ("application/json, text/plain", 415),
    ],
)
def test_a_body_is_read_by_its_type_and_in_utf_8(server, kind, status):
    found = requests.post(server + DECISIONS, data=b'{"host":"FR"}', headers={"Content-Type": kind}, timeout=PATIENCE)
    assert found.status_code == status
    if status == 415:
        assert "application/json" in found.json()["detail"] or "UTF-8" in found.json()["detail"]


# -- Prefer -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "detail"),
    [
        (["return=minimal"], "summary"),
        (['return="minimal"'], "summary"),
        (['RETURN = "Minimal"'], "summary"),
        (["respond-async, wait=10", "return=minimal"], "summary"),
        (['return=minimal; foo="a, b"; bar'], "summary"),
        (['foo="x, return=representation", return=minimal'], "summary"),
        (["return=minimal", "return=representation"], "summary"),
        (["return=representation", "return=minimal"], "full"),
        (["return=representation"], "full"),
        (["return=most, return=minimal"], "full"),
        (["return"], "full"),
        (["foo; return=minimal"], "full"),
        (['foo="return=minimal"'], "full"),
        (['"return=minimal"'], "full"),
        (['return="minimal'], "full"),
        (["handling=strict"], "full"),
        ([""], "full"),
    ],
)
def test_a_preference_is_read_as_rfc_7240_says_and_told_when_it_was_applied(server, prefer, detail):
    headers = [("Prefer", value) for value in prefer] + [("Content-Type", JSON)]
    body = json.dumps(EXAMPLE).encode()
    for _ in range(3):  # kept answers tell it too
        status, about, content = several(server, "POST", DECISIONS, headers, body)
        assert (status, "not_required" in json.loads(content)) == (200, detail == "full")
        assert about.get("Preference-Applied") == ("return=minimal" if detail == "summary" else None)
    id_ = json.loads(content)["id"]
    _, about, content = several(server, "GET", f"{DECISIONS}/{id_}", headers[:-1])
    assert about.get("Preference-Applied") == ("return=minimal" if detail == "summary" else None) or json.loads(content)["status"] == 404
    _, about, content = several(server, "POST", BATCH, [("Prefer", value) for value in prefer] + list(LINES.items()), body)
    assert (about.get("Preference-Applied"), "not_required" in json.loads(content)) == (
        ("return=minimal", False) if detail == "summary" else (None, True)
    )


def test_a_preference_that_the_query_overrules_is_not_applied(server):
    found = requests.post(f"{server}{DECISIONS}?detail=full", json=EXAMPLE, headers={"Prefer": "return=minimal"}, timeout=PATIENCE)
    assert "not_required" in found.json() and "Preference-Applied" not in found.headers
    found = requests.post(f"{server}{DECISIONS}?detail=summary", json=EXAMPLE, headers={"Prefer": "return=minimal"}, timeout=PATIENCE)
    assert "Preference-Applied" not in found.headers


def test_who_holds_the_minimal_answer_is_told_that_it_is_that(server):
    minimal = {"Prefer": "return=minimal"}
    etag = requests.post(server + DECISIONS, json=EXAMPLE, headers=minimal, timeout=PATIENCE).headers["ETag"]
    again = requests.post(server + DECISIONS, json=EXAMPLE, headers=minimal | {"If-None-Match": etag}, timeout=PATIENCE)
    assert (again.status_code, again.headers["Preference-Applied"]) == (304, "return=minimal")


def test_what_cannot_be_read_among_preferences_is_passed_over():
    assert preferences('=x, (, a=b c, d="e\\"f", g;h, ,i=') == {"d": 'e"f', "g": "", "i": ""}


# -- query parameters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["detail=full&detail=summary", "detail=summary&detail=full", "detail=full&det%61il=summary", "detail=full&detail="])
@pytest.mark.parametrize("path", [DECISIONS, BATCH, f"{DECISIONS}/pd_{'a' * 32}"])
def test_a_parameter_that_says_two_things_is_refused(server, path, query):
    method, kind = ("GET", JSON) if "pd_" in path else ("POST", LINES["Content-Type"] if path == BATCH else JSON)
    found = requests.request(method, f"{server}{path}?{query}", data=b"{}", headers={"Content-Type": kind}, timeout=PATIENCE)
    assert "detail is given more than once" in problem(found, "bad-query", 400)


def test_a_parameter_that_says_the_same_twice_is_taken(server):
    found = requests.post(f"{server}{DECISIONS}?detail=summary&detail=summary", json=EXAMPLE, timeout=PATIENCE)
    assert found.status_code == 200 and "not_required" not in found.json()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/facts",
        "/v1/rulebooks",
        "/v1/rulebooks/US",
        "/v1/requirements/UK-O43",
        "/v1/routes/US-R03",
        "/v1/scenarios",
        "/v1/bundles",
        "/v1/receipts",
        "/v1/comparisons",
        "/v1/receipts/verify",
    ],
)
def test_what_has_no_parameters_takes_none(server, path):
    post = path in ("/v1/receipts", "/v1/comparisons", "/v1/receipts/verify")
    found = requests.request("POST" if post else "GET", f"{server}{path}?as_of=2026-12-01", json={"host": "FR"} if post else None, timeout=PATIENCE)
    assert "There is no query parameter 'as_of'; there are none here." in problem(found, "bad-query", 400)


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/result", [("p", "{one}"), ("p", "{other}")]),
        ("GET", "/answers", [("p", "{one}"), ("k", "{one}"), ("k", "{other}")]),
        ("GET", "/cases", [("q", "a"), ("q", "b")]),
        ("GET", "/law", [("q", "a"), ("q", "b")]),
        ("GET", "/cases", [("host", "US"), ("host", "GB")]),
        ("POST", "/", [("host", "US"), ("host", "GB")]),
        ("POST", "/", [("host", "US"), ("as_of", "2026-12-01"), ("as_of", "2027-12-01")]),
        ("POST", "/result", [("p", "{one}"), ("p", "{other}")]),
        ("POST", "/result?p={other}", [("p", "{one}")]),
        ("POST", "/receipt", [("proposal", "{}"), ("proposal", "[]")]),
        ("POST", "/verify", [("text", "a"), ("text", "b")]),
    ],
)
def test_a_link_or_form_that_says_two_things_is_refused(server, method, path, fields):
    links = {"one": Journey({"host": "US"}).link()["p"], "other": Journey({"host": "GB"}).link()["p"]}
    filled = [(name, value.format(**links) if "{o" in value else value) for name, value in fields]
    where = {"params" if method == "GET" else "data": filled}
    found = requests.request(method, server + (path.format(**links)), allow_redirects=False, timeout=PATIENCE, **where)
    assert "given more than once" in problem(found, "bad-query", 400)


def test_a_comparison_may_name_several_days_and_scenarios(server):
    fields = [
        ("p", Journey(EXAMPLE).link()["p"]),
        ("chosen", "1"),
        ("as_of", "2027-01-01"),
        ("as_of", "2027-06-01"),
        ("scenario", "reciprocity"),
        ("scenario", "joint-sandbox"),
    ]
    assert requests.get(f"{server}/compare", params=fields, timeout=PATIENCE).status_code == 200


# -- encodings ----------------------------------------------------------------------------------------------------------------

TEXT = '{"host": "US", "client": {"kind": "café"}}'


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (codecs.BOM_UTF8 + TEXT.encode(), "byte order mark"),
        (TEXT.encode("utf-16"), "UTF-16 or UTF-32"),
        (TEXT.encode("utf-16-le"), "UTF-16 or UTF-32"),
        (TEXT.encode("utf-16-be"), "UTF-16 or UTF-32"),
        (TEXT.encode("utf-32"), "UTF-16 or UTF-32"),
        (TEXT.encode("utf-32-be"), "UTF-16 or UTF-32"),
        (TEXT.encode("latin-1"), "byte E9 at line 1, byte 39. In Latin-1 or Windows-1252 it would be a letter; send UTF-8."),
        (b'{"host": "US",}', "the name of a member in double quotes is expected"),
        (b"{'host': 'US'}", "the name of a member in double quotes is expected"),
        (b'{"host": US}', "a value is expected"),
        (b'{"host" "US"}', "a colon is expected"),
        (b'{"host": "US" "as_of": "2026-12-01"}', "a comma is expected"),
        (b'{"host": "US', "never closed by a double quote"),
        (b'{"host": "U\nS"}', "a line break"),
        (b'{"host": "\\x41"}', "a backslash in a string begins no escape"),
        (b'{"host": "\\u12"}', "four hexadecimal digits"),
        (b'{"host": "US"}}', "one value has ended, and more follows it"),
        (b'{"host": NaN}', "NaN is not JSON"),
    ],
)
def test_a_body_that_is_no_json_is_told_in_plain_words(server, body, says):
    for path, kind in ((DECISIONS, JSON), (BATCH, LINES["Content-Type"]), ("/v1/receipts", JSON), ("/v1/comparisons", JSON)):
        found = requests.post(
            server + path, data=body.replace(b"\n", b"\x01") if path == BATCH else body, headers={"Content-Type": kind}, timeout=PATIENCE
        )
        detail = json.loads(found.content.splitlines()[0])["detail"] if path == BATCH else problem(found, "malformed", 400)
        assert says in detail
        for word in (
            "utf-8-sig",
            "decode",
            "codec",
            "Expecting",
            "delimiter",
            "Unterminated",
            "Invalid \\",
            "Extra data",
            "JSONDecodeError",
            "char ",
        ):
            assert word not in detail


# -- addresses ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("POST", "/v1/decisions/", "/v1/decisions"),
        ("GET", "/v1/decisions/", "/v1/decisions"),
        ("POST", "/v1/decisions/batch/", "/v1/decisions/batch"),
        ("POST", "/V1/Decisions", "/v1/decisions"),
        ("POST", "/decisions", "/v1/decisions"),
        ("POST", "/decisions/batch/", "/v1/decisions/batch"),
        ("POST", "//v1/decisions", "/v1/decisions"),
        ("GET", "//", "/"),
        ("GET", "///docs", "/docs"),
        ("GET", "//static/style.css", "/static/style.css"),
        ("POST", "/v1//decisions", "/v1/decisions"),
        ("POST", "/v1/decision", "/v1/decisions"),
        ("POST", "/v1/comparison", "/v1/comparisons"),
        ("POST", "/v1/reciepts", "/v1/receipts"),
        ("GET", "/v1/facts/", "/v1/facts"),
        ("GET", "/v1/Routes/US-R03", "/v1/routes/US-R03"),
        ("GET", "/v1/rulebooks/US/", "/v1/rulebooks/US"),
        ("GET", "/rulebooks/US", "/v1/rulebooks/US"),
        ("GET", "/v1/bundles/", "/v1/bundles"),
        ("GET", "/.well-known/jwks.json/", "/.well-known/jwks.json"),
        ("GET", "/docs/", "/docs"),
        ("GET", "/livez/", "/livez"),
        ("GET", "/metrics/", "/metrics"),
        ("GET", "/law/US/", "/law/US"),
        ("GET", "/Result", "/result"),
        ("GET", "/questions/", "/questions"),
    ],
)
def test_an_address_that_leads_nowhere_says_which_was_meant(server, method, path, meant):
    found = requests.request(method, server + path, data=b"{}" if method == "POST" else None, allow_redirects=False, timeout=PATIENCE)
    assert f"Did you mean {meant}?" in problem(found, "not-found", 404)
    assert found.json()["did_you_mean"] == meant


def test_each_route_is_meant_by_its_misspellings(server):
    named = {"<host>": "US", "<id_>": "US-R03", "<digest>": "sha256:0", "<name>": "malformed"}
    rules = [rule.rule for rule in create_app(read_settings({"PASSPORT_REDIS_URL": ""})).url_map.iter_rules()]
    wrong = []
    for rule in (rule for rule in rules if rule != "/" and "<path:" not in rule):
        path = re.sub(r"<[^>]+>", lambda name: named[name[0]], rule)
        capitals = "/".join(mine if "<" in part else part.upper() for part, mine in zip(rule.split("/"), path.split("/"), strict=True))
        spellings = [f"{path}/", f"/{path}", f"{path}//", path.replace("/", "//"), capitals, path.removeprefix("/v1")]
        for spelling in (spelling for spelling in spellings if spelling not in rules and spelling != path):
            found = requests.get(server + spelling, allow_redirects=False, timeout=PATIENCE)
            if (found.status_code, found.json().get("did_you_mean")) != (404, path):
                wrong.append((spelling, found.status_code, found.text[:200]))
    assert wrong == []


@pytest.mark.parametrize("path", ["/nowhere", "/v2/decisions", "/static/none.css", "/v1", "/v1/", "/favicon.ico", "/x" * 1000])
def test_where_nothing_is_close_nothing_is_suggested(server, path):
    found = requests.get(server + path, timeout=PATIENCE)
    assert "Did you mean" not in problem(found, "not-found", 404) and "did_you_mean" not in found.json()


@pytest.mark.parametrize(("kind", "name", "meant"), [("routes", "us-r3", "US-R03"), ("requirements", "US-ZZ-99", None), ("rulebooks", "us", "US")])
def test_a_name_of_the_law_that_there_is_not_says_which_was_meant_if_any_is_close(server, kind, name, meant):
    found = requests.get(f"{server}/v1/{kind}/{name}", timeout=PATIENCE)
    assert found.status_code == 404 and found.json().get("did_you_mean") == meant
    assert ("Did you mean" in found.json()["detail"]) == (meant is not None)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", DECISIONS, "OPTIONS, POST, QUERY"),
        ("DELETE", f"{DECISIONS}/pd_x", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/facts", "GET, HEAD, OPTIONS"),
        ("PUT", "/", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_method_that_a_resource_has_not_names_those_it_has(server, method, path, allowed):
    found = requests.request(method, server + path, timeout=PATIENCE)
    words = problem(found, "method-not-allowed", 405)
    assert found.headers["Allow"] == allowed and method in words and all(word in words for word in allowed.split(", "))
