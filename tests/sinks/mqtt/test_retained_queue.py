"""What waits for the broker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue


def message(topic: str, payload: bytes = b"") -> Message:
    return Message(topic, payload, "text/plain")


def drain(pending: RetainedQueue) -> list[Message]:
    return list(iter(pending.pop, None))


def test_of_each_topic_only_the_newest_waits_in_the_place_of_the_older() -> None:
    pending = RetainedQueue(10)
    for topic, payload in (("a", b"1"), ("b", b"1"), ("a", b"2")):
        assert pending.put(message(topic, payload)) is None
    assert len(pending) == 2
    assert drain(pending) == [message("a", b"2"), message("b", b"1")]
    assert pending.pop() is None


def test_after_a_reconnect_everything_waits_again_the_newest_of_each() -> None:
    pending = RetainedQueue(10)
    for topic in "abc":
        pending.put(message(topic))
    drain(pending)
    pending.put(message("b", b"newer"))
    pending.requeue()
    assert drain(pending) == [message("a"), message("b", b"newer"), message("c")]


def test_what_is_forgotten_never_comes_back_but_a_newer_one_does() -> None:
    pending = RetainedQueue(10)
    large, small = message("a", b"large"), message("a", b"small")
    pending.put(large)
    pending.forget(large)
    pending.requeue()
    assert drain(pending) == []
    pending.put(large)
    pending.put(small)
    pending.forget(large)
    assert drain(pending) == [small]


@given(st.lists(st.sampled_from("abcdefgh"), max_size=50), st.integers(1, 5))
def test_never_more_than_the_allowed_topics_are_kept_and_each_loss_is_told(topics: list[str], most: int) -> None:
    pending = RetainedQueue(most)
    dropped = 0
    for topic in topics:
        dropped += pending.put(message(topic)) is not None
        assert len(pending) <= most
    pending.requeue()
    assert len(drain(pending)) == min(most, len(set(topics))) or dropped > 0
