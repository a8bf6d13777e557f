"""The page on which a receipt is dropped: each step of its verification in words, and what the answer would be today."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from . import __version__
from .api import Clock
from .errors import TooLargeError
from .keys import KeyList
from .receipt import MAX_RECEIPT
from .receipts_api import verified
from .service import Service

STATUS_WORDS = {"passed": "Yes", "failed": "No", "cannot": "Cannot be said here", "not_reached": "Not looked at"}


def create_receipts_page(service: Service, keys: KeyList, clock: Clock) -> Blueprint:
    """`/verify`: a form that takes a file or its text. Nothing that is dropped is kept."""
    page = Blueprint("receipts_page", __name__)

    @page.before_request
    def limit() -> None:
        request.max_content_length = MAX_RECEIPT + 4096  # the file and what multipart adds
        request.max_form_memory_size = MAX_RECEIPT + 4096

    @page.get("/verify")
    def empty() -> str:
        return _render(None)

    @page.post("/verify")
    def check() -> str:
        return _render(verified(_dropped(), keys, service, clock))

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
