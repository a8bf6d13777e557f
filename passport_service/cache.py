"""Finished decisions, kept: in the memory of the process, and in Redis for every replica.

A decision is a pure function of what its address covers, so an entry can be absent and never stale. Whatever is not
there, or does not open under our seal, is a miss; nothing that we did not seal is ever parsed. Failures are not kept.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from cachetools import TLRUCache

from .recall import Memo
from .seal import Sealer
from .store import Store

log = logging.getLogger("passport.cache")
LONGEST = 7 * 86400  # seconds that an entry is kept at most
_NEVER_ASKED: tuple[str, dt.datetime | None, float] = "", None, 0.0
_PREFIX = "passport:2:"  # the number changes with what an entry holds


@dataclass(frozen=True)
class Finished:
    """A decision as it is sent. Shapes: `body` canonical bytes; `expires` the moment from which the answer may be another, or None;
    `kept_sha256` the digest of the body where it is known already."""

    id: str
    detail: str
    body: bytes
    expires: dt.datetime | None = None
    version: str | None = None
    digest: str | None = None
    kept_sha256: str = field(default="", compare=False)
    host: str = ""
    status: str = ""
    missing: tuple[str, ...] = ()  # names of the missing facts, while it is known: they are not kept beyond this process

    @property
    def name(self) -> str:
        return name_of(self.id, self.detail)

    @cached_property
    def sha256(self) -> str:
        """The body's, as Repr-Digest (RFC 9530) has it. Worked out when somebody asks: a line of a batch needs none."""
        return self.kept_sha256 or base64.b64encode(hashlib.sha256(self.body).digest()).decode()

    def seconds(self, now: dt.datetime, longest: int = LONGEST) -> int:
        """How long the answer may be kept from now on; 0 when it may not."""
        if self.expires is None:
            return longest
        return max(0, min(longest, int((self.expires - now).total_seconds())))

    def pack(self) -> bytes:
        about = [self.expires.isoformat() if self.expires else None, self.version, self.digest, self.sha256, self.host, self.status]
        return orjson.dumps(about) + b"\n" + self.body


def name_of(id_: str, detail: str) -> str:
    return f"{_PREFIX}{id_}:{detail}"


