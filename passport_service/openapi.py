"""The OpenAPI 3.1 document: generated from the catalogue, the answer's shape and the table of problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apispec.core
from apispec import APISpec

from . import __version__, publish
from .laws import Laws
from .rulebook import DUE, LEGS, PARTIES, STANDINGS, STOPS
from .schemas import COLUMN
from .shapes import PROVENANCE, REASONS
from .shapes import obj as _obj

# RFC 10008: apispec's table of methods is older.
if "query" not in apispec.core.VALID_METHODS_OPENAPI_V3:
    apispec.core.VALID_METHODS_OPENAPI_V3.append("query")

_PRESENT = {"status": "authorised", "permissions": ["deal_as_principal"]}
_REGISTRATION = {"home": "GB", "authority": "FCA", "kinds": ["investment_firm"], "number": "122702", **_PRESENT}
EXAMPLE = {
    "host": "US",
    "as_of": "2026-12-01",
    "registration": _REGISTRATION,
    "firm": {"place_in_host": False, "host_status": []},
    "transaction": {
        "date": "2026-12-01",
        "activities": ["deal_as_principal"],
        "host_firm": "none",
        "securities_act_basis": "registered_class_secondary",
    },
    "client": {"kind": "insurance_company", "location": "US", "solicited": True, "total_assets": {"amount": "40000000", "currency": "USD"}},
    "token": {"model": "custodial_entitlement", "isin": "US0378331005", "issuer_country": "US", "us_listed": True, "same_rights": True},
    "venue": {"kind": "otc"},
}


def openapi(laws: Laws, problems: Mapping[str, Any], scopes: Mapping[str, str | None]) -> dict[str, Any]:
    """The document as plain JSON. Shapes: `scopes` what each path needs, as the views declare it."""
    spec = APISpec(
        title="Passport",
        version=__version__,
        openapi_version="3.1.0",
        info={
            "description": "Which limited additional checks does the host market require of a broker registered at home? A missing fact is never an error."
        },
    )
    for name, schema in _components(laws).items():
        spec.components.schema(name, schema)
    _decisions(spec, problems)
    columns = {
        "type": "array",
        "maxItems": 12,
        "items": _ref("Column"),
        "description": "each names as_of, scenario, rulebook or known_on; the law as it is always comes first",
    }
    body = {
        "type": "object",
        "required": ["proposal"],
        "additionalProperties": False,
        "properties": {"proposal": _ref("Proposal"), "columns": columns},
    }
    comparison = {
        "summary": "One proposal under several laws side by side, differences first",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _reply("The matrix.", _OBJECT), **{str(status): _problem(problems, status) for status in (400, 413, 415, 422)}},
    }
    spec.path("/v1/comparisons", operations={"post": comparison})
    _receipts(spec, problems)
    for path, summary, of in _READS:
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT, **_named(laws, path)} for name in names]
        found = {"summary": summary, "responses": {"200": _reply("As loaded.", of, "application/schema+json" if path == "/v1/facts" else JSON)}}
        if names:
            found |= {"parameters": parameters, "responses": {**found["responses"], "404": _problem(problems, 404)}}
        spec.path(path, operations={"get": found})
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": "An API key, where the operator has given any out"})
    document = spec.to_dict()
    _gate(document, problems, scopes)
    return document


def _gate(document: dict[str, Any], problems: Mapping[str, Any], scopes: Mapping[str, str | None]) -> None:
    """What may be said before a resource is asked at all: another host, another site's page, no key or one that does not go so far, too many requests."""
    for path, operations in document["paths"].items():
        scope = scopes[path]
        for operation in operations.values():
            statuses = (400, 403, 406, 421, 429, *((401,) if scope else ()))
            operation["responses"] |= {str(status): _problem(problems, status) for status in statuses}
            operation["responses"]["429"]["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}
            if scope:
                operation["security"] = [{"key": []}]


JSON = "application/json"
_OBJECT = {"type": "object"}
_READS = (
    ("/v1/facts", "The fact catalogue as JSON Schema 2020-12", _OBJECT),
    ("/v1/rulebooks", "The rulebooks held", _OBJECT),
    ("/v1/rulebooks/{host}", "One host's law as loaded", _OBJECT),
    ("/v1/requirements/{id}", "One requirement: versions, citations, provenance, cases", {"$ref": "#/components/schemas/Provision"}),
    ("/v1/routes/{id}", "One route: versions, citations, provenance, cases", {"$ref": "#/components/schemas/Provision"}),
    ("/v1/scenarios", "The scenarios held", _OBJECT),
    ("/v1/bundles", "The law as it was published, latest first", _OBJECT),
    ("/v1/bundles/{digest}", "The law that a receipt rests on, as one file under the digest of its bytes", _OBJECT),
    ("/readyz", "Whether rulebooks are compiled, and which", _OBJECT),
)


_HEADERS = "ETag Cache-Control Cache-Status Preference-Applied Repr-Digest Rulebook-Version Rulebook-Digest Server-Timing X-Request-Id".split()


def _decisions(spec: APISpec, problems: Mapping[str, Any]) -> None:
    replies = {
        "200": _reply("The decision; every status of it is 200.", {"$ref": "#/components/schemas/Decision"})
        | {"headers": {name: {"schema": {"type": "string"}} for name in _HEADERS}},
        "304": {"description": "The caller holds this answer already (If-None-Match)."},
        **{str(status): _problem(problems, status) for status in (400, 406, 413, 415, 422, 503)},
    }
    detail = {
        "name": "detail",
        "in": "query",
        "schema": {"enum": ["full", "summary"]},
        "description": "summary leaves out why, says and not_required",
    }
    prefer = {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string"},
        "description": "return=minimal is detail=summary, where no detail is stated",
    }
    held = {
        "name": "If-None-Match",
        "in": "header",
        "schema": {"type": "string"},
        "description": "an ETag that the caller holds: 304 if it still stands",
    }
    operation = {
        "summary": "Decide one proposal",
        "parameters": [detail, prefer, held],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Proposal"}, "example": EXAMPLE}},
        },
        "responses": replies,
    }
    spec.path("/v1/decisions", operations={"post": operation, "query": operation | {"summary": "The same, declared safe (RFC 10008)"}})
    kept = {
        "summary": "A decision by its id, while it is kept",
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "the id of a decision"}, detail, prefer, held],
        "responses": {**{status: replies[status] for status in ("200", "304", "400", "406")}, "404": _problem(problems, 404)},
    }
    spec.path("/v1/decisions/{id}", operations={"get": kept})
    lines = {"schema": _TEXT, "example": '{"host":"US","client":{"kind":"bank"}}\n{"host":"GB"}\n'}
    batch = {
        "summary": "Many proposals, one a line: each answered in its place, streamed both ways",
        "parameters": [detail, prefer],
        "requestBody": {"required": True, "content": {"application/x-ndjson": lines}},
        "responses": {
            "200": {"description": "A decision or a problem (with its line) for each line.", "content": {"application/x-ndjson": {"schema": _TEXT}}},
            **{str(status): _problem(problems, status) for status in (400, 406, 415)},
        },
    }
    spec.path("/v1/decisions/batch", operations={"post": batch})


