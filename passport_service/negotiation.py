"""What a request asks for beside its body: representations that it accepts, preferences, query parameters, the type of what it sends.

Everything here reads text of headers and says what it comes to; `errors` say what cannot be met.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from werkzeug.datastructures import MultiDict
from werkzeug.http import parse_options_header

from .errors import BadQueryError, NotAcceptableError, UnsupportedMediaError

_ITEMS = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')  # between commas, but for those in quotes
_QUALITY = re.compile(r"0?\.[0-9]+|0(\.[0-9]*)?|1(\.0*)?")
Range = tuple[str, bool, float]
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_PREFERENCE = re.compile(rf'[ \t]*({_TOKEN}+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}*)))?[ \t]*(?:;|\Z)')
DETAILS = ("full", "summary")
MINIMAL = "return=minimal"


def media_type(accept: str | None, offered: Sequence[str]) -> str:
    """The one of the offered types that a caller accepts best, the first where it is all the same (RFC 9110, 12.5.1). Raises: NotAcceptableError.

    Parameters make no other type of ours: who accepts `application/json; version=1` accepts JSON.
    """
    if accept is None or not accept.strip():
        return offered[0]
    ranges = [found for item in _ITEMS.findall(accept) if (found := _range(item)) is not None]
    best = max(offered, key=lambda kind: _quality(ranges, kind))  # of several that are equally good, max takes the first
    if _quality(ranges, best) <= 0:
        raise NotAcceptableError(f"The answer is {' or '.join(offered)}; the request accepts only {accept[:200]}.")
    return best


def _range(item: str) -> Range | None:
    """A media range, whether it is narrowed by parameters, and how gladly it is taken; None for what is none."""
    name, parameters = parse_options_header(item.lower())
    stated = parameters.pop("q", "1").strip()
    if not _QUALITY.fullmatch(stated):
        return None
    return "*/*" if name == "*" else name, bool(parameters), float(stated)  # an old library of Java's accepts *


def _quality(ranges: Sequence[Range], kind: str) -> float:
    """How gladly one type is accepted: what the most specific range that fits says of it."""
    for fitting in (kind, kind.partition("/")[0] + "/*", "*/*"):
        plain = [quality for name, narrowed, quality in ranges if name == fitting and not narrowed]
        if plain:
            return max(plain)
        # Whoever takes a narrower kind takes ours; whoever takes none of it may still take ours.
        narrower = max((quality for name, narrowed, quality in ranges if name == fitting and narrowed), default=0.0)
        if narrower > 0:
            return narrower
    return 0.0


def check_media_type(stated: str | None, taken: Sequence[str], what: str) -> None:
    """Whether a body is of a type that is read, and in UTF-8. Raises: UnsupportedMediaError."""
    kind, parameters = parse_options_header(stated or "")
    if kind.lower() not in taken:
        raise UnsupportedMediaError(f"Send {what} as {' or '.join(taken)}; this is {kind[:80] or 'nothing named'}.")
    charset = parameters.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaError(f"The body is said to be in {charset[:40]}; send UTF-8.")


def preferences(prefer: str | None) -> dict[str, str]:
    """What a caller prefers, by name in small letters; of several of one name the first counts (RFC 7240). Parameters of preferences are passed over.

    >>> preferences('Return="minimal"; x="a, b", wait=10'), preferences("return=representation, return=minimal")
    ({'return': 'minimal', 'wait': '10'}, {'return': 'representation'})
    """
    found: dict[str, str] = {}
    for item in _ITEMS.findall(prefer or ""):
        read = _PREFERENCE.match(item)
        if read is not None:  # what cannot be read is passed over, as what is not known is
            name, quoted, token = read.groups()
            found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token or "")
    return found


def detail(parameters: MultiDict[str, str], prefer: str | None) -> tuple[str, str | None]:
    """How much of an answer is asked for, and the preference that was applied for it, if any. Raises: BadQueryError."""
    stated = parameters.get("detail")
    if stated is not None:
        if stated not in DETAILS:
            raise BadQueryError(f"detail is {stated[:40]!r}; expected {' or '.join(DETAILS)}.")
        return stated, None
    preferred = preferences(prefer).get("return", "")
    return ("summary", MINIMAL) if preferred.lower() == "minimal" else ("full", None)


def check_parameters(parameters: MultiDict[str, str], known: Collection[str]) -> None:
    """Whether all parameters of a query are known, and none says two things. Raises: BadQueryError."""
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        there_is = f"there is {' and '.join(known)}" if known else "there are none here"
        raise BadQueryError(f"There is no query parameter {unknown[0][:40]!r}; {there_is}.")
    check_single(parameters, known)


def check_single(parameters: MultiDict[str, str], names: Collection[str]) -> None:
    """Whether none of these is given twice with different values: which one is meant? Raises: BadQueryError."""
    for name in names:
        values = set(parameters.getlist(name))
        if len(values) > 1:
            raise BadQueryError(
                f"{name} is given more than once, with different values: {', '.join(repr(value[:40]) for value in sorted(values)[:3])}."
            )
