"""`make bench-peers`: our evaluator beside other engines on the same rules, our service beside Cerbos, and what was asked of us.

One interleaved run. Every answer to complete facts is checked to be the same before anything is timed; what becomes of a missing
fact is tried and printed beside the speed. An engine that is not installed is named and left out.
"""

from __future__ import annotations

import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from rich.console import Console
from rich.table import Table

from passport_service import __version__, batch, cache, seal
from passport_service.conditions import All, Any_, Condition, Leaf, Not
from passport_service.index import Index
from passport_service.outcome import outcome
from passport_service.service import Service
from passport_service.situation import evaluate, situate

from . import cerbos
from .bench import ROUNDS, demand, medians, service
from .bench_http import question, varied
from .peers import FALSE, OURS, PEERS, TRUE, UNKNOWN, ZEN_BEST, ZEN_TABLE, Asked, Peer, cedar_batch, outcomes, plain
from .servers import serving
from .shipped import NOW
from .synthetic import FACTS, SEED, catalogue, facts, rule

COUNTS, CASES, BATCH, SECONDS = (200, 1000, 5000), 50, 50, 1.0
EVALUATOR, FROM_FACTS, MISSING, NAIVE = "ours, the evaluator", "ours, from plain facts", "ours, 30 % missing", "naive tree walk"


def law(count: int) -> tuple[list[Condition], random.Random]:
    rng = random.Random(SEED)
    return [rule(rng) for _ in range(count)], rng


def installed(count: int) -> list[Peer]:
    return [peer for peer in PEERS if peer.version and count <= peer.most]


# -- in one process -------------------------------------------------------------------------------------------------------


def engines(count: int) -> dict[str, float]:
    """Microseconds per evaluation of all rules, by engine, in one interleaved run."""
    own, (rules, rng) = catalogue(), law(count)
    complete, partial = ([facts(rng, missing) for _ in range(CASES)] for missing in (0.0, 0.3))
    compiling: dict[str, float] = {}
    index = _timed(compiling, EVALUATOR, lambda: Index(own, rules, {}))
    situations, unsure = ([situate(own, case) for case in cases] for cases in (complete, partial))
    right = [[outcome(evaluate(condition, case.leaf)).value for condition in rules] for case in situations]
    for case in unsure:
        assert outcomes(index.evaluate(case).codes, index) == [outcome(evaluate(condition, case.leaf)).value for condition in rules]
    work: dict[str, Callable[[int], object]] = {
        EVALUATOR: lambda number: index.evaluate(situations[number % CASES]),
        FROM_FACTS: lambda number: index.evaluate(situate(own, complete[number % CASES])),
        MISSING: lambda number: index.evaluate(unsure[number % CASES]),
        NAIVE: lambda number: [evaluate(condition, situations[number % CASES].leaf) for condition in rules],
    }
    assert [outcomes(index.evaluate(case).codes, index) for case in situations] == right
    for peer in installed(count):
        asked = _timed(compiling, peer.name, lambda peer=peer: peer.compile(rules, list(own.facts)))
        prepared = [asked.prepare(plain(case)) for case in complete]
        for one, expected in zip(prepared, right, strict=True):
            assert asked.read(asked.ask(one)) == expected, f"{peer.name} answers otherwise"
        work[peer.name] = lambda number, asked=asked, prepared=prepared: asked.ask(prepared[number % CASES])
    found = medians(work, 20 if count < max(COUNTS) else 3)
    _show(count, found, compiling)
    if any(peer.name == "Cedar" for peer in installed(count)) and count == COUNTS[0]:
        _cedar_batch(rules, complete, right, found["Cedar"])
    return found


def _timed(times: dict[str, float], name: str, make: Callable):
    """What `make` makes; the milliseconds it took stand in `times`."""
    start = time.perf_counter()
    made = make()
    times[name] = (time.perf_counter() - start) * 1e3
    return made


def _show(count: int, found: dict[str, float], compiling: dict[str, float]) -> None:
    table = Table(f"{count:,} rules", "µs", "times ours", "compiled in ms", "form", box=None, header_style="bold")
    forms = {peer.name: peer.form for peer in PEERS}
    for name, took in found.items():
        compiled = f"{compiling[name]:.1f}" if name in compiling else ""
        table.add_row(name, f"{took:,.1f}", f"{took / found[FROM_FACTS]:,.1f}", compiled, forms.get(name, ""))
    Console(width=150).print(table)
    print()


def _cedar_batch(rules: list[Condition], cases: list[dict], right: list[list[str]], single: float) -> None:
    ask, read = cedar_batch(rules, [plain(case) for case in cases])
    assert [read(said) for said in ask()] == right
    each = medians({"batch": lambda _: ask()}, 1)["batch"] / CASES
    print(f"Cedar, {CASES} proposals in one call: {each:,.0f} µs each, against {single:,.0f} one by one\n")


# -- a fact is missing ----------------------------------------------------------------------------------------------------


