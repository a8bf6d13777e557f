"""Receipts over HTTP: decide and sign, verify, the public keys, and the law that receipts rest on."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from . import canonical
from .access import needs
from .api import JSON, Clock, accepted, read_body, reply_json
from .errors import UnknownNameError
from .keys import KeyList
from .negotiation import check_parameters
from .receipt import MAX_RECEIPT, Receipt, issue
from .service import Service
from .today import today
from .verification import verify

FLATTENED, COMPACT, JWK_SET = "application/jose+json", "application/jose", "application/jwk-set+json"


def create_receipts(service: Service, keys: KeyList, clock: Clock, max_body: int) -> Blueprint:
    """The resources of receipts. Only the keys given are trusted, whatever a receipt says. Units: `max_body` bytes of a proposal."""
    receipts = Blueprint("receipts", __name__)

    @receipts.before_request
    def no_parameters() -> None:
        if request.path.startswith("/v1/"):  # libraries that fetch keys may add parameters of their own
            check_parameters(request.args, ())

    @receipts.post("/v1/receipts")
    @needs("receipts")
    def create() -> Response:
        form = accepted(FLATTENED, COMPACT)
        return _receipt(issue(service, keys, canonical.load(read_body(max_body)), clock()), form)

    @receipts.post("/v1/receipts/verify")
    @needs("receipts")
    def check() -> Response:
        accepted(JSON)
        body = read_body(MAX_RECEIPT, (FLATTENED, COMPACT, JSON), "a receipt as it came")
        return _json(verified(body, keys, service, clock), "no-store")

    @receipts.get("/.well-known/jwks.json")
    @needs(None)
    def jwks() -> Response:
        return _json(keys.as_json(), "public, max-age=300", accepted(JWK_SET, JSON))

    @receipts.get("/v1/bundles")
    @needs("law")
    def bundles() -> Response:
        """The law as it was published, latest first."""
        accepted(JSON)
        labels = service.archive.all_labels().values()
        return _json({"bundles": [label.as_json() for label in sorted(labels, key=lambda found: found.edition, reverse=True)]}, "no-cache")

    @receipts.get("/v1/bundles/<digest>")
    @needs("law")
    def bundle(digest: str) -> Response:
        accepted(JSON)
        content = service.archive.content(digest)
        if content is None:
            raise UnknownNameError("bundle", digest[:90], service.archive.all_labels())
        response = Response(content, mimetype=JSON)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["ETag"] = f'"{digest}"'
        return response

    return receipts


def verified(body: bytes, keys: KeyList, service: Service, clock: Clock) -> dict[str, Any]:
    """A verification as JSON, with what the answer would be today where the receipt is authentic."""
    now = clock()
    found = verify(body, keys, service, now)
    beside = today(found.payload, found.held, service, now) if found.payload and found.authentic else None
    return {**found.as_json(), "today": beside}


def _receipt(found: Receipt, form: str) -> Response:
    response = Response(found.flattened() if form == FLATTENED else found.compact(), mimetype=form)
    response.headers["Cache-Control"], response.headers["Vary"] = "no-store", "Accept"
    rulebook = found.payload["rulebook"]
    if rulebook:
        response.headers["Rulebook-Version"], response.headers["Rulebook-Digest"] = rulebook["version"], rulebook["digest"]
    return response


def _json(value: Any, caching: str, mimetype: str = JSON) -> Response:
    response = reply_json(value, mimetype)
    response.headers["Cache-Control"] = caching
    return response
