"""The application: composes the parts, gives every error its form (RFC 9457), and knows the time."""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from collections import Counter
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, NotFound

from . import __version__, canonical, lawpage, laws, paths, problems, publish, replies, review
from .access import ANY_KEY, Gate, needs, scopes_of
from .api import JSON, Limits, accepted, asking, create_api, reply_json
from .asked_by import AskedBy
from .cache import Cache
from .errors import NoRulebookError, PassportError, RateLimitedError, UnauthorizedError, UnknownNameError
from .facts import bounds_text
from .form import create_form
from .front import ADMITTED, REFUSED, Front
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
    app.url_map.merge_slashes = False  # no redirect from // to /: it is another path, and leads nowhere
    app.view_functions["static"] = needs(None)(app.view_functions["static"])
    app.extensions["passport"] = passport
    mark = Sealer(settings.secrets, "mark").mark if settings.mark_firms else None
    gate = Gate(settings.policy, store, settings.redis, time.time)
    asked_by = AskedBy(not gate.open, Sealer(settings.secrets, "asked by"), store)
    limits = Limits(settings.max_body, settings.max_batch)
    _admit_first(app, gate)
    app.register_blueprint(create_api(passport, asked_by, now, limits, metrics, mark))
    app.register_blueprint(create_form(passport, now, settings.max_body))
    app.register_blueprint(create_receipts(passport, keys, now, settings.max_body))
    app.register_blueprint(create_receipts_page(passport, keys, now, settings.max_body))
    _add_health(app, passport, metrics, gate.open)
    _add_pages(app, passport)
    _add_errors(app, gate, metrics)
    app.extensions["passport.scopes"] = scopes_of(app.view_functions)
    witness = Witness(metrics, request_log(metrics.log_lost.inc) if settings.log_requests else None)
    ask = asking(passport, "full", metrics.stage, mark)
    front = Front(app.wsgi_app, cache, asked_by, gate, witness, settings.max_body, now, time.perf_counter, ask)
    tracing = _traced(front) if settings.otel else None
    app.extensions["passport.tracing"] = tracing
    app.wsgi_app = tracing or front  # type: ignore[method-assign]
    return app


def create_metrics(processes: int = 1) -> Metrics:
    """Numbers that so many processes can count together."""
    return Metrics(time.perf_counter, processes)


def _admit_first(app: Flask, gate: Gate) -> None:
    """Nothing is served before it is known who asks, and that their key goes as far as the view that was matched."""

    @app.before_request
    def admit() -> None:
        if REFUSED in request.environ:
            raise request.environ[REFUSED]
        if ADMITTED not in request.environ:
            doubled = "//" in request.environ["PATH_INFO"]  # which the router takes for / where it stands in front
            served = request.endpoint if not doubled else None
            request.environ[ADMITTED] = gate.admit(request.environ, app.extensions["passport.scopes"][served] if served else ANY_KEY)
            if doubled:
                raise NotFound


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
    @app.get("/docs")
    @needs(None)
    def docs() -> str:
        return render_template("docs.html", spec=document, catalogue=passport.laws.catalogue, bounds=bounds_text, version=__version__)

    pages: dict[str, str] = {}  # one for each host: what is loaded does not change while the process lives

    @app.get("/law/<host>")
    @needs("law")
    def law(host: str) -> Response:
        rulebook = publish.find_rulebook(passport.laws, host)
        html = pages.get(host) or pages.setdefault(host, lawpage.page(passport.laws, rulebook, served=True))
        response = Response(html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = replies.policy(html)
        return response

    @app.get("/openapi.json")
    @needs(None)
    def openapi_json() -> Response:
        return reply_json(document, accepted(JSON))

    @app.get("/problems/<name>")
    @needs(None)
    def problem_page(name: str) -> str:
        if name not in PROBLEMS:
            raise UnknownNameError("problem", name, PROBLEMS)
        return render_template("problem.html", name=name, problem=PROBLEMS[name], detail="", version=__version__)

    scopes = {re.sub(r"<(?:\w+:)?(\w+?)_?>", r"{\1}", rule.rule): app.view_functions[rule.endpoint].needs for rule in app.url_map.iter_rules()}
    document = openapi(passport.laws, PROBLEMS, scopes)


def _add_health(app: Flask, passport: Service, metrics: Metrics, open_: bool) -> None:
    @app.get("/livez")
    @needs(None)
    def livez() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    @needs(None)
    def readyz() -> Response:
        if not passport.laws.rulebooks:
            raise NoRulebookError("No rulebook is active.")
        digests = {host: rulebook.digest for host, rulebook in passport.laws.rulebooks.items()}
        cache = passport.cache.as_json() if passport.cache else {}
        if not open_:
            cache.pop("memory", None)  # how many answers there are tells anybody whether a question was new
        return reply_json({"status": "ready", "rulebooks": digests, "service": __version__, "cache": cache, "failed_reload": app.config.get(FAILED)})

    @app.get("/metrics")
    @needs("metrics")
    def numbers() -> Response:
        body, kind = metrics.text(lambda made: _look(made, passport))
        return Response(body, content_type=kind)


def _look(metrics: Metrics, passport: Service) -> None:
    """Sets what is looked at only when somebody asks."""
    overdue = Counter(row.host for row in review.due(passport.laws, now().date(), confidence=0) if row.overdue)
    for host, rulebook in passport.laws.rulebooks.items():
        metrics.rulebook.set(host, rulebook.head.version, rulebook.digest, to=1)
        metrics.overdue.set(host, to=overdue[host])


def _add_errors(app: Flask, gate: Gate, metrics: Metrics) -> None:
    @app.errorhandler(PassportError)
    def ours(error: PassportError) -> Response:
        if problems.name_of(error) == "internal":
            return unexpected(error)
        response = _problem(problems.of_error(error, request.environ.get(REQUEST_ID)))
        if isinstance(error, UnauthorizedError):
            for kind in gate.challenges:
                response.headers.add("WWW-Authenticate", f'{kind} realm="passport"')
        if isinstance(error, RateLimitedError):
            metrics.rate_limited.inc()
            response.headers["Retry-After"], response.headers["RateLimit"] = str(error.seconds), f'"key";r=0;t={error.seconds}'
        return response

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response:
        code, method, path = error.code or 500, request.method[:20], request.environ["PATH_INFO"]
        name = {400: "bad-request"}.get(code) or next((name for name, page in PROBLEMS.items() if page.status == code), None)
        if name is None:
            name = "bad-request" if code < 500 else "internal"
        words, more, allowed = PROBLEMS[name].means, {}, sorted(getattr(error, "valid_methods", None) or ())
        if isinstance(error, NotFound):
            meant = paths.meant((rule.rule for rule in app.url_map.iter_rules()), path)
            words = f"There is nothing at {path[:200]!r}." + (f" Did you mean {meant}?" if meant else " /docs lists what there is.")
            more = {"did_you_mean": meant} if meant else {}
        elif allowed:
            words = f"{method} is not done by {path[:200]}; {' and '.join(allowed)} are."
        response = _problem(problems.problem(name, words, request.environ.get(REQUEST_ID), **more))
        if allowed:
            response.headers["Allow"] = ", ".join(allowed)
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
