"""Passes the tiles and backdrops that the workers send to the writer of the history."""

from __future__ import annotations

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.history_writer import HistoryWriter
from edgeheat.daemon.messages import BackdropTaken, Message, ProgressReport, StateSaved


class HistoryForwarder(CameraListener):
    """Must be called before what writes checkpoints: a state does not hold the tiles any more that came before it."""

    def __init__(self, history: HistoryWriter) -> None:
        self._history = history

    def on_online(self, camera: str) -> None:
        """Tiles of the camera are to be expected."""
        self._history.set_online(camera, True)

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """No tile of the camera is waited for."""
        self._history.set_online(camera, False)

    def on_closed(self, camera: str) -> None:
        """No tile of the camera is waited for until the shop opens."""
        self._history.set_online(camera, False)

    def on_message(self, camera: str, message: Message) -> None:
        """Pass on what is to be stored."""
        match message:
            case ProgressReport(tiles=tiles) | StateSaved(tiles=tiles) if tiles:
                self._history.add(tiles)
            case BackdropTaken(backdrop):
                self._history.add_backdrop(backdrop)
