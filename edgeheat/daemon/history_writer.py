"""Stores the tiles of all cameras in the history file, in a thread, so that a slow card delays no camera."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeheat.daemon.clock_sync import ClockSync
from edgeheat.daemon.history_buffer import HistoryBuffer
from edgeheat.daemon.history_maintenance import HistoryMaintenance
from edgeheat.daemon.managed_process import Received
from edgeheat.daemon.messages import HistoryMaintained
from edgeheat.defs.clock import Clock
from edgeheat.defs.history import EpochBackdrop, HistoryStatus, Tile
from edgeheat.errors import StoreDamaged, StoreError
from edgeheat.store.history.damage import SetAside, open_or_replace, set_aside
from edgeheat.store.history.redating import redate
from edgeheat.store.history.store import HistoryStore

_log = logging.getLogger(__name__)

_WAKE_S = 0.5
"""How often the clock and the maintenance are looked after."""

_BATCH_TILES = 100
"""Tiles in one transaction: those of all cameras, and of a whole day in a few of them."""

_FLUSH_TIMEOUT_S = 10.0
"""How long a checkpoint waits for the tiles that came before it. A disk that hangs for longer delays it anyway."""


@dataclass(frozen=True, slots=True)
class _Online:
    camera: str
    online: bool


@dataclass(frozen=True, slots=True)
class _Flush:
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Close:
    pass


_Item = tuple[Tile, ...] | EpochBackdrop | _Online | _Flush | Received | _Close


class HistoryWriter:
    """Collects closed tiles, and stores those of all cameras in one transaction every five minutes.

    While the file cannot be written, tiles of a day wait in memory. A damaged file is set aside and a new one started.
    `on_status` is called in the writer's thread, whenever something has changed, and `on_report` with the name of each
    report that was written.
    """

    def __init__(
        self,
        path: Path,
        *,
        camera_count: int,
        boot_id: str,
        clock: Clock,
        clock_sync: ClockSync,
        make_maintenance: Callable[[Callable[[Received], None]], HistoryMaintenance],
        on_status: Callable[[HistoryStatus], None],
        on_report: Callable[[str], None],
    ) -> None:
        """`make_maintenance` gets what its `on_received` must be."""
        self._path = path
        self._boot_id = boot_id
        self._clock = clock
        self._clock_sync = clock_sync
        self._on_status = on_status
        self._on_report = on_report
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._maintenance = make_maintenance(self._inbox.put)
        self._buffer = HistoryBuffer(camera_count, clock)
        self._store: HistoryStore | None = None
        self._file: tuple[int, int] | None = None
        """Device and number of the file that `_store` is."""

        self._correction: tuple[float, float] | None = None
        """By how much the clock was wrong, and when it became right, until tiles are re-dated accordingly."""

        self._status = HistoryStatus(is_dated=clock_sync.is_right)
        self._closing = False
        self._ended = threading.Event()
        """The thread has ended or hangs: nobody must wait for it."""

        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    # For other threads.

    def start(self) -> None:
        """Start the writer's thread."""
        self._thread.start()

    def set_online(self, camera: str, online: bool) -> None:
        """Note whether tiles of the camera are to be expected; never waits."""
        self._inbox.put(_Online(camera, online))

    def add(self, tiles: Iterable[Tile]) -> None:
        """Take closed tiles; never waits."""
        self._inbox.put(tuple(tiles))

    def add_backdrop(self, backdrop: EpochBackdrop) -> None:
        """Take a backdrop, which is stored with the next tiles; never waits."""
        self._inbox.put(backdrop)

    def flush(self, timeout_s: float = _FLUSH_TIMEOUT_S) -> None:
        """Return once the tiles added so far are stored, cannot be stored now, or `timeout_s` is over."""
        request = _Flush()
        self._inbox.put(request)
        ends_s = self._clock.monotonic() + timeout_s
        while not (request.done.wait(_WAKE_S) or self._ended.is_set() or self._clock.monotonic() >= ends_s):
            pass

    def close(self, timeout_s: float) -> None:
        """Store what is waiting, but give up after `timeout_s`; no process is left running."""
        self._inbox.put(_Close())
        self._thread.join(timeout_s)
        self._ended.set()
        if self._thread.is_alive():
            _log.warning("the last tiles of the history were not stored within %.1f s: the disk hangs", timeout_s)

    # The writer's own thread.

    def _run(self) -> None:
        try:
            self._open_and_report()
            while not self._closing:
                self._run_cycle()
            self._store_waiting()
        except Exception:  # noqa: BLE001 the thread's edge: counting continues without history
            _log.exception("storing the history failed with an unexpected error, and ends until edgeheat is restarted")
            self._set_status(replace(self._status, problem="an unexpected error, see the log; restart edgeheat"))
        finally:
            self._maintenance.end()
            self._close_store()
            self._ended.set()

    def _run_cycle(self) -> None:
        due_s = self._buffer.due_s
        wait_s = _WAKE_S if due_s is None else min(_WAKE_S, max(0.0, due_s - self._clock.monotonic()))
        with suppress(queue.Empty):
            self._handle(self._inbox.get(timeout=wait_s))
        if (correction_s := self._clock_sync.update()) is not None:
            if correction_s:
                _log.info(
                    "the clock of this machine was set by %+.0f s, and is taken as right from now on", correction_s
                )
            self._correction = correction_s, self._clock.wall()
        due_s = self._buffer.due_s
        is_due = due_s is not None and self._clock.monotonic() >= due_s
        if is_due or (self._correction is not None and self._buffer.may_try):
            self._store_waiting()
        if problem := self._maintenance.update(clock_is_right=self._clock_sync.is_right and self._correction is None):
            self._set_rollup_problem(problem)

    def _handle(self, item: _Item) -> None:
        match item:
            case tuple():
                self._buffer.add(item)
                self._set_status(replace(self._status, waiting=len(self._buffer), dropped=self._buffer.dropped))
            case EpochBackdrop():
                self._buffer.add_backdrop(item)
            case _Online(camera, online):
                self._buffer.set_online(camera, online)
            case _Flush(done):
                if self._buffer and self._buffer.may_try:
                    self._store_waiting()
                done.set()
            case Received():
                if (answer := self._maintenance.on_received(item)) is not None:
                    self._on_maintained(answer)
            case _Close():
                self._closing = True

    def _open_and_report(self) -> None:
        """Open the file at the start: what is wrong with it is known before the first tile comes."""
        try:
            size_bytes = self._opened().size_bytes()  # may report damage first
            self._set_status(replace(self._status, size_bytes=size_bytes))
            self._on_status(self._status)
        except StoreError as error:
            self._fail(str(error))

    def _opened(self) -> HistoryStore:
        """Return the store, opened again if the file is another one now or gone; raises StoreError."""
        if self._store is not None and self._file != _file_number(self._path):
            _log.warning("history %s was removed or replaced; it is opened again", self._path)
            self._close_store()
        if self._store is None:
            self._store, aside = open_or_replace(self._path, self._clock.wall())
            self._file = _file_number(self._path)
            if aside is not None:
                self._report_damage(aside)
        return self._store

    def _store_waiting(self) -> None:
        """Store all tiles in the buffer, and re-date those of before the clock was right."""
        try:
            try:
                self._store_all()
            except StoreDamaged as error:
                self._set_aside(str(error))
                self._store_all()
        except StoreError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 the thread's edge: it is tried again later
            if self._status.problem is None:
                _log.exception("tiles of the history were not stored")
            self._fail(f"unexpected {type(error).__name__}: {error}")
        else:
            if self._status.problem is not None:
                _log.info("history: written again")
            self._set_status(replace(self._status, problem=None))

    def _store_all(self) -> None:
        store = self._opened()
        self._redate(store)
        while self._buffer:
            self._store_batch(store)

    def _store_batch(self, store: HistoryStore) -> None:
        tiles, backdrops = self._buffer.first(_BATCH_TILES)
        try:
            with store.writing():
                result = store.add(tiles, self._boot_id)
                for backdrop in backdrops:
                    store.set_backdrop(backdrop)
        except ValueError:  # of a worker with an error: it must not keep all later tiles from being stored
            _log.exception("tiles of the history are not valid and are dropped")
            self._buffer.remove(len(tiles))
            self._buffer.dropped += len(tiles)
            self._set_status(replace(self._status, dropped=self._buffer.dropped, waiting=len(self._buffer)))
            return
        self._buffer.remove(len(tiles))
        if result.conflicts:
            _log.warning(
                "history: %d of %d tiles were not stored, because others of the same time are, of which less was "
                "observed; the same five minutes were counted twice",
                result.conflicts,
                len(tiles),
            )
        self._set_status(
            replace(
                self._status,
                stored=self._status.stored + result.stored,
                duplicates=self._status.duplicates + result.duplicates - result.conflicts,
                conflicts=self._status.conflicts + result.conflicts,
                waiting=len(self._buffer),
                size_bytes=store.size_bytes(),
                last_stored_wall_s=self._clock.wall(),
            )
        )

    def _redate(self, store: HistoryStore) -> None:
        if self._correction is None:
            return
        offset_s, from_s = self._correction
        result = redate(store, self._boot_id, offset_s, from_s)
        self._correction = None
        self._set_status(replace(self._status, is_dated=True))
        if result.moved or result.discarded:
            _log.info(
                "history: %d tiles were counted with a wrong clock and are moved by %d s; %d are discarded, because "
                "others of the same time are stored",
                result.moved,
                result.shift_s,
                result.discarded,
            )

    def _on_maintained(self, answer: HistoryMaintained) -> None:
        if answer.damage:
            try:
                self._set_aside(answer.damage)
                self._opened()
            except StoreError as error:
                self._fail(str(error))
            return
        if answer.is_too_large and self._status.rollup_problem is None:
            _log.warning("history: larger than history.max_size, and nothing more may be deleted; set a larger one")
        self._set_rollup_problem(answer.problem or None)
        for report in answer.reports:
            _log.info("report %s written", report)
            self._on_report(report)
        if self._store is not None:
            self._set_status(replace(self._status, size_bytes=self._store.size_bytes()))

    def _set_rollup_problem(self, problem: str | None) -> None:
        if problem is not None and self._status.rollup_problem is None:
            _log.warning("history: %s", problem)
        self._set_status(replace(self._status, rollup_problem=problem))

    def _set_aside(self, reason: str) -> None:
        """Set the damaged file aside; raises StoreError."""
        self._maintenance.end()
        self._close_store()
        self._report_damage(SetAside(set_aside(self._path, self._clock.wall()), reason))

    def _report_damage(self, aside: SetAside) -> None:
        _log.error("%s; it was set aside as %s, and a new history was started", aside.reason, aside.path)
        self._set_status(replace(self._status, damaged=f"{aside.reason}; it was set aside as {aside.path}"))

    def _fail(self, problem: str) -> None:
        if self._status.problem is None:
            _log.warning("%s; tiles wait in memory, up to those of a day", problem)
        self._buffer.note_failure()
        self._set_status(
            replace(self._status, problem=problem, waiting=len(self._buffer), dropped=self._buffer.dropped)
        )

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _set_status(self, status: HistoryStatus) -> None:
        if status != self._status:
            self._status = status
            self._on_status(status)


def _file_number(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
