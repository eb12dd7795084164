"""Waiting for a condition with a deadline, so that no test sleeps for a guessed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 300.0
"""For everything that a test waits for: minutes, because the machine may be loaded tenfold. Every wait ends as soon as
its condition holds."""


def wait_for(condition: Callable[[], T], what: str) -> T:
    """Return the first truthy value of `condition()`; fail with `what` when none came within DEADLINE_S."""
    began_s = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - began_s
        if waited_s >= DEADLINE_S:
            raise AssertionError(f"not within {DEADLINE_S:g} s: {what} (last value: {value!r})")
        # The interval grows, because 50 checks per second would cost a daemon more than its cameras do.
        time.sleep(min(0.02 + 0.05 * waited_s, 0.25))
