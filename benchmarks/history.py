"""Measures history: its tiles, what is written to the disk, and the questions that it answers about a year."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from benchmarks.figures import Figure
from benchmarks.plan import Plan

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def history(plan: Plan) -> list[Figure]:
    """Measure history in a process of its own, so that its libraries are not part of what is measured afterwards."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, plan.runs).result()


def _measure(runs: int) -> list[Figure]:
    # Imported only here, for the same reason.
    from benchmarks import card_writes, history_queries, history_store, history_tiles, history_writes

    print("history: making a year of tiles, unless there is one ...", file=sys.stderr, flush=True)
    history_store.year()
    history_store.two_months()
    figures = history_tiles.tiles(runs)
    figures += history_writes.written(runs)
    figures.append(card_writes.written(figures[-1], runs))
    figures += _in_child(history_queries.warm, runs)
    answers = {name: [_in_child(history_queries.cold, name) for _ in range(runs)] for name in history_queries.COLD}
    return figures + history_queries.cold_figures(answers)


def _in_child(
    function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **options: _Arguments.kwargs
) -> _Result:
    """Call a function in a fresh process that is forked like those of the daemon, with a malloc for reading tiles."""
    from edgeheat.daemon.fork_server import fork_server_context
    from edgeheat.daemon.malloc import reuse_freed_memory

    with ProcessPoolExecutor(1, mp_context=fork_server_context(), initializer=reuse_freed_memory) as pool:
        return pool.submit(function, *arguments, **options).result()
