"""Counts one real recording with edgeheat and with the classic methods, and scores the heats."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fidelity import pictures
from benchmarks.fidelity.count import frames, total_heat
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.real.recordings import RealRecording, Variant
from benchmarks.fidelity.real.scores import RealScores, score
from benchmarks.fidelity.rivals import CLASSIC
from benchmarks.fidelity.scores import AnyMap
from edgeheat.core.grid.frames import F64

FOLDER = "real"
"""Name of the folder, next to the synthetic recordings, of variants and pictures, which must not be published."""


@dataclass(frozen=True, slots=True)
class RealResult:
    """The scores of all methods on one variant of one recording."""

    name: str
    variant: str
    length_s: float
    """Length of the scored frames."""

    edgeheat: RealScores
    classic: dict[str, RealScores]
    """By the method's name; empty if they were omitted."""

    @property
    def best(self) -> str | None:
        """Name of the classic method with the highest CC; None without."""
        return max(self.classic, key=lambda name: self.classic[name].cc, default=None)

    @property
    def lead(self) -> float | None:
        """CC of edgeheat minus that of the best classic method; None without."""
        return None if self.best is None else self.edgeheat.cc - self.classic[self.best].cc

    @property
    def held_out(self) -> bool:
        """Whether the default settings were tuned without this recording."""
        return self.name not in recordings.TUNED


def measure(source: Path, name: str, variant: Variant, folder: Path, *, classic: bool) -> RealResult:
    """Measure one variant of one recording; its row of pictures, for looking at by hand, is written into `folder`."""
    recording = recordings.opened(source, name, variant, folder)
    heat_s = edgeheat_heat(recording)
    heats = classic_heats(recording) if classic else {}
    in_seconds = {method.name: method.in_seconds for method in CLASSIC}
    result = RealResult(
        name,
        variant.name,
        recording.length_s,
        score(heat_s, recording.presence_s, recording.scored),
        {
            method: score(heat, recording.presence_s, recording.scored, in_seconds=in_seconds[method])
            for method, heat in heats.items()
        },
    )
    panels: list[tuple[str, AnyMap]] = [("truth", recording.presence_s)]
    panels.append((f"edgeheat, CC {result.edgeheat.cc:.2f}", heat_s.clip(0)))
    if result.best is not None:
        panels.append((f"{result.best}, CC {result.classic[result.best].cc:.2f}", heats[result.best].clip(0)))
    samples = pictures.SampledPictures(every_s=1.0)
    for frame in itertools.islice(frames(recording.video), recording.before, recording.until):
        samples.add(frame)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{variant.name}.jpg"
    path.write_bytes(pictures.encode(pictures.row(samples.taken, panels)))
    return result


def edgeheat_heat(recording: RealRecording) -> F64:
    """Return the heat of the scored frames on edgeheat's grid: of two runs, one up to the last, one up to the first.

    One run read at two frames would not be the same: seconds of people who stand are confirmed later.
    """
    heat_s = total_heat(recording.video, count=recording.until)
    return heat_s if recording.before == 0 else heat_s - total_heat(recording.video, count=recording.before)


def classic_heats(recording: RealRecording) -> dict[str, F64]:
    """Return the heat of the scored frames of each classic method, in full size, by name."""
    running = [method() for method in CLASSIC]
    earlier: list[F64] = []
    for number, frame in enumerate(itertools.islice(frames(recording.video), recording.until)):
        if number == recording.before and number > 0:
            earlier = [method.heat() for method in running]
        bgr = frame.colour(frame.size_wh)
        for method in running:
            method.add(bgr, frame.mono_s)
    heats = {method.name: method.heat() for method in running}
    return {name: heats[name] - before for name, before in zip(heats, earlier, strict=True)} if earlier else heats
