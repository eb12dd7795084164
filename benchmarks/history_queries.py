"""Measures the processor time, the reads and the memory of the questions that history answers, on a year of tiles."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.clip import SEED
from benchmarks.figures import Figure
from benchmarks.history_store import AFTER_LAST_DAY, CAMERAS, FIRST_DAY, TIMEZONE, ZONES, two_months, unix_s, year
from benchmarks.processes import io_mb, own_cpu_ms, own_peak_mb
from edgeheat.core.heat.tile import TileSum
from edgeheat.defs.history import FIVE_MINUTES_S, Tile
from edgeheat.defs.hours import ClockRange
from edgeheat.history.compare import compare_periods
from edgeheat.history.query import read_heat
from edgeheat.history.selection import Selection
from edgeheat.local_time.period import Period
from edgeheat.store.history.store import HistoryStore

_RANDOM_PERIODS = 50

_REPEATED = 3
"""How often a question is asked in each run; the median counts, because other processes use the same cache."""

_RAM_RATIO = 1.4
"""Highest CPU of a question, compared with decoding and adding the same tiles in memory."""

_Question = Callable[[HistoryStore], object]


def _local(first: date, first_hour: int, end: date, end_hour: int = 0) -> Selection:
    return Selection(Period(unix_s(first, first_hour), unix_s(end, end_hour)), TIMEZONE)


_YEAR = _local(FIRST_DAY, 0, AFTER_LAST_DAY)

_MOST_TILES = _local(FIRST_DAY + timedelta(days=1), 9, AFTER_LAST_DAY - timedelta(days=2), 19)
"""From the second day to the last but one: ten months, and most days and hours of two more."""

_MORNINGS = Selection(_YEAR.period, TIMEZONE, ClockRange(10 * 60, 12 * 60))

_FOUR_WEEKS = _local(date(2026, 11, 2), 0, date(2026, 11, 30))
_FOUR_WEEKS_BEFORE = _local(date(2026, 10, 5), 0, date(2026, 11, 2))

_MIDDLE_OF_MONTH = date(2026, 12, 17)
"""End of the periods of different lengths."""

_LENGTHS_DAYS = {"one day": 1, "one week": 7, "four weeks": 28, "three months": 91, "eleven months": 334}


def _heat(selection: Selection) -> _Question:
    """Return the question what one camera counted in a period: traffic and dwell, and the figures of the zones."""
    return lambda store: read_heat(store, CAMERAS[0], selection.intervals(), "presence")


def _compared(store: HistoryStore) -> object:
    """Ask how four weeks differ from the four weeks before, with the test of each zone."""
    return compare_periods(store, CAMERAS[0], _FOUR_WEEKS_BEFORE, _FOUR_WEEKS, measure="presence", zones=ZONES)


def _any_periods() -> list[_Question]:
    """Return the period with the most tiles, and random ones."""
    rng, starts = random.Random(SEED), range(_YEAR.period.start_s, _YEAR.period.end_s + 1, FIVE_MINUTES_S)
    periods = [Period(*sorted(rng.sample(starts, 2))) for _ in range(_RANDOM_PERIODS)]
    return [_heat(_MOST_TILES), *(_heat(Selection(period, TIMEZONE)) for period in periods)]


def warm(runs: int) -> list[Figure]:
    """Measure the questions with the file in the page cache."""
    any_period = f"any period: the longest from hour to hour, and {_RANDOM_PERIODS} random ones of the year"
    return [
        *_question("H4", any_period, _any_periods(), 40.0, runs),
        *_question("H5", "10 to 12 o'clock on every day of a year", [_heat(_MORNINGS)], 300.0, runs),
        *_question("H6", "two periods of 4 weeks compared, with four zones", [_compared], 150.0, runs),
        *_growth(runs),
    ]


class _Recorder(HistoryStore):
    """A history that remembers which tiles were read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, read_only=True)
        self.tiles: list[Tile] = []

    def read(self, *arguments: Any, **options: Any) -> Iterator[Tile]:
        """Yield what `HistoryStore.read` yields."""
        for tile in super().read(*arguments, **options):
            self.tiles.append(tile)
            yield tile


