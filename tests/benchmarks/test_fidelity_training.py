"""Tests how the weights of the shadow classifier are fitted: samples, regression, and the module that is written."""

from __future__ import annotations

import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fidelity import page, shadow_samples, train_shadows
from benchmarks.fidelity.logistic import auc, fit
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.shadow_samples import WEIGHTS, LabelledFrames, Samples, design, median_without_people, take
from benchmarks.fidelity.train_shadows import Recording, fit_weights, report, source, train, weights_table
from edgeheat.core.foreground import shadow_weights, shadows
from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.shadow_evidence import Features, ShadowWeights, evidence
from edgeheat.core.foreground.shadows import ShadowClassifier
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import half_hw, halved
from tests.core.drawn import HW, Block, Look, room
from tests.support.media import make_clip

# Fit


def drawn_from(weights: list[float], count: int) -> tuple[F32, np.ndarray]:
    """Samples of two features and a constant, positive with the probability that the weights give."""
    rng = np.random.default_rng(3)
    columns = np.column_stack([np.ones(count), rng.normal(0, 1, count), rng.uniform(0, 2, count)])
    probability = 1 / (1 + np.exp(-columns @ np.array(weights)))
    return columns.astype(np.float32), rng.random(count) < probability


def test_the_fit_recovers_the_weights_that_the_samples_were_drawn_with() -> None:
    columns, positive = drawn_from([-1.0, 2.0, 0.5], 40_000)
    assert fit(columns, positive, np.ones(len(columns))) == pytest.approx([-1.0, 2.0, 0.5], abs=0.1)


def test_a_sample_that_counts_double_is_two_samples() -> None:
    columns, positive = drawn_from([-1.0, 2.0, 0.5], 2_000)
    twice = np.concatenate([columns, columns[:500]]), np.concatenate([positive, positive[:500]])
    share = np.where(np.arange(2_000) < 500, 2.0, 1.0)
    assert fit(columns, positive, share) == pytest.approx(fit(*twice, np.ones(2_500)), abs=1e-6)


def test_samples_that_a_feature_separates_perfectly_give_finite_weights() -> None:
    columns = np.array([[1, -1], [1, -2], [1, 1], [1, 2]], np.float32)
    weights = fit(columns, np.array([False, False, True, True]), np.ones(4))
    assert np.isfinite(weights).all()
    assert weights[1] > 1


def test_the_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    positive = np.array([True, True, False, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), positive) == 1.0
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), positive) == 0.0
    assert auc(np.array([4.0, 2.0, 3.0, 1.0]), positive) == 0.75
    assert auc(np.ones(4), positive) == 0.5
    assert np.isnan(auc(np.ones(2), np.array([True, True])))


# Samples

PERSON = Block(40, 20, 16, 40, luma=25, cb=150, cr=110)
SHADOW = np.s_[20:70, 100:130]
BEFORE, FRAMES = 4, 12


def lit(number: int) -> Look:
    """A person who walks, and beside them a shadow in every fourth frame."""
    light = np.ones(HW, np.float32)
    light[SHADOW] = 0.6 if number % 4 == 3 else 1.0
    return Look((PERSON.at(2 + 6 * number),), light=light)


def labelled(truth_known: U8 | None = None) -> LabelledFrames:
    """Frames in which a person walks past a shadow that is cast in a fourth of them."""
    shop = room()
    pictures = [shop.draw(lit(number) if number % 4 else Look()) for number in range(FRAMES)]
    people = np.zeros((FRAMES, *HW), np.uint8)
    for number in range(FRAMES):
        if number % 4:
            people[number][PERSON.at(2 + 6 * number).place] = 255
    luma, chroma = (np.stack([each for each in arrays if each is not None]) for arrays in zip(*pictures, strict=True))
    known = np.full(HW, 255, np.uint8) if truth_known is None else truth_known
    return LabelledFrames(luma, chroma, people, known, first=BEFORE)


