"""The table of all Prometheus metrics of edgeheat: how each is exposed, and how it is read from the totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from edgeheat.defs.events import HealthVerdict
from edgeheat.sinks.metric_totals import MetricValues, Totals


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram's value: frames by bucket, not cumulative, and the sum of their times in seconds."""

    counts: Sequence[int]
    sum_s: float


_Samples = Iterable[tuple[tuple[str, ...], float | Histogram]]
"""Label values and value of each series."""

_Read = Callable[[MetricValues], _Samples]
"""Reads all series of one metric."""


def _cameras(all_values: MetricValues) -> Iterator[Totals]:
    return (totals for totals in all_values.totals.values() if not totals.state.is_plan)


def _plans(all_values: MetricValues) -> Iterator[Totals]:
    return (totals for totals in all_values.totals.values() if totals.state.is_plan)


def _cameras_and_plans(all_values: MetricValues) -> Iterable[Totals]:
    return all_values.totals.values()


def _each(
    select: Callable[[MetricValues], Iterable[Totals]], value: Callable[[Totals], float | Histogram | None]
) -> _Read:
    """Read one series for each selected camera or plan; None: it has none now."""

    def read(all_values: MetricValues) -> _Samples:
        for totals in select(all_values):
            if (current := value(totals)) is not None:
                yield (totals.state.name,), current

    return read


def _each_by(
    select: Callable[[MetricValues], Iterable[Totals]], values: Callable[[Totals], Mapping[str, float]]
) -> _Read:
    """Read one series for each selected camera or plan and each key of its mapping."""

    def read(all_values: MetricValues) -> _Samples:
        for totals in select(all_values):
            for key, current in values(totals).items():
                yield (totals.state.name, key), current

    return read


def _single(value: Callable[[MetricValues], float]) -> _Read:
    """Read the one series of a metric without labels."""
    return lambda all_values: (((), value(all_values)),)


def _history_tiles(all_values: MetricValues) -> _Samples:
    history = all_values.history
    yield ("stored",), history.stored
    yield ("duplicate",), history.duplicates
    yield ("conflicting",), history.conflicts
    yield ("dropped",), history.dropped


def _verdicts(totals: Totals) -> Mapping[str, float]:
    if totals.state.health is None:
        return {}
    return {verdict: verdict == totals.state.health for verdict in get_args(HealthVerdict)}


@dataclass(frozen=True, slots=True)
class Row:
    """One metric: how it is exposed, and how its series are read from MetricValues."""

    name: str
    help: str
    type: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    read: _Read