def missing_facts() -> None:
    """Rules that turn on one fact, which is left out; each beside a rule that holds on what is known."""
    kind, amount = Leaf("g.f0", "in", ("v1",)), Leaf("g.f4", "exceeds", (Decimal(10000), "USD"))
    never = All((kind, Any_((Leaf("g.f1", "in", ("v2",)),))))
    probes = {"is v1": kind, "is not v1": Not(kind), "above 10,000": amount, "not above 10,000": Not(amount), "and a false test": never}
    sure, known = Leaf("g.f1", "in", ("v1",)), {"g.f1": "v1"}
    table = Table("left out is a fact that", *probes, "licence", "version", box=None, header_style="bold")
    table.add_row("right", *[UNKNOWN] * 4, FALSE)
    table.add_row("ours", *(_tried(OURS.compile([probe, sure], ()), known) for probe in probes.values()), "", __version__)
    for peer in PEERS:
        if peer.version:
            told = [_tried(peer.compile([probe, sure], list(catalogue().facts)), plain(known)) for probe in probes.values()]
            table.add_row(peer.name, *told, peer.licence, f"{peer.package} {peer.version}")
        else:
            table.add_row(peer.name, *[""] * 5, peer.licence, f"{peer.package} is not installed")
    Console(width=180).print(table)
    print("An error of all rules takes the answers of the others with it. (noted): Cedar names the rule among its diagnostics.\n")


def _tried(asked: Asked, known: dict) -> str:
    """What is said of the first of two rules; the second holds."""
    try:
        found = asked.ask(asked.prepare(known))
    except Exception:  # whatever an engine raises is what it says
        return "error, of all rules"
    first, second = asked.read(found)
    assert second == TRUE
    return f"{first}{asked.complains(found)}"


# -- memory ---------------------------------------------------------------------------------------------------------------


def memory() -> None:
    print(f"{COUNTS[1]:,} rules, compiled and asked {CASES} times, in a process of their own:")
    for peer in (OURS, *installed(COUNTS[1])):
        found = subprocess.run([sys.executable, "-m", "tests.peers", peer.name], capture_output=True, text=True, check=True)
        print(f"  {peer.name:<16} {float(found.stdout):>6.1f} MB")
    print()


# -- over HTTP ------------------------------------------------------------------------------------------------------------


def over_http() -> None:
    """Ours and Cerbos on the same 200 rules: one worker against one processor, over one connection of each that is kept."""
    server = cerbos.binary()
    if server is None:
        print("Cerbos is not installed (npm brings it, where there is npm): no comparison over HTTP\n")
        return
    rules, rng = law(COUNTS[0])
    cases, fresh = [facts(rng, 0.0) for _ in range(CASES)], [facts(rng, 0.0) for _ in range(3000)]
    index, own = Index(catalogue(), rules, {}), catalogue()
    right = [outcomes(index.evaluate(situate(own, case)).codes, index) for case in cases]
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        config = cerbos.law(Path(place) / "law", rules, list(own.facts.values()))
        one = {"PASSPORT_WORKERS": "1", "PASSPORT_WATCH": "0"}
        kept = urlsplit(stack.enter_context(serving(config, **one))[1]).netloc
        computed = urlsplit(stack.enter_context(serving(config, **one, PASSPORT_MEMORY_CACHE="0"))[1]).netloc
        theirs = stack.enter_context(cerbos.serving(server, Path(place) / "cerbos", rules))
        modes = [
            _Mode("Cerbos", theirs, cerbos.PATH, [cerbos.request([case]) for case in cases]),
            _Mode("ours, kept in memory", kept, "/v1/decisions", [cerbos.proposal(case) for case in cases]),
            _Mode("ours, unlike any met before", computed, "/v1/decisions", [cerbos.proposal(case) for case in fresh]),
            _Mode("Cerbos, batch", theirs, cerbos.PATH, [cerbos.request(cases)], BATCH),
            _Mode("ours, batch, kept in memory", kept, cerbos.OUR_BATCH, _lines(cases), BATCH),
            _Mode("ours, batch, unlike any", computed, cerbos.OUR_BATCH, _lines(fresh[::-1]), BATCH),
        ]
        for name, mode in ((mode.name, mode) for mode in modes[:2]):
            for body, expected in zip(mode.bodies, right, strict=True):
                said = mode.caller.ask(body)
                found = cerbos.outcomes(said, len(rules))[0] if mode is modes[0] else cerbos.our_outcomes(said, len(rules))
                assert found == expected, f"{name} answers otherwise"
        assert cerbos.outcomes(modes[3].caller.ask(modes[3].bodies[0]), len(rules)) == right
        batch_said = modes[4].caller.ask(modes[4].bodies[0]).splitlines()
        assert [cerbos.our_outcomes(line, len(rules)) for line in batch_said] == right
        for _ in range(4):
            for mode in modes:
                mode.round()
        _show_http(modes, cerbos.version(server), cerbos.missing(modes[0].caller))


