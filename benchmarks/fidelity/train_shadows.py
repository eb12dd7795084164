"""Fits the weights by which the shadow classifier tells people from light, and prints how well they separate them.

EDGEHEAT_TRUTH=FOLDER python -m benchmarks.fidelity.train_shadows [--write] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import inspect
import math
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fidelity import shadow_samples
from benchmarks.fidelity.logistic import auc, fit
from benchmarks.fidelity.page import PAGE
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.report import NOT_AVAILABLE, table
from benchmarks.fidelity.scenes import OUT, SCENES
from benchmarks.fidelity.shadow_samples import WEIGHTS, Samples
from benchmarks.marked_page import put_between_marks
from edgeheat.core.foreground import shadow_weights
from edgeheat.core.foreground.shadow_evidence import ShadowWeights
from edgeheat.core.grid.frames import F64

_SUNLIT = frozenset((15, 23))
"""Numbers of the scenes with sunlight or headlights: infra-red pictures show neither, so GREY is fitted without."""

_TRAINED = frozenset((1, 8, 9, 18)) | _SUNLIT
"""Numbers of the scenes that the weights are fitted on, besides the real recordings that may be tuned on."""

_HELD_OUT = frozenset((2, 10, 20))
"""Numbers of the scenes that are only evaluated on."""

_GREY_WEIGHTS = ("constant", "darker", "brighter")
"""The weights of a grey picture. Roughness is not among them: at night there is noise instead of texture."""

_DECIMALS = 2
"""The weights are rounded to so many decimals."""

WRITTEN = Path(inspect.getfile(shadow_weights))
"""The module with the weights."""

_PAGE_MARKS = ("<!-- shadows: begin -->", "<!-- shadows: end -->")
"""The lines above and below the tables of the training in docs/fidelity.md."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The samples of a recording, and what they are used for."""

    title: str
    samples: Samples
    trained: bool
    """Whether COLOUR is fitted on it; False: held out."""

    sunlit: bool = False
    """Whether GREY is not fitted on it."""