def _question(figure_id: str, words: str, questions: Sequence[_Question], target_ms: float, runs: int) -> list[Figure]:
    """Measure one or more questions, and decoding and adding the same tiles in memory."""
    with HistoryStore(year(), read_only=True) as store:
        runs_ms = [[_cpu_ms(partial(question, store)) for question in questions] for _ in range(runs)]
    tiles = [_tiles_of(question) for question in questions]
    in_ram_ms = [[_cpu_ms(partial(_add, each)) for each in tiles] for _ in range(runs)]
    ratios = tuple(sum(ms) / sum(ram_ms) for ms, ram_ms in zip(runs_ms, in_ram_ms, strict=True))
    figures = [
        Figure(figure_id, f"CPU: {words}", "ms", tuple(max(ms) for ms in runs_ms), 0.0, target=target_ms),
        Figure(f"{figure_id}.ram", "the same ÷ decoding and adding in RAM", "", ratios, 0.0, target=_RAM_RATIO),
    ]
    if len(questions) > 1:
        figures.append(Figure(f"{figure_id}.mean", "their mean", "ms", tuple(fmean(ms) for ms in runs_ms), 0.0))
    return figures


def _cpu_ms(function: Callable[[], object]) -> float:
    return median(own_cpu_ms(function) for _ in range(_REPEATED))


def _tiles_of(question: _Question) -> list[Tile]:
    recorder = _Recorder(year())
    with recorder:
        question(recorder)
    return recorder.tiles


def _add(tiles: Sequence[Tile]) -> None:
    sums = {tile.level.unit_ms: TileSum(tile.grid_wh[::-1]) for tile in tiles}
    for tile in tiles:
        sums[tile.level.unit_ms].add(tile.traffic, tile.dwell)
    for total in sums.values():
        total.result_units()


def _growth(runs: int) -> list[Figure]:
    """Measure periods of several lengths, and the same period in a history of a twelfth of the size."""
    figures = []
    with HistoryStore(year(), read_only=True) as store, HistoryStore(two_months(), read_only=True) as small:
        for words, days in _LENGTHS_DAYS.items():
            ask = _heat(_local(_MIDDLE_OF_MONTH - timedelta(days=days), 0, _MIDDLE_OF_MONTH))
            runs_ms = tuple(_cpu_ms(partial(ask, store)) for _ in range(runs))
            figures.append(Figure(f"H7.{days}", f"CPU: {words} until 16 December", "ms", runs_ms, 0.0))
        ask = _heat(_FOUR_WEEKS)
        ratios = tuple(_cpu_ms(partial(ask, store)) / _cpu_ms(partial(ask, small)) for _ in range(runs))
        smaller = f"{store.size_bytes() / small.size_bytes():.0f} times smaller"
        figures.append(Figure("H8", f"CPU: four weeks ÷ the same in a history that is {smaller}", "", ratios, 0.0))
        figures.append(Figure("H8.size", "a year of four cameras on the disk", "GB", (store.size_bytes() / 1e9,), 0.0))
    return figures


COLD = {"any": _heat(_MOST_TILES), "mornings": _heat(_MORNINGS), "compared": _compared}
"""The questions that are asked with nothing of the file in the page cache, by name."""


def cold(question: str) -> tuple[float, float, float]:
    """Open the history and ask one of `COLD`, in a process of its own.

    Returns the CPU in ms, the MB that were read from the disk, and the most MB that this process had for itself.
    """
    file = os.open(year(), os.O_RDONLY)
    try:
        # Drops the pages of this file alone, and needs no rights.
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)

    def ask() -> None:
        with HistoryStore(year(), read_only=True) as store:
            COLD[question](store)

    before_mb = io_mb("read_bytes")
    used_ms = own_cpu_ms(ask)
    return used_ms, io_mb("read_bytes") - before_mb, own_peak_mb()


def cold_figures(answers: Mapping[str, Sequence[tuple[float, float, float]]]) -> list[Figure]:
    """Return the figures of what `cold` measured in each run, by question."""
    figures = []
    for question, runs in answers.items():
        used_ms, read_mb, peak_mb = zip(*runs, strict=True)
        words = {"any": "the longest period", "mornings": "10 to 12 o'clock"}.get(question, "two periods compared")
        figures += [
            Figure(f"H9.{question}", f"CPU with a cold cache, with opening the file: {words}", "ms", used_ms, 0.0),
            Figure(f"H9.{question}.read", "read from the disk for it", "MB", read_mb, 0.0),
            Figure(f"H9.{question}.memory", "its process, without what it shares", "MB", peak_mb, 0.0),
        ]
    return figures
