"""Replaces the part of a documentation page between two marks: its measured tables and pictures."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
"""The page with the figures of processor time, memory and speed."""

MEASURED_MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")
"""The lines above and below the table of processor time, memory and rendering."""

HISTORY_MARKS = ("<!-- history: begin -->", "<!-- history: end -->")
"""The lines above and below the table of history."""

PROFILE_MARKS = ("<!-- profile: begin -->", "<!-- profile: end -->")
"""The lines above and below the table of the steps of one frame."""


def put_between_marks(page: str, measured: str, marks: tuple[str, str] = MEASURED_MARKS) -> str:
    """Return the page with `measured` between its marks; raises ValueError unless it has each once, in order."""
    first, last = marks
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end or first in rest or last in after:
        raise ValueError(f"the page needs the lines {first} and {last}, each once")
    return f"{before}{first}\n{measured}\n{last}{after}"
