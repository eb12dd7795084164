"""The metrics sink: turns events into Prometheus figures; every name is explained in docs/metrics.md."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

import edgeheat
from edgeheat.defs.events import (
    CameraHealth,
    CameraStatus,
    CellRejection,
    Event,
    FrameRejection,
    HealthVerdict,
    Progress,
    Snapshot,
)

_OFFLINE_REASONS = ("unavailable", "ended", "stalled", "crashed", "stopped")
_FRAME_REJECTIONS: tuple[FrameRejection, ...] = get_args(FrameRejection)
_CELL_REJECTIONS: tuple[CellRejection, ...] = get_args(CellRejection)
_VERDICTS: tuple[HealthVerdict, ...] = get_args(HealthVerdict)
_QUEUED_SINKS = ("disk", "mqtt")
_PROCESSING_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_OPENCV_DISTRIBUTIONS = ("opencv-contrib-python", "opencv-contrib-python-headless", "opencv-python-headless")


def _installed_version(*distributions: str) -> str:
    """Return the version of the first that is installed, without importing it: cv2 and av stay out of the parent."""
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"


class MetricsSink:
    """Keeps the figures in `registry`, which the web server exposes; safe to call from several threads."""

    name = "metrics"

    def __init__(self) -> None:
        # Without this every counter and histogram is followed by a `_created` series, which doubles their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._ratio_zones: dict[str, set[str]] = {}  # by camera, only those that are online
        self._judged: set[str] = set()  # cameras with a verdict
        self._plans: set[str] = set()
        ProcessCollector(registry=self.registry)
        self._define_camera_metrics()
        self._define_zone_metrics()
        self._define_judging_metrics()
        self._define_picture_metrics()
        self._define_daemon_metrics()

    def _define_camera_metrics(self) -> None:
        registry = self.registry
        self._up = Gauge("edgeheat_camera_up", "1 while the camera is online, else 0.", ["camera"], registry=registry)
        self._last_frame = Gauge(
            "edgeheat_camera_last_frame_timestamp_seconds",
            "Unix time of the camera's last decoded frame, 0 before the first.",
            ["camera"],
            registry=registry,
        )
        self._frames = Counter(
            "edgeheat_frames",
            "Decoded frames: analysed, or skipped because analysis_fps did not need them.",
            ["camera", "outcome"],
            registry=registry,
        )
        self._reconnects = Counter(
            "edgeheat_stream_reconnects",
            "How often the camera went offline, and is being retried since, by reason.",
            ["camera", "reason"],
            registry=registry,
        )
        self._processing = Histogram(
            "edgeheat_frame_processing_seconds",
            "Time that one analysed frame took in the pipeline, decoding not counted.",
            ["camera"],
            buckets=_PROCESSING_BUCKETS_S,
            registry=registry,
        )
        self._observed = Counter(
            "edgeheat_observed_seconds",
            "Time in which the camera was really seen; gaps between frames are left out.",
            ["camera"],
            registry=registry,
        )

    def _define_zone_metrics(self) -> None:
        registry = self.registry
        self._motion = Counter(
            "edgeheat_motion_seconds",
            "Time in which anything in the zone moved; the zone `all` is the whole picture.",
            ["camera", "zone"],
            registry=registry,
        )
        self._cell_motion = Counter(
            "edgeheat_motion_cell_seconds",
            "Seconds of movement summed over the cells of the zone; the zone `all` is the whole picture.",
            ["camera", "zone"],
            registry=registry,
        )
        self._cell_dwell = Counter(
            "edgeheat_dwell_cell_seconds",
            "Seconds of staying summed over the cells of the zone; the zone `all` is the whole picture.",
            ["camera", "zone"],
            registry=registry,
        )
        self._active = Counter(
            "edgeheat_zone_active_seconds",
            "Time in which somebody was in the zone; the zone `all` is the whole picture.",
            ["camera", "zone"],
            registry=registry,
        )
        self._entries = Counter(
            "edgeheat_zone_entries",
            "How often the empty zone became active; the zone `all` is the whole picture.",
            ["camera", "zone"],
            registry=registry,
        )
        self._ratio = Gauge(
            "edgeheat_motion_ratio",
            "Share of the zone's cells in motion in the last second, 0 to 1; absent while not online or not counted.",
            ["camera", "zone"],
            registry=registry,
        )

    def _define_judging_metrics(self) -> None:
        registry = self.registry
        self._rejected = Counter(
            "edgeheat_rejected_seconds",
            "Time of whole frames that was not counted, nor observed, by reason.",
            ["camera", "reason"],
            registry=registry,
        )
        self._cell_rejected = Counter(
            "edgeheat_rejected_cell_seconds",
            "Seconds summed over cells that differed from the empty scene and were not counted, by reason.",
            ["camera", "reason"],
            registry=registry,
        )
        self._masked = Gauge(
            "edgeheat_masked_ratio",
            "Share of the picture's cells that the flicker mask leaves out now, 0 to 1.",
            ["camera"],
            registry=registry,
        )
        self._health = Gauge(
            "edgeheat_camera_health",
            "1 for the present verdict on the camera's picture, else 0; absent while the camera is not online.",
            ["camera", "verdict"],
            registry=registry,
        )

    def _define_picture_metrics(self) -> None:
        registry = self.registry
        self._renders = Counter(
            "edgeheat_heatmap_renders",
            "Heat-map pictures drawn, by whether they could be written to the storage directory.",
            ["camera", "outcome"],
            registry=registry,
        )
        self._last_success = Gauge(
            "edgeheat_heatmap_last_success_timestamp_seconds",
            "Unix time of the camera's or floor plan's last drawn heat maps, 0 before the first.",
            ["camera"],
            registry=registry,
        )
        self._coverage = Gauge(
            "edgeheat_heat_coverage_ratio",
            "Share of the heat's period in which camera or floor plan was really seen, 0 to 1, as of the last picture.",
            ["camera", "heat"],
            registry=registry,
        )

        self._plan_up = Gauge(
            "edgeheat_plan_up", "1 while the floor plan can be drawn, else 0.", ["plan"], registry=registry
        )
        self._plan_seen = Gauge(
            "edgeheat_plan_seen_ratio",
            "Share of the floor plan that some camera sees, 0 to 1, as of its last picture.",
            ["plan"],
            registry=registry,
        )

    def _define_daemon_metrics(self) -> None:
        registry = self.registry
        Info("edgeheat_build", "Versions of edgeheat and of what it stands on.", registry=registry).info(
            {
                "version": edgeheat.__version__,
                "opencv": _installed_version(*_OPENCV_DISTRIBUTIONS),
                "av": _installed_version("av"),
                "python": platform.python_version(),
            }
        )
        self._mqtt = Gauge(
            "edgeheat_mqtt_connected",
            "1 while connected to the MQTT broker, 0 otherwise and where MQTT is not set up.",
            registry=registry,
        )
        self._mqtt_dropped = Counter(
            "edgeheat_mqtt_dropped_messages",
            "Messages that were given up: too large for the broker, refused by it, or of too many topics.",
            registry=registry,
        )
        self._storage = Gauge(
            "edgeheat_storage_bytes", "Size of edgeheat's files in the storage directory.", registry=registry
        )
        self._checkpoint = Gauge(
            "edgeheat_checkpoint_last_success_timestamp_seconds",
            "Unix time at which the camera's heats were last saved to the storage directory, 0 before the first.",
            ["camera"],
            registry=registry,
        )
        self._dropped = Counter(
            "edgeheat_sink_dropped_events",
            "Events that a sink lost because it was too slow or could not take them.",
            ["sink"],
            registry=registry,
        )
        for sink in _QUEUED_SINKS:
            self._dropped.labels(sink)

    def add_camera(self, name: str, zones: Sequence[str]) -> None:
        """Show a camera's counters at 0 before anything is counted, so that rate() sees the first increase.

        `zones` are the zones that Progress will speak of, `all` among them.
        """
        self._up.labels(name)
        self._last_frame.labels(name)
        self._processing.labels(name)
        self._observed.labels(name)
        self._last_success.labels(name)
        self._checkpoint.labels(name)
        for outcome in ("analysed", "skipped"):
            self._frames.labels(name, outcome)
        for outcome in ("ok", "failed"):
            self._renders.labels(name, outcome)
        for reason in _OFFLINE_REASONS:
            self._reconnects.labels(name, reason)
        for zone in zones:
            for of_zone in (self._motion, self._cell_motion, self._cell_dwell, self._active, self._entries):
                of_zone.labels(name, zone)
        for frame_reason in _FRAME_REJECTIONS:
            self._rejected.labels(name, frame_reason)
        for cell_reason in _CELL_REJECTIONS:
            self._cell_rejected.labels(name, cell_reason)
        self._masked.labels(name)

    def add_plan(self, name: str) -> None:
        """Show a floor plan's figures before its first picture; `camera` is its name where a picture is counted."""
        self._plans.add(name)
        self._plan_up.labels(name)
        self._last_success.labels(name)
        for outcome in ("ok", "failed"):
            self._renders.labels(name, outcome)

    def handle(self, event: Event) -> None:
        """Count the event."""
        match event:
            case Progress():
                self._count_progress(event)
            case CameraStatus() if event.camera in self._plans:
                self._plan_up.labels(event.camera).set(event.state == "online")
            case CameraStatus():
                self._note_status(event)
            case CameraHealth():
                self._judged.add(event.camera)
                for verdict in _VERDICTS:
                    self._health.labels(event.camera, verdict).set(verdict == event.verdict)
            case Snapshot():
                self._last_success.labels(event.camera).set(event.wall_s)
                for heat in event.heats:
                    self._coverage.labels(event.camera, heat.heat).set(heat.coverage)
                if event.plan is not None:
                    self._plan_seen.labels(event.camera).set(event.plan.seen_ratio)

    def close(self) -> None:
        """Nothing is held that must be given back."""

    def mqtt_connected(self, up: bool) -> None:
        """Note that the broker's connection came or went."""
        self._mqtt.set(up)

    def mqtt_message_dropped(self) -> None:
        """Count one message that will never reach the broker."""
        self._mqtt_dropped.inc()

    def storage_bytes(self, n: int) -> None:
        """Note how many bytes edgeheat's files take."""
        self._storage.set(n)

    def picture_written(self, camera: str, outcome: Literal["ok", "failed"]) -> None:
        """Count one picture that was, or could not be, written to the storage directory."""
        self._renders.labels(camera, outcome).inc()

    def checkpoint_written(self, camera: str, wall_s: float) -> None:
        """Note when the camera's heats were saved, in Unix time."""
        self._checkpoint.labels(camera).set(wall_s)

    def sink_dropped(self, sink: str, n: int) -> None:
        """Count `n` further events that `sink` lost."""
        self._dropped.labels(sink).inc(n)

    def _count_progress(self, progress: Progress) -> None:
        camera = progress.camera
        # A restarted worker reports 0 before its first frame; the camera's own last frame stays known.
        if progress.last_frame_wall_s > 0:
            self._last_frame.labels(camera).set(progress.last_frame_wall_s)
        self._frames.labels(camera, "analysed").inc(progress.frames_analysed)
        self._frames.labels(camera, "skipped").inc(progress.frames_skipped)
        self._observed.labels(camera).inc(progress.observed_s)
        processing = self._processing.labels(camera)
        for step_s in progress.step_s:
            processing.observe(step_s)
        for counter, by_label in (
            (self._motion, progress.motion_s),
            (self._cell_motion, progress.cell_seconds),
            (self._cell_dwell, progress.dwell_cell_s),
            (self._active, progress.active_s),
            (self._entries, progress.entries),
            (self._rejected, progress.rejected_s),
            (self._cell_rejected, progress.rejected_cell_s),
        ):
            for label, amount in by_label.items():
                counter.labels(camera, label).inc(amount)
        self._masked.labels(camera).set(progress.masked_ratio)
        # The last progress of a dead worker may come after its camera went offline.
        if (zones := self._ratio_zones.get(camera)) is not None:
            if progress.only_rejected:
                self._forget_ratios(camera, zones)
            for zone, ratio in progress.motion_ratio.items():
                zones.add(zone)
                self._ratio.labels(camera, zone).set(ratio)

    def _note_status(self, status: CameraStatus) -> None:
        self._up.labels(status.camera).set(status.state == "online")
        if status.state == "offline":
            self._reconnects.labels(status.camera, status.reason_code).inc()
        if status.state == "online":
            self._ratio_zones.setdefault(status.camera, set())
        else:
            # What is wrong with a picture that nobody sees is not known.
            if status.camera in self._judged:
                self._judged.remove(status.camera)
                for verdict in _VERDICTS:
                    self._health.remove(status.camera, verdict)
            self._forget_ratios(status.camera, self._ratio_zones.pop(status.camera, set()))

    def _forget_ratios(self, camera: str, zones: set[str]) -> None:
        # A share of 0 would claim that the shop was seen and empty, the last one that people still walk in it.
        while zones:
            self._ratio.remove(camera, zones.pop())
