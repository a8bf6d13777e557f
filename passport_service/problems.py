"""Every kind of error a caller can meet: its status, its problem type (RFC 9457), and the words of the page about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import (
    BadQueryError,
    BadRequestError,
    CrossSiteError,
    ForbiddenError,
    MalformedError,
    MisdirectedError,
    NoRulebookError,
    NotAcceptableError,
    NotKeptError,
    PassportError,
    ProposalError,
    RateLimitedError,
    TooLargeError,
    UnauthorizedError,
    UnknownNameError,
    UnsupportedMediaError,
)
from .keys import KeysError
from .receipt import ReceiptError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A kind of problem: its status, and the page that the service itself serves about it."""

    status: int
    title: str
    means: str
    mend: str


PROBLEMS = {
    "bad-request": ProblemPage(
        400,
        "The request is not HTTP as we accept it",
        "Its head lacks something, or has something that cannot be read.",
        "Send HTTP/1.1 with one Host header that names this service.",
    ),
    "malformed": ProblemPage(
        400,
        "The body is not JSON as we accept it",
        "It is no JSON, or has a member twice, a number with a point, or too many levels.",
        "Send UTF-8 JSON (RFC 8259): each member once, decimals as strings, at most eight levels.",
    ),
    "bad-query": ProblemPage(
        400,
        "A query parameter cannot be used",
        "The address has a parameter that we do not know, one that stands twice with different values, or a value that it cannot take.",
        "Use detail=full or detail=summary, once, or leave it out.",
    ),
    "unauthorized": ProblemPage(
        401, "A key is needed", "The request shows no key that this service knows.", "Send Authorization: Bearer and the key your operator gave you."
    ),
    "forbidden": ProblemPage(
        403, "The key does not go so far", "The key is known and has not the scope that this resource needs.", "Ask your operator for a key with it."
    ),
    "cross-site": ProblemPage(
        403,
        "A page of another site asked for this",
        "A browser says that the request comes from a page of another site. Such pages may link here, and may send nothing.",
        "Ask from the service's own pages, or from a program. If the service stands behind a proxy, the operator names its host in PASSPORT_HOSTS.",
    ),
    "misdirected": ProblemPage(
        421,
        "The service is not called so",
        "The Host header, or the address in the request line, names a host that this service does not answer as.",
        "Use the address that the operator gave you. The operator lists the names of the service in PASSPORT_HOSTS.",
    ),
    "rate-limited": ProblemPage(
        429,
        "Too many requests",
        "The key, or the address, asks more often than it may.",
        "Wait as long as Retry-After says; the RateLimit header tells what is left.",
    ),
    "not-found": ProblemPage(
        404,
        "There is nothing here",
        "No resource, provision or rulebook has that name.",
        "Look at /docs for the resources, and at /v1/rulebooks for the ids.",
    ),
    "not-kept": ProblemPage(
        404,
        "We do not hold that decision",
        "A decision is kept only for a while, or was never asked for here. Nothing is stored for good.",
        "Ask again by POST /v1/decisions with the same proposal: the same law gives the same answer under the same id. Or bring the receipt.",
    ),
    "method-not-allowed": ProblemPage(
        405, "The resource does not do that", "The method is not one that this resource has.", "The Allow header names those it has."
    ),
    "not-acceptable": ProblemPage(406, "No such representation", "The Accept header leaves out what we can give.", "Accept application/json."),
    "too-large": ProblemPage(
        413,
        "The body is too large",
        "A proposal is a small document, and a receipt has at most a megabyte.",
        "Send one a request, or many proposals as lines to /v1/decisions/batch.",
    ),
    "unsupported-media-type": ProblemPage(
        415,
        "The body is of another type",
        "The Content-Type is not one that this resource reads.",
        "Send application/json; to the batch, application/x-ndjson; a receipt as it came.",
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
    (BadRequestError, "bad-request"),
    (MisdirectedError, "misdirected"),
    (CrossSiteError, "cross-site"),
    (TooLargeError, "too-large"),
    (UnauthorizedError, "unauthorized"),
    (ForbiddenError, "forbidden"),
    (RateLimitedError, "rate-limited"),
    (NotKeptError, "not-kept"),
    (UnknownNameError, "not-found"),
    (NotAcceptableError, "not-acceptable"),
    (UnsupportedMediaError, "unsupported-media-type"),
    (NoRulebookError, "no-rulebook"),
    (KeysError, "cannot-sign"),
    (ReceiptError, "cannot-sign"),
)


def name_of(error: PassportError) -> str:
    """The problem type of one of our errors; `internal` for what no caller can mend."""
    return next((name for kind, name in _KINDS if isinstance(error, kind)), "internal")


def problem(name: str, detail: str, request_id: str | None = None, **more: object) -> dict[str, Any]:
    """A problem document."""
    page = PROBLEMS[name]
    return {"type": f"/problems/{name}", "title": page.title, "status": page.status, "detail": detail, "request_id": request_id, **more}


def of_error(error: PassportError, request_id: str | None = None, **more: object) -> dict[str, Any]:
    """The problem document of one of our errors. What no caller can mend says nothing of itself."""
    name = name_of(error)
    if name == "internal":
        return problem(name, PROBLEMS[name].means, request_id, **more)
    if isinstance(error, ProposalError):
        more["errors"] = [found.as_json() for found in error.problems]
        count = len(error.problems)
        words = f"More than {count} problems were found; these are {count} of them." if error.more else f"{count} problem(s) were found."
        return problem(name, words, request_id, **more)
    if isinstance(error, UnknownNameError) and error.did_you_mean:
        more["did_you_mean"] = error.did_you_mean
    return problem(name, str(error), request_id, **more)
