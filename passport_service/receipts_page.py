"""Receipts for people: a page on which one is dropped, with each step of its verification in words, and one to take away.

A page that shows an answer offers its receipt by a form that posts the proposal, as JSON text, to `/receipt`.
"""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from . import __version__, canonical
from .access import needs
from .api import Clock
from .errors import TooLargeError
from .form import check_fields
from .keys import KeyList
from .receipt import MAX_RECEIPT, issue
from .receipts_api import FLATTENED, verified
from .service import Service

STATUS_WORDS = {"passed": "Yes", "failed": "No", "cannot": "Cannot be said here", "not_reached": "Not looked at"}


def create_receipts_page(service: Service, keys: KeyList, clock: Clock, max_body: int) -> Blueprint:
    """`/verify` takes a file or its text and keeps nothing; `/receipt` gives a file. Units: `max_body` bytes of a proposal."""
    page = Blueprint("receipts_page", __name__)

    @page.before_request
    def limit() -> None:
        request.max_content_length = MAX_RECEIPT + 4096  # the file and what multipart adds
        request.max_form_memory_size = MAX_RECEIPT + 4096
        check_fields(("proposal", "text"))

    @page.get("/verify")
    @needs("receipts")
    def empty() -> str:
        return _render(None)

    @page.post("/verify")
    @needs("receipts")
    def check() -> str:
        return _render(verified(_dropped(), keys, service, clock))

    @page.post("/receipt")
    @needs("receipts")
    def take_away() -> Response:
        proposal = request.form.get("proposal", "").encode()
        if len(proposal) > max_body:
            raise TooLargeError(f"The proposal has more than {max_body} bytes.")
        found = issue(service, keys, canonical.load(proposal), clock())
        response = Response(found.flattened(), mimetype=FLATTENED)
        response.headers["Content-Disposition"] = f'attachment; filename="receipt-{found.payload["decision"]["id"]}.json"'
        response.headers["Cache-Control"] = "no-store"
        return response

    def _render(found: dict[str, object] | None) -> str:
        return render_template("verify.html", found=found, issuer=keys.issuer, words=STATUS_WORDS, version=__version__)

    return page


def _dropped() -> bytes:
    """The file, or the text pasted. Text areas end lines as they like, and a receipt has none, so the ends are cut."""
    file = request.files.get("file")
    content = file.stream.read(MAX_RECEIPT + 1) if file else b""
    content = content or request.form.get("text", "").strip().encode()
    if len(content) > MAX_RECEIPT:
        raise TooLargeError(f"The file has more than {MAX_RECEIPT} bytes.")
    return content
