"""`make faults`: what becomes of requests while things fail, as two tables for docs/operations.md.

First Redis, killed, hung, full or hostile; memory is off, so that every request would ask it. Then the service itself: killed
workers, other law, full disks, slow clients, floods. Every answer is compared with the expected bytes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from passport_service.access import new_key

from .load import Load
from .servers import Hostile, Redis, cluster, garbage, hang, sentinels, serving, trickle
from .shipped import CONFIG
from .test_faults import QUESTIONS, SECRET
from .test_slow_clients import connections

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
    _service()


def _row(table: Table, name: str, url: str, meanwhile=lambda: time.sleep(SECONDS)) -> None:
    with ExitStack() as stack:
        settings = {"PASSPORT_REDIS_URL": url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
        _, address = stack.enter_context(serving(**settings))
        with Load(address, QUESTIONS, callers=2) as warm:
            time.sleep(1.5)
        load = stack.enter_context(Load(address, QUESTIONS, callers=2))
        meanwhile()
    _add(table, name, load, [*load.wrong, *warm.wrong])


def _service() -> None:
    table = Table("The service", "requests", "lost or wrong", "p50 ms", "p99 ms", "slowest ms", box=None, header_style="bold")
    with tempfile.TemporaryDirectory() as place:
        law = Path(place) / "config"
        shutil.copytree(CONFIG, law)
        desk, flooder = new_key("desk", ["decide"], "1000000/minute"), new_key("flooder", ["decide"], "100/minute")
        keys = {"PASSPORT_API_KEYS": f"{desk[1].line()};{flooder[1].line()}"}
        with open("/dev/full", "wb", buffering=0) as full:
            _met(table, "nothing happens", {}, lambda *_: time.sleep(SECONDS))
            _met(table, "a worker ended every second (SIGTERM)", {}, _end_workers)
            _met(table, "SIGHUP with good and bad law in turn", {}, lambda process, _: _other_law(process, law), config=law)
            _met(table, "no room for request lines", {}, lambda *_: time.sleep(SECONDS), stdout=full)
            _met(table, "200 connections that say nothing", {}, _slow(200, b""))
            _met(table, "2 heads that never end", {}, _slow(2, b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n"))
            _met(table, "a flood of bodies too large", keys, _flood(desk[0], b" " * 70_000), key=desk[0])
            _met(table, "a flood of a caller beyond its rate", keys, _flood(flooder[0], QUESTIONS[0][0]), key=desk[0])
    Console(width=120).print(table)


def _met(
    table: Table, name: str, settings: dict[str, str], meanwhile: Callable, config: Path = CONFIG, stdout=subprocess.DEVNULL, key: str = ""
) -> None:
    with serving(config, stdout, PASSPORT_SECRETS=SECRET, PASSPORT_WATCH="0", **settings) as (process, address):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with Load(address, QUESTIONS, callers=2, headers=headers) as load:
            time.sleep(1)
            meanwhile(process, address)
            time.sleep(1)
    _add(table, name, load, load.wrong)


def _end_workers(process: subprocess.Popen, _address: str) -> None:
    for _ in range(int(SECONDS)):
        time.sleep(1)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)


def _other_law(process: subprocess.Popen, law: Path) -> None:
    path = law / "rulebooks/us/requirements_crime.yaml"
    good = path.read_text()
    for text in (good.replace("applies_when:", "applies_wenn:", 1), good):
        path.write_text(text)
        process.send_signal(signal.SIGHUP)
        time.sleep(SECONDS)


def _slow(count: int, said: bytes) -> Callable:
    def meanwhile(_process: subprocess.Popen, address: str) -> None:
        with connections(address, count, said):
            time.sleep(SECONDS)

    return meanwhile


def _flood(key: str, body: bytes) -> Callable:
    def meanwhile(_process: subprocess.Popen, address: str) -> None:
        with Load(address, [(body, None)], callers=2, headers={"Authorization": f"Bearer {key}"}) as flood:
            time.sleep(SECONDS)
        refused = Counter(row[:3] for row in flood.wrong)
        print(f"refused in the flood: {dict(refused)}")

    return meanwhile


def _add(table: Table, name: str, load: Load, wrong: list[str]) -> None:
    took = sorted(seconds * 1000 for _, seconds in load.seconds)
    at = [f"{took[int(len(took) * share)]:.1f}" for share in (0.5, 0.99)]
    table.add_row(name, str(len(took)), str(len(wrong)), *at, f"{took[-1]:.0f}")


if __name__ == "__main__":
    main()
