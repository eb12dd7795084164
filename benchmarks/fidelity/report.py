"""Formats the results as the Markdown tables that are printed and written to docs/fidelity.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from benchmarks.fidelity.exposure_jump import AROUND_S, BRIGHTER_S, EMPTY_LEFT_RATIO, JUMP_S, RECORDING
from benchmarks.fidelity.results import (
    MAX_FALSE_SHARE,
    MAX_SITUATION_FALSE_SHARE,
    MAX_SITUATION_TOTAL_ERROR,
    MAX_TOTAL_ERROR,
    MIN_CC,
    MIN_SITUATION_CC,
    SITUATIONS,
    TOTAL_SCENES,
    JumpResult,
    SceneResult,
    TargetResult,
    mean,
)
from benchmarks.fidelity.rivals import RIVALS
from benchmarks.fidelity.scores import Scores

NOT_AVAILABLE = "n/a"
"""In place of a value that does not exist."""


def report(results: Sequence[SceneResult], evaluated: Sequence[TargetResult], jump: JumpResult | None) -> str:
    """Return all tables, one below the other; without rivals those about rivals are omitted."""
    tables = [targets(evaluated)]
    situations = [each for each in results if each.number in SITUATIONS]
    for group in ([each for each in results if each not in situations], situations):
        if group:
            tables.append(scenes(group))
        if group and group[0].rivals:
            tables.append(methods(group))
    if jump is not None:
        tables.append(exposure(jump))
    if short := shortfalls(results):
        tables.append(short)
    return "\n\n".join(tables)


def scenes(results: Sequence[SceneResult]) -> str:
    """Return a row for each scene, the means and the worst; the best rival's CC is bold if not below edgeheat's."""
    names = list(results[0].rivals)
    head = ["#", "scene", "CC", "SIM", "total", "false share", *names, *(["best rival"] if names else [])]
    rows = [_scene_row(each, names) for each in sorted(results, key=lambda each: each.number)]
    rows += [_summary_row("mean", results, names, mean, mean), _summary_row("worst", results, names, min, max)]
    return table(head, rows)


def _scene_row(result: SceneResult, names: Sequence[str]) -> list[str]:
    cells = [f"{result.number}", result.title, *_cells(result.edgeheat)]
    cells += [f"{result.rivals[name].cc:.3f}" for name in names]
    if result.best_rival is not None and result.lead is not None:
        best = f"{result.rivals[result.best_rival].cc:.3f}"
        cells.append(best if result.lead > 0 else f"**{best}**")
    return cells


Summary = Callable[[Sequence[float]], float]


def _summary_row(
    label: str, results: Sequence[SceneResult], names: Sequence[str], good: Summary, bad: Summary
) -> list[str]:
    """Summarise all scenes in one row; `good` summarises what should be high, `bad` what should be low."""
    scores = [each.edgeheat for each in results]
    summarised = summarised_scores(scores, good, bad)
    cells = [
        "",
        label,
        *_cells(summarised),
        *(f"{good([each.rivals[name].cc for each in results]):.3f}" for name in names),
    ]
    if names:
        best = [max(each.rivals[name].cc for name in names) for each in results]
        cells.append(f"{good(best):.3f}")
    return cells


def summarised_scores(scores: Sequence[Scores], good: Summary, bad: Summary) -> Scores:
    """Summarise each score; unless `bad` is the mean, the total is the one farthest from 1."""
    totals = [each.total_ratio for each in scores if each.total_ratio is not None]
    total: float | None = None
    if totals:
        total = mean(totals) if bad is mean else max(totals, key=lambda ratio: abs(ratio - 1))
    return Scores(
        good([each.cc for each in scores]),
        good([each.sim for each in scores]),
        total,
        bad([each.false_share for each in scores]),
    )


def methods(results: Sequence[SceneResult]) -> str:
    """Return a row for edgeheat and for each rival: means, and the worst scene."""
    by_method = {"**edgeheat**": [each.edgeheat for each in results]}
    labels = {rival.name: f"{rival.name} ({rival.origin})" for rival in RIVALS}
    for name in results[0].rivals:
        by_method[labels.get(name, name)] = [each.rivals[name] for each in results]
    head = ["way", "CC mean", "worst", "SIM mean", "worst", "total mean", "worst", "false share mean", "worst"]
    rows = []
    for label, scores in by_method.items():
        means, worst = _cells(summarised_scores(scores, mean, mean)), _cells(summarised_scores(scores, min, max))
        rows.append([label, *(cell for pair in zip(means, worst, strict=True) for cell in pair)])
    return table(head, rows)


def targets(evaluated: Sequence[TargetResult]) -> str:
    """Return each target, the measured value, and whether the target was met or missed."""
    sign = {"lower": "≤", "higher": "≥"}
    rows = []
    for each in evaluated:
        figure = each.figure()
        verdict = {None: "", True: "met", False: "**missed**"}[None if figure is None else figure.met]
        value = "not measured" if each.value is None else _with_unit(each.value, each.unit)
        rows.append(
            [each.id, each.description, f"{sign[each.better]} {_with_unit(each.target, each.unit)}", value, verdict]
        )
    return table(["id", "figure", "target", "measured", ""], rows)


def shortfalls(results: Sequence[SceneResult]) -> str:
    """Return a list of the targets missed on single scenes; empty if there are none."""
    found = []
    for each in results:
        shortcomings = []
        if each.best_rival is not None and each.lead is not None and each.lead <= 0:
            shortcomings.append(f"{each.best_rival} is ahead with a CC of {each.rivals[each.best_rival].cc:.3f}")
        if each.edgeheat.cc < (MIN_SITUATION_CC if each.number in SITUATIONS else MIN_CC):
            shortcomings.append(f"CC is {each.edgeheat.cc:.3f}")
        if each.edgeheat.false_share > (MAX_SITUATION_FALSE_SHARE if each.number in SITUATIONS else MAX_FALSE_SHARE):
            shortcomings.append(f"{100 * each.edgeheat.false_share:.0f} % of the heat is false")
        total = each.edgeheat.total_ratio
        if total is not None and abs(total - 1) > _max_total_error(each):
            shortcomings.append(f"the total is {total:.2f} of the truth")
        if shortcomings:
            found.append(f"- {each.number}, {each.title}: {'; '.join(shortcomings)}.")
    return "\n".join(["What falls short:", "", *found]) if found else ""


def _max_total_error(result: SceneResult) -> float:
    """Return the target for the distance of the total from 1; infinite without one."""
    if result.number in SITUATIONS:
        return MAX_SITUATION_TOTAL_ERROR
    return MAX_TOTAL_ERROR if result.number in TOTAL_SCENES else math.inf


def exposure(jump: JumpResult) -> str:
    """Return the share of a real recording's heat that comes from its exposure jump, for each method."""
    around = " and ".join(f"{start}-{end} s" for start, end in AROUND_S)
    beyond = f"{JUMP_S[0]}-{JUMP_S[1]} s beyond what {around} give"
    empty = f"{BRIGHTER_S[0]}-{BRIGHTER_S[1]} s in the left {100 * EMPTY_LEFT_RATIO:.0f} %, where nobody is"
    shares = {"**edgeheat**": jump.edgeheat, **jump.rivals}
    rows = [[name, f"{100 * each.beyond:.1f} %", f"{100 * each.empty:.1f} %"] for name, each in shares.items()]
    return table([f"`{RECORDING}`, share of its heat", beyond, empty], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(3, *(len(line[column]) for line in (head, *rows))) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def _cells(scores: Scores) -> list[str]:
    total = NOT_AVAILABLE if scores.total_ratio is None else f"{scores.total_ratio:.2f}"
    return [f"{scores.cc:.3f}", f"{scores.sim:.3f}", total, f"{100 * scores.false_share:.1f} %"]


def _with_unit(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()


def picture_lines(results: Sequence[SceneResult], names: Sequence[str]) -> str:
    """Return the part of the page that shows the pictures; `names`: their paths relative to the page."""
    parts = []
    for result, name in zip(results, names, strict=True):
        best = f", {result.best_rival}" if result.best_rival is not None else ""
        parts.append(f"**{result.number} {result.title}**\n\n![A frame, the truth, edgeheat{best}]({name})")
    return "\n\n".join(parts)