def test_the_median_is_of_the_frames_in_which_nobody_is_near() -> None:
    values = np.full((5, 20, 20), 90, np.uint8)
    people = np.zeros((5, 20, 20), np.uint8)
    values[:4, 8:12, 8:12], people[:4, 8:12, 8:12] = 30, 255
    people[:, 0, 0] = 255
    median, known = median_without_people(values, people)
    assert (median[known > 0] == 90).all()
    assert (known == 0).sum() == 9, "three by three cells, near the one that somebody always covers"


def test_samples_are_of_people_and_of_light() -> None:
    samples = take(labelled())
    people, light = samples.counts
    assert people > 500 and light > 500
    darker = samples.design[:, WEIGHTS.index("darker")]
    assert darker[~samples.person] == pytest.approx(-np.log(0.6), abs=0.2)
    assert darker[samples.person].mean() > 0.9


def test_no_sample_is_taken_without_ground_truth_or_before_the_first_scored_frame() -> None:
    left = np.full(HW, 255, np.uint8)
    left[:, 90:] = 0
    assert take(labelled(left)).counts[1] == 0, "the shadow is to the right"
    early = labelled()
    late = LabelledFrames(early.luma, early.chroma, early.people, early.truth_known, first=FRAMES - 1)
    assert 0 < sum(take(late).counts) < sum(take(early).counts) / 2


def test_training_sees_the_features_that_the_classifier_weighs(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed: list[Features] = []

    def record(of: Features, weights: ShadowWeights) -> F32:
        weighed.append(of)
        return evidence(of, weights)

    shop = room()
    empty, chroma = shop.draw()
    assert chroma is not None
    background = BackgroundModel(empty, tint_of(chroma, 1.0), np.full(half_hw(HW), 60.0, np.float32))
    luma, chroma = shop.draw(lit(3))
    assert chroma is not None
    classifier = ShadowClassifier(background)
    trained_on = classifier.features(halved(luma), tint_of(chroma, 1.0))
    monkeypatch.setattr(shadows, "evidence", record)
    found = classifier.classify(luma, halved(luma), tint_of(chroma, 1.0), np.zeros(half_hw(HW), np.uint8))
    cells = halved(found.differing) > 0
    for name in ("change", "rough", "colour", "tinted"):
        np.testing.assert_array_equal(getattr(trained_on, name)[cells], getattr(weighed[0], name))


def test_the_design_times_the_weights_is_the_evidence() -> None:
    rng = np.random.default_rng(5)
    of = Features(*(rng.uniform(-1, 1, (6, 8)).astype(np.float32) for _ in range(4)))
    weights = ShadowWeights(*rng.uniform(-3, 3, len(WEIGHTS)).tolist())
    np.testing.assert_allclose(design(of) @ np.array(astuple(weights)), evidence(of, weights), rtol=1e-4, atol=1e-4)


# Recordings with ground truth

SIZE_WH = (320, 240)


def passing(index: int, size_wh: tuple[int, int]) -> U8:
    picture = np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)
    picture[60:180, 4 * index : 4 * index + 40] = (30, 30, 200)
    return picture


def truth_folder(folder: Path, name: str, *, masks: bool = True) -> Path:
    make_clip(folder / f"{name}.mp4", size_wh=SIZE_WH, fps=10, frames=40, painter=passing)
    covered = np.zeros((40, 240, 320), np.uint8)
    for index in range(40):
        covered[index, 60:180, 4 * index : 4 * index + 40] = 1
    arrays = {"truth_s": covered.sum(0) / np.float32(10), "roi": np.ones((240, 320), bool)}
    packed = {"masks": np.packbits(covered, axis=2)} if masks else {}
    np.savez(folder / f"{name}.npz", **arrays, **packed, first=11, last=40, fps=10.0)
    return folder


def test_a_recording_is_read_as_the_engine_analyses_it(tmp_path: Path) -> None:
    frames = shadow_samples.of_recording(truth_folder(tmp_path, "passing"), "passing")
    assert frames.luma.shape == (20, 240, 320), "5 frames a second of 4 s"
    assert frames.chroma.shape == (20, 120, 160, 2)
    assert frames.first == 5
    for luma, people in zip(frames.luma, frames.people, strict=True):
        differs = np.abs(luma.astype(int) - 120) > 15
        assert np.count_nonzero(differs != (people > 0)) < 400, "ground truth and picture belong together"


