"""How rows of an answer that tell reasons are shaped: JSON Schemas, member by member."""

from __future__ import annotations

from typing import Any


def obj(required: str, **properties: Any) -> dict[str, Any]:
    """An object that has these members, the required ones always."""
    return {"type": "object", "required": required.split(), "properties": properties}


def text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_DAY = {"type": "string", "format": "date"}
_READ_IN = {
    "description": "Where the provision was read, and of which day that text states the law; null where no text can be named.",
    "oneOf": [
        {"type": "null"},
        obj(
            "text at version url",
            text=text("The text, by its title"),
            at=text("The place in it"),
            version=_DAY,
            url={"type": ["string", "null"]},
        ),
    ],
}
PROVENANCE = obj(
    "read confidence reviewed_on review_by read_in",
    read={"enum": ["primary", "secondary", "not_read"]},
    confidence={"type": "integer", "minimum": 1, "maximum": 5},
    reviewed_on=_DAY,
    review_by=_DAY,
    read_in=_READ_IN,
)
_OUTCOME = {"enum": ["true", "false"], "description": "Whether the test holds; of a fact that cannot apply no test holds"}
_TOLD = "fact value test outcome text"
_REASON = {
    "value": text("All that is known of the fact, in the words of the rulebooks: its value, what bounds it, or that it cannot apply"),
    "test": text("What the law tests, in the words of the rulebooks"),
    "outcome": _OUTCOME,
}
_OF = text("The fact that is tested, where that is not the fact of the row but derived from it, or bounded by it")
REASONS = {
    "Reason": obj(_TOLD, fact=text("The fact that is tested"), **_REASON, text=text("The reason as a true sentence, for people")),
    "Opener": obj(
        _TOLD,
        fact=text("A stated term that would have to be answered otherwise; each stands once"),
        **_REASON,
        text=text("How it stands now, as true sentences, and that another answer would be needed"),
        of=_OF,
        also={
            "type": "array",
            "description": "Further tests that stand in the way of the same fact",
            "items": obj("test outcome", of=_OF, test=_REASON["test"], outcome=_OUTCOME),
        },
    ),
    "Consequence": obj(
        "if then text",
        **{"if": text("The answers that do the same, in the words of the rulebooks"), "then": text("What becomes of which id")},
        text=text("The answers in plain words: what comes after “if the answer is”"),
    ),
}
