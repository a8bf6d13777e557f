"""A gunicorn worker that no slow client can occupy for long.

Gunicorn gives a thread to each new connection and waits for whatever its client sends, and there are few threads. Here a
connection costs a thread only once something has come; head and body must then come within bounds, or the connection ends.
A batch may take as long as its caller keeps sending and reading.
"""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

FIRST_BYTE, HEAD, WHOLE = 10.0, 5.0, 20.0  # seconds: until something comes, for the head, for body and answer
UNBOUNDED = "/v1/decisions/batch"


class Worker(ThreadWorker):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._deadlines: dict[TConn, float] = {}

    def enqueue_req(self, conn: TConn) -> None:
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + FIRST_BYTE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

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
            self._deadlines[conn] = time.monotonic() + WHOLE
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called once a second: also ends what has taken too long. Its thread then meets a closed connection."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self._deadlines.items()):
            if deadline < now:
                self._deadlines.pop(conn, None)
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
