"""`make bench`: microseconds per evaluation on synthetic law, and per whole decision on the law we ship.

Shared machines are noisy: every figure is the median of rounds taken in turn, and the ratios of one run are what to quote.
"""

from __future__ import annotations

import platform
import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal

from passport_service import canonical
from passport_service.conditions import All, Any_, Leaf
from passport_service.decision import decide
from passport_service.explain import explain
from passport_service.facts import Catalogue, Fact
from passport_service.index import Index
from passport_service.openapi import EXAMPLE
from passport_service.proposal import Options
from passport_service.situation import evaluate, situate

from .shipped import NOW, SHIPPED

SEED, FACTS, ROUNDS = 20261122, 30, 15


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


def medians(work: dict[str, Callable[[int], object]], repeats: int) -> dict[str, float]:
    """Microseconds a call, median of rounds taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for call in work.values():
        call(0)  # warm up: tables fill as states turn up
    for round_ in range(ROUNDS):
        for name, call in work.items():
            start = time.perf_counter()
            for number in range(repeats):
                call(round_ * repeats + number)
            times[name].append((time.perf_counter() - start) / repeats * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def synthetic() -> None:
    print(
        f"{'requirements':>12}  {'missing':>7}  {'states µs':>9}  {'evaluate µs':>11}  {'naive µs':>9}  {'naive / evaluate':>16}  {'compile ms':>10}"
    )
    own = catalogue()
    for count in (100, 500, 5000):
        rng = random.Random(SEED)
        rules = [rule(rng) for _ in range(count)]
        start = time.perf_counter()
        index = Index(own, rules, {})
        compiled = (time.perf_counter() - start) * 1e3
        for missing in (0.0, 0.3):
            cases = [situate(own, facts(rng, missing)) for _ in range(50)]
            for case in cases:
                codes = index.evaluate(case).codes
                assert [codes[place] for place in index.place] == [evaluate(condition, case.leaf) for condition in rules], (
                    "the index and the tree walk differ"
                )
            found = medians(
                {
                    "states": lambda n, cases=cases, index=index: index.states(cases[n % 50]),
                    "evaluate": lambda n, cases=cases, index=index: index.evaluate(cases[n % 50]),
                    "naive": lambda n, cases=cases, rules=rules: [evaluate(condition, cases[n % 50].leaf) for condition in rules],
                },
                20 if count < 5000 else 3,
            )
            print(
                f"{count:>12}  {missing:>7.0%}  {found['states']:>9.1f}  {found['evaluate']:>11.1f}  {found['naive']:>9.0f}  {found['naive'] / found['evaluate']:>16.0f}  {compiled:>10.1f}"
            )


def shipped() -> None:
    cases = [case for rulebook in SHIPPED.laws.rulebooks.values() for case in rulebook.cases]
    bodies = {"the insurer of the documents": [EXAMPLE], "all worked cases": [dict(case.proposal) for case in random.Random(SEED).sample(cases, 100)]}
    for title, chosen in bodies.items():
        whole(title, chosen)


def whole(title: str, chosen: list) -> None:
    count = len(chosen)
    proposals = [SHIPPED.schema.load(body) for body in chosen]
    laws = [SHIPPED.laws.law(p.host, max(p.options.as_of or p.facts.get("transaction.date", NOW.date()), NOW.date())) for p in proposals]
    decisions = [decide(law, p.situation, p.options) for law, p in zip(laws, proposals, strict=True)]
    answers = [SHIPPED.decide(body, NOW) for body in chosen]
    found = medians(
        {
            "read and check the proposal": lambda n: SHIPPED.schema.load(chosen[n % count]),
            "evaluate every condition": lambda n: laws[n % count].evaluate(proposals[n % count].situation),
            "decide": lambda n: decide(laws[n % count], proposals[n % count].situation, proposals[n % count].options),
            "explain": lambda n: explain(decisions[n % count], None, Options(), NOW.date()),
            "serialise": lambda n: canonical.dump(answers[n % count].body),
            "the whole decision": lambda n: SHIPPED.decide(chosen[n % count], NOW).bytes(),
            "the whole without reasons": lambda n: SHIPPED.decide(chosen[n % count], NOW, reasons=False, missing=False).bytes(),
        },
        10,
    )
    print(f"\n{title}")
    for name, value in found.items():
        print(f"  {name:<28} {value:>8.0f} µs")
    print(f"  with reasons / without       {found['the whole decision'] / found['the whole without reasons']:>8.1f} x")


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}, seed {SEED}, medians of {ROUNDS} rounds\n")
    synthetic()
    shipped()
