"""One connection to the MQTT broker, from CONNECT to its end: sends the queued messages through a paho client."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue

CONNECT_TIMEOUT_S = 5.0
"""How long opening a connection may take."""

PACKET_TOO_LARGE = 0x95
"""The MQTT 5 reason code of a broker that received a larger packet than it accepts."""

_LOOP_S = 0.2
"""How long one round of the network loop waits; also the delay before a new message is sent."""

_MAX_IN_FLIGHT = 20
"""Messages sent and not yet acknowledged; a broker may allow fewer."""

_MAX_IN_FLIGHT_BYTES = 2_000_000
"""Payload of those messages: paho holds a copy of each, for up to a minute if the broker is frozen."""

_PACKET_OVERHEAD_BYTES = 9
"""Bytes of a PUBLISH packet besides its contents: type 1, remaining length up to 4, topic length 2, packet id 2."""


class BrokerConnection:
    """Connects, sends the queue's messages and keeps the reason of its end; for one thread, which calls `loop_once`.

    paho's publishing and its network loop run in the same thread, because from two threads both write to the socket
    and can mix their packets. paho's own queue stays empty, since no more is published than may be in flight.
    """

    def __init__(
        self,
        settings: BrokerParams,
        queue: RetainedQueue,
        max_bytes: int | None,
        on_result: Callable[[Message, str], None],
    ) -> None:
        """Prepare a connection; raises OSError, naming the setting, if a certificate file cannot be read.

        `max_bytes` is the largest packet that the broker is known to accept, where it does not announce a limit.
        `on_result` is called with each message and an error: empty if the broker received the message, else why it is
        dropped.
        """
        self._settings = settings
        self._queue = queue
        self._max_bytes = max_bytes
        self._on_result = on_result
        self._max_in_flight = _MAX_IN_FLIGHT
        self._in_flight: dict[int, Message] = {}
        self._client = self._new_client()
        self.is_up = False
        """Whether the broker has accepted the connection and it has not ended."""

        self.was_up = False
        """Whether the broker had accepted the connection at some time."""

        self.reason_code: ReasonCode | None = None
        """Why the broker rejected or closed the connection, if it gave a reason."""

    def open(self) -> None:
        """Connect and send CONNECT; blocks for up to `CONNECT_TIMEOUT_S`. Raises OSError."""
        self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)

    def loop_once(self) -> bool:
        """Process network traffic for a moment and send queued messages; False once the connection has ended."""
        if self._client.loop(_LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        while self.is_up and self._may_send() and (message := self._queue.pop()):
            self._send(message)
        return True

    def _may_send(self) -> bool:
        in_flight_bytes = sum(len(message.payload) for message in self._in_flight.values())
        return len(self._in_flight) < self._max_in_flight and in_flight_bytes < _MAX_IN_FLIGHT_BYTES

    @property
    def is_idle(self) -> bool:
        """Whether it is connected and the broker has acknowledged every message."""
        return self.is_up and not self._in_flight and not len(self._queue)

    def disconnect(self) -> None:
        """Send DISCONNECT, so that the broker does not publish the last will; `loop_once` is False from then on."""
        self._client.disconnect()

    def close(self) -> None:
        """Close the socket; without `disconnect` before, the broker publishes the last will."""
        if (socket := self._client.socket()) is not None:
            socket.close()
        # Breaks the reference cycle client → callback → self, so that everything is freed now.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None

    def largest_in_flight(self) -> tuple[Message, int] | None:
        """Return the largest message that the broker has not acknowledged, and its packet's size in bytes."""
        sizes = [(message, _packet_bytes(message, _properties(message))) for message in self._in_flight.values()]
        return max(sizes, key=lambda pair: pair[1], default=None)

    def _new_client(self) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id or f"edgeheat-{settings.site}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.will_set(settings.status_topic, b"offline", qos=1, retain=True)
        if settings.username:
            client.username_pw_set(settings.username, settings.password)
        if settings.tls:
            client.tls_set_context(_tls_context(settings))
        client.on_connect = self._handle_connect
        client.on_disconnect = self._handle_disconnect
        client.on_publish = self._handle_publish
        return client

    def _handle_connect(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, limits: Properties | None
    ) -> None:
        if reason.is_failure:
            self.reason_code = reason
            return
        # paho ignores both limits; a packet above the first would end the connection, and the next one too.
        announced: int | None = getattr(limits, "MaximumPacketSize", None)
        self._max_bytes = min((size for size in (self._max_bytes, announced) if size), default=None)
        self._max_in_flight = min(_MAX_IN_FLIGHT, getattr(limits, "ReceiveMaximum", _MAX_IN_FLIGHT))
        self._queue.requeue()
        self.is_up = self.was_up = True

    def _handle_disconnect(
        self, _client: Client, _userdata: object, flags: DisconnectFlags, reason: ReasonCode, _limits: Properties | None
    ) -> None:
        self.is_up = False
        if flags.is_disconnect_packet_from_server:
            self.reason_code = reason

    def _handle_publish(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if (message := self._in_flight.pop(mid, None)) is not None:
            error = f"the broker rejected it ({reason}): check its access list" if reason.is_failure else ""
            self._on_result(message, error)

    def _send(self, message: Message) -> None:
        properties = _properties(message)
        size_bytes = _packet_bytes(message, properties)
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            self._queue.discard(message)
            self._on_result(message, too_large(size_bytes, self._max_bytes))
            return
        sent = self._client.publish(message.topic, message.payload, qos=1, retain=True, properties=properties)
        # If the connection was lost at this moment, the next one sends everything again.
        if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._in_flight[sent.mid] = message


def too_large(size_bytes: int, max_bytes: int) -> str:
    """Return why a message of `size_bytes` is dropped, and what the user can do."""
    return (
        f"{size_bytes} bytes, but the broker accepts {max_bytes} at most: "
        "raise its max_packet_size, or lower style.max_width or style.quality"
    )


def _properties(message: Message) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = message.content_type
    properties.PayloadFormatIndicator = 0 if message.content_type.startswith("image/") else 1
    if message.user:
        properties.UserProperty = list(message.user)
    return properties


def _packet_bytes(message: Message, properties: Properties) -> int:
    """Return the size of `message` as an MQTT packet; up to 3 bytes too large."""
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    return _PACKET_OVERHEAD_BYTES + len(message.topic.encode()) + len(packed) + len(message.payload)


def _tls_context(settings: BrokerParams) -> ssl.SSLContext:
    """Read the certificates, for each connection because they get renewed; raises OSError naming the setting."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise OSError(f"mqtt.ca_file {settings.ca_file} cannot be used: {error.strerror or error}") from error
    if settings.cert_file is not None:
        try:
            # The empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        except OSError as error:
            raise OSError(
                f"mqtt.cert_file {settings.cert_file} and mqtt.key_file {settings.key_file} cannot be used: "
                f"{error.strerror or error}"
            ) from error
    return context
