"""The application: composes the parts, gives every error its form (RFC 9457), and knows the time."""

from __future__ import annotations

import datetime as dt
import logging
import re
import secrets
from dataclasses import dataclass

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from . import __version__, canonical, lawpage, publish, service
from .api import BadQueryError, NotAcceptableError, UnsupportedMediaError, create_api
from .errors import MalformedError, NoRulebookError, PassportError, ProposalError, TooLargeError, UnknownNameError
from .keys import KeyList, KeysError, ephemeral, read_keys
from .openapi import openapi
from .receipt import ReceiptError
from .receipts_api import create_receipts
from .settings import Settings, read_settings

log = logging.getLogger("passport")
CSP = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A kind of problem: its status, and the page that the service itself serves about it."""

    status: int
    title: str
    means: str
    mend: str


PROBLEMS = {
    "malformed": ProblemPage(
        400,
        "The body is not JSON as we accept it",
        "It is no JSON, or has a member twice, a number with a point, or too many levels.",
        "Send UTF-8 JSON (RFC 8259): each member once, decimals as strings, at most eight levels.",
    ),
    "bad-query": ProblemPage(
        400,
        "A query parameter cannot be used",
        "The address has a parameter that we do not know, or a value that it cannot take.",
        "Use detail=full or detail=summary, or leave it out.",
    ),
    "not-found": ProblemPage(
        404,
        "There is nothing here",
        "No resource, provision or rulebook has that name.",
        "Look at /docs for the resources, and at /v1/rulebooks for the ids.",
    ),
    "method-not-allowed": ProblemPage(
        405, "The resource does not do that", "The method is not one that this resource has.", "The Allow header names those it has."
    ),
    "not-acceptable": ProblemPage(406, "No such representation", "The Accept header leaves out what we can give.", "Accept application/json."),
    "too-large": ProblemPage(
        413, "The body is too large", "A proposal is a small document, and a receipt has at most a megabyte.", "Send one of them a request."
    ),
    "unsupported-media-type": ProblemPage(
        415, "The body is of another type", "The Content-Type is not application/json.", "Send Content-Type: application/json."
    ),
    "invalid-proposal": ProblemPage(
        422,
        "The proposal cannot be understood",
        "One or more members are unknown, of the wrong type, or contradict each other. A missing fact is never an error.",
        "Each entry of errors has a JSON pointer, what was found, and what is allowed; mend them all at once.",
    ),
    "internal": ProblemPage(
        500, "Something went wrong here", "The service failed; nothing was decided.", "Ask again; if it goes on, tell the operator the request id."
    ),
    "cannot-sign": ProblemPage(
        503,
        "No receipt can be signed",
        "None of the service's keys is in use; decisions are answered all the same.",
        "Ask for the decision without a receipt, and tell the operator.",
    ),
    "no-rulebook": ProblemPage(503, "No rulebook is active", "The service has no law to decide under.", "Tell the operator."),
}
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (ProposalError, "invalid-proposal"),
    (MalformedError, "malformed"),
    (BadQueryError, "bad-query"),
    (TooLargeError, "too-large"),
    (UnknownNameError, "not-found"),
    (NotAcceptableError, "not-acceptable"),
    (UnsupportedMediaError, "unsupported-media-type"),
    (NoRulebookError, "no-rulebook"),
    (KeysError, "cannot-sign"),
    (ReceiptError, "cannot-sign"),
)


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises: LawError when the law does not load, SettingsError when a setting cannot be used."""
    settings = settings or read_settings()
    keys = _signing_keys(settings)  # before the law, which takes longer to say no
    passport = service.load(settings.config, settings.archive)
    app = Flask(__name__)
    app.register_blueprint(create_api(passport, _clock, settings.max_body))
    app.register_blueprint(create_receipts(passport, keys, _clock, settings.max_body))
    _add_pages(app, passport)
    _add_errors(app)
    app.before_request(_take_request_id)
    app.after_request(_finish)
    return app


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _signing_keys(settings: Settings) -> KeyList:
    """The keys of the settings; without any, one for trying things out. Raises: KeysError when a list cannot sign."""
    if settings.keys is None:
        log.warning(
            "NO SIGNING KEYS: receipts are signed with an ephemeral key, say so, and prove nothing once this process has ended. "
            "Set PASSPORT_KEYS and PASSPORT_ISSUER (`passport receipts new-key` makes a list of keys)."
        )
        return ephemeral(_clock())
    keys = read_keys(settings.keys, settings.issuer)
    keys.signing(_clock())
    return keys


def _add_pages(app: Flask, passport: service.Service) -> None:
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
        return Response(canonical.dump(document), mimetype="application/json")

    @app.get("/problems/<name>")
    def problem_page(name: str) -> str:
        if name not in PROBLEMS:
            raise UnknownNameError("problem", name, PROBLEMS)
        return render_template("problem.html", name=name, problem=PROBLEMS[name], version=__version__)

    @app.get("/livez")
    def livez() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        if not passport.laws.rulebooks:
            raise NoRulebookError("No rulebook is active.")
        digests = {host: rulebook.digest for host, rulebook in passport.laws.rulebooks.items()}
        return Response(canonical.dump({"status": "ready", "rulebooks": digests, "service": __version__}), mimetype="application/json")


def _add_errors(app: Flask) -> None:
    @app.errorhandler(PassportError)
    def ours(error: PassportError) -> Response:
        name = next((name for kind, name in _KINDS if isinstance(error, kind)), "internal")
        if name == "internal":
            return unexpected(error)
        if isinstance(error, ProposalError):
            return _problem(name, f"{len(error.problems)} problem(s) were found.", errors=[found.as_json() for found in error.problems])
        return _problem(name, str(error))

    @app.errorhandler(HTTPException)
    def theirs(error: HTTPException) -> Response:
        name = next((name for name, page in PROBLEMS.items() if page.status == error.code), None)
        if name is None:
            name = "malformed" if error.code and error.code < 500 else "internal"
        response = _problem(name, PROBLEMS[name].means)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        # The caller learns the request id, never the exception: it may carry what is nobody else's business.
        log.exception("request %s failed", g.get("request_id"), exc_info=error)
        return _problem("internal", PROBLEMS["internal"].means)


def _problem(name: str, detail: str, **more: object) -> Response:
    page = PROBLEMS[name]
    body = {"type": f"/problems/{name}", "title": page.title, "status": page.status, "detail": detail, "request_id": g.get("request_id"), **more}
    return Response(canonical.dump(body), status=page.status, mimetype="application/problem+json")


def _take_request_id() -> None:
    stated = request.headers.get("X-Request-Id", "")
    g.request_id = stated if _REQUEST_ID.fullmatch(stated) else secrets.token_hex(8)


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Content-Security-Policy", CSP)
    return response
