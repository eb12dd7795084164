"""The doctor's checks of machine, configuration, storage, ports, broker and cameras; each returns one `Finding`."""

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
from edgeheat.errors import OPENCV_REMEDY, ConfigError, EdgeheatError
from edgeheat.redact import redact
from edgeheat.sinks.mqtt.connection import BrokerConnection
from edgeheat.sinks.mqtt.retained_queue import RetainedQueue
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions

CAMERA_TIMEOUT_S = 10.0
"""Longest wait for the first frame of a camera."""

BROKER_TIMEOUT_S = 10.0
"""Longest wait for the broker's answer to the login."""

CLOCK_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""File that systemd-timesyncd creates once it has set the clock."""


def check_opencv() -> Finding:
    """Check that OpenCV and numpy can be imported."""
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        return Finding("opencv", "failed", f"OpenCV cannot be loaded: {error}", OPENCV_REMEDY)
    what = f"OpenCV {version('opencv-contrib-python')}, numpy {version('numpy')}"
    return Finding("opencv", "ok", what)


def check_decoder() -> Finding:
    """Check that PyAV, which decodes video, can be imported."""
    try:
        importlib.import_module("av")
    except ImportError as error:
        return Finding("decoder", "failed", f"PyAV cannot be loaded: {error}", "pip install --force-reinstall av")
    return Finding("decoder", "ok", f"PyAV {version('av')}")


def check_clock(synchronised: Path) -> Finding:
    """Check that the clock is set from the network; `synchronised`: the file with which systemd reports it."""
    if synchronised.exists():
        return Finding("clock", "ok", "set from the network")
    return Finding(
        "clock",
        "warning",
        "the clock is not known to be set from the network; with a wrong clock, pictures get wrong names",
        "timedatectl set-ntp true (or check the service that sets the clock)",
    )


def check_config(path: Path | None, env: Mapping[str, str]) -> tuple[Finding, Config | None]:
    """Check the configuration; also return it if it is valid."""
    try:
        config = load_config(path, env)
    except ConfigError as error:
        errors = "; ".join(error.errors)
        return Finding("configuration", "failed", errors, "fix the errors, then run: edgeheat config check"), None
    return Finding("configuration", "ok", f"{len(config.camera)} camera(s)"), config


def check_timezone(config: Config) -> Finding:
    """Check that the time zone is configured, or that the machine's is not just the default UTC."""
    name = config.timezone.key
    if config.site.timezone or name not in {"UTC", "Etc/UTC"}:
        return Finding("time zone", "ok", name)
    return Finding(
        "time zone", "warning", "the machine's time zone is UTC", 'unless that is right, set site.timezone = "…"'
    )


def check_storage(config: Config) -> Finding:
    """Check that the storage folder is writable and has more free space than `storage.free_floor`."""
    path, floor = config.storage_path, config.storage.free_floor_bytes
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"edgeheat doctor")
        free_bytes = shutil.disk_usage(path).free
    except OSError as error:
        remedy = "make the folder writable for this user, or set storage.path"
        return Finding("storage", "failed", f"{path} cannot be written: {error.strerror}", remedy)
    free = f"{free_bytes / 1e9:.1f} GB free in {path}"
    if free_bytes > floor:
        return Finding("storage", "ok", free)
    remedy = f"free some space, or reduce storage.free_floor ({size_text(floor)})"
    return Finding("storage", "failed", f"{free}: no picture will be stored", remedy)