def _receipts(spec: APISpec, problems: Mapping[str, Any]) -> None:
    token = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"}
    forms = {"application/jose+json": {"schema": _ref("Receipt")}, "application/jose": {"schema": token}}
    issue = {
        "summary": "Decide one proposal and sign the answer",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Proposal"), "example": EXAMPLE}}},
        "responses": {
            "200": {"description": "A JWS signed by Ed25519, in flattened JSON or, by Accept, in compact form.", "content": forms},
            **{str(status): _problem(problems, status) for status in (400, 406, 413, 415, 422, 503)},
        },
    }
    verify = {
        "summary": "Verify a receipt step by step, replay it, and say what it would be today",
        "requestBody": {"required": True, "content": {**forms, "application/json": {"schema": _ref("Receipt")}}},
        "responses": {
            "200": _reply("What became of each step; a receipt that does not hold is no error.", _ref("Verification")),
            **{str(status): _problem(problems, status) for status in (400, 413, 415)},
        },
    }
    jwks = {"description": "A JWK Set (RFC 7517).", "content": {"application/jwk-set+json": {"schema": _OBJECT}}}
    spec.path("/v1/receipts", operations={"post": issue})
    spec.path("/v1/receipts/verify", operations={"post": verify})
    spec.path("/.well-known/jwks.json", operations={"get": {"summary": "The public keys of receipts, retired ones too", "responses": {"200": jwks}}})


def _reply(text: str, schema: Mapping[str, Any], media_type: str = JSON) -> dict[str, Any]:
    return {"description": text, "content": {media_type: {"schema": schema}}}


