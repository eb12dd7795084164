"""The daemon on one page: what is made, in which order it starts, and in which order it stops."""

from __future__ import annotations

import logging
import os
import queue
import random
import signal
import threading
from collections.abc import Callable, Sequence

from edgeheat.config import Config
from edgeheat.daemon.checkpoint_writer import CheckpointWriter, load_backups
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.folder_lock import lock_folder
from edgeheat.daemon.hub import Hub
from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.memory import spare_memory
from edgeheat.daemon.messages import PlanSpec, WorkerSpec
from edgeheat.daemon.plan_renderer import PlanRenderer
from edgeheat.daemon.requests import FOLDER as REQUESTS
from edgeheat.daemon.requests import Requests
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.snapshot_scheduler import SnapshotScheduler
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.daemon.systemd import Notifier, watchdog_period_s
from edgeheat.defs.events import ALL
from edgeheat.sinks.base import Sink
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.sinks.mqtt import MqttSink, TopicRegistry, topics_of
from edgeheat.store.camera_state import CameraBackup
from edgeheat.web.app import create_app
from edgeheat.web.latest_state import LatestState
from edgeheat.web.server import WebServer

_log = logging.getLogger(__name__)

_TICK_S = 2.0
_LAST_WRITES_S = 1.0
_SUPERVISOR_STOP_S = 4.0
_LAST_PLANS_S = 0.5
"""At the least for the last pictures of the floor plans, which get what the supervisor leaves of its own time."""


def run(config: Config, for_s: float | None = None) -> int:
    """Watch the cameras of `config` until SIGTERM, Ctrl-C or for `for_s` seconds; returns the exit code.

    Raises SinkUnavailable where the page's port or the storage folder is taken: then nothing was started.
    """
    lock_folder(config.storage_path / "state")
    spare_memory()
    set_up_logging(config.log.level)
    stop_asked = _stop_on_signals()
    stopping = threading.Event()
    notifier = Notifier(os.environ.get("NOTIFY_SOCKET"))
    clock = SystemClock()
    cameras = [camera.name for camera in config.camera]

    metrics = _metrics(config)
    latest = LatestState(cameras, config.site.name, config.timezone, [plan.name for plan in config.plan])
    web = _web_server(config, metrics, latest, clock, ready=lambda: not stopping.is_set())
    if web is not None:
        web.start()

    def tell_trouble(sink: str, trouble: str | None) -> None:
        if sink == "disk":
            latest.storage_problem("pictures", trouble)

    hub = Hub([metrics, latest], _queued_sinks(config, metrics, latest, clock), metrics.sink_dropped, tell_trouble)
    checkpoints = _checkpoints(config, clock, metrics, latest)
    plans = _plan_keeper(config, clock, hub)
    supervisor = _supervisor(config, clock, hub, checkpoints, plans)
    snapshots = SnapshotScheduler(
        config.schedule.next_instant(config.timezone), cameras, clock, supervisor.take_snapshot, latest.picture_due
    )
    requests = Requests(config.storage_path / "state" / REQUESTS, supervisor.camera_state, supervisor.reset)
    ended_well = threading.Event()
    supervising = threading.Thread(
        target=_supervise, args=(supervisor, stop_asked, ended_well), name="supervisor", daemon=True
    )

    plans.start()
    supervising.start()
    snapshots.start()
    requests.start(clock)
    _say_where(config, web)
    notifier.ready()
    why = _wait(stop_asked, for_s, clock=clock, supervisor=supervisor, snapshots=snapshots, notifier=notifier)

    _log.info("stopping: %s", why)
    notifier.stopping()
    stopping.set()
    snapshots.stop()
    requests.stop()
    supervisor.stop()
    _join(supervising, plans, clock)
    hub.close(_LAST_WRITES_S)
    checkpoints.close(_LAST_WRITES_S)
    if web is not None:
        web.stop()
    return 0 if ended_well.is_set() else 1


def _metrics(config: Config) -> MetricsSink:
    """Return the metrics with every series that the configuration calls for, so that a silent camera shows too."""
    metrics = MetricsSink()
    for camera in config.camera:
        metrics.add_camera(camera.name, [ALL, *(zone.name for zone in camera.zone if zone.kind == "zone")])
    for plan in config.plan:
        metrics.add_plan(plan.name)
    return metrics


def _stop_on_signals() -> queue.SimpleQueue[str]:
    """Return a queue that every SIGTERM and Ctrl-C (SIGINT) puts its name in.

    Not an Event: its `set`, in a signal's handler, waits for ever for the lock that the interrupted `wait` may hold.
    """
    stop_asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: stop_asked.put(signal.Signals(number).name))
    return stop_asked


def _limits(config: Config) -> RestartLimits:
    patience = config.supervision
    return RestartLimits(
        stall_timeout_s=patience.stall_timeout_s,
        backoff_first_s=patience.backoff_first_s,
        backoff_max_s=patience.backoff_max_s,
        reset_after_s=patience.reset_after_s,
    )


def _web_server(
    config: Config, metrics: MetricsSink, latest: LatestState, clock: SystemClock, ready: Callable[[], bool]
) -> WebServer | None:
    if not config.web.enabled:
        return None
    page = create_app(latest, metrics.registry, ready=ready, wall=clock.wall, hosts=config.web.hosts)
    return WebServer(page, config.web.host, config.web.port)


def _checkpoints(config: Config, clock: SystemClock, metrics: MetricsSink, latest: LatestState) -> CheckpointWriter:
    return CheckpointWriter(
        config.storage_path / "state",
        clock,
        on_written=lambda camera: metrics.checkpoint_written(camera, clock.wall()),
        on_trouble=lambda trouble: latest.storage_problem("heats", trouble),
    )


