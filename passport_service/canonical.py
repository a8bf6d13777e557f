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
# The last group takes a string that breaks off, also after a backslash: so no attempt fails, and the time stays linear.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(r"[][{}]+")
_AS_ANSWERS = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS


_WIDE = "The body is not UTF-8; it looks like UTF-16 or UTF-32. Send UTF-8."
# What the reader says, and what that means to whoever wrote the text.
_SYNTAX = {
    "Expecting value": "a value is expected: a string in double quotes, a whole number, true, false, null, a list or an object",
    "Expecting property name": "the name of a member in double quotes is expected",
    "Expecting ':'": "a colon is expected between a member's name and its value",
    "Expecting ','": "a comma is expected between two members or values",
    "Illegal trailing comma": "a comma stands before a closing bracket",
    "Unterminated string": "a string begins that is never closed by a double quote",
    "Invalid control character": "a string has a line break or another control character; write it as an escape such as \\n",
    "Invalid \\escape": "a backslash in a string begins no escape that JSON has; write a backslash as two",
    "Invalid \\u": "\\u in a string is followed by four hexadecimal digits",
    "Extra data": "one value has ended, and more follows it",
}


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
    except UnicodeDecodeError as error:
        raise MalformedError(_not_utf_8(body, error.start)) from None
    if text.startswith("\ufeff"):
        raise MalformedError("The body begins with a byte order mark (the bytes EF BB BF), which JSON has not; save or send it as UTF-8 without one.")
    if "\0" in text[:4]:
        raise MalformedError(_WIDE)
    _check_depth(text)
    try:
        found = json.loads(text, object_pairs_hook=_members, parse_float=_no_float, parse_constant=_no_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        words = next((words for start, words in _SYNTAX.items() if error.msg.startswith(start)), "something here is not JSON")
        line = f"line {error.lineno}, " if "\n" in text else ""
        raise MalformedError(f"Not JSON: {words}, at {line}column {error.colno}.") from None
    if "\\u" in text:
        _check_surrogates(found)
    return found


def _not_utf_8(body: bytes, at: int) -> str:
    """What a body seems to be that is not UTF-8. Shapes: `at` the first byte that is none of it."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "The body is not UTF-8; by the byte order mark that it begins with it is UTF-16 or UTF-32. Send UTF-8."
    if b"\0" in body[:4]:
        return _WIDE
    line = body.count(b"\n", 0, at) + 1
    column = at - body.rfind(b"\n", 0, at)
    return f"The body is not UTF-8: byte {body[at]:02X} at line {line}, byte {column}. In Latin-1 or Windows-1252 it would be a letter; send UTF-8."


def _check_surrogates(value: object) -> None:
    try:
        orjson.dumps(value)
    except TypeError:
        raise MalformedError("A string has half of a surrogate pair, which is no character.") from None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
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
    brackets = "".join(_BRACKETS.findall(_STRING.sub("", text)))
    rest = brackets
    for _ in range(MAX_DEPTH // 2):  # each round takes one level away, or two: what is then gone is shallow enough
        rest = rest.replace("[]", "").replace("{}", "")
    if not rest:
        return
    depth = 0
    for sign in brackets:
        depth += 1 if sign in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedError(f"The body is nested more than {MAX_DEPTH} levels deep.")
