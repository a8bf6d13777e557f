"""Numbers for Prometheus, of all workers together. No facts and no identifiers: names of facts, ids of law, statuses."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from .cache import Finished
from .counts import Counts, Key

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RELOADS = ("loaded", "refused")
COMPARED = ("same", "different", "failed", "passed_over")
# What a caller makes up must not become a label: paths are told as resources, and methods that we do not serve as one.
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
_BREAKER = "redis_breaker_open"
Look = Callable[["Metrics"], None]


class Counter:
    """A number that only grows. Without labels it is there from the start: a rate is taken between two values, so the first step needs a nought before it."""

    def __init__(self, counts: Counts, name: str, about: str, *labels: str):
        self.name, self.about, self.label_names, self._counts = name, about, labels, counts
        if not labels:
            self.inc(amount=0)

    def inc(self, *values: str, amount: float = 1) -> None:
        self._counts.mine.add((self.name, *values), amount)

    def family(self, rows: Mapping[Key, float]) -> Metric:
        found = CounterMetricFamily(f"passport_{self.name}", self.about, labels=self.label_names)
        for key, value in rows.items():
            found.add_metric(key[1:], value)
        return found


class Gauge:
    """How something stands. Shapes: `rows` what a process knows of itself alone; a number that all of them share stands in their counts."""

    def __init__(self, name: str, about: str, *labels: str):
        self.name, self.about, self.label_names = name, about, labels
        self.rows: dict[Key, float] = {}

    def set(self, *values: str, to: float) -> None:
        self.rows[self.name, *values] = to

    def family(self, rows: Mapping[Key, float]) -> Metric:
        found = GaugeMetricFamily(f"passport_{self.name}", self.about, labels=self.label_names)
        for key, value in (self.rows or rows).items():
            found.add_metric(key[1:], value)
        return found


class SharedGauge(Gauge):
    """How something stands in the process for which it stands worst: the largest value of any that lives."""

    def __init__(self, counts: Counts, name: str, about: str):
        super().__init__(name, about)
        self._counts = counts

    def set(self, *values: str, to: float) -> None:
        self._counts.mine.set((self.name, *values), to)


class Histogram:
    """Seconds, by how long they are. In the counts: how many fell into each bucket alone, and their sum."""

    def __init__(self, counts: Counts, name: str, about: str, label: str):
        self.name, self.about, self.label_names, self._counts = name, about, (label,), counts
        self._ends = [*map(str, BUCKETS), "+Inf"]

    def observe(self, value: str, seconds: float) -> None:
        self._counts.mine.add((self.name, value, self._ends[bisect_left(BUCKETS, seconds)]), 1)
        self._counts.mine.add((self.name, value, "sum"), seconds)

    def family(self, rows: Mapping[Key, float]) -> Metric:
        found = HistogramMetricFamily(f"passport_{self.name}", self.about, labels=self.label_names)
        for value in dict.fromkeys(key[1] for key in rows):
            count, buckets = 0.0, []
            for end in self._ends:
                count += rows.get((self.name, value, end), 0.0)
                buckets.append((end, count))
            found.add_metric([value], buckets, rows.get((self.name, value, "sum"), 0.0))
        return found


class Metrics:
    """Everything counted. Units: `timer` counts seconds."""

    def __init__(self, timer: Callable[[], float], processes: int = 1):
        self.timer = timer
        self.counts = counts = Counts(processes, current=[_BREAKER])
        self.requests = Counter(counts, "http_requests", "Requests answered.", "path", "method", "status")
        self.decisions = Counter(counts, "decisions", "Decisions given, kept ones too.", "host", "status")
        self.missing = Counter(counts, "missing_facts", "Facts that a computed decision lacked.", "fact")
        self.cache = Counter(counts, "cache", "Where decisions were found.", "how")
        self.rate_limited = Counter(counts, "rate_limited", "Requests refused because there were too many.")
        self.reloads = Counter(counts, "reloads", "Attempts to load other law.", "result")
        self.log_lost = Counter(counts, "log_lines_lost", "Log lines that could not be written.")
        self.shadow = Counter(counts, "shadow", "Decisions compared with the shadow rulebook.", "result")
        self.seconds = Histogram(counts, "request_seconds", "Seconds by stage.", "stage")
        self.breaker = SharedGauge(counts, _BREAKER, "1 while a worker leaves Redis alone.")
        self.rulebook = Gauge("rulebook_info", "1 for each rulebook held.", "host", "version", "digest")
        self.overdue = Gauge("review_overdue", "Provisions whose review is overdue.", "host")
        self.breaker.set(to=0)
        for counter, values in ((self.reloads, RELOADS), (self.shadow, COMPARED)):
            for value in values:
                counter.inc(value, amount=0)

    @property
    def all(self) -> list[Counter | Gauge | Histogram]:
        return [found for found in vars(self).values() if isinstance(found, Counter | Gauge | Histogram)]

    def request(self, path: str, method: str, status: int, seconds: float) -> None:
        labels = path_label(path), method_label(method)
        self.requests.inc(*labels, "500", amount=0)  # so that the first fault of ours is a step already
        self.requests.inc(*labels, str(status))
        self.seconds.observe("total", seconds)

    def stage(self, name: str) -> Stage:
        """Times what is done under it."""
        return Stage(self, name)

    def decided(self, rows: Sequence[tuple[Finished, str]]) -> None:
        """Decisions given, and where each was found; what is the same is counted once for all of them."""
        alike: dict[tuple[str, str, str, tuple[str, ...]], int] = {}
        for found, how in rows:
            key = found.host, found.status, how, () if how.startswith("hit") else found.missing
            alike[key] = alike.get(key, 0) + 1
        for (host, status, how, missing), count in alike.items():
            self.decisions.inc(host, status, amount=count)
            self.cache.inc(how, amount=count)
            for fact in missing:
                self.missing.inc(fact, amount=count)

    def text(self, look: Look) -> tuple[bytes, str]:
        """(body, media type) for a scraper; `look` sets what is looked at only now."""
        look(self)
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for numbers that it does not count itself."""
        rows: dict[str, dict[Key, float]] = {}
        for key, value in self.counts.total().items():
            rows.setdefault(key[0], {})[key] = value
        return (found.family(rows.get(found.name, {})) for found in self.all)

    def describe(self) -> Iterator[Metric]:
        return (found.family({}) for found in self.all)


def path_label(path: str) -> str:
    return next((found for found in _RESOURCES if path.startswith(found)), "/")


def method_label(method: str) -> str:
    return method if method in _METHODS else "other"


class Stage:
    """Seconds that a part of a request took, if it came to its end."""

    def __init__(self, metrics: Metrics, name: str):
        self._metrics, self._name = metrics, name

    def __enter__(self) -> None:
        self._began = self._metrics.timer()

    def __exit__(self, error: Any, *_: object) -> None:
        if error is None:
            self._metrics.seconds.observe(self._name, self._metrics.timer() - self._began)
