"""`make bench-start`: how soon a start or a new worker answers, and what the processes hold. A real `passport serve`, over loopback."""

from __future__ import annotations

import http.client
import os
import platform
import resource
import signal
import statistics
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from rich.console import Console
from rich.table import Table

from passport_service.openapi import EXAMPLE

from .bench import demand
from .patience import until
from .servers import EMBEDDED, free_port, process_of, serving, workers_of
from .shipped import SHIPPED

STARTS, KILLS = 5, 5
QUESTION = orjson.dumps(EXAMPLE)


def ask(port: int, body: bytes = QUESTION) -> bool:
    """Whether a proposal is answered; a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", "/v1/decisions", body, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    return False


def started(redis: str) -> tuple[float, float]:
    """Seconds from the start of the process to the first answer, and of processor time of all its processes. The worked cases are known to pass."""
    port, before = free_port(), resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    with process_of(port, redis):
        until(lambda: ask(port), "no answer")
        took = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime


def replaced(process_id: int, port: int) -> float:
    """Seconds from the death of the only worker to the first answer of the next: the connection waits where the master listens."""
    (worker,) = workers_of(process_id)
    os.kill(worker, signal.SIGKILL)
    began = time.perf_counter()
    until(lambda: ask(port), "no new worker")
    took = time.perf_counter() - began
    assert workers_of(process_id) != [worker]
    return took


def memory(process_id: int) -> tuple[float, float | None]:
    """Megabytes that a process has in memory: all of it, and with what it shares counted by the share; None where the system does not tell."""
    found: dict[str, float] = {}
    for name in ("status", "smaps_rollup"):
        with suppress(OSError):
            for line in Path(f"/proc/{process_id}/{name}").read_text().splitlines():
                words = line.split()
                if words[0] in ("VmRSS:", "Pss:"):
                    found[words[0]] = int(words[1]) * 1024 / 1e6
    return found["VmRSS:"], found.get("Pss:")


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors; worked cases known to pass\n")
    with serving():  # so that they are, and files are read
        pass
    starts = {words: [started(redis) for _ in range(STARTS)] for words, redis in (("no Redis", ""), ("a server of its own", EMBEDDED))}
    with serving(PASSPORT_WORKERS="1", PASSPORT_WATCH="0") as (process, address):
        port = urlsplit(address).port or 0
        assert ask(port)
        kills = [replaced(process.pid, port) for _ in range(KILLS)]
    held()
    for words, found in starts.items():
        took, used = zip(*found, strict=True)
        spread = f"of {STARTS}: {min(took):.2f} to {max(took):.2f}; {statistics.median(used):.2f} of a processor"
        demand(f"from start to first answer, s, {words} ({spread})", statistics.median(took), 2, at_most=True)
    words = f"from a killed worker to an answer of the next, s (of {KILLS}: {min(kills):.2f} to {max(kills):.2f})"
    demand(words, statistics.median(kills), 1, at_most=True)


def held() -> None:
    """The memory of master and workers, once a proposal has been answered, and once three hundred worked cases of every date have."""
    bodies = [orjson.dumps(case.proposal) for _, case in sorted(SHIPPED.case_ids.items())][:: max(1, len(SHIPPED.case_ids) // 300)]
    table = Table("MB", "master", "", "each worker", "", box=None, header_style="bold")
    table.add_row("", "resident", "proportional", "resident", "proportional")
    with serving(PASSPORT_WATCH="0") as (process, address):
        port = urlsplit(address).port or 0
        for words, asked in (("one proposal answered", [QUESTION] * 8), (f"{len(bodies)} worked cases asked twice", bodies + bodies[::-1])):
            for body in asked:
                assert ask(port, body)
            rows = [memory(process.pid), *(memory(worker) for worker in workers_of(process.pid))]
            mean = [statistics.mean(row[0] for row in rows[1:]), statistics.mean(row[1] or 0 for row in rows[1:])]
            table.add_row(words, *(f"{value:.0f}" if value else "not told" for value in (*rows[0], *mean)))
    Console(width=120).print(table)
    print()


if __name__ == "__main__":
    main()
