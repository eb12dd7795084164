"""Reads RTSP cameras: H.264, H.265 and MJPEG over TCP or UDP."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import av
from av.container import InputContainer

from edgeheat.core.grid.frames import Frame
from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.av_errors import AV_ERRORS, camera_message, timeout_message, unknown_host_error
from edgeheat.sources.av_stream import open_container
from edgeheat.sources.base import Source, SourceOptions, live_clock
from edgeheat.sources.catch_up import TimedBacklog
from edgeheat.sources.live_stream import LiveStream

_log = logging.getLogger(__name__)

_Transport = Literal["tcp", "udp"]


class RtspSource:
    """One RTSP camera."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url = url
        self._name = redact(url)
        self._options = options

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`.

        A camera that rejects the configured transport is opened with the other one, with a warning.
        """
        options, clock = self._options, live_clock(self._name, self._options)
        with self._open(clock) as container:
            yield from LiveStream(container, TimedBacklog(options.statistics), self._name, options).frames()

    def frame_count(self) -> int | None:
        """Return None: a camera has no end."""
        return None

    def _open(self, clock: Clock) -> InputContainer:
        opened_s = clock.monotonic()
        try:
            return self._open_with_either_transport()
        except AV_ERRORS as error:
            timeout_s = self._options.open_timeout_s
            # A server that accepts the connection and never answers causes a different error in each protocol.
            if isinstance(error, av.error.ExitError | TimeoutError) or clock.monotonic() - opened_s >= timeout_s:
                raise SourceUnavailable(timeout_message(self._name, timeout_s)) from None
            if isinstance(error, av.error.HTTPUnauthorizedError):
                from edgeheat.sources.rtsp_login import login_problem  # rarely needed, and it loads OpenSSL

                if problem := login_problem(self._url, timeout_s, clock):
                    raise SourceUnavailable(f"{self._name}: {problem}") from None
            host = urlsplit(self._url).hostname or ""
            if getattr(error, "errno", None) == errno.EIO and not _has_address(host):
                error = unknown_host_error(host)
            raise SourceUnavailable(camera_message(self._name, error)) from None

    def _open_with_either_transport(self) -> InputContainer:
        """Raises any of AV_ERRORS, and SourceUnavailable if the camera rejects both transports."""
        configured = self._options.rtsp_transport
        other: _Transport = "udp" if configured == "tcp" else "tcp"
        try:
            return self._open_with(configured)
        except AV_ERRORS as error:
            if not _is_rejected_transport(error):
                raise
        try:
            container = self._open_with(other)
        except AV_ERRORS as error:
            if not _is_rejected_transport(error):
                raise
            raise SourceUnavailable(
                f"{self._name}: the camera sends this stream neither over TCP nor over UDP (461): enable one of them "
                "in the camera"
            ) from None
        _log.warning(
            '%s: the camera rejects rtsp_transport = "%s" (461) and is read over %s: set rtsp_transport = "%s"',
            self._name,
            configured,
            other.upper(),
            other,
        )
        return container

    def _open_with(self, transport: _Transport) -> InputContainer:
        av_options = {
            "rtsp_transport": transport,
            # With audio, the read timeout would not expire while the video hangs.
            "allowed_media_types": "video",
            "protocol_whitelist": "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto",
            # Measuring the frame rate, which is not needed, would delay the first frame by a second.
            "fpsprobesize": "0",
        }
        timeout_s = (self._options.open_timeout_s, self._options.read_timeout_s)
        return open_container(self._url, av_options, timeout_s=timeout_s)


def _has_address(host: str) -> bool:
    """Return whether a host name can be resolved: FFmpeg reports this like other errors."""
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True


def _is_rejected_transport(error: BaseException) -> bool:
    """Return whether the camera answered 461, for which FFmpeg has this error number."""
    return getattr(error, "errno", None) == errno.EPROTONOSUPPORT


def open_rtsp(url: str, options: SourceOptions) -> Source:
    """Return the source of an `rtsp://` or `rtsps://` URL."""
    return RtspSource(url, options)
