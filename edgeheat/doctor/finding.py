"""The result of one check of the doctor, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    check: str
    """What was checked: `opencv`, `storage`, `camera entrance`, …"""

    verdict: Verdict
    what: str
    """The result as a sentence; the caller masks passwords in it."""

    remedy: str = ""
    """What to do about it; empty if nothing is to be done."""
