"""A real mosquitto on a free port of 127.0.0.1, that can be killed, frozen and brought back, and a subscriber."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from types import TracebackType

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.support.wait import DEADLINE_S, wait_for

_SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files made for a test: an authority, and what it signed."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority, a certificate for 127.0.0.1 and localhost, and one for a client, with openssl."""
    made = Certificates(*(folder / name for name in ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")))
    ca_key = folder / "ca.key"
    _openssl(ca_key, made.ca, "/CN=edgeheat test authority", ["-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    signed = ["-CA", str(made.ca), "-CAkey", str(ca_key), "-addext", "basicConstraints=critical,CA:FALSE"]
    _openssl(
        made.server_key,
        made.server,
        "/CN=localhost",
        [*signed, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
    )
    _openssl(made.client_key, made.client, "/CN=edgeheat-client", signed)
    return made


def _openssl(key: Path, certificate: Path, subject: str, more: Sequence[str]) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", subject, "-keyout", str(key), "-out", str(certificate), *more]
    subprocess.run(command, check=True, capture_output=True)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens.

    It stays free until it is used: it lies below the ports that Linux gives to outgoing connections and to servers on
    port 0.
    """
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """One broker with its own configuration; the port stays the same over restarts, nothing is persistent."""

    def __init__(
        self,
        folder: Path,
        *,
        lines: Sequence[str] = (),
        password: tuple[str, str] | None = None,
        certificates: Certificates | None = None,
        want_client_certificate: bool = False,
    ) -> None:
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        settings = [f"listener {self.port} 127.0.0.1", "persistence false", "log_type all", *lines]
        if os.geteuid() == 0:
            settings.append("user root")  # else it becomes `mosquitto`, who may not read the test's folder
        if password is None:
            settings.append("allow_anonymous true")
        else:
            passwords = folder / "passwords"
            subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), *password], check=True, capture_output=True)
            settings += ["allow_anonymous false", f"password_file {passwords}"]
        if certificates is not None:
            settings += [
                f"cafile {certificates.ca}",
                f"certfile {certificates.server}",
                f"keyfile {certificates.server_key}",
                f"require_certificate {str(want_client_certificate).lower()}",
            ]
        self._config.write_text("\n".join(settings) + "\n")

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = shutil.which("mosquitto", path=_SEARCH)
        assert program is not None, "mosquitto is not installed"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=log, stderr=log)
        wait_for(self._listens, f"mosquitto listens on {self.port}")

    def _listens(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S):
            return True
        return False

    def suspend(self) -> None:
        """Freeze it: the kernel still accepts connections, nobody answers them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; clients see a closed connection. Nothing happens where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
            self._process = None

    def restart(self) -> None:
        """Kill it and start it again, empty."""
        self.kill()
        self.start()


@contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    """`broker` runs while the context lasts."""
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Subscriber:
    """A paho client that keeps every message it got on `topics`, retained ones first; a context manager."""

    def __init__(
        self,
        port: int,
        topics: str = "#",
        *,
        password: tuple[str, str] | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self._topics = topics
        self._lock = Lock()
        self._messages: list[MQTTMessage] = []
        self._subscribed = Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._received
        if password is not None:
            self._client.username_pw_set(*password)
        if certificates is not None:
            context = ssl.create_default_context(cafile=certificates.ca)
            context.load_cert_chain(certificates.client, certificates.client_key)
            self._client.tls_set_context(context)
        self._client.connect_timeout = DEADLINE_S
        self._client.connect("127.0.0.1", port)

    def _connected(
        self, client: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, _limits: Properties | None
    ) -> None:
        if not reason.is_failure:
            client.subscribe(self._topics, qos=1)

    def _received(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._lock:
            self._messages.append(message)

    def __enter__(self) -> Subscriber:
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE_S), "the subscriber was not let in"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def messages(self, topic: str) -> list[MQTTMessage]:
        """Everything that came on `topic` so far, oldest first."""
        with self._lock:
            return [message for message in self._messages if message.topic == topic]

    def topics(self) -> set[str]:
        """The topics on which something came so far."""
        with self._lock:
            return {message.topic for message in self._messages}

    def wait_for_message(self, topic: str, payload: bytes | None = None) -> MQTTMessage:
        """Return the newest message on `topic`, once it is `payload` (None: any)."""

        def newest() -> MQTTMessage | None:
            came = self.messages(topic)
            return came[-1] if came and payload in (None, came[-1].payload) else None

        message = wait_for(newest, f"{payload!r} on {topic}")
        assert message is not None
        return message
