"""The thread that keeps the broker's connection: connects anew, counts what is given up, logs changes of state."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from threading import Event, Thread

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt.connection import CONNECT_TIMEOUT_S, TOO_LARGE, Connection, too_large
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue

_log = logging.getLogger(__name__)

_MAX_DELAY_S = 60.0
_PROVEN_S = 60.0  # a connection that lasted so long makes the failures before it forgotten

_REFUSALS = {
    0x84: "it does not speak MQTT 5: update it (mosquitto 1.6 or newer)",
    0x85: "it does not accept the client id: set another mqtt.client_id",
    0x86: "wrong user or password: check mqtt.username and mqtt.password",
    0x87: "not authorised: check mqtt.username and mqtt.password, and the broker's access list for this user",
    0x88: "it is not available at present",
    0x89: "it is busy",
    0x8A: "it has banned this client: look at its log",
    0x8B: "it is shutting down",
    0x8E: "another client came with the same client id: give each box an mqtt.client_id of its own",
    TOO_LARGE: "a message was too large for it",
    0x97: "its quota is used up: raise the broker's limits for this user",
    0x9A: "it keeps no retained messages, which edgeheat needs: switch them on in the broker",
    0x9B: "it does not take QoS 1, which edgeheat needs: switch it on in the broker",
    0x9F: "too many connections at once: raise the broker's connection rate",
}


class BrokerSession:
    """Keeps a connection to the broker until closed; nothing it does blocks the caller."""

    def __init__(
        self,
        settings: BrokerParams,
        pending: RetainedQueue,
        *,
        on_connected: Callable[[bool], None],
        on_dropped: Callable[[], None],
        on_cleared: Callable[[str], None],
        jitter: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Start the thread; `on_connected`, `on_dropped`, `jitter` and `monotonic` as in MqttSink.

        `on_cleared` is told of each topic that the broker has forgotten, from the thread.
        """
        self._settings = settings
        self._pending = pending
        self._on_connected = on_connected
        self._on_dropped = on_dropped
        self._on_cleared = on_cleared
        self._jitter = jitter
        self._monotonic = monotonic
        self._state = ""
        self._connected = False
        self._failures = 0
        self._learned_max_bytes: int | None = None
        self._complaints: set[str] = set()  # topics whose last message was given up
        self._closing = Event()
        self._give_up = Event()
        self._thread = Thread(target=self._run, name="edgeheat-mqtt", daemon=True)
        self._thread.start()

    def close(self, drain_s: float, give_up_s: float) -> None:
        """Send what waits within `drain_s`, else drop the connection, and wait `give_up_s` for that."""
        self._closing.set()
        self._thread.join(drain_s)
        self._give_up.set()
        self._thread.join(give_up_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._connect_once()
            except Exception as error:  # noqa: BLE001 (the thread's edge: a new connection mends most faults)
                self._failures += 1
                self._note(f"fault {type(error).__name__}", logging.ERROR, f"fault in the client: {error!r}")
            self._set_connected(False)
            delay_s = min(_MAX_DELAY_S, 2.0 ** min(self._failures, 10))
            self._closing.wait(delay_s * (0.5 + 0.5 * self._jitter()))

    def _connect_once(self) -> None:
        """Hold one connection for as long as it lasts."""
        try:
            connection = Connection(self._settings, self._pending, self._learned_max_bytes, self._note_fate)
            connection.open()
        except OSError as error:
            self._failures += 1
            self._note(*_describe(error))
            return
        start_s = self._monotonic()
        try:
            while connection.turn() and not self._give_up.is_set():
                if connection.is_up and not self._connected:
                    self._set_connected(True)
                    self._note("connected", logging.INFO, "connected")
                if self._closing.is_set() and connection.is_idle:
                    connection.leave()
        finally:
            connection.drop()
        self._note_end(connection, self._monotonic() - start_s)

    def _note_end(self, connection: Connection, lasted_s: float) -> None:
        code = connection.refusal.value if connection.refusal is not None else 0
        # Two boxes with one client id throw each other out for ever: that must slow down though both connect.
        self._failures = 0 if connection.was_up and lasted_s >= _PROVEN_S else self._failures + 1
        self._learned_max_bytes = self._give_up_largest(connection) if code == TOO_LARGE else None
        if self._closing.is_set():
            return
        if connection.refusal is not None:
            self._note(f"refused {code}", logging.WARNING, _REFUSALS.get(code, f"it refused: {connection.refusal}"))
        elif connection.was_up:
            hint = "" if lasted_s >= _PROVEN_S else "; where that repeats, another client may use the same client id"
            self._note("lost", logging.WARNING, f"connection lost{hint}")
        else:
            hint = "a client certificate (mqtt.cert_file)" if self._settings.tls else "TLS (mqtt.tls)"
            self._note("no answer", logging.WARNING, f"no answer: is this an MQTT port, and does it want {hint}?")

    def _give_up_largest(self, connection: Connection) -> int | None:
        """After `packet too large`: give up the message that must be meant; return the limit that follows from it."""
        if (largest := connection.largest_in_flight()) is None:
            return self._learned_max_bytes
        message, size_bytes = largest
        self._pending.forget(message)
        self._note_fate(message, too_large(size_bytes, size_bytes - 1))
        return size_bytes - 1

    def _note_fate(self, message: Message, reason: str) -> None:
        """Count a message given up for `reason`, warn of the first of its topic; an empty reason: it arrived."""
        if not message.payload:
            self._pending.forget(message)  # It clears a topic: once is enough, and a refusal is for the next start.
        if not reason:
            if not message.payload:
                self._on_cleared(message.topic)
            self._complaints.discard(message.topic)
            return
        self._on_dropped()
        if message.topic not in self._complaints:
            self._complaints.add(message.topic)
            _log.warning("MQTT: %s not published: %s", message.topic, reason)

    def _set_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._on_connected(connected)

    def _note(self, state: str, level: int, sentence: str) -> None:
        """Log `sentence` where `state` is not the one before."""
        if state != self._state:
            self._state = state
            _log.log(level, "MQTT broker %s:%d: %s", self._settings.host, self._settings.port, sentence)


def _describe(error: OSError) -> tuple[str, int, str]:
    """Say what an error of connecting means: state, log level and sentence with the remedy."""
    match error:
        case ssl.SSLCertVerificationError():
            return (
                "tls",
                logging.WARNING,
                f"its certificate is not trusted ({error.verify_message}): check mqtt.ca_file",
            )
        case ssl.SSLError():
            return "tls", logging.WARNING, f"TLS failed ({error.reason or error}): is this the broker's TLS port?"
        case socket.gaierror():
            return "unreachable", logging.WARNING, "its name is not known: check mqtt.host and the network"
        case ConnectionRefusedError():
            return "unreachable", logging.WARNING, "nothing listens there: is it running, are mqtt.host and port right?"
        case TimeoutError():
            return (
                "unreachable",
                logging.WARNING,
                f"no answer within {CONNECT_TIMEOUT_S:g} s: is it running and reachable?",
            )
        case _:
            return "unreachable", logging.WARNING, f"not reachable: {error.strerror or error}"
