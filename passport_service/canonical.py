"""One spelling for one answer: strict JSON in, canonical JSON out, and content addresses.

Restricted to strings, integers, booleans, null, arrays and objects with ASCII keys, orjson's sorted output is
RFC 8785; the tests hold it against an independent implementation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from .errors import MalformedError

MAX_DEPTH = 8
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
_BRACKETS = re.compile(r"[][{}]")
_AS_ANSWERS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS


class Row(dict[str, Any]):
    """A part of many answers: not to be changed, and spelt once."""

    __slots__ = ("_spelt", "_summary")

    def spelt(self) -> orjson.Fragment:
        """Its canonical bytes."""
        try:
            return self._spelt
        except AttributeError:
            self._spelt = orjson.Fragment(orjson.dumps(self, option=orjson.OPT_SORT_KEYS))
            return self._spelt

    def summary(self, summarise: Callable[[dict[str, Any]], dict[str, Any]]) -> Row:
        """The same in a summary. Shapes: `summarise` is always the same function."""
        try:
            return self._summary
        except AttributeError:
            self._summary = Row(summarise(self))
            return self._summary


def dump(value: object) -> bytes:
    """Canonical bytes. Shapes: any nesting of dict, list, str, int, bool, None."""
    return orjson.dumps(value, Row.spelt, _AS_ANSWERS)


def read(content: bytes) -> object:
    """A value whose canonical bytes are exactly these. Raises: MalformedError for any other spelling of it."""
    try:
        found = orjson.loads(content)
        again = dump(found)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # it reads deeper nesting than it writes
        raise MalformedError("This is not JSON.") from None
    if again != content:
        raise MalformedError("This is not canonical JSON: spaces, order of members, or a member that stands twice.")
    return found


def digest(value: object) -> str:
    """`sha256:…` of the canonical bytes."""
    return "sha256:" + hashlib.sha256(dump(value)).hexdigest()


def address(prefix: str, value: object) -> str:
    """A short content address: prefix, then 160 bits in lower-case base 32."""
    raw = hashlib.sha256(dump(value)).digest()[:20]
    return prefix + base64.b32encode(raw).decode().lower()


def load(body: bytes) -> object:
    """JSON as we accept it: UTF-8, no duplicate members, no floats, nested at most `MAX_DEPTH` deep.

    Raises: MalformedError, saying what was found.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("The body is not UTF-8.") from None
    _check_depth(text)
    try:
        found = json.loads(text, object_pairs_hook=_members, parse_float=_no_float, parse_constant=_no_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise MalformedError(f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if "\\u" in text:
        _check_surrogates(found)
    return found


def _check_surrogates(value: object) -> None:
    try:
        orjson.dumps(value)
    except TypeError:
        raise MalformedError("A string has half of a surrogate pair, which is no character.") from None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedError(f"The member {twice[:80]!r} stands twice in one object; which one is meant?")
    return found


def _no_float(text: str) -> object:
    raise MalformedError(f'The number {text[:40]} is not an integer; write decimals as strings, such as "2.5".')


def _no_constant(text: str) -> object:
    raise MalformedError(f"{text} is not JSON.")


def _integer(text: str) -> int:
    if len(text) > 18:
        raise MalformedError("An integer has more than 18 digits; write large amounts as decimal strings.")
    return int(text)


def _check_depth(text: str) -> None:
    depth = 0
    for sign in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if sign in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedError(f"The body is nested more than {MAX_DEPTH} levels deep.")
