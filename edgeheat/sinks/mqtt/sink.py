"""The MQTT sink: turns events into retained messages; docs/mqtt.md lists every topic."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from edgeheat.defs.camera_state import CurrentState, apply_event
from edgeheat.defs.events import CameraHealth, CameraStatus, Event, ReportWritten, Snapshot
from edgeheat.defs.history import REPORTS_FOLDER
from edgeheat.defs.params import BrokerParams
from edgeheat.redact import redact
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue
from edgeheat.sinks.mqtt.session import BrokerSession
from edgeheat.sinks.mqtt.topic_registry import TopicRegistry
from edgeheat.sinks.payload import SCHEMA, heat_fields, plan_fields, to_json, units, utc_text

_log = logging.getLogger(__name__)

_JSON = "application/json"
"""Content type of states and statistics."""

_BROKER_DRAIN_S = 0.7
"""How long `close` waits for queued messages to be sent."""

_ABORT_S = 0.2
"""How long `close` waits after that for the connection to be closed."""


class MqttSink:
    """Publishes states, statistics and pictures; never blocks, whatever the broker does."""

    name = "mqtt"

    def __init__(
        self,
        settings: BrokerParams,
        *,
        registry: TopicRegistry | None = None,
        on_connected: Callable[[bool], None],
        on_dropped: Callable[[], None],
        jitter: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Start the thread that maintains the connection.

        `registry` knows the stale topics of earlier runs, which are deleted; None: no topic is deleted.
        `on_connected` is called from that thread whenever the connection comes up or is lost. `on_dropped` is called
        from that thread or from the caller of `handle` for each message that is dropped: too large for the broker,
        rejected by it, or of one topic too many. `jitter` returns numbers from 0 to 1 (`random.random`), so that many
        devices do not reconnect to their broker at the same instant. `monotonic` returns seconds that never jump.
        """
        self._root = f"{settings.prefix}/{settings.site}"
        self._status_topic = settings.status_topic
        self._states: dict[str, CurrentState] = {}
        self._queue = RetainedQueue(settings.max_waiting)
        for topic in registry.stale if registry is not None else ():
            self._queue.put(Message(topic, b"", "text/plain"))
        self._queue.put(Message(self._status_topic, b"online", "text/plain"))
        self._on_dropped = on_dropped
        self._warned_of_topics = False
        self._session = BrokerSession(
            settings,
            self._queue,
            on_connected=on_connected,
            on_dropped=on_dropped,
            on_deleted=registry.mark_deleted if registry is not None else lambda topic: None,
            jitter=jitter,
            monotonic=monotonic,
        )

    def handle(self, event: Event) -> None:
        """Queue the event's messages in place of older ones of the same topics."""
        if isinstance(event, ReportWritten):
            self._put(self._report(event))
            return
        state = apply_event(self._states.get(event.camera, CurrentState(event.camera)), event)
        self._states[event.camera] = state
        match event:
            case CameraStatus():
                self._put(self._status(state))
            case CameraHealth():
                self._put(self._health(event))
            case Snapshot():
                self._put(self._activity(event))
                for message in self._pictures(event):
                    self._put(message)

    def close(self) -> None:
        """Send the queued messages and `offline`; if the broker is too slow, its last will publishes `offline`."""
        self._put(Message(self._status_topic, b"offline", "text/plain"))
        self._session.close(_BROKER_DRAIN_S, _ABORT_S)

    def _put(self, message: Message) -> None:
        if (topic := self._queue.put(message)) is not None:
            if not self._warned_of_topics:
                self._warned_of_topics = True
                _log.warning("MQTT: too many topics for one device: %s is dropped, others may follow", topic)
            self._on_dropped()

    def _report(self, report: ReportWritten) -> Message:
        file = f"{REPORTS_FOLDER}/{report.name}.html"
        content = {"schema": SCHEMA, "report": report.name, "file": file, "written_at": utc_text(report.wall_s)}
        return Message(f"{self._root}/report", to_json(content), _JSON)

    def _status(self, state: CurrentState) -> Message:
        content = {
            "schema": SCHEMA,
            "camera": state.name,
            "state": state.state,
            "reason": state.reason,
            "reason_code": state.reason_code,
            "since": utc_text(state.since_wall_s),
        }
        return Message(f"{self._root}/{state.name}/status", to_json(content), _JSON)

    def _health(self, health: CameraHealth) -> Message:
        # Not from the camera's state, which has no verdict until the camera is online: the hub's queue may have dropped
        # the status that says so, and every verdict would be lost until the next one.
        content = {
            "schema": SCHEMA,
            "camera": health.camera,
            "verdict": health.verdict,
            "reason": redact(health.reason),
            "since": utc_text(health.wall_s),
        }
        return Message(f"{self._root}/{health.camera}/health", to_json(content), _JSON)

    def _activity(self, snapshot: Snapshot) -> Message:
        content = {
            "schema": SCHEMA,
            "camera": snapshot.camera,
            "captured_at": utc_text(snapshot.wall_s),
            "epoch": snapshot.epoch,
            **plan_fields(snapshot),
            "heats": {heat.heat: heat_fields(snapshot, heat) for heat in snapshot.heats},
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