def check_web_port(host: str, port: int) -> Finding:
    """Check that the address of the status page is free, unless a running edgeheat uses it."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        remedy = "nothing, if edgeheat is running; otherwise set web.port or web.host"
        return Finding("web", "warning", f"cannot listen on {host}:{port}: {error.strerror}", remedy)
    return Finding("web", "ok", f"{host}:{port} is free")


def check_broker(config: Config, clock: Clock) -> Finding:
    """Check that the MQTT broker accepts the login, with another client id than a running edgeheat uses."""
    settings = config.mqtt.broker_params(config.site.name)
    settings = replace(settings, client_id=f"{settings.client_id}-doctor")
    where = f"{settings.host}:{settings.port}"
    try:
        connection = BrokerConnection(settings, RetainedQueue(1), None, lambda message, reason: None)
        connection.open()
    except OSError as error:
        what = f"no connection to {where}: {error.strerror or error}"
        return Finding("broker", "failed", what, "check mqtt.host, mqtt.port and the mqtt.tls settings")
    deadline_s = clock.monotonic() + BROKER_TIMEOUT_S
    try:
        while connection.loop_once() and not connection.is_up and clock.monotonic() < deadline_s:
            pass
        if connection.is_up:
            connection.disconnect()
            return Finding("broker", "ok", f"{where} accepts the login")
    finally:
        connection.close()
    if connection.reason_code is not None:
        what = f"{where} rejects the login: {connection.reason_code}"
        return Finding("broker", "failed", what, "check mqtt.username and mqtt.password")
    return Finding("broker", "failed", f"{where} does not answer as an MQTT broker", "check mqtt.port and mqtt.tls")


def check_camera(camera: Camera, clock: Clock, timeout_s: float = CAMERA_TIMEOUT_S) -> Finding:
    """Check that the camera delivers a frame, in a process of its own because a broken decoder can crash it."""
    check = f"camera {camera.name}"
    options = SourceOptions(
        clock=clock,
        rtsp_transport=camera.rtsp_transport,
        # Shorter than the timeout here, so that the source reports the reason.
        open_timeout_s=0.8 * timeout_s,
        read_timeout_s=0.8 * timeout_s,
        loop=camera.loop,
        fps=camera.fps,
    )
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=_grab_frame, args=(camera.source_url(), options, writer), daemon=True)
    child.start()
    writer.close()
    try:
        if not reader.poll(timeout_s):
            return Finding(check, "failed", f"no frame within {timeout_s:g} s", f"check the source of {camera.name}")
        error, size_wh = reader.recv()
    except EOFError:
        child.join()
        what = f"the decoder crashed (exit code {child.exitcode})"
        return Finding(check, "failed", what, "try the camera's other stream or codec")
    finally:
        child.kill()
        child.join()
        reader.close()
    if error:
        return Finding(check, "failed", *_split_remedy(error, f"check the source of {camera.name}"))
    what = f"{redact(camera.source)} delivers frames of {size_wh[0]}x{size_wh[1]}"
    if problem := zones_without_cells(camera, size_wh):
        return Finding(check, "warning", f"{what}, but {problem}", f"check the [[camera.zone]] tables of {camera.name}")
    return Finding(check, "ok", what)


def _split_remedy(error: str, otherwise: str) -> tuple[str, str]:
    """Return what is wrong and what to do from a source's message, "source: what is wrong: what to do".

    `otherwise` is what to do where the message does not say so.
    """
    what, _, remedy = error.rpartition(": ")
    return (what, remedy) if ": " in what else (error, otherwise)


def zones_without_cells(camera: Camera, size_wh: tuple[int, int]) -> str:
    """Return the problem of zones that can never count anything because masks cover them; empty if there is none."""
    # Not imported above, because the doctor must also run where OpenCV does not load.
    from edgeheat.core.grid.sampling import grid_size_wh
    from edgeheat.core.grid.zones import ZoneMasks

    zones = [zone.params() for zone in camera.zone]
    masks = ZoneMasks.from_params(zones, grid_size_wh(size_wh, camera.motion.grid_width))
    if not masks.counted.any():
        return "its masks leave nothing to count"
    empty_zones = [name for name, cells in masks.named.items() if not cells.any()]
    return f"its masks leave nothing to count in {', '.join(empty_zones)}" if empty_zones else ""


def _grab_frame(url: str, options: SourceOptions, answer: Pipe) -> None:
    """Send (error, size_wh): why there is no frame and None, or an empty text and the frame's width and height."""
    try:
        frame = next(open_source(url, options).frames(), None)
        answer.send(("it ends before its first frame", None) if frame is None else ("", frame.size_wh))
    except EdgeheatError as error:
        answer.send((str(error), None))
