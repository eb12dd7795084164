"""The results of each scene, and the published figures with their targets that are derived from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.fidelity.scores import Scores
from benchmarks.figures import Figure

SCENE_COUNT = 16
"""Number of scenes; figures of all scenes need that many results."""

TOTAL_SCENES = (1, 2, 9, 13, 14)
"""Numbers of the scenes in which only people move; there the total must be correct."""

MIN_CC = 0.85
"""Target for the CC of a single scene."""

MAX_FALSE_SHARE = 0.1
"""Target for the false share of a single scene, 0..1."""

MAX_TOTAL_ERROR = 0.15
"""Target for the distance of the total from 1, of a single scene of TOTAL_SCENES."""


@dataclass(frozen=True, slots=True)
class SceneResult:
    """The scores of all methods on one scene."""

    number: int
    slug: str
    title: str
    duration_s: float
    edgeheat: Scores
    rivals: dict[str, Scores]
    """By name; empty if they were omitted."""

    @property
    def best_rival(self) -> str | None:
        """Name of the rival with the highest CC; None without rivals."""
        return max(self.rivals, key=lambda name: self.rivals[name].cc, default=None)

    @property
    def lead(self) -> float | None:
        """CC of edgeheat minus that of the best rival; None without rivals."""
        best = self.best_rival
        return None if best is None else self.edgeheat.cc - self.rivals[best].cc


@dataclass(frozen=True, slots=True)
class JumpShares:
    """Heat that one method computes at an exposure jump; shares of the recording's whole heat, 0..1."""

    beyond: float
    """Heat during the jump minus the normal level of the seconds around it."""

    empty: float
    """Heat where nobody is, from the jump until the light is as before."""


@dataclass(frozen=True, slots=True)
class JumpResult:
    """The results of the real recording with an exposure jump."""

    duration_s: float
    edgeheat: JumpShares
    rivals: dict[str, JumpShares]
    """By name; empty if they were omitted."""


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target and the value measured for it."""

    id: str
    description: str
    unit: str
    better: Literal["lower", "higher"]
    target: float
    value: float | None
    """None: not measured."""

    duration_s: float

    def figure(self) -> Figure | None:
        """Return the published figure; None if nothing was measured."""
        if self.value is None:
            return None
        return Figure(self.id, self.description, self.unit, (self.value,), self.duration_s, self.better, self.target)


Measure = Callable[[Sequence[SceneResult]], float | None]


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return sum(values) / len(values)


def _plain_cc(results: Sequence[SceneResult]) -> float | None:
    """CC of scene 1, the plain aisle."""
    return next((each.edgeheat.cc for each in results if each.number == 1), None)


def _of_all(what: Callable[[Scores], float], fold: Callable[[Sequence[float]], float]) -> Measure:
    """Return a measure over all scenes; not measured if some are missing."""

    def measure(results: Sequence[SceneResult]) -> float | None:
        return fold([what(each.edgeheat) for each in results]) if len(results) == SCENE_COUNT else None

    return measure


def _worst_total(results: Sequence[SceneResult]) -> float | None:
    """Greatest distance of a total from 1, %; None if a scene of TOTAL_SCENES is missing."""
    ratios = [each.edgeheat.total_ratio for each in results if each.number in TOTAL_SCENES]
    known = [ratio for ratio in ratios if ratio is not None]
    return 100 * max(abs(ratio - 1) for ratio in known) if len(known) == len(TOTAL_SCENES) else None


def _mean_lead(results: Sequence[SceneResult]) -> float | None:
    """Mean CC of edgeheat minus that of the rival with the highest mean."""
    names = results[0].rivals if len(results) == SCENE_COUNT else {}
    if not names:
        return None
    best = max(mean([each.rivals[name].cc for each in results]) for name in names)
    return mean([each.edgeheat.cc for each in results]) - best


def _scenes_ahead(results: Sequence[SceneResult]) -> float | None:
    """Number of scenes with a higher CC than every rival; None if a scene or its rivals are missing."""
    leads = [each.lead for each in results]
    known = [lead for lead in leads if lead is not None]
    return float(sum(lead > 0 for lead in known)) if len(known) == SCENE_COUNT else None


_TARGETS: tuple[tuple[str, str, str, Literal["lower", "higher"], float, Measure], ...] = (
    ("F1.cc", "CC, mean of all scenes", "", "higher", 0.94, _of_all(lambda s: s.cc, mean)),
    ("F1.cc.plain", "CC of scene 1, the plain aisle", "", "higher", 0.98, _plain_cc),
    ("F1.cc.worst", "CC of the worst scene", "", "higher", MIN_CC, _of_all(lambda s: s.cc, min)),
    ("F1.sim", "SIM, mean of all scenes", "", "higher", 0.85, _of_all(lambda s: s.sim, mean)),
    ("F1.total", "total off by, worst of scenes 1, 2, 9, 13, 14", "%", "lower", 100 * MAX_TOTAL_ERROR, _worst_total),
    ("F1.false", "false share, mean of all scenes", "%", "lower", 3.0, _of_all(lambda s: 100 * s.false_share, mean)),
    (
        "F1.false.worst",
        "false share of the worst scene",
        "%",
        "lower",
        100 * MAX_FALSE_SHARE,
        _of_all(lambda s: 100 * s.false_share, max),
    ),
    ("F1.lead", "mean CC less the best rival's mean CC", "", "higher", 0.0, _mean_lead),
    ("F1.ahead", "scenes, of 16, with a greater CC than every rival", "", "higher", 13.0, _scenes_ahead),
)
"""Id, description, unit, which direction is better, target and function of each figure over all scenes."""

_JUMP_TARGETS: tuple[tuple[str, str, Callable[[JumpShares], float]], ...] = (
    ("F1.jump", "real exposure jump: heat beyond that around it", lambda shares: shares.beyond),
    ("F1.jump.empty", "real exposure jump: heat where nobody is", lambda shares: shares.empty),
)
"""Id, description and function of each figure of the exposure jump."""

_MAX_JUMP_PERCENT = 2.0
"""Target for both shares of the exposure jump, percent of the recording's heat."""


def evaluate(results: Sequence[SceneResult], jump: JumpResult | None) -> list[TargetResult]:
    """Compare the results with the targets; `results` in any order, of some scenes or of all."""
    length_s = sum(each.duration_s for each in results)
    evaluated = [
        TargetResult(id_, description, unit, better, target, measure(results), length_s)
        for id_, description, unit, better, target, measure in _TARGETS
    ]
    for id_, description, share in _JUMP_TARGETS:
        value, length_s = (None, 0.0) if jump is None else (100 * share(jump.edgeheat), jump.duration_s)
        evaluated.append(TargetResult(id_, description, "%", "lower", _MAX_JUMP_PERCENT, value, length_s))
    return evaluated
