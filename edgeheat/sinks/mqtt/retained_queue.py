"""A queue of retained MQTT messages that holds the newest one of each topic, so its size is bounded by the topics."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Message:
    """One retained message with its MQTT 5 properties."""

    topic: str
    payload: bytes
    """Empty: the broker deletes the retained message of the topic."""

    content_type: str
    user: tuple[tuple[str, str], ...] = ()
    """User properties, name and value."""


class RetainedQueue:
    """Retained messages to be sent; one that replaces an unsent message takes its place in the order; thread-safe.

    A new message replaces the older one of its topic, sent or not: a subscriber sees the newest state of each topic,
    but not every message. Messages that were sent are kept as well, because a broker may have lost them when the
    connection is restored; see `requeue`.
    """

    def __init__(self, max_topics: int) -> None:
        """Hold at most `max_topics` topics; beyond that, the topic that was added first is dropped."""
        self._max_topics = max_topics
        self._lock = Lock()
        self._newest: dict[str, Message] = {}
        self._unsent: dict[str, None] = {}  # topics in order of sending; a set would lose the order

    def put(self, message: Message) -> str | None:
        """Queue `message` in place of the older one of its topic; return the topic that was dropped for it, if any."""
        with self._lock:
            dropped = None
            if message.topic not in self._newest and len(self._newest) >= self._max_topics:
                dropped = next(iter(self._newest))
                del self._newest[dropped]
                self._unsent.pop(dropped, None)
            self._newest[message.topic] = message
            self._unsent[message.topic] = None
            return dropped

    def pop(self) -> Message | None:
        """Return the next message to send, which is no longer unsent then; None if there is none."""
        with self._lock:
            if not self._unsent:
                return None
            topic = next(iter(self._unsent))
            del self._unsent[topic]
            return self._newest[topic]

    def requeue(self) -> None:
        """Mark the newest message of every topic as unsent, for a new connection."""
        with self._lock:
            self._unsent = dict.fromkeys(self._newest)

    def discard(self, message: Message) -> None:
        """Never send `message` again; a newer message of its topic is kept."""
        with self._lock:
            if self._newest.get(message.topic) is message:
                del self._newest[message.topic]
                self._unsent.pop(message.topic, None)

    def __len__(self) -> int:
        """Return the number of unsent messages."""
        with self._lock:
            return len(self._unsent)
