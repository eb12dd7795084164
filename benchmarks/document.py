"""Puts the measured table into the documentation, between two marks, and leaves the rest of the page alone."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def put_between_marks(page: str, measured: str) -> str:
    """Return the page with `measured` between its marks; raises ValueError unless it has each once, in order."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}, each once")
    return f"{before}{BEGIN}\n{measured}\n{END}{after}"
