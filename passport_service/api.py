"""The HTTP face under /v1: each view parses, makes one call and replies. Errors are raised; `app` gives them their form."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from . import batch, canonical, publish, replies
from .cache import Finished
from .errors import BadQueryError, MalformedError, NotAcceptableError, NotKeptError, TooLargeError, UnsupportedMediaError
from .front import RAW, Ask
from .metrics import Metrics
from .service import Service
from .spool import Spool
from .witness import DECIDED, MARK

JSON = "application/json"
NDJSON = "application/x-ndjson"
LINES = (NDJSON, "application/ndjson", "application/jsonl")
ID = re.compile(r"pd_[a-z2-7]{32}", re.ASCII)

NUMBER = "registration.number"
Clock = Callable[[], dt.datetime]
Mark = Callable[[str], str]
Stages = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Units: bytes. `body` of one proposal, `batch` of all the lines of a batch."""

    body: int
    batch: int


def asking(service: Service, detail: str, stage: Stages, mark: Mark | None) -> Ask:
    """What answers the body of one proposal; `stage` times its parts. Raises: PassportError."""

    def ask(environ: dict[str, Any], body: bytes, now: dt.datetime) -> tuple[Finished, str]:
        with stage("validate"):
            question = service.put(canonical.load(body), now)
        if mark is not None:
            environ[MARK] = mark(str(question.proposal.facts.get(NUMBER, "")))
        with stage("answer"):
            return service.ask(question, detail, now)

    return ask


def create_api(service: Service, clock: Clock, limits: Limits, metrics: Metrics, mark: Mark | None = None) -> Blueprint:
    """The resources of the contract over one service. Units: `clock` gives times aware of their zone.

    `mark` tells a firm in logs without naming it, where an operator wants that.
    """
    api = Blueprint("api", __name__, url_prefix="/v1")
    _add_decisions(api, service, clock, limits, metrics, mark)
    _add_batch(api, service, clock, limits, metrics.decided)
    _add_law(api, service)
    return api


def _add_decisions(api: Blueprint, service: Service, clock: Clock, limits: Limits, metrics: Metrics, mark: Mark | None) -> None:
    # QUERY (RFC 10008): the same body and the same bytes, declared safe.
    @api.route("/decisions", methods=["POST", "QUERY"])
    def decisions() -> Response:
        _check_accept(JSON)
        detail, now = _detail(), clock()
        finished, how = asking(service, detail, metrics.stage, mark)(request.environ, read_body(limits.body), now)
        if service.cache is not None and RAW in request.environ:
            service.cache.remember_asked(request.environ[RAW], finished, now)
        return _decision(finished, how, now)

    @api.get("/decisions/<id_>")
    def decision(id_: str) -> Response:
        _check_accept(JSON)
        detail, now = _detail(), clock()
        found, how = service.cache.find(id_, detail, now) if service.cache is not None and ID.fullmatch(id_) else (None, "bypass")
        if found is None:
            raise NotKeptError("No decision of that id is kept. POST the same proposal to /v1/decisions again, or bring its receipt.")
        return _decision(found, how, now, replies.KEPT_AGE)

    @api.post("/comparisons")
    def comparisons() -> Response:
        _check_accept(JSON)
        return _json(service.compare(canonical.load(read_body(limits.body)), clock()))


def _add_batch(api: Blueprint, service: Service, clock: Clock, limits: Limits, told: batch.Told) -> None:
    @api.post("/decisions/batch")
    def decisions_batch() -> Response:
        if request.mimetype not in LINES:
            raise UnsupportedMediaError(f"Send one proposal a line as {NDJSON}; this is {request.mimetype or 'nothing named'}.")
        _check_accept(*LINES)
        detail = _detail()
        spool = Spool(request.environ["wsgi.input"], limits.body, limits.batch, request.content_length)
        response = Response(batch.decide_lines(service, spool, detail, clock(), limits.body, told), mimetype=NDJSON, direct_passthrough=True)
        response.call_on_close(spool.close)
        response.headers["Cache-Control"] = "private, no-store"
        return response


def _add_law(api: Blueprint, service: Service) -> None:
    @api.get("/facts")
    def facts() -> Response:
        return _json(publish.facts_schema(service.laws.catalogue), "application/schema+json")

    @api.get("/rulebooks")
    def rulebooks() -> Response:
        return _json({"rulebooks": [publish.rulebook_line(found) for found in service.laws.rulebooks.values()]})

    @api.get("/rulebooks/<host>")
    def rulebook(host: str) -> Response:
        return _json(publish.rulebook_json(service.laws.catalogue, publish.find_rulebook(service.laws, host)))

    @api.get("/requirements/<id_>")
    def requirement(id_: str) -> Response:
        return _json(publish.provision_json(service.laws.catalogue, *publish.find_provision(service.laws, "requirements", id_)))

    @api.get("/routes/<id_>")
    def route(id_: str) -> Response:
        return _json(publish.provision_json(service.laws.catalogue, *publish.find_provision(service.laws, "routes", id_)))

    @api.get("/scenarios")
    def scenarios() -> Response:
        return _json({"scenarios": [publish.scenario_json(found) for found in service.laws.scenarios.values()]})


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


def _check_accept(*offered: str) -> None:
    if request.accept_mimetypes and not any(kind in request.accept_mimetypes for kind in offered):
        raise NotAcceptableError(f"The answer is {offered[0]}; the request accepts only {request.headers.get('Accept', '')[:200]}.")


def _detail() -> str:
    detail = request.args.get("detail")
    if detail not in (None, "full", "summary"):
        raise BadQueryError(f"detail is {detail[:40]!r}; expected full or summary.")
    unknown = sorted(set(request.args) - {"detail"})
    if unknown:
        raise BadQueryError(f"There is no query parameter {unknown[0][:40]!r}; there is detail.")
    minimal = re.search(r"\breturn\s*=\s*minimal\b", request.headers.get("Prefer", ""))
    return detail or ("summary" if minimal else "full")


def _decision(finished: Finished, how: str, now: dt.datetime, longest: int = replies.ASKED_AGE) -> Response:
    request.environ[DECIDED] = (finished, how)
    status, headers, body = replies.decision(finished, how, now, request.headers.get("If-None-Match"), longest)
    return Response(body, status, headers)


def _json(value: Any, mimetype: str = JSON) -> Response:
    return Response(canonical.dump(value), mimetype=mimetype)
