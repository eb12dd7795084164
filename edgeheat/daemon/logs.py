"""Sets up logging for the journal or a terminal, with passwords redacted from every line."""

from __future__ import annotations

import logging
import os
import sys

from edgeheat.redact import redact

# Priorities of syslog(3), which the journal reads from the start of each line.
_JOURNAL_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class _RedactingFormatter(logging.Formatter):
    def __init__(self, camera: str, *, journal: bool) -> None:
        where = f"{camera}: " if camera else ""
        line = f"{where}%(message)s"
        super().__init__(line if journal else f"%(asctime)s %(levelname)-7s {line}", "%Y-%m-%d %H:%M:%S")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = redact(super().format(record))
        if not self._journal:
            return text
        prefix = f"<{_JOURNAL_PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in text.splitlines())


def set_up_logging(level: str, camera: str = "") -> None:
    """Send this process's log to stderr; under systemd with priorities and without times, which the journal adds.

    `level` is a name such as "info". Each line starts with `camera` unless that is empty.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter(camera, journal="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # At INFO and below, these two repeat what edgeheat logs itself or are of no use to an operator.
    for library in ("apscheduler", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
