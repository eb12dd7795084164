"""Tests how real recordings with ground truth are found, encoded again, counted, scored and reported."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.fidelity import page
from benchmarks.fidelity.__main__ import main
from benchmarks.fidelity.count import total_heat
from benchmarks.fidelity.real import measure as measuring
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.real.measure import RealResult, measure
from benchmarks.fidelity.real.recordings import VARIANTS
from benchmarks.fidelity.real.report import as_json, evaluate, report, wrong_total
from benchmarks.fidelity.real.scores import RealScores, score
from benchmarks.fidelity.rivals import CLASSIC
from tests.support.media import U8, make_clip

SIZE_WH, FPS, FRAMES, BEFORE = (320, 240), 10, 150, 60
NATIVE, THINNED, LOW_RATE = VARIANTS
GOOD = RealScores(cc=0.97, sim=0.9, false_share=0.01, total_ratio=1.05, lost=0.05, extra=0.08)


def block(left: int) -> np.ndarray:
    """Two seconds of presence in a block of 40 by 60 pixels."""
    presence_s = np.zeros((240, 320), np.float32)
    presence_s[100:160, left : left + 40] = 2.0
    return presence_s


EVERYWHERE = np.ones((240, 320), bool)


def place(index: int) -> slice:
    """The columns that the person covers; nobody is there in the first four seconds."""
    left = max(0, (index - 40) * 2)
    return slice(left, left + (24 if index >= 40 else 0))


def crossing(index: int, _: tuple[int, int]) -> U8:
    rng = np.random.default_rng(1)
    floor, clothes = rng.integers(70, 111, (240, 320)), rng.integers(150, 191, (240, 320))
    floor[60:120, place(index)] = clothes[60:120, place(index)]
    return np.repeat(floor[:, :, None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one recording of a person who crosses it; of its 150 frames the last 90 are scored."""
    folder = tmp_path_factory.mktemp("truth")
    make_clip(folder / "crossing.mp4", size_wh=SIZE_WH, fps=FPS, frames=FRAMES, painter=crossing)
    presence_s = np.zeros((240, 320), np.float32)
    for index in range(BEFORE, FRAMES):
        presence_s[60:120, place(index)] += 1 / FPS
    np.savez(folder / "crossing.npz", truth_s=presence_s, roi=EVERYWHERE, first=BEFORE + 1, last=FRAMES, fps=float(FPS))
    (folder / "without-truth.mp4").touch()
    return folder


# Scores


def test_a_perfect_heat_has_perfect_scores_on_any_grid() -> None:
    perfect = score(block(100), block(100), EVERYWHERE)
    assert (perfect.cc, perfect.sim, perfect.total_ratio) == pytest.approx((1.0, 1.0, 1.0))
    assert (perfect.false_share, perfect.lost, perfect.extra) == pytest.approx((0.0, 0.0, 0.0))
    coarse = block(100).reshape(60, 4, 80, 4).mean(axis=(1, 3))
    assert score(coarse, block(100), EVERYWHERE).cc > 0.99


def test_half_of_the_heat_is_lost_and_twice_as_much_is_extra() -> None:
    half, double = (score(block(100) * factor, block(100), EVERYWHERE) for factor in (0.5, 2.0))
    assert (half.cc, half.total_ratio, half.lost, half.extra) == pytest.approx((1.0, 0.5, 0.5, 0.0))
    assert (double.cc, double.total_ratio, double.lost, double.extra) == pytest.approx((1.0, 2.0, 0.0, 1.0))


def test_heat_elsewhere_is_false_unless_it_is_within_two_pixels() -> None:
    assert score(block(200), block(100), EVERYWHERE).false_share == 1.0
    assert score(block(102), block(100), EVERYWHERE).false_share == 0.0
    assert score(block(103), block(100), EVERYWHERE).false_share == pytest.approx(1 / 40)


