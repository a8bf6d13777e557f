"""`make bench-http`: requests per second and latency over a real gunicorn, as ratios to a bare Flask service in the same run.

Bare Flask runs under gunicorn's own threaded worker, and once more under ours. The service is met as kept in memory, kept in Redis, computed, and in batches of fifty; rounds are interleaved, since machines
are shared, and every answer is checked to be the expected one before anything is timed.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import requests
from rich.console import Console
from rich.table import Table

from passport_service.openapi import EXAMPLE

from .patience import until
from .servers import BINARY, Redis, free_port, serving
from .shipped import CONFIG, NOW, ROOT, SHIPPED

SECRET = "a-secret-of-at-least-thirty-two-characters"
ROUNDS, SECONDS, CALLERS, BATCH = int(os.environ.get("ROUNDS") or 5), float(os.environ.get("SECONDS") or 2.0), 2, 50
ONE_WORKER = {"PASSPORT_WORKERS": "1", "PASSPORT_WATCH": "0"}


def question(number: int) -> bytes:
    """One of very many proposals: other amounts and dates, so that nothing is asked twice."""
    assets = {"amount": str(40_000_000 + number), "currency": "USD"}
    return orjson.dumps(EXAMPLE | {"as_of": "2026-12-01", "client": EXAMPLE["client"] | {"total_assets": assets}})


def varied(seed: int) -> list[bytes]:
    """The proposals of the worked cases, shuffled: what is really asked differs in more than an amount."""
    rng = random.Random(seed)
    ids = sorted(id_ for id_, case in SHIPPED.case_ids.items() if "scenario" not in case.proposal)
    found = [orjson.dumps(SHIPPED.case_ids[id_].proposal) for id_ in ids]
    rng.shuffle(found)
    return found


@contextmanager
def bare(directory: Path, body: bytes, *options: str):
    """The bare service under gunicorn set up as ours is, but for these options."""
    (directory / "body").write_bytes(body)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(CONFIG / "gunicorn.conf.py"),
        "-w",
        "1",
        "-b",
        f"127.0.0.1:{port}",
        *options,
        "tests.bare:app",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "BARE_BODY": str(directory / "body")})
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: _answers(address))
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        return requests.post(f"{address}/v1/decisions", data=b"{}", timeout=1).ok
    except requests.RequestException:
        return False


def main() -> None:
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        directory = Path(place)
        body = question(0)
        answer = SHIPPED.decide(orjson.loads(body), NOW).bytes()
        servers = {"bare Flask": stack.enter_context(bare(directory, answer, "--worker-class", "gthread"))}
        servers["bare, our worker"] = stack.enter_context(bare(directory, answer))
        servers["kept in memory"] = stack.enter_context(serving(**ONE_WORKER))[1]
        if BINARY:
            redis = stack.enter_context(Redis(directory / "redis"))
            kept = {"PASSPORT_REDIS_URL": redis.url, "PASSPORT_SECRETS": SECRET, "PASSPORT_MEMORY_CACHE": "0"}
            servers["kept in Redis"] = stack.enter_context(serving(**ONE_WORKER, **kept))[1]
        servers["computed"] = stack.enter_context(serving(**ONE_WORKER, PASSPORT_MEMORY_CACHE="0"))[1]
        for name, address in servers.items():
            for _ in range(3):  # the second and third find what the first left
                found = requests.post(f"{address}/v1/decisions", data=body, headers={"Content-Type": "application/json"}, timeout=30)
                time.sleep(0.1)
            assert found.content == answer, name
            print(f"{name:16} {found.headers.get('Cache-Status', '')}")
        asked = {name: [body] for name in servers} | {"computed": [question(number) for number in range(1, 4000)]}
        servers["computed, varied"], asked["computed, varied"] = servers["computed"], varied(1)
        servers["batch, computed"], asked["batch, computed"] = servers["computed"], _batches([question(number) for number in range(5000, 9000)])
        servers["batch, in memory"], asked["batch, in memory"] = servers["kept in memory"], _batches([body] * BATCH)
        _report({name: _Mode(name, address, asked[name]) for name, address in servers.items()}, len(answer))


def _batches(bodies: list[bytes]) -> list[bytes]:
    return [b"\n".join(bodies[start : start + BATCH]) + b"\n" for start in range(0, len(bodies), BATCH)]


class _Mode:
    """One way of being answered. Shapes: `rates` answers per second of each round; `took` seconds of each request."""

    def __init__(self, name: str, address: str, bodies: list[bytes]):
        self.batch = name.startswith("batch")
        self.place = urlsplit(address).netloc
        path, kind = ("/v1/decisions/batch", "application/x-ndjson") if self.batch else ("/v1/decisions", "application/json")
        head = f"POST {path} HTTP/1.1\r\nHost: {self.place}\r\nContent-Type: {kind}\r\nContent-Length: %d\r\n\r\n"
        self.requests = [(head % len(body)).encode() + body for body in bodies]
        self.rates: list[float] = []
        self.took: list[float] = []
        self.next = 0

    def round(self) -> None:
        """Asks for a while over two connections in turn, so that the server always has something to do."""
        host, _, port = self.place.partition(":")
        connections = [socket.create_connection((host, int(port))) for _ in range(CALLERS)]
        began, count, sent = time.perf_counter(), 0, []
        for connection in connections:
            sent.append(self._send(connection))
        while time.perf_counter() - began < SECONDS:
            for number, connection in enumerate(connections):
                _read(connection)
                self.took.append(time.perf_counter() - sent[number])
                count += 1
                sent[number] = self._send(connection)
        for connection in connections:
            _read(connection)
            connection.close()
        self.rates.append(count * (BATCH if self.batch else 1) / (time.perf_counter() - began))

    def _send(self, connection: socket.socket) -> float:
        connection.sendall(self.requests[self.next % len(self.requests)])
        self.next += 1
        return time.perf_counter()


def _read(connection: socket.socket) -> None:
    """One reply, by its length or to its last chunk."""
    got = connection.recv(262144)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head[:200]
    marked = head.lower().find(b"content-length:")
    if marked >= 0:
        left = int(head[marked + 15 :].split(b"\r\n", 1)[0]) - len(body)
        while left > 0:
            left -= len(connection.recv(262144))
        return
    while not body.endswith(b"\r\n0\r\n\r\n"):
        body = body[-16:] + connection.recv(262144)


def _report(modes: dict[str, _Mode], size: int) -> None:
    for _ in range(ROUNDS):
        for mode in modes.values():
            mode.round()
    plain = modes["bare Flask"]
    table = Table("", "answers/s", "of bare Flask", "of bare in our worker", "p50 ms", "p99 ms", "p99 of bare's", box=None, header_style="bold")
    for name, mode in modes.items():
        ratios = [_ratio(mode.rates, modes[other].rates) for other in ("bare Flask", "bare, our worker")]
        p50, p99 = _at(mode.took, 0.5), _at(mode.took, 0.99)
        row = [f"{statistics.median(mode.rates):,.0f}", *ratios, f"{p50:.2f}", f"{p99:.2f}", f"{p99 / _at(plain.took, 0.99):.2f}"]
        table.add_row(name, *row)
    Console(width=120).print(table)
    single = statistics.median(modes["computed"].rates)
    print(f"batch of {BATCH}, computed: {statistics.median(modes['batch, computed'].rates) / single:.2f} of single calls", end="; ")
    print(f"in memory: {statistics.median(modes['batch, in memory'].rates) / statistics.median(modes['kept in memory'].rates):.2f}")
    print(f"answers of {size:,} bytes; one worker; {CALLERS} connections; {ROUNDS} interleaved rounds of {SECONDS} s; medians of ratios by round")


def _ratio(mine: list[float], others: list[float]) -> str:
    return f"{statistics.median(one / other for one, other in zip(mine, others, strict=True)):.2f}"


def _at(took: list[float], share: float) -> float:
    return sorted(took)[int(len(took) * share)] * 1000


if __name__ == "__main__":
    main()
