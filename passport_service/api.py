"""The HTTP face under /v1: each view parses, makes one call and replies. Errors are raised; `app` gives them their form."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection
from typing import Any

from flask import Blueprint, Response, request

from . import canonical, publish
from .errors import MalformedError, PassportError, TooLargeError
from .service import Answer, Service

JSON = "application/json"
Clock = Callable[[], dt.datetime]


class NotAcceptableError(PassportError):
    """The caller accepts nothing that we can give."""


class UnsupportedMediaError(PassportError):
    """The body is not of a media type that we read."""


class BadQueryError(PassportError):
    """A query parameter or preference cannot be used."""


def create_api(service: Service, clock: Clock, max_body: int) -> Blueprint:
    """The resources of the contract over one service. Units: `max_body` bytes; `clock` gives times aware of their zone."""
    api = Blueprint("api", __name__, url_prefix="/v1")

    # QUERY (RFC 10008): the same body and the same bytes, declared safe.
    @api.route("/decisions", methods=["POST", "QUERY"])
    def decisions() -> Response:
        _check_accept()
        detail = _detail()
        answer = service.decide(canonical.load(read_body(max_body)), clock())
        return _decision(answer, detail)

    @api.post("/comparisons")
    def comparisons() -> Response:
        _check_accept()
        return _json(service.compare(canonical.load(read_body(max_body)), clock()))

    @api.get("/facts")
    def facts() -> Response:
        return _json(publish.facts_schema(service.laws.catalogue), "application/schema+json")

    @api.get("/rulebooks")
    def rulebooks() -> Response:
        return _json({"rulebooks": [publish.rulebook_line(found) for found in service.laws.rulebooks.values()]})

    @api.get("/rulebooks/<host>")
    def rulebook(host: str) -> Response:
        return _json(publish.rulebook_json(publish.find_rulebook(service.laws, host)))

    @api.get("/requirements/<id_>")
    def requirement(id_: str) -> Response:
        return _json(publish.provision_json(*publish.find_provision(service.laws, "requirements", id_)))

    @api.get("/routes/<id_>")
    def route(id_: str) -> Response:
        return _json(publish.provision_json(*publish.find_provision(service.laws, "routes", id_)))

    @api.get("/scenarios")
    def scenarios() -> Response:
        return _json({"scenarios": [publish.scenario_json(found) for found in service.laws.scenarios.values()]})

    return api


def read_body(max_body: int, types: Collection[str] = (JSON,), what: str = "a proposal as a JSON object") -> bytes:
    """The request's body. Units: `max_body` bytes. Raises: UnsupportedMediaError, TooLargeError, MalformedError."""
    if request.mimetype not in types:
        raise UnsupportedMediaError(f"Send {what} as {' or '.join(types)}; this is {request.mimetype or 'nothing named'}.")
    length = request.content_length
    if length is not None and length > max_body:
        raise TooLargeError(f"The body has {length} bytes; at most {max_body} are read.")
    # One byte more than allowed tells a body that is too large from one that just fits, also where no length was given.
    body = request.stream.read(max_body + 1)
    if len(body) > max_body:
        raise TooLargeError(f"The body has more than {max_body} bytes.")
    if not body:
        raise MalformedError(f"The body is empty; send {what}.")
    return body


def _check_accept() -> None:
    if request.accept_mimetypes and JSON not in request.accept_mimetypes:
        raise NotAcceptableError(f"The answer is {JSON}; the request accepts only {request.headers.get('Accept', '')[:200]}.")


def _detail() -> str:
    detail = request.args.get("detail")
    if detail not in (None, "full", "summary"):
        raise BadQueryError(f"detail is {detail[:40]!r}; expected full or summary.")
    unknown = sorted(set(request.args) - {"detail"})
    if unknown:
        raise BadQueryError(f"There is no query parameter {unknown[0][:40]!r}; there is detail.")
    minimal = re.search(r"\breturn\s*=\s*minimal\b", request.headers.get("Prefer", ""))
    return detail or ("summary" if minimal else "full")


def _decision(answer: Answer, detail: str) -> Response:
    response = Response(answer.bytes(detail), mimetype=JSON)
    response.headers["ETag"] = f'"{answer.id}-{detail}"'
    response.headers["Cache-Control"] = "private, no-cache"
    rulebook = answer.body["rulebook"]
    if rulebook:
        response.headers["Rulebook-Version"] = rulebook["version"]
        response.headers["Rulebook-Digest"] = rulebook["digest"]
    return response


def _json(value: Any, mimetype: str = JSON) -> Response:
    return Response(canonical.dump(value), mimetype=mimetype)
