"""Runs edgeheat as a daemon: creates all its parts, starts them, waits, and stops them in order."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import queue
import signal
import sys
import threading
from typing import NoReturn

from edgeheat.config import Config
from edgeheat.daemon import wiring
from edgeheat.daemon.folder_lock import lock_folder
from edgeheat.daemon.fork_server import check_libraries, start_fork_server
from edgeheat.daemon.history_wiring import History
from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.malloc import configure_malloc
from edgeheat.daemon.opening_watch import OpeningWatch
from edgeheat.daemon.reset_requests import REQUESTS_FOLDER, ResetRequestWatcher
from edgeheat.daemon.snapshot_scheduler import SnapshotScheduler
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.daemon.systemd import SystemdNotifier, watchdog_period_s
from edgeheat.defs.clock import Clock
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.web.latest_state import LatestState
from edgeheat.web.server import WebServer

_log = logging.getLogger(__name__)

_WATCH_INTERVAL_S = 2.0
"""How often the wall clock is checked for steps, and at least how often the watchdog is fed."""

_LAST_PICTURES_S = 4.0
"""Time from the supervisor's stop by which the last floor plans must be drawn; its own limits end the cameras."""

_LAST_PLANS_S = 0.5
"""How long the floor plans may take at shutdown even if the cameras used up `_LAST_PICTURES_S`: they are drawn last."""

_LAST_WRITES_S = 1.5
"""How long the sinks may take for their queued events at shutdown; then the checkpoint writer has the same, and what
the sinks left of theirs."""

_LAST_TILES_S = 1.5
"""How long the history may take at shutdown for its waiting tiles, and for ending its process."""

_SUPERVISOR_STOP_S = 8.0
"""How long to wait for the supervisor at shutdown: it kills workers within seconds, but starting one may block it.

All times of a shutdown together are shorter than TimeoutStopSec of the systemd unit, after which systemd kills.
"""


def run(config: Config, for_s: float | None = None) -> int:
    """Watch the cameras of `config` until SIGTERM, Ctrl-C or for `for_s` seconds; returns the exit code.

    Raises StartupError if the page's port is in use, if another edgeheat uses the storage folder, or if OpenCV does not
    load; then no camera and no sink was started.
    """
    clock = SystemClock()
    ends_s = clock.monotonic() + for_s if for_s is not None else math.inf
    stop_requests, reload_requests = _stop_on_signals(), _catch_reload_signals()
    lock_folder(config.storage_path / "state")
    start_fork_server()
    configure_malloc()
    set_up_logging(config.log.level)

    opening = wiring.make_opening_watch(config, clock)
    metrics = wiring.make_metrics(config, opening)
    latest_state = wiring.make_latest_state(config)
    ready = threading.Event()
    web = wiring.make_web_server(config, metrics, latest_state, clock, ready=ready.is_set)
    if web is not None:
        web.start()  # before the check, which may take minutes: the page shows that the cameras are starting
    try:
        check_libraries(clock, lambda: not stop_requests.empty())
        if stop_requests.empty():
            _log_addresses(config, web)
            exit_code = _run_cameras(
                config,
                clock,
                opening=opening,
                metrics=metrics,
                latest=latest_state,
                ready=ready,
                stop_requests=stop_requests,
                reload_requests=reload_requests,
                ends_s=ends_s,
            )
        else:
            _log.info("stopping: %s", stop_requests.get())
            exit_code = 0
    finally:
        if web is not None:
            web.stop()
    if multiprocessing.active_children():
        _exit_at_once(exit_code)
    return exit_code


def _run_cameras(
    config: Config,
    clock: Clock,
    *,
    opening: OpeningWatch,
    metrics: MetricsSink,
    latest: LatestState,
    ready: threading.Event,
    stop_requests: queue.SimpleQueue[str],
    reload_requests: queue.SimpleQueue[None],
    ends_s: float,
) -> int:
    """Run everything but the page until there is a reason to stop; `ready` is set meanwhile. Returns the exit code."""
    hub = wiring.make_hub(config, metrics, latest, clock)
    history = History(config, clock, metrics, latest, hub.publish)
    checkpoints = wiring.make_checkpoint_writer(config, clock, metrics, latest, history)
    plans = wiring.make_plan_renderer(config, clock, hub)
    supervisor, resets = wiring.make_supervisor(
        config, clock, hub, history, opening=opening, checkpoints=checkpoints, plans=plans
    )
    snapshots = wiring.make_snapshot_scheduler(config, clock, supervisor, latest, opening)
    requests_folder = config.storage_path / "state" / REQUESTS_FOLDER
    requests = ResetRequestWatcher(requests_folder, supervisor.camera_state, resets.request)

    plans.start()
    history.start()
    failed = threading.Event()
    supervising = threading.Thread(target=_supervise, args=(supervisor, stop_requests, failed), daemon=True)
    supervising.start()
    snapshots.start()
    requests.start(clock)
    notifier = SystemdNotifier(os.environ.get("NOTIFY_SOCKET"))
    ready.set()
    notifier.ready()
    reason = _wait(
        stop_requests,
        reload_requests,
        ends_s,
        clock=clock,
        supervisor=supervisor,
        snapshots=snapshots,
        notifier=notifier,
    )
    _log.info("stopping: %s", reason)
    notifier.stopping()
    ready.clear()
    snapshots.stop()
    requests.stop()
    supervisor.stop()
    pictures_end_s = clock.monotonic() + _LAST_PICTURES_S
    _join_supervisor(supervising)
    plans.close(max(_LAST_PLANS_S, pictures_end_s - clock.monotonic()))
    writes_end_s = clock.monotonic() + 2 * _LAST_WRITES_S + _LAST_TILES_S
    hub.close(_LAST_WRITES_S)
    history.close(_LAST_TILES_S)  # before the checkpoints, which wait for it
    checkpoints.close(writes_end_s - clock.monotonic())  # what the sinks did not need, too: heats matter more
    return 1 if failed.is_set() else 0


