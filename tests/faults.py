"""`make faults`: what becomes of requests while Redis is killed, hung, full or hostile, as a table for docs/operations.md.

Memory is off, so that every request would ask Redis. Every answer is compared with the expected bytes.
"""

from __future__ import annotations

import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .load import Load
from .servers import Hostile, Redis, cluster, garbage, hang, sentinels, serving, trickle
from .test_faults import QUESTIONS, SECRET

SECONDS = 6.0


def killed(server: Redis) -> None:
    for _ in range(2):
        time.sleep(SECONDS / 6)
        server.kill()
        time.sleep(SECONDS / 6)
        server.start()
    time.sleep(SECONDS / 3)


def stopped(server: Redis) -> None:
    time.sleep(SECONDS / 3)
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(SECONDS / 3)
    server.process.send_signal(signal.SIGCONT)
    time.sleep(SECONDS / 3)


def main() -> None:
    table = Table("Redis", "requests", "lost or wrong", "p50 ms", "p99 ms", "slowest ms", box=None, header_style="bold")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        _row(table, "none", "")
        with Redis(directory / "one") as server:
            _row(table, "healthy", server.url)
            _row(table, "killed and restarted, twice", server.url, lambda: killed(server))
            _row(table, "stopped for a third of the time", server.url, lambda: stopped(server))
            with Redis(directory / "two", "--replicaof", "127.0.0.1", str(server.port)) as replica:
                _row(table, "read-only", replica.url)
        for policy in ("noeviction", "allkeys-lru"):
            with Redis(directory / policy, "--maxmemory", "3mb", "--maxmemory-policy", policy) as server:
                _row(table, f"full, {policy}", server.url)
        for behave in (hang, garbage, trickle):
            with Hostile(behave) as hostile:
                _row(table, {"hang": "hung", "garbage": "answers garbage", "trickle": "answers a byte at a time"}[behave.__name__], hostile.url)
        with cluster(directory / "cluster") as nodes:
            url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
            _row(table, "cluster of three, one killed", url, lambda: (time.sleep(SECONDS / 3), nodes[1].kill(), time.sleep(SECONDS * 2 / 3)))
        with sentinels(directory / "sentinels") as (primary, _, watching):
            url = "redis+sentinel://" + ",".join(f"127.0.0.1:{watcher.port}" for watcher in watching) + "/passport"
            _row(table, "Sentinel, primary killed", url, lambda: (time.sleep(SECONDS / 3), primary.kill(), time.sleep(SECONDS * 2 / 3)))
    Console(width=120).print(table)


def _row(table: Table, name: str, url: str, meanwhile=lambda: time.sleep(SECONDS)) -> None:
    with ExitStack() as stack:
        settings = {"PASSPORT_REDIS_URL": url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
        _, address = stack.enter_context(serving(**settings))
        with Load(address, QUESTIONS, callers=2) as warm:
            time.sleep(1.5)
        load = stack.enter_context(Load(address, QUESTIONS, callers=2))
        meanwhile()
    took = sorted(seconds * 1000 for _, seconds in load.seconds)
    at = [f"{took[int(len(took) * share)]:.1f}" for share in (0.5, 0.99)]
    table.add_row(name, str(len(took)), str(len(load.wrong) + len(warm.wrong)), *at, f"{took[-1]:.0f}")


if __name__ == "__main__":
    main()
