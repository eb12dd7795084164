"""Creates the progress bar of `edgeheat render` and `edgeheat tune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def make_progress_bar(counted: str = "frames") -> Progress:
    """Return a bar on stderr that shows only on a terminal and disappears when the work is done or has failed."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f} {counted}/s" if task.speed else "")

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(counted), SpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
