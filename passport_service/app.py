"""The application: composes the parts, gives every error its form (RFC 9457), and knows the time."""

from __future__ import annotations

import datetime as dt
import logging
import re
import secrets
import time
from typing import Any

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from . import __version__, canonical, lawpage, laws, problems, publish, replies
from .api import Limits, create_api
from .cache import Cache
from .errors import NoRulebookError, PassportError, UnknownNameError
from .front import Front
from .openapi import openapi
from .problems import PROBLEMS
from .proof import prove
from .seal import Sealer
from .service import Service
from .settings import Settings, read_settings
from .store import Store, connector, shown

log = logging.getLogger("passport")
CSP = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
FAILED = "PASSPORT_FAILED"  # where the last failed attempt to load other law is kept: {at, problems}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_ID = "passport.request_id"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises: LawError when the law does not load, PassportError when a setting cannot be used."""
    settings = settings or read_settings()
    store = Store(connector(settings.redis), shown(settings.redis)) if settings.redis else None
    cache = Cache(Sealer(settings.secrets, "cache"), store, settings.memory)
    passport = Service(laws.load(settings.config), cache)
    prove(passport)
    app = Flask(__name__)
    app.extensions["passport"] = passport
    app.register_blueprint(create_api(passport, now, Limits(settings.max_body, settings.max_batch)))
    _add_pages(app, passport)
    _add_health(app, passport)
    _add_errors(app)
    app.before_request(_take_request_id)
    app.after_request(_finish)
    app.wsgi_app = Front(app.wsgi_app, cache, settings.max_body, now, time.perf_counter, _finish_at_front)  # type: ignore[method-assign]
    return app


def _add_pages(app: Flask, passport: Service) -> None:
    document = openapi(passport.laws, PROBLEMS)

    @app.get("/")
    def home() -> str:
        return render_template("home.html", rulebooks=passport.laws.rulebooks.values(), version=__version__)

    @app.get("/docs")
    def docs() -> str:
        return render_template("docs.html", spec=document, catalogue=passport.laws.catalogue, version=__version__)

    pages: dict[str, str] = {}  # one for each host: what is loaded does not change while the process lives

    @app.get("/law/<host>")
    def law(host: str) -> Response:
        rulebook = publish.find_rulebook(passport.laws, host)
        html = pages.get(host) or pages.setdefault(host, lawpage.page(passport.laws, rulebook))
        response = Response(html, mimetype="text/html")
        response.headers["Content-Security-Policy"] = CSP.replace("style-src 'self'", f"style-src {lawpage.style_hash(html)}")
        return response

    @app.get("/openapi.json")
    def openapi_json() -> Response:
        return _json(document)

    @app.get("/problems/<name>")
    def problem_page(name: str) -> str:
        if name not in PROBLEMS:
            raise UnknownNameError("problem", name, PROBLEMS)
        return render_template("problem.html", name=name, problem=PROBLEMS[name], version=__version__)


def _add_health(app: Flask, passport: Service) -> None:
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


def _add_errors(app: Flask) -> None:
    @app.errorhandler(PassportError)
    def ours(error: PassportError) -> Response:
        return unexpected(error) if problems.name_of(error) == "internal" else _problem(problems.of_error(error, g.get("request_id")))

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response:
        name = next((name for name, page in PROBLEMS.items() if page.status == error.code), None)
        if name is None:
            name = "malformed" if error.code and error.code < 500 else "internal"
        response = _problem(problems.problem(name, PROBLEMS[name].means, g.get("request_id")))
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        # The caller learns the request id, never the exception: it may carry what is nobody else's business.
        log.exception("request %s failed", g.get("request_id"), exc_info=error)
        return _problem(problems.problem("internal", PROBLEMS["internal"].means, g.get("request_id")))


def _problem(body: dict[str, Any]) -> Response:
    response = Response(canonical.dump(body), status=body["status"], mimetype=problems.MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _json(body: Any) -> Response:
    return Response(canonical.dump(body), mimetype="application/json")


def _request_id(stated: str) -> str:
    return stated if _REQUEST_ID.fullmatch(stated) else secrets.token_hex(8)


def _take_request_id() -> None:
    g.request_id = _request_id(request.headers.get("X-Request-Id", ""))


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    for name, value in replies.SECURITY:
        response.headers[name] = value
    response.headers.setdefault("Content-Security-Policy", CSP)
    return response


def _finish_at_front(environ: dict[str, Any], headers: replies.Headers) -> None:
    """The same headers for what is answered before Flask is asked."""
    headers += (("X-Request-Id", _request_id(environ.get("HTTP_X_REQUEST_ID", ""))), *replies.SECURITY, ("Content-Security-Policy", CSP))
