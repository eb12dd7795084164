"""Waiting for a condition with a deadline, so that no test sleeps for a guessed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the first truthy value of `condition()`; fail with `what` when none came within `timeout_s`."""
    began_s = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - began_s
        if waited_s >= timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what} (last value: {value!r})")
        # More and more seldom: to ask fifty times a second would cost a daemon more than its cameras do.
        time.sleep(min(0.02 + 0.05 * waited_s, 0.25))
