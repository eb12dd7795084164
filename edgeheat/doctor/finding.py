"""What a check of the doctor found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    """What was looked at: `opencv`, `storage`, `camera entrance`, …"""

    verdict: Verdict
    what: str
    """What is the case, in a sentence without passwords."""

    remedy: str = ""
    """What to do about it; empty where all is well."""
