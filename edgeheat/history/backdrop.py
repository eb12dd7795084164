"""Reads the scene over which the heat of a period is drawn."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.zones import blackout_mask
from edgeheat.defs.params import PipelineParams
from edgeheat.store.history.store import HistoryStore


def read_backdrop(store: HistoryStore, params: PipelineParams, epoch: int) -> U8 | None:
    """Return a camera's scene without people in an epoch, BGR uint8 of any size; None where none is stored.

    The present privacy zones are black, also those that were drawn after the picture was taken.
    """
    jpeg = store.backdrop(params.camera, epoch)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if picture is None:
        return None
    scene = np.asarray(picture, np.uint8)
    private = blackout_mask(params.zones, (scene.shape[1], scene.shape[0]))
    if private is not None:
        scene[private > 0] = 0
    return scene
