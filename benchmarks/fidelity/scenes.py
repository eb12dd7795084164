"""The scenes with known ground truth: draws and encodes each once, and keeps the recordings."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fidelity import scene_setups, situation_setups
from benchmarks.fidelity.encode import encode
from benchmarks.fidelity.scene_setups import PICTURE_WH, SceneSetup
from edgeheat.core.grid.frames import U8
from edgeheat.sources.synthetic.scene import Truth

OUT = Path(__file__).parent.parent / "out" / "fidelity"
"""Folder of the recordings, which git ignores."""

_DRAWN_BY = (Path(__file__).parent, Path(inspect.getfile(Truth)).parent)
"""The folders of the code that draws the scenes: this package, and the synthetic shop."""

_FIRST_SEED = 100
"""The seed of a scene is this plus its number."""

_DRAWING = ("geometry.py", "people.py", "light_effects.py", "camera_effects.py", "object_effects.py", "encode.py")
"""The modules of this package that draw or encode; a change of one of them draws the recordings again."""

_SITUATION_DRAWING = ("passers.py", "seated.py", "situation_effects.py")
"""Further modules that draw only the scenes of `situation_setups`."""


@dataclass(frozen=True, slots=True)
class FidelityScene:
    """One scene of the benchmark."""

    number: int
    name: str
    """Short name, for file names."""

    title: str
    """Name in tables."""

    duration_s: float
    build: Callable[[float, int], SceneSetup]
    """Builds the scene from its length in seconds and its seed."""


SCENES = (
    FidelityScene(1, "plain-aisle", "plain aisle", 240, scene_setups.plain_aisle),
    FidelityScene(2, "strong-noise", "strong sensor noise, low bit rate", 240, scene_setups.strong_noise),
    FidelityScene(3, "lamps", "lamps off and on again", 285, scene_setups.lamps),
    FidelityScene(4, "daylight", "slow daylight drift", 280, scene_setups.daylight),
    FidelityScene(5, "night-switch", "night switch to infra-red and back", 270, scene_setups.night_switch),
    FidelityScene(6, "exposure", "exposure pumps as people come near", 240, scene_setups.exposure),
    FidelityScene(7, "screens", "screens, swinging sign, plant in a fan", 240, scene_setups.screens),
    FidelityScene(8, "shadows", "hard shadows, floor reflections", 240, scene_setups.shadows),
    FidelityScene(9, "standing", "standing still for 3 minutes", 360, scene_setups.standing),
    FidelityScene(10, "first-frame", "people there from the first frame leave", 240, scene_setups.first_frame),
    FidelityScene(11, "pallet", "a pallet stays, a stand is taken away", 360, scene_setups.pallet),
    FidelityScene(12, "bump", "camera bumped, then still", 240, scene_setups.bump),
    FidelityScene(13, "dense-queue", "dense queue", 240, scene_setups.dense_queue),
    FidelityScene(14, "irregular", "1 to 15 frames a second, gaps", 240, scene_setups.irregular),
    FidelityScene(15, "beams", "headlights and sun through the window", 240, scene_setups.beams),
    FidelityScene(16, "night-insects", "insects and rain at the lens, night", 280, scene_setups.night_insects),
    FidelityScene(17, "near-crowd", "crowd close to the lens", 180, situation_setups.near_crowd),
    FidelityScene(18, "bright-window", "small dark people before a bright window", 180, situation_setups.bright_window),
    FidelityScene(19, "attendants", "attendants there for the whole run", 240, situation_setups.attendants),
    FidelityScene(20, "seats", "people sit for one to four minutes", 300, situation_setups.seats),
    FidelityScene(21, "draught", "plant in a draught beside a seated person", 200, situation_setups.draught),
    FidelityScene(22, "on-screen-text", "on-screen clock and text", 200, situation_setups.on_screen_text),
    FidelityScene(23, "sunlight", "moving edge of sunlight, clouds", 240, situation_setups.sunlight),
    FidelityScene(24, "branch", "twig and spider web close to the lens", 200, situation_setups.branch),
)
"""All of them, by number."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The recording of a scene."""

    scene: FidelityScene
    video: Path
    truth: Truth
    """Ground truth in seconds at the picture's size, (360, 640), from the first frame to the scene's end."""


def make(scene: FidelityScene, folder: Path = OUT, seed_offset: int = 0) -> Clip:
    """Return the scene's clip; it is drawn by the first call, and again after the code that draws it has changed.

    Another `seed_offset` gives other people, goods and noise with the same disturbances, in a separate file.
    """
    name = f"{scene.number:02d}-{scene.name}" + (f"-seed{seed_offset:+d}" if seed_offset else "")
    video, kept = folder / f"{name}.mp4", folder / f"{name}.npz"
    key = _key(scene, _seed(scene, seed_offset))
    if video.exists() and kept.exists():
        with np.load(kept) as arrays:
            if str(arrays["key"]) == key:
                return Clip(scene, video, Truth(arrays["moving_s"], arrays["standing_s"]))
    folder.mkdir(parents=True, exist_ok=True)
    setup = setup_of(scene, seed_offset)
    unfinished = video.with_suffix(".part")
    encode(unfinished, PICTURE_WH, setup.rate, _pictures(setup))
    truth = setup.scene.truth(0.0, scene.duration_s)
    unfinished_truth = kept.with_suffix(".part.npz")
    np.savez_compressed(unfinished_truth, key=key, moving_s=truth.moving_s, standing_s=truth.standing_s)
    kept.unlink(missing_ok=True)  # so that an old ground truth is never next to a new video
    unfinished.rename(video)
    unfinished_truth.rename(kept)
    return Clip(scene, video, truth)


def setup_of(scene: FidelityScene, seed_offset: int = 0) -> SceneSetup:
    """Return what `make` draws, ready to be drawn; its ground truth is known at each instant."""
    return scene.build(scene.duration_s, _seed(scene, seed_offset))


def _seed(scene: FidelityScene, seed_offset: int) -> int:
    return _FIRST_SEED + scene.number + seed_offset


def _pictures(setup: SceneSetup) -> Iterator[tuple[float, U8]]:
    for number, t_s in enumerate(setup.times_s):
        yield float(t_s), setup.scene.bgr(setup.scene.moment(float(t_s), number))


def _key(scene: FidelityScene, seed: int) -> str:
    """Return a digest of everything the clip depends on: the scene's parameters and the code that draws it."""
    digest = hashlib.sha256(json.dumps([seed, scene.duration_s]).encode())
    setups = inspect.getmodule(scene.build)
    drawing_code = inspect.getsource(setups) if setups is not None else ""
    names: tuple[str, ...] = _DRAWING
    if setups is situation_setups:
        names += _SITUATION_DRAWING
    for other in SCENES:
        if other.number != scene.number:
            drawing_code = drawing_code.replace(inspect.getsource(other.build), "")
    digest.update(drawing_code.encode())
    fidelity, synthetic = _DRAWN_BY
    for path in [*(fidelity / name for name in names), *sorted(synthetic.glob("*.py"))]:
        if path.name == "source.py":  # opens a scene as a camera; does not draw
            continue
        digest.update(path.read_bytes())
    return digest.hexdigest()
