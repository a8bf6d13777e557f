"""Numbers for Prometheus, of all workers together. No facts and no identifiers: names of facts, ids of law, statuses.

prometheus_client decides when it is first imported whether it counts for one process or for several (PROMETHEUS_MULTIPROC_DIR),
so it is imported when the numbers are made, after the settings are read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .cache import Finished

STAGES = ("total", "validate", "answer")
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
# Paths are told as resources: what a caller makes up must not become a label.
_RESOURCES = (
    "/v1/decisions/batch",
    "/v1/decisions",
    "/v1/comparisons",
    "/v1/receipts/verify",
    "/v1/receipts",
    "/v1/",
    "/law",
    "/readyz",
    "/livez",
    "/metrics",
)
_METHODS = frozenset({"GET", "HEAD", "POST", "QUERY", "OPTIONS"})


class Metrics:
    """Everything counted. Shapes: `several` whether other processes count too."""

    def __init__(self, several: bool):
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.several = several
        self.registry = registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Any:
            return Counter(f"passport_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, *labels: str) -> Any:
            return Gauge(f"passport_{name}", about, labels, registry=registry, multiprocess_mode="livemax")

        self.requests = counter("http_requests", "Requests answered.", "path", "method", "status")
        self.decisions = counter("decisions", "Decisions given, kept ones too.", "host", "status")
        self.missing = counter("missing_facts", "Facts that a computed decision lacked.", "fact")
        self.cache = counter("cache", "Where decisions were found.", "how")
        self.rate_limited = counter("rate_limited", "Requests refused because there were too many.")
        self.reloads = counter("reloads", "Attempts to load other law.", "result")
        self.breaker = gauge("redis_breaker_open", "1 while Redis is left alone.")
        self.rulebook = gauge("rulebook_info", "1 for each rulebook held.", "host", "version", "digest")
        self.overdue = gauge("review_overdue", "Provisions whose review is overdue.", "host")
        self.log_lost = counter("log_lines_lost", "Log lines that could not be written.")
        self.shadow = counter("shadow", "Decisions compared with the shadow rulebook.", "result")
        stages = Histogram("passport_request_seconds", "Seconds by stage.", ("stage",), buckets=BUCKETS, registry=registry)
        self.seconds = {stage: stages.labels(stage) for stage in STAGES}
        self._bound: dict[tuple[str, ...], Any] = {}

    def request(self, path: str, method: str, status: int, seconds: float) -> None:
        resource = next((found for found in _RESOURCES if path.startswith(found)), "/")
        self._of(self.requests, resource, method if method in _METHODS else "other", str(status)).inc()
        self.seconds["total"].observe(seconds)

    def decided(self, rows: Sequence[tuple[Finished, str]]) -> None:
        """Decisions given, and where each was found; what is the same is counted once for all of them."""
        alike: dict[tuple[str, str, str, tuple[str, ...]], int] = {}
        for found, how in rows:
            key = found.host, found.status, how, () if how.startswith("hit") else found.missing
            alike[key] = alike.get(key, 0) + 1
        for (host, status, how, missing), count in alike.items():
            self._of(self.decisions, host, status).inc(count)
            self._of(self.cache, how).inc(count)
            for fact in missing:
                self._of(self.missing, fact).inc(count)

    def _of(self, counter: Any, *labels: str) -> Any:
        """A counter of some labels, looked up once."""
        key = (counter._name, *labels)
        found = self._bound.get(key)
        if found is None:
            found = self._bound[key] = counter.labels(*labels)
        return found

    def text(self, before: Callable[[Metrics], None]) -> tuple[bytes, str]:
        """(body, media type) for a scraper; `before` sets what is looked at only now."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        before(self)
        registry = self.registry
        if self.several:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry), CONTENT_TYPE_LATEST


def forget(pid: int) -> None:
    """A worker has ended: its gauges end with it."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)
