"""The metrics sink: sums up events, and exposes all metrics to Prometheus; docs/metrics.md explains every metric."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from typing import Literal

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import edgeheat
from edgeheat.defs.camera_state import CurrentState, apply_event
from edgeheat.defs.events import CameraStatus, Event, Progress, ReportWritten
from edgeheat.defs.history import HistoryStatus
from edgeheat.sinks.metric_table import METRICS, Histogram, Row
from edgeheat.sinks.metric_totals import PROCESSING_BUCKETS_S, MetricValues, Totals, add_to

_OPENCV_DISTRIBUTIONS = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python-headless")
"""The packages that may provide cv2."""


class MetricsSink(Collector):
    """Sums up the events, and returns the current values at each scrape; thread-safe."""

    name = "metrics"

    def __init__(self, is_open: Callable[[], bool] = lambda: True) -> None:
        """`is_open` returns whether the shop is open; called at each scrape."""
        self._is_open = is_open
        self.registry = CollectorRegistry()
        """Holds all metrics, those of the process included; the web server exposes it."""

        self._lock = threading.Lock()
        self._values = MetricValues(
            (
                edgeheat.__version__,
                _installed_version(*_OPENCV_DISTRIBUTIONS),
                _installed_version("av"),
                platform.python_version(),
            )
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return all metrics of edgeheat as of one instant; called at each scrape."""
        with self._lock:
            self._values.is_open = self._is_open()
            return [_family(row, self._values) for row in METRICS]

    def add_camera(self, name: str, zones: Sequence[str]) -> None:
        """Expose a camera's series before its first event; `zones` are those of its Progress, `all` included."""
        with self._lock:
            self._of(name).add_zones(zones)

    def add_plan(self, name: str) -> None:
        """Expose a floor plan's series before its first event."""
        with self._lock:
            totals = self._of(name)
            totals.state = replace(totals.state, is_plan=True)

    def handle(self, event: Event) -> None:
        """Count the event; a name that was not added is taken as a camera."""
        if isinstance(event, ReportWritten):
            return
        with self._lock:
            totals = self._of(event.camera)
            totals.state = apply_event(totals.state, event)
            match event:
                case Progress():
                    totals.add(event)
                case CameraStatus(state="offline"):
                    add_to(totals.reconnects, {event.reason_code: 1})

    def close(self) -> None:
        """There is nothing to release."""

    def set_mqtt_connected(self, connected: bool) -> None:
        """Record that the broker's connection came up or was lost."""
        with self._lock:
            self._values.mqtt_connected = connected

    def count_dropped_mqtt_message(self) -> None:
        """Count one message that will never reach the broker."""
        with self._lock:
            self._values.mqtt_dropped += 1

    def set_storage_bytes(self, size_bytes: int) -> None:
        """Record the size of edgeheat's files in bytes."""
        with self._lock:
            self._values.storage_bytes = size_bytes

    def set_history(self, status: HistoryStatus) -> None:
        """Record how storing the history goes."""
        with self._lock:
            self._values.history = status

    def count_picture(self, camera: str, outcome: Literal["ok", "failed"]) -> None:
        """Count one picture of a camera or floor plan that was, or could not be, written to the storage directory."""
        with self._lock:
            self._of(camera).renders[outcome] += 1

    def set_checkpoint_time(self, camera: str, wall_s: float) -> None:
        """Record when the camera's heats were saved, Unix time in seconds."""
        with self._lock:
            self._of(camera).checkpoint_wall_s = wall_s

    def count_dropped_events(self, sink: str, count: int) -> None:
        """Count `count` further events that `sink` lost."""
        with self._lock:
            add_to(self._values.dropped_events, {sink: count})

    def _of(self, name: str) -> Totals:
        if name not in self._values.totals:
            self._values.totals[name] = Totals(CurrentState(name))
        return self._values.totals[name]


def _installed_version(*distributions: str) -> str:
    """Return the version of the first installed one, without importing it: the parent process never loads cv2 or av."""
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"


def _family(row: Row, all_values: MetricValues) -> Metric:
    """Return the metric with all its series in the form that prometheus_client encodes."""
    match row.type:
        case "histogram":
            histogram = HistogramMetricFamily(row.name, row.help, labels=row.labels)
            for labels, value in row.read(all_values):
                assert isinstance(value, Histogram)
                histogram.add_metric(labels, _cumulative(value), value.sum_s)
            return histogram
        case "info":
            info = InfoMetricFamily(row.name, row.help, labels=row.labels)
            for labels, _ in row.read(all_values):
                info.add_metric(labels, {})
            return info
        case _:
            kind = CounterMetricFamily if row.type == "counter" else GaugeMetricFamily
            family = kind(row.name, row.help, labels=row.labels)
            for labels, value in row.read(all_values):
                assert not isinstance(value, Histogram)
                family.add_metric(labels, float(value))
            return family


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    """Return upper bound and cumulative count of each bucket, the one without bound last."""
    bounds = (*PROCESSING_BUCKETS_S, float("inf"))
    counts = accumulate(histogram.counts)
    return [(_bound_text(bound), count) for bound, count in zip(bounds, counts, strict=True)]


def _bound_text(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(bound)
