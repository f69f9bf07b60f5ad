"""Logs as JSON lines and metrics for Prometheus."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from adapter.exchange import Exchange, Verdict

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)


MOST_PLACES = 100
"""Places of drift that one contract tells apart: names come from strangers, and each is a log line and a series."""

_log = structlog.get_logger(__name__)


class DriftLog:
    """What came beyond one contract: counted by operation and path, and told once for each. No values are kept."""

    def __init__(self, contract: str = "") -> None:
        self.contract = contract
        self.counts: Counter[tuple[str, str]] = Counter()

    def met(self, operation: str, paths: Iterable[str]) -> None:
        """Count what a message had beyond the contract; a path that was not met before is logged."""
        for path in paths:
            is_told_apart = (operation, path) in self.counts or len(self.counts) < MOST_PLACES
            place = (operation, path) if is_told_apart else ("(others)", "(others)")
            if place not in self.counts:
                _log.warning("contract_drift", contract=self.contract, operation=place[0], path=place[1])
            self.counts[place] += 1


class _Drifts(Collector):
    """The counts of drift as Prometheus asks for them."""

    def __init__(self, logs: Iterable[DriftLog]) -> None:
        self._logs = tuple(logs)

    def collect(self) -> Iterator[Metric]:
        labels = ["contract", "operation", "path"]
        family = CounterMetricFamily("panjereh_contract_drift", "Fields that a contract does not know", labels=labels)
        for log in self._logs:
            for place, times in log.counts.items():
                family.add_metric([log.contract, *place], times)
        yield family


class Metrics:
    """The counters and gauges of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.exchanges = CounterMetric(
            "panjereh_exchanges",
            "Settled attempts by verdict",
            ["tenant", "service", "direction", "verdict"],
            registry=self.registry,
        )
        self.duration = Histogram(
            "panjereh_exchange_duration_seconds",
            "From acceptance to done",
            ["tenant", "service", "direction"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.requests = CounterMetric(
            "panjereh_requests",
            "Calls at our doors by answer",
            ["tenant", "operation", "status"],
            registry=self.registry,
        )
        self.open = Gauge(
            "panjereh_open_exchanges",
            "Exchanges that are not closed, by state",
            ["tenant", "service", "state"],
            registry=self.registry,
        )
        self.overdue = Gauge(
            "panjereh_overdue_cases",
            "Open cases whose promise is broken",
            ["tenant", "service"],
            registry=self.registry,
        )
        self.waiting = Gauge("panjereh_journal_waiting", "Steps waiting for a commit", registry=self.registry)
        self.endpoints = Gauge(
            "panjereh_endpoint_available",
            "1 while an endpoint may be called, 0 while paused or its breaker is open",
            ["tenant", "endpoint"],
            registry=self.registry,
        )

        self.tables_read = Gauge(
            "panjereh_tables_read_timestamp_seconds",
            "When the live tables were read, by their digest",
            ["sha256"],
            registry=self.registry,
        )
        self.tables_faults = Gauge(
            "panjereh_tables_faults", "Faults that the last reading of the tables found", registry=self.registry
        )

    def settled(self, exchange: Exchange, verdict: Verdict, *, seconds: float) -> None:
        """Count one settled attempt; the duration counts when it is done."""
        labels = (exchange.tenant, exchange.service, exchange.direction.value)
        self.exchanges.labels(*labels, verdict.value).inc()
        if verdict is Verdict.DONE:
            self.duration.labels(*labels).observe(seconds)

    def watch(self, drifts: Iterable[DriftLog]) -> None:
        """Afterwards the page tells what came beyond these contracts."""
        self.registry.register(_Drifts(drifts))

    def page(self) -> bytes:
        """The metrics as Prometheus reads them."""
        return generate_latest(self.registry)


def configure_logging(*, level: str = "info", stream: TextIO = sys.stderr, is_final: bool = False) -> None:
    """Afterwards every event is one JSON line on the stream; tracebacks never carry local variables.

    `is_final`: each logger keeps for good what it finds at its first event, which saves the daemon the looking.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=is_final,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(message)s")
