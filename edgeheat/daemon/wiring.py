"""Creates and connects the daemon's objects from the configuration: sinks, page, checkpoints, plans, supervisor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from edgeheat.config import Config
from edgeheat.daemon.backup_keeper import BackupKeeper
from edgeheat.daemon.camera_event_publisher import CameraEventPublisher
from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.checkpoint_writer import CheckpointWriter, load_backups
from edgeheat.daemon.closing_snapshot_requester import ClosingSnapshotRequester
from edgeheat.daemon.first_snapshot_requester import FirstSnapshotRequester
from edgeheat.daemon.history_wiring import History
from edgeheat.daemon.hub import Hub
from edgeheat.daemon.messages import PlanSpec, WorkerSpec
from edgeheat.daemon.opening_watch import OpeningWatch
from edgeheat.daemon.plan_heat_forwarder import PlanHeatForwarder
from edgeheat.daemon.plan_renderer import PlanRenderer
from edgeheat.daemon.reset_dispatcher import ResetDispatcher
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.snapshot_scheduler import SnapshotScheduler
from edgeheat.daemon.state_save_requester import StateSaveRequester
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Command, TakeSnapshot
from edgeheat.defs.events import ALL, Event
from edgeheat.sinks.base import Sink
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.sinks.mqtt import MqttSink, TopicRegistry, topics_of
from edgeheat.store.camera_backup import CameraBackup
from edgeheat.web.app import create_app
from edgeheat.web.latest_state import LatestState
from edgeheat.web.server import WebServer

_SAVE_STATE_EVERY_S = 300.0
"""How often the parent gets each camera's complete state, in memory: it holds what was counted since then besides."""


def make_opening_watch(config: Config, clock: Clock) -> OpeningWatch:
    """Return what says whether the shop is open."""
    return OpeningWatch(config.hours.opening_hours(), config.timezone, clock)


def make_metrics(config: Config, opening: OpeningWatch) -> MetricsSink:
    """Return the metrics with every series of the configuration, so that a camera that never came online shows too."""
    metrics = MetricsSink(opening.is_open)
    for camera in config.camera:
        metrics.add_camera(camera.name, [ALL, *(zone.name for zone in camera.zone if zone.kind == "zone")])
    for plan in config.plan:
        metrics.add_plan(plan.name)
    return metrics


def make_latest_state(config: Config) -> LatestState:
    """Return the state that the status page shows: every camera and plan, without any events yet."""
    cameras, plans = [camera.name for camera in config.camera], [plan.name for plan in config.plan]
    return LatestState(cameras, config.site.name, config.timezone, plans, config.hours.opening_hours())


def make_hub(config: Config, metrics: MetricsSink, latest_state: LatestState, clock: Clock) -> Hub:
    """Return the hub with all its sinks, whose threads run already."""

    def report_problem(sink: str, problem: str | None) -> None:
        if sink == "disk":
            latest_state.set_storage_problem("pictures", problem)

    queued = _make_queued_sinks(config, metrics, latest_state, clock)
    return Hub([metrics, latest_state], queued, metrics.count_dropped_events, report_problem)


def _make_queued_sinks(config: Config, metrics: MetricsSink, latest_state: LatestState, clock: Clock) -> Sequence[Sink]:
    """Return the sinks that may block: disk, and MQTT where it is enabled."""
    sinks: list[Sink] = [
        DiskSink(
            config.storage_path,
            timezone=config.timezone,
            keep_s=config.storage.keep_s,
            max_bytes=config.storage.max_size_bytes,
            free_floor_bytes=config.storage.free_floor_bytes,
            every_s=config.pictures_every_s,
            on_written=metrics.count_picture,
            on_bytes=metrics.set_storage_bytes,
        )
    ]
    if config.mqtt.enabled:

        def set_connected(up: bool) -> None:
            metrics.set_mqtt_connected(up)
            latest_state.set_mqtt_connected(up)

        settings = config.mqtt.broker_params(config.site.name)
        heats = {camera.name: list(camera.heats) for camera in config.camera}
        heats |= {plan.name: [heat.name for heat in plan.heats] for plan in config.plan_params()}
        mqtt = MqttSink(
            settings,
            registry=TopicRegistry(config.storage_path / "state" / "mqtt-topics.json", topics_of(settings, heats)),
            on_connected=set_connected,
            on_dropped=metrics.count_dropped_mqtt_message,
            jitter=Random().random,  # noqa: S311 jitter, not a secret
            monotonic=clock.monotonic,
        )
        sinks.append(mqtt)
    return sinks


def make_web_server(
    config: Config, metrics: MetricsSink, latest_state: LatestState, clock: Clock, ready: Callable[[], bool]
) -> WebServer | None:
    """Return the server of the status page and the metrics; None where it is disabled. `ready` answers /readyz."""
    if not config.web.enabled:
        return None
    app = create_app(latest_state, metrics.registry, ready=ready, wall=clock.wall, hosts=config.web.hosts)
    return WebServer(app, config.web.host, config.web.port)


def make_checkpoint_writer(
    config: Config, clock: Clock, metrics: MetricsSink, latest_state: LatestState, history: History
) -> CheckpointWriter:
    """Return the writer of the cameras' checkpoints; its thread runs already."""
    return CheckpointWriter(
        config.storage_path / "state",
        clock,
        on_written=lambda camera: metrics.set_checkpoint_time(camera, clock.wall()),
        on_problem=lambda problem: latest_state.set_storage_problem("heats", problem),
        # A state does not hold the tiles that were closed before it: after a power cut they would be lost.
        before_write=history.flush,
    )


