"""Requests that are refused, or that ask for little, made as large and as awkward as the service takes them.

Each stands for a kind: a refusal must cost less than an answer. `tests/test_refusals.py` counts the work, `make bench` times it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from passport_service.journey import pack
from passport_service.openapi import EXAMPLE

JSON, FORM, LINES, JOSE = "application/json", "application/x-www-form-urlencoded", "application/x-ndjson", "application/jose+json"
BODY = 65_000  # bytes: a little less than a proposal may have
RECEIPT = 1_000_000  # bytes: a little less than a receipt may have


@dataclass(frozen=True)
class Request:
    """One request. Shapes: `status` what it is answered with."""

    method: str
    path: str
    body: bytes = b""
    media_type: str = JSON
    status: int = 422
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self) -> dict[str, str]:
        return {**({} if self.method == "GET" else {"Content-Type": self.media_type}), **self.headers}


def _decision(body: Any, status: int = 422) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    assert len(raw) <= BODY + 500, len(raw)
    return Request("POST", "/v1/decisions", raw, status=status)


def _near(count: int) -> list[str]:
    """Ids of requirements, each almost one that there is."""
    return [f"US-B{'DEFGH'[number % 5]}-{number // 5}x" for number in range(count)]


def _unknown_members(prefix: str, size: int = BODY - 200) -> dict[str, int]:
    found: dict[str, int] = {}
    while size > 0:
        name = f"{prefix}{len(found)}"
        found[name] = 1
        size -= len(name) + 8
    return found


def _link(body: Any, page: str = "result", **more: str) -> Request:
    return Request("GET", f"/{page}?{urlencode({'p': pack(body), **more})}")


def _form(path: str, fields: Any, status: int = 422) -> Request:
    return Request("POST", path, urlencode(fields).encode(), FORM, status)


def requests_of(catalogue: Any) -> Iterator[tuple[str, Request]]:
    """Each kind by name. Shapes: `catalogue` the facts of the law that is served."""
    sets = [fact for fact in catalogue.given() if fact.type == "set" and not fact.open]
    values = [f"deal_as_principax{number}" for number in range(1000)]
    yield "500 near misses of requirements", _decision(EXAMPLE | {"attested": _near(500)})
    yield "500 near misses of routes", _decision(EXAMPLE | {"prefer": [f"US-R{number}x" for number in range(500)]})
    yield "more ids than are taken", _decision(EXAMPLE | {"attested": [f"US-{number}" for number in range(6000)]})
    yield "a set of 1,000 unknown values", _decision({"host": "US", "transaction": {"activities": values}})
    yield "every set full of unknown values", _decision(_facts({fact.name: [f"{value}x" for value in fact.values] for fact in sets}))
    yield "the same value a thousand times", _decision({"host": "US", "transaction": {"activities": ["deal_as_agent"] * 1000}})
    yield "every fact of another type", _decision(_facts({fact.name: {"a": 1} for fact in catalogue.given()}))
    yield "every fact null", _decision(_facts({fact.name: None for fact in catalogue.given()}))
    yield "unknown fields", _decision({"host": "US"} | _unknown_members("f"))
    yield "unknown fields that are almost groups", _decision({"host": "US"} | _unknown_members("clientx"))
    yield "unknown fields of a group", _decision({"host": "US", "client": _unknown_members("kindx")})
    yield "names of facts for paths", _decision({"host": "US"} | _unknown_members("registration.permission_"))
    yield "a name of 60,000 characters", _decision({"host": "US", "x" * 60_000: 1})
    yield "a value of 60,000 characters", _decision({"host": "US", "client": {"kind": "x" * 60_000}})
    yield "nested as deep as it goes", _decision(b"[" * BODY, 400)
    yield "brackets in pairs", _decision(b'{"host":"US","a":[' + b"[]," * 20_000 + b"[]]}")
    yield "a member that stands twice, the last of thousands", _decision(_twice(), 400)
    yield "a number of 60,000 digits", _decision(b'{"host":"US","a":' + b"9" * 60_000 + b"}", 400)
    yield "a number with a point after 60,000 digits", _decision(b'{"host":"US","a":' + b"9" * 60_000 + b".5}", 400)
    yield "quotes after backslashes", _decision(b'"\\' * 32_000, 400)
    yield "escapes all through", _decision(b'{"host":"' + b"\\u0041" * 10_000 + b'"}')
    yield "no UTF-8 at the very end", _decision(b'{"host":"' + b"x" * 60_000 + b'\xff"}', 400)
    yield "amounts in every currency, and one in none", _decision(_amounts())
    yield "facts that contradict each other", _decision(_contradiction())
    yield "a text of no JSON", _decision(b"x" * BODY, 400)
    columns: list[Any] = [{"as_of": f"2026-12-{day:02}"} for day in range(1, 12)]
    yield "a comparison whose last column names law that is not held", _compare([*columns, {"rulebook": "sha256:0"}])
    yield "a comparison whose last column has unknown fields", _compare([*columns, _unknown_members("x", 50_000)])
    yield "a comparison of more columns than are taken", _compare([{}] * 15_000)
    yield "a receipt of a proposal that is refused", Request("POST", "/v1/receipts", json.dumps(EXAMPLE | {"attested": _near(500)}).encode())
    yield "a batch of lines that are no JSON", Request("POST", "/v1/decisions/batch", b"x\n" * 64, LINES, 200)
    yield "a link with near misses", _link(EXAMPLE | {"attested": _near(500)})
    yield "a link with a set of unknown values", _link({"host": "US", "transaction": {"activities": values}})
    yield "a link with unknown fields", _form("/result", {"p": pack({"host": "US"} | _unknown_members("f"))})
    yield "a link that unpacks to more than is read", Request("GET", f"/result?p={pack({'host': 'x' * 200_000})}", status=413)
    yield "a link that puts 3,500 facts aside", Request("POST", "/", urlencode({"p": pack({}), "k": pack(_aside(3500))}).encode(), FORM, 422)
    everything = {fact.name: {} for fact in catalogue.given()}
    yield "a link that puts every fact aside, each of another type", _form("/", {"p": pack({}), "k": pack(everything)})
    asked = [("fact", fact.name) for fact in list(catalogue.given())[:120]]
    yield "every question asked for at once", Request("GET", "/questions?" + urlencode([("p", pack({"host": "US"})), *asked]), status=413)
    same = [("ask", "token.isin")]
    yield "the same question answered 4,000 times", _form("/questions", [("p", pack({"host": "US"})), *same * 4000], 413)
    yield "the same question answered 1,900 times", _form("/questions", [("p", pack({"host": "US"})), *same * 1900])
    every = [("ask", fact.name) for fact in catalogue.given()]
    yield "every question answered at once", _form("/questions", [("p", pack({"host": "US"})), *every], 413)
    amounts = [("client.net_assets", "1"), ("client.net_assets:currency", "USD")] * 950
    yield "an answer of 950 amounts", _form("/questions", [("p", pack({"host": "US"})), ("ask", "client.net_assets"), *amounts])
    yield "a form of 16,000 fields", Request("POST", "/", b"a=&" * 16_000, FORM, 413)
    yield "a form with a set of unknown values", _form("/", [("host", "US"), *(("transaction.activities", value) for value in values)])
    yield "evidence held for 1,000 checks", _form("/result", [("p", pack(EXAMPLE)), *(("held", id_) for id_ in _near(1000))])
    yield "a search for fifty words that every case has", Request("GET", "/cases?q=" + "e+" * 50, status=200)
    yield "a search for fifty words that all law has", Request("GET", "/law?q=" + "e+" * 50, status=200)
    yield "a file of no JSON", _form("/open", {"text": "x" * 60_000}, 400)
    yield "a file with near misses", _form("/open", {"text": json.dumps(EXAMPLE | {"attested": _near(500)})})
    yield "a receipt asked for by a form, with near misses", _form("/receipt", {"proposal": json.dumps(EXAMPLE | {"attested": _near(500)})})
    yield "a receipt of nothing but members", Request("POST", "/v1/receipts/verify", json.dumps(_unknown_members("m", RECEIPT)).encode(), JOSE, 200)
    yield "a receipt of nothing but letters", Request("POST", "/v1/receipts/verify", b"A" * RECEIPT, JOSE, 200)
    yield "a receipt of nothing but points", Request("POST", "/v1/receipts/verify", b"." * RECEIPT, JOSE, 200)
    yield "a receipt whose payload is garbage", Request("POST", "/v1/receipts/verify", _garbage(), JOSE, 200)
    yield "an id of 3,900 characters", Request("GET", "/v1/requirements/" + "US-" * 1300, status=404)
    yield "an id that is almost one", Request("GET", "/v1/requirements/US-BX-0y", status=404)
    yield "a case that is almost one", Request("GET", "/cases/US-CASE-x", status=404)
    yield "a path of 3,900 characters", Request("GET", "/v1" + "/x" * 1950, status=404)
    yield "a path of slashes", Request("GET", "/x" + "/" * 3900, status=404)
    accept = ",".join(f"a{number}/b;q=0.{number % 9}" for number in range(600))
    yield "hundreds of media types accepted", Request("POST", "/v1/decisions", b"{}", headers={"Accept": accept}, status=406)
    tags = '"a"' + " " * 8000 + "x"
    yield "an entity tag and thousands of spaces", Request("POST", "/v1/decisions", b'{"host":"XX"}', headers={"If-None-Match": tags})
    yield "hundreds of preferences", Request("POST", "/v1/decisions", b'{"host":"XX"}', headers={"Prefer": 'a="b,", ' * 900})
    yield "a thousand query parameters", Request("POST", "/v1/decisions?" + "a=&" * 1300, b"{}", status=400)
    yield "an unknown parameter of 3,900 characters", Request("POST", "/v1/decisions?" + quote("é" * 640), b"{}", status=400)


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"host": "US"}
    for name, value in values.items():
        group, _, member = name.partition(".")
        body.setdefault(group, {})[member] = value
    return body


def _twice() -> bytes:
    members = ",".join(f'"k{number}":1' for number in range(6000))
    return f'{{"host":"US",{members},"z":1,"z":1}}'.encode()


def _amounts() -> dict[str, Any]:
    from passport_service.values import CURRENCIES

    rows = [{"amount": "1.00", "currency": currency} for currency in sorted(CURRENCIES)]
    return {"host": "US", "client": {"total_assets": [*rows, {"amount": "1", "currency": "XXX"}], "net_assets": rows * 8}}


def _contradiction() -> dict[str, Any]:
    return EXAMPLE | {"client": {**EXAMPLE["client"], "exists": False, "us_citizen": True}}


def _compare(columns: list[Any]) -> Request:
    return Request("POST", "/v1/comparisons", json.dumps({"proposal": EXAMPLE, "columns": columns}, separators=(",", ":")).encode())


def _aside(count: int) -> dict[str, Any]:
    return {f"client.kin{number}": 1 for number in range(count)}


def _garbage() -> bytes:
    return json.dumps({"payload": "A" * 999_000, "protected": "e30", "signature": "AA"}, separators=(",", ":")).encode()
