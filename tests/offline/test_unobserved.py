"""The reason why time of a recording was not observed, and what to set, is reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.health.verdict import Health
from edgeheat.core.heat.activity import Activity
from edgeheat.core.pipeline_report import PipelineReport
from edgeheat.defs.params import MotionParams
from edgeheat.offline.unobserved import UnobservedTime

REPORT = PipelineReport(
    is_open=True,
    activity=Activity(),
    increments=(),
    tiles=(),
    frames_skipped=0,
    rejected=RejectedTime(),
    masked_ratio=0.0,
    screen_text_ratio=0.0,
    health=None,
    background_known=True,
    backdrop_complete=None,
    ended_epochs=(),
    uncounted_s=0.0,
)


def unobserved(*times_s: float) -> UnobservedTime:
    collected = UnobservedTime(MotionParams())
    for time_s in times_s:
        collected.add_frame(time_s, REPORT)
    return collected


@pytest.mark.parametrize(
    ("what", "times_s", "reason"),
    [
        ("nothing is missing", (0.0, 0.2, 0.4), None),
        ("no frame", (), "only one picture could be used, and heat needs several of the same place"),
        ("one frame", (5.0,), "only one picture could be used, and heat needs several of the same place"),
        (
            "a time-lapse",
            (0.0, 10.0, 20.0, 31.0),
            'frames are 10 s apart, more than max_gap = 2 s: set max_gap = "15s" under [defaults.motion] in a file and '
            "give it with --config, or set their real rate with --fps",
        ),
        (
            "a time-lapse of hours",
            (0.0, 300.0, 600.0),
            "frames are 5 min apart, more than max_gap = 2 s, and too far to see anybody move: if this is wrong, set "
            "their real rate with --fps",
        ),
        (
            "pauses of a recording that movement starts",
            (0.0, 0.2, 0.4, 30.4, 30.6, 30.8, 70.8, 71.0),
            "2 gaps of 1 min 10 s together, the longest of 40 s",
        ),
        ("a jump of the clock", (0.0, 0.2, 0.4, 3600.4, 3600.6), "no frames came during a gap of 1 h"),
    ],
)
def test_frames_that_are_too_few_or_too_far_apart(what: str, times_s: tuple[float, ...], reason: str | None) -> None:
    collected = unobserved(*times_s)
    assert collected.distance_reason() == reason, what
    assert collected.reasons() == ([] if reason is None else [reason])


def test_frames_that_were_skipped_do_not_shorten_a_gap() -> None:
    collected = unobserved(0.0)
    for number in range(1, 100):
        collected.add_frame(number / 10, replace(REPORT, frames_skipped=1))
    collected.add_frame(10.0, REPORT)
    assert (collected.distance_reason() or "").startswith("frames are 10 s apart")


def test_rejected_time_is_explained_and_the_longest_comes_first() -> None:
    collected = unobserved(0.0, 0.2)
    collected.add_rejected(replace(REPORT, rejected=RejectedTime({"light": 4.0})))
    dark = Health("dark", "The picture is black: switch on a light.")
    for _ in range(3):
        collected.add_rejected(
            replace(REPORT, health=dark, rejected=RejectedTime({"unhealthy": 20.0, "settling": 1.0}))
        )
    # Of several frames that are evaluated at once, the last one may be usable again.
    collected.add_rejected(replace(REPORT, health=Health("ok", ""), rejected=RejectedTime({"unhealthy": 0.2})))
    assert collected.reasons() == [
        "for 1 min the picture was unusable (The picture is black: switch on a light)",
        "for 4 s the light changed",
        "for 3 s the scene was learned again after the light had changed",
    ]
