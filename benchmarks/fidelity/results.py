"""What was measured on each scene, and the published figures with their targets that follow from all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.fidelity.measures import Scores
from benchmarks.figures import Figure

SCENES = 16
TOTAL_SCENES = (1, 2, 9, 13, 14)
"""Those in which nothing but people moves; there the total must be right."""

LEAST_CC, MOST_FALSE, MOST_OFF = 0.85, 0.1, 0.15
"""Targets for single scenes: CC, false share, and how far a total may be from 1."""


@dataclass(frozen=True, slots=True)
class SceneResult:
    """One scene, counted in all ways."""

    number: int
    slug: str
    title: str
    duration_s: float
    edgeheat: Scores
    rivals: dict[str, Scores]
    """By name; empty where they were left out."""

    @property
    def best_rival(self) -> str | None:
        """The name of the rival with the greatest CC."""
        return max(self.rivals, key=lambda name: self.rivals[name].cc, default=None)

    @property
    def lead(self) -> float | None:
        """Edgeheat's CC less the best rival's; None without rivals."""
        best = self.best_rival
        return None if best is None else self.edgeheat.cc - self.rivals[best].cc


@dataclass(frozen=True, slots=True)
class JumpShares:
    """What one way makes of an exposure jump; shares of the recording's whole heat, 0..1."""

    beyond: float
    """Heat of the jump's seconds beyond what the seconds around them give."""

    empty: float
    """Heat where nobody is, in the jump's seconds and those after, until the light is as before."""


@dataclass(frozen=True, slots=True)
class Jump:
    """The real recording whose exposure jumps."""

    duration_s: float
    edgeheat: JumpShares
    rivals: dict[str, JumpShares]
    """By name; empty where they were left out."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One target and what was measured for it."""

    id: str
    words: str
    unit: str
    better: Literal["lower", "higher"]
    target: float
    value: float | None
    """None: not measured."""

    duration_s: float

    def figure(self) -> Figure | None:
        """Return what is published; None where nothing was measured."""
        if self.value is None:
            return None
        return Figure(self.id, self.words, self.unit, (self.value,), self.duration_s, self.better, self.target)


Measure = Callable[[Sequence[SceneResult]], float | None]


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return sum(values) / len(values)


def _plain_cc(results: Sequence[SceneResult]) -> float | None:
    return next((each.edgeheat.cc for each in results if each.number == 1), None)


def _of_all(what: Callable[[Scores], float], fold: Callable[[Sequence[float]], float]) -> Measure:
    """A figure of all scenes together; not measured where some are missing."""

    def measure(results: Sequence[SceneResult]) -> float | None:
        return fold([what(each.edgeheat) for each in results]) if len(results) == SCENES else None

    return measure


def _worst_total(results: Sequence[SceneResult]) -> float | None:
    """How far the worst total is off, %."""
    ratios = [each.edgeheat.total_ratio for each in results if each.number in TOTAL_SCENES]
    told = [ratio for ratio in ratios if ratio is not None]
    return 100 * max(abs(ratio - 1) for ratio in told) if len(told) == len(TOTAL_SCENES) else None


def _mean_lead(results: Sequence[SceneResult]) -> float | None:
    """The mean CC less that of the rival whose mean is the greatest."""
    names = results[0].rivals if len(results) == SCENES else {}
    if not names:
        return None
    best = max(mean([each.rivals[name].cc for each in results]) for name in names)
    return mean([each.edgeheat.cc for each in results]) - best


def _scenes_ahead(results: Sequence[SceneResult]) -> float | None:
    leads = [each.lead for each in results]
    told = [lead for lead in leads if lead is not None]
    return float(sum(lead > 0 for lead in told)) if len(told) == SCENES else None


_TARGETS: tuple[tuple[str, str, str, Literal["lower", "higher"], float, Measure], ...] = (
    ("F1.cc", "CC, mean of all scenes", "", "higher", 0.94, _of_all(lambda s: s.cc, mean)),
    ("F1.cc.plain", "CC of scene 1, the plain aisle", "", "higher", 0.98, _plain_cc),
    ("F1.cc.worst", "CC of the worst scene", "", "higher", LEAST_CC, _of_all(lambda s: s.cc, min)),
    ("F1.sim", "SIM, mean of all scenes", "", "higher", 0.85, _of_all(lambda s: s.sim, mean)),
    ("F1.total", "total off by, worst of scenes 1, 2, 9, 13, 14", "%", "lower", 100 * MOST_OFF, _worst_total),
    ("F1.false", "false share, mean of all scenes", "%", "lower", 3.0, _of_all(lambda s: 100 * s.false_share, mean)),
    (
        "F1.false.worst",
        "false share of the worst scene",
        "%",
        "lower",
        100 * MOST_FALSE,
        _of_all(lambda s: 100 * s.false_share, max),
    ),
    ("F1.lead", "mean CC less the best rival's mean CC", "", "higher", 0.0, _mean_lead),
    ("F1.ahead", "scenes, of 16, with a greater CC than every rival", "", "higher", 13.0, _scenes_ahead),
)
_JUMP_TARGETS: tuple[tuple[str, str, Callable[[JumpShares], float]], ...] = (
    ("F1.jump", "real exposure jump: heat beyond that around it", lambda shares: shares.beyond),
    ("F1.jump.empty", "real exposure jump: heat where nobody is", lambda shares: shares.empty),
)
_MOST_OF_JUMP = 2.0
"""Percent of the recording's heat."""


def judge(results: Sequence[SceneResult], jump: Jump | None) -> list[Judged]:
    """Hold what was measured against the targets; `results` in any order, of some scenes or of all."""
    length_s = sum(each.duration_s for each in results)
    judged = [
        Judged(id_, words, unit, better, target, measure(results), length_s)
        for id_, words, unit, better, target, measure in _TARGETS
    ]
    for id_, words, share in _JUMP_TARGETS:
        value, length_s = (None, 0.0) if jump is None else (100 * share(jump.edgeheat), jump.duration_s)
        judged.append(Judged(id_, words, "%", "lower", _MOST_OF_JUMP, value, length_s))
    return judged
