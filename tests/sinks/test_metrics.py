"""The metrics that Prometheus reads from the metrics sink after events."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from prometheus_client import generate_latest

import edgeheat
from edgeheat.defs.events import CameraHealth, CameraState, CameraStatus, HealthVerdict, HeatImage, Progress, Snapshot
from edgeheat.defs.history import HistoryStatus
from edgeheat.sinks.metric_table import METRICS
from edgeheat.sinks.metrics import MetricsSink
from tests.sinks.events import NOON_S, plan_snapshot
from tests.support.wait import DEADLINE_S

BUCKETS = ("0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1.0", "+Inf")
DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"


def progress(*, last_frame_wall_s: float = 99.5, ratio: float = 0.03) -> Progress:
    return Progress(
        "entrance",
        100.0,
        last_frame_wall_s,
        frames_decoded=15,
        frames_analysed=5,
        frames_skipped=10,
        observed_s=1.0,
        motion_s={"all": 0.6, "till": 0.2},
        cell_seconds={"all": 34.0, "till": 4.0},
        dwell_cell_s={"all": 12.0, "till": 3.0},
        active_s={"all": 0.9, "till": 0.5},
        entries={"all": 1, "till": 2},
        rejected_s={"light": 0.25},
        rejected_cell_s={"shadow": 7.5, "ghost": 2.5},
        masked_ratio=0.04,
        screen_text_ratio=0.03,
        motion_ratio={"all": ratio, "till": 0.01},
        step_s=(0.0005, 0.004, 0.004, 0.3, 2.0),
        frames_late=25,
        frames_damaged=2,
        lag_s=0.75,
        analysis_rate_ratio=0.5,
    )


def status(state: CameraState, code: str = "ok") -> CameraStatus:
    return CameraStatus("entrance", state, "a reason", code, 100.0)


def health(verdict: HealthVerdict) -> CameraHealth:
    return CameraHealth("entrance", verdict, "a reason", 100.0)


def snapshot() -> Snapshot:
    heat = HeatImage("hour", "window", "presence", 3600.0, 900.0, 0.25, 42.0, (), b"", "image/png", (2, 2))
    return Snapshot("entrance", 120.0, (heat,))


@pytest.fixture
def sink() -> MetricsSink:
    sink = MetricsSink()
    sink.add_camera("entrance", ["all", "till"])
    return sink


def value(metrics: MetricsSink, name: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"edgeheat_{name}", labels)


def test_progress_adds_up(sink: MetricsSink) -> None:
    sink.handle(progress())
    sink.handle(progress())
    assert value(sink, "frames_total", camera="entrance", outcome="analysed") == 10
    assert value(sink, "frames_total", camera="entrance", outcome="skipped") == 20
    assert value(sink, "frames_total", camera="entrance", outcome="late") == 50
    assert value(sink, "frames_total", camera="entrance", outcome="damaged") == 4
    assert value(sink, "observed_seconds_total", camera="entrance") == 2.0
    assert value(sink, "motion_seconds_total", camera="entrance", zone="till") == pytest.approx(0.4)
    assert value(sink, "motion_cell_seconds_total", camera="entrance", zone="all") == 68.0
    assert value(sink, "dwell_cell_seconds_total", camera="entrance", zone="till") == 6.0
    assert value(sink, "zone_active_seconds_total", camera="entrance", zone="till") == 1.0
    assert value(sink, "zone_entries_total", camera="entrance", zone="till") == 4
    assert value(sink, "rejected_seconds_total", camera="entrance", reason="light") == 0.5
    assert value(sink, "rejected_seconds_total", camera="entrance", reason="settling") == 0
    assert value(sink, "rejected_cell_seconds_total", camera="entrance", reason="shadow") == 15.0
    assert value(sink, "masked_ratio", camera="entrance") == 0.04
    assert value(sink, "screen_text_ratio", camera="entrance") == 0.03
    assert value(sink, "frame_processing_seconds_count", camera="entrance") == 10
    buckets = {bound: value(sink, "frame_processing_seconds_bucket", camera="entrance", le=bound) for bound in BUCKETS}
    assert buckets == {
        "0.001": 2, "0.002": 2, "0.005": 6, "0.01": 6, "0.02": 6, "0.05": 6, "0.1": 6, "0.2": 6, "0.5": 8, "1.0": 8,
        "+Inf": 10,
    }  # fmt: skip
    assert value(sink, "frame_processing_seconds_sum", camera="entrance") == pytest.approx(4.617)


def test_a_camera_that_answers_while_the_shop_is_closed_is_up_and_one_that_does_not_is_down() -> None:
    door = [True]
    sink = MetricsSink(lambda: door[0])
    sink.handle(CameraStatus("entrance", "online", "", "ok", 100.0))
    assert (value(sink, "open"), value(sink, "camera_up", camera="entrance")) == (1, 1)
    door[0] = False
    sink.handle(CameraStatus("entrance", "closed", "", "closed", 200.0))
    assert (value(sink, "open"), value(sink, "camera_up", camera="entrance")) == (0, 1)
    assert (
        sum(
            value(sink, "stream_reconnects_total", camera="entrance", reason=reason) or 0
            for reason in ("unavailable", "stopped", "closed")
        )
        == 0
    )
    sink.handle(CameraStatus("entrance", "offline", "no answer", "unavailable", 300.0))
    assert (value(sink, "open"), value(sink, "camera_up", camera="entrance")) == (0, 0)


def test_every_counter_of_a_camera_is_zero_before_the_first_event(sink: MetricsSink) -> None:
    text = generate_latest(sink.registry).decode()
    counters = re.findall(r"^# TYPE (edgeheat_\S+) (?:counter|histogram)$", text, re.MULTILINE)
    counters.remove("edgeheat_mqtt_dropped_messages_total")  # the only one without a label
    assert len(counters) == 14
    for counter in counters:
        assert re.search(rf"^{counter}(_count)?{{.*}} 0\.0$", text, re.MULTILINE), counter


def test_the_history_is_that_of_its_last_status(sink: MetricsSink) -> None:
    assert value(sink, "history_tiles_total", outcome="stored") == 0.0
    sink.set_history(
        HistoryStatus(
            *(10, 3, 2, 1, 4),
            size_bytes=5000,
            last_stored_wall_s=99.0,
            problem="disk full",
            damaged="it was set aside",
        )
    )
    outcomes = ("stored", "duplicate", "conflicting", "dropped")
    assert [value(sink, "history_tiles_total", outcome=outcome) for outcome in outcomes] == [10, 3, 2, 1]
    names = ("waiting_tiles", "bytes", "last_stored_timestamp_seconds", "problem", "damaged")
    assert [value(sink, f"history_{name}") for name in names] == [4, 5000, 99, 1, 1]
    sink.set_history(HistoryStatus())
    assert [value(sink, f"history_{name}") for name in ("problem", "damaged")] == [0, 0]


def test_lag_and_analysis_rate_are_those_of_an_online_camera(sink: MetricsSink) -> None:
    assert value(sink, "stream_lag_seconds", camera="entrance") is None
    assert value(sink, "analysis_rate_ratio", camera="entrance") == 1.0
    sink.handle(status("online"))
    sink.handle(progress())
    assert value(sink, "stream_lag_seconds", camera="entrance") == 0.75
    assert value(sink, "analysis_rate_ratio", camera="entrance") == 0.5
    sink.handle(status("offline", "ended"))
    assert value(sink, "stream_lag_seconds", camera="entrance") is None
    assert value(sink, "analysis_rate_ratio", camera="entrance") == 1.0


def test_a_restarted_worker_does_not_reset_the_last_frame(sink: MetricsSink) -> None:
    sink.handle(progress())
    sink.handle(progress(last_frame_wall_s=0.0))
    assert value(sink, "camera_last_frame_timestamp_seconds", camera="entrance") == 99.5


def test_a_camera_is_up_only_while_online(sink: MetricsSink) -> None:
    states: list[CameraState] = ["starting", "online", "offline"]
    seen = []
    for state in states:
        sink.handle(status(state))
        seen.append(value(sink, "camera_up", camera="entrance"))
    assert seen == [0, 1, 0]


def test_each_time_a_camera_goes_offline_is_counted_by_reason(sink: MetricsSink) -> None:
    for code in ("ended", "unavailable", "unavailable"):
        sink.handle(status("offline", code))
        sink.handle(status("starting", "starting"))
    sink.handle(status("offline", "stopped"))
    reasons = {"unavailable": 2, "ended": 1, "stopped": 1, "stalled": 0, "unresponsive": 0, "crashed": 0}
    assert {
        reason: value(sink, "stream_reconnects_total", camera="entrance", reason=reason) for reason in reasons
    } == reasons


def test_the_motion_ratio_is_absent_while_the_camera_is_offline(sink: MetricsSink) -> None:
    sink.handle(status("online"))
    sink.handle(progress(ratio=0.5))
    assert value(sink, "motion_ratio", camera="entrance", zone="all") == 0.5
    sink.handle(status("offline", "stalled"))
    sink.handle(progress(ratio=0.4))  # the last one of the dead worker
    assert value(sink, "motion_ratio", camera="entrance", zone="all") is None
    sink.handle(status("online"))
    sink.handle(progress(ratio=0.2))
    assert value(sink, "motion_ratio", camera="entrance", zone="all") == 0.2


def test_the_motion_ratio_is_absent_while_all_frames_are_rejected(sink: MetricsSink) -> None:
    sink.handle(status("online"))
    sink.handle(progress(ratio=0.5))
    nothing = replace(progress(), observed_s=0.0, rejected_s={}, motion_ratio={})
    sink.handle(nothing)
    assert value(sink, "motion_ratio", camera="entrance", zone="all") == 0.5, "no frame in this second"
    sink.handle(replace(nothing, rejected_s={"unhealthy": 1.0}))
    assert value(sink, "motion_ratio", camera="entrance", zone="all") is None
    sink.handle(progress(ratio=0.2))
    assert value(sink, "motion_ratio", camera="entrance", zone="all") == 0.2
    sink.handle(status("offline", "stalled"))
    assert value(sink, "motion_ratio", camera="entrance", zone="all") is None


def verdicts(sink: MetricsSink) -> dict[str, float]:
    found = {
        sample.labels["verdict"]: sample.value
        for family in sink.registry.collect()
        for sample in family.samples
        if sample.name == "edgeheat_camera_health"
    }
    return {verdict: found[verdict] for verdict in sorted(found, key=found.__getitem__, reverse=True)}


def test_exactly_the_current_verdict_is_one(sink: MetricsSink) -> None:
    sink.handle(status("online"))
    for verdict in ("ok", "moved"):
        sink.handle(health(verdict))
        assert [name for name, value in verdicts(sink).items() if value == 1] == [verdict]
        assert set(verdicts(sink)) == {"ok", "frozen", "dark", "covered", "blurred", "moved"}


def test_the_verdict_is_absent_while_the_camera_is_offline(sink: MetricsSink) -> None:
    assert verdicts(sink) == {}
    sink.handle(status("online"))
    sink.handle(health("dark"))
    sink.handle(status("offline", "stalled"))
    assert verdicts(sink) == {}
    sink.handle(status("starting", "starting"))
    sink.handle(status("offline", "unavailable"))
    sink.handle(status("online"))
    sink.handle(health("ok"))
    assert next(iter(verdicts(sink).items())) == ("ok", 1)


def test_a_snapshot_sets_its_instant_and_coverage(sink: MetricsSink) -> None:
    sink.handle(snapshot())
    assert value(sink, "heatmap_last_success_timestamp_seconds", camera="entrance") == 120.0
    assert value(sink, "heat_coverage_ratio", camera="entrance", heat="hour") == 0.25


def test_pictures_storage_broker_and_dropped_events_are_counted(sink: MetricsSink) -> None:
    sink.count_picture("entrance", "ok")
    sink.count_picture("entrance", "failed")
    sink.set_storage_bytes(123_456)
    sink.set_checkpoint_time("entrance", 90.0)
    sink.set_mqtt_connected(True)
    sink.count_dropped_mqtt_message()
    sink.count_dropped_events("mqtt", 3)
    assert value(sink, "heatmap_renders_total", camera="entrance", outcome="failed") == 1
    assert value(sink, "storage_bytes") == 123_456
    assert value(sink, "checkpoint_last_success_timestamp_seconds", camera="entrance") == 90.0
    assert value(sink, "mqtt_connected") == 1
    assert value(sink, "mqtt_dropped_messages_total") == 1
    assert value(sink, "sink_dropped_events_total", sink="mqtt") == 3


def test_a_floor_plan_has_its_own_metrics_and_is_not_a_camera() -> None:
    metrics = MetricsSink()
    metrics.add_plan("floor")
    assert value(metrics, "plan_up", plan="floor") == 0
    assert value(metrics, "plan_seen_ratio", plan="floor") is None
    assert value(metrics, "heatmap_renders_total", camera="floor", outcome="failed") == 0
    metrics.handle(replace(status("online"), camera="floor"))
    metrics.handle(plan_snapshot())
    assert value(metrics, "plan_up", plan="floor") == 1
    assert value(metrics, "plan_seen_ratio", plan="floor") == pytest.approx(0.97828)
    assert value(metrics, "heat_coverage_ratio", camera="floor", heat="hour") == pytest.approx(0.99)
    assert value(metrics, "heatmap_last_success_timestamp_seconds", camera="floor") == NOON_S
    assert value(metrics, "camera_up", camera="floor") is None
    metrics.handle(replace(status("offline", "crashed"), camera="floor"))
    assert value(metrics, "plan_up", plan="floor") == 0
    assert value(metrics, "stream_reconnects_total", camera="floor", reason="crashed") is None


class Guarded:
    """Stands in for the sink's values; fails if one is read or written while the sink's lock is free."""

    def __init__(self, sink: MetricsSink) -> None:
        object.__setattr__(self, "_sink", sink)
        object.__setattr__(self, "_values", sink._values)

    def __getattr__(self, name: str) -> object:
        assert self._sink._lock.locked(), f"{name} is read without the lock"
        return getattr(self._values, name)

    def __setattr__(self, name: str, value: object) -> None:
        assert self._sink._lock.locked(), f"{name} is written without the lock"
        setattr(self._values, name, value)


@pytest.mark.parametrize(
    "call",
    [
        lambda sink: generate_latest(sink.registry),
        lambda sink: sink.handle(progress()),
        lambda sink: sink.add_camera("till", ["all"]),
        lambda sink: sink.add_plan("floor"),
        lambda sink: sink.set_mqtt_connected(True),
        lambda sink: sink.count_dropped_mqtt_message(),
        lambda sink: sink.set_storage_bytes(1),
        lambda sink: sink.set_history(HistoryStatus(stored=1)),
        lambda sink: sink.count_picture("entrance", "ok"),
        lambda sink: sink.set_checkpoint_time("entrance", 1.0),
        lambda sink: sink.count_dropped_events("disk", 1),
    ],
    ids=["collect", "handle", "add camera", "add plan", "mqtt", "dropped message", "storage", "history", "picture",
         "checkpoint", "dropped events"],
)  # fmt: skip
def test_every_access_to_the_values_holds_the_lock(sink: MetricsSink, call: Callable[[MetricsSink], object]) -> None:
    sink._values = Guarded(sink)  # type: ignore[assignment]
    call(sink)


def test_events_before_the_registration_of_a_camera_or_plan_are_kept() -> None:
    metrics = MetricsSink()
    metrics.handle(progress())
    metrics.add_camera("entrance", ["all", "till", "shelf"])
    assert value(metrics, "observed_seconds_total", camera="entrance") == 1.0
    assert value(metrics, "motion_cell_seconds_total", camera="entrance", zone="till") == 4.0
    assert value(metrics, "motion_cell_seconds_total", camera="entrance", zone="shelf") == 0
    metrics.count_picture("floor", "ok")
    metrics.handle(replace(status("online"), camera="floor"))
    metrics.add_plan("floor")
    assert value(metrics, "heatmap_renders_total", camera="floor", outcome="ok") == 1
    assert value(metrics, "plan_up", plan="floor") == 1
    assert value(metrics, "camera_up", camera="floor") is None


def test_events_and_scrapes_from_several_threads_lose_nothing() -> None:
    sink = MetricsSink()
    done = threading.Event()
    scraped: list[float] = []

    def feed(camera: str) -> None:
        for _ in range(300):
            sink.handle(replace(progress(), camera=camera))
            sink.count_picture("shared", "ok")

    def scrape() -> None:
        while not done.is_set():
            generate_latest(sink.registry)
            scraped.append(value(sink, "heatmap_renders_total", camera="shared", outcome="ok") or 0.0)

    scraper = threading.Thread(target=scrape)
    feeders = [threading.Thread(target=feed, args=(f"camera-{number}",)) for number in range(4)]
    scraper.start()
    for feeder in feeders:
        feeder.start()
    for feeder in feeders:
        feeder.join()
    done.set()
    scraper.join()
    assert scraped == sorted(scraped), "a counter never decreases"
    assert value(sink, "heatmap_renders_total", camera="shared", outcome="ok") == 1200
    for number in range(4):
        assert value(sink, "frames_total", camera=f"camera-{number}", outcome="analysed") == 1500


def test_build_info_names_the_installed_versions(sink: MetricsSink) -> None:
    labels = next(
        sample.labels for family in sink.registry.collect() for sample in family.samples if "build" in sample.name
    )
    assert labels["version"] == edgeheat.__version__
    assert labels["av"] == version("av")
    assert labels["opencv"] == version("opencv-contrib-python")
    assert labels["python"] == ".".join(str(part) for part in sys.version_info[:3])


def test_the_parents_memory_and_start_time_are_exposed(sink: MetricsSink) -> None:
    assert (sink.registry.get_sample_value("process_resident_memory_bytes") or 0) > 1e6
    assert (sink.registry.get_sample_value("process_start_time_seconds") or 0) > 1e9


def exposition(sink: MetricsSink) -> bytes:
    sink.handle(status("online"))
    sink.handle(health("moved"))
    sink.handle(progress())
    sink.handle(snapshot())
    return generate_latest(sink.registry)


@pytest.mark.real("promtool")
def test_promtool_finds_no_problem(sink: MetricsSink) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition(sink), capture_output=True, check=False, timeout=DEADLINE_S
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_eight_cameras_online_with_five_heats_stay_within_650_series() -> None:
    sink = MetricsSink()
    zones = ["all", "till", "door", "aisle"]
    for number in range(8):
        camera = f"camera-{number}"
        sink.add_camera(camera, zones)
        sink.handle(replace(status("online"), camera=camera))
        sink.handle(replace(health("ok"), camera=camera))
        sink.handle(replace(progress(), camera=camera, motion_ratio=dict.fromkeys(zones, 0.1)))
        heats = tuple(replace(snapshot().heats[0], heat=f"heat-{heat}") for heat in range(5))
        sink.handle(replace(snapshot(), camera=camera, heats=heats))
    series = [line for line in generate_latest(sink.registry).splitlines() if not line.startswith(b"#")]
    assert len(series) < 650
    assert not any(b"_created" in line for line in series)


def test_the_docs_list_exactly_the_metrics_that_exist(sink: MetricsSink) -> None:
    exposed = set(re.findall(r"^# TYPE (\S+)", exposition(sink).decode(), re.MULTILINE))
    documented = re.findall(r"^\| `([a-z_]+)`", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(documented) == sorted(exposed)


def test_the_docs_explain_each_metric_in_the_words_of_its_help() -> None:
    rows = re.findall(r"^\| `(edgeheat_[a-z_]+)` \|.*\| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    documented = dict(rows)
    for metric in METRICS:
        if metric.type != "info":  # a gauge in Prometheus's text format
            first_clause = re.split(r"[:;,.]", metric.help)[0]
            assert documented[metric.name].startswith(first_clause), metric.name


def test_it_does_not_load_numpy_cv2_or_av_into_the_parent() -> None:
    program = (
        "import sys, edgeheat.sinks.metrics, edgeheat.web.app, edgeheat.web.server;"
        "sys.exit(bool({'numpy', 'cv2', 'av'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
