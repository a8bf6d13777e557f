"""Three-valued outcomes, and the byte of planes in which the index carries them.

An `Outcome` is what people read. A `code` is what the evaluator computes: five yes/no answers to
"does it hold?", each under another reading of what is not known, in the bits of one byte:

bit        reading of an unknown leaf
MUST       FALSE: so a set bit means that it holds whatever the unknown facts turn out to be
MAY        TRUE: so a clear bit means that it cannot hold
ORDINARY   TRUE, but a leaf on an exceptional fact is FALSE ("unless this is a special case")
STOP       TRUE, but a leaf on an exceptional fact, a term or an arrangement is FALSE: what only circumstances decide
SPECIAL    TRUE, but a leaf on an ordinary term or arrangement is FALSE: with STOP clear, a special case alone decides

AND and OR of conditions are AND and OR of codes, because every reading treats a leaf alike wherever it stands
in a negation normal form. MUST <= STOP <= ORDINARY, SPECIAL <= MAY always.
"""

from __future__ import annotations

import enum

MUST, MAY, ORDINARY, STOP, SPECIAL = 1, 2, 4, 8, 16
CERTAIN, IMPOSSIBLE = 31, 0

# How a leaf reads while its fact is not known, by the fact's class.
UNKNOWN_CIRCUMSTANCE = MAY | ORDINARY | STOP | SPECIAL
UNKNOWN_CHOICE = MAY | ORDINARY  # a term or an arrangement: the firm may bring either about
UNKNOWN_SPECIAL = MAY | SPECIAL  # an exceptional fact, whatever its class


class Outcome(enum.Enum):
    """TRUE, FALSE or UNKNOWN in strong Kleene logic. Refuses `bool()`: UNKNOWN is neither."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("an Outcome has three values: compare it with Outcome.TRUE, FALSE or UNKNOWN")

    def __and__(self, other: Outcome) -> Outcome:
        return outcome(code(self) & code(other))

    def __or__(self, other: Outcome) -> Outcome:
        return outcome(code(self) | code(other))

    def __invert__(self) -> Outcome:
        return {Outcome.TRUE: Outcome.FALSE, Outcome.FALSE: Outcome.TRUE}.get(self, Outcome.UNKNOWN)


def outcome(found: int) -> Outcome:
    """The outcome that a code stands for.

    >>> outcome(CERTAIN), outcome(IMPOSSIBLE), outcome(UNKNOWN_CHOICE)
    (<Outcome.TRUE: 'true'>, <Outcome.FALSE: 'false'>, <Outcome.UNKNOWN: 'unknown'>)
    """
    if found & MUST:
        return Outcome.TRUE
    return Outcome.UNKNOWN if found & MAY else Outcome.FALSE


def code(found: Outcome) -> int:
    """The code of an outcome whose unknowns are ordinary circumstances."""
    return {Outcome.TRUE: CERTAIN, Outcome.FALSE: IMPOSSIBLE}.get(found, UNKNOWN_CIRCUMSTANCE)


def limited(may: bool, must: bool, unknown: int) -> int:
    """The code of a leaf that is neither settled nor wholly open, with `unknown` as its class's reading."""
    if must:
        return CERTAIN
    return unknown if may else IMPOSSIBLE
