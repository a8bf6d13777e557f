"""One officer's journey: the proposal so far and the answers put aside, carried in the page itself.

The proposal is the API's body exactly. An answer that no longer applies (a client's assets, once there is no client) may not
stand in it; it is kept aside, and comes back when it applies again. Nothing is stored: the whole state is two texts in the page.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import canonical
from .errors import MalformedError, TooLargeError
from .outcome import IMPOSSIBLE
from .schemas import ProposalSchema
from .situation import evaluate, situate

MAX_JSON = 65_536  # bytes of JSON in a link, once unpacked
UNKNOWN = {"unknown": True}
Facts = Mapping[str, Any]


def pack(value: Any) -> str:
    """JSON as a short text for a link: canonical, compressed (zlib), in base64url without padding.

    >>> unpack(pack({"host": "US"}))
    {'host': 'US'}
    """
    return base64.urlsafe_b64encode(zlib.compress(canonical.dump(value), 9)).decode().rstrip("=")


def unpack(text: str) -> Any:
    """What `pack` packed; JSON that was not compressed is read as well. Raises: MalformedError, TooLargeError.

    >>> unpack("eyJob3N0IjogIlVTIn0")
    {'host': 'US'}
    """
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("The link is damaged: the proposal in it is not base64url.") from None
    return canonical.load(raw if raw.lstrip()[:1] == b"{" else _inflate(raw))


def _inflate(raw: bytes) -> bytes:
    # A short link may unpack to a great deal: no more is unpacked than a proposal may have.
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(raw, MAX_JSON + 1)
    except zlib.error:
        raise MalformedError("The link is damaged: the proposal in it cannot be unpacked.") from None
    if len(found) > MAX_JSON:
        raise TooLargeError(f"The proposal in the link has more than {MAX_JSON} bytes.")
    if not unpacker.eof:
        raise MalformedError("The link is damaged: its end is missing.")
    return found


@dataclass(frozen=True, slots=True)
class Journey:
    """Shapes: `body` a proposal as the API takes it; `aside` fact -> JSON value, of answers that do not apply now."""

    body: Mapping[str, Any]
    aside: Facts = field(default_factory=dict)

    @classmethod
    def read(cls, proposal: str, aside: str = "") -> Journey:
        """The journey of a link. Raises: MalformedError, TooLargeError. Whether the proposal can be understood is the schema's to say."""
        body, kept = unpack(proposal), unpack(aside) if aside else {}
        if not isinstance(body, dict) or not isinstance(kept, dict):
            raise MalformedError("The link is damaged: it holds no proposal.")
        return cls(body, kept)

    def link(self) -> dict[str, str]:
        """The journey as the parameters of a link."""
        found = {"p": pack(self.body)}
        return found | {"k": pack(self.aside)} if self.aside else found

    def facts(self) -> dict[str, Any]:
        """The answers in the proposal. Shapes: fact -> JSON value, in the order in which they were given."""
        groups = ((group, members) for group, members in self.body.items() if isinstance(members, dict))
        return {f"{group}.{name}": value for group, members in groups for name, value in members.items()}

    def options(self) -> dict[str, Any]:
        """What the proposal states beside facts."""
        return {name: value for name, value in self.body.items() if not isinstance(value, dict)}

    def answered(self, schema: ProposalSchema, answers: Facts, taken_back: Iterable[str] = ()) -> Journey:
        """The journey after further answers: those that they rule out are put aside, those that apply again come back.

        Raises: ProposalError when an answer cannot be read. Answers that contradict each other stay in the proposal, to be told.
        """
        kept = {name: value for name, value in {**self.aside, **self.facts(), **answers}.items() if name not in set(taken_back)}
        aside: dict[str, Any] = {}
        while out := _ruled_out(schema, self._body(kept)) - answers.keys():
            aside |= {name: kept.pop(name) for name in sorted(out)}
        return Journey(self._body(kept), aside)

    def trusted(self, schema: ProposalSchema) -> Journey:
        """The journey without kept answers that cannot be read: a link may hold anything."""
        return Journey(self.body, {name: value for name, value in self.aside.items() if schema.reads(name, value)})

    def without(self, names: Iterable[str]) -> Journey:
        """The journey with these answers dropped."""
        dropped = set(names)
        return Journey(self._body({name: value for name, value in self.facts().items() if name not in dropped}), self.aside)

    def choosing(self, **options: Any) -> Journey:
        """The journey with other options; None takes one out."""
        kept = {**self.options(), **options}
        groups = {name: value for name, value in self.body.items() if isinstance(value, dict)}
        return Journey({**{name: value for name, value in kept.items() if value is not None}, **groups}, self.aside)

    def _body(self, facts: Facts) -> dict[str, Any]:
        body: dict[str, Any] = dict(self.options())
        for name, value in facts.items():
            group, _, member = name.partition(".")
            body.setdefault(group, {})[member] = value
        return body


def _ruled_out(schema: ProposalSchema, body: Mapping[str, Any]) -> set[str]:
    """The stated facts that cannot apply beside the others."""
    facts, asked, _ = schema.read(body)
    situation = situate(schema.catalogue, facts, asked)
    stated = facts.keys() | asked
    return {
        name
        for guard in schema.catalogue.guards
        if evaluate(guard.when, situation.leaf) == IMPOSSIBLE
        for name in guard.facts
        if name in stated
    }  # fmt: skip
