"""The application: composes the parts, gives every error its form (RFC 9457), and knows the time."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections import Counter
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from . import __version__, canonical, lawpage, laws, problems, publish, replies, review
from .access import Gate
from .api import Limits, asking, create_api
from .cache import Cache
from .errors import NoRulebookError, PassportError, UnknownNameError
from .form import create_form
from .front import Front
from .keys import KeyList, ephemeral, read_keys
from .logs import request_log
from .metrics import Metrics
from .openapi import openapi
from .problems import PROBLEMS
from .proof import prove
from .receipts_api import create_receipts
from .receipts_page import create_receipts_page
from .seal import Sealer
from .service import Service, open_service
from .settings import Settings, SettingsError, read_settings
from .shadow import Shadow
from .store import Store, connector, shown
from .witness import REQUEST_ID, Witness

log = logging.getLogger("passport")
FAILED = "PASSPORT_FAILED"  # where the last failed attempt to load other law is kept: {at, problems}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def create_app(settings: Settings | None = None, keys: KeyList | None = None, metrics: Metrics | None = None) -> Flask:
    """The WSGI application, which signs with `keys` and counts in `metrics`.

    Raises: LawError when the law does not load, PassportError when a setting cannot be used.
    """
    settings = settings or read_settings()
    keys = keys or signing_keys(settings)  # before the law, which takes longer to say no
    metrics = metrics or create_metrics()
    store = Store(connector(settings.redis), shown(settings.redis), lambda up: metrics.breaker.set(to=not up)) if settings.redis else None
    cache = Cache(Sealer(settings.secrets, "cache"), store, settings.memory)
    passport = open_service(settings.config, settings.archive, cache)
    prove(passport)
    passport.shadow = _shadow(settings, metrics)
    app = Flask(__name__)
    app.extensions["passport"] = passport
    mark = Sealer(settings.secrets, "mark").mark if settings.mark_firms else None
    app.register_blueprint(create_api(passport, now, Limits(settings.max_body, settings.max_batch), metrics, mark))
    app.register_blueprint(create_form(passport, now, settings.max_body))
    app.register_blueprint(create_receipts(passport, keys, now, settings.max_body))
    app.register_blueprint(create_receipts_page(passport, keys, now, settings.max_body))
    _add_pages(app, passport)
    _add_health(app, passport, metrics)
    _add_errors(app)
    gate = Gate(settings.policy, store, settings.redis, time.time)
    witness = Witness(metrics, request_log(metrics.log_lost.inc) if settings.log_requests else None)
    front = Front(app.wsgi_app, cache, gate, witness, settings.max_body, now, time.perf_counter, asking(passport, "full", metrics.stage, mark))
    tracing = _traced(front) if settings.otel else None
    app.extensions["passport.tracing"] = tracing
    app.wsgi_app = tracing or front  # type: ignore[method-assign]
    return app


def create_metrics(processes: int = 1) -> Metrics:
    """Numbers that so many processes can count together."""
    return Metrics(time.perf_counter, processes)


def _shadow(settings: Settings, metrics: Metrics) -> Shadow | None:
    """Another law to compare with. One that does not load is said, and must not keep the service from answering."""
    if settings.shadow is None:
        return None
    try:
        return Shadow(Service(laws.load(settings.shadow)), metrics.shadow.inc)
    except PassportError as error:
        log.error("the shadow rulebook in %s does not load: %s", settings.shadow, error)
        return None


def _traced(front: Front) -> Any:
    """With a span for each request. Raises: SettingsError where the extra `otel` is not installed."""
    try:
        from .tracing import Tracing
    except ImportError as error:
        raise SettingsError(f"PASSPORT_OTEL is yes, and {error.name} is not installed; it comes with the extra `otel`") from None
    return Tracing(front)


def signing_keys(settings: Settings) -> KeyList:
    """The keys of the settings; without any, one for trying things out. Raises: KeysError when a list cannot sign."""
    if settings.keys is None:
        log.warning(
            "NO SIGNING KEYS: receipts are signed with an ephemeral key, say so, and prove nothing once this process has ended. "
            "Set PASSPORT_KEYS and PASSPORT_ISSUER (`passport receipts new-key` makes a list of keys)."
        )
        return ephemeral(now())
    keys = read_keys(settings.keys, settings.issuer)
    keys.signing(now())
    return keys


def _add_pages(app: Flask, passport: Service) -> None:
    document = openapi(passport.laws, PROBLEMS)

    @app.get("/docs")
    def docs() -> str:
        return render_template("docs.html", spec=document, catalogue=passport.laws.catalogue, version=__version__)

    pages: dict[str, str] = {}  # one for each host: what is loaded does not change while the process lives

    @app.get("/law/<host>")
    def law(host: str) -> Response:
        rulebook = publish.find_rulebook(passport.laws, host)
        html = pages.get(host) or pages.setdefault(host, lawpage.page(passport.laws, rulebook, served=True))
        response = Response(html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = replies.policy(html)
        return response

    @app.get("/openapi.json")
    def openapi_json() -> Response:
        return _json(document)

    @app.get("/problems/<name>")
    def problem_page(name: str) -> str:
        if name not in PROBLEMS:
            raise UnknownNameError("problem", name, PROBLEMS)
        return render_template("problem.html", name=name, problem=PROBLEMS[name], detail="", version=__version__)


def _add_health(app: Flask, passport: Service, metrics: Metrics) -> None:
    @app.get("/livez")
    def livez() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        if not passport.laws.rulebooks:
            raise NoRulebookError("No rulebook is active.")
        digests = {host: rulebook.digest for host, rulebook in passport.laws.rulebooks.items()}
        cache = passport.cache.as_json() if passport.cache else None
        return _json({"status": "ready", "rulebooks": digests, "service": __version__, "cache": cache, "failed_reload": app.config.get(FAILED)})

    @app.get("/metrics")
    def numbers() -> Response:
        body, kind = metrics.text(lambda made: _look(made, passport))
        return Response(body, content_type=kind)


def _look(metrics: Metrics, passport: Service) -> None:
    """Sets what is looked at only when somebody asks."""
    overdue = Counter(row.host for row in review.due(passport.laws, now().date(), confidence=0) if row.overdue)
    for host, rulebook in passport.laws.rulebooks.items():
        metrics.rulebook.set(host, rulebook.head.version, rulebook.digest, to=1)
        metrics.overdue.set(host, to=overdue[host])


def _add_errors(app: Flask) -> None:
    @app.errorhandler(PassportError)
    def ours(error: PassportError) -> Response:
        return unexpected(error) if problems.name_of(error) == "internal" else _problem(problems.of_error(error, request.environ.get(REQUEST_ID)))

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response:
        name = next((name for name, page in PROBLEMS.items() if page.status == error.code), None)
        if name is None:
            name = "malformed" if error.code and error.code < 500 else "internal"
        response = _problem(problems.problem(name, PROBLEMS[name].means, request.environ.get(REQUEST_ID)))
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        # The caller learns the request id, never the exception: it may carry what is nobody else's business.
        log.exception("request %s failed", request.environ.get(REQUEST_ID), exc_info=error)
        return _problem(problems.problem("internal", PROBLEMS["internal"].means, request.environ.get(REQUEST_ID)))


def _problem(body: dict[str, Any]) -> Response:
    wants = request.accept_mimetypes
    if not request.path.startswith("/v1/") and wants.quality("text/html") > wants.quality(problems.MEDIA_TYPE):  # a person at a browser
        name = body["type"].rpartition("/")[2]
        html = render_template("problem.html", name=name, problem=PROBLEMS[name], detail=body["detail"], version=__version__)
        response = Response(html, status=body["status"], mimetype="text/html")
    else:
        response = Response(canonical.dump(body), status=body["status"], mimetype=problems.MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _json(body: Any) -> Response:
    return Response(canonical.dump(body), mimetype="application/json")
