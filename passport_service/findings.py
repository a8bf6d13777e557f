"""What a situation knows of a fact: its value, what that comes from, what limits it, or why it cannot apply.

All that a sentence about the fact needs, and the stated facts behind it: what a person could answer otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from itertools import chain
from typing import Any

from .conditions import OPERATORS, All, Any_, Condition, Constant, Leaf, Not
from .facts import Catalogue
from .outcome import CERTAIN, IMPOSSIBLE
from .sentences import Finding, Limit, clause


class Findings:
    """Shapes: `known`, `cannot_apply` and `may_not_apply` as a situation has them; `code` gives the code of a leaf."""

    def __init__(self, catalogue: Catalogue, known: Mapping[str, Any], cannot_apply: Set[str], may_not_apply: Set[str], code: Callable[[Leaf], int]):
        self.catalogue, self.known, self.code = catalogue, known, code
        self.cannot_apply, self.may_not_apply = cannot_apply, may_not_apply

    def of(self, leaf: Leaf) -> Finding:
        """What is known of a leaf's fact where that settles the leaf."""
        name = leaf.fact
        if name in self.cannot_apply:
            return Finding(ruled_out=self.ruled_out(name))
        value = self.known.get(name)
        if name in self.catalogue.derived and value is not None:
            stated = self.catalogue.stated_behind(name)
            return Finding(value, sources=tuple([(source, self.known[source]) for source in stated if source in self.known]))
        if self.catalogue.facts[name].type == "yes_no":
            forcing = self.forced_by(name)
            value = self.known[forcing[0]] if value is None and forcing else value
            return Finding(value, because=tuple([(other, self.known[other]) for other in forcing]), may_be_none=name in self.may_not_apply)
        if value is None or OPERATORS[leaf.operator].test(value, leaf.value) is None:  # an amount in another currency settles nothing
            return Finding(value, limit=next(iter(self.limits(leaf)), None), may_be_none=name in self.may_not_apply)
        return Finding(value)

    def ruled_out(self, name: str) -> tuple[str, ...]:
        """Why a fact cannot apply, as clauses about facts that can, each once."""
        clauses: dict[str, None] = {}
        for leaf, held in self.ruling_out(name):
            found = self.of(leaf)
            clauses |= dict.fromkeys(found.ruled_out or [clause(self.catalogue, leaf, held, found)])
        return tuple(clauses) or ("it is never asked",)

    def ruling_out(self, name: str) -> tuple[tuple[Leaf, bool], ...]:
        """The fewest leaves that make the guard of a fact FALSE, each with its outcome; of a derived fact, that of its first input ruled out."""
        derived = self.catalogue.derived.get(name)
        if derived is not None:
            return next((self.ruling_out(source) for source in derived.inputs if source in self.cannot_apply), ())
        guard = self.catalogue.facts[name].asked_when
        return () if guard is None else decisive(guard, False, self.code) or ()

    def limits(self, leaf: Leaf) -> list[Limit]:
        """Every known fact that alone settles a threshold by bounding the leaf's fact, nearest first, from above and then from below."""
        currency = leaf.value[1] if isinstance(leaf.value, tuple) else ""
        found = []
        for most, others in ((True, self.catalogue.above(leaf.fact)), (False, self.catalogue.below(leaf.fact))):
            for other in others:
                value = self.known.get(other)
                amount = value.get(currency) if isinstance(value, Mapping) else value
                if amount is not None and _settles(leaf, most, amount):
                    found.append(Limit(most, (amount, currency) if currency else amount, other, value))
        return found

    def forced_by(self, name: str) -> list[str]:
        """Of a yes or no that follows from others, those at the far end of the bounds: none of them follows itself."""
        for value, towards in ((True, self.catalogue.below), (False, self.catalogue.above)):
            forcing = [other for other in towards(name) if self.known.get(other) is value]
            if forcing and self.known.get(name, value) is value:
                return [other for other in forcing if not any(self.known.get(further) is value for further in towards(other))]
        return []

    def settling(self, leaf: Leaf) -> frozenset[str]:
        """The stated facts that settle a leaf."""
        value = None if leaf.fact in self.cannot_apply else self.known.get(leaf.fact)
        if value is not None and OPERATORS[leaf.operator].test(value, leaf.value) is None:
            return self._bounding(leaf.fact)
        return self.behind(leaf.fact)

    def behind(self, name: str) -> frozenset[str]:
        """The stated facts that settle a fact: itself, those it is derived from, follows from, is bounded or is ruled out by."""
        if name in self.cannot_apply:
            return frozenset().union(*[self.behind(leaf.fact) for leaf, _ in self.ruling_out(name)])
        if name in self.catalogue.derived:
            return frozenset([stated for stated in self.catalogue.stated_behind(name) if stated in self.known])
        if name in self.known:
            return frozenset(self.forced_by(name)) or frozenset([name])
        return self._bounding(name) or frozenset([name])

    def _bounding(self, name: str) -> frozenset[str]:
        return frozenset([other for other in (*self.catalogue.above(name), *self.catalogue.below(name)) if other in self.known])


def _settles(leaf: Leaf, most: bool, amount: Any) -> bool:
    """Whether a threshold is settled by a value being at most, or at least, an amount."""
    compare = OPERATORS[leaf.operator].test
    held = compare(amount, leaf.value[0] if isinstance(leaf.value, tuple) else leaf.value)
    rising = leaf.operator in ("exceeds", "at_least", "on_or_after")
    # A rising test that fails at the most fails throughout; one that holds at the least holds throughout.
    return held is (rising is not most)


def decisive(condition: Condition, held: bool, code: Callable[[Leaf], int]) -> tuple[tuple[Leaf, bool], ...] | None:
    """The fewest leaves that make a condition without definitions TRUE (`held`) or FALSE, each with its own outcome; None where it is not so."""
    match condition:
        case Constant(holds):
            return () if holds is held else None
        case Leaf():
            return ((condition, held),) if code(condition) == (CERTAIN if held else IMPOSSIBLE) else None
        case Not(part):
            return decisive(part, not held, code)
        case All(parts) | Any_(parts):
            found = [decisive(part, held, code) for part in parts]
            settled = [one for one in found if one is not None]
            if isinstance(condition, All) is not held:
                return min(settled, key=len, default=None)
            return tuple(dict.fromkeys(chain(*settled))) if len(settled) == len(found) else None
    raise TypeError(f"no definitions here: {condition}")
