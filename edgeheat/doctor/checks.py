"""The checks of the doctor, one small function each: machine, configuration, storage, broker and cameras."""

from __future__ import annotations

import importlib
import multiprocessing
import shutil
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from edgeheat.config import Camera, Config, load_config
from edgeheat.config.types import size_text
from edgeheat.defs.clock import Clock
from edgeheat.doctor.finding import Finding
from edgeheat.errors import ConfigError, EdgeheatError
from edgeheat.redact import redact
from edgeheat.sinks.mqtt.connection import Connection
from edgeheat.sinks.mqtt.retained_queue import RetainedQueue
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions

CAMERA_TIMEOUT_S = 10.0
BROKER_TIMEOUT_S = 10.0
CLOCK_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
OPENCV_REMEDY = "apt install libgl1 libglib2.0-0 libxcb1"
"""Installs the shared libraries that OpenCV's wheels need, on x86 and on ARM, and that slim Debian images lack."""


def check_opencv() -> Finding:
    """OpenCV and numpy load."""
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        return Finding("opencv", "failed", f"OpenCV does not load: {error}", OPENCV_REMEDY)
    what = f"OpenCV {version('opencv-contrib-python')}, numpy {version('numpy')}"
    return Finding("opencv", "ok", what)


def check_decoder() -> Finding:
    """PyAV, which decodes video, loads."""
    try:
        importlib.import_module("av")
    except ImportError as error:
        return Finding("decoder", "failed", f"PyAV does not load: {error}", "pip install --force-reinstall av")
    return Finding("decoder", "ok", f"PyAV {version('av')}")


def check_clock(synchronised: Path) -> Finding:
    """The clock is set from the network; `synchronised` is the file by which systemd says so."""
    if synchronised.exists():
        return Finding("clock", "ok", "set from the network")
    return Finding(
        "clock",
        "warning",
        "nothing says that the clock is set from the network; wrong time means wrong names of pictures",
        "timedatectl set-ntp true (or look at what else sets the clock)",
    )


def check_config(path: Path | None, env: Mapping[str, str]) -> tuple[Finding, Config | None]:
    """The configuration can be used; also returns it."""
    try:
        config = load_config(path, env)
    except ConfigError as error:
        faults = "; ".join(error.errors)
        return Finding("configuration", "failed", faults, "mend the faults, then: edgeheat config check"), None
    return Finding("configuration", "ok", f"{len(config.camera)} camera(s)"), config


def check_timezone(config: Config) -> Finding:
    """The shop's time zone was chosen, or the machine's is not merely the factory's UTC."""
    name = config.timezone.key
    if config.site.timezone or name not in {"UTC", "Etc/UTC"}:
        return Finding("time zone", "ok", name)
    return Finding(
        "time zone", "warning", "the machine's time zone is UTC", 'unless the shop is there, set site.timezone = "…"'
    )


def check_storage(config: Config) -> Finding:
    """The storage folder can be written and has more than the free floor."""
    path, floor = config.storage_path, config.storage.free_floor_bytes
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"edgeheat doctor")
        free_bytes = shutil.disk_usage(path).free
    except OSError as error:
        remedy = "give this user the folder, or set storage.path"
        return Finding("storage", "failed", f"{path} cannot be written: {error.strerror}", remedy)
    free = f"{free_bytes / 1e9:.1f} GB free in {path}"
    if free_bytes > floor:
        return Finding("storage", "ok", free)
    remedy = f"free some space, or lower storage.free_floor ({size_text(floor)})"
    return Finding("storage", "failed", f"{free}: no picture will be kept", remedy)


