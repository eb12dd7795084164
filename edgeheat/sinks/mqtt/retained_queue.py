"""What waits for the broker: of each topic the newest message, so that waiting is bounded by itself."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Message:
    """One retained message with its MQTT v5 properties."""

    topic: str
    payload: bytes
    """Empty: the broker forgets the topic."""

    content_type: str
    user: tuple[tuple[str, str], ...] = ()
    """User properties, name and value."""


class RetainedQueue:
    """The newest message of each topic, and which of them still have to be sent; for several threads.

    The sent ones are kept too: a broker may have lost its memory when it comes back. A durable
    outbox takes this class's place with the same methods.
    """

    def __init__(self, max_waiting: int) -> None:
        """Keep at most `max_waiting` topics; the one that was new longest ago gives way."""
        self._max_waiting = max_waiting
        self._lock = Lock()
        self._newest: dict[str, Message] = {}
        self._waiting: dict[str, None] = {}  # topics in order of sending; a set would forget the order

    def put(self, message: Message) -> str | None:
        """Let `message` wait in place of an older one of its topic; return the topic that gave way, if one did."""
        with self._lock:
            dropped = None
            if message.topic not in self._newest and len(self._newest) >= self._max_waiting:
                dropped = next(iter(self._newest))
                del self._newest[dropped]
                self._waiting.pop(dropped, None)
            self._newest[message.topic] = message
            self._waiting[message.topic] = None
            return dropped

    def pop(self) -> Message | None:
        """Return the next message to send, which does not wait any more; None where nothing waits."""
        with self._lock:
            if not self._waiting:
                return None
            topic = next(iter(self._waiting))
            del self._waiting[topic]
            return self._newest[topic]

    def requeue(self) -> None:
        """Let the newest message of every topic wait again, for a new connection."""
        with self._lock:
            self._waiting = dict.fromkeys(self._newest)

    def forget(self, message: Message) -> None:
        """Never send `message` again, unless a newer one has taken its place."""
        with self._lock:
            if self._newest.get(message.topic) is message:
                del self._newest[message.topic]
                self._waiting.pop(message.topic, None)

    def __len__(self) -> int:
        """How many messages wait."""
        with self._lock:
            return len(self._waiting)
