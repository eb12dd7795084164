"""Records in a file which topics this device may have published, so that unused ones can be deleted on the broker."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgeheat.atomic import write_atomic, write_remedy
from edgeheat.defs.params import BrokerParams

_log = logging.getLogger(__name__)

_TOPIC = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)+")
"""The form of edgeheat's topics: a damaged file must not delete other topics, nor publish to a wildcard."""

_MAX_FILE_BYTES = 1_000_000
"""No more than this is read of the file; 1000 topics need about 50 kB."""


def topics_of(settings: BrokerParams, sources: Mapping[str, Iterable[str]]) -> set[str]:
    """Return every topic that a device may publish; `sources` maps each camera and floor plan to its heats."""
    root = f"{settings.prefix}/{settings.site}"
    topics = {settings.status_topic, f"{root}/report"}
    for name, heats in sources.items():
        topics |= {f"{root}/{name}/{word}" for word in ("status", "health", "activity")}
        topics |= {f"{root}/{name}/heatmap/{heat}" for heat in heats}
    return topics


class TopicRegistry:
    """The topics of this run and those left by earlier runs, in a file.

    Used by the thread that creates it, and afterwards by one other thread.
    """

    def __init__(self, file: Path, topics: Iterable[str]) -> None:
        """Read `file` and add `topics`, those of this run, to it; where it cannot be written, one warning is logged."""
        self._file = file
        self._topics = set(topics)
        recorded = self._read()
        self._stale = recorded - self._topics
        self._write_failed = False
        if self._topics | self._stale != recorded:
            self._write()

    @property
    def stale(self) -> frozenset[str]:
        """Topics that earlier runs published and this one does not, until the broker has deleted them."""
        return frozenset(self._stale)

    def mark_deleted(self, topic: str) -> None:
        """Remove a stale topic that the broker has deleted; any other topic is ignored."""
        if topic in self._stale:
            self._stale.remove(topic)
            # Written once, to spare the flash card; after a crash the topics are deleted again, which does no harm.
            if not self._stale:
                _log.info("MQTT: deleted the topics that are no longer in the configuration")
                self._write()

    def _read(self) -> set[str]:
        try:
            with self._file.open("rb") as file:
                content = json.loads(file.read(_MAX_FILE_BYTES))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("MQTT: topics of earlier runs stay on the broker; cannot read %s: %s", self._file, error)
            return set()
        listed = content if isinstance(content, list) else []
        return {topic for topic in listed if isinstance(topic, str) and _TOPIC.fullmatch(topic)}

    def _write(self) -> None:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._file, json.dumps(sorted(self._topics | self._stale)).encode(), 0o600)
        except OSError as error:
            if not self._write_failed:
                self._write_failed = True
                _log.warning("MQTT: cannot record the topics in use in %s: %s", self._file, write_remedy(error))
