"""What PyAV raises, said in one line to the person who can mend it."""

from __future__ import annotations

import errno

import av
from av import error as av_error

from edgeheat.redact import redact


class NoVideoError(ValueError):
    """The container was read, but has no video track."""


# PyAV also raises plain ValueError (text that is not UTF-8), RuntimeError (its timer) and OSError (numbers it has no
# class for); which one says little, so they all mean: this input cannot be read.
AV_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError)

_UNREACHABLE = frozenset({errno.EIO, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})

_CAMERA: tuple[tuple[type[BaseException], str], ...] = (
    (NoVideoError, "no video track. Is it only sound?"),
    (ConnectionRefusedError, "connection refused. Is the camera on, and its port right?"),
    (
        av_error.HTTPUnauthorizedError,
        "user name or password refused (401). Are both right, and special characters percent-encoded?",
    ),
    (av_error.HTTPForbiddenError, "access refused (403). May this user see the stream?"),
    (av_error.HTTPNotFoundError, "no such stream (404). Is the path of the URL right?"),
    (av_error.HTTPClientError, "the camera refused to play it. Is there video at this address, not only sound?"),
    (av_error.HTTPServerError, "the camera answered with an error of its own (5xx). Restart it if this stays so."),
    (av_error.InvalidDataError, "no video that can be read. Is this the address of a video stream?"),
    (av_error.EOFError, "no video that can be read. Is this the address of a video stream?"),
    (av_error.ProtocolNotFoundError, "not a camera's address. Did the camera point elsewhere?"),
    (av_error.ArgumentError, "not a camera's address. Are special characters of the password percent-encoded?"),
)

_FILE: tuple[tuple[type[BaseException], str], ...] = (
    (NoVideoError, "no video track. Is it only sound, or cut off?"),
    (FileNotFoundError, "no such file"),
    (PermissionError, "may not be read by this user"),
    (av_error.InvalidDataError, "not a video, or a damaged or incomplete one"),
    (av_error.EOFError, "not a video, or a damaged or incomplete one"),
)


def timeout_fault(name: str, seconds: float) -> str:
    """The line for a camera that stays silent; `name` is its redacted URL."""
    return f"{name}: no answer within {seconds:g} s. Is the camera on, and reachable from here?"


def camera_fault(name: str, error: BaseException) -> str:
    """The line for a camera that could not be opened; `name` is its redacted URL."""
    for kind, text in _CAMERA:
        if isinstance(error, kind):
            return f"{name}: {text}"
    if getattr(error, "errno", None) in _UNREACHABLE:
        return f"{name}: cannot be reached, or gives no video. Are the host name, the network and the path right?"
    return f"{name}: {reason(error)}"


def file_fault(name: str, error: BaseException) -> str:
    """The line for a recording that could not be opened."""
    for kind, text in _FILE:
        if isinstance(error, kind):
            return f"{name}: {text}"
    return f"{name}: {reason(error)}"


def reason(error: BaseException) -> str:
    """The bare reason, without the URL that PyAV writes into its messages."""
    text = getattr(error, "strerror", None) or type(error).__name__
    return redact(str(text)).partition("\n")[0]
