"""An RTSP camera that rejects every request with a login challenge, of kinds that the real server does not offer."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def rejecting_camera(challenges: list[str]) -> Iterator[int]:
    """Run the camera within the `with` block and give its port; `challenges` are its WWW-Authenticate headers."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = b""
            while line := self.rfile.readline():
                request += line
                if line != b"\r\n":
                    continue
                number = re.search(rb"CSeq: *(\d+)", request)
                assert number is not None
                headers = [f"CSeq: {number[1].decode()}", *(f"WWW-Authenticate: {each}" for each in challenges)]
                answer = ["RTSP/1.0 401 Unauthorized", *headers, "", ""]
                self.wfile.write("\r\n".join(answer).encode())
                request = b""

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
