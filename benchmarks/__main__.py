"""Measures everything, prints a line of JSON for each figure and a table, and writes the table into the documentation.

python -m benchmarks [--quick] [--only processor,memory,scaling,offline | --profile] [--runs N]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks import clip, document, machine
from benchmarks.figures import Figure, table
from benchmarks.live import processor, scaling
from benchmarks.memory import memory
from benchmarks.offline import offline
from benchmarks.plan import QUICK, Plan

_PARTS: dict[str, Callable[[Plan], list[Figure]]] = {
    "processor": processor,
    "memory": memory,
    "scaling": scaling,
    "offline": offline,
}
_KEPT = clip.OUT / "figures.jsonl"


def _profiled(plan: Plan) -> list[Figure]:
    # Imported only here: what this process had loaded of OpenCV too would be counted half for edgeheat.
    from benchmarks.profile import profile

    return profile(plan)


def main() -> int:
    """Return 0 if every target is met, else 1."""
    arguments = _arguments()
    # Some shells forbid Python to keep what it has compiled; an installed edgeheat starts with it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # So that the daemon and the RTSP server are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = QUICK if arguments.quick else Plan()
    if arguments.runs:
        plan = replace(plan, runs=arguments.runs)
    parts = arguments.only.split(",") if arguments.only else list(_PARTS)
    figures = _profiled(plan) if arguments.profile else _measured(parts, plan)
    commit, measured_on = machine.commit(), machine.describe()
    lines = [figure.json_line(commit, measured_on, clip.SEED) for figure in figures]
    clip.OUT.mkdir(exist_ok=True)
    _KEPT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    print(table(figures))
    if not arguments.only and not arguments.quick:
        day = datetime.now(UTC).date()
        when = f"Measured on {day}, commit {commit}, on {measured_on}; {plan.runs} runs, of which the worst counts."
        marks = document.PROFILE_MARKS if arguments.profile else (document.BEGIN, document.END)
        page = document.put_between_marks(document.PAGE.read_text(), f"{when}\n\n{table(figures)}", marks)
        document.PAGE.write_text(page)
        print(f"written into {document.PAGE}", file=sys.stderr)
    return 0 if all(figure.met is not False for figure in figures) else 1


def _measured(parts: list[str], plan: Plan) -> list[Figure]:
    figures: list[Figure] = []
    for part in parts:
        print(f"{part} ...", file=sys.stderr, flush=True)
        figures += _PARTS[part](plan)
    return figures


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what edgeheat costs.")
    parser.add_argument("--quick", action="store_true", help="one short run, not written into the documentation")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--only", metavar="PARTS", help=f"some of {','.join(_PARTS)}; not written either")
    some.add_argument("--profile", action="store_true", help="only what each step of one analysed frame costs")
    parser.add_argument("--runs", type=int, help=f"repetitions, {Plan().runs} if not given")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
