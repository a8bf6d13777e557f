"""A synthetic law and what may be asked of it: rules as the law has them, over thirty facts, always the same ones."""

from __future__ import annotations

import random
from decimal import Decimal

from passport_service.conditions import All, Any_, Leaf
from passport_service.facts import Catalogue, Fact

SEED, FACTS = 20261122, 30


def catalogue() -> Catalogue:
    facts = {}
    for number in range(FACTS):
        name = f"g.f{number}"
        if number % 5 == 4:
            facts[name] = Fact(name, "money", "circumstance")
        else:
            facts[name] = Fact(name, "choice", "circumstance", values={f"v{value}": "" for value in range(8)})
    return Catalogue(facts, {"g": "G"}, {}, {}, (), (), (), {}, None)


def rule(rng: random.Random):
    """A requirement as the law has them: three or four tests, one of them with alternatives, some on thresholds."""
    parts = []
    for number in rng.sample(range(FACTS), rng.choice([3, 4])):
        if number % 5 == 4:
            parts.append(Leaf(f"g.f{number}", rng.choice(["exceeds", "at_least", "below"]), (Decimal(rng.randrange(1, 50) * 1000), "USD")))
        else:
            parts.append(Leaf(f"g.f{number}", "in", tuple(f"v{value}" for value in rng.sample(range(8), rng.choice([1, 3])))))
    return All((*parts[:-1], Any_((parts[-1], rng.choice(parts)))))


def facts(rng: random.Random, missing: float) -> dict:
    found = {}
    for number in range(FACTS):
        if rng.random() >= missing:
            found[f"g.f{number}"] = {"USD": Decimal(rng.randrange(60) * 1000)} if number % 5 == 4 else f"v{rng.randrange(8)}"
    return found
