"""Takes up what a technician asked for through files in the state folder, so that no port has to be open for it."""

from __future__ import annotations

import json
import logging
import os
import secrets
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from edgeheat.atomic import TEMP_SUFFIX, replace, stage, write_remedy
from edgeheat.daemon.messages import Reset
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraState
from edgeheat.errors import StoreError

_log = logging.getLogger(__name__)

FOLDER = "requests"
"""Its name within the state folder."""

LIFETIME_S = 86400.0
"""For so long a request waits for its camera; what was right to ask a week ago may be wrong now."""

_LOOK_EVERY_S = 1.0
_MAX_BYTES = 4096
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_request(state: Path, camera: str, reset: Reset) -> Path:
    """Leave a request for the edgeheat that keeps its state in the folder `state`; returns the request's file.

    Written as a whole or not at all. Root hands folder and file to the owner of `state`, who could not read them
    otherwise. Raises StoreError, with the remedy, where nothing can be written or edgeheat has never kept its state.
    """
    path = state / FOLDER / f"{secrets.token_hex(8)}.json"
    text = json.dumps({"camera": camera} | asdict(reset)).encode()
    try:
        with ExitStack() as opened:
            above = _open_folder(state, opened)
            owner = os.fstat(above)
            with suppress(FileExistsError):
                os.mkdir(FOLDER, 0o700, dir_fd=above)
            # Not by its name from here on: that of a link would lead root's hand to some other place.
            folder = _open_folder(FOLDER, opened, os.O_NOFOLLOW, above)

            def fill(file: BinaryIO) -> None:
                file.write(text)
                _give(file.fileno(), owner)

            _give(folder, owner)
            staged = Path(f"/proc/self/fd/{folder}/{path.name}")
            replace(stage(staged, fill, 0o600), staged)
    except FileNotFoundError:
        raise StoreError(f"{state}: no edgeheat has kept its state here; name its storage folder: --storage") from None
    except PermissionError:
        raise StoreError(f"{path.parent}: only root and the user that runs edgeheat may write here") from None
    except OSError as error:
        raise StoreError(f"{path.parent}: {write_remedy(error)}") from error
    return path


def _open_folder(path: Path | str, opened: ExitStack, more_flags: int = 0, above: int | None = None) -> int:
    descriptor = os.open(path, _FOLDER_FLAGS | more_flags, dir_fd=above)
    opened.callback(os.close, descriptor)
    return descriptor


def _give(descriptor: int, owner: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


class Requests:
    """Looks for requests in `folder`, deletes each as it takes it up, and hands it to `obey`.

    `state_of` tells a camera's state, None for one that is not known: a request waits until its camera is online.
    A thread of its own, because a worn-out card may take its time, and cameras must not wait for it.
    """

    def __init__(
        self,
        folder: Path,
        state_of: Callable[[str], CameraState | None],
        obey: Callable[[str, Reset], None],
    ) -> None:
        self._folder = folder
        self._state_of = state_of
        self._execute = obey
        self._told: set[tuple[str, str]] = set()
        self._stop = threading.Event()

    def start(self, clock: Clock) -> None:
        """Look once a second from now on."""
        threading.Thread(target=self._run, args=(clock,), name="requests", daemon=True).start()

    def stop(self) -> None:
        """Look no more; what is there waits for the next run."""
        self._stop.set()

    def _run(self, clock: Clock) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self.take_up(clock.wall())
            except OSError as error:
                if not self._was_told("", "failed"):
                    _log.warning("requests cannot be looked for in %s; trying again for ever: %s", self._folder, error)
            except Exception:  # noqa: BLE001 the thread's edge: no one would notice that requests are not taken up
                if not self._was_told("", "failed"):
                    _log.exception("requests cannot be looked for in %s; trying again for ever", self._folder)

    def take_up(self, wall_s: float) -> None:
        """Take up every request that can be, at the Unix time `wall_s`; raises OSError where the folder is broken."""
        try:
            # Listed each time: on FAT and on network disks a folder's time does not tell whether something is new.
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 (names, not paths)
        except FileNotFoundError:
            names = []
        self._told = {(name, what) for name, what in self._told if name in names}
        for name in names:
            with suppress(FileNotFoundError):  # taken back meanwhile
                self._look_at(self._folder / name, wall_s)

    def _look_at(self, path: Path, wall_s: float) -> None:
        too_old = wall_s - path.lstat().st_mtime > LIFETIME_S
        if path.name.endswith(TEMP_SUFFIX) and not too_old:
            return
        try:
            camera, reset = _read(path)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            if self._delete(path):
                reason = error.strerror if isinstance(error, OSError) else error
                _log.warning("%r in %s was no request and is deleted: %s", path.name, self._folder, reason)
            return
        if too_old:
            if self._delete(path):
                _log.warning("%r: was asked to %s over a day ago, which is given up; ask again", camera, reset)
        elif (state := self._state_of(camera)) != "online":
            if not self._was_told(path.name, "waits"):
                why = "the configuration has no such camera" if state is None else "the camera is not online"
                _log.warning("%r: is asked to %s; waits up to a day, because %s", camera, reset, why)
        elif self._delete(path):
            _log.info("%s: is asked to %s", camera, reset)
            self._execute(camera, reset)

    def _delete(self, path: Path) -> bool:
        """Tell whether it is gone: what stays would be obeyed again and again."""
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError as error:
            if not self._was_told(path.name, "stays"):
                _log.warning("%r in %s is left alone: %s", path.name, self._folder, write_remedy(error))
            return False
        return True

    def _was_told(self, name: str, what: str) -> bool:
        """Tell whether this was logged already, and take it for logged from now on."""
        told = (name, what) in self._told
        self._told.add((name, what))
        return told


def _read(path: Path) -> tuple[str, Reset]:
    """Return the camera and what is asked of it; raises OSError or ValueError, with half a sentence, for rubbish."""
    # NONBLOCK: a named pipe would wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no plain file")
        data = os.read(descriptor, _MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MAX_BYTES:
        raise ValueError("it is too long")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    match given:
        case {"camera": str(camera), "flicker": bool(flicker), "moved": bool(moved), "heat": bool(heat), **others} if (
            not others and (flicker or moved or heat)
        ):
            return camera, Reset(flicker, moved, heat)
    raise ValueError("it asks for nothing that edgeheat knows")
