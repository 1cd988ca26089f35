"""The metrics, counted as plain numbers and collected at a scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from healthpay_core import Code
from healthpay_http.backend import Serving
from healthpay_http.publications import BUCKETS_S, Publications

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_NS: Final = tuple(round(s * 1e9) for s in BUCKETS_S)
_LABELS: Final = (*map(str, BUCKETS_S), "+Inf")
_NO_RELAY: Final = "stays 0 until a relay publishes events from this process"


class CommandMetrics(Collector):
    """Counts command requests; one a request costs well under a microsecond.

    `prometheus_client`'s own counters take a lock each; these are touched by
    one event loop only, and become metrics when somebody looks.
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._total = 0
        self._success = 0
        self._failed: dict[Code, int] = {}
        self._durations = [0] * len(_LABELS)
        self._duration_ns = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self.balances: Mapping[tuple[str, str], int] | None = None

    def finished(self, *, status: int, code: Code | None, duration_ns: int) -> None:
        """Count one answered command request; 202 is neither success nor failure."""
        self._total += 1
        self._durations[bisect_left(_BUCKETS_NS, duration_ns)] += 1
        self._duration_ns += duration_ns
        if code is not None:
            self._failed[code] = self._failed.get(code, 0) + 1
        elif status != 202:
            self._success += 1

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now; called by the registry."""
        yield CounterMetricFamily(
            "healthpay_commands_total",
            "Command requests answered; those answered 202 are neither success "
            "nor failure",
            value=self._total,
        )
        yield CounterMetricFamily(
            "healthpay_commands_success_total",
            "Command requests answered 200 or 201, replays included",
            value=self._success,
        )
        failed = CounterMetricFamily(
            "healthpay_commands_failed_total",
            "Command requests refused, by code of the catalogue",
            labels=("code",),
        )
        for code, count in sorted(self._failed.items()):
            failed.add_metric((code.value,), count)
        yield failed
        yield _histogram(
            "healthpay_command_duration_seconds",
            "From the head of a command request to its answer",
            self._durations,
            self._duration_ns / 1e9,
        )
        yield from self._publishing()
        yield GaugeMetricFamily(
            "healthpay_active_commands",
            "Commands submitted and not yet decided",
            value=self._serving.commands_in_flight,
        )
        yield self._wallet_balance()

    def _publishing(self) -> Iterator[Metric]:
        backend = self._serving.backend
        publications = None if backend is None else backend.publications
        since = "since its start" if publications else _NO_RELAY
        known = publications or Publications()
        counts, total_s = known.durations()
        yield CounterMetricFamily(
            "healthpay_events_published_total",
            f"Events that the bus has acknowledged to this process; {since}",
            value=sum(counts),
        )
        yield _histogram(
            "healthpay_event_publish_duration_seconds",
            f"From the recording of an event to its acknowledgement; {since}",
            counts,
            total_s,
        )
        if publications is not None and publications.lag_s is not None:
            yield GaugeMetricFamily(
                "healthpay_relay_lag_seconds",
                "Age of the oldest stored event that is not published; 0 when all are",
                value=publications.lag_s,
            )

    def _wallet_balance(self) -> Metric:
        family = GaugeMetricFamily(
            "healthpay_wallet_balance",
            "Sum of the wallets' balances in minor units; absent while the store "
            "cannot be read",
            labels=("currency", "status"),
        )
        for (currency, status), total in sorted((self.balances or {}).items()):
            family.add_metric((currency, status), total)
        return family


def _histogram(name: str, text: str, counts: list[int], total_s: float) -> Metric:
    buckets = [
        (le, float(n)) for le, n in zip(_LABELS, accumulate(counts), strict=True)
    ]
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=total_s)
