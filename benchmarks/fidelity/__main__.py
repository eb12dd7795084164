"""Measures how true the heat is, prints the tables and a line of JSON for each figure, and writes docs/fidelity.md.

python -m benchmarks.fidelity [--quick] [--only 1,5,9,real] [--jobs 2] [--folder FOLDER] [--seed-offset N] [--no-write]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.fidelity import page, run
from benchmarks.fidelity.report import report
from benchmarks.fidelity.results import judge
from benchmarks.fidelity.scenes import OUT, SCENES

_REAL = "real"


def main() -> int:
    """Return 0 whatever was measured: what falls short stands in the tables."""
    arguments = _arguments()
    plan = _plan(arguments)
    results, jump = run.measure_all(plan, arguments.jobs, lambda words: print(words, file=sys.stderr, flush=True))
    judged = judge(results, jump)
    commit, measured_on = machine.commit(), machine.describe()
    figures = [figure for each in judged if (figure := each.figure()) is not None]
    lines = "\n".join(figure.json_line(commit, measured_on, plan.seed_offset) for figure in figures)
    tables = report(results, judged, jump)
    print(lines, tables, sep="\n")
    if len(results) == len(SCENES):
        (plan.folder / page.KEPT).write_text(lines + "\n")
    if plan == replace(_plan(None), folder=plan.folder) and not arguments.no_write:
        versions = measured_on.partition("Python")
        when = f"Measured on {datetime.now(UTC).date()}, commit {commit}, with {versions[1]}{versions[2]}."
        pictures = [run.picture_path(plan.folder, each) for each in results]
        page.write("\n\n".join([when, tables, *page.other_seeds(plan.folder)]), results, pictures)
        print(f"written into {page.PAGE}", file=sys.stderr)
    return 0


def _plan(arguments: argparse.Namespace | None) -> run.Plan:
    """Return what was asked for; None asks for all."""
    whole = run.Plan(OUT, rivals=True, real=True, numbers=tuple(each.number for each in SCENES))
    if arguments is None:
        return whole
    offset = arguments.seed_offset
    folder = page.folder_of_seeds(arguments.folder, offset) if offset else arguments.folder
    plan = replace(whole, folder=folder, rivals=not arguments.quick, seed_offset=offset)
    if arguments.only is None:
        return plan
    numbers = tuple(number for number in whole.numbers if number in arguments.only)
    return replace(plan, numbers=numbers, real=_REAL in arguments.only)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description="Measure how true the heat is.")
    parser.add_argument("--quick", action="store_true", help="edgeheat only, without the rivals; writes no page")
    parser.add_argument("--only", type=_parts, metavar="1,5,real", help="some scenes, the recording; writes no page")
    parser.add_argument("--jobs", type=_jobs, default=2, help="processes, 2 if not given")
    parser.add_argument("--folder", type=Path, default=OUT, help=f"where recordings are kept, {OUT} if not given")
    parser.add_argument("--seed-offset", type=int, default=0, metavar="N", help="draw other people; writes no page")
    parser.add_argument("--no-write", action="store_true", help=f"leave {page.PAGE.name} alone")
    return parser.parse_args()


def _jobs(told: str) -> int:
    if not told.isdecimal() or int(told) < 1:
        raise argparse.ArgumentTypeError(f"{told!r} is no number of processes; one or more")
    return int(told)


def _parts(told: str) -> set[int | str]:
    known = {str(each.number): each.number for each in SCENES} | {_REAL: _REAL}
    unknown = [part for part in told.split(",") if part not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
    return {known[part] for part in told.split(",")}


if __name__ == "__main__":
    sys.exit(main())
