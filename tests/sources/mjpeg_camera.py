"""An HTTP camera on 127.0.0.1: each path behaves like one kind of camera, working or defective."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

from tests.support.media import moving_square
from tests.support.wait import DEADLINE_S

USER, PASSWORD = "bob", "s3cr3t"
_GARBAGE = b"\xff\xd8 no picture \xff\xd9"
_SIZES = ((160, 120), (320, 240), (96, 64))
_OPTIMISED = [cv2.IMWRITE_JPEG_OPTIMIZE, 1]
_SAMPLINGS = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)


def jpeg(index: int, size_wh: tuple[int, int] = (160, 120), grey: bool = False, sampling: int | None = None) -> bytes:
    """One picture of the camera."""
    picture = moving_square(index, size_wh)
    if grey:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    options = [] if sampling is None else [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return cv2.imencode(".jpg", picture, options)[1].tobytes()


def noisy_jpeg(grey: int) -> bytes:
    """A picture with this mean brightness and so much noise that it takes 13 kB."""
    noise = np.random.default_rng(grey).integers(-30, 31, (120, 160, 3))
    return cv2.imencode(".jpg", (grey + noise).astype(np.uint8))[1].tobytes()


def _pictures(path: str) -> Iterable[bytes]:
    if path == "/changing":  # three sizes, three pixel formats, ten pictures each
        formats = [(False, _SAMPLINGS[0]), (False, _SAMPLINGS[1]), (True, None)]
        return [jpeg(i, _SIZES[i // 10], *formats[i // 10]) for i in range(30)]
    if path == "/damaged":
        return [_GARBAGE if i % 3 == 1 else jpeg(i) for i in range(30)]
    if path == "/garbage":
        return [_GARBAGE] * 1000
    if path == "/decays":
        return [jpeg(0)] * 5 + [_GARBAGE] * 1000
    if path == "/optimised":
        return [cv2.imencode(".jpg", moving_square(i, (160, 120)), _OPTIMISED)[1].tobytes() for i in range(30)]
    cut_bytes = 1000 if path == "/cut" else None
    return [jpeg(i)[: cut_bytes if i % 3 == 1 else None] for i in range(30)]


class _Handler(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        self.server.logins.append((self.headers["Host"], self.headers.get("Authorization")))
        if self.path.startswith("/locked") and not self._knows_password():
            self.send_response(401)
            for challenge in self.server.challenges:
                self.send_header("WWW-Authenticate", challenge)
            self.end_headers()
        elif self.path == "/page":
            self._answer("text/html", b"<html>Please enable JavaScript</html>")
        elif self.path == "/playlist":
            self._answer("application/x-mpegurl", self.server.playlist.encode())
        elif self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", self.server.moved_to)
            self.end_headers()
        elif self.path == "/paused":
            self._stream_after_pause()
        elif self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", f"file://{self.server.file}")
            self.end_headers()
        elif self.path == "/silent":
            self.server.hang.wait(DEADLINE_S)
        elif self.path == "/missing":
            self.send_error(404)
        else:
            self._stream()

    def _answer(self, media_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _send_picture(self, picture: bytes) -> None:
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        part = head.encode() + picture + b"\r\n"
        self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" if self.path == "/chunked" else part)

    def _stream_after_pause(self) -> None:
        """Send a dark picture, and when the client has stopped reading four more, each brighter than the last."""
        self._begin_stream()
        self._send_picture(noisy_jpeg(40))
        self.server.client_pauses.wait(DEADLINE_S)
        for grey in (80, 120, 160, 200):
            self._send_picture(noisy_jpeg(grey))
        self.server.pictures_wait.set()
        self.server.hang.wait(DEADLINE_S)

    def _stream(self) -> None:
        self._begin_stream()
        try:
            for index, picture in enumerate(_pictures(self.path)):
                if self.path == "/hangs" and index == 5:
                    self.server.hang.wait(DEADLINE_S)
                    return
                self._send_picture(picture)
                if self.server.hang.wait(0.01):
                    return
        except OSError:
            return  # the client closed the connection

    def _knows_password(self) -> bool:
        answer = self.headers.get("Authorization", "")
        if not answer.startswith("Digest"):
            return answer == f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        stated = {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', answer)}
        name = stated.get("algorithm", "MD5").upper().replace("-", "").replace("SHA512256", "SHA512_256")

        def digest(*parts: str) -> str:
            return hashlib.new(name, ":".join(parts).encode()).hexdigest()

        def received(name: str) -> str:
            return stated[name].encode("latin-1").decode()

        secret, request = digest(received("username"), received("realm"), PASSWORD), digest("GET", self.path)
        middle = [stated["nc"], stated["cnonce"], "auth"] if "qop" in stated else []
        known = received("username") == self.server.user and stated["uri"] == self.path
        return known and stated["response"] == digest(secret, "n0nce", *middle, request)

    def log_message(self, *_arguments: object) -> None:
        """No log: tests observe the client only."""


class Camera(ThreadingHTTPServer):
    """The camera; setting `hang` releases all requests that hang."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hang = threading.Event()
        self.file = ""
        self.playlist = ""
        self.challenges = ['Basic realm="camera"']
        """What it answers without a login."""
        self.logins: list[tuple[str, str | None]] = []
        """Host and Authorization header of each request."""
        self.user = USER
        """Who may log in with digest."""
        self.moved_to = ""
        self.client_pauses = threading.Event()
        self.pictures_wait = threading.Event()

    def url(self, path: str, user: str | None = None) -> str:
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://{user + '@' if user else ''}127.0.0.1:{self.server_address[1]}{path}"


@contextmanager
def running_camera(certificate: Path | None = None, key: Path | None = None) -> Iterator[Camera]:
    """A camera that runs within the `with` block, over TLS with a certificate where one is given."""
    camera = Camera()
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        camera.socket = context.wrap_socket(camera.socket, server_side=True)
    thread = threading.Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield camera
    finally:
        camera.hang.set()
        camera.shutdown()
        thread.join()
        camera.server_close()
