"""Forwards the heats in the messages of the cameras' workers to the renderer of the floor plans."""

from __future__ import annotations

from collections.abc import Callable

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.messages import HeatsRestored, Message, SnapshotTaken


class PlanHeatForwarder(CameraListener):
    """Forwards the packed heats of each snapshot, and once for each camera those that were restored from disk."""

    def __init__(self, on_heats: Callable[[str, bytes], None]) -> None:
        """`on_heats` gets a camera and its heats, packed by `CameraHeats.pack`."""
        self._on_heats = on_heats
        self._has_heats: set[str] = set()

    def on_message(self, camera: str, message: Message) -> None:
        """Forward the heats in a message."""
        match message:
            case SnapshotTaken(_, heats) if heats:
                self._has_heats.add(camera)
                self._on_heats(camera, heats)
            # Once: a camera that stays offline would otherwise have the plans drawn at each retry.
            case HeatsRestored(heats) if camera not in self._has_heats:
                self._has_heats.add(camera)
                self._on_heats(camera, heats)
