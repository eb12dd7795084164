"""Translates the exceptions of PyAV into one-line messages that tell the user what to check."""

from __future__ import annotations

import errno
import socket

import av
from av import error as av_error

from edgeheat.redact import redact


class NoVideoError(ValueError):
    """The container was opened but has no video track."""


AV_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError)
"""Everything PyAV raises for unreadable input: also ValueError (text that is not UTF-8), RuntimeError (its timer) and
OSError (error numbers without a class of their own)."""

_UNREACHABLE = frozenset({errno.EIO, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
"""Error numbers of a host that does not answer; FFmpeg uses EIO for several causes."""

_CAMERA_MESSAGES: tuple[tuple[type[BaseException], str], ...] = (
    (NoVideoError, "no video track: use the address of a video stream, not of audio only"),
    (ConnectionRefusedError, "connection refused: check that the camera is on and that the port is right"),
    (
        av_error.HTTPUnauthorizedError,
        "user name or password rejected (401): check both, and percent-encode special characters",
    ),
    (av_error.HTTPForbiddenError, "access denied (403): allow this user to view the stream in the camera"),
    (av_error.HTTPNotFoundError, "no such stream (404): check the path of the URL"),
    (av_error.HTTPClientError, "the camera rejected the request: check that this address has video, not only audio"),
    (av_error.HTTPServerError, "the camera reported an internal error (5xx): restart it if this continues"),
    (av_error.InvalidDataError, "no readable video: check that this is the address of a video stream"),
    (av_error.EOFError, "no readable video: check that this is the address of a video stream"),
    (av_error.ProtocolNotFoundError, "not a camera's address: check where the camera redirects to"),
    (av_error.ArgumentError, "not a camera's address: percent-encode special characters in the password"),
)
"""The message for each error of a camera; the first whose class fits is used."""

_FILE_MESSAGES: tuple[tuple[type[BaseException], str], ...] = (
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
    for kind, text in _CAMERA_MESSAGES:
        if isinstance(error, kind):
            return f"{name}: {text}"
    if isinstance(error, socket.gaierror) or getattr(error, "errno", None) in _UNREACHABLE:
        return f"{name}: cannot be reached or sends no video: check the host name, the network and the path"
    return f"{name}: {reason(error)}"


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
