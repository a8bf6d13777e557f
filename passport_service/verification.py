"""Whether a receipt is what it says: numbered steps, each of which passes, fails or cannot be done here, with its reason.

The order is what makes it safe: nothing of the payload is read before its signature holds, and no key is taken from the
receipt. A step cannot be done for want of a bundle, or of the release that answered; that is neither yes nor no.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import canonical
from .bundle import BundleError
from .errors import MalformedError, ProposalError
from .keys import Key, KeyList
from .receipt import ALGORITHM, FORMAT, MAX_RECEIPT, TYPE, repeated, signature_holds
from .service import ANSWER_VERSION, Service

SKEW = dt.timedelta(seconds=60)  # how far the issuer's clock may be ahead of ours
_MEMBERS = {
    "receipt": int, "issuer": str, "issued_at": str, "ephemeral": bool, "proposal": dict, "decision": dict, "law_date": str,
    "valid_until": (str, type(None)), "rulebook": (dict, type(None)), "bundle": dict, "service": str, "answer": int,
}  # fmt: skip
# A receipt has one spelling, so it is known by that, without a reader of JSON.
_FLATTENED = re.compile(rb'\{"payload":"([A-Za-z0-9_-]*)","protected":"([A-Za-z0-9_-]*)","signature":"([A-Za-z0-9_-]*)"\}')
_READ_FOR_WORDS = 65_536  # bytes
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification, in words. Shapes: `status` is passed, failed, cannot or not_reached."""

    number: int
    name: str
    title: str
    status: str
    says: str

    def as_json(self) -> dict[str, Any]:
        return {"step": self.number, "name": self.name, "title": self.title, "status": self.status, "says": self.says}


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of each step. `payload` is there once its signature holds and it is whole; `held` is the service over its law."""

    steps: tuple[Step, ...]
    payload: Mapping[str, Any] | None
    held: Service | None

    @property
    def authentic(self) -> bool:
        """The issuer said this, then: every step before the law is looked at."""
        return all(step.status == "passed" for step in self.steps[: _NAMES.index("law")])

    @property
    def verified(self) -> bool:
        """Authentic, and the law of its bundle gives the same bytes."""
        return [step.name for step in self.steps if step.status == "passed"] == _NAMES

    @property
    def stopped_at(self) -> Step | None:
        """The first step that did not pass."""
        return next((step for step in self.steps if step.status != "passed"), None)

    def as_json(self) -> dict[str, Any]:
        shown = ("issuer", "issued_at", "ephemeral", "law_date", "valid_until", "rulebook", "bundle", "service", "answer")
        receipt = {name: self.payload[name] for name in shown} | {
            "decision": {name: self.payload["decision"][name] for name in ("id", "status", "summary", "host", "home")}
        } if self.payload else None  # fmt: skip
        steps = [step.as_json() for step in self.steps]
        return {"verified": self.verified, "authentic": self.authentic, "steps": steps, "receipt": receipt}


class _Refused(Exception):
    """A step fails; says why."""


class _Cannot(Exception):
    """A step cannot be done here; says what it would take."""


class _Reading:
    """What the steps have found so far. Each fills in what the next ones need."""

    header: dict[str, Any]
    key: Key
    payload: dict[str, Any]
    issued_at: dt.datetime
    held: Service

    def __init__(self, content: bytes, keys: KeyList, service: Service, now: dt.datetime):
        self.content, self.keys, self.service, self.moment = content, keys, service, now
        self.parts: tuple[str, str, str] = ("", "", "")
        self.bytes: tuple[bytes, bytes, bytes] = (b"", b"", b"")


def verify(content: bytes, keys: KeyList, service: Service, now: dt.datetime, until: str = "replay") -> Verification:
    """Goes through the steps in order, up to and with `until`; after one that does not pass, the rest is not reached."""
    found, steps, stopped = _Reading(content, keys, service, now), [], False
    wanted = _STEPS[: _NAMES.index(until) + 1]
    for number, (name, title, check) in enumerate(wanted, 1):
        status, says = "not_reached", ""
        if not stopped:
            try:
                status, says = "passed", check(found)
            except _Refused as refused:
                status, says = "failed", str(refused)
            except _Cannot as cannot:
                status, says = "cannot", str(cannot)
        stopped = status != "passed"
        steps.append(Step(number, name, title, status, says))
    whole = all(step.status == "passed" for step in steps[: _NAMES.index("payload") + 1])
    return Verification(tuple(steps), found.payload if whole else None, getattr(found, "held", None))


def _form(found: _Reading) -> str:
    content = found.content
    if len(content) > MAX_RECEIPT:
        raise _Refused(f"The file has {len(content)} bytes; a receipt has at most {MAX_RECEIPT}.")
    flattened = _FLATTENED.fullmatch(content)
    if flattened is not None:
        payload, header, signature = (part.decode() for part in flattened.groups())
        parts, form = [header, payload, signature], "flattened JSON"
    elif content[:1] == b"{":
        raise _Refused(_not_flattened(content))
    else:
        parts, form = content.decode("ascii", "replace").split(".", 3), "compact"
        if len(parts) != 3:
            raise _Refused("This is neither flattened JSON nor three parts joined by points.")
    found.parts = (parts[0], parts[1], parts[2])
    found.bytes = tuple(_decoded(part, name) for part, name in zip(parts, ("header", "payload", "signature"), strict=True))
    return f"A JWS in {form} form."


def _not_flattened(content: bytes) -> str:
    """What is wrong with JSON that is no flattened receipt. A large one is not read for that: it would cost more than a receipt."""
    try:
        found = canonical.read(content) if len(content) <= _READ_FOR_WORDS else None
    except MalformedError as error:
        return f"{error} Keep a receipt exactly as it came."
    if isinstance(found, dict) and found.keys() == {"protected", "payload", "signature"} and all(isinstance(part, str) for part in found.values()):
        return "The header, the payload and the signature of a receipt are base64url without padding, and one of these is not."
    return "A receipt in JSON has the members protected, payload and signature, and no other, in base64url, on one line."


def _decoded(text: str, name: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _Refused(f"The {name} is not base64url without padding.") from None
    # Several spellings decode to the same bytes; only one of them is a receipt's.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise _Refused(f"The {name} is not spelt as base64url spells it.")
    return raw


def _algorithm(found: _Reading) -> str:
    try:
        header = canonical.read(found.bytes[0])
    except MalformedError as error:
        raise _Refused(f"The header cannot be read. {error}") from None
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"} or not all(isinstance(value, str) for value in header.values()):
        raise _Refused("The header has the members alg, kid and typ, and no other.")
    if header["alg"] != ALGORITHM:
        raise _Refused(f"The algorithm is {header['alg'][:40]!r}; a receipt is signed by {ALGORITHM} and nothing else.")
    if header["typ"] != TYPE:
        raise _Refused(f"The type is {header['typ'][:40]!r}, not {TYPE!r}.")
    found.header = header
    return f"{ALGORITHM}, type {TYPE}."


def _key(found: _Reading) -> str:
    kid = found.header["kid"]
    key = found.keys.find(kid)
    if key is None:
        raise _Refused(f"The key {kid[:60]!r} is not among those of {found.keys.issuer}.")
    if key.revoked is not None:
        raise _Refused(f"The key {kid} was revoked: {key.revoked[:200]}. Nothing that it signed can be relied on.")
    found.key = key
    mark = " It is ephemeral: made for a trial, it proves nothing once that process has ended." if key.ephemeral else ""
    return f"{kid}, a key of {found.keys.issuer}.{mark}"


def _signature(found: _Reading) -> str:
    if not signature_holds(".".join(found.parts), found.key):
        raise _Refused("The signature is not that of this key over this header and payload: one of them was changed.")
    return "It holds over the header and the payload."


def _payload(found: _Reading) -> str:
    try:
        payload = canonical.read(found.bytes[1])
    except MalformedError as error:
        raise _Refused(f"The payload cannot be read. {error}") from None
    if not isinstance(payload, dict) or payload.get("receipt") != FORMAT:
        raise _Refused(f"The payload is not a receipt of format {FORMAT}.")
    wrong = sorted(payload.keys() ^ _MEMBERS.keys())
    wrong += [name for name, kind in _MEMBERS.items() if name in payload and not isinstance(payload[name], kind)]
    if wrong:
        raise _Refused(f"The payload has too many or too few members, or some of another type: {', '.join(wrong)[:200]}.")
    decision = payload["decision"]
    bundled = payload["bundle"]
    if bundled.keys() != {"digest", "published"} or not all(isinstance(value, str) for value in bundled.values()):
        raise _Refused("The payload does not say which bundle it was decided under.")
    lacking = [name for name in ("as_of", "valid_until", "rulebook", "service", "home", "scenario") if name not in decision]
    lacking += [name for name in ("id", "status", "summary", "host") if not isinstance(decision.get(name), str)]
    if lacking or any(payload[name] != value for name, value in repeated(decision).items()):
        raise _Refused("What the receipt says on its outside is not what its decision says.")
    found.issued_at = _moment(payload["issued_at"])
    found.payload = payload
    return f"A whole receipt: {decision['status'].replace('_', ' ')}, law of {payload['law_date']}, issued {payload['issued_at']}."


def _moment(text: str) -> dt.datetime:
    try:
        if _MOMENT.fullmatch(text):
            return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        pass
    raise _Refused("The time of issue is not spelt as 2026-11-22T18:00:00Z.")


def _issuer(found: _Reading) -> str:
    if found.payload["issuer"] != found.keys.issuer:
        raise _Refused(f"The receipt was issued by {found.payload['issuer'][:200]!r}; these are the keys of {found.keys.issuer!r}.")
    return found.keys.issuer


def _time(found: _Reading) -> str:
    at, key = found.issued_at, found.key
    if at > found.moment + SKEW:
        raise _Refused(f"It says that it was issued at {found.payload['issued_at']}, which has not come ({SKEW.seconds} seconds are allowed).")
    if key.retired is not None and at >= key.retired:
        raise _Refused(f"Its key was retired at {key.retired:%Y-%m-%dT%H:%M:%SZ}, before the receipt was issued.")
    if not key.in_use(at):
        raise _Refused(f"Its key was not in use before {key.begins:%Y-%m-%dT%H:%M:%SZ}.")
    if found.payload["ephemeral"] != key.ephemeral:
        raise _Refused("The receipt and the list of keys disagree on whether its key is ephemeral.")
    return f"Issued {found.payload['issued_at']}, while its key was in use."


def _law(found: _Reading) -> str:
    pinned, book = found.payload["bundle"], found.payload["rulebook"]
    try:
        held = found.service.of_bundle(pinned["digest"])
    except (BundleError, OSError) as error:
        raise _Cannot(f"{error}") from None
    if held is None:
        raise _Cannot(f"The law is not held here: bring the bundle {pinned['digest'][:90]}.")
    scenario = found.payload["decision"].get("scenario")
    rulebook = held.laws.rulebook(str(found.payload["decision"]["host"]), scenario if isinstance(scenario, str) else None)
    if (book or {}).get("digest") != (rulebook.digest if rulebook else None) or held.label.published.isoformat() != pinned["published"]:
        raise _Refused("The bundle is held, and it does not give the rulebook or the day of publication that the receipt names.")
    found.held = held
    return f"Held, with the same digest; published {pinned['published']}."


def _replay(found: _Reading) -> str:
    payload, held = found.payload, found.held
    if payload["answer"] != ANSWER_VERSION:
        raise _Cannot(
            f"It was answered by service {payload['service']} (answer version {payload['answer']}); this is {held.version} "
            f"(answer version {ANSWER_VERSION}), which cannot replay it byte for byte. Replay it with a release of answer version {payload['answer']}."
        )
    try:
        proposal = held.schema.load(payload["proposal"])
        again = held.stamped(payload["service"]).answer(proposal, found.issued_at).body
    except ProposalError as error:
        raise _Refused(f"That law does not take the proposal: {error}"[:500]) from None
    if proposal.body() != payload["proposal"]:
        raise _Refused("The proposal is not spelt as it is understood.")
    if canonical.dump(again) != canonical.dump(payload["decision"]):
        raise _Refused(f"The same law gives another answer, at {', '.join(differing(payload['decision'], again))}.")
    by = "" if payload["service"] == held.version else f" (by {held.version}, which answers as {payload['service']} did)"
    return f"The same proposal under the same law gives the same bytes{by}."


def differing(one: Any, other: Any, at: str = "", most: int = 5) -> list[str]:
    """Where two JSON values differ: the first few places, as JSON pointers."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = [place for key in sorted(one.keys() | other.keys()) for place in differing(one.get(key), other.get(key), f"{at}/{key}", most)]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        found = [place for number, pair in enumerate(zip(one, other, strict=True)) for place in differing(*pair, f"{at}/{number}", most)]
    else:
        found = [] if one == other and type(one) is type(other) else [at or "/"]
    return found[:most]


_STEPS: tuple[tuple[str, str, Callable[[_Reading], str]], ...] = (
    ("form", "The file is a receipt in one of its two forms, and nothing else", _form),
    ("algorithm", "It is signed by the one algorithm that receipts use", _algorithm),
    ("key", "Its key is one of the issuer's, and was not revoked", _key),
    ("signature", "The signature holds", _signature),
    ("payload", "What was signed is a whole receipt", _payload),
    ("issuer", "It was issued by the issuer whose keys these are", _issuer),
    ("time", "It was issued in the past, while its key was in use", _time),
    ("law", "The law it rests on is held, under the same digest", _law),
    ("replay", "The same question under that law gives the same answer, byte for byte", _replay),
)
_NAMES = [name for name, _, _ in _STEPS]