def test_ground_truth_of_each_frame_is_needed(tmp_path: Path) -> None:
    folder = truth_folder(tmp_path, "passing", masks=False)
    with pytest.raises(ValueError, match=r"passing\.npz: no `masks`"):
        shadow_samples.of_recording(folder, "passing")


@pytest.mark.parametrize("named", [None, "other"])
def test_without_the_recordings_to_train_on_the_error_names_them(
    named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train_shadows"])
    if named is None:
        monkeypatch.delenv(recordings.FOLDER_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(recordings.FOLDER_VARIABLE, str(truth_folder(tmp_path, named)))
    assert train_shadows.main() == 2
    assert (
        "EDGEHEAT_TRUTH to a folder that holds NAME.mp4 and NAME.npz of hall, office, shop" in capsys.readouterr().err
    )


# Weights and report


def samples_of(weights: ShadowWeights, seed: int, count: int = 20_000) -> Samples:
    rng = np.random.default_rng(seed)
    columns = rng.uniform(0, 1, (count, len(WEIGHTS))).astype(np.float32)
    columns[:, 0] = 1
    return Samples(columns, rng.random(count) < 1 / (1 + np.exp(-columns @ np.array(astuple(weights)))))


def test_each_recording_counts_the_same_however_many_samples_it_has() -> None:
    one = Samples(np.ones((4, len(WEIGHTS)), np.float32), np.array([True, False, False, False]))
    many = Samples(np.ones((400, len(WEIGHTS)), np.float32), np.ones(400, bool))
    assert fit_weights([one], ["constant"]).constant == 0, "people count as much as light"
    # 0.5 of people and 0.5 of light in one recording, 0.5 of people in the other.
    assert fit_weights([one, many], ["constant"]).constant == pytest.approx(np.log(2), abs=0.02)


def test_sunlit_and_held_out_recordings_are_not_fitted_on() -> None:
    usual, other = ShadowWeights(-1, 3, 1), ShadowWeights(1, -3, -1)
    fitted_on = Recording("usual", samples_of(usual, 1), trained=True)
    held_out = Recording("held out", samples_of(other, 2), trained=False)
    sunlit = Recording("sunlit", samples_of(other, 3), trained=True, sunlit=True)
    assert train([fitted_on, held_out]) == train([fitted_on])
    colour, grey = train([fitted_on, sunlit])
    assert grey == train([fitted_on])[1]
    assert colour != train([fitted_on])[0]
    assert grey.darker > 2 and grey.rough == 0


def test_the_report_separates_recordings_trained_on_from_those_held_out() -> None:
    weights = ShadowWeights(0, 4)
    people_only = Samples(np.ones((9, len(WEIGHTS)), np.float32), np.ones(9, bool))
    text = report(
        [
            Recording("aisle", samples_of(weights, 1), trained=True),
            Recording("hall", samples_of(weights, 2), trained=False),
            Recording("queue", people_only, trained=False),
        ],
        weights,
        ShadowWeights(0, -4),
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    cells = {(row[0], row[1]): row[2:] for row in rows}
    assert cells["hall", "held out"][2:] == cells["mean", "held out"][2:], "what has no AUC is not in the mean"
    assert float(cells["aisle", "trained on"][2]) > 0.6
    assert float(cells["aisle", "trained on"][3]) < 0.4
    assert cells["queue", "held out"] == ["9", "0", "n/a", "n/a"]


def test_the_module_that_is_written_is_the_one_in_use() -> None:
    text = source(shadow_weights.COLOUR, shadow_weights.GREY)
    assert train_shadows.WRITTEN.read_text(encoding="utf-8") == text
    other = source(ShadowWeights(-1.5, darker=2.0), ShadowWeights(rough=0.25))
    names: dict[str, object] = {}
    exec(compile(other, "shadow_weights.py", "exec"), names)
    assert names["COLOUR"] == ShadowWeights(-1.5, 2.0)
    assert names["GREY"] == ShadowWeights(rough=0.25)


def test_the_page_shows_the_weights_in_use() -> None:
    assert weights_table(shadow_weights.COLOUR, shadow_weights.GREY) in page.PAGE.read_text(encoding="utf-8")
