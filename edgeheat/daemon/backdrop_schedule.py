"""Decides when a worker sends its backdrop for the history: once it is complete, in each epoch, and then once a day."""

from __future__ import annotations

_SETTLED_S = 900.0
"""How long a new backdrop waits: people who stood still while the background was learned have left by then."""

_PATIENCE_S = 3600.0
"""How long an incomplete backdrop waits: in a busy shop some place may always be occupied."""

_RENEWED_S = 86_400.0
"""Interval of the backdrops of one epoch: shelves are refilled and moved."""


class BackdropSchedule:
    """The schedule of one worker; a worker that is replaced sends its backdrop again."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._due_s = 0.0
        """When the backdrop is due, on the monotonic clock, if it is complete."""

        self._overdue_s = 0.0
        """When it is due even if it is not."""

    def is_due(self, epoch: int, is_complete: bool | None, mono_s: float) -> bool:
        """Return whether the backdrop is to be sent now; if so, it counts as sent.

        `is_complete`: whether all places were seen without people; None while there is no backdrop.
        """
        if epoch != self._epoch:
            self._epoch, self._due_s, self._overdue_s = epoch, mono_s + _SETTLED_S, mono_s + _PATIENCE_S
        if is_complete is None or mono_s < (self._due_s if is_complete else self._overdue_s):
            return False
        self._due_s = mono_s + _RENEWED_S
        self._overdue_s = self._due_s + _PATIENCE_S
        return True