METRICS = (
    Row(
        "edgeheat_open",
        "1 while the shop is open by its opening hours, else 0.",
        "gauge",
        (),
        _single(lambda all_values: all_values.is_open),
    ),
    Row(
        "edgeheat_camera_up",
        "1 while the camera is online, or answers while the shop is closed, else 0.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.state in ("online", "closed")),
    ),
    Row(
        "edgeheat_camera_last_frame_timestamp_seconds",
        "Unix time of the camera's last decoded frame; 0 before the first.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.last_frame_wall_s),
    ),
    Row(
        "edgeheat_frames_total",
        "Received frames: analysed, skipped because of analysis_fps, late because newer ones were waiting, or damaged.",
        "counter",
        ("camera", "outcome"),
        _each_by(_cameras, lambda camera: camera.frames),
    ),
    Row(
        "edgeheat_stream_lag_seconds",
        "By how much the camera's latest frame was read too late; absent while offline or without usable timestamps.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.lag_s),
    ),
    Row(
        "edgeheat_analysis_rate_ratio",
        "The rate of analysis as a fraction of the configured one, below 1 while the machine is short of CPU time.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.analysis_rate_ratio),
    ),
    Row(
        "edgeheat_stream_reconnects_total",
        "How often the camera went offline or a retry failed, by reason.",
        "counter",
        ("camera", "reason"),
        _each_by(_cameras, lambda camera: camera.reconnects),
    ),
    Row(
        "edgeheat_frame_processing_seconds",
        "Processing time of one analysed frame in the pipeline, without decoding.",
        "histogram",
        ("camera",),
        _each(_cameras, lambda camera: Histogram(camera.processing, camera.processing_s)),
    ),
    Row(
        "edgeheat_observed_seconds_total",
        "Time in which the camera was observed, without gaps between frames.",
        "counter",
        ("camera",),
        _each(_cameras, lambda camera: camera.observed_s),
    ),
    Row(
        "edgeheat_motion_seconds_total",
        "Time in which anything in the zone moved; the zone `all` is the whole picture.",
        "counter",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.motion_s),
    ),
    Row(
        "edgeheat_motion_cell_seconds_total",
        "Seconds of movement summed over the zone's cells; the zone `all` is the whole picture.",
        "counter",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.cell_seconds),
    ),
    Row(
        "edgeheat_dwell_cell_seconds_total",
        "Seconds of staying summed over the zone's cells; the zone `all` is the whole picture.",
        "counter",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.dwell_cell_s),
    ),
    Row(
        "edgeheat_zone_active_seconds_total",
        "Time in which the zone was occupied, by people moving or staying; the zone `all` is the whole picture.",
        "counter",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.active_s),
    ),
    Row(
        "edgeheat_zone_entries_total",
        "How often the zone became active; the zone `all` is the whole picture.",
        "counter",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.entries),
    ),
    Row(
        "edgeheat_motion_ratio",
        "Share of the zone's cells in motion in the last second, 0 to 1; absent while offline or not counting.",
        "gauge",
        ("camera", "zone"),
        _each_by(_cameras, lambda camera: camera.state.motion_ratio),
    ),
    Row(
        "edgeheat_rejected_seconds_total",
        "Time of whole frames that were neither counted nor observed, by reason.",
        "counter",
        ("camera", "reason"),
        _each_by(_cameras, lambda camera: camera.rejected_s),
    ),
    Row(
        "edgeheat_rejected_cell_seconds_total",
        "Seconds summed over cells that differed from the background model and were not counted, by reason.",
        "counter",
        ("camera", "reason"),
        _each_by(_cameras, lambda camera: camera.rejected_cell_s),
    ),
    Row(
        "edgeheat_masked_ratio",
        "Share of the picture's cells that the flicker mask excludes now, 0 to 1.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.masked_ratio),
    ),
    Row(
        "edgeheat_screen_text_ratio",
        "Share of the picture's cells in which the camera writes its clock, 0 to 1.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.state.screen_text_ratio),
    ),
    Row(
        "edgeheat_camera_health",
        "1 for the current verdict on the camera's picture, else 0; absent while the camera is not online.",
        "gauge",
        ("camera", "verdict"),
        _each_by(_cameras, _verdicts),
    ),
    Row(
        "edgeheat_heatmap_renders_total",
        "Heat-map pictures drawn, by whether they could be written to the storage directory.",
        "counter",
        ("camera", "outcome"),
        _each_by(_cameras_and_plans, lambda drawn: drawn.renders),
    ),
    Row(
        "edgeheat_heatmap_last_success_timestamp_seconds",
        "Unix time of the last drawn heat maps of the camera or floor plan; 0 before the first.",
        "gauge",
        ("camera",),
        _each(_cameras_and_plans, lambda drawn: drawn.state.last_snapshot_wall_s),
    ),
    Row(
        "edgeheat_heat_coverage_ratio",
        "Share of the heat's period in which the camera or floor plan was observed, 0 to 1, as of its last picture.",
        "gauge",
        ("camera", "heat"),
        _each_by(_cameras_and_plans, lambda drawn: drawn.state.coverage),
    ),
    Row(
        "edgeheat_plan_up",
        "1 while the floor plan can be drawn, else 0.",
        "gauge",
        ("plan",),
        _each(_plans, lambda plan: plan.state.state == "online"),
    ),
    Row(
        "edgeheat_plan_seen_ratio",
        "Share of the floor plan that at least one camera sees, 0 to 1, as of its last picture.",
        "gauge",
        ("plan",),
        _each(_plans, lambda plan: plan.state.plan.seen_ratio if plan.state.plan is not None else None),
    ),
    Row(
        "edgeheat_build",
        "Versions of edgeheat, OpenCV, PyAV and Python.",
        "info",
        ("version", "opencv", "av", "python"),
        lambda all_values: ((all_values.build, 1.0),),
    ),
    Row(
        "edgeheat_mqtt_connected",
        "1 while connected to the MQTT broker; 0 otherwise and if MQTT is not configured.",
        "gauge",
        (),
        _single(lambda all_values: all_values.mqtt_connected),
    ),
    Row(
        "edgeheat_mqtt_dropped_messages_total",
        "Messages dropped: too large for the broker, rejected by it, or too many topics.",
        "counter",
        (),
        _single(lambda all_values: all_values.mqtt_dropped),
    ),
    Row(
        "edgeheat_storage_bytes",
        "Size of edgeheat's files in the storage directory.",
        "gauge",
        (),
        _single(lambda all_values: all_values.storage_bytes),
    ),
    Row(
        "edgeheat_checkpoint_last_success_timestamp_seconds",
        "Unix time at which the camera's heats were last saved to the storage directory; 0 before the first.",
        "gauge",
        ("camera",),
        _each(_cameras, lambda camera: camera.checkpoint_wall_s),
    ),
    Row(
        "edgeheat_history_tiles_total",
        "Five minutes of one camera for the history, by what became of them.",
        "counter",
        ("outcome",),
        _history_tiles,
    ),
    Row(
        "edgeheat_history_waiting_tiles",
        "Five minutes of one camera that are in memory only; more than the number of cameras if they cannot be stored.",
        "gauge",
        (),
        _single(lambda all_values: all_values.history.waiting),
    ),
    Row(
        "edgeheat_history_problem",
        "1 while the history cannot be stored, else 0.",
        "gauge",
        (),
        _single(lambda all_values: all_values.history.problem is not None),
    ),
    Row(
        "edgeheat_history_damaged",
        "1 if earlier history was damaged and was set aside since edgeheat started, else 0.",
        "gauge",
        (),
        _single(lambda all_values: all_values.history.damaged is not None),
    ),
    Row(
        "edgeheat_history_bytes",
        "Size of the history file.",
        "gauge",
        (),
        _single(lambda all_values: all_values.history.size_bytes),
    ),
    Row(
        "edgeheat_history_last_stored_timestamp_seconds",
        "Unix time at which the history was last stored; 0 before the first time.",
        "gauge",
        (),
        _single(lambda all_values: all_values.history.last_stored_wall_s),
    ),
    Row(
        "edgeheat_sink_dropped_events_total",
        "Events that a sink lost because it was too slow or could not accept them.",
        "counter",
        ("sink",),
        lambda all_values: (((sink,), count) for sink, count in all_values.dropped_events.items()),
    ),
)
"""Every metric of edgeheat, in the order in which they are exposed."""
