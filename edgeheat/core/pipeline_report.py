"""What a camera's pipeline reports: what it did since its last report, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass

from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.health.verdict import Health
from edgeheat.core.heat.activity import Activity
from edgeheat.core.heat.increment import Increment
from edgeheat.core.render.snapshot import UndrawnSnapshot
from edgeheat.defs.history import Tile


@dataclass(frozen=True, slots=True)
class PipelineReport:
    """What a pipeline did since its last report, and how it stands."""

    activity: Activity
    """Motion and dwell of all zones."""

    is_open: bool
    """Whether the last frame was within opening hours; outside them, activity and rejected time are empty."""

    increments: tuple[Increment, ...]
    """What was counted; together with the saved state they restore the heats elsewhere."""

    tiles: tuple[Tile, ...]
    """Tiles that were closed; empty without history."""

    frames_skipped: int
    """Frames that were not analysed, because `analysis_fps` did not need them."""

    rejected: RejectedTime
    """Time that was not counted, by reason."""

    masked_ratio: float
    """Share of the cells that the flicker mask excludes now, 0..1."""

    screen_text_ratio: float
    """Share of the cells in which the camera writes its clock, 0..1."""

    health: Health | None
    """How the picture is; None: not known yet."""

    background_known: bool
    """Whether the background is known, so that a run that restores `save()` need not learn it again."""

    backdrop_complete: bool | None
    """Whether the backdrop shows every place without people; None while there is no backdrop."""

    ended_epochs: tuple[UndrawnSnapshot, ...]
    """The last heats of each epoch that ended."""

    uncounted_s: float
    """Seconds of frames that are in no increment yet: they wait for the background, or their second is unfinished."""