def make_plan_renderer(config: Config, clock: Clock, hub: Hub) -> PlanRenderer:
    """Return the renderer of the floor plans, not started."""
    return PlanRenderer(
        [PlanSpec(params, plan.image) for plan, params in zip(config.plan, config.plan_params(), strict=True)],
        limits=make_restart_limits(config),
        clock=clock,
        publish=hub.publish,
        random=Random(),  # noqa: S311 jitter, not a secret
    )


def make_worker_specs(config: Config) -> list[WorkerSpec]:
    """Return what each camera's worker is started with, without heats of earlier runs."""
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
            # Below the stall timeout: a source that times out reports what is wrong, a killed process cannot.
            timeout_s=0.8 * config.supervision.stall_timeout_s,
            params=replace(camera.pipeline_params(timezone), hours=config.hours.opening_hours()),
            backup=CameraBackup(),
            shift_s=0.0,
            plan_heats=tuple(plan_heats.get(camera.name, ())),
        )
        for camera in config.camera
    ]


def make_restart_limits(config: Config) -> RestartLimits:
    """Return the time limits of the `[supervision]` table."""
    settings, default = config.supervision, RestartLimits()
    return RestartLimits(
        stall_timeout_s=settings.stall_timeout_s,
        # A longer wait for a camera is set on slow machines, whose processes get longer too.
        silent_timeout_s=max(default.silent_timeout_s, settings.stall_timeout_s),
        busy_timeout_s=max(default.busy_timeout_s, settings.stall_timeout_s),
        backoff_first_s=settings.backoff_first_s,
        backoff_max_s=settings.backoff_max_s,
        reset_after_s=settings.reset_after_s,
    )


def make_supervisor(
    config: Config,
    clock: Clock,
    hub: Hub,
    history: History,
    *,
    opening: OpeningWatch,
    checkpoints: CheckpointWriter,
    plans: PlanRenderer,
) -> tuple[Supervisor, ResetDispatcher]:
    """Return the supervisor of all cameras, which continue with their checkpoints, and where resets are requested."""
    saved = load_backups(config.storage_path / "state", [camera.name for camera in config.camera], clock)
    history.add_recent_tiles(saved)
    supervisor, resets = make_supervisor_from_specs(
        [history.spec(spec) for spec in make_worker_specs(config)],
        saved=saved,
        limits=make_restart_limits(config),
        # Tiles without a date cannot complete an older checkpoint.
        write_every_s=lambda: config.checkpoint_every_s if history.is_dated else _SAVE_STATE_EVERY_S,
        clock=clock,
        publish=hub.publish,
        on_saved=checkpoints.write,
        on_plan_heats=plans.add_heats,
        random=Random(),  # noqa: S311 jitter, not a secret
        cameras_needed=opening.cameras_needed,
        first_listeners=history.listeners(),
    )
    if config.hours.outside == "count":
        cameras = [camera.name for camera in config.camera]
        supervisor.subscribe(ClosingSnapshotRequester(supervisor.send, cameras, opening.is_open))
    return supervisor, resets


def make_supervisor_from_specs(
    specs: Sequence[WorkerSpec],
    *,
    saved: Mapping[str, tuple[CameraBackup, float]],
    limits: RestartLimits,
    write_every_s: Callable[[], float],
    clock: Clock,
    publish: Callable[[Event], None],
    on_saved: Callable[[str, CameraBackup], None],
    on_plan_heats: Callable[[str, bytes], None],
    random: Random,
    cameras_needed: Callable[[], bool] = lambda: True,
    first_listeners: Sequence[CameraListener] = (),
) -> tuple[Supervisor, ResetDispatcher]:
    """Return a supervisor with all its listeners, and the one of them that takes reset requests.

    `saved` has by camera the heats of earlier runs and the shift of their times in seconds. `publish` gets every event,
    `on_saved` each backup that is to be written, at most every `write_every_s` for each camera, and `on_plan_heats` the
    heats for the floor plans; all are called in the supervisor's thread. `cameras_needed` returns whether cameras are
    read now. `first_listeners` are called before all others.
    """
    backups = BackupKeeper(specs, saved, on_saved, write_every_s=write_every_s, clock=clock)
    cameras = [spec.camera for spec in specs]
    supervisor = Supervisor(
        cameras, backups.spec_of, limits=limits, clock=clock, random=random, cameras_needed=cameras_needed
    )
    resets = ResetDispatcher(supervisor.send)
    supervisor.subscribe(
        *first_listeners,
        backups,
        CameraEventPublisher(publish, clock),
        PlanHeatForwarder(on_plan_heats),
        StateSaveRequester(supervisor.send, min(write_every_s(), _SAVE_STATE_EVERY_S), clock),
        FirstSnapshotRequester(
            supervisor.send, [name for name, (backup, _) in saved.items() if backup.saved is not None]
        ),
        resets,
    )
    return supervisor, resets


def make_snapshot_scheduler(
    config: Config, clock: Clock, supervisor: Supervisor, latest_state: LatestState, opening: OpeningWatch
) -> SnapshotScheduler:
    """Return the scheduler that requests the cameras' snapshots while the shop is open, not started."""
    return SnapshotScheduler(
        config.schedule.snapshot_schedule(config.timezone),
        [camera.name for camera in config.camera],
        clock,
        request_snapshot=request_when_open(opening, supervisor.send),
        on_scheduled=latest_state.set_next_picture_time,
    )


def request_when_open(opening: OpeningWatch, send: Callable[[str, Command], None]) -> Callable[[str], None]:
    """Return what requests a camera's snapshot, but not while the shop is closed."""

    def request(camera: str) -> None:
        if opening.is_open():
            send(camera, TakeSnapshot())

    return request
