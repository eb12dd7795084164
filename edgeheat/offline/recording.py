"""Reads a recording to its end, or as far as it goes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from edgeheat.core.types import Frame
from edgeheat.errors import SourceEnded, SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.base import Source

_log = logging.getLogger(__name__)

_WHOLE_SHARE = 0.9


def frames_of(source: Source, name: str) -> Iterator[Frame]:
    """Yield the recording's frames; where it breaks off after some, end there and say so in the log, under `name`."""
    told, given = source.frame_count(), 0
    try:
        for frame in source.frames():
            given += 1
            yield frame
    except (SourceEnded, SourceUnavailable) as error:
        if not given:
            raise
        _log.warning("%s; what came before it is used (%d frames)", error, given)
    else:
        # Containers without an index just end where they were cut; the count itself may be a little off.
        if told is not None and given < _WHOLE_SHARE * told:
            _log.warning("%s: ends after %d of about %d frames; they are used", redact(name), given, told)
