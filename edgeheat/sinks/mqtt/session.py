"""The thread that keeps a connection to the MQTT broker: reconnects, reports dropped messages, logs state changes."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from threading import Event, Thread

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt.connection import CONNECT_TIMEOUT_S, PACKET_TOO_LARGE, BrokerConnection, too_large
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue

_log = logging.getLogger(__name__)

_MAX_DELAY_S = 60.0
"""Longest pause before the next attempt to connect."""

_STABLE_S = 60.0
"""A connection that lasted this long resets the count of failures."""

_DISCONNECT_REASONS = {
    0x84: "it does not support MQTT 5: update it (mosquitto 1.6 or newer)",
    0x85: "it does not accept the client id: set another mqtt.client_id",
    0x86: "wrong user or password: check mqtt.username and mqtt.password",
    0x87: "not authorised: check mqtt.username and mqtt.password, and the broker's access list for this user",
    0x88: "it is unavailable at present",
    0x89: "it is busy",
    0x8A: "it has banned this client: see its log",
    0x8B: "it is shutting down",
    0x8E: "another client connected with the same client id: give each device its own mqtt.client_id",
    PACKET_TOO_LARGE: "a message was too large for it",
    0x97: "its quota is used up: raise the broker's limits for this user",
    0x9A: "it does not support retained messages, which edgeheat needs: enable them in the broker",
    0x9B: "it does not support QoS 1, which edgeheat needs: enable it in the broker",
    0x9F: "too many connections at once: raise the broker's connection rate",
}
"""By MQTT 5 reason code: why the broker rejected or closed a connection, and what to do."""


class BrokerSession:
    """Keeps a connection to the broker until it is closed; none of its methods waits for the broker."""

    def __init__(
        self,
        settings: BrokerParams,
        queue: RetainedQueue,
        *,
        on_connected: Callable[[bool], None],
        on_dropped: Callable[[], None],
        on_deleted: Callable[[str], None],
        jitter: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Start the thread; `on_connected`, `on_dropped`, `jitter` and `monotonic` as in MqttSink.

        `on_deleted` is called from the thread with each topic whose retained message the broker has deleted.
        """
        self._settings = settings
        self._queue = queue
        self._on_connected = on_connected
        self._on_dropped = on_dropped
        self._on_deleted = on_deleted
        self._jitter = jitter
        self._monotonic = monotonic
        self._logged_state = ""
        self._connected = False
        self._failures = 0
        self._learned_max_bytes: int | None = None
        self._warned_topics: set[str] = set()  # topics whose last message was dropped
        self._closing = Event()
        self._aborting = Event()
        self._thread = Thread(target=self._run, name="edgeheat-mqtt", daemon=True)
        self._thread.start()

    def close(self, drain_s: float, abort_s: float) -> None:
        """Send the queued messages within `drain_s`, else abort the connection and wait `abort_s` for that."""
        self._closing.set()
        self._thread.join(drain_s)
        self._aborting.set()
        self._thread.join(abort_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._connect_once()
            except Exception as error:  # noqa: BLE001 the thread's edge: most errors are gone with a new connection
                self._failures += 1
                self._log_state(f"error {type(error).__name__}", logging.ERROR, f"error in the client: {error!r}")
            self._set_connected(False)
            delay_s = min(_MAX_DELAY_S, 2.0 ** min(self._failures, 10))
            self._closing.wait(delay_s * (0.5 + 0.5 * self._jitter()))

    def _connect_once(self) -> None:
        """Open one connection and keep it for as long as it lasts."""
        try:
            connection = BrokerConnection(self._settings, self._queue, self._learned_max_bytes, self._on_result)
            connection.open()
        except OSError as error:
            self._failures += 1
            self._log_state(*_describe(error))
            return
        start_s = self._monotonic()
        try:
            while connection.loop_once() and not self._aborting.is_set():
                if connection.is_up and not self._connected:
                    self._set_connected(True)
                    self._log_state("connected", logging.INFO, "connected")
                if self._closing.is_set() and connection.is_idle:
                    connection.disconnect()
        finally:
            connection.close()
        self._on_connection_end(connection, self._monotonic() - start_s)

    def _on_connection_end(self, connection: BrokerConnection, lasted_s: float) -> None:
        code = connection.reason_code.value if connection.reason_code is not None else 0
        # Two devices with the same client id disconnect each other endlessly, although both can connect: counting
        # short connections as failures makes them slow down.
        self._failures = 0 if connection.was_up and lasted_s >= _STABLE_S else self._failures + 1
        self._learned_max_bytes = self._discard_largest(connection) if code == PACKET_TOO_LARGE else None
        if self._closing.is_set():
            return
        if connection.reason_code is not None:
            why = _DISCONNECT_REASONS.get(code, f"it rejected the connection: {connection.reason_code}")
            self._log_state(f"rejected {code}", logging.WARNING, why)
        elif connection.was_up:
            hint = "" if lasted_s >= _STABLE_S else "; if this repeats, another client may use the same client id"
            self._log_state("lost", logging.WARNING, f"connection lost{hint}")
        else:
            hint = "a client certificate (mqtt.cert_file)" if self._settings.tls else "TLS (mqtt.tls)"
            self._log_state(
                "no answer", logging.WARNING, f"no answer: is this an MQTT port, and does it require {hint}?"
            )

    def _discard_largest(self, connection: BrokerConnection) -> int | None:
        """After `packet too large`: drop the largest message in flight and return the size limit that follows."""
        if (largest := connection.largest_in_flight()) is None:
            return self._learned_max_bytes
        message, size_bytes = largest
        self._queue.discard(message)
        self._on_result(message, too_large(size_bytes, size_bytes - 1))
        return size_bytes - 1

    def _on_result(self, message: Message, error: str) -> None:
        """Handle a message that the broker has received (empty `error`) or that is dropped; warn once per topic."""
        if not message.payload:
            self._queue.discard(message)  # A topic is deleted once; if that is rejected, the next start tries again.
        if not error:
            if not message.payload:
                self._on_deleted(message.topic)
            self._warned_topics.discard(message.topic)
            return
        self._on_dropped()
        if message.topic not in self._warned_topics:
            self._warned_topics.add(message.topic)
            _log.warning("MQTT: %s not published: %s", message.topic, error)

    def _set_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            self._on_connected(connected)

    def _log_state(self, state: str, level: int, sentence: str) -> None:
        """Log `sentence` unless `state` is the one logged last."""
        if state != self._logged_state:
            self._logged_state = state
            _log.log(level, "MQTT broker %s:%d: %s", self._settings.host, self._settings.port, sentence)


def _describe(error: OSError) -> tuple[str, int, str]:
    """Return state, log level and a sentence with the remedy for an error of connecting."""
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
            return "unreachable", logging.WARNING, "its name cannot be resolved: check mqtt.host and the network"
        case ConnectionRefusedError():
            return (
                "unreachable",
                logging.WARNING,
                "connection refused: is it running, and are mqtt.host and mqtt.port right?",
            )
        case TimeoutError():
            return (
                "unreachable",
                logging.WARNING,
                f"no answer within {CONNECT_TIMEOUT_S:g} s: is it running and reachable?",
            )
        case _:
            return "unreachable", logging.WARNING, f"not reachable: {error.strerror or error}"
