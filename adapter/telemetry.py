"""Logs as JSON lines and metrics for Prometheus."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from adapter.exchange import Exchange, Verdict

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)


class Metrics:
    """The counters and gauges of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.exchanges = Counter(
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
        self.requests = Counter(
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
        self.waiting = Gauge("panjereh_journal_waiting", "Steps waiting for a commit", registry=self.registry)
        self.endpoints = Gauge(
            "panjereh_endpoint_available",
            "1 while an endpoint may be called, 0 while paused or its breaker is open",
            ["tenant", "endpoint"],
            registry=self.registry,
        )

    def settled(self, exchange: Exchange, verdict: Verdict, *, seconds: float) -> None:
        """Count one settled attempt; the duration counts when it is done."""
        labels = (exchange.tenant, exchange.service, exchange.direction.value)
        self.exchanges.labels(*labels, verdict.value).inc()
        if verdict is Verdict.DONE:
            self.duration.labels(*labels).observe(seconds)

    def page(self) -> bytes:
        """The metrics as Prometheus reads them."""
        return generate_latest(self.registry)


def configure_logging(*, level: str = "info", stream: TextIO = sys.stderr) -> None:
    """Afterwards every event is one JSON line on the stream; tracebacks never carry local variables."""
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
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(message)s")
