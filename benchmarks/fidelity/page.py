"""Writes the results into docs/fidelity.md with its pictures, and reads results of runs with other seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fidelity.report import picture_lines, table
from benchmarks.fidelity.results import SceneResult
from benchmarks.marked_page import put_between_marks

PAGE = Path(__file__).parent.parent.parent / "docs" / "fidelity.md"
"""The page with the table and the pictures."""

_REAL_MARKS = ("<!-- real: begin -->", "<!-- real: end -->")
"""The lines above and below the tables of the real recordings, which stay as they are if those are not measured."""

KEPT = "figures.jsonl"
"""Name of the file, next to the recordings, with the figures of a run over all scenes."""

_SEEDS = "seeds-plus-"
"""Prefix of the folder of a run with other seeds; the offset follows."""


def write(measured: str, results: Sequence[SceneResult], pictures: Sequence[Path], page: Path = PAGE) -> None:
    """Insert `measured` into the page, and replace all pictures of the page by those of the scenes."""
    folder = page.parent / "images" / page.stem
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    for picture in pictures:
        (folder / picture.name).write_bytes(picture.read_bytes())
    names = [f"{folder.relative_to(page.parent)}/{picture.name}" for picture in pictures]
    text = put_between_marks(page.read_text(encoding="utf-8"), f"{measured}\n\n{picture_lines(results, names)}")
    page.write_text(text, encoding="utf-8")


def write_real(measured: str, page: Path = PAGE) -> None:
    """Insert the tables of the real recordings into the page; never a picture of them."""
    page.write_text(put_between_marks(page.read_text(encoding="utf-8"), measured, _REAL_MARKS), encoding="utf-8")


def folder_of_seeds(folder: Path, offset: int) -> Path:
    """Return the folder of a run with other seeds."""
    return folder / f"{_SEEDS}{offset}"


def other_seeds(folder: Path) -> list[str]:
    """Return a table of the results of complete runs with other seeds, as a list of none or one."""
    runs = {
        int(kept.parent.name.removeprefix(_SEEDS)): [json.loads(line) for line in kept.read_text().splitlines() if line]
        for kept in folder.glob(f"{_SEEDS}*/{KEPT}")
    }
    wanted = {
        "F1.cc": "1 to 16: CC mean",
        "F1.cc.worst": "CC worst",
        "F1.sim": "SIM mean",
        "F1.false": "false share mean, %",
        "F1.situations.cc": "17 to 24: CC mean",
        "F1.situations.cc.worst": "CC worst",
        "F1.situations.false.worst": "false share worst, %",
    }
    rows = []
    for offset, figures in sorted(runs.items()):
        values = {figure["id"]: figure["value"] for figure in figures}
        if wanted.keys() <= values.keys():
            rows.append([f"+{offset}", figures[0]["commit"], *(f"{values[id_]:.3g}" for id_ in wanted)])
    return [table(["held-out seeds", "commit", *wanted.values()], rows)] if rows else []
