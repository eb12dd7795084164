"""The scene is learned once a second: the background where nobody is, and where nothing counts yet."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.stationary import TickObservation, TickResult
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import half_hw
from edgeheat.defs.params import MotionParams
from tests.core.drawn import HW, room

NOBODY: U8 = np.zeros(HW, np.uint8)
SCENE: U8 = room(noise=0).draw()[0]
PERSON = np.s_[30:66, 60:80]


def learner_of(observed_s: float = 60.0, **motion: object) -> SceneLearner:
    background = BackgroundModel(SCENE.copy(), None, np.full(half_hw(HW), observed_s, np.float32))
    return SceneLearner(MotionParams(**motion), background)  # type: ignore[arg-type]


def tick(
    learner: SceneLearner, luma: U8 = SCENE, present: U8 = NOBODY, differing: U8 | None = None, moving: U8 = NOBODY
) -> TickResult:
    seen = present if differing is None else differing
    return learner.update(TickObservation(luma, None, present, seen, moving, 1.0))


def person() -> U8:
    mask = NOBODY.copy()
    mask[PERSON] = 255
    return mask


def watch_television(learner: SceneLearner, seconds: int) -> None:
    """A screen on the wall shows another picture in each of some seconds."""
    for second in range(seconds):
        luma = SCENE.copy()
        luma[PERSON] = (60, 140, 220)[second % 3]
        learner.flicker.add(person(), 1.0)
        tick(learner, luma, person(), moving=person())


def brighter(levels: int) -> U8:
    return np.asarray(np.clip(SCENE.astype(int) + levels, 0, 255), np.uint8)


def test_the_background_is_updated_except_under_people() -> None:
    learner = learner_of()
    for _ in range(40):
        # They move, because otherwise they would be treated as a static object.
        tick(learner, brighter(4), person(), moving=person())
    assert np.abs(learner.background.luma.astype(int) - brighter(4))[:20].max() <= 2
    inside = np.s_[36:60, 66:74]
    hidden, open_floor = (
        np.abs(learner.background.luma[place].astype(int) - brighter(4)[place]).mean()
        for place in (inside, np.s_[70:85, 10:40])
    )
    assert open_floor < 1.0
    assert hidden < 4.0, "behind people the change of light around them is applied"


def test_a_patch_of_light_is_learned_more_slowly_than_open_floor() -> None:
    patch = NOBODY.copy()
    patch[60:80, 100:140] = 255
    as_light, as_floor = learner_of(), learner_of()
    luma = SCENE.copy()
    luma[60:80, 100:140] = np.clip(luma[60:80, 100:140].astype(int) + 40, 0, 255)
    for _ in range(15):
        tick(as_light, luma, differing=patch)
        tick(as_floor, luma, differing=NOBODY)
    inside = np.s_[66:74, 110:130]
    lag = [np.abs(each.background.luma[inside].astype(int) - luma[inside]).mean() for each in (as_light, as_floor)]
    assert lag[0] > lag[1] + 3.0


def test_a_difference_in_most_of_the_picture_is_light_and_is_learned_at_the_usual_rate() -> None:
    everywhere: U8 = np.full(HW, 255, np.uint8)
    all_over, nowhere = learner_of(), learner_of()
    for _ in range(10):
        tick(all_over, brighter(12), differing=everywhere)
        tick(nowhere, brighter(12), differing=NOBODY)
    np.testing.assert_array_equal(all_over.background.luma, nowhere.background.luma)


@pytest.mark.parametrize(("seconds", "uncertain"), [(14, True), (15, False)])
def test_a_place_is_uncertain_until_it_was_observed_empty_for_15_s(seconds: int, uncertain: bool) -> None:
    learner = learner_of(observed_s=0.0)
    assert (learner.uncertain == 255).all()
    for _ in range(seconds):
        tick(learner)
    assert bool(learner.uncertain.any()) == uncertain


def test_cells_in_which_people_stand_stay_uncertain() -> None:
    learner = learner_of(observed_s=0.0)
    for _ in range(16):
        tick(learner, present=person(), moving=NOBODY)
    assert (learner.uncertain[PERSON] == 255).all()
    assert not learner.uncertain[:, 110:].any()


def test_a_place_that_is_suspected_of_flicker_is_uncertain_before_it_is_masked() -> None:
    learner = learner_of()
    watch_television(learner, 30)
    assert not learner.flicker.mask.any() and not learner.uncertain[:, :40].any()
    assert (learner.uncertain[PERSON] == 255).mean() > 0.5


def test_a_static_object_that_leaves_in_another_light_leaves_the_floor_in_that_light() -> None:
    learner = learner_of(observed_s=120.0, furniture_s=20.0)
    box = SCENE.copy()
    box[PERSON] = 200
    for _ in range(30):
        learner.add_pending(person(), 1.0, NOBODY)
        tick(learner, box, person())
    for second in range(120):
        tick(learner, np.asarray(np.rint(box * (1.0 - 0.3 * second / 120)), np.uint8))
    floor = np.asarray(np.rint(SCENE * 0.7), np.uint8)
    confirmed = tick(learner, floor, person()).confirmed
    inside = np.s_[36:60, 66:74]
    assert np.abs(learner.background.luma[inside].astype(int) - floor[inside]).mean() < 5.0
    assert confirmed.dwell_ms is not None and confirmed.dwell_ms[inside].min() > 100_000


def test_pending_time_is_confirmed_when_the_person_leaves_and_not_after_it_was_discarded() -> None:
    kept, reset = learner_of(), learner_of()
    for learner in (kept, reset):
        for _ in range(10):
            learner.add_pending(person(), 1.0, NOBODY)
            tick(learner, present=person())
    reset.discard_pending()
    results = {name: [tick(each) for _ in range(3)] for name, each in (("kept", kept), ("reset", reset))}
    dwell = [each.confirmed.dwell_ms for each in results["kept"] if each.confirmed.dwell_ms is not None]
    assert sum(int(each[40, 70]) for each in dwell) == 10_000
    assert all(each.confirmed.dwell_ms is None for each in results["reset"])


def test_a_restored_learner_knows_background_age_noise_and_flicker_mask() -> None:
    learner = learner_of(observed_s=5.0)
    watch_television(learner, 80)
    assert learner.flicker.mask[PERSON].all()
    learner.background.noise.luma[:20] = 9.0
    again = SceneLearner.restored(MotionParams(), learner.state(), HW)
    np.testing.assert_array_equal(again.background.luma, learner.background.luma)
    np.testing.assert_allclose(again.background.observed_s, learner.background.observed_s, rtol=1e-3)
    np.testing.assert_allclose(again.background.noise.luma[:20], 9.0)
    np.testing.assert_array_equal(again.flicker.mask, learner.flicker.mask)


@pytest.mark.parametrize(
    "missing", ["background", "observed_s", "luma_noise", "tint_noise", "flicker_masked", "flicker_changing"]
)
def test_a_state_that_lacks_a_part_is_rejected(missing: str) -> None:
    state = learner_of().state()
    del state[missing]
    with pytest.raises(KeyError):
        SceneLearner.restored(MotionParams(), state, HW)


def test_a_state_of_another_grid_is_rejected() -> None:
    with pytest.raises(ValueError, match="expected a grid of"):
        SceneLearner.restored(MotionParams(), learner_of().state(), (180, 320))


def test_after_a_restart_in_another_light_frames_are_compared_with_that_background() -> None:
    learner = learner_of()
    dark = BackgroundModel((SCENE // 2).astype(np.uint8), None, np.full(half_hw(HW), 3.0, np.float32))
    assert learner.restart(dark) == 0.0
    assert learner.background is dark
    assert (learner.uncertain == 255).all()
    found = learner.shadows.classify(dark.luma, dark.half, None, np.zeros(half_hw(HW), np.uint8))
    assert not found.differing.any()


def test_after_a_restart_the_change_of_light_is_not_taken_for_the_noise_of_the_camera() -> None:
    learner = learner_of()
    tick(learner)
    tick(learner)
    before = learner.micro_motion_levels
    dark = (SCENE // 2).astype(np.uint8)
    learner.restart(BackgroundModel(dark, None, np.full(half_hw(HW), 60.0, np.float32)))
    tick(learner, dark)
    assert learner.micro_motion_levels == before
