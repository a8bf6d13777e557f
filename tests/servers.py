"""Real servers for tests, and servers that misbehave: Redis alone, as a cluster, behind Sentinel; hung, trickling, answering garbage."""

from __future__ import annotations

import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import SplitResult

import redis
import requests

from passport_service import embedded

from .patience import A_LOOK, PATIENCE, until
from .places import CONFIG, ROOT

BINARY = embedded.binary()
EMBEDDED = "embedded"  # `serving` leaves PASSPORT_REDIS_URL out, so that the service starts its own
LOST = (redis.RedisError, OSError)


# Below the ports that systems give to whoever connects somewhere, so that none of these is taken by chance between our choice and its use.
PORTS = range(15_000, 30_000)
_CHOSEN = []  # sockets that keep other processes which run tests from choosing the same, for as long as this one lives


def free_port() -> int:
    """A port of this machine on which nobody listens, and which no other test gets."""
    while True:
        port, mark = random.choice(PORTS), socket.socket(type=socket.SOCK_DGRAM)
        try:
            mark.bind(("127.0.0.1", port))
            with socket.socket() as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
        else:
            _CHOSEN.append(mark)
            return port


class Redis:
    """One real server on a port of its own; it can be killed, stopped (hung) and started again."""

    def __init__(self, directory: Path, *options: str, port: int | None = None, sentinel: bool = False):
        self.directory, self.options, self.port, self.sentinel = directory, options, port or free_port(), sentinel
        directory.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=PATIENCE)

    def start(self) -> None:
        # A Sentinel keeps its state in its file, and every other option goes on the command line.
        first = [str(self.directory / "sentinel.conf"), "--sentinel"] if self.sentinel else ["--save", "", "--appendonly", "no"]
        command = [str(BINARY), *first, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, what="Redis did not start")

    def _answers(self) -> bool:
        with suppress(*LOST), self.client() as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


@contextmanager
def cluster(directory: Path, size: int = 3):
    """Nodes that share all slots; the cluster goes on with the slots it still has when one is killed."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "500", "--cluster-require-full-coverage", "no")
    nodes = [Redis(directory / str(number), *options, "--cluster-port", str(free_port())) for number in range(size)]
    try:
        for number, node in enumerate(nodes):
            with node.client() as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", 16384 * number // size, 16384 * (number + 1) // size - 1)
                client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port, nodes[0].options[-1])
        until(lambda: all(_cluster_is_whole(node, size) for node in nodes), what="the cluster did not come together")
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def _cluster_is_whole(node: Redis, size: int) -> bool:
    with node.client() as client:
        about = client.execute_command("CLUSTER INFO")
        about = about if isinstance(about, dict) else dict(line.split(":") for line in about.decode().splitlines() if ":" in line)
        return about["cluster_state"] == "ok" and int(about["cluster_known_nodes"]) == size


@contextmanager
def sentinels(directory: Path, size: int = 3):
    """A primary, its replica, and Sentinels that fail over within about a second. Shapes: (primary, replica, sentinels)."""
    primary = Redis(directory / "primary")
    replica = Redis(directory / "replica", "--replicaof", "127.0.0.1", str(primary.port), "--repl-diskless-sync-delay", "0")
    watching = []
    for number in range(size):
        place = directory / f"sentinel-{number}"
        place.mkdir(parents=True)
        (place / "sentinel.conf").write_text(
            f"sentinel monitor passport 127.0.0.1 {primary.port} 2\n"
            "sentinel down-after-milliseconds passport 500\nsentinel failover-timeout passport 2000\n"
        )
        watching.append(Redis(place, sentinel=True))
    try:
        until(lambda: all(_sees_all(watcher, size) for watcher in watching), what="the Sentinels did not find each other")
        yield primary, replica, watching
    finally:
        for server in (*watching, replica, primary):
            server.kill()


def _sees_all(watcher: Redis, size: int) -> bool:
    with watcher.client() as client:
        about = client.sentinel_masters()["passport"]
        return about["num-other-sentinels"] == size - 1 and about["num-slaves"] == 1


class Hostile:
    """A server on a port that does with each connection what it is told: see `hang`, `garbage`, `trickle`."""

    def __init__(self, behave):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.socket.getsockname()[1]}"
        self.behave, self.open = behave, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self.behave(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        for connection in self.open:
            connection.close()


def hang(connection: socket.socket) -> None:
    """Takes everything, says nothing."""
    while connection.recv(65536):
        pass


def garbage(connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(b"\x00\xff what? $-7\r\n*99999999999\r\n")


def trickle(connection: socket.socket) -> None:
    """Answers politely until asked for something, then a byte at a time for ever."""
    while request := connection.recv(65536):
        if b"GET" in request.split(b"\r\n", 3)[2]:
            connection.sendall(b"$100000\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(A_LOOK)
        connection.sendall(b"+PONG\r\n" if b"PING" in request else b"+OK\r\n" * request.count(b"*"))


@contextmanager
def serving(config: Path = CONFIG, stdout=subprocess.DEVNULL, before: Sequence[str] = (), **settings: str):
    """`passport serve` on a free port: gunicorn with two workers, as an operator runs it. Shapes: (process, address).

    `before` is a command that prepares something and then becomes the one that follows it.
    """
    port = free_port()
    with process_of(port, settings.pop("PASSPORT_REDIS_URL", ""), config, stdout, before, **settings) as process:
        address = f"http://127.0.0.1:{port}"
        until(lambda: _lives(address) or process.poll() is not None)
        assert process.poll() is None, "".join(process.said)
        yield process, address


@contextmanager
def process_of(
    port: int,
    redis_url: str = "",
    config: Path = CONFIG,
    stdout=subprocess.DEVNULL,
    before: Sequence[str] = (),
    **settings: str,
):
    """The process of `passport serve`, which may not answer yet."""
    environ = {**os.environ, "PORT": str(port), "PASSPORT_CONFIG": str(config), "PASSPORT_WORKERS": "2", "PASSPORT_REDIS_URL": redis_url, **settings}
    if redis_url == EMBEDDED:
        del environ["PASSPORT_REDIS_URL"]
    command = [*before, sys.executable, "-m", "passport_service.cli", "serve"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True)
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)  # a pipe that nobody reads fills up
    listener.start()
    process.said = said
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)
        listener.join(PATIENCE)
        process.stderr.close()


def raw(where: SplitResult, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """What a request that no client would send is answered with. Shapes: `head` without its last empty line; (status, headers in small letters, body)."""
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as connection:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        connection.sendall(f"{head}{length}Connection: close\r\n\r\n".encode("latin-1") + body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def _lives(address: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{address}/livez", timeout=PATIENCE).ok
    return False


def workers_of(pid: int) -> list[int]:
    """The children of the master that are not the embedded Redis."""
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid=,args="], capture_output=True, text=True, check=True)
    return sorted(int(line.split()[0]) for line in found.stdout.splitlines() if "embedded" not in line)


def state_of(pid: int) -> tuple[float, float, int, int]:
    """MB resident, MB of its own, descriptors, threads."""
    memory = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    resident, own = (int(memory[name].split()[0]) / 1024 for name in ("Rss", "Private_Dirty"))
    return resident, own, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))
