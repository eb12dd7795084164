"""Finds out why FFmpeg could not log in to an RTSP camera, by asking the camera what kind of login it requests."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from edgeheat.defs.clock import Clock
from edgeheat.sources.camera_tls import unverified_context
from edgeheat.sources.digest import parse_challenges

_RTSP_PORT = 554
"""Port of `rtsp://` URLs without one."""

_RTSPS_PORT = 322
"""Port of `rtsps://` URLs without one."""

_MAX_ANSWER_BYTES = 16384
"""Longest header that is read."""

_FFMPEG_DIGESTS = ("MD5", "MD5-sess")
"""The algorithms with which FFmpeg answers, as it compares them: case matters.
Reference: FFmpeg, libavformat/httpauth.c, `make_digest_auth`."""


def login_problem(url: str, timeout_s: float, clock: Clock) -> str | None:
    """Return why the login of a camera that answered 401 cannot work, and what to change; None if it could have.

    None as well if the camera has not answered within `timeout_s`.
    """
    parts = urlsplit(url)
    if not parts.username or parts.hostname is None:
        return None
    try:
        answer = _describe(url, timeout_s, clock)
    except (OSError, ValueError):
        return None
    headers = [line.partition(":") for line in answer.split("\r\n")[1:]]
    offered = parse_challenges(value.strip() for name, _, value in headers if name.lower() == "www-authenticate")
    digests = [challenge for challenge in offered if challenge.scheme == "digest"]
    # FFmpeg answers the last one, and none of the others.
    if digests and digests[-1].algorithm not in _FFMPEG_DIGESTS:
        return (
            f"the camera requests a login that is not supported over RTSP ({digests[-1].label}): set its RTSP "
            "authentication to digest with MD5, or to basic"
        )
    return None


def _describe(url: str, timeout_s: float, clock: Clock) -> str:
    """Return the header of the camera's answer to a request without a login; raises OSError or ValueError."""
    parts = urlsplit(url)
    port = parts.port or (_RTSPS_PORT if parts.scheme == "rtsps" else _RTSP_PORT)
    target = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    deadline_s = clock.monotonic() + timeout_s
    plain = socket.create_connection((parts.hostname, port), timeout_s)
    with unverified_context().wrap_socket(plain) if parts.scheme == "rtsps" else plain as connection:
        connection.sendall(f"DESCRIBE {target} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: edgeheat\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < _MAX_ANSWER_BYTES:
            left_s = deadline_s - clock.monotonic()
            if left_s <= 0:
                raise TimeoutError
            connection.settimeout(left_s)
            data = connection.recv(4096)
            if not data:
                break
            answer += data
    return answer.partition(b"\r\n\r\n")[0].decode("latin-1")
