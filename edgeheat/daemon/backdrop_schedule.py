"""Decides when a worker sends its backdrop for the history: once it is complete, in each epoch, and then once a day."""

from __future__ import annotations

_PATIENCE_S = 3600.0
"""How long an incomplete backdrop waits: in a busy shop some place may always be occupied."""

_RENEWED_S = 86_400.0
"""Interval of the backdrops of one epoch: shelves are refilled and moved."""


class BackdropSchedule:
    """The schedule of one worker; a worker that is replaced sends its backdrop again."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._is_first = True
        self._due_s = 0.0

    def is_due(self, epoch: int, is_complete: bool | None, mono_s: float) -> bool:
        """Return whether the backdrop is to be sent now; if so, it counts as sent.

        `is_complete`: whether all places were seen without people; None while there is no backdrop.
        """
        if epoch != self._epoch:
            self._epoch, self._is_first, self._due_s = epoch, True, mono_s + _PATIENCE_S
        if is_complete is None or not (mono_s >= self._due_s or (self._is_first and is_complete)):
            return False
        self._is_first, self._due_s = False, mono_s + _RENEWED_S
        return True
