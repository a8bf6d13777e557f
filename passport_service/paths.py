"""Which address was meant by one that leads nowhere: another case, a slash too many, the version left out, a slip of the pen."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import closest

VERSION = "v1"


def meant(rules: Iterable[str], path: str) -> str | None:
    """The address that was probably meant. Shapes: `rules` the paths that are served, as the router writes them.

    >>> rules = ["/v1/decisions", "/v1/decisions/<id_>", "/v1/rulebooks/<host>", "/livez"]
    >>> meant(rules, "/v1/decisions/"), meant(rules, "//V1//Rulebooks/US"), meant(rules, "/decisions"), meant(rules, "/livz"), meant(rules, "/x")
    ('/v1/decisions', '/v1/rulebooks/US', '/v1/decisions', '/livez', None)
    """
    parts = [part for part in path.split("/") if part]
    known = sorted((rule.strip("/").split("/") for rule in rules), key=lambda rule: ["<" in part for part in rule])  # names before what varies
    for tried in (parts, [VERSION, *parts]):
        for rule in known:
            if len(rule) == len(tried) and all("<" in theirs or theirs == mine.lower() for theirs, mine in zip(rule, tried, strict=True)):
                found = "/" + "/".join(mine if "<" in theirs else theirs for theirs, mine in zip(rule, tried, strict=True))
                return found if found != path else None
    return closest("/" + "/".join(parts), ["/" + "/".join(rule) for rule in known if not any("<" in part for part in rule)])
