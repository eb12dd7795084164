"""Pictures that a decoder made up after a loss are not shown to anybody."""

from __future__ import annotations

from edgeheat.sources.av_stream import Mending


def shown(pictures: list[tuple[str, bool]], step_s: float = 0.1) -> str:
    """The kinds that were let through; a picture is its kind, `I` or `P`, and whether it is marked corrupt."""
    mending = Mending()
    return "".join(
        kind if mending.clean(corrupt=corrupt, key_frame=kind == "I", now_s=number * step_s) else "."
        for number, (kind, corrupt) in enumerate(pictures)
    )


def test_from_a_torn_picture_on_nothing_is_shown_until_the_next_clean_key_frame() -> None:
    stream = [
        ("I", False),
        ("P", False),
        ("P", True),
        ("P", False),
        ("I", True),
        ("P", False),
        ("I", False),
        ("P", False),
    ]
    assert shown(stream) == "IP....IP"


def test_a_camera_without_clean_key_frames_is_taken_as_it_is_after_four_seconds() -> None:
    assert shown([("P", True)] * 60, step_s=0.1) == "." * 41 + "P" * 19
    assert shown([("P", True), *[("P", False)] * 59], step_s=0.1) == "." * 41 + "P" * 19