def _problem(problems: Mapping[str, Any], status: int) -> dict[str, Any]:
    titles = "; ".join(page.title for page in problems.values() if page.status == status)
    return {"description": titles, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def _named(laws: Laws, path: str) -> dict[str, Any]:
    """One name that a resource of the law has, as an example of its parameter."""
    host, rulebook = sorted(laws.rulebooks.items())[0]
    names = {"{host}": host, "requirements": min(rulebook.requirements, default=""), "routes": min(rulebook.routes, default="")}
    return next(({"example": name} for part, name in names.items() if part in path and name), {})


# -- shapes -------------------------------------------------------------------------------------------------------------


_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_DAY = {"type": "string", "format": "date"}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _components(laws: Laws) -> dict[str, Any]:
    facts = publish.facts_schema(laws.catalogue)
    groups = _rerooted(facts["properties"])
    options = {
        "host": {"type": "string", "pattern": "^[A-Z]{2}$", "description": f"The host market; held: {', '.join(sorted(laws.rulebooks))}"},
        "as_of": {**_DAY, "description": "The date whose law is applied; otherwise the transaction's date, otherwise today in the host's zone"},
        "scenario": {**_TEXT, "description": f"What might become law; held: {', '.join(sorted(laws.scenarios))}"},
        "rulebook": {
            **_TEXT,
            "description": "The digest of the rulebook to decide under, as in an answer's rulebook.digest; archived law may be named too",
        },
        "known_on": {
            **_DAY,
            "description": "Decide under the law as it was published by this day (the knowledge date); not with rulebook, not in the future",
        },
        "attested": {**_TEXTS, "description": "Requirements whose evidence the firm says it holds"},
        "prefer": {**_TEXTS, "description": "Routes to prefer, best first"},
        "rely_on_staff_positions": {"type": "boolean", "default": True},
    }
    proposal = {"type": "object", "required": ["host"], "additionalProperties": False, "properties": {**options, **groups}}
    # The options that name a law: what may stand in a column of a comparison.
    column = {"type": "object", "additionalProperties": False, "properties": {name: options[name] for name in COLUMN}}
    defined = {component: _rerooted(facts["$defs"][name]) for name, component in _DEFINED.items()}
    return {"Proposal": proposal, "Column": column, **defined, **_answer_shapes()}


_DEFINED = {"money": "Money", "unknown": "Unknown", "country_word": "CountryWord"}  # the $defs of the facts as components


def _rerooted(value: Any) -> Any:
    """The same schema with its $defs among the components."""
    if isinstance(value, dict):
        component = _DEFINED.get(str(value.get("$ref", "")).removeprefix("#/$defs/"))
        return _ref(component) if component else {key: _rerooted(item) for key, item in value.items()}
    return [_rerooted(item) for item in value] if isinstance(value, list) else value


def _answer_shapes() -> dict[str, Any]:
    standing, due, stops, party = {"enum": list(STANDINGS)}, {"enum": list(DUE)}, {"enum": list(STOPS)}, {"enum": PARTIES}
    status = {"enum": ["not_covered", "blocked", "undetermined", "checks_required", "clear"]}
    reasons = {"why": _list("Reason")}
    lists = {name: _list("Requirement") for name in ("checks", "duties", "others")}
    lists |= {name: _list("Settled") for name in ("recognised", "left_to_home", "satisfied")}
    return {
        "Decision": _obj(
            "id status summary host home as_of as_of_source valid_until scenario activities plan routes checks duties others recognised "
            "left_to_home satisfied only_if missing caveats counts today rulebook service",
            id=_TEXT,
            status=status,
            summary=_TEXT,
            host=_TEXT,
            home=_MAYBE,
            as_of=_DAY,
            as_of_source={"enum": ["given", "transaction.date", "today"]},
            valid_until=_MAYBE,
            scenario=_MAYBE,
            activities={"type": "array", "items": _obj("activity status", activity=_TEXT, status=status)},
            plan={
                "type": "array",
                "items": _obj(
                    "leg activity route outstanding", leg={"enum": list(LEGS)}, activity=_MAYBE, route=_TEXT, outstanding={"type": "integer"}
                ),
            },
            routes=_list("Route"),
            **lists,
            only_if={"type": "array", "items": {**_obj("id title if"), "properties": {"id": _TEXT, "title": _TEXT, "if": _TEXT}}},
            not_required=_TEXTS,
            missing=_list("Missing"),
            caveats={"type": "array", "items": _obj("kind text ids", kind=_TEXT, text=_TEXT, ids=_TEXTS)},
            counts={"type": ["object", "null"]},
            today={"type": ["object", "null"]},
            rulebook={"type": ["object", "null"]},
            service=_TEXT,
        ),
        "Route": _obj(
            "id leg title headline standing activities status live dead stopped_by doubted_by outstanding cite provenance missing not_with",
            id=_TEXT,
            leg={"enum": list(LEGS)},
            title=_TEXT,
            headline=_TEXT,
            standing=standing,
            activities=_TEXTS,
            status={"enum": ["open", "closed", "undetermined"]},
            live={"type": "boolean"},
            dead={"type": "boolean"},
            stopped_by=_TEXTS,
            doubted_by=_TEXTS,
            outstanding={"type": "integer"},
            cite=_ref("Citation"),
            says=_TEXT,
            provenance=_ref("Provenance"),
            **reasons,
            would_open_if=_list("Opener"),
            missing=_TEXTS,
            not_with=_TEXTS,
        ),
        "Requirement": _obj(
            "id title status routes stops duty_on party due do evidence deadline amount cite standing provenance missing",
            id=_TEXT,
            title=_TEXT,
            status={"enum": ["failed", "undetermined", "required"]},
            topic=_TEXT,
            routes=_TEXTS,
            stops=stops,
            duty_on=_TEXT,
            party=party,
            due=due,
            do=_TEXT,
            evidence=_TEXTS,
            deadline={
                "anyOf": [_obj("date at rule", date=_DAY, at=_MAYBE, rule=_TEXT), {"type": "null"}],
                "description": "The last day, a time of day in the host's zone where the law names one, and how the day comes about, to be checked.",
            },
            deadline_note={**_MAYBE, "description": "Why no last day can be told, where the law names one."},
            amount={"type": ["array", "null"], "items": _obj("amount currency", amount=_TEXT, currency=_TEXT)},
            amount_note={**_MAYBE, "description": "How the amount comes about, to be checked, or why none can be told."},
            cite=_ref("Citation"),
            says=_TEXT,
            standing=standing,
            provenance=_ref("Provenance"),
            **reasons,
            missing=_TEXTS,
        ),
        "Settled": _obj("id title by", id=_TEXT, title=_TEXT, by=_TEXT, cite=_ref("Citation"), **reasons),
        "Missing": _obj(
            "fact question type settles settles_what asked consequences",
            fact=_TEXT,
            question=_TEXT,
            type=_TEXT,
            unit=_MAYBE,
            allowed={"type": ["array", "null"]},
            currencies={"type": ["array", "null"]},
            settles=_TEXTS,
            settles_what={"enum": ["status", "check", "route"]},
            asked={"type": "boolean"},
            open_point={"type": ["object", "null"]},
            consequences=_list("Consequence"),
        ),
        **REASONS,
        "Citation": _obj("text url", text=_TEXT, url=_MAYBE),
        "Provenance": PROVENANCE,
        "Provision": _obj(
            "id kind host versions cases", id=_TEXT, kind=_TEXT, host=_TEXT, versions={"type": "array", "items": _OBJECT}, cases=_TEXTS
        ),
        "Receipt": {**_obj("payload protected signature", payload=_TEXT, protected=_TEXT, signature=_TEXT), "additionalProperties": False},
        "Verification": _obj(
            "verified authentic steps receipt today",
            verified={"type": "boolean", "description": "authentic, and the law of its bundle gives the same bytes"},
            authentic={"type": "boolean", "description": "the issuer said this, then"},
            steps={
                "type": "array",
                "items": _obj(
                    "step name title status says",
                    step={"type": "integer"},
                    name=_TEXT,
                    title=_TEXT,
                    status={"enum": ["passed", "failed", "cannot", "not_reached"]},
                    says=_TEXT,
                ),
            },
            receipt={"type": ["object", "null"]},
            today={"type": ["object", "null"]},
        ),
        "Problem": _obj(
            "type title status detail request_id",
            type=_TEXT,
            title=_TEXT,
            status={"type": "integer"},
            detail=_TEXT,
            request_id=_MAYBE,
            errors={"type": "array", "items": _obj("pointer detail", pointer=_TEXT, detail=_TEXT, allowed=_TEXTS, did_you_mean=_TEXT)},
        ),
    }
