"""The MQTT sink: turns events into retained messages; docs/mqtt.md lists every topic."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from edgeheat.defs.events import CameraHealth, CameraStatus, Event, Snapshot
from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue
from edgeheat.sinks.mqtt.session import BrokerSession
from edgeheat.sinks.mqtt.topic_registry import TopicRegistry
from edgeheat.sinks.payload import SCHEMA, heat_figures, plan_figures, to_json, units, utc_text

_log = logging.getLogger(__name__)

_JSON = "application/json"
_DRAIN_S = 0.7
_GIVE_UP_S = 0.2


class MqttSink:
    """Publishes states, figures and pictures; never blocks on the broker, whatever that does."""

    name = "mqtt"

    def __init__(
        self,
        settings: BrokerParams,
        *,
        announced: TopicRegistry | None = None,
        on_connected: Callable[[bool], None],
        on_dropped: Callable[[], None],
        jitter: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Start the thread that keeps the connection.

        `announced` tells which topics earlier runs have left behind, to be cleared; None: nothing is known of any.
        `on_connected` is called from that thread whenever the connection comes or goes; `on_dropped`, from either
        thread, for each message given up: too large for the broker, refused by it, or of a topic that gave way to
        others. `jitter` gives numbers from 0 to 1 (`random.random`), so that a fleet does not come back to its broker
        in one instant.
        `monotonic` gives seconds that never jump.
        """
        self._root = f"{settings.prefix}/{settings.site}"
        self._status_topic = settings.status_topic
        self._pending = RetainedQueue(settings.max_waiting)
        for topic in announced.left_over if announced is not None else ():
            self._pending.put(Message(topic, b"", "text/plain"))
        self._pending.put(Message(self._status_topic, b"online", "text/plain"))
        self._on_dropped = on_dropped
        self._told_too_many = False
        self._link = BrokerSession(
            settings,
            self._pending,
            on_connected=on_connected,
            on_dropped=on_dropped,
            on_cleared=announced.cleared if announced is not None else lambda topic: None,
            jitter=jitter,
            monotonic=monotonic,
        )

    def handle(self, event: Event) -> None:
        """Let the event's messages wait for the broker, in place of older ones of the same topics."""
        match event:
            case CameraStatus():
                self._put(self._camera_status(event))
            case CameraHealth():
                self._put(self._camera_health(event))
            case Snapshot():
                self._put(self._activity(event))
                for message in self._pictures(event):
                    self._put(message)

    def close(self) -> None:
        """Send what waits and `offline`; where the broker does not take them in time, its last will says it."""
        self._put(Message(self._status_topic, b"offline", "text/plain"))
        self._link.close(_DRAIN_S, _GIVE_UP_S)

    def _put(self, message: Message) -> None:
        if (topic := self._pending.put(message)) is not None:
            if not self._told_too_many:
                self._told_too_many = True
                _log.warning("MQTT: too many topics for one box: %s is no longer kept, others may follow", topic)
            self._on_dropped()

    def _camera_status(self, status: CameraStatus) -> Message:
        content = {
            "schema": SCHEMA,
            "camera": status.camera,
            "state": status.state,
            "reason": status.reason,
            "reason_code": status.reason_code,
            "since": utc_text(status.wall_s),
        }
        return Message(f"{self._root}/{status.camera}/status", to_json(content), _JSON)

    def _camera_health(self, health: CameraHealth) -> Message:
        content = {
            "schema": SCHEMA,
            "camera": health.camera,
            "verdict": health.verdict,
            "reason": health.reason,
            "since": utc_text(health.wall_s),
        }
        return Message(f"{self._root}/{health.camera}/health", to_json(content), _JSON)

    def _activity(self, snapshot: Snapshot) -> Message:
        content = {
            "schema": SCHEMA,
            "camera": snapshot.camera,
            "captured_at": utc_text(snapshot.wall_s),
            "epoch": snapshot.epoch,
            **plan_figures(snapshot),
            "heats": {heat.heat: heat_figures(snapshot, heat) for heat in snapshot.heats},
            "units": units(snapshot),
        }
        return Message(f"{self._root}/{snapshot.camera}/activity", to_json(content), _JSON)

    def _pictures(self, snapshot: Snapshot) -> Iterator[Message]:
        for heat in snapshot.heats:
            user = (
                ("captured-at", utc_text(snapshot.wall_s)),
                ("camera", snapshot.camera),
                ("heat", heat.heat),
                ("schema", str(SCHEMA)),
            )
            yield Message(f"{self._root}/{snapshot.camera}/heatmap/{heat.heat}", heat.image, heat.media_type, user)
