"""A gunicorn worker in which one thread answers as long as it keeps up, and which no slow client can occupy.

Threads of one process share one interpreter: two that answer at once give way to each other at every system call, and each
answer then costs half as much again (docs/performance.md). So one thread, the lead, answers whatever is ready, one request
after the other, and watches the connections that it has just answered, since their callers often ask again at once. When one
request keeps it for longer than `PATIENCE` (a client slow to send or to read, or much to compute), another thread leads.

Gunicorn gives a thread to each new connection and waits for whatever its client sends, and there are few threads. Here a
connection costs a thread only once something has come; head and body must then come within bounds, or the connection ends.
A batch may take as long as its caller keeps sending and reading.
"""

from __future__ import annotations

import logging
import os
import select
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

log = logging.getLogger("passport.worker")
FIRST_BYTE, HEAD, WHOLE = 10.0, 5.0, 20.0  # seconds: until something comes, for the head, for body and answer
PRINTED, PRINTING = "/memo.pdf", 120.0  # seconds for what takes us seconds to make, and more of them on a busy machine
PATIENCE = 0.01  # seconds that others wait for the lead to be done with one request
LINGER = 0.002  # seconds that the lead watches for the next request before it leaves that to the main thread
IDLE = 0.05  # seconds that a connection stays with a lead who is busy with others
YIELD, CROWD = 0.00025, 4  # seconds that a worker lets others go first for each connection that it has, up to so many
UNBOUNDED = "/v1/decisions/batch"
_BODY_FOLLOWS = b"\r\nContent-Length: "  # as gunicorn writes what the application has named so


class _Lead:
    """What a leading thread is at. Units: `since` seconds, when it began its request, or None while it has none. Held under the worker's lock."""

    def __init__(self, bell: int):
        self.since: float | None = None
        self._watched: dict[int, tuple[TConn, float]] = {}  # by descriptor; the one unused for longest first
        self._poll = select.poll()
        self._poll.register(bell, select.POLLIN)
        self._bell = bell

    def stuck(self, now: float) -> bool:
        return self.since is not None and now - self.since > PATIENCE

    def watch(self, conn: TConn, now: float) -> None:
        descriptor = conn.sock.fileno()
        self._watched[descriptor] = (conn, now)
        self._poll.register(descriptor, select.POLLIN)

    def wait(self) -> list[int]:
        """Descriptors on which something has come; the bell wakes and is none."""
        found = [descriptor for descriptor, _ in self._poll.poll(LINGER * 1000)]
        if self._bell in found:
            found.remove(self._bell)
            with suppress(BlockingIOError):
                os.read(self._bell, 64)
        return found

    def take(self, descriptors: Iterable[int]) -> list[TConn]:
        taken = []
        for descriptor in descriptors:
            self._poll.unregister(descriptor)
            taken.append(self._watched.pop(descriptor)[0])
        return taken

    def idle(self, now: float) -> list[TConn]:
        """The connection unused for longest, if that is too long."""
        first = next(iter(self._watched), None)
        return [] if first is None or now - self._watched[first][1] < IDLE else self.take([first])

    def leave(self) -> list[TConn]:
        return self.take(list(self._watched))