def main() -> int:
    """Return 0; 2 if EDGEHEAT_TRUTH is unset or names no recordings that can be trained on."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    try:
        taken = _recordings(arguments.folder)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    colour, grey = train(taken)
    text = report(taken, colour, grey)
    print(text)
    if arguments.write:
        WRITTEN.write_text(source(colour, grey), encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(put_between_marks(page, text, _PAGE_MARKS), encoding="utf-8")
        print(f"written into {WRITTEN} and {PAGE}", file=sys.stderr)
    elif (colour, grey) != (shadow_weights.COLOUR, shadow_weights.GREY):
        print(f"not those in {WRITTEN}; --write replaces them", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fidelity.train_shadows",
        description="Fit the weights by which people are distinguished from shadows and light.",
    )
    parser.add_argument("--write", action="store_true", help=f"replace {WRITTEN.name} and the table in {PAGE.name}")
    parser.add_argument("--folder", type=Path, default=OUT, help=f"folder of the drawn scenes, default {OUT}")
    return parser.parse_args()


def _recordings(folder: Path) -> list[Recording]:
    """Return the samples of all recordings. Raises ValueError if those to train on are not there."""
    truth = recordings.folder()
    names = recordings.names(truth) if truth is not None else []
    missing = recordings.TUNED.difference(names)
    if truth is None or missing:
        raise ValueError(
            f"the weights are fitted on real recordings: set {recordings.FOLDER_VARIABLE} to a folder that holds "
            f"NAME.mp4 and NAME.npz of {', '.join(sorted(missing))} (docs/fidelity.md)"
        )
    taken = []
    for name in names:
        print(f"recording {name}", file=sys.stderr, flush=True)
        samples = shadow_samples.take(shadow_samples.of_recording(truth, name))
        taken.append(Recording(name, samples, name in recordings.TUNED))
    for scene in SCENES:
        if scene.number in _TRAINED | _HELD_OUT:
            print(f"scene {scene.number} {scene.name}", file=sys.stderr, flush=True)
            samples = shadow_samples.take(shadow_samples.of_scene(scene, folder))
            title = f"{scene.number} {scene.title}"
            taken.append(Recording(title, samples, scene.number in _TRAINED, scene.number in _SUNLIT))
    return taken


def train(taken: Sequence[Recording]) -> tuple[ShadowWeights, ShadowWeights]:
    """Return COLOUR and GREY, fitted on the recordings that are not held out, rounded."""
    trained = [each for each in taken if each.trained]
    not_sunlit = [each.samples for each in trained if not each.sunlit]
    return fit_weights([each.samples for each in trained], WEIGHTS), fit_weights(not_sunlit, _GREY_WEIGHTS)


def fit_weights(of: Sequence[Samples], names: Sequence[str]) -> ShadowWeights:
    """Return these weights as fitted, rounded, and all others 0.

    Each recording counts the same, and in each of them people count as much as light.
    """
    columns = [WEIGHTS.index(name) for name in names]
    fitted = fit(
        np.concatenate([each.design[:, columns] for each in of]),
        np.concatenate([each.person for each in of]),
        np.concatenate([_shares(each) for each in of]),
    )
    return ShadowWeights(**{name: round(float(weight), _DECIMALS) for name, weight in zip(names, fitted, strict=True)})


def _shares(of: Samples) -> F64:
    people, light = of.counts
    return np.where(of.person, 0.5 / max(people, 1), 0.5 / max(light, 1))


def report(taken: Sequence[Recording], colour: ShadowWeights, grey: ShadowWeights) -> str:
    """Return tables of the weights, and of how well they separate people from light, as Markdown."""
    head = ["recording", "", "cells of people", "of light", "AUC with colour", "AUC without"]
    rows = []
    for label, trained in (("trained on", True), ("held out", False)):
        of = [each for each in taken if each.trained is trained]
        areas = [(_auc(each.samples, colour), _auc(each.samples, grey)) for each in of]
        for each, both in zip(of, areas, strict=True):
            rows.append([each.title, label, *(str(count) for count in each.samples.counts), *map(_cell, both)])
        if of:
            rows.append(["mean", label, "", "", *map(_cell, np.nanmean(areas, axis=0))])
    return f"{weights_table(colour, grey)}\n\n{table(head, rows)}"


def weights_table(colour: ShadowWeights, grey: ShadowWeights) -> str:
    """Return the weights as a Markdown table."""
    rows = [
        [f"`{name}`", *(f"{value:g}" for value in both)]
        for name, *both in zip(WEIGHTS, astuple(colour), astuple(grey), strict=True)
    ]
    return table(["weight", "`COLOUR`", "`GREY`"], rows)


def _cell(area: float) -> str:
    return NOT_AVAILABLE if math.isnan(area) else f"{area:.3f}"


def _auc(of: Samples, weights: ShadowWeights) -> float:
    return auc(of.design.astype(np.float64) @ np.array(astuple(weights)), of.person)


def source(colour: ShadowWeights, grey: ShadowWeights) -> str:
    """Return the text of the module with the weights."""
    return _MODULE.format(colour=_call(colour), grey=_call(grey))


def _call(weights: ShadowWeights) -> str:
    given = [(name, value) for name, value in zip(WEIGHTS, astuple(weights), strict=True) if value != 0.0]
    return "".join(f"    {name}={value!r},\n" for name, value in given)


_MODULE = '''"""The weights by which the shadow classifier tells a person from light.

Written by `python -m benchmarks.fidelity.train_shadows --write`, which fits them; docs/fidelity.md says on what.
"""

from __future__ import annotations

from edgeheat.core.foreground.shadow_evidence import ShadowWeights

COLOUR = ShadowWeights(
{colour})
"""For pictures with colour."""

GREY = ShadowWeights(
{grey})
"""For pictures without colour, as in infra-red, in which the sun does not shine."""
'''


if __name__ == "__main__":
    sys.exit(main())
