"""The HTTP face under /v1: each view parses, makes one call and replies. Errors are raised; `app` gives them their form."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, request

from . import batch, canonical, negotiation, publish, replies
from .access import CALLER, needs
from .asked_by import AskedBy
from .cache import Finished
from .errors import MalformedError, NotKeptError, TooLargeError
from .front import RAW, Ask
from .metrics import Metrics
from .service import Service
from .spool import Spool
from .witness import DECIDED, MARK

JSON = "application/json"
SCHEMA = "application/schema+json"
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


def create_api(service: Service, asked_by: AskedBy, clock: Clock, limits: Limits, metrics: Metrics, mark: Mark | None = None) -> Blueprint:
    """The resources of the contract over one service. Units: `clock` gives times aware of their zone.

    `mark` tells a firm in logs without naming it, where an operator wants that.
    """
    api = Blueprint("api", __name__, url_prefix="/v1")
    _add_decisions(api, service, asked_by, clock, limits, metrics, mark)
    _add_batch(api, service, asked_by, clock, limits, metrics.decided)
    _add_law(api, service)
    return api


def _add_decisions(api: Blueprint, service: Service, asked_by: AskedBy, clock: Clock, limits: Limits, metrics: Metrics, mark: Mark | None) -> None:
    # QUERY (RFC 10008): the same body and the same bytes, declared safe.
    @api.route("/decisions", methods=["POST", "QUERY"])
    @needs("decide")
    def decisions() -> Response:
        accepted(JSON)
        (detail, applied), now = _detail(), clock()
        finished, how = asking(service, detail, metrics.stage, mark)(request.environ, read_body(limits.body), now)
        if service.cache is not None and RAW in request.environ:
            service.cache.remember_asked(request.environ[RAW], finished, now)
        told = asked_by.tell(request.environ[CALLER], finished.id, how)
        return _decision(finished, how, told, now, replies.ASKED_AGE, applied)

    @api.get("/decisions/<id_>")
    @needs("decide")
    def decision(id_: str) -> Response:
        accepted(JSON)
        (detail, applied), now = _detail(), clock()
        kept = service.cache is not None and ID.fullmatch(id_) and asked_by.has_asked(request.environ[CALLER], id_)
        found, how = service.cache.find(id_, detail, now) if service.cache is not None and kept else (None, "bypass")
        if found is None:
            raise NotKeptError("No decision of that id is kept. POST the same proposal to /v1/decisions again, or bring its receipt.")
        return _decision(found, how, how, now, replies.KEPT_AGE, applied)

    @api.post("/comparisons")
    @needs("decide")
    def comparisons() -> Response:
        _no_parameters()
        accepted(JSON)
        return reply_json(service.compare(canonical.load(read_body(limits.body)), clock()))


def _add_batch(api: Blueprint, service: Service, asked_by: AskedBy, clock: Clock, limits: Limits, told: batch.Told) -> None:
    @api.post("/decisions/batch")
    @needs("decide")
    def decisions_batch() -> Response:
        negotiation.check_media_type(request.content_type, LINES, "one proposal a line")
        kind = accepted(*LINES)
        (detail, applied), caller = _detail(), request.environ[CALLER]

        def counted(rows: Sequence[tuple[Finished, str]]) -> None:
            told(rows)
            for finished, how in rows:
                asked_by.tell(caller, finished.id, how)

        spool = Spool(request.environ["wsgi.input"], limits.body, limits.batch, request.content_length)
        response = Response(batch.decide_lines(service, spool, detail, clock(), limits.body, counted), mimetype=kind)
        response.call_on_close(spool.close)
        response.headers["Cache-Control"] = "private, no-store"
        if applied is not None:
            response.headers["Preference-Applied"] = applied
        return response


def _add_law(api: Blueprint, service: Service) -> None:
    def resource(rule: str, found: Callable[..., Any], *kinds: str) -> None:
        """A resource of the law under its path. Shapes: `found` takes what the path names, and gives JSON; `kinds` its media types, JSON where none is."""

        @needs("law")
        def view(**named: str) -> Response:
            _no_parameters()
            return reply_json(found(*named.values()), accepted(*kinds or (JSON,)))

        api.add_url_rule(rule, rule.split("/")[1] + ("_named" if "<" in rule else ""), view)

    laws = service.laws
    resource("/facts", lambda: publish.facts_schema(laws.catalogue), SCHEMA, JSON)
    resource("/rulebooks", lambda: {"rulebooks": [publish.rulebook_line(found) for found in laws.rulebooks.values()]})
    resource("/rulebooks/<host>", lambda host: publish.rulebook_json(laws.catalogue, publish.find_rulebook(laws, host)))
    resource("/requirements/<id_>", lambda id_: publish.provision_json(laws.catalogue, *publish.find_provision(laws, "requirements", id_)))
    resource("/routes/<id_>", lambda id_: publish.provision_json(laws.catalogue, *publish.find_provision(laws, "routes", id_)))
    resource("/scenarios", lambda: {"scenarios": [publish.scenario_json(found) for found in laws.scenarios.values()]})


def read_body(max_body: int, types: Sequence[str] = (JSON,), what: str = "a proposal as a JSON object") -> bytes:
    """The request's body. Units: `max_body` bytes. Raises: UnsupportedMediaError, TooLargeError, MalformedError."""
    negotiation.check_media_type(request.content_type, types, what)
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


def accepted(*offered: str) -> str:
    """The media type of the answer: the one of these that the caller accepts best. Raises: NotAcceptableError."""
    return negotiation.media_type(request.headers.get("Accept"), offered)


def _detail() -> tuple[str, str | None]:
    negotiation.check_parameters(request.args, ("detail",))
    return negotiation.detail(request.args, request.headers.get("Prefer"))


def _no_parameters() -> None:
    negotiation.check_parameters(request.args, ())


def _decision(finished: Finished, how: str, told: str, now: dt.datetime, longest: int, applied: str | None) -> Response:
    """The reply. Shapes: `how` the answer was found, and what of that this caller is `told`."""
    request.environ[DECIDED] = (finished, how)
    status, headers, body = replies.decision(finished, told, now, request.headers.get("If-None-Match"), longest, applied)
    return Response(body, status, headers)


def reply_json(value: Any, mimetype: str = JSON) -> Response:
    response = Response(canonical.dump(value), mimetype=mimetype)
    response.headers["Vary"] = "Accept"
    return response