class _Mode:
    """One way of being answered. Shapes: `rates` proposals a second, of each round; `size` bytes of an answer."""

    def __init__(self, name: str, place: str, path: str, bodies: list[bytes], each: int = 1):
        self.name, self.bodies, self.each = name, bodies, each
        self.caller = cerbos.Caller(place, path, "application/x-ndjson" if path == cerbos.OUR_BATCH else "application/json")
        self.rates: list[float] = []
        self.next = self.size = 0

    def round(self) -> None:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            self.size = len(self.caller.ask(self.bodies[self.next % len(self.bodies)])) // self.each
            self.next, count = self.next + 1, count + self.each
        self.rates.append(count / (time.perf_counter() - began))


def _lines(cases: list[dict]) -> list[bytes]:
    found = [cerbos.proposal(case) for case in cases]
    return [b"\n".join(found[start : start + BATCH]) + b"\n" for start in range(0, len(found), BATCH)]


def _show_http(modes: list[_Mode], version: str, missing: str) -> None:
    table = Table("200 rules over HTTP", "proposals/s", "of Cerbos", "bytes of an answer", box=None, header_style="bold")
    for mode in modes:
        beside = next(other for other in modes if other.each == mode.each)
        ratio = statistics.median(mine / theirs for mine, theirs in zip(mode.rates, beside.rates, strict=True))
        table.add_row(mode.name, f"{statistics.median(mode.rates):,.0f}", f"{ratio:.2f}", f"{mode.size:,}")
    Console(width=120).print(table)
    print(f"Cerbos {version} ({cerbos.LICENCE}), one policy with a rule and an output for each. Without the fact, it says: {missing}.\n")


# -- the floor of a batch -------------------------------------------------------------------------------------------------


class _Lines:
    """Lines as a batch takes them."""

    error = None

    def __init__(self, lines: list[bytes]):
        self.left = lines

    def take(self, most: int) -> list[bytes]:
        taken, self.left = self.left[:most], self.left[most:]
        return taken


def _answered(passport: Service, lines: list[bytes]) -> list[bytes]:
    return list(batch.decide_lines(passport, _Lines(lines), "full", NOW, 65536, lambda *_: None))


def floor() -> dict[str, float]:
    """How near a batch of fifty comes to reading each line and writing each answer with orjson, and doing nothing else."""
    kept, computed = service(), service()
    kept.cache = cache.Cache(seal.Sealer((b"x" * 32,), "cache"), None, 64 << 20)
    lines, numbers = [question(number) for number in range(BATCH)], iter(range(BATCH, 10**9))
    bodies = [orjson.loads(line) for line in _answered(kept, lines)]
    assert [orjson.loads(line) for line in _answered(computed, lines)] == bodies and all("status" in body for body in bodies)
    assert [orjson.loads(line) for line in _answered(kept, lines)] == bodies
    found = medians(
        {
            "floor": lambda _: _least(lines, bodies),
            "kept in memory": lambda _: _answered(kept, lines),
            "computed, another amount each time": lambda _: _answered(computed, [question(next(numbers)) for _ in range(BATCH)]),
        },
        4,
    )
    return {name: found["floor"] / took for name, took in found.items() if name != "floor"} | {"computed, unlike any met before": _floor_unlike()}


def _least(lines: list[bytes], bodies: list[dict]) -> None:
    for line, body in zip(lines, bodies, strict=True):
        orjson.loads(line)
        orjson.dumps(body)


def _floor_unlike() -> float:
    """The same for worked cases in random order, each new to the process: once, since then they are not new."""
    lines, passport = varied(SEED)[:150], service()
    start = time.process_time()
    answers = _answered(passport, lines)
    took = time.process_time() - start
    bodies = [orjson.loads(answer) for answer in answers]
    start = time.process_time()
    _least(lines, bodies)
    return (time.process_time() - start) / took


# -- all together ---------------------------------------------------------------------------------------------------------


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, seed {SEED}, {FACTS} facts, medians of {ROUNDS} rounds taken in turn\n")
    found = {count: engines(count) for count in COUNTS}
    missing_facts()
    memory()
    over_http()
    for count, bound in ((200, 10), (1000, 25)) if ZEN_TABLE in found[200] else ():
        took, best = min((found[count][name], name) for name in found[count] if name in (*ZEN_BEST, ZEN_TABLE))
        for of in (EVALUATOR, FROM_FACTS):
            demand(f"{of} beside {best}, {count:,} rules", took / found[count][of], bound)
    for of in (EVALUATOR, FROM_FACTS) if ZEN_TABLE in found[200] else ():
        demand(f"{of} beside {ZEN_TABLE}, 200 rules", found[200][ZEN_TABLE] / found[200][of], 100)
    for of in (EVALUATOR, FROM_FACTS):
        demand(f"{of}: 25 times the rules in times the time", found[5000][of] / found[200][of], 8, at_most=True)
    for name, share in floor().items():
        demand(f"batch of {BATCH}, {name}, of the orjson floor", share, 0.12)


if __name__ == "__main__":
    main()
