"""A receipt: what was asked, what was answered, under which law and when, signed so that anyone can verify it without us.

A receipt is a JWS (RFC 7515) by `Ed25519` (RFC 9864) over a canonical payload, in flattened JSON or compact form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from . import canonical
from .errors import PassportError
from .keys import Key, KeyList
from .service import ANSWER_VERSION, Service

FORMAT = 1
ALGORITHM = "Ed25519"
TYPE = "passport-receipt+json"
MAX_RECEIPT = 1024 * 1024  # bytes; the largest answer of our own law gives about 200,000


class ReceiptError(PassportError):
    """A receipt cannot be issued."""


class _Registry(jws.JWSRegistry):
    # The library reads payloads of at most 128,000 bytes unless told otherwise, and some answers are larger.
    max_payload_length = MAX_RECEIPT


_REGISTRY = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Receipt:
    """A signed receipt. Shapes: `token` is the compact form."""

    token: str
    payload: Mapping[str, Any]

    def compact(self) -> bytes:
        return self.token.encode()

    def flattened(self) -> bytes:
        header, payload, signature = self.token.split(".")
        return canonical.dump({"protected": header, "payload": payload, "signature": signature})


def issue(service: Service, keys: KeyList, body: Any, now: dt.datetime) -> Receipt:
    """Decides a proposal and signs the answer. Raises: ProposalError, KeysError; ReceiptError where the law has no bundle."""
    now = now.astimezone(dt.UTC).replace(microsecond=0)
    held = service.holder(body, now)
    if held.label is None:
        raise ReceiptError("This law was not read from a directory or a bundle, so no receipt can say which law it is.")
    key = keys.signing(now)
    proposal = held.schema.load(body)
    decision = held.answer(proposal, now).body
    payload = {
        "receipt": FORMAT,
        "issuer": keys.issuer,
        "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ephemeral": key.ephemeral,
        "proposal": proposal.body(),
        "decision": decision,
        **repeated(decision),
        "bundle": {"digest": held.label.digest, "published": held.label.published.isoformat()},
        "answer": ANSWER_VERSION,
    }
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    return Receipt(jws.serialize_compact(header, canonical.dump(payload), key.jwk, registry=_REGISTRY), payload)


def repeated(decision: Mapping[str, Any]) -> dict[str, Any]:
    """What a receipt says of a decision on its outside, so that nobody has to look inside for it."""
    return {"law_date": decision["as_of"], "valid_until": decision["valid_until"], "rulebook": decision["rulebook"], "service": decision["service"]}


def signature_holds(token: str, key: Key) -> bool:
    """Whether a key has signed a compact form."""
    try:
        jws.deserialize_compact(token, key.jwk, registry=_REGISTRY)
    except (JoseError, ValueError):
        return False
    return True
