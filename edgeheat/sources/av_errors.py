"""Translates the exceptions of PyAV into one-line messages that tell the user what to check."""

from __future__ import annotations

import errno

import av
from av import error as av_error

from edgeheat.redact import redact


class NoVideoError(ValueError):
    """The container was opened but has no video track."""


class UnknownCodecError(ValueError):
    """The container has a video track that FFmpeg has no decoder for."""


class ExplainedError(OSError):
    """A problem of a camera that was found out here; its text says what is wrong and what to do."""


AV_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError)
"""Everything PyAV raises for unreadable input: also ValueError (text that is not UTF-8), RuntimeError (its timer) and
OSError (error numbers without a class of their own)."""

_NO_ROUTE = "no way to the camera: check its address, its cable, and that this device is in the same network"

_MESSAGES_BY_ERRNO = {
    errno.EHOSTUNREACH: _NO_ROUTE,
    errno.ENETUNREACH: _NO_ROUTE,
    errno.EHOSTDOWN: _NO_ROUTE,
    errno.ENETDOWN: _NO_ROUTE,
    errno.ETIMEDOUT: "no answer: check that the camera is on and reachable from here",
    errno.ECONNRESET: "the camera closed the connection: check whether too many programs watch it, and restart it",
    errno.EPIPE: "the camera closed the connection: check whether too many programs watch it, and restart it",
    # FFmpeg uses it for several causes.
    errno.EIO: "cannot be reached or sends no video: check the address, the network and the path",
}
"""The message for each error number of a camera that has no class of its own."""

_CAMERA_MESSAGES: tuple[tuple[type[BaseException], str], ...] = (
    (NoVideoError, "no video track: use the address of a video stream, not of audio only"),
    (UnknownCodecError, "a video codec that cannot be decoded: set the camera to H.264, H.265 or MJPEG"),
    (ConnectionRefusedError, "connection refused: check that the camera is on and that the port is right"),
    (
        av_error.HTTPUnauthorizedError,
        "user name or password missing or rejected (401): check username and password of this camera",
    ),
    (av_error.HTTPForbiddenError, "access denied (403): allow this user to view the stream in the camera"),
    (av_error.HTTPNotFoundError, "no such stream (404): check the path of the URL"),
    (av_error.HTTPClientError, "the camera rejected the request: check that this address has video, not only audio"),
    (av_error.HTTPServerError, "the camera reported an internal error (5xx): restart it if this continues"),
    (av_error.InvalidDataError, "no readable video: check that this is the address of a video stream"),
    (av_error.EOFError, "no readable video: check that this is the address of a video stream"),
    (av_error.ProtocolNotFoundError, "not a camera's address: check where the camera redirects to"),
    (
        av_error.ArgumentError,
        "not a camera's address: check it, and put user and password into username and password instead",
    ),
)
"""The message for each error of a camera; the first whose class fits is used."""

_FILE_MESSAGES: tuple[tuple[type[BaseException], str], ...] = (
    (UnknownCodecError, "a video codec that cannot be decoded: convert it to H.264"),
    (NoVideoError, "no video track: it contains only audio or was cut off"),
    (FileNotFoundError, "no such file"),
    (PermissionError, "no permission to read it: change its owner or mode"),
    (av_error.InvalidDataError, "not a video, or a damaged or incomplete one"),
    (av_error.EOFError, "not a video, or a damaged or incomplete one"),
)
"""The message for each error of a recording; the first whose class fits is used."""


def timeout_message(name: str, seconds: float) -> str:
    """Return the message for a camera that does not answer; `name` is its redacted URL."""
    return f"{name}: no answer within {seconds:g} s: check that the camera is on and reachable from here"


def camera_message(name: str, error: BaseException) -> str:
    """Return the message for a camera that could not be opened; `name` is its redacted URL."""
    if isinstance(error, ExplainedError):
        return f"{name}: {error}"
    for kind, text in _CAMERA_MESSAGES:
        if isinstance(error, kind):
            return f"{name}: {text}"
    known = _MESSAGES_BY_ERRNO.get(getattr(error, "errno", None) or 0)
    return f"{name}: {known or f'{reason(error)}: check the address, and try it in another program, such as VLC'}"


def unknown_host_error(host: str) -> ExplainedError:
    """Return the error for a camera whose host has no address."""
    return ExplainedError(f'the host name "{host}" is unknown: check its spelling, or use the IP address of the camera')


def file_message(name: str, error: BaseException) -> str:
    """Return the message for a recording that could not be opened; `name` is its path."""
    for kind, text in _FILE_MESSAGES:
        if isinstance(error, kind):
            return f"{name}: {text}"
    return f"{name}: {reason(error)}"


def reason(error: BaseException) -> str:
    """Return the reason alone, without the URL that PyAV includes in its messages."""
    text = getattr(error, "strerror", None) or type(error).__name__
    return redact(str(text)).partition("\n")[0]
