"""Draws people who sit: the synthetic shop's own figure can only walk and stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeheat.sources.synthetic.backdrop import SceneBackdrop
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.figure import BodyPart, BodyShape, Joints, Sprite, render_body, render_sprite
from edgeheat.sources.synthetic.layouts import XY
from edgeheat.sources.synthetic.scene import Scene
from edgeheat.sources.synthetic.walkers import Pose

_SEATED_HEIGHT_RATIO = 0.76
"""Height of a seated person ÷ height of the same person standing, for the shadow."""

_IN_FRONT_M = 0.12
"""A seated body is drawn as if this much nearer than its feet, so that its own seat never hides it."""


@dataclass(frozen=True, slots=True)
class SeatedPose(Pose):
    """A person who sits, sits down or gets up; `Pose.standing` is True."""

    seated: float
    """From 0 (stands) to 1 (sits)."""

    seat_faces: XY
    """Unit vector on the floor plan."""

    feet: XY
    """Where the feet rest, metres; the hips are behind them."""


class SceneWithSeats(Scene):
    """A scene whose people can have a SeatedPose."""

    def sprites(self, t_s: float) -> list[Sprite]:
        """See `Scene.sprites`."""
        poses = self.people.poses(t_s)
        drawn = [
            render_seated(pose, self.camera, self.backdrop)
            if isinstance(pose, SeatedPose)
            else render_sprite(pose, self.camera, self.backdrop)
            for pose in poses
        ]
        return sorted((sprite for sprite in drawn if sprite is not None), key=lambda sprite: -sprite.distance_m)


def render_seated(pose: SeatedPose, camera: PinholeCamera, backdrop: SceneBackdrop) -> Sprite | None:
    """Render a person who sits; None where no part is within the picture."""
    joints = _joints(pose)
    names, body = list(joints), np.array(list(joints.values()), np.float32)
    body *= pose.appearance.height_m / 1.72
    (face_x, face_y), (x, y) = pose.seat_faces, pose.feet
    turn = np.array([[face_x, face_y, 0], [-face_y, face_x, 0], [0, 0, 1]], np.float32)
    pixels, scale = camera.project(np.asarray(body[:, :3] @ turn + np.array([x, y, 0]), np.float32))
    distance_m = camera.distance(x, y) - _IN_FRONT_M
    shape = BodyShape(names, pixels, body[:, 3] * scale, _parts(pose, camera))
    sprite = render_body(pose, shape, distance_m, backdrop)
    if sprite is None:
        return None
    height_m = pose.appearance.height_m * (1 - (1 - _SEATED_HEIGHT_RATIO) * pose.seated)
    return replace(sprite, pose=replace(pose, appearance=replace(pose.appearance, height_m=height_m)))


def _joints(pose: SeatedPose) -> Joints:
    """Return the joints between standing and sitting, with the upper body's sway, a turned head and a raised hand."""
    girth, seated = pose.appearance.girth, pose.seated
    across = (pose.x - pose.feet[0], pose.y - pose.feet[1])
    face_x, face_y = pose.seat_faces
    # The sway of a standing body, a few centimetres, bends a seated one from the hips up.
    ahead = 1.6 * (across[0] * face_x + across[1] * face_y)
    left = 1.6 * (-across[0] * face_y + across[1] * face_x)
    turned = math.asin(float(np.clip(face_x * pose.facing[1] - face_y * pose.facing[0], -0.8, 0.8)))
    back, drop = -0.40 * seated, 0.38 * seated

    def upper(x: float, y: float, z: float) -> tuple[float, float, float]:
        bend = max(0.0, z - 0.88) / 0.72
        return x + back + bend * ahead, y + bend * left, z - drop

    joints: Joints = {
        "head": (*upper(0.02, 0.0, 1.60), 0.105),
        "face": (*upper(0.02 + 0.036 * math.cos(turned), 0.036 * math.sin(turned), 1.575), 0.082),
        "neck": (*upper(0.0, 0.0, 1.46), 0.06),
        "shoulder_l": (*upper(0.0, 0.15 * girth, 1.38), 0.085 * girth),
        "shoulder_r": (*upper(0.0, -0.15 * girth, 1.38), 0.085 * girth),
        "hem_l": (*upper(0.02, 0.09 * girth, 0.95), 0.11 * girth),
        "hem_r": (*upper(0.02, -0.09 * girth, 0.95), 0.11 * girth),
    }
    for side, sign in (("l", 1.0), ("r", -1.0)):
        joints[f"hip_{side}"] = (*upper(0.0, 0.09 * sign, 0.88), 0.1 * girth)
        joints[f"knee_{side}"] = (0.04, 0.10 * sign, 0.48 + 0.04 * seated, 0.07 * girth)
        joints[f"heel_{side}"] = (-0.03, 0.10 * sign, 0.09, 0.05)
        joints[f"toe_{side}"] = (0.14, 0.11 * sign, 0.05, 0.045)
        lifted = pose.reach if side == "r" else 0.0
        joints[f"elbow_{side}"] = (*upper(0.05 + 0.1 * seated, 0.235 * girth * sign, 1.12), 0.052)
        resting, raised = (0.05 - 0.12 * seated, 0.15 * sign, 0.84 - 0.2 * seated), upper(0.30, 0.08 * sign, 1.40)
        hand = [a + lifted * (b - a) for a, b in zip(resting, raised, strict=True)]
        joints[f"hand_{side}"] = (hand[0], hand[1], hand[2], 0.045)
    return joints


def _parts(pose: SeatedPose, camera: PinholeCamera) -> Sequence[tuple[BodyPart, tuple[str, ...]]]:
    """Return the body's parts with their joints in painting order, the far side first."""
    face_x, face_y = pose.seat_faces
    along = face_x * float(camera.heading[0]) + face_y * float(camera.heading[1])
    far, near = ("r", "l") if face_x * float(camera.heading[1]) - face_y * float(camera.heading[0]) > 0 else ("l", "r")
    legs = [
        (part, (f"{a}_{side}", f"{b}_{side}"))
        for side in (far, near)
        for part, a, b in (
            (BodyPart.SHOE, "heel", "toe"),
            (BodyPart.TROUSERS, "knee", "heel"),
            (BodyPart.TROUSERS, "hip", "knee"),
        )
    ]
    trunk = [(BodyPart.SHIRT, ("shoulder_l", "shoulder_r", "hem_l", "hem_r")), (BodyPart.SKIN, ("neck",))]
    head = [(BodyPart.HAIR, ("head",)), (BodyPart.SKIN, ("face",))]
    arms = [
        part
        for side in (far, near)
        for part in (
            (BodyPart.SLEEVE, (f"shoulder_{side}", f"elbow_{side}")),
            (BodyPart.SLEEVE, (f"elbow_{side}", f"hand_{side}")),
            (BodyPart.SKIN, (f"hand_{side}",)),
        )
    ]
    # The thighs of a person who faces the camera are nearer than the trunk.
    body = [*trunk, *legs] if along < 0 else [*legs, *trunk]
    return [*body, *(head if along < 0.35 else head[::-1]), *arms]
