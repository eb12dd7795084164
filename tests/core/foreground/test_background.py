"""The background model is learned although people walk by, and is updated where nobody is."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel, Noise, median_background, observed_agreement_s, tint_of
from edgeheat.core.foreground.shadows import ShadowClassifier
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import half_hw, halved
from tests.core.drawn import HW, Block, Look, room, walker

ALL: U8 = np.full(HW, 255, np.uint8)
NOTHING: U8 = np.zeros(HW, np.uint8)


def background_of(level: int | U8, tint: F32 | None = None) -> BackgroundModel:
    luma = np.full(HW, level, np.uint8) if isinstance(level, int) else level.copy()
    return BackgroundModel(luma, tint, np.zeros(half_hw(HW), np.float32))


def textured() -> U8:
    return room(noise=0).draw()[0]


def test_a_person_who_walks_through_during_the_bootstrap_is_not_in_the_background() -> None:
    shop = room()
    grids = [shop.draw(Look((walker(number / 5),)))[0] for number in range(50)]
    found = median_background(grids)
    assert np.abs(found.astype(int) - textured()).mean() < 1.0
    assert np.abs(found.astype(int) - textured()).max() < 12


def test_the_median_is_taken_of_colours_too() -> None:
    chromas = [np.full((4, 6, 2), level, np.uint8) for level in (120, 130, 250)]
    assert (median_background(chromas) == 130).all()


def test_a_tint_is_centred_at_zero_and_divided_by_the_exposures_gain() -> None:
    chroma = np.zeros((2, 3, 2), np.uint8)
    chroma[..., 0], chroma[..., 1] = 148, 108
    tint = tint_of(chroma, 2.0)
    assert tint.shape == (2, 2, 3) and tint.dtype == np.float32
    assert (tint[0] == 10.0).all() and (tint[1] == -10.0).all()


def test_a_cell_is_more_certain_the_longer_it_showed_the_background() -> None:
    grids = [np.full(HW, 100, np.uint8) for _ in range(10)]
    for grid in grids[:4]:
        grid[:40, :40] = 200
    observed_s = observed_agreement_s(grids, np.full(HW, 100, np.uint8), 10.0)
    assert observed_s.shape == half_hw(HW)
    assert observed_s[5, 5] == pytest.approx(6.0)
    assert observed_s[40, 70] == pytest.approx(10.0)


def test_undisturbed_cells_are_learned_and_others_are_not() -> None:
    background, undisturbed = background_of(100), NOTHING.copy()
    undisturbed[:, 80:] = 255
    for _ in range(90):
        background.learn(np.full(HW, 110, np.uint8), None, undisturbed, NOTHING, 1.0)
    assert (background.luma[:, :80] == 100).all()
    assert np.abs(background.luma[:, 80:].astype(int) - 110).max() <= 1


def test_differing_cells_are_learned_more_slowly_than_undisturbed_ones() -> None:
    undisturbed, differing = background_of(100), background_of(100)
    for _ in range(30):
        undisturbed.learn(np.full(HW, 120, np.uint8), None, ALL, NOTHING, 1.0)
        differing.learn(np.full(HW, 120, np.uint8), None, NOTHING, ALL, 1.0)
    assert 100 < differing.luma[0, 0] < undisturbed.luma[0, 0] < 120


def test_colours_are_learned_in_undisturbed_cells() -> None:
    background = background_of(100, np.zeros((2, *half_hw(HW)), np.float32))
    seen, undisturbed = np.full((2, *half_hw(HW)), 10.0, np.float32), NOTHING.copy()
    undisturbed[:40] = 255
    for _ in range(120):
        background.learn(background.luma, seen, undisturbed, NOTHING, 1.0)
    assert background.tint is not None
    assert background.tint[:, :19].min() > 9.0
    assert background.tint[:, 21:].max() == 0.0


def test_the_tolerance_of_a_noisy_cell_is_larger_within_bounds() -> None:
    random = np.random.default_rng(1)
    background = background_of(100)
    for _ in range(120):
        luma = np.full(HW, 100.0) + random.normal(0, 1, HW)
        luma[:, 80:] += random.normal(0, 9, (HW[0], 80))
        background.learn(np.clip(luma, 0, 255).astype(np.uint8), None, ALL, NOTHING, 1.0)
    quiet, noisy = background.tolerance[:, :70], background.tolerance[:, 90:]
    assert noisy.mean() > quiet.mean() + 8
    assert background.tolerance.max() <= 60
    assert quiet.min() >= 10, "compression alone makes cells differ by some levels"


def test_an_uneven_change_of_light_is_estimated_for_each_place_and_behind_people_too() -> None:
    background = background_of(textured())
    factor = np.linspace(1.0, 1.3, HW[1], dtype=np.float32)[None, :].repeat(HW[0], axis=0)
    seen = np.clip(background.luma * factor, 0, 255).astype(np.uint8)
    undisturbed = ALL.copy()
    undisturbed[30:70, 60:76], seen[30:70, 60:76] = 0, 240
    for _ in range(20):
        change = background.light_change(seen, undisturbed)
        if change is not None:
            background.relight(change)
    wanted = textured() * factor
    assert np.abs(background.luma - wanted)[:, :60].mean() < 3.0
    assert np.abs(background.luma - wanted)[:, 76:].mean() < 3.0
    assert np.abs(background.luma - wanted)[32:68, 62:74].mean() < 6.0, (
        "behind the person, estimated from the surroundings"
    )


def test_the_background_in_unchanged_light_has_no_change() -> None:
    background = background_of(textured())
    assert background.light_change(background.luma, ALL) is None


def test_only_the_given_cells_are_replaced_by_the_frame() -> None:
    tint = np.zeros((2, *half_hw(HW)), np.float32)
    background = background_of(100, tint)
    cells = np.zeros(half_hw(HW), np.uint8)
    cells[10:20, 10:20] = 255
    background.replace(cells, np.full(HW, 180, np.uint8), np.full_like(tint, 7.0))
    assert (background.luma[20:40, 20:40] == 180).all() and background.half[15, 15] == 180
    assert (background.luma[:19] == 100).all()
    assert background.tint is not None
    assert (background.tint[:, 10:20, 10:20] == 7.0).all() and background.tint[:, 0, 0].max() == 0.0


# The noise that was measured before.


def noisy(luma_levels: float, tint_levels: float) -> Noise:
    """Noise in the left half of the grid."""
    noise = Noise(np.zeros(HW, np.float32), np.zeros(half_hw(HW), np.float32))
    noise.luma[:, :80], noise.tint[:, :40] = luma_levels, tint_levels
    return noise


def test_the_noise_that_was_measured_raises_the_tolerance_at_once() -> None:
    background = BackgroundModel(np.full(HW, 100, np.uint8), None, np.zeros(half_hw(HW), np.float32), noisy(8.0, 0.0))
    assert (background.tolerance[:, :78] == 40).all()
    assert (background.tolerance[:, 82:] == 20).all()


def test_the_given_noise_is_copied() -> None:
    given = noisy(8.0, 5.0)
    background = BackgroundModel(
        textured(), np.zeros((2, *half_hw(HW)), np.float32), np.zeros(half_hw(HW), np.float32), given
    )
    for _ in range(60):
        background.learn(background.luma, background.tint, ALL, NOTHING, 1.0)
    assert given.luma.max() == 8.0 and given.tint.max() == 5.0
    assert background.noise.luma.max() < 2.0 and background.noise.tint.max() < 1.0


def test_the_noise_of_colours_is_learned_in_undisturbed_cells() -> None:
    background = background_of(100, np.zeros((2, *half_hw(HW)), np.float32))
    undisturbed = NOTHING.copy()
    undisturbed[:, :80] = 255
    for second in range(60):
        seen = np.full((2, *half_hw(HW)), 4.0 if second % 2 else -4.0, np.float32)
        background.learn(background.luma, seen, undisturbed, NOTHING, 1.0)
    assert background.noise.tint[:, :39] == pytest.approx(8.0, rel=0.15)
    assert not background.noise.tint[:, 41:].any()


def test_the_noise_is_saved_and_restored() -> None:
    background = BackgroundModel(
        textured(), np.zeros((2, *half_hw(HW)), np.float32), np.full(half_hw(HW), 60, np.float32), noisy(7.3, 3.6)
    )
    again = BackgroundModel.from_state(background.state(), HW)
    np.testing.assert_allclose(again.noise.luma, background.noise.luma, atol=0.13)
    np.testing.assert_allclose(again.noise.tint, background.noise.tint, atol=0.13)
    np.testing.assert_allclose(again.tolerance[:, :78], background.tolerance[:, :78], atol=1)


@pytest.mark.parametrize("name", ["luma_noise", "tint_noise"])
def test_saved_noise_of_another_grid_is_rejected(name: str) -> None:
    for shape in ((), (0,), (1, 1), HW[::-1], (*HW, 1), (*half_hw(HW), 2)):
        with pytest.raises(ValueError, match="expected a grid of"):
            BackgroundModel.from_state({**background_of(100).state(), name: np.zeros(shape, np.uint8)}, HW)


@pytest.mark.parametrize("level", [0, 63, 255, -1, np.nan, np.inf, 1e308])
@pytest.mark.parametrize("name", ["luma_noise", "tint_noise"])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_forged_noise_is_rejected_or_forgotten_within_minutes(name: str, level: float) -> None:
    shop = room()
    luma, chroma = shop.draw()
    assert chroma is not None
    saved = BackgroundModel(luma, tint_of(chroma, 1.0), np.full(half_hw(HW), 60, np.float32)).state()
    try:
        background = BackgroundModel.from_state({**saved, name: np.full(saved[name].shape, level, np.float64)}, HW)
    except ValueError:
        return
    assert background.tolerance.max() <= 60
    for _ in range(120):
        luma, chroma = shop.draw()
        assert chroma is not None
        background.learn(luma, tint_of(chroma, 1.0), ALL, NOTHING, 1.0)
    assert np.isfinite(background.noise.luma).all() and np.isfinite(background.noise.tint).all()
    assert background.tolerance.max() <= 20
    coat = Block(60, 20, 20, 50, luma=105, cb=160, cr=90, pattern=-1)
    luma, chroma = shop.draw(Look((coat,)))
    assert chroma is not None
    calm = np.zeros(half_hw(HW), np.uint8)
    found = ShadowClassifier(background).classify(luma, halved(luma), tint_of(chroma, 1.0), calm)
    assert (found.people[24:66, 63:77] == 255).mean() > 0.9
