"""Redis, held at arm's length: it may be absent, slow, full or hostile, and no caller ever waits for it longer than `PATIENCE`.

A read goes over a connection that is open already, and a thread that watches closes it when patience ends, whatever the server
does (a reply that trickles). Where there is no such connection (a cluster, more callers than connections), the client that
chooses or opens one works in a thread of its own, and the caller stops waiting for it. After repeated failures a breaker opens: reads answer at once with nothing,
writes are dropped, and one thread in the background tries the server until it is well again. Writes never keep a caller.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from .errors import PassportError

log = logging.getLogger("passport.store")
TIMEOUT = 0.05  # seconds, to connect and for each read of a socket
PATIENCE = 0.06  # seconds that a caller waits for one read, whatever happens meanwhile
TOLERATED = 3  # failures in a row before the breaker opens
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts while it is open; the last one is repeated
READERS = 4  # as many as a worker has threads
TICK = PATIENCE / 4  # seconds between looks at what is being read
WAITING = 512  # writes that may wait; beyond it they are dropped: an absent entry costs only time

Write = tuple[str, Callable[[], bytes], int]  # name, value, seconds to live


class StoreError(PassportError):
    """An address of Redis cannot be used."""


def connector(url: str) -> Callable[[], Any]:
    """What connects to an address. Raises: StoreError for one that cannot be understood.

    redis://  rediss://  unix://  as redis-py reads them; redis+sentinel://host:port,host:port/service/0 and
    redis+cluster://host:port,host:port, each with rediss+ for TLS.
    """
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0), "health_check_interval": 0}
    if kind == "" and scheme in ("redis", "rediss", "unix"):
        try:
            redis.ConnectionPool.from_url(url)
        except ValueError as error:
            raise StoreError(f"the address of Redis cannot be used: {error}") from None
        return lambda: redis.Redis.from_url(url, **options)
    if kind in ("sentinel", "cluster") and scheme in ("redis", "rediss"):
        nodes = _nodes(parts.netloc.rpartition("@")[2])
        login = {"username": parts.username or None, "password": parts.password} if parts.password else {}
        options |= login | ({"ssl": True} if scheme == "rediss" else {})
        return _sentinel(nodes, parts.path, options) if kind == "sentinel" else _cluster(nodes, options)
    raise StoreError(f"{parts.scheme}:// is no address of Redis; expected redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://")


def shown(url: str) -> str:
    """An address without its secrets, for people and logs."""
    parts = urlsplit(url)
    hidden = [(name, "***" if "pass" in name.lower() else value) for name, value in parse_qsl(parts.query)]
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    netloc = ("***@" if "@" in parts.netloc else "") + parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(hidden, safe="*"), ""))


def _nodes(netloc: str) -> list[tuple[str, int]]:
    nodes = []
    for text in netloc.split(","):
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit():
            raise StoreError(f"{text!r} is no host:port of a Redis node")
        nodes.append((host.strip("[]"), int(port)))
    return nodes


def _sentinel(nodes: Sequence[tuple[str, int]], path: str, options: dict[str, Any]) -> Callable[[], Any]:
    service, _, database = path.strip("/").partition("/")
    if not service:
        raise StoreError("a Sentinel address names the service: redis+sentinel://host:port/service")
    about = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "retry")}
    return lambda: Sentinel(nodes, sentinel_kwargs=about, **options).master_for(service, db=int(database or 0))


def _cluster(nodes: Sequence[tuple[str, int]], options: dict[str, Any]) -> Callable[[], Any]:
    return lambda: RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in nodes], require_full_coverage=False, **options)


class Store:
    """Named bytes in Redis, read in bounded time and written in passing. Start it in the process that uses it, after any fork.

    `changed` is told when the server begins to be asked, and when it is left alone.
    """

    def __init__(self, connect: Callable[[], Any], address: str, changed: Callable[[bool], None] = lambda up: None):
        self._connect, self.address, self._changed = connect, address, changed
        self.counts: Counter[str] = Counter()
        self._pid: int | None = None
        self._lock = threading.Lock()

    # -- for callers ----------------------------------------------------------------------------------------------------

    def get(self, names: Sequence[str]) -> list[bytes | None]:
        """What is held under each name; None for what is not held, and for everything while the server cannot be asked."""
        self._start()
        if not self._up.is_set():
            self.counts["refused"] += 1
            return [None] * len(names)
        try:
            found = self._ask(self._lines, names)
            if found is None:
                found = self._readers.submit(_read, self._client, names).result(PATIENCE)
        except Exception as error:  # also what the client makes of replies that make no sense
            self._failed(error)
            return [None] * len(names)
        self._failures = 0
        self.counts["reads"] += 1
        return [value if isinstance(value, bytes) else None for value in found]

    def run(self, work: Callable[[], Any]) -> Any:
        """What some other work on the same server gives, with the same patience; None when it fails or takes too long."""
        self._start()
        if not self._up.is_set():
            return None
        try:
            return self._readers.submit(work).result(PATIENCE)
        except Exception as error:  # whatever library does the work raises what it likes
            self._failed(error)
            return None

    def put(self, name: str, value: Callable[[], bytes], seconds: int) -> None:
        """Keeps what `value` gives for at most so long, some time soon, if that can be done. It is called in another thread."""
        self._start()
        if seconds < 1 or not self._up.is_set() or len(self._writes) >= WAITING:
            self.counts["not_written"] += 1
            return
        self._writes.append((name, value, seconds))
        self._work.put(None)

    @property
    def up(self) -> bool:
        """Whether the server is being asked: the breaker is closed."""
        return self._pid == os.getpid() and self._up.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits until the server can be asked; whether it can."""
        self._start()
        return self._up.wait(seconds)

    def close(self) -> None:
        """Ends the threads; what still waits to be written is lost."""
        if self._pid == os.getpid():
            self._ended.set()
            self._work.put(None)
            self._called.set()
            self._keeper.join(5)
            self._readers.shutdown(wait=False, cancel_futures=True)

    # -- in the background ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Threads do not survive a fork, so each process starts its own when it first needs them."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._up, self._ended, self._failures = threading.Event(), threading.Event(), 0
            self._client: Any = None
            self._writes: deque[Write] = deque()
            self._work: queue.SimpleQueue[None] = queue.SimpleQueue()
            self._readers = ThreadPoolExecutor(READERS, "passport-store-read")
            self._lines: list[Any] = []  # connections that are open and free
            self._reading: dict[int, tuple[Any, int]] = {}  # those in use, and at which tick they were taken
            self._ticks, self._called = 0, threading.Event()
            self._changed(False)
            self._keeper = threading.Thread(target=self._keep, name="passport-store", daemon=True)
            self._keeper.start()
            threading.Thread(target=self._watch, name="passport-store-watch", daemon=True).start()
            self._pid = os.getpid()

    def _keep(self) -> None:
        """Brings the server back while it is away, and writes while it is there."""
        attempt = 0
        while not self._ended.is_set():
            if self._up.is_set():
                attempt = 0
                self._work.get()
                self._open_lines()
                self._write()
            elif self._try():
                log.info("Redis at %s answers", self.address)
            else:
                self._ended.wait(PAUSES[min(attempt, len(PAUSES) - 1)])
                attempt += 1
        self._drop_client()

    def _try(self) -> bool:
        self._drop_client()
        try:
            client = self._connect()
            client.ping()
        except Exception as error:  # whatever a hostile server makes the client do, it is not there for us
            if not self.counts["attempts_failed"]:
                log.warning("Redis at %s cannot be asked (%s); answers are computed", self.address, type(error).__name__)
            self.counts["attempts_failed"] += 1
            return False
        self._client, self._failures = client, 0
        self._open_lines()
        self._up.set()
        self._changed(True)
        return True

    def _open_lines(self) -> None:
        """Opens what is lacking, here and not where a caller waits: the name of the server may have to be looked up."""
        pool = getattr(self._client, "connection_pool", None)  # a cluster has one for each server, and chooses
        try:
            while pool is not None and len(self._lines) + len(self._reading) < READERS:
                self._lines.append(pool.get_connection())
        except Exception as error:  # as with any other failure to ask
            self._failed(error)

    def _write(self) -> None:
        rows = [self._writes.popleft() for _ in range(len(self._writes))]
        if not rows or self._client is None:
            return
        try:
            pipeline = self._client.pipeline(transaction=False)
            for name, value, seconds in rows:
                pipeline.set(name, value(), ex=seconds)
            done = pipeline.execute(raise_on_error=False)
        except Exception as error:
            self.counts["not_written"] += len(rows)
            self._failed(error)
            return
        # A server that is full or read-only refuses writes and can still be read.
        written = sum(result is True for result in done)
        self.counts["writes"] += written
        self.counts["not_written"] += len(rows) - written

    def _ask(self, lines: list[Any], names: Sequence[str]) -> list[Any] | None:
        """Replies over one of these open connections, which is closed when that takes too long; None when none is free. Raises whatever the client does."""
        try:
            line = lines.pop()
        except IndexError:
            return None
        self._reading[id(line)] = line, self._ticks
        if not self._called.is_set():
            self._called.set()
        try:
            line.send_packed_command(line.pack_commands([("GET", name) for name in names]))
            found = [_reply(line) for _ in names]
        except Exception:
            line.disconnect()
            self._work.put(None)  # another is opened in the background
            raise
        else:
            lines.append(line)
        finally:
            del self._reading[id(line)]
        if all(isinstance(value, redis.RedisError) for value in found):
            raise found[0]
        return found

    def _watch(self) -> None:
        """Closes connections that have been read for too long."""
        while not self._ended.is_set():
            self._called.wait()
            self._called.clear()
            while self._reading and not self._ended.wait(TICK):
                self._ticks += 1
                for line, since in list(self._reading.values()):
                    if self._ticks - since >= PATIENCE / TICK:
                        line.disconnect()

    def _failed(self, error: BaseException) -> None:
        self.counts["failures"] += 1
        with self._lock:
            self._failures += 1
            if self._failures < TOLERATED or not self._up.is_set():
                return
            self._up.clear()
        self._changed(False)
        self.counts["opened"] += 1
        self.counts["attempts_failed"] = 0
        log.warning(
            "Redis at %s failed %d times in a row (%s); it is left alone until it answers again", self.address, TOLERATED, type(error).__name__
        )
        self._work.put(None)  # wakes the thread that brings it back

    def _drop_client(self) -> None:
        """Closes every socket, so that a reader that hangs on one comes free."""
        client, self._client = self._client, None
        self._lines = []  # a connection in use comes back to the old list, and is not used again: it would connect anew
        if client is not None:
            try:
                client.close()
                pool = getattr(client, "connection_pool", None)
                if pool is not None:
                    pool.disconnect()
            except Exception:
                log.debug("closing a client of Redis failed", exc_info=True)


def _reply(line: Any) -> Any:
    """One reply; a refusal is returned, so that those behind it are read as well."""
    try:
        return line.read_response(disable_decoding=True)
    except redis.ResponseError as refusal:
        return refusal


def _read(client: Any, names: Sequence[str]) -> list[Any]:
    """The replies to a client that chooses or opens a connection itself."""
    if len(names) == 1:
        return [client.get(names[0])]
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.get(name)
    return pipeline.execute()
