"""A broker that announces no size limit and disconnects over a large packet, which mosquitto never does."""

from __future__ import annotations

import socketserver
import struct
from threading import Thread
from types import TracebackType


class _Handler(socketserver.StreamRequestHandler):
    server: FakeBroker

    def handle(self) -> None:
        while header := self.rfile.read(1):
            kind, body = header[0] >> 4, self.rfile.read(self._length())
            match kind:
                case 1:  # CONNECT → CONNACK without properties
                    self.server.connections += 1
                    self.wfile.write(b"\x20\x03\x00\x00\x00")
                case 3:  # PUBLISH → PUBACK, or DISCONNECT "packet too large"
                    if len(body) > self.server.max_bytes:
                        self.server.too_large += 1
                        self.wfile.write(b"\xe0\x01\x95")
                        return
                    topic_bytes = struct.unpack("!H", body[:2])[0]
                    self.server.topics.append(body[2 : 2 + topic_bytes].decode())
                    if self.server.acknowledges:
                        self.wfile.write(b"\x40\x02" + body[2 + topic_bytes : 4 + topic_bytes])
                case 12:  # PINGREQ
                    self.wfile.write(b"\xd0\x00")
                case 14:  # DISCONNECT
                    return

    def _length(self) -> int:
        length, shift = 0, 0
        while True:
            byte = self.rfile.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return length


class FakeBroker(socketserver.ThreadingTCPServer):
    """Receives QoS 1 messages of up to `max_bytes` on a free port; a context manager."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, max_bytes: int, *, acknowledges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.max_bytes = max_bytes
        self.acknowledges = acknowledges
        self.connections = 0
        self.too_large = 0
        self.topics: list[str] = []
        self.port: int = self.server_address[1]
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> FakeBroker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
