"""Callers who ask without pause over connections that they keep, and note every answer that is not the expected one."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .patience import PATIENCE, until

HEADERS = {"Content-Type": "application/json"}


@dataclass
class Load:
    """Shapes: `questions` (body, expected answer, or None for any); `wrong` what came instead; `seconds` of each request, with when it began."""

    address: str
    questions: Sequence[tuple[bytes, bytes | None]]
    callers: int = 4
    path: str = "/v1/decisions"
    pause: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    seconds: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(self.callers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        place = urlsplit(self.address).netloc
        connection = http.client.HTTPConnection(place, timeout=PATIENCE)
        while not self._stop.is_set():
            body, expected = self.questions[number % len(self.questions)]
            number += self.callers
            began = time.perf_counter()
            try:
                connection.request("POST", self.path, body, HEADERS | self.headers)
                response = connection.getresponse()
                found = response.read()
                if response.status != 200 or (expected is not None and found != expected):
                    self.wrong.append(f"{response.status} {found[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                connection.close()
            self.seconds.append((began, time.perf_counter() - began))
            if self.pause:
                time.sleep(self.pause)
        connection.close()

    def goes_on(self, count: int = 40) -> None:
        """Waits until so many more answers have come."""
        before = len(self.seconds)
        until(lambda: len(self.seconds) >= before + count, "callers get no answers any more")

    def slowest(self, since: float = 0.0) -> float:
        return max((took for began, took in self.seconds if began >= since), default=0.0)
