"""The two-threshold switch: how long a signal must last to raise and to clear a state."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.health.hysteresis import Hysteresis


def run(state: Hysteresis, samples: str, step_s: float = 1.0) -> str:
    """Feed one sample per character, `+` or `-`; return whether the state was active after each, as 1 or 0."""
    history = []
    for sample in samples:
        state.update(sample == "+", step_s)
        history.append("1" if state.active else "0")
    return "".join(history)


def test_a_state_is_raised_after_its_time_and_cleared_after_its_own() -> None:
    assert run(Hysteresis(3.0, 2.0), "++++" + "---") == "0011" + "100"


def test_steps_that_do_not_add_up_exactly_reach_the_threshold() -> None:
    state = Hysteresis(1.0, 1.0)
    assert run(state, "+" * 10, step_s=0.1) == "0" * 9 + "1"
    assert run(state, "-" * 10, step_s=0.1) == "1" * 9 + "0"


def test_negative_time_offsets_positive_time() -> None:
    assert run(Hysteresis(4.0, 4.0), "+-" * 20) == "00" * 20
    assert run(Hysteresis(4.0, 4.0), "++-" * 3) == "000000" + "011"


def test_between_the_thresholds_the_last_state_is_kept() -> None:
    state = Hysteresis(2.0, 4.0)
    assert run(state, "++" + "---") == "01" + "111"
    assert not state.stable and not state.idle
    assert run(state, "-") == "0"
    assert state.stable and state.idle


def test_a_new_state_is_idle_stable_and_inactive() -> None:
    state = Hysteresis(2.0, 2.0)
    assert (state.active, state.idle, state.stable) == (False, True, True)
    run(state, "+")
    assert (state.active, state.idle, state.stable) == (False, False, False)
    run(state, "+")
    assert (state.active, state.idle, state.stable) == (True, False, True)


def test_restart_keeps_the_state_and_drops_the_samples() -> None:
    state = Hysteresis(2.0, 2.0)
    run(state, "++")
    state.restart()
    assert state.active and not state.stable
    assert run(state, "+-") == "10", "the raised state must be confirmed anew"
    fresh = Hysteresis(2.0, 2.0)
    run(fresh, "+")
    fresh.restart()
    assert run(fresh, "+") == "0"


def test_reset_returns_to_the_initial_state() -> None:
    state = Hysteresis(2.0, 2.0)
    run(state, "+++")
    state.reset()
    assert (state.active, state.idle, state.stable) == (False, True, True)


@given(
    samples=st.lists(st.booleans(), max_size=60),
    raise_s=st.floats(0.5, 60),
    clear_s=st.floats(0.5, 60),
    step_s=st.floats(0.05, 3),
)
def test_a_state_changes_only_after_at_least_its_time(
    samples: list[bool], raise_s: float, clear_s: float, step_s: float
) -> None:
    state = Hysteresis(raise_s, clear_s)
    positive_s = negative_s = 0.0
    for positive in samples:
        before = state.active
        state.update(positive, step_s)
        positive_s += step_s if positive else 0.0
        negative_s += 0.0 if positive else step_s
        if state.active != before:
            assert (positive_s if state.active else negative_s) >= (raise_s if state.active else clear_s) - 1e-6
            positive_s = negative_s = 0.0
