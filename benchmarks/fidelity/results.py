"""The results of each scene, and the published figures with their targets that are derived from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.fidelity.scores import Scores
from benchmarks.figures import Figure

DISTURBANCES = range(1, 17)
"""Numbers of the scenes with one disturbance each; figures of all of them need that many results."""

SITUATIONS = range(17, 25)
"""Numbers of the scenes in which the people themselves are difficult; they have figures of their own."""

TOTAL_SCENES = (1, 2, 9, 13, 14)
"""Numbers of the scenes in which only people move; there the total must be correct."""

MIN_CC = 0.85
"""Target for the CC of a single scene."""

MAX_FALSE_SHARE = 0.1
"""Target for the false share of a single scene, 0..1."""

MAX_TOTAL_ERROR = 0.15
"""Target for the distance of the total from 1, of a single scene of TOTAL_SCENES."""

MIN_SITUATION_CC = 0.9
"""Target for the CC of a single scene of SITUATIONS."""

MAX_SITUATION_FALSE_SHARE = 0.05
"""Target for the false share of a single scene of SITUATIONS, 0..1."""

MAX_SITUATION_TOTAL_ERROR = 0.2
"""Target for the distance of the total from 1, of a single scene of SITUATIONS."""


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


def _of_all(
    what: Callable[[Scores], float], fold: Callable[[Sequence[float]], float], numbers: Sequence[int] = DISTURBANCES
) -> Measure:
    """Return a measure over all scenes with these numbers; not measured if some are missing."""

    def measure(results: Sequence[SceneResult]) -> float | None:
        known = [what(each.edgeheat) for each in results if each.number in numbers]
        return fold(known) if len(known) == len(numbers) else None

    return measure


def _worst_total(numbers: Sequence[int]) -> Measure:
    """Return a measure of the greatest distance of a total from 1, %; not measured if a scene is missing."""

    def measure(results: Sequence[SceneResult]) -> float | None:
        ratios = [each.edgeheat.total_ratio for each in results if each.number in numbers]
        known = [ratio for ratio in ratios if ratio is not None]
        return 100 * max(abs(ratio - 1) for ratio in known) if len(known) == len(numbers) else None

    return measure


def _mean_lead(results: Sequence[SceneResult]) -> float | None:
    """Mean CC of edgeheat minus that of the rival with the highest mean."""
    of = [each for each in results if each.number in DISTURBANCES]
    names = of[0].rivals if len(of) == len(DISTURBANCES) else {}
    if not names:
        return None
    best = max(mean([each.rivals[name].cc for each in of]) for name in names)
    return mean([each.edgeheat.cc for each in of]) - best


def _scenes_ahead(numbers: Sequence[int]) -> Measure:
    """Return a measure: the scenes with a higher CC than every rival; not measured if a scene or rivals are missing."""

    def measure(results: Sequence[SceneResult]) -> float | None:
        leads = [each.lead for each in results if each.number in numbers]
        known = [lead for lead in leads if lead is not None]
        return float(sum(lead > 0 for lead in known)) if len(known) == len(numbers) else None

    return measure


_TARGETS: tuple[tuple[str, str, str, Literal["lower", "higher"], float, Measure], ...] = (
    ("F1.cc", "CC, mean of scenes 1 to 16", "", "higher", 0.94, _of_all(lambda s: s.cc, mean)),
    ("F1.cc.plain", "CC of scene 1, the plain aisle", "", "higher", 0.98, _plain_cc),
    ("F1.cc.worst", "CC of the worst of scenes 1 to 16", "", "higher", MIN_CC, _of_all(lambda s: s.cc, min)),
    ("F1.sim", "SIM, mean of scenes 1 to 16", "", "higher", 0.85, _of_all(lambda s: s.sim, mean)),
    (
        "F1.total",
        "total off by, worst of scenes 1, 2, 9, 13, 14",
        "%",
        "lower",
        100 * MAX_TOTAL_ERROR,
        _worst_total(TOTAL_SCENES),
    ),
    (
        "F1.false",
        "false share, mean of scenes 1 to 16",
        "%",
        "lower",
        3.0,
        _of_all(lambda s: 100 * s.false_share, mean),
    ),
    (
        "F1.false.worst",
        "false share of the worst of scenes 1 to 16",
        "%",
        "lower",
        100 * MAX_FALSE_SHARE,
        _of_all(lambda s: 100 * s.false_share, max),
    ),
    ("F1.lead", "mean CC less the best rival's mean CC", "", "higher", 0.0, _mean_lead),
    (
        "F1.ahead",
        "scenes, of 1 to 16, with a greater CC than every rival",
        "",
        "higher",
        13.0,
        _scenes_ahead(DISTURBANCES),
    ),
    ("F1.situations.cc", "CC, mean of scenes 17 to 24", "", "higher", 0.95, _of_all(lambda s: s.cc, mean, SITUATIONS)),
    (
        "F1.situations.cc.worst",
        "CC of the worst of scenes 17 to 24",
        "",
        "higher",
        MIN_SITUATION_CC,
        _of_all(lambda s: s.cc, min, SITUATIONS),
    ),
    (
        "F1.situations.total",
        "total off by, worst of scenes 17 to 24",
        "%",
        "lower",
        100 * MAX_SITUATION_TOTAL_ERROR,
        _worst_total(SITUATIONS),
    ),
    (
        "F1.situations.false.worst",
        "false share of the worst of scenes 17 to 24",
        "%",
        "lower",
        100 * MAX_SITUATION_FALSE_SHARE,
        _of_all(lambda s: 100 * s.false_share, max, SITUATIONS),
    ),
    (
        "F1.situations.ahead",
        "scenes, of 17 to 24, with a greater CC than every rival",
        "",
        "higher",
        float(len(SITUATIONS)),
        _scenes_ahead(SITUATIONS),
    ),
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
