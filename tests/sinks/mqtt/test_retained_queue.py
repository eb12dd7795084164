"""The queue of retained messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue


def message(topic: str, payload: bytes = b"") -> Message:
    return Message(topic, payload, "text/plain")


def drain(queue: RetainedQueue) -> list[Message]:
    return list(iter(queue.pop, None))


def test_a_message_replaces_the_unsent_one_of_its_topic_in_the_same_place() -> None:
    queue = RetainedQueue(10)
    for topic, payload in (("a", b"1"), ("b", b"1"), ("a", b"2")):
        assert queue.put(message(topic, payload)) is None
    assert len(queue) == 2
    assert drain(queue) == [message("a", b"2"), message("b", b"1")]
    assert queue.pop() is None


def test_after_a_reconnect_the_newest_message_of_each_topic_is_sent_again() -> None:
    queue = RetainedQueue(10)
    for topic in "abc":
        queue.put(message(topic))
    drain(queue)
    queue.put(message("b", b"newer"))
    queue.requeue()
    assert drain(queue) == [message("a"), message("b", b"newer"), message("c")]


def test_a_discarded_message_is_never_sent_but_a_newer_one_is() -> None:
    queue = RetainedQueue(10)
    large, small = message("a", b"large"), message("a", b"small")
    queue.put(large)
    queue.discard(large)
    queue.requeue()
    assert drain(queue) == []
    queue.put(large)
    queue.put(small)
    queue.discard(large)
    assert drain(queue) == [small]


@given(st.lists(st.sampled_from("abcdefgh"), max_size=50), st.integers(1, 5))
def test_no_more_than_the_allowed_topics_are_kept_and_each_dropped_one_is_returned(
    topics: list[str], most: int
) -> None:
    queue = RetainedQueue(most)
    dropped = 0
    for topic in topics:
        dropped += queue.put(message(topic)) is not None
        assert len(queue) <= most
    queue.requeue()
    assert len(drain(queue)) == min(most, len(set(topics))) or dropped > 0
