"""`make soak-http`: twenty minutes at 60 per cent of what the service can do, and what becomes of memory, latency and descriptors.

First the most that it answers is measured with callers who never pause; then callers keep to a timetable of 60 per cent of that,
with the traffic of a working day: mostly questions asked before, some new amounts, some proposals unlike the last, batches, pages
and mistakes. Answers to known questions are compared with the expected bytes. Loopback only; it stops by itself.
"""

from __future__ import annotations

import http.client
import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
from rich.console import Console
from rich.table import Table

from .bench_http import question
from .patience import until
from .servers import EMBEDDED, serving, state_of, workers_of
from .shipped import NOW, SHIPPED

MINUTES, SHARE, CALLERS, WORKERS, SLICES = float(os.environ.get("MINUTES") or 20), 0.6, 4, 2, 10
WARM = 3  # of the slices, until memory and latency are compared
JSON, LINES = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
Asked = tuple[str, str, bytes | None, dict[str, str], int, bytes | None]  # method, path, body, headers; status and body expected


class Traffic:
    """Requests without end, of one caller. The proposals state their dates, so that midnight changes nothing."""

    known = [(body, SHIPPED.decide(orjson.loads(body), NOW).bytes()) for body in (question(number) for number in range(50))]
    cases = [orjson.dumps({"as_of": "2026-12-01"} | case.proposal) for case in SHIPPED.case_ids.values() if "scenario" not in case.proposal]

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.numbers = itertools.count((seed + 1) * 10_000_000)

    def __iter__(self) -> Iterator[Asked]:
        makers = (self.again, self.amounts, self.cases_of_law, self.batch, self.page, self.mistake)
        while True:
            yield self.rng.choices(makers, (70, 20, 7, 1, 1, 1))[0]()

    def again(self) -> Asked:
        body, expected = self.rng.choice(self.known)
        return "POST", "/v1/decisions", body, JSON, 200, expected

    def amounts(self) -> Asked:
        return "POST", "/v1/decisions", question(next(self.numbers)), JSON, 200, None

    def cases_of_law(self) -> Asked:
        return "POST", "/v1/decisions", self.rng.choice(self.cases), JSON, 200, None

    def batch(self) -> Asked:
        chosen = [self.rng.choice(self.known) for _ in range(20)]
        expected = b"".join(answer + b"\n" for _, answer in chosen)
        return "POST", "/v1/decisions/batch", b"".join(body + b"\n" for body, _ in chosen), LINES, 200, expected

    def page(self) -> Asked:
        return "GET", self.rng.choice(("/", "/readyz", "/v1/rulebooks", "/docs")), None, {}, 200, None

    def mistake(self) -> Asked:
        return "POST", "/v1/decisions", b'{"host": "US", "client": {"knd": "insurer"}}', JSON, 422, None


class Caller(threading.Thread):
    """Asks over one connection, `pace` times a second, or without pause where it is 0. Shapes: `took` (when it was due, seconds until answered)."""

    def __init__(self, address: str, seed: int, pace: float, stop: threading.Event):
        super().__init__(daemon=True)
        self.place, self.seed, self.pace, self.stop = urlsplit(address).netloc, seed, pace, stop
        self.took: list[tuple[float, float]] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.place, timeout=60)
        due = time.perf_counter()
        for method, path, body, headers, status, expected in Traffic(self.seed):
            if self.stop.is_set():
                break
            due = due + 1 / self.pace if self.pace else time.perf_counter()
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                found = response.read()
                if response.status != status or (expected is not None and found != expected):
                    self.wrong.append(f"{path}: {response.status} {found[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{path}: {error!r}")
                connection.close()
            self.took.append((due, time.perf_counter() - due))
        connection.close()


def start(address: str, seed: int, pace: float, stop: threading.Event) -> list[Caller]:
    """Callers who ask until they are stopped, together `pace` times a second."""
    callers = [Caller(address, seed + number, pace / CALLERS, stop) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    return callers


def end(callers: list[Caller], stop: threading.Event) -> int:
    """How many requests they made in all."""
    stop.set()
    for caller in callers:
        caller.join()
    return sum(len(caller.took) for caller in callers)


def without_pause(address: str, seed: int, seconds: float) -> float:
    """Requests a second of callers who never pause."""
    stop = threading.Event()
    callers = start(address, seed, 0, stop)
    time.sleep(seconds)
    return end(callers, stop) / seconds


def main() -> None:
    settings = {"PASSPORT_WORKERS": str(WORKERS), "PASSPORT_REDIS_URL": EMBEDDED, "PASSPORT_WATCH": "0"}
    with serving(**settings) as (process, address):
        pids = until(lambda: len(found := workers_of(process.pid)) == WORKERS and found)
        without_pause(address, 1000, 30)  # what is remembered fills
        most = without_pause(address, 2000, 15)
        print(f"{most:,.0f} requests a second at most; now {SHARE:.0%} of that for {MINUTES:g} minutes", flush=True)
        stop, slice_ = threading.Event(), MINUTES * 60 / SLICES
        callers, rows = start(address, 1, most * SHARE, stop), []
        for number in range(SLICES):
            begins = time.perf_counter()
            time.sleep(slice_)
            took = sorted(seconds for caller in callers for due, seconds in list(caller.took) if begins <= due < begins + slice_ - 1)
            rows.append((took, [state_of(pid) for pid in pids]))
            _print(number, *rows[-1], slice_)
        total = end(callers, stop)
        wrong = [text for caller in callers for text in caller.wrong]
        assert workers_of(process.pid) == pids, "a worker was replaced"
    _report(rows, slice_, total, wrong)


def _print(number: int, took: list[float], states: list[tuple[float, float, int, int]], slice_: float) -> None:
    print(f"{(number + 1) * slice_ / 60:.1f} min", f"{len(took) / (slice_ - 1):.0f}/s", _at(took, 0.5), _at(took, 0.99), states, flush=True)


def _report(rows: list[tuple[list[float], list[tuple[float, float, int, int]]]], slice_: float, total: int, wrong: list[str]) -> None:
    table = Table("until minute", "requests/s", "p50 ms", "p99 ms", "MB resident", "MB of its own", "descriptors", "threads", box=None)
    for number, (took, states) in enumerate(rows, 1):
        columns = [" / ".join(f"{state[place]:.0f}" for state in states) for place in range(4)]
        table.add_row(f"{number * slice_ / 60:g}", f"{len(took) / (slice_ - 1):.0f}", _at(took, 0.5), _at(took, 0.99), *columns)
    Console(width=140).print(table)
    first, last = rows[WARM - 1][1], rows[-1][1]
    for place, what in ((0, "memory resident"), (2, "descriptors")):
        moved = [f"{after[place] / before[place] - 1:+.1%}" for before, after in zip(first, last, strict=True)]
        print(f"{what}, last to the {WARM}rd of {len(rows)}: {', '.join(moved)}")
    print(f"{total:,} requests, {len(wrong)} answered otherwise than expected", *wrong[:5], sep="\n")


def _at(took: list[float], share: float) -> str:
    return f"{took[int(len(took) * share)] * 1000:.1f}"


if __name__ == "__main__":
    main()
