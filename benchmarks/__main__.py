"""Runs the benchmarks, prints each figure as JSON and all as a table, and writes the table to docs/benchmarks.md.

python -m benchmarks [--quick] [--only processor,memory,scaling,offline,history | --profile] [--runs N]

A table of the page is replaced when all of its parts were measured, unless with --quick.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks import clip, machine, marked_page
from benchmarks.figures import Figure, table
from benchmarks.history import history
from benchmarks.memory import memory
from benchmarks.offline import offline
from benchmarks.plan import QUICK, Plan
from benchmarks.processor import processor, scaling

_PARTS: dict[str, Callable[[Plan], list[Figure]]] = {
    "processor": processor,
    "memory": memory,
    "scaling": scaling,
    "offline": offline,
    "history": history,
}
"""The parts of a full run, by the name with which each is run alone."""

_PROFILE = "profile"

_TABLES = {
    marked_page.MEASURED_MARKS: ["processor", "memory", "scaling", "offline"],
    marked_page.HISTORY_MARKS: ["history"],
    marked_page.PROFILE_MARKS: [_PROFILE],
}
"""The parts in each table of the page, by the lines above and below it."""

_FIGURES_FILE = clip.OUT / "figures.jsonl"
"""The figures of the latest run, one per line."""


def _profiled(plan: Plan) -> list[Figure]:
    # Imported only here: with OpenCV loaded in this process, only half of its memory would be attributed to edgeheat.
    from benchmarks.profile import profile

    return profile(plan)


def main() -> int:
    """Return 0 if every target is met, else 1."""
    arguments = _arguments()
    # With this variable Python would not cache compiled modules, unlike an installed edgeheat.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Exit through SystemExit, so that the daemon and the RTSP server are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = QUICK if arguments.quick else Plan()
    if arguments.runs:
        plan = replace(plan, runs=arguments.runs)
    parts = arguments.only.split(",") if arguments.only else list(_PARTS)
    figures_of = {_PROFILE: _profiled(plan)} if arguments.profile else _measured(parts, plan)
    figures = [figure for part in figures_of.values() for figure in part]
    commit, measured_on = machine.commit(), machine.describe()
    lines = [figure.json_line(commit, measured_on, clip.SEED) for figure in figures]
    clip.OUT.mkdir(exist_ok=True)
    _FIGURES_FILE.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(table(figures))
    if not arguments.quick:
        day = datetime.now(UTC).date()
        _publish(figures_of, f"Measured on {day}, commit {commit}, on {measured_on}; {_runs_words(plan.runs)}.")
    return 0 if all(figure.met is not False for figure in figures) else 1


def _measured(parts: list[str], plan: Plan) -> dict[str, list[Figure]]:
    figures_of = {}
    for part in parts:
        print(f"{part} ...", file=sys.stderr, flush=True)
        figures_of[part] = _PARTS[part](plan)
    return figures_of


def _runs_words(runs: int) -> str:
    return f"{runs} runs, of which the worst counts" if runs > 1 else "one run"


def _publish(figures_of: dict[str, list[Figure]], when: str) -> None:
    """Replace the tables of the page whose parts were all measured."""
    for marks, parts in _TABLES.items():
        if all(part in figures_of for part in parts):
            measured = f"{when}\n\n{table([figure for part in parts for figure in figures_of[part]])}"
            page = marked_page.put_between_marks(marked_page.PAGE.read_text(), measured, marks)
            marked_page.PAGE.write_text(page)
            print(f"{', '.join(parts)}: written into {marked_page.PAGE}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the cost of edgeheat.")
    parser.add_argument("--quick", action="store_true", help="one short run; writes no documentation")
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--only", metavar="PARTS", help=f"some of {','.join(_PARTS)}")
    parts.add_argument("--profile", action="store_true", help="only the cost of each step of one analysed frame")
    parser.add_argument("--runs", type=int, help=f"repetitions, default {Plan().runs}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
