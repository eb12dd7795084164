"""Creates the daemon's parts from the configuration: sinks, page, checkpoints, floor plans and supervised cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from edgeheat.config import Config
from edgeheat.daemon.backups import Backups
from edgeheat.daemon.camera_events import CameraEvents
from edgeheat.daemon.checkpoint_writer import CheckpointWriter, load_backups
from edgeheat.daemon.first_picture import FirstPicture
from edgeheat.daemon.hub import Hub
from edgeheat.daemon.messages import PlanSpec, WorkerSpec
from edgeheat.daemon.periodic_save import PeriodicSave
from edgeheat.daemon.plan_heats import PlanHeats
from edgeheat.daemon.plan_renderer import PlanRenderer
from edgeheat.daemon.resets import Resets
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.snapshot_scheduler import SnapshotScheduler
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import TakeSnapshot
from edgeheat.defs.events import ALL, Event
from edgeheat.sinks.base import Sink
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.sinks.mqtt import MqttSink, TopicRegistry, topics_of
from edgeheat.store.camera_state import CameraBackup
from edgeheat.web.app import create_app
from edgeheat.web.latest_state import LatestState
from edgeheat.web.server import WebServer


def make_metrics(config: Config) -> MetricsSink:
    """Return the metrics with every series of the configuration, so that a camera that never came online shows too."""
    metrics = MetricsSink()
    for camera in config.camera:
        metrics.add_camera(camera.name, [ALL, *(zone.name for zone in camera.zone if zone.kind == "zone")])
    for plan in config.plan:
        metrics.add_plan(plan.name)
    return metrics


def make_latest_state(config: Config) -> LatestState:
    """Return what the status page shows: every camera and plan, without any events yet."""
    cameras, plans = [camera.name for camera in config.camera], [plan.name for plan in config.plan]
    return LatestState(cameras, config.site.name, config.timezone, plans)


def make_hub(config: Config, metrics: MetricsSink, latest: LatestState, clock: Clock) -> Hub:
    """Return the hub with all its sinks, whose threads run already."""

    def report_problem(sink: str, problem: str | None) -> None:
        if sink == "disk":
            latest.storage_problem("pictures", problem)

    queued = _queued_sinks(config, metrics, latest, clock)
    return Hub([metrics, latest], queued, metrics.sink_dropped, report_problem)


def _queued_sinks(config: Config, metrics: MetricsSink, latest: LatestState, clock: Clock) -> Sequence[Sink]:
    """Return the sinks that may block: disk, and MQTT where it is enabled."""
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
            jitter=Random().random,  # noqa: S311 jitter, not a secret
            monotonic=clock.monotonic,
        )
        sinks.append(mqtt)
    return sinks


def make_web_server(
    config: Config, metrics: MetricsSink, latest: LatestState, clock: Clock, ready: Callable[[], bool]
) -> WebServer | None:
    """Return the server of the status page and the metrics; None where it is disabled. `ready` answers /readyz."""
    if not config.web.enabled:
        return None
    page = create_app(latest, metrics.registry, ready=ready, wall=clock.wall, hosts=config.web.hosts)
    return WebServer(page, config.web.host, config.web.port)


def make_checkpoint_writer(config: Config, clock: Clock, metrics: MetricsSink, latest: LatestState) -> CheckpointWriter:
    """Return the writer of the cameras' checkpoints; its thread runs already."""
    return CheckpointWriter(
        config.storage_path / "state",
        clock,
        on_written=lambda camera: metrics.checkpoint_written(camera, clock.wall()),
        on_problem=lambda problem: latest.storage_problem("heats", problem),
    )


def make_plan_renderer(config: Config, clock: Clock, hub: Hub) -> PlanRenderer:
    """Return the renderer of the floor plans, not started."""
    return PlanRenderer(
        [PlanSpec(params, plan.image) for plan, params in zip(config.plan, config.plan_params(), strict=True)],
        limits=restart_limits(config),
        clock=clock,
        emit=hub.publish,
        random=Random(),  # noqa: S311 jitter, not a secret
    )


def worker_specs(config: Config) -> list[WorkerSpec]:
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
            params=camera.pipeline_params(timezone),
            backup=CameraBackup(),
            shift_s=0.0,
            plan_heats=tuple(plan_heats.get(camera.name, ())),
        )
        for camera in config.camera
    ]


def restart_limits(config: Config) -> RestartLimits:
    """Return the time limits of the `[supervision]` table."""
    settings = config.supervision
    return RestartLimits(
        stall_timeout_s=settings.stall_timeout_s,
        backoff_first_s=settings.backoff_first_s,
        backoff_max_s=settings.backoff_max_s,
        reset_after_s=settings.reset_after_s,
    )


def make_supervisor(
    config: Config, clock: Clock, hub: Hub, checkpoints: CheckpointWriter, plans: PlanRenderer
) -> tuple[Supervisor, Resets]:
    """Return the supervisor of all cameras, which continue with their checkpoints, and where resets are requested."""
    return supervise(
        worker_specs(config),
        saved=load_backups(config.storage_path / "state", [camera.name for camera in config.camera], clock),
        limits=restart_limits(config),
        save_every_s=config.storage.checkpoint_every_s,
        clock=clock,
        emit=hub.publish,
        on_saved=checkpoints.write,
        on_plan_heats=plans.add_heats,
        random=Random(),  # noqa: S311 jitter, not a secret
    )


def supervise(
    specs: Sequence[WorkerSpec],
    *,
    saved: Mapping[str, tuple[CameraBackup, float]],
    limits: RestartLimits,
    save_every_s: float,
    clock: Clock,
    emit: Callable[[Event], None],
    on_saved: Callable[[str, CameraBackup], None],
    on_plan_heats: Callable[[str, bytes], None],
    random: Random,
) -> tuple[Supervisor, Resets]:
    """Return a supervisor with all its listeners, and the one of them that takes reset requests.

    `saved` has by camera the heats of earlier runs and the shift of their times in seconds. `emit` gets every event,
    `on_saved` each backup that is to be written, and `on_plan_heats` the heats for the floor plans; all are called in
    the supervisor's thread.
    """
    backups = Backups(specs, saved, on_saved)
    cameras = [spec.camera for spec in specs]
    supervisor = Supervisor(cameras, backups.spec_of, limits=limits, clock=clock, random=random)
    resets = Resets(supervisor.send)
    supervisor.subscribe(
        backups,
        CameraEvents(emit, clock),
        PlanHeats(on_plan_heats),
        PeriodicSave(supervisor.send, save_every_s, clock),
        FirstPicture(supervisor.send, [name for name, (backup, _) in saved.items() if backup.saved is not None]),
        resets,
    )
    return supervisor, resets


def make_snapshot_scheduler(
    config: Config, clock: Clock, supervisor: Supervisor, latest: LatestState
) -> SnapshotScheduler:
    """Return the scheduler that requests the cameras' snapshots, not started."""
    return SnapshotScheduler(
        config.schedule.next_instant(config.timezone),
        [camera.name for camera in config.camera],
        clock,
        take=lambda camera: supervisor.send(camera, TakeSnapshot()),
        on_next=latest.picture_due,
    )