def _join_supervisor(supervising: threading.Thread) -> None:
    supervising.join(_SUPERVISOR_STOP_S)
    if supervising.is_alive():
        # It is starting a worker, which waits for the fork server. The other cameras' heats are in the last checkpoint.
        _log.warning(
            "the cameras did not stop within %.0f s, because a process could not be started; their last pictures and"
            " what they counted since the last checkpoint are lost",
            _SUPERVISOR_STOP_S,
        )


def _exit_at_once(exit_code: int) -> NoReturn:
    """End this process although children are left, which nothing could stop or collect; workers end without a parent.

    A normal exit would wait for them indefinitely: multiprocessing joins all its processes.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _stop_on_signals() -> queue.SimpleQueue[str]:
    """Return a queue that every SIGTERM and Ctrl-C (SIGINT) puts its name in.

    Not an Event: called in a signal handler, its `set` can deadlock on the lock that the interrupted `wait` holds.
    """
    stop_requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: stop_requests.put(signal.Signals(number).name))
    return stop_requests


def _catch_reload_signals() -> queue.SimpleQueue[None]:
    """Return a queue that every SIGHUP puts an item in: it must not end the daemon, as it would by default."""
    reload_requests: queue.SimpleQueue[None] = queue.SimpleQueue()
    signal.signal(signal.SIGHUP, lambda *_: reload_requests.put(None))
    return reload_requests


def _log_reload_requests(reload_requests: queue.SimpleQueue[None]) -> None:
    while not reload_requests.empty():
        reload_requests.get()
        _log.warning("SIGHUP: the configuration cannot be reloaded while edgeheat runs; restart it, heats are kept")


def _supervise(supervisor: Supervisor, stop_requests: queue.SimpleQueue[str], failed: threading.Event) -> None:
    try:
        supervisor.run()
    except Exception:  # noqa: BLE001 the thread's edge: without its supervisor the daemon is useless
        failed.set()
        _log.exception("the supervisor of the cameras failed; edgeheat exits, so that systemd restarts it")
    finally:
        stop_requests.put("the supervisor of the cameras has ended")


def _wait(
    stop_requests: queue.SimpleQueue[str],
    reload_requests: queue.SimpleQueue[None],
    ends_s: float,
    *,
    clock: Clock,
    supervisor: Supervisor,
    snapshots: SnapshotScheduler,
    notifier: SystemdNotifier,
) -> str:
    """Return the reason to stop once there is one; meanwhile watch the clock and feed systemd's watchdog."""
    watchdog_s = watchdog_period_s(os.environ)
    while True:
        try:
            tick_s = max(0.0, min(_WATCH_INTERVAL_S, (watchdog_s or 60.0) / 4, ends_s - clock.monotonic()))
            return stop_requests.get(timeout=tick_s)
        except queue.Empty:
            pass
        _log_reload_requests(reload_requests)
        now_s = clock.monotonic()
        if now_s >= ends_s:
            return "the time given with --for is over"
        snapshots.check_clock()
        if watchdog_s is not None and now_s - supervisor.last_cycle_s < watchdog_s / 2:
            notifier.watchdog()


def _log_addresses(config: Config, web: WebServer | None) -> None:
    _log.info("pictures: %s", config.storage_path / "heatmaps")
    if web is not None:
        address = f"http://{config.web.host}:{web.port}"
        _log.info("status page: %s/ - metrics: %s/metrics", address, address)
    if config.mqtt.enabled:
        _log.info("MQTT: %s/%s/# at %s:%d", config.mqtt.prefix, config.site.name, config.mqtt.host, config.mqtt.port)
