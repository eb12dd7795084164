"""Requests a camera's stream over HTTP: logs in, follows redirects, and limits the wait for data.

FFmpeg's own HTTP answers only some login challenges, and does not say how much data is waiting.
"""

from __future__ import annotations

import fcntl
import http.client
import socket
import struct
import termios
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import av

from edgeheat.defs.clock import Clock
from edgeheat.sources.av_errors import ExplainedError, unknown_host_error
from edgeheat.sources.camera_tls import unverified_context
from edgeheat.sources.digest import Login, authorization, parse_challenges

_MAX_REQUESTS = 8
"""Redirects and logins that are followed before the first picture."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""HTTP statuses that name another address."""

_UNAUTHORIZED = 401
"""HTTP status of a request that needs a login."""

_UNQUOTED = "!#$%&'()*+,/:;=?@[]~"
"""Characters that are sent as they are in the URL, which is percent-encoded already; it may contain umlauts."""

_STATUS_ERRORS: Mapping[int, type[av.error.FFmpegError]] = {
    400: av.error.HTTPBadRequestError,
    401: av.error.HTTPUnauthorizedError,
    403: av.error.HTTPForbiddenError,
    404: av.error.HTTPNotFoundError,
}
"""What FFmpeg raises for each status, so that HTTP and RTSP cameras get the same messages."""


class HttpStream:
    """The body of one answer; all reads after one call of `limit_wait` wait for as long as that allows, in total."""

    def __init__(self, response: http.client.HTTPResponse, connection: socket.socket, clock: Clock) -> None:
        self._response = response
        self._connection = connection
        self._clock = clock
        self._left_s = 0.0

    def limit_wait(self, seconds: float) -> None:
        """Allow the reads from now on to wait for this time, instead of what is left of the previous limit."""
        self._left_s = seconds

    def read(self, size: int) -> bytes:
        """Wait for data and return at most `size` bytes; empty at the end. Raises OSError, TimeoutError included."""
        if self._left_s <= 0:
            raise TimeoutError
        asked_s = self._clock.monotonic()
        self._connection.settimeout(self._left_s)
        try:
            return self._response.read1(size)
        except http.client.HTTPException:
            return b""  # the body is shorter than stated: the camera ended it
        finally:
            self._left_s -= self._clock.monotonic() - asked_s

    def waiting_bytes(self) -> int:
        """Return how many bytes have arrived and were not read yet."""
        answer = fcntl.ioctl(self._connection.fileno(), termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()


def open_http_stream(url: str, timeout_s: float, clock: Clock) -> HttpStream:
    """Request `url` with the login in it, and return the stream once the camera has accepted.

    A login is sent only to the host it was given for, and redirects lead only to HTTP. Raises av.FFmpegError for an
    HTTP status that is not a success or an address that is not HTTP, ValueError for a malformed URL, OSError for
    everything else, and TimeoutError once `timeout_s` is over.
    """
    deadline_s = clock.monotonic() + timeout_s
    parts = urlsplit(url)
    home = parts.hostname
    login = Login(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    credentials: str | None = None
    for _ in range(_MAX_REQUESTS):
        left_s = deadline_s - clock.monotonic()
        if left_s <= 0:
            raise TimeoutError
        response, connection = _request(parts, credentials, left_s)
        status = response.status
        if 200 <= status < 300:
            return HttpStream(response, connection, clock)
        challenges = parse_challenges(response.headers.get_all("WWW-Authenticate", []))
        location = response.headers.get("Location")
        response.close()
        connection.close()
        if status in _REDIRECTS and location:
            parts, credentials = urlsplit(urljoin(parts.geturl(), location)), None
        elif status == _UNAUTHORIZED and login is not None and credentials is None and parts.hostname == home:
            credentials = authorization(challenges, login, "GET", _target(parts))
            if credentials is None:
                kinds = ", ".join(dict.fromkeys(challenge.label for challenge in challenges)) or "an unknown kind"
                raise ExplainedError(
                    f"the camera requests a login that is not supported ({kinds}): set it to digest or basic there"
                )
        else:
            raise _status_error(status)
    raise _status_error(310)


def _request(
    parts: SplitResult, credentials: str | None, timeout_s: float
) -> tuple[http.client.HTTPResponse, socket.socket]:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise av.error.ProtocolNotFoundError(0, "not an HTTP address")
    if parts.scheme == "https":
        client: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=timeout_s, context=unverified_context()
        )
    else:
        client = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        client.connect()
        connection = client.sock
        headers = {"User-Agent": "edgeheat", "Accept": "*/*", "Connection": "close"}
        client.request("GET", _target(parts), headers=headers | ({"Authorization": credentials} if credentials else {}))
        return client.getresponse(), connection
    except http.client.HTTPException as error:
        client.close()
        raise av.error.InvalidDataError(0, type(error).__name__) from None
    except socket.gaierror:
        client.close()
        raise unknown_host_error(parts.hostname) from None
    except (OSError, ValueError):
        client.close()
        raise


def _target(parts: SplitResult) -> str:
    """Return the path and query of a URL as a request states them."""
    return quote(parts.path or "/", _UNQUOTED) + (f"?{quote(parts.query, _UNQUOTED)}" if parts.query else "")


def _status_error(status: int) -> av.error.FFmpegError:
    other = av.error.HTTPServerError if status >= 500 else av.error.HTTPOtherClientError
    return _STATUS_ERRORS.get(status, other)(0, f"HTTP status {status}")
