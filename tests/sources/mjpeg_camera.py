"""An HTTP camera on 127.0.0.1: each path behaves like one kind of camera, working or defective."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tests.support.media import moving_square
from tests.support.wait import DEADLINE_S

USER, PASSWORD = "bob", "s3cr3t"
_GARBAGE = b"\xff\xd8 no picture \xff\xd9"
_SIZES = ((160, 120), (320, 240), (96, 64))
_SAMPLINGS = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)


def jpeg(index: int, size_wh: tuple[int, int] = (160, 120), grey: bool = False, sampling: int | None = None) -> bytes:
    """One picture of the camera."""
    picture = moving_square(index, size_wh)
    if grey:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    options = [] if sampling is None else [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return cv2.imencode(".jpg", picture, options)[1].tobytes()


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
    return [jpeg(i) for i in range(30)]


class _Handler(BaseHTTPRequestHandler):
    server: Camera

    def do_GET(self) -> None:
        if self.path == "/locked" and not self._knows_password():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif self.path == "/page":
            self._answer("text/html", b"<html>Please enable JavaScript</html>")
        elif self.path == "/playlist":
            self._answer("application/x-mpegurl", self.server.playlist.encode())
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

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for index, picture in enumerate(_pictures(self.path)):
                if self.path == "/hangs" and index == 5:
                    self.server.hang.wait(DEADLINE_S)
                    return
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                self.wfile.write(head.encode() + picture + b"\r\n")
                if self.server.hang.wait(0.01):
                    return
        except OSError:
            return  # the client closed the connection

    def _knows_password(self) -> bool:
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

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

    def url(self, path: str, user: str | None = None) -> str:
        return f"http://{user + '@' if user else ''}127.0.0.1:{self.server_address[1]}{path}"


@contextmanager
def running_camera() -> Iterator[Camera]:
    """A camera that runs within the `with` block."""
    camera = Camera()
    thread = threading.Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield camera
    finally:
        camera.hang.set()
        camera.shutdown()
        thread.join()
        camera.server_close()
