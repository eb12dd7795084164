"""The published figures: the worst run compared with the target, as a Markdown table and as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its value in each run."""

    id: str
    description: str
    unit: str
    """Empty for a ratio."""

    runs: tuple[float, ...]
    duration_s: float
    """Length of the measured interval of one run."""

    better: Literal["lower", "higher"] = "lower"
    target: float | None = None
    """None: for information, without a target."""

    @property
    def value(self) -> float:
        """The worst run."""
        return max(self.runs) if self.better == "lower" else min(self.runs)

    @property
    def met(self) -> bool | None:
        """Whether the worst run meets the target; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def json_line(self, commit: str, machine: str, seed: int) -> str:
        """Return the figure as one line of JSON."""
        fields = {
            "id": self.id,
            "figure": self.description,
            "value": round(self.value, 4),
            "unit": self.unit,
            "target": self.target,
            "pass": self.met,
            "runs": [round(run, 4) for run in self.runs],
            "commit": commit,
            "machine": machine,
            "duration": self.duration_s,
            "seed": seed,
        }
        return json.dumps(fields, ensure_ascii=False)

    def row(self) -> str:
        """Return the figure as one row of the table."""
        sign = {"lower": "≤", "higher": "≥"}[self.better]
        target = "" if self.target is None else f"{sign} {self._with_unit(self.target)}"
        verdict = {None: "", True: "yes", False: "**no**"}[self.met]
        runs = ", ".join(f"{run:.3g}" for run in self.runs)
        return f"| {self.id} | {self.description} | {target} | {self._with_unit(self.value)} | {runs} | {verdict} |"

    def _with_unit(self, value: float) -> str:
        return f"{value:.3g} {self.unit}".rstrip()


def table(figures: Sequence[Figure]) -> str:
    """Return all figures as a Markdown table."""
    head = ["| id | figure | target | worst run | runs | met |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(figure.row() for figure in figures)])