def _plan_keeper(config: Config, clock: SystemClock, hub: Hub) -> PlanRenderer:
    return PlanRenderer(
        [PlanSpec(params, plan.image) for plan, params in zip(config.plan, config.plan_params(), strict=True)],
        limits=_limits(config),
        clock=clock,
        emit=hub.publish,
        random=random.Random(),  # noqa: S311 jitter, not a secret
    )


def _supervisor(
    config: Config, clock: SystemClock, hub: Hub, checkpoints: CheckpointWriter, plans: PlanRenderer
) -> Supervisor:
    return Supervisor(
        specs=_worker_specs(config),
        backups=load_backups(config.storage_path / "state", [camera.name for camera in config.camera], clock),
        limits=_limits(config),
        save_every_s=config.storage.checkpoint_every_s,
        clock=clock,
        emit=hub.publish,
        on_saved=checkpoints.write,
        random=random.Random(),  # noqa: S311 jitter, not a secret
        on_plan_heats=plans.take,
    )


def _queued_sinks(config: Config, metrics: MetricsSink, latest: LatestState, clock: SystemClock) -> Sequence[Sink]:
    sinks: list[Sink] = [
        DiskSink(
            config.storage_path,
            timezone=config.timezone,
            keep_s=config.storage.keep_s,
            max_bytes=config.storage.max_size_bytes,
            free_floor_bytes=config.storage.free_floor_bytes,
            on_written=metrics.picture_written,
            on_bytes=metrics.storage_bytes,
        )
    ]
    if config.mqtt.enabled:

        def connected(up: bool) -> None:
            metrics.mqtt_connected(up)
            latest.mqtt_connected(up)

        settings = config.mqtt.broker_params(config.site.name)
        heats = {camera.name: list(camera.heats) for camera in config.camera}
        heats |= {plan.name: [heat.name for heat in plan.heats] for plan in config.plan_params()}
        mqtt = MqttSink(
            settings,
            registry=TopicRegistry(config.storage_path / "state" / "mqtt-topics.json", topics_of(settings, heats)),
            on_connected=connected,
            on_dropped=metrics.mqtt_message_dropped,
            jitter=random.random,
            monotonic=clock.monotonic,
        )
        sinks.append(mqtt)
    return sinks


def _worker_specs(config: Config) -> list[WorkerSpec]:
    timezone = config.timezone
    plan_heats: dict[str, dict[str, None]] = {}
    for plan in config.plan_params():
        for view in plan.views:
            plan_heats.setdefault(view.camera, {}).update((heat.name, None) for heat in plan.heats)
    return [
        WorkerSpec(
            camera=camera.name,
            url=camera.source_url(),
            rtsp_transport=camera.rtsp_transport,
            loop=camera.loop,
            fps=camera.fps,
            # A source that gives up first can say what was wrong; the supervisor's kill cannot.
            timeout_s=0.8 * config.supervision.stall_timeout_s,
            params=camera.pipeline_params(timezone),
            backup=CameraBackup(),
            shift_s=0.0,
            plan_heats=tuple(plan_heats.get(camera.name, ())),
        )
        for camera in config.camera
    ]


def _supervise(supervisor: Supervisor, stop_asked: queue.SimpleQueue[str], ended_well: threading.Event) -> None:
    try:
        supervisor.run()
        ended_well.set()
    except Exception:  # noqa: BLE001 the thread's edge: without its supervisor the daemon is of no use
        _log.exception("the supervisor failed; edgeheat ends, so that systemd starts it anew")
    finally:
        stop_asked.put("the supervisor ended")


def _wait(
    stop_asked: queue.SimpleQueue[str],
    for_s: float | None,
    *,
    clock: SystemClock,
    supervisor: Supervisor,
    snapshots: SnapshotScheduler,
    notifier: Notifier,
) -> str:
    """Stay until told to stop, and return why; meanwhile watch the clock, and feed the watchdog for the supervisor."""
    watchdog_s = watchdog_period_s(os.environ)
    ends_s = clock.monotonic() + for_s if for_s is not None else float("inf")
    while True:
        try:
            tick_s = max(0.0, min(_TICK_S, (watchdog_s or 60.0) / 4, ends_s - clock.monotonic()))
            return stop_asked.get(timeout=tick_s)
        except queue.Empty:
            pass
        now_s = clock.monotonic()
        if now_s >= ends_s:
            return f"the {for_s:g} s that it was to run are over"
        snapshots.check_clock()
        if watchdog_s is not None and now_s - supervisor.last_turn_s < watchdog_s / 2:
            notifier.watchdog()


def _join(supervising: threading.Thread, plans: PlanRenderer, clock: SystemClock) -> None:
    """Let the cameras make their last pictures, and then the plans theirs of them."""
    ends_s = clock.monotonic() + _SUPERVISOR_STOP_S
    supervising.join(_SUPERVISOR_STOP_S)
    plans.close(max(_LAST_PLANS_S, ends_s - clock.monotonic()))


def _say_where(config: Config, web: WebServer | None) -> None:
    _log.info("pictures: %s", config.storage_path / "heatmaps")
    if web is not None:
        address = f"http://{config.web.host}:{web.port}"
        _log.info("status page: %s/ - metrics: %s/metrics", address, address)
    if config.mqtt.enabled:
        _log.info("MQTT: %s/%s/# at %s:%d", config.mqtt.prefix, config.site.name, config.mqtt.host, config.mqtt.port)
