"""The sixteen scenes with known truth, filmed once through a real encoder and kept."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fidelity import shots
from benchmarks.fidelity.encode import encode
from benchmarks.fidelity.shots import PICTURE_WH, Shot
from edgeheat.core.grid.frames import U8
from edgeheat.sources.synthetic.scene import Truth

OUT = Path(__file__).parent.parent / "out" / "fidelity"
_DRAWN_BY = (Path(__file__).parent, Path(inspect.getfile(Truth)).parent)
_FIRST_SEED = 100
_DRAWING = ("space.py", "people.py", "light.py", "lens.py", "things.py", "encode.py")


@dataclass(frozen=True, slots=True)
class FidelityScene:
    """One scene of the benchmark."""

    number: int
    name: str
    """Short, for file names."""

    title: str
    """For tables."""

    duration_s: float
    stage: Callable[[float, int], Shot]
    """Gives the scene ready to be filmed, of that many seconds and from that seed."""


SCENES = (
    FidelityScene(1, "plain-aisle", "plain aisle", 240, shots.plain_aisle),
    FidelityScene(2, "strong-noise", "strong sensor noise, low bit rate", 240, shots.strong_noise),
    FidelityScene(3, "lamps", "lamps off and on again", 285, shots.lamps),
    FidelityScene(4, "daylight", "slow daylight drift", 280, shots.daylight),
    FidelityScene(5, "night-switch", "night switch to infra-red and back", 270, shots.night_switch),
    FidelityScene(6, "exposure", "exposure pumps as people come near", 240, shots.exposure),
    FidelityScene(7, "screens", "screens, swinging sign, plant in a fan", 240, shots.screens),
    FidelityScene(8, "shadows", "hard shadows, floor reflections", 240, shots.shadows),
    FidelityScene(9, "standing", "standing still for 3 minutes", 360, shots.standing),
    FidelityScene(10, "first-frame", "people there from the first frame leave", 240, shots.first_frame),
    FidelityScene(11, "pallet", "a pallet stays, a stand is taken away", 360, shots.pallet),
    FidelityScene(12, "bump", "camera bumped, then still", 240, shots.bump),
    FidelityScene(13, "dense-queue", "dense queue", 240, shots.dense_queue),
    FidelityScene(14, "irregular", "1 to 15 frames a second, gaps", 240, shots.irregular),
    FidelityScene(15, "beams", "headlights and sun through the window", 240, shots.beams),
    FidelityScene(16, "night-insects", "insects and rain at the lens, night", 280, shots.night_insects),
)
"""All of them, by number."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A filmed scene."""

    scene: FidelityScene
    video: Path
    truth: Truth
    """Seconds at the picture's size, (360, 640); from the first frame to the scene's end."""


def make(scene: FidelityScene, folder: Path = OUT, seed_offset: int = 0) -> Clip:
    """Return the scene's clip, filmed by the first call, and again when the code that draws it has changed.

    Another `seed_offset` gives other people, goods and noise in the same troubles, in a file of its own.
    """
    name = f"{scene.number:02d}-{scene.name}" + (f"-seed{seed_offset:+d}" if seed_offset else "")
    video, kept = folder / f"{name}.mp4", folder / f"{name}.npz"
    seed = _FIRST_SEED + scene.number + seed_offset
    key = _key(scene, seed)
    if video.exists() and kept.exists():
        with np.load(kept) as arrays:
            if str(arrays["key"]) == key:
                return Clip(scene, video, Truth(arrays["moving_s"], arrays["standing_s"]))
    folder.mkdir(parents=True, exist_ok=True)
    shot = scene.stage(scene.duration_s, seed)
    unfinished = video.with_suffix(".part")
    encode(unfinished, PICTURE_WH, shot.rate, _pictures(shot))
    truth = shot.scene.truth(0.0, scene.duration_s)
    unfinished_truth = kept.with_suffix(".part.npz")
    np.savez_compressed(unfinished_truth, key=key, moving_s=truth.moving_s, standing_s=truth.standing_s)
    kept.unlink(missing_ok=True)  # so that no old truth is ever beside a new video
    unfinished.rename(video)
    unfinished_truth.rename(kept)
    return Clip(scene, video, truth)


def _pictures(shot: Shot) -> Iterator[tuple[float, U8]]:
    for number, t_s in enumerate(shot.times_s):
        yield float(t_s), shot.scene.bgr(shot.scene.moment(float(t_s), number))


def _key(scene: FidelityScene, seed: int) -> str:
    """Return what the clip depends on, digested: the scene's own parameters and the code that draws it."""
    digest = hashlib.sha256(json.dumps([seed, scene.duration_s]).encode())
    staging = inspect.getsource(shots)
    for other in SCENES:
        if other.number != scene.number:
            staging = staging.replace(inspect.getsource(other.stage), "")
    digest.update(staging.encode())
    ours, synthetic = _DRAWN_BY
    for path in [*(ours / name for name in _DRAWING), *sorted(synthetic.glob("*.py"))]:
        if path.name == "source.py":  # how the scene is asked for as a camera
            continue
        digest.update(path.read_bytes())
    return digest.hexdigest()
