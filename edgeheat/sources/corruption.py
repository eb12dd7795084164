"""Rejects pictures that a decoder reconstructed after data loss."""

from __future__ import annotations

import logging
import math

_log = logging.getLogger(__name__)

_MAX_WAIT_FOR_KEY_FRAME_S = 4.0
"""Time without an intact key frame after which damaged pictures are used."""

_WARN_INTERVAL_S = 3600.0
"""Time between two warnings about damaged pictures."""


class CorruptionFilter:
    """Rejects pictures that the decoder reconstructed after data loss: they would count as motion everywhere."""

    def __init__(self, name: str) -> None:
        """`name` appears in the log, so it must not contain passwords."""
        self._name = name
        self._corrupt_since_s: float | None = None
        self._warned_s = -math.inf

    def accepts(self, *, corrupt: bool, key_frame: bool, now_s: float) -> bool:
        """Return whether to use a picture: none from a corrupt one up to the next intact key frame.

        After four seconds without such a key frame all pictures are used, with a warning once an hour: some cameras
        send no key frames or mark every picture as corrupt.
        """
        if corrupt:
            self._corrupt_since_s = now_s if self._corrupt_since_s is None else self._corrupt_since_s
        elif key_frame:
            self._corrupt_since_s = None
        if self._corrupt_since_s is None:
            return True
        if now_s - self._corrupt_since_s <= _MAX_WAIT_FOR_KEY_FRAME_S:
            return False
        self._warn(now_s)
        return True

    def _warn(self, now_s: float) -> None:
        if now_s - self._warned_s < _WARN_INTERVAL_S:
            return
        self._warned_s = now_s
        _log.warning(
            "%s: data was lost and no intact key frame arrived for %.0f s; damaged pictures may count as motion. Set a "
            'key frame (I-frame) interval of one or two seconds in the camera, rtsp_transport = "tcp" here, and check '
            "the network",
            self._name,
            _MAX_WAIT_FOR_KEY_FRAME_S,
        )
