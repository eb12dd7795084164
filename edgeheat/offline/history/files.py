"""Writes answers of history as pictures, tables, documents and arrays, by the endings of the files' names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgeheat.core.render.encode import encode
from edgeheat.errors import EdgeheatError
from edgeheat.history.answer import Answer, Row
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.offline.render import IMAGE_FORMATS

ANSWER_ENDINGS: Final = (*IMAGE_FORMATS, ".csv", ".json", ".npz")
"""File name endings of an answer."""


def check_outputs(outputs: Sequence[Path], history: Path) -> None:
    """Raise EdgeheatError where a file of an answer cannot be written; `history` is the file that is read."""
    if len({path.absolute() for path in outputs}) < len(outputs):
        raise EdgeheatError("two outputs have the same name: choose different ones")
    for path in outputs:
        check_target(path, ANSWER_ENDINGS, str(history))


def default_output(*words: str) -> Path:
    """Return the name of a picture in the current folder, of the words that are not empty: "door_2026-11-23.png"."""
    return Path(re.sub(r"[^\w.-]+", "_", " ".join(filter(None, words)).replace(":", "")) + ".png")


def stage_answer(outputs: StagedOutputs, path: Path, answer: Answer, quality: int) -> None:
    """Write an answer as the ending of `path` says; `quality` of JPEG and WebP is 1..100."""
    ending = path.suffix.lower()
    if ending == ".npz":
        arrays: dict[str, Any] = answer.arrays()
        outputs.stage(path, lambda file: np.savez_compressed(file, **arrays))
        return
    if ending == ".csv":
        data = table(answer.rows())
    elif ending == ".json":
        data = (json.dumps(answer.document(), indent=2, ensure_ascii=False) + "\n").encode()
    else:
        data = _encoded(path, answer, quality)
    outputs.stage(path, lambda file: file.write(data))


def table(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV: UTF-8, a comma between columns, empty where there is no figure."""
    text = io.StringIO(newline="")
    write_table(text, list(rows[0]), rows)
    return text.getvalue().encode()


def write_table(text: io.TextIOBase, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write rows as CSV with a heading; returns how many there were."""
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def _encoded(path: Path, answer: Answer, quality: int) -> bytes:
    try:
        return encode(answer.picture(), IMAGE_FORMATS[path.suffix.lower()], quality)[0]
    except ValueError as error:
        raise EdgeheatError(f"{path}: {error}: choose another format or a smaller max_width") from error
