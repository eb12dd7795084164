"""CameraListener: what the supervisor calls when a camera's process starts, sends a message, fails or stops."""

from __future__ import annotations

from edgeheat.daemon.messages import Message


class CameraListener:
    """Base class whose methods do nothing; a listener overrides those that it needs.

    All methods are called in the supervisor's thread and must not block.
    """

    def on_starting(self, camera: str) -> None:
        """A process is about to be started for the camera."""

    def on_online(self, camera: str) -> None:
        """The camera's process has decoded its first frame."""

    def on_message(self, camera: str, message: Message) -> None:
        """The camera's process has sent a message; `on_online` comes before the message that made it online."""

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """The camera's process has ended and is restarted later; the code and reason are those of CameraStatus."""

    def on_closed(self, camera: str) -> None:
        """The shop is closed: the camera's process has ended, or is not started, until shortly before it opens.

        Called again after `on_offline` if the camera was not there for a time while the shop was closed.
        """

    def on_cycle(self) -> None:
        """Called several times a second while the cameras are supervised."""

    def on_stopped(self, camera: str) -> None:
        """The camera's process has ended because edgeheat stops; nothing more comes from this camera."""
