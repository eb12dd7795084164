"""Measures how accurate the heat is, prints tables and a line of JSON for each figure, and writes docs/fidelity.md.

python -m benchmarks.fidelity [--quick] [--only 1,5,jump,real | --real] [--jobs 2] [--folder FOLDER]
                              [--seed-offset N] [--no-write]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.fidelity import page, run
from benchmarks.fidelity.real.measure import FOLDER
from benchmarks.fidelity.real.recordings import FOLDER_VARIABLE
from benchmarks.fidelity.real.report import as_json
from benchmarks.fidelity.real.report import evaluate as evaluate_real
from benchmarks.fidelity.real.report import report as report_real
from benchmarks.fidelity.report import report, targets
from benchmarks.fidelity.results import evaluate
from benchmarks.fidelity.scenes import OUT, SCENES

_JUMP = "jump"
"""What is given in place of a scene's number for the recording with the real exposure jump."""

_REAL = "real"
"""What is given in place of a scene's number for the real recordings with ground truth."""

_UNMEASURED = (
    f"**REAL RECORDINGS WERE NOT MEASURED**: {FOLDER_VARIABLE} is unset. Set it to a folder of recordings with ground "
    "truth (docs/fidelity.md says what it holds). Figures of them on the page are those of an earlier run."
)
"""What is printed and written in place of the results of real recordings."""


def main() -> int:
    """Return 0 for any result: missed targets are in the tables; 2 if EDGEHEAT_TRUTH names no recordings."""
    arguments = _arguments()
    selection = _selection(arguments)
    try:
        selection.truth_folder()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measured = run.measure_all(selection, arguments.jobs, lambda line: print(line, file=sys.stderr, flush=True))
    results, real = measured.scenes, measured.real
    evaluated, of_real = evaluate(results, measured.jump), evaluate_real(real)
    commit, measured_on = machine.commit(), machine.describe()
    figures = [figure for each in [*evaluated, *of_real] if (figure := each.figure()) is not None]
    lines = "\n".join(figure.json_line(commit, measured_on, selection.seed_offset) for figure in figures)
    print(lines)
    tables = report(results, evaluated, measured.jump)
    real_tables = "\n\n".join([targets(of_real), *([report_real(real)] if real else [])])
    if results or measured.jump is not None:
        print(tables)
    print(real_tables if real else _UNMEASURED if selection.real else "")
    if real:
        kept = selection.folder / FOLDER / "results.json"
        kept.write_text(as_json(real, commit, measured_on) + "\n", encoding="utf-8")
        print(f"all scores and pictures to look at: {kept.parent}", file=sys.stderr)
    if len(results) == len(SCENES):
        (selection.folder / page.KEPT).write_text(lines + "\n")
    if selection == replace(_selection(None), folder=selection.folder) and not arguments.no_write:
        versions = measured_on.partition("Python")
        when = f"Measured on {datetime.now(UTC).date()}, commit {commit}, with {versions[1]}{versions[2]}."
        pictures = [run.picture_path(selection.folder, each) for each in results]
        unmeasured = [] if real else [_UNMEASURED]
        page.write("\n\n".join([when, *unmeasured, tables, *page.other_seeds(selection.folder)]), results, pictures)
        if real:
            page.write_real(f"{when}\n\n{real_tables}")
        print(f"written into {page.PAGE}", file=sys.stderr)
    return 0


def _selection(arguments: argparse.Namespace | None) -> run.Selection:
    """Return the selection for the arguments; None selects everything."""
    whole = run.Selection(OUT, rivals=True, jump=True, real=True, numbers=tuple(each.number for each in SCENES))
    if arguments is None:
        return whole
    offset = arguments.seed_offset
    folder = page.folder_of_seeds(arguments.folder, offset) if offset else arguments.folder
    # Real recordings are the same for all seeds.
    selection = replace(whole, folder=folder, rivals=not arguments.quick, real=not offset, seed_offset=offset)
    if arguments.only is None:
        return selection
    numbers = tuple(number for number in whole.numbers if number in arguments.only)
    return replace(selection, numbers=numbers, jump=_JUMP in arguments.only, real=_REAL in arguments.only)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fidelity", description="Measure how accurate the heat is."
    )
    parser.add_argument("--quick", action="store_true", help="edgeheat only, without the rivals; writes no page")
    parser.add_argument(
        "--only", type=_parts, metavar="1,5,jump,real", help="only these scenes or real recordings; writes no page"
    )
    parser.add_argument(
        "--real",
        dest="only",
        action="store_const",
        const={_REAL},
        help="only the real recordings with ground truth, as --only real",
    )
    parser.add_argument("--jobs", type=_jobs, default=2, help="number of processes, default 2")
    parser.add_argument("--folder", type=Path, default=OUT, help=f"folder of the recordings, default {OUT}")
    parser.add_argument("--seed-offset", type=int, default=0, metavar="N", help="draw other people; writes no page")
    parser.add_argument("--no-write", action="store_true", help=f"do not write {page.PAGE.name}")
    return parser.parse_args()


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes; it must be 1 or more")
    return int(text)


def _parts(text: str) -> set[int | str]:
    known = {str(each.number): each.number for each in SCENES} | {_JUMP: _JUMP, _REAL: _REAL}
    unknown = [part for part in text.split(",") if part not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown scene {unknown[0]!r}; known are {', '.join(known)}")
    return {known[part] for part in text.split(",")}


if __name__ == "__main__":
    sys.exit(main())
