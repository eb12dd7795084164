"""Passes reset requests from the command line to the running daemon, as files in the state folder."""

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
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Reset
from edgeheat.defs.events import CameraState
from edgeheat.errors import StoreError

_log = logging.getLogger(__name__)

REQUESTS_FOLDER = "requests"
"""Name of the folder of requests, within the state folder."""

LIFETIME_S = 86400.0
"""How many seconds a request waits for its camera; one from last week may no longer be wanted."""

_CHECK_INTERVAL_S = 1.0
"""Pause between two checks for new requests."""

_MAX_REQUEST_BYTES = 4096
"""Size limit of a request's file; a real one has about 100 bytes."""

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def write_request(state: Path, camera: str, reset: Reset) -> Path:
    """Write a request for the daemon whose state folder is `state`; returns the request's file.

    The file is written completely or not at all. Root gives folder and file to the owner of `state`, who could not read
    them otherwise. Raises StoreError, with the remedy, if the file cannot be written or `state` is missing.
    """
    path = state / REQUESTS_FOLDER / f"{secrets.token_hex(8)}.json"
    text = json.dumps({"camera": camera} | asdict(reset)).encode()
    try:
        with ExitStack() as opened:
            state_folder = _open_folder(state, opened)
            owner = os.fstat(state_folder)
            with suppress(FileExistsError):
                os.mkdir(REQUESTS_FOLDER, 0o700, dir_fd=state_folder)
            # By its descriptor from here on: a symbolic link in its place could make root write elsewhere.
            folder = _open_folder(REQUESTS_FOLDER, opened, os.O_NOFOLLOW, state_folder)

            def fill(file: BinaryIO) -> None:
                file.write(text)
                _change_owner(file.fileno(), owner)

            _change_owner(folder, owner)
            staged = Path(f"/proc/self/fd/{folder}/{path.name}")
            replace(stage(staged, fill, 0o600), staged)
    except FileNotFoundError:
        raise StoreError(
            f"{state}: no edgeheat has used this folder; name the right storage folder with --storage"
        ) from None
    except PermissionError:
        raise StoreError(f"{path.parent}: not writable; run this as root or as the user that runs edgeheat") from None
    except OSError as error:
        raise StoreError(f"{path.parent}: {write_remedy(error)}") from error
    return path


def _open_folder(path: Path | str, opened: ExitStack, more_flags: int = 0, parent: int | None = None) -> int:
    descriptor = os.open(path, _FOLDER_FLAGS | more_flags, dir_fd=parent)
    opened.callback(os.close, descriptor)
    return descriptor


def _change_owner(descriptor: int, owner: os.stat_result) -> None:
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


class ResetRequestWatcher:
    """Checks `folder` for requests; once a camera is online, deletes its file and passes the request to `execute`.

    `state_of` returns a camera's state, or None if there is no such camera. Runs in a thread of its own, because a slow
    card must not delay the cameras.
    """

    def __init__(
        self,
        folder: Path,
        state_of: Callable[[str], CameraState | None],
        execute: Callable[[str, Reset], None],
    ) -> None:
        self._folder = folder
        self._state_of = state_of
        self._execute = execute
        self._logged: set[tuple[str, str]] = set()
        """File name and problem of each warning that was logged already."""

        self._stop = threading.Event()

    def start(self, clock: Clock) -> None:
        """Check once a second from now on."""
        threading.Thread(target=self._run, args=(clock,), name="requests", daemon=True).start()

    def stop(self) -> None:
        """Stop checking; requests that are left wait for the next start."""
        self._stop.set()

    def _run(self, clock: Clock) -> None:
        while not self._stop.wait(_CHECK_INTERVAL_S):
            try:
                self.check(clock.wall())
            except OSError as error:
                if self._first_time("", "failed"):
                    _log.warning("cannot read the requests in %s: %s; retrying", self._folder, error)
            except Exception:  # noqa: BLE001 the thread's edge: nobody would notice that requests are ignored
                if self._first_time("", "failed"):
                    _log.exception("cannot read the requests in %s; retrying", self._folder)

    def check(self, wall_s: float) -> None:
        """Execute every request whose camera is online, at the Unix time `wall_s`; raises OSError from the folder."""
        try:
            # Listed each time: on FAT and network disks the modification time of a folder is unreliable.
            names = sorted(os.listdir(self._folder))  # noqa: PTH208 (names, not paths)
        except FileNotFoundError:
            names = []
        self._logged = {(name, problem) for name, problem in self._logged if name in names}
        for name in names:
            with suppress(FileNotFoundError):  # deleted by the user meanwhile
                self._check_file(self._folder / name, wall_s)

    def _check_file(self, path: Path, wall_s: float) -> None:
        too_old = wall_s - path.lstat().st_mtime > LIFETIME_S
        if path.name.endswith(TEMP_SUFFIX) and not too_old:
            return
        try:
            camera, reset = _read_request(path)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            if self._delete(path):
                reason = error.strerror if isinstance(error, OSError) else error
                _log.warning(
                    "deleted %r from %s, because it is not a valid request: %s", path.name, self._folder, reason
                )
            return
        if too_old:
            if self._delete(path):
                _log.warning("%r: reset of %s expired after 24 h; send it again", camera, reset)
        elif (state := self._state_of(camera)) != "online":
            if self._first_time(path.name, "waits"):
                why = "the configuration has no such camera" if state is None else "the camera is not online"
                _log.warning("%r: reset of %s waits up to 24 h: %s", camera, reset, why)
        elif self._delete(path):
            _log.info("%s: reset of %s", camera, reset)
            self._execute(camera, reset)

    def _delete(self, path: Path) -> bool:
        """Return whether the file is gone; a request whose file remains would be executed again and again."""
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError as error:
            if self._first_time(path.name, "not deleted"):
                _log.warning(
                    "cannot delete %r from %s, so it is ignored: %s", path.name, self._folder, write_remedy(error)
                )
            return False
        return True

    def _first_time(self, name: str, problem: str) -> bool:
        """Return whether a file's problem is new, and note it, so that each is logged once."""
        is_new = (name, problem) not in self._logged
        self._logged.add((name, problem))
        return is_new


def _read_request(path: Path) -> tuple[str, Reset]:
    """Return the camera and its reset; raises OSError, or ValueError with a reason such as "it is too long"."""
    # NONBLOCK: opening a named pipe would block until something is written to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        data = os.read(descriptor, _MAX_REQUEST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > _MAX_REQUEST_BYTES:
        raise ValueError("it is too long")
    try:
        request = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    match request:
        case {
            "camera": str(camera),
            "flicker": bool(flicker),
            "moved": bool(moved),
            "heat": bool(heat),
            **others,
        } if not others:
            if not (flicker or moved or heat):
                raise ValueError("it asks for no reset")
            return camera, Reset(flicker, moved, heat)
    raise ValueError("it has other fields than a reset request")
