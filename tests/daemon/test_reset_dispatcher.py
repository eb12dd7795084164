"""Tests of the reset dispatcher: a reset is sent again until a worker confirms it."""

from __future__ import annotations

import pytest

from edgeheat.daemon.messages import ResetDone, StateSaved
from edgeheat.daemon.reset_dispatcher import ResetDispatcher
from edgeheat.defs.commands import Command, Reset

FLICKER = Reset(flicker=True, moved=False, heat=False)
MOVED = Reset(flicker=False, moved=True, heat=False)
BOTH = FLICKER | MOVED
ONLINE, OFFLINE = "online", "offline"


@pytest.mark.parametrize(
    ("happened", "sent", "pending"),
    [
        pytest.param([FLICKER], [], FLICKER, id="requested of a camera that is not online"),
        pytest.param([ONLINE, FLICKER, StateSaved(b"as it was")], [FLICKER], FLICKER, id="a periodic save"),
        pytest.param([ONLINE, FLICKER, StateSaved(b"cleared"), ResetDone(FLICKER)], [FLICKER], None, id="confirmed"),
        pytest.param([ONLINE, FLICKER, MOVED, ResetDone(FLICKER)], [FLICKER, BOTH], BOTH, id="another requested since"),
        pytest.param(
            [ONLINE, FLICKER, MOVED, ResetDone(FLICKER), ResetDone(BOTH)], [FLICKER, BOTH], None, id="both confirmed"
        ),
        pytest.param([FLICKER, ONLINE, ResetDone(FLICKER)], [FLICKER], None, id="requested while offline"),
        pytest.param([ONLINE, FLICKER, OFFLINE, ONLINE], [FLICKER, FLICKER], FLICKER, id="repeated to the next worker"),
    ],
)
def test_a_reset_is_pending_until_a_worker_confirms_it(
    happened: list[str | Reset | StateSaved | ResetDone],
    sent: list[Reset],
    pending: Reset | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    commands: list[tuple[str, Command]] = []
    resets = ResetDispatcher(lambda camera, command: commands.append((camera, command)))
    for each in happened:
        if each == ONLINE:
            resets.on_online("aisle")
        elif each == OFFLINE:
            resets.on_offline("aisle", "crashed", "")
        elif isinstance(each, Reset):
            resets.request("aisle", each)
        elif not isinstance(each, str):
            resets.on_message("aisle", each)
    resets.on_stopped("aisle")
    resets.on_stopped("till")
    assert commands == [("aisle", reset) for reset in sent]
    lost = [f"aisle: reset of {pending} was not carried out before shutdown; send it again"] if pending else []
    assert caplog.messages == lost
