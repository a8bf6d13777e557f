"""What the outcome of a condition turns on, as numbers of the index's dimensions; and which conditions a fact reaches.

Reasons, questions and tried answers are worked out once for each state of what they turn on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from .clauses import dimension_key
from .compiler import Law
from .conditions import All, Condition, Ref, leaves


class Reach:
    """What a condition's outcome, its reasons and its open facts turn on: the states of what it reads, also through others.

    Two situations that agree on these agree on all of that, so it is worked out once for each.
    """

    def __init__(self, law: Law):
        self.law, self.catalogue = law, law.catalogue
        self._reading: dict[int, tuple[Condition, Callable[[Any], Any]]] = {}
        self._of_facts: dict[str, frozenset[int]] = {}
        self._of_definitions: dict[str, frozenset[int]] = {}
        self._of_fact: dict[str, frozenset[str]] = {}
        self._facts: dict[str, set[str]] = {}
        self.conditions: dict[str, Condition] = {}

    def readers(self, fact: str) -> frozenset[str]:
        """The ids of routes and requirements, and the legs, that learning a fact may change."""
        if not self._facts:
            readers = self.conditions = {
                **{name: condition for name, (condition, _) in self.law.legs.items()},
                **{requirement.id: requirement.whole for requirement in self.law.requirements},
                **{route.id: All(tuple(condition for condition, _ in route.opens.values())) for route in self.law.routes},
            }
            self._facts = {id_: self._facts_read(condition, set()) for id_, condition in readers.items()}
        found = self._of_fact.get(fact)
        if found is None:
            # A group is there as soon as anything is told of it.
            moved = {fact, self.catalogue.exists.get(fact.partition(".")[0])}
            found = self._of_fact[fact] = frozenset(id_ for id_, facts in self._facts.items() if not moved.isdisjoint(facts))
        return found

    def _facts_read(self, condition: Condition, found: set[str]) -> set[str]:
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                self._facts_read(self.law.definitions[leaf.definition].when, found)
            else:
                self._fact_read(leaf.fact, found)
        return found

    def _fact_read(self, name: str, found: set[str]) -> None:
        if name in found:
            return
        found.add(name)
        derived, guard = self.catalogue.derived.get(name), self.catalogue.facts[name].asked_when
        for other in (*(derived.inputs if derived else ()), *self.catalogue.beside(name)):
            self._fact_read(other, found)
        if guard is not None:
            self._facts_read(guard, found)

    def key(self, condition: Condition, states: Sequence[Any]) -> Any:
        """The states on which a condition turns."""
        found = self._reading.get(id(condition))
        if found is None:
            slots = sorted(self._slots(condition))
            # The condition is kept, so that no other ever has its identity.
            found = self._reading[id(condition)] = (condition, itemgetter(*slots) if slots else lambda states: ())
        return found[1](states)

    def _slots(self, condition: Condition) -> set[int]:
        found: set[int] = set()
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                # Both readings of the law share this: as it is, a definition reads at least what it reads without staff positions.
                found |= self._of_definition(leaf.definition)
            else:
                found |= {*self.law.index.slots(leaf.fact, dimension_key(leaf)[1])} | self._beside(leaf.fact)
        return found

    def _of_definition(self, name: str) -> frozenset[int]:
        found = self._of_definitions.get(name)
        if found is None:
            found = self._of_definitions[name] = frozenset(self._slots(self.law.definitions[name].when))
        return found

    def _beside(self, name: str) -> frozenset[int]:
        """What settles a fact beside its own value: its inputs, its guard, its bounds, and whether any amount is stated."""
        found = self._of_facts.get(name)
        if found is None:
            self._of_facts[name] = frozenset()  # guards and inputs go in no circle
            slots = self.law.index.slots
            own = set(slots(name, ""))
            derived, guard = self.catalogue.derived.get(name), self.catalogue.facts[name].asked_when
            for source in derived.inputs if derived else ():
                own |= {*slots(source)} | self._beside(source)
            for other in (*self.catalogue.above(name), *self.catalogue.below(name)):
                own |= {*slots(other)}
            found = self._of_facts[name] = frozenset(own | (self._slots(guard) if guard is not None else set()))
        return found