def test_pixels_without_ground_truth_do_not_count() -> None:
    scored = EVERYWHERE.copy()
    scored[:, 180:] = False
    found = score(block(100) + block(200), block(100), scored)
    assert (found.cc, found.total_ratio, found.false_share) == pytest.approx((1.0, 1.0, 0.0))


def test_no_heat_and_heat_in_another_unit() -> None:
    assert score(block(100) * 0, block(100), EVERYWHERE) == RealScores(0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    grey = score(block(100) * 50, block(100), EVERYWHERE, in_seconds=False)
    assert grey.cc == pytest.approx(1.0)
    assert (grey.total_ratio, grey.lost, grey.extra) == (None, None, None)


# Recordings


def test_the_folder_is_the_configured_one(truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEHEAT_TRUTH", raising=False)
    assert recordings.folder() is None
    monkeypatch.setenv("EDGEHEAT_TRUTH", str(truth))
    assert recordings.folder() == truth
    assert recordings.names(truth) == ["crossing"]
    monkeypatch.setenv("EDGEHEAT_TRUTH", str(tmp_path))
    with pytest.raises(ValueError, match="name their folder or unset it"):
        recordings.folder()


@pytest.mark.parametrize(("variant", "fps"), [(NATIVE, 10), (THINNED, 5)])
def test_the_scored_frames_are_the_same_ones_in_each_variant(
    variant: recordings.Variant, fps: int, truth: Path, tmp_path: Path
) -> None:
    found = recordings.opened(truth, "crossing", variant, tmp_path)
    before, until = BEFORE * fps // FPS, FRAMES * fps // FPS
    assert (found.before, found.until, found.length_s) == (before, until, 9.0)
    with av.open(str(found.video)) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
    assert len(times_s) == until
    assert np.diff(times_s) == pytest.approx(1 / fps, abs=1e-3)


def test_a_variant_is_encoded_once_at_its_own_rate(truth: Path, tmp_path: Path) -> None:
    found = recordings.opened(truth, "crossing", LOW_RATE, tmp_path)
    encoded = found.video.stat().st_mtime_ns
    assert found.video.stat().st_size * 8 < 300_000 * FRAMES / FPS * 1.5
    assert recordings.opened(truth, "crossing", LOW_RATE, tmp_path).video.stat().st_mtime_ns == encoded
    assert [path.name for path in tmp_path.iterdir()] == ["crossing.300k.mp4"]


# Counting


def test_a_recording_is_counted_with_all_methods_and_drawn(truth: Path, tmp_path: Path) -> None:
    result = measure(truth, "crossing", NATIVE, tmp_path, classic=True)
    assert result.edgeheat.cc > 0.9
    assert result.edgeheat.total_ratio == pytest.approx(1.0, abs=0.3)
    assert list(result.classic) == [method.name for method in CLASSIC]
    assert result.classic["frame difference"].total_ratio is None
    assert 0.3 < (result.classic["KNN"].total_ratio or 0) < 2.0
    assert result.lead == result.edgeheat.cc - max(scores.cc for scores in result.classic.values())
    assert result.held_out
    assert [path.name for path in tmp_path.iterdir()] == ["crossing.native.jpg"]


def test_only_the_heat_of_the_scored_frames_counts(truth: Path, tmp_path: Path) -> None:
    found = recordings.opened(truth, "crossing", NATIVE, tmp_path)
    whole, first = (total_heat(found.video, count=count) for count in (found.until, found.before))
    assert measuring.edgeheat_heat(found).sum() == pytest.approx(whole.sum() - first.sum())
    assert first.sum() > 0
    from_the_first = replace(found, before=0)
    assert np.array_equal(measuring.edgeheat_heat(from_the_first), whole)
    all_heats = measuring.classic_heats(from_the_first)
    for name, heat in measuring.classic_heats(found).items():
        assert heat.sum() < all_heats[name].sum(), name


# Reports


def result(name: str, variant: str = "native", edgeheat: RealScores = GOOD, rival_cc: float = 0.9) -> RealResult:
    classic = {"MOG, 8 bit": replace(GOOD, cc=rival_cc), "KNN": replace(GOOD, cc=0.5)}
    return RealResult(name, variant, 10.0, edgeheat, classic)


def test_the_targets_of_each_variant() -> None:
    results = [
        result("hall"),
        result("lobby", rival_cc=0.97),
        result("office", edgeheat=replace(GOOD, cc=0.9, false_share=0.08, total_ratio=1.21)),
        result("hall", "300k", edgeheat=replace(GOOD, cc=0.94)),
    ]
    found = {each.id: each for each in evaluate(results)}
    values = {id_: each.value for id_, each in found.items()}
    assert values["F1.real.native.cc"] == pytest.approx((0.97 + 0.97 + 0.9) / 3)
    assert (values["F1.real.native.ahead"], values["F1.real.native.total"]) == (2.0, 1.0)
    assert values["F1.real.native.false"] == pytest.approx(8.0)
    assert found["F1.real.300k.cc"].figure().met is False
    assert found["F1.real.300k.total"].figure().met is True
    assert values["F1.real.5fps.cc"] is None
    alone = {each.id: each for each in evaluate([replace(results[0], classic={})])}
    assert alone["F1.real.native.ahead"].value is None


@pytest.mark.parametrize(
    ("name", "total", "wrong"),
    [
        ("hall", 0.8, False),
        ("hall", 0.79, True),
        ("hall", 1.21, True),
        ("shopfront-near", 0.76, False),
        ("shopfront-near", 0.74, True),
    ],
)
def test_a_total_is_wrong_outside_its_limits(name: str, total: float, wrong: bool) -> None:
    assert wrong_total(result(name, edgeheat=replace(GOOD, total_ratio=total))) is wrong


def test_the_report_separates_what_was_tuned_on_and_names_what_is_lost() -> None:
    text = report([result("hall", rival_cc=0.98), result("lobby"), result("another")])
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert ["native", "tuned on: 1", "0.970", "0.970", "0.900", "1.0 %", "0 of 1", "0.980", "0.500"] in lines
    assert ["native", "held out: 2", "0.970", "0.970", "0.900", "1.0 %", "2 of 2", "0.900", "0.500"] in lines
    row = ["hall", "tuned on", "native", "0.970", "0.900", "1.05", "1.0 %", "0.05", "0.08", "**0.980**", "0.500"]
    assert row in lines
    assert text.splitlines()[-1] == "- hall, native: MOG, 8 bit is ahead by 0.010."


def test_the_json_has_every_score_of_every_method() -> None:
    (of,) = json.loads(as_json([result("lobby")], "abc1234", "a Pi"))["results"]
    assert of["edgeheat"]["extra"] == 0.08
    assert of["classic"]["KNN"]["cc"] == 0.5
    assert (of["best"], of["held_out"], of["lead"]) == ("MOG, 8 bit", True, pytest.approx(0.07))


def test_a_run_without_recordings_says_loudly_that_they_were_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDGEHEAT_TRUTH", raising=False)
    monkeypatch.setattr(sys, "argv", ["fidelity", "--real", "--folder", str(tmp_path)])
    assert main() == 0
    assert "REAL RECORDINGS WERE NOT MEASURED" in capsys.readouterr().out
    monkeypatch.setenv("EDGEHEAT_TRUTH", str(tmp_path))
    assert main() == 2
    assert "no NAME.mp4 with NAME.npz" in capsys.readouterr().err


def test_the_page_keeps_the_tables_of_real_recordings_until_they_are_measured_again(tmp_path: Path) -> None:
    written = tmp_path / "fidelity.md"
    written.write_text(page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    page.write_real("measured first", written)
    page.write("scenes", [], [], written)
    assert "measured first" in written.read_text(encoding="utf-8")
    page.write_real("measured again", written)
    text = written.read_text(encoding="utf-8")
    assert "measured again" in text
    assert "measured first" not in text
