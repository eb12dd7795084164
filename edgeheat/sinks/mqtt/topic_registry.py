"""Remembers over restarts which topics this box has on its broker, so that those it no longer feeds are cleared."""

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
"""What a topic of ours looks like; a damaged file must not have others cleared, nor wildcards published to."""

_MAX_BYTES = 1_000_000


def topics_of(settings: BrokerParams, sources: Mapping[str, Iterable[str]]) -> set[str]:
    """Return every topic that a box may feed: `sources` names its cameras and plans, and the heats of each."""
    root = f"{settings.prefix}/{settings.site}"
    topics = {settings.status_topic}
    for name, heats in sources.items():
        topics |= {f"{root}/{name}/{word}" for word in ("status", "health", "activity")}
        topics |= {f"{root}/{name}/heatmap/{heat}" for heat in heats}
    return topics


class TopicRegistry:
    """The topics of this run and of earlier ones, in a file; used by the thread that makes it, then by one other."""

    def __init__(self, file: Path, topics: Iterable[str]) -> None:
        """Read `file` and write into it that `topics` are ours too; a file that cannot be written is told, once."""
        self._file = file
        self._topics = set(topics)
        earlier = self._read()
        self._left_over = earlier - self._topics
        self._told = False
        if self._topics | self._left_over != earlier:
            self._write()

    @property
    def left_over(self) -> frozenset[str]:
        """Topics that earlier runs fed and this one does not."""
        return frozenset(self._left_over)

    def cleared(self, topic: str) -> None:
        """Forget a left-over topic, which the broker has forgotten; others are ignored."""
        if topic in self._left_over:
            self._left_over.remove(topic)
            if not self._left_over:  # Once, to spare the card: what is not noted is cleared again, which does no harm.
                _log.info("MQTT: cleared the topics of what is no longer in the configuration")
                self._write()

    def _read(self) -> set[str]:
        try:
            with self._file.open("rb") as file:
                found = json.loads(file.read(_MAX_BYTES))
        except FileNotFoundError:
            return set()
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("MQTT: topics of earlier runs stay on the broker; %s cannot be read: %s", self._file, error)
            return set()
        listed = found if isinstance(found, list) else []
        return {topic for topic in listed if isinstance(topic, str) and _TOPIC.fullmatch(topic)}

    def _write(self) -> None:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._file, json.dumps(sorted(self._topics | self._left_over)).encode(), 0o600)
        except OSError as error:
            if not self._told:
                self._told = True
                _log.warning("MQTT: which topics are in use is not noted in %s: %s", self._file, write_remedy(error))
