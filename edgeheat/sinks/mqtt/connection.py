"""One connection to the broker, from CONNECT to its end, with a paho client of its own."""

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
TOO_LARGE = 0x95

_LOOP_S = 0.2
_MAX_IN_FLIGHT = 20
_MAX_IN_FLIGHT_BYTES = 2_000_000  # paho copies each, and a frozen broker may hold them for a minute
_PACKET_OVERHEAD_BYTES = 9  # type 1, length at most 4, length of the topic 2, message id 2


class Connection:
    """Connects, sends what `pending` holds and remembers how it ended; for one thread, which calls `turn`.

    paho's publishing and its network loop run in that one thread on purpose: from two threads both write to the
    socket and can mix their packets. paho's own queue stays empty, since no more is published than may be in flight.
    """

    def __init__(
        self,
        settings: BrokerParams,
        pending: RetainedQueue,
        max_bytes: int | None,
        on_fate: Callable[[Message, str], None],
    ) -> None:
        """Prepare; `max_bytes` is the largest packet that the broker is known to take, where it does not say itself.

        `on_fate` is told of each message that reached the broker (an empty reason) or is given up (why).
        """
        self._settings = settings
        self._pending = pending
        self._max_bytes = max_bytes
        self._on_fate = on_fate
        self._window = _MAX_IN_FLIGHT
        self._in_flight: dict[int, Message] = {}
        self._client = self._new_client()
        self.is_up = False
        self.was_up = False
        self.refusal: ReasonCode | None = None
        """Why the broker refused or ended the connection, where it said so."""

    def open(self) -> None:
        """Connect and send CONNECT; blocks for up to `CONNECT_TIMEOUT_S`. Raises OSError."""
        self._client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)

    def turn(self) -> bool:
        """Wait shortly for the network, send what waits; False when the connection has ended."""
        if self._client.loop(_LOOP_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        while self.is_up and self._has_window() and (message := self._pending.pop()):
            self._send(message)
        return True

    def _has_window(self) -> bool:
        in_flight_bytes = sum(len(message.payload) for message in self._in_flight.values())
        return len(self._in_flight) < self._window and in_flight_bytes < _MAX_IN_FLIGHT_BYTES

    @property
    def is_idle(self) -> bool:
        """Connected, and everything sent has been taken by the broker."""
        return self.is_up and not self._in_flight and not len(self._pending)

    def leave(self) -> None:
        """Say goodbye: the broker then keeps the last will to itself. `turn` is False from now on."""
        self._client.disconnect()

    def drop(self) -> None:
        """Close the socket; without `leave` before, the broker publishes the last will."""
        if (socket := self._client.socket()) is not None:
            socket.close()
        # Breaks the circle client → callback → self, so that everything is freed now.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None

    def largest_in_flight(self) -> tuple[Message, int] | None:
        """The largest message that the broker has not taken, and its bytes as a packet."""
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
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        return client

    def _connected(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, limits: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refusal = reason
            return
        # paho reads neither of the two; a packet above the first ends the connection, again and again.
        announced: int | None = getattr(limits, "MaximumPacketSize", None)
        self._max_bytes = min((size for size in (self._max_bytes, announced) if size), default=None)
        self._window = min(_MAX_IN_FLIGHT, getattr(limits, "ReceiveMaximum", _MAX_IN_FLIGHT))
        self._pending.requeue()
        self.is_up = self.was_up = True

    def _disconnected(
        self, _client: Client, _userdata: object, flags: DisconnectFlags, reason: ReasonCode, _limits: Properties | None
    ) -> None:
        self.is_up = False
        if flags.is_disconnect_packet_from_server:
            self.refusal = reason

    def _published(
        self, _client: Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if (message := self._in_flight.pop(mid, None)) is not None:
            self._on_fate(
                message, f"the broker refused it ({reason}): check its access list" if reason.is_failure else ""
            )

    def _send(self, message: Message) -> None:
        properties = _properties(message)
        size_bytes = _packet_bytes(message, properties)
        if self._max_bytes is not None and size_bytes > self._max_bytes:
            self._pending.forget(message)
            self._on_fate(message, too_large(size_bytes, self._max_bytes))
            return
        sent = self._client.publish(message.topic, message.payload, qos=1, retain=True, properties=properties)
        # Where the connection broke in this moment, the next one sends everything again.
        if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._in_flight[sent.mid] = message


def too_large(size_bytes: int, max_bytes: int) -> str:
    """Why a message of `size_bytes` is given up, and what the user can do."""
    return (
        f"{size_bytes} bytes, but the broker takes {max_bytes} at most: "
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
    """The size of `message` as an MQTT packet, at most 3 bytes too many."""
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    return _PACKET_OVERHEAD_BYTES + len(message.topic.encode()) + len(packed) + len(message.payload)


def _tls_context(settings: BrokerParams) -> ssl.SSLContext:
    """Read the certificates, anew for each connection: they get renewed. Raises OSError naming the setting."""
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
