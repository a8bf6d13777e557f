"""`make bench`: microseconds per evaluation on synthetic law, per whole decision on the law we ship, and per refusal.

Shared machines are noisy: every figure is the median of rounds taken in turn, and the ratios of one run are what to quote.
"""

from __future__ import annotations

import json
import platform
import random
import resource
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial

from passport_service.app import create_app
from passport_service.decision import decide_both
from passport_service.errors import ProposalError
from passport_service.explain import explain
from passport_service.index import Index
from passport_service.laws import Laws
from passport_service.openapi import EXAMPLE
from passport_service.service import Service
from passport_service.settings import read_settings
from passport_service.situation import evaluate, situate

from .refusals import Request, requests_of
from .shipped import NOW, SHIPPED
from .synthetic import SEED, catalogue, facts, rule

ROUNDS = 15


def medians(work: dict[str, Callable[[int], object]], repeats: int) -> dict[str, float]:
    """Microseconds of this process a call, median of rounds taken in turn. Others on the machine count for less that way, and as
    many calls that are not counted come first in each turn, so that none pays for what the one before left in the processor's caches.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for call in work.values():
        call(0)  # warm up: tables fill as states turn up
    for round_ in range(ROUNDS):
        for name, call in work.items():
            for number in range(repeats):
                call(round_ * repeats + number)
            start = time.process_time()
            for number in range(repeats):
                call(round_ * repeats + number)
            times[name].append((time.process_time() - start) / repeats * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def synthetic() -> None:
    print(
        f"{'requirements':>12}  {'missing':>7}  {'states µs':>9}  {'evaluate µs':>11}  {'naive µs':>9}  {'naive / evaluate':>16}  {'compile ms':>10}"
    )
    own = catalogue()
    for count in (200, 1000, 5000):
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


def demand(what: str, found: float, bound: float, at_most: bool = False) -> None:
    """One line: what was asked of us, what was found, and whether that will do."""
    met = found <= bound if at_most else found >= bound
    print(f"  {'met' if met else 'NOT MET':<8} {what}: {found:.2f}, asked for {'at most' if at_most else 'at least'} {bound:g}")


def shipped() -> None:
    cases = [case for rulebook in SHIPPED.laws.rulebooks.values() for case in rulebook.cases]
    chosen = [dict(case.proposal) for case in random.Random(SEED).sample(cases, 200)]
    stages("the insurer of the documents", [EXAMPLE], [EXAMPLE])
    stages("200 worked cases, each met before", chosen, chosen)
    unseen = [thinner(body, number) for number, body in enumerate(chosen)]
    stages("the same with other amounts and some facts left out, none met before", chosen, unseen)


def thinner(body: dict, number: int) -> dict:
    """A proposal like it that no worked case has: some facts left out, other amounts. Of the same date, so of the same law."""
    rng = random.Random(SEED + number)
    found = {key: value for key, value in body.items() if not isinstance(value, dict)}
    for group, members in ((key, value) for key, value in body.items() if isinstance(value, dict)):
        found[group] = {
            name: other_amount(rng, told)
            for name, told in members.items()
            if rng.random() < 0.9 or group == "registration" or name in ("date", "activities")
        }
    try:
        SHIPPED.schema.load(found)
    except ProposalError:
        return body
    return found


def other_amount(rng: random.Random, told: object) -> object:
    if isinstance(told, dict) and "amount" in told:
        return {**told, "amount": str(int(Decimal(told["amount"])) + rng.randrange(1, 999))}
    return told


def service() -> Service:
    """The law we ship, compiled anew and remembering nothing."""
    ours = SHIPPED.laws
    return Service(Laws(ours.catalogue, ours.rulebooks, ours.scenarios, ours.overlays))


def stages(title: str, met: list, asked: list) -> None:
    """Where the time of an answer goes once `met` has been answered. Each body is asked once; three services take turns, so that
    none finds what another left: one for the stages, one for the whole, one for the answer without reasons.
    """
    times: dict[str, list[float]] = {}
    for _ in range(3 if len(asked) > 1 else ROUNDS):
        apart, whole, bare = service(), service(), service()
        for body in met:
            for passport in (apart, whole, bare):
                passport.decide(body, NOW).bytes()
        for body in asked:
            took = {**one(apart, body), "the whole": timed(lambda body=body, whole=whole: whole.decide(body, NOW).bytes())}
            took["without reasons, missing"] = timed(lambda body=body, bare=bare: bare.decide(body, NOW, reasons=False, missing=False).bytes())
            for stage, value in took.items():
                times.setdefault(stage, []).append(value)
    print(f"\n{title}, µs: median, mean, 99th of a hundred")
    for stage, values in times.items():
        print(f"  {stage:<26} {statistics.median(values):>7.0f} {statistics.mean(values):>7.0f} {sorted(values)[len(values) * 99 // 100]:>7.0f}")
    mean = {stage: statistics.mean(values) for stage, values in times.items()}
    demand("the whole beside the answer without reasons and missing facts", mean["the whole"] / mean["without reasons, missing"], 2, at_most=True)
    demand("stock marshmallow beside our validation", mean["(marshmallow alone)"] / mean["validate"], 5)


def timed(call: Callable[[], object]) -> float:
    """Microseconds of this process, so that others on the machine count for less."""
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e6


def one(passport: Service, body: dict) -> dict[str, float]:
    """The stages of one answer, in the order in which the service goes through them. Units: microseconds."""
    schema = passport.schema
    found = {"validate": timed(lambda: schema._good(body)), "(marshmallow alone)": timed(lambda: schema._judged(body))}
    proposal = schema.load(body)
    found["situate"] = timed(lambda: situate(passport.laws.catalogue, proposal.facts, proposal.asked))
    question = passport.question(proposal, NOW)
    law = passport.laws.law(proposal.host, question.as_of)
    found["evaluate"] = timed(lambda: law.index.evaluate(proposal.situation))
    found["evaluate again and decide"] = timed(lambda: decide_both(law, proposal.situation, proposal.options))
    relied, strict = decide_both(law, proposal.situation, proposal.options)
    found["explain"] = timed(lambda: explain(relied, strict, proposal.options, question.as_of, missing=False))
    again = timed(lambda: explain(relied, strict, proposal.options, question.as_of, missing=False))
    found["missing"] = timed(lambda: explain(relied, strict, proposal.options, question.as_of)) - again
    answer = passport.answer(proposal, NOW)
    found["serialise"] = timed(answer.bytes)
    return found


def refusals() -> None:
    """What a refusal costs, over the whole way of a request in this process, beside questions never asked before."""
    client = create_app(read_settings({"PASSPORT_REDIS_URL": "", "PASSPORT_LOG_REQUESTS": "no"})).test_client()

    def send(request: Request) -> float:
        call = partial(client.open, request.path, method=request.method, data=request.body, headers=request.all_headers(), buffered=True)
        return timed(call) / 1000

    def ask(body: dict) -> float:
        return send(Request("POST", "/v1/decisions", json.dumps(body).encode()))

    cases = [case for rulebook in SHIPPED.laws.rulebooks.values() for case in rulebook.cases]
    chosen = [dict(case.proposal) for case in random.Random(SEED).sample(cases, 100)]
    for body in chosen:
        ask(body)
    answers = [ask(thinner(body, number)) for number, body in enumerate(chosen)]
    named = list(requests_of(SHIPPED.laws.catalogue))
    took = {name: statistics.median(send(request) for _ in range(5)) for name, request in named}
    print("\nrefusals, ms of processor time: the median of five each")
    for name, value in sorted(took.items(), key=lambda row: -row[1]):
        print(f"  {value:>6.2f} {name}")
    new = statistics.median(answers)
    print(f"a question never asked before: p50 {new:.2f} ms; refusals: p50 {statistics.median(took.values()):.2f}, most {max(took.values()):.2f}")
    demand("p50 of refusals beside that of new questions", statistics.median(took.values()) / new, 1, at_most=True)
    demand("the dearest refusal beside it", max(took.values()) / new, 2, at_most=True)


def memory() -> None:
    """What the process holds once every worked case has been answered, and again: what is remembered is bounded."""
    passport = service()
    held: list[int] = []
    for _ in range(3):
        for _, rulebook in passport.laws.all_rulebooks():
            for case in rulebook.cases:
                with suppress(ProposalError):
                    passport.decide(case.proposal, NOW).bytes()
        held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    print(f"\nthe most memory held while every worked case is answered once, twice, three times: {', '.join(map(str, held))} MB")


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}, seed {SEED}, medians of {ROUNDS} rounds\n")
    memory()
    synthetic()
    shipped()
    refusals()