def day_begins(day: dt.date | None, timezone: str) -> dt.datetime | None:
    """The first moment of a day somewhere."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(timezone)) if day else None


def _unpack(id_: str, detail: str, payload: bytes) -> Finished:
    about, _, body = payload.partition(b"\n")
    expires, *rest = orjson.loads(about)
    return Finished(id_, detail, body, dt.datetime.fromisoformat(expires) if expires else None, *rest)


class Cache:
    """Two levels. Shapes: `how` is hit-memory, hit-redis, miss, or miss-away while Redis cannot be asked. Units: `size` bytes of answers kept in memory."""

    def __init__(self, sealer: Sealer, store: Store | None = None, size: int = 64 * 1024 * 1024):
        self._sealer, self.store = sealer, store
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._clock = _Clock()
        self._memory: TLRUCache[str, Finished] = TLRUCache(size, _time_to_use, self._clock, lambda kept: len(kept.body) + 1024)
        # What callers sent, byte for byte, and the name of its answer: many ways of asking share one answer.
        self._asked = Memo(size // 4096)
        self._flights: dict[str, threading.Event] = {}

    # -- reading ---------------------------------------------------------------------------------------------------------

    def recall(self, name: str, now: dt.datetime) -> Finished | None:
        """From memory alone."""
        with self._lock:
            self._clock.at = max(self._clock.at, now.timestamp())
            return self._memory.get(name)

    def recall_asked(self, key: Any, now: dt.datetime) -> Finished | None:
        """From memory alone, the answer to what was sent in just these bytes. Shapes: `key` whatever covers all of it."""
        at = now.timestamp()
        with self._lock:
            name, expires, ends = self._asked.get(key, _NEVER_ASKED)
            self._clock.at = max(self._clock.at, at)
            kept = self._memory.get(name) if at < ends else None
        if kept is None or kept.expires is expires:
            return kept
        return replace(kept, expires=expires, kept_sha256=kept.sha256)

    def find(self, id_: str, detail: str, now: dt.datetime) -> tuple[Finished | None, str]:
        """A decision from either level, and how it was found."""
        kept = self.recall(name_of(id_, detail), now)
        if kept is not None:
            self.counts["hit-memory"] += 1
            return kept, "hit-memory"
        return self._fetch([(id_, detail)], now)[0]

    def find_all(self, wanted: Sequence[tuple[str, str]], now: dt.datetime) -> list[tuple[Finished | None, str]]:
        """Many at once, with at most one round trip to Redis."""
        found = [(self.recall(name_of(*one), now), "hit-memory") for one in wanted]
        lacking = [number for number, (kept, _) in enumerate(found) if kept is None]
        self.counts["hit-memory"] += len(wanted) - len(lacking)
        fetched = self._fetch([wanted[number] for number in lacking], now) if lacking else ()
        for number, row in zip(lacking, fetched, strict=True):
            found[number] = row
        return found

    def _fetch(self, wanted: Sequence[tuple[str, str]], now: dt.datetime) -> list[tuple[Finished | None, str]]:
        if self.store is None or not self.store.wait(0):
            how = "miss" if self.store is None else "miss-away"
            self.counts[how] += len(wanted)
            return [(None, how)] * len(wanted)
        rows = []
        for (id_, detail), sealed in zip(wanted, self.store.get([name_of(*one) for one in wanted]), strict=True):
            kept = None if sealed is None else self._open(id_, detail, sealed)
            how = "miss" if kept is None else "hit-redis"
            self.counts[how] += 1
            if kept is not None:
                self.remember(kept, now)
            rows.append((kept, how))
        return rows

    def _open(self, id_: str, detail: str, sealed: bytes) -> Finished | None:
        payload = self._sealer.open(name_of(id_, detail), sealed)
        if payload is None:
            self.counts["bad-seal"] += 1
            log.warning("an entry in Redis does not bear our seal and was not used")
            return None
        return _unpack(id_, detail, payload)

    # -- writing ---------------------------------------------------------------------------------------------------------

    def remember(self, finished: Finished, now: dt.datetime) -> None:
        """In memory alone."""
        with self._lock:
            self._clock.at = max(self._clock.at, now.timestamp())
            if finished.seconds(now) > 0 and len(finished.body) < self._memory.maxsize // 4:
                self._memory[finished.name] = finished

    def remember_asked(self, key: Any, finished: Finished, now: dt.datetime) -> None:
        """That this is the answer to what was sent in just these bytes, until `finished` expires."""
        if finished.seconds(now) > 0 and self._asked.most:
            with self._lock:
                self._asked.keep(key, (finished.name, finished.expires, now.timestamp() + finished.seconds(now)))

    def keep(self, finished: Finished, now: dt.datetime) -> None:
        """In both levels, for as long as the answer holds."""
        self.remember(finished, now)
        seconds = finished.seconds(now)
        if self.store is not None and seconds > 0:
            self.store.put(finished.name, lambda: self._sealer.seal(finished.name, finished.pack()), seconds)

    def through(self, id_: str, detail: str, now: dt.datetime, compute: Callable[[], Finished]) -> tuple[Finished, str]:
        """A decision, computed at most once at a time in this process. `compute` keeps what it makes, and nothing when it raises."""
        kept, how = self.find(id_, detail, now)
        if kept is not None:
            return kept, how
        name = name_of(id_, detail)
        with self._lock:
            landed = self._flights.get(name)
            mine = landed is None
            if mine:
                landed = self._flights[name] = threading.Event()
        if not mine:
            landed.wait()
            kept = self.recall(name, now)
            if kept is not None:
                self.counts["shared"] += 1
                return kept, "hit-memory"
            return compute(), how  # the other failed, or its answer may not be kept
        try:
            return compute(), how
        finally:
            with self._lock:
                del self._flights[name]
            landed.set()

    def as_json(self) -> dict[str, Any]:
        """How it is doing, for people and metrics."""
        found: dict[str, Any] = {"memory": {"entries": len(self._memory), "bytes": int(self._memory.currsize)}, "redis": None}
        if self.store is not None:
            found["redis"] = {"address": self.store.address, "breaker": "closed" if self.store.up else "open"}
        return found


class _Clock:
    """The time as callers state it, so that nothing here reads a clock; it never runs backwards."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def _time_to_use(_key: Any, kept: Finished, now: float) -> float:
    return kept.expires.timestamp() if kept.expires else now + LONGEST
