"""Passes the cameras' heats on to the renderer of the floor plans."""

from __future__ import annotations

from collections.abc import Callable

from edgeheat.daemon.listener import CameraListener
from edgeheat.daemon.messages import HeatsRestored, Message, SnapshotTaken


class PlanHeats(CameraListener):
    """Passes on the packed heats that come with each snapshot, and once those that were restored."""

    def __init__(self, on_heats: Callable[[str, bytes], None]) -> None:
        """`on_heats` gets a camera and its heats, packed by `CameraHeats.pack`."""
        self._on_heats = on_heats
        self._known: set[str] = set()

    def on_message(self, camera: str, message: Message) -> None:
        """Pass on the heats in a message."""
        match message:
            case SnapshotTaken(_, heats) if heats:
                self._known.add(camera)
                self._on_heats(camera, heats)
            # Once: a camera that stays offline would otherwise have the plans drawn at each retry.
            case HeatsRestored(heats) if camera not in self._known:
                self._known.add(camera)
                self._on_heats(camera, heats)
