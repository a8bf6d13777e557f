"""Filing an answer: the checklist as CSV, and the memo as PDF where the extra `pdf` is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from . import wording
from .errors import PassportError

COLUMNS = (
    "id", "title", "status", "when", "owed_by", "due", "deadline", "deadline_rule", "amount", "amount_rule", "do", "evidence", "citation", "link", "why",
    "standing", "confidence", "read", "reviewed_on", "decision", "law_date", "rulebook",
)  # fmt: skip


class NoPdfError(PassportError):
    """The extra that writes PDF is not installed."""


def pdf(html: str) -> bytes:
    """A page as PDF. It may fetch nothing: neither the network nor files. Raises: NoPdfError."""
    try:
        import weasyprint  # here, because it is dear to load and most processes never need it
    except (ImportError, OSError):  # it is not installed, or its text library is not
        text = "This service writes no PDF: the extra “pdf” (weasyprint, and the library pango) is not installed. Print the memo instead."
        raise NoPdfError(text) from None
    found: bytes = weasyprint.HTML(string=html, url_fetcher=_refuse).write_pdf()
    return found


def _refuse(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"a memo fetches nothing, and not {url[:80]!r}")


def checklist(body: Mapping[str, Any]) -> bytes:
    """Every outstanding check and duty as CSV (RFC 4180) in UTF-8 with a byte order mark, which spreadsheets need."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for section, when in (("checks", "before the trade"), ("duties", "afterwards"), ("others", "owed by others or afterwards")):
        for row in body[section]:
            writer.writerow([_cell(text) for text in _row(row, when, body)])
    return out.getvalue().encode("utf-8-sig")


def _row(row: Mapping[str, Any], when: str, body: Mapping[str, Any]) -> Iterable[str]:
    deadline, provenance = row["deadline"], row["provenance"]
    rules = {label: how for label, _, how in wording.dues(row)}
    return (
        row["id"],
        row["title"],
        wording.REQUIREMENT[row["status"]],
        when,
        wording.PARTY_WORDS.get(row["party"]) or wording.party_words(row["party"]),
        wording.DUE[row["due"]],
        f"{deadline['date']}{' ' + deadline['at'] if deadline['at'] else ''}" if deadline else "",
        rules.get("Deadline", ""),
        wording.money(row["amount"]) if row["amount"] else "",
        rules.get("Amount", ""),
        row["do"],
        "; ".join(row["evidence"]),
        row["cite"]["text"],
        row["cite"]["url"] or "",
        " ".join(found["text"] for found in row["why"]),
        wording.STANDING[row["standing"]],
        str(provenance["confidence"]),
        wording.READ[provenance["read"]],
        provenance["reviewed_on"],
        body["id"],
        body["as_of"],
        body["rulebook"]["digest"] if body["rulebook"] else "",
    )


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> _cell("=1+1"), _cell("US-BD-12")
    ("'=1+1", 'US-BD-12')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