class Worker(ThreadWorker):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._deadlines: dict[TConn, float] = {}
        self._lock = threading.Lock()  # of what follows, and of every lead
        self._ready: deque[TConn] = deque()
        self._lead: _Lead | None = None
        self._working = 0

    def init_process(self) -> None:
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)
        super().init_process()

    # -- in the main thread ---------------------------------------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Leaves a new connection to a worker with fewer of them: without that, one worker may get all that are kept, and the others none."""
        if self.cfg.workers > 1:
            time.sleep(min(self.nr_conns, CROWD) * YIELD)
        super().accept(listener)

    def enqueue_req(self, conn: TConn) -> None:
        if not conn.initialized and not conn.data_ready:
            conn.sock.setblocking(False)
            conn.timeout = time.monotonic() + FIRST_BYTE
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
            return
        with self._lock:
            self._ready.append(conn)
            resting = self._lead is not None and self._lead.since is None
        if resting:
            with suppress(BlockingIOError):
                os.write(self._rope, b"!")

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, PATIENCE) if self._lead or self._ready else timeout)
        left = []
        with self._lock:
            if self._lead is not None and self._lead.stuck(time.monotonic()):
                left = self._lead.leave()
                self._lead = None
            if self._lead is None and self._ready and self._working < self.cfg.threads:
                self._lead = _Lead(self._bell)
                self._working += 1
                self.tpool.submit(self._work, self._lead)
        for conn in left:
            self.finish_request(conn, _done(True))

    def murder_pending(self) -> None:
        """Called once a second and more: also ends what has taken too long. Its thread then meets a closed connection."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if deadline < now:
                self._deadlines.pop(conn, None)
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    # -- in a thread that leads -----------------------------------------------------------------------------------------

    def _work(self, lead: _Lead) -> None:
        """Answers what is ready until nothing is, or until another leads."""
        try:
            while (conn := self._next(lead)) is not None:
                self._answer(conn, lead)
        except Exception:
            log.exception("a thread of the worker failed")
        finally:
            with self._lock:
                self._working -= 1
                left = lead.leave()
                if self._lead is lead:
                    self._lead = None
            for conn in left:
                self._give_back(conn, True)
            self.method_queue.defer(lambda: None)  # wakes the main thread, which may have waited for a thread to come free

    def _next(self, lead: _Lead) -> TConn | None:
        came: list[int] = []
        waited = False
        while True:
            with self._lock:
                if self._lead is not lead:
                    return None
                self._ready.extend(lead.take(came))
                if self._ready:
                    lead.since = time.monotonic()
                    return self._ready.popleft()
                if waited or not self.alive:
                    self._lead = None
                    return None
            came = lead.wait()
            waited = True

    def _answer(self, conn: TConn, lead: _Lead) -> None:
        result: Any = False
        try:
            result = self.handle(conn)
        finally:
            now = time.monotonic()
            with self._lock:
                lead.since = None
                mine = result is True and self.alive and self._lead is lead
                idle = lead.idle(now) if mine else []
                if mine and conn.parser.unreader.buf.getvalue():
                    self._ready.append(conn)  # a request has come already, behind the one just answered
                elif mine:
                    lead.watch(conn, now)
            if not mine:
                self._give_back(conn, result)
            for other in idle:
                self._give_back(other, True)

    def _give_back(self, conn: TConn, result: Any) -> None:
        """To the main thread, which waits for the next request or closes."""
        self.method_queue.defer(self.finish_request, conn, _done(result))

    def handle(self, conn: TConn) -> Any:
        self._deadlines[conn] = time.monotonic() + HEAD
        try:
            return super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if req.path == UNBOUNDED:
            self._deadlines.pop(conn, None)
        else:
            self._deadlines[conn] = time.monotonic() + (PRINTING if req.path == PRINTED else WHOLE)
        sock = conn.sock
        conn.sock = _Joined(sock)
        try:
            reusable = super().handle_request(req, conn)
            conn.sock.flush()
            return reusable
        finally:
            conn.sock = sock


class _Joined:
    """A socket that sends the head of an answer together with its body: one system call, and one packet for a small answer."""

    def __init__(self, sock: socket.socket):
        self._sock = sock
        self._head: bytes | None = None
        self._begun = False

    def sendall(self, data: bytes) -> None:
        if not self._begun and _BODY_FOLLOWS in data:
            self._begun, self._head = True, data
            return
        head, self._begun, self._head = self._head, True, None
        self._sock.sendall(head + data if head else data)

    def shutdown(self, how: int) -> None:
        """Also by the main thread, which must not send anything: whoever reads slowly would hold it up."""
        self._sock.shutdown(how)

    def flush(self) -> None:
        """Sends a head that no body has followed."""
        if self._head is not None:
            self.sendall(b"")

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._sock, name)


def _done(result: Any) -> Future[Any]:
    """As gunicorn expects the outcome of a request."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future