def check_web_port(host: str, port: int) -> Finding:
    """The address of the status page is free; edgeheat itself may be what holds it."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        remedy = "nothing to do if edgeheat runs already; else set web.port or web.host"
        return Finding("web", "warning", f"cannot listen on {host}:{port}: {error.strerror}", remedy)
    return Finding("web", "ok", f"{host}:{port} is free")


def check_broker(config: Config, clock: Clock) -> Finding:
    """The MQTT broker takes the login; under a client id of its own, so that a running edgeheat is left alone."""
    settings = config.mqtt.broker_params(config.site.name)
    settings = replace(settings, client_id=f"{settings.client_id}-doctor")
    where = f"{settings.host}:{settings.port}"
    try:
        connection = Connection(settings, RetainedQueue(1), None, lambda message, reason: None)
        connection.open()
    except OSError as error:
        what = f"no connection to {where}: {error.strerror or error}"
        return Finding("broker", "failed", what, "check mqtt.host, mqtt.port and the mqtt.tls settings")
    deadline_s = clock.monotonic() + BROKER_TIMEOUT_S
    try:
        while connection.turn() and not connection.is_up and clock.monotonic() < deadline_s:
            pass
        if connection.is_up:
            connection.leave()
            return Finding("broker", "ok", f"{where} takes the login")
    finally:
        connection.drop()
    if connection.refusal is not None:
        what = f"{where} refuses: {connection.refusal}"
        return Finding("broker", "failed", what, "check mqtt.username and mqtt.password")
    return Finding("broker", "failed", f"{where} does not answer as an MQTT broker", "check mqtt.port and mqtt.tls")


def check_camera(camera: Camera, clock: Clock, timeout_s: float = CAMERA_TIMEOUT_S) -> Finding:
    """The camera opens and gives a frame; tried in a process of its own, which a broken decoder may take with it."""
    check = f"camera {camera.name}"
    options = SourceOptions(
        clock=clock,
        rtsp_transport=camera.rtsp_transport,
        # A source that gives up first can say what was wrong.
        open_timeout_s=0.8 * timeout_s,
        read_timeout_s=0.8 * timeout_s,
        loop=camera.loop,
        fps=camera.fps,
    )
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_grab_frame, args=(camera.source_url(), options, there), daemon=True)
    child.start()
    there.close()
    try:
        if not here.poll(timeout_s):
            return Finding(check, "failed", f"no frame within {timeout_s:g} s", f"check the source of {camera.name}")
        fault, size_wh = here.recv()
    except EOFError:
        child.join()
        what = f"the decoder crashed (exit code {child.exitcode})"
        return Finding(check, "failed", what, "try the camera's other stream or codec")
    finally:
        child.kill()
        child.join()
        here.close()
    if fault:
        return Finding(check, "failed", fault, f"check the source, username and password of {camera.name}")
    what = f"{redact(camera.source)} gives frames of {size_wh[0]}x{size_wh[1]}"
    if blind := _blind_zones(camera, size_wh):
        return Finding(check, "warning", f"{what}, but {blind}", f"look at the [[camera.zone]] of {camera.name}")
    return Finding(check, "ok", what)


def _blind_zones(camera: Camera, size_wh: tuple[int, int]) -> str:
    """Say which zones count nothing ever, because masks cover them; an empty text if all can."""
    # Here, for the doctor must come to word where OpenCV does not load.
    from edgeheat.core.grid.sampling import grid_size_wh
    from edgeheat.core.grid.zones import ZoneMasks

    zones = [zone.params() for zone in camera.zone]
    masks = ZoneMasks.from_params(zones, grid_size_wh(size_wh, camera.motion.grid_width))
    if not masks.counted.any():
        return "its masks leave nothing to count"
    blind = [name for name, cells in masks.named.items() if not cells.any()]
    return f"its masks leave nothing to count in {', '.join(blind)}" if blind else ""


def _grab_frame(url: str, options: SourceOptions, answer: Pipe) -> None:
    """Send (fault, size): the reason why there is no frame, or an empty text and its width and height."""
    try:
        frame = next(open_source(url, options).frames(), None)
        answer.send(("it ends before its first frame", None) if frame is None else ("", frame.size_wh))
    except EdgeheatError as error:
        answer.send((str(error), None))
