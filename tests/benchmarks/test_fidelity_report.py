"""Tests what the fidelity benchmark prints and writes: targets, tables, pictures, and the exposure jump."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.fidelity import page, run
from benchmarks.fidelity.__main__ import main
from benchmarks.fidelity.exposure_jump import SECONDS, recording, shares
from benchmarks.fidelity.pictures import SAMPLE_WH, encode, most_different, row
from benchmarks.fidelity.report import report, shortfalls
from benchmarks.fidelity.results import (
    DISTURBANCES,
    SITUATIONS,
    JumpResult,
    JumpShares,
    SceneResult,
    TargetResult,
    evaluate,
)
from benchmarks.fidelity.scenes import Clip, FidelityScene
from benchmarks.fidelity.scores import GRID_HW, Scores
from edgeheat.sources.synthetic.scene import Truth
from tests.support.media import U8, make_clip

ROOT = Path(__file__).parents[2]
GOOD = Scores(cc=0.99, sim=0.9, total_ratio=1.05, false_share=0.01)
POOR = Scores(cc=0.6, sim=0.5, total_ratio=None, false_share=0.3)


def scene(number: int, edgeheat: Scores = GOOD, **rivals: Scores) -> SceneResult:
    rivals = rivals or {"MOG": POOR, "average": replace(POOR, cc=0.5)}
    return SceneResult(number, f"scene-{number}", f"Scene {number}", 180.0, edgeheat, rivals)


def sixteen(**changed: Scores) -> list[SceneResult]:
    """All scenes with good scores, except those given as s5=…"""
    return [scene(number, changed.get(f"s{number}", GOOD)) for number in DISTURBANCES]


def all_scenes(**changed: Scores) -> list[SceneResult]:
    """The sixteen, and the situations with good scores, except those given as s17=…"""
    return sixteen(**changed) + [scene(number, changed.get(f"s{number}", GOOD)) for number in SITUATIONS]


def evaluated(results: Sequence[SceneResult], jump: JumpResult | None = None) -> dict[str, TargetResult]:
    return {each.id: each for each in evaluate(results, jump)}


def rows(markdown: str) -> dict[str, list[str]]:
    """The cells of each row, by those of the first two columns."""
    found = {}
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 1:
            found[f"{cells[0]} {cells[1]}".strip()] = cells
    return found


@pytest.mark.parametrize(
    ("case", "id_", "changed", "value", "met"),
    [
        ("the mean counts all scenes", "F1.cc", {"s3": replace(GOOD, cc=0.19)}, 0.94, True),
        ("and may fall short", "F1.cc", {"s3": replace(GOOD, cc=0.18)}, 0.939375, False),
        ("the plain aisle has a target of its own", "F1.cc.plain", {"s1": replace(GOOD, cc=0.97)}, 0.97, False),
        ("the worst scene", "F1.cc.worst", {"s8": replace(GOOD, cc=0.84)}, 0.84, False),
        ("a total that is too small", "F1.total", {"s9": replace(GOOD, total_ratio=0.8)}, 20.0, False),
        ("a total without a target", "F1.total", {"s3": replace(GOOD, total_ratio=3.0)}, 5.0, True),
        ("false share in percent", "F1.false.worst", {"s7": replace(GOOD, false_share=0.11)}, 11.0, False),
        ("an equal CC is not ahead", "F1.ahead", {f"s{n}": replace(GOOD, cc=0.6) for n in (1, 2, 3)}, 13.0, True),
        ("three scenes may be lost, not four", "F1.ahead", {f"s{n}": POOR for n in (1, 2, 3, 4)}, 12.0, False),
        ("the lead on the mean", "F1.lead", {}, 0.39, True),
    ],
)
def test_a_target_is_met_or_missed(case: str, id_: str, changed: dict[str, Scores], value: float, met: bool) -> None:
    found = evaluated(sixteen(**changed))[id_]
    figure = found.figure()
    assert found.value == pytest.approx(value), case
    assert figure is not None
    assert figure.met is met, case


def test_the_lead_on_the_mean_is_that_over_the_rival_with_the_best_mean() -> None:
    results = [scene(n, MOG=replace(POOR, cc=0.9 if n == 1 else 0.1), average=POOR) for n in DISTURBANCES]
    assert evaluated(results)["F1.lead"].value == pytest.approx(0.39)


def test_figures_of_omitted_scenes_are_not_measured() -> None:
    found = evaluated([scene(1), scene(5)])
    assert {id_ for id_, each in found.items() if each.value is not None} == {"F1.cc.plain"}
    text = report([scene(1), scene(5)], list(found.values()), None)
    assert rows(text)["F1.cc CC, mean of scenes 1 to 16"][3:] == ["not measured", ""]


def test_without_rivals_the_report_has_no_rivals() -> None:
    results = [replace(each, rivals={}) for each in sixteen()]
    found = evaluated(results)
    assert found["F1.ahead"].value is None
    assert found["F1.cc"].value == pytest.approx(0.99)
    text = report(results, list(found.values()), None)
    assert "MOG" not in text
    assert rows(text)["1 Scene 1"] == ["1", "Scene 1", "0.990", "0.900", "1.05", "1.0 %"]


def test_the_table_has_each_scene_the_mean_and_the_worst() -> None:
    results = sixteen(s4=Scores(cc=0.51, sim=0.4, total_ratio=0.5, false_share=0.2))
    found = rows(report(results, evaluate(results, None), None))
    assert found["1 Scene 1"] == ["1", "Scene 1", "0.990", "0.900", "1.05", "1.0 %", "0.600", "0.500", "0.600"]
    assert found["4 Scene 4"][-1] == "**0.600**"
    assert found["mean"][2:6] == ["0.960", "0.869", "1.02", "2.2 %"]
    assert found["worst"][2:] == ["0.510", "0.400", "0.50", "20.0 %", "0.600", "0.500", "0.600"]
    assert found["MOG 0.600"] == ["MOG", "0.600", "0.600", "0.500", "0.500", "n/a", "n/a", "30.0 %", "30.0 %"]
    assert found["F1.cc.worst CC of the worst of scenes 1 to 16"][2:] == ["≥ 0.85", "0.51", "**missed**"]
    assert found["F1.cc.plain CC of scene 1, the plain aisle"][2:] == ["≥ 0.98", "0.99", "met"]


def test_the_missed_targets_of_each_scene_are_listed() -> None:
    poor = Scores(cc=0.51, sim=0.4, total_ratio=0.5, false_share=0.2)
    results = sixteen(s4=poor, s9=replace(GOOD, total_ratio=1.2))
    assert shortfalls(results).splitlines()[2:] == [
        "- 4, Scene 4: MOG is ahead with a CC of 0.600; CC is 0.510; 20 % of the heat is false.",
        "- 9, Scene 9: the total is 1.20 of the truth.",
    ]
    assert shortfalls(sixteen()) == ""


def grown(a_second: float, *, jump: float = 0.0, until_s: int = 29) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The heat after 100 s and after each of SECONDS: `a_second` on the right, from 24 s on `jump` more on the left."""

    def heat_at(second: int) -> np.ndarray:
        heat = np.zeros(GRID_HW)
        heat[90, 200] = a_second * second
        heat[90, 40] = jump * np.clip(second - 24, 0, until_s - 24)
        return heat

    return heat_at(100), {second: heat_at(second) for second in SECONDS}


@pytest.mark.parametrize(
    ("case", "heats", "beyond", "empty"),
    [
        ("an even heat has no jump", grown(1.0), 0.0, 0.0),
        ("no heat has none either", grown(0.0), 0.0, 0.0),
        ("five seconds of 4 more", grown(1.0, jump=4.0), 20 / 120, 20 / 120),
        ("less than the normal level is not negative", grown(1.0, jump=-0.5), 0.0, 0.0),
        ("heat until 44 s counts where nobody is", grown(1.0, jump=1.0, until_s=44), 2.5 / 120, 20 / 120),
    ],
)
def test_a_jump_is_heat_beyond_the_seconds_around_and_where_nobody_is(
    case: str, heats: tuple[np.ndarray, dict[int, np.ndarray]], beyond: float, empty: float
) -> None:
    found = shares(*heats)
    assert found.beyond == pytest.approx(beyond, abs=1e-9), case
    assert found.empty == pytest.approx(empty, abs=1e-9), case


def test_the_jump_is_reported_for_each_method() -> None:
    jump = JumpResult(140.0, JumpShares(0.01, 0.021), {"MOG": JumpShares(0.34, 0.17)})
    found = evaluated([scene(1)], jump)
    text = report([], evaluate([], jump), jump)
    assert [found[id_].figure().met for id_ in ("F1.jump", "F1.jump.empty")] == [True, False]  # type: ignore[union-attr]
    assert rows(text)["**edgeheat** 1.0 %"][2] == "2.1 %"
    assert rows(text)["MOG 34.0 %"][2] == "17.0 %"


def test_the_real_recording_is_searched_only_in_the_configured_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEHEAT_CLIPS", raising=False)
    assert recording() is None
    monkeypatch.setenv("EDGEHEAT_CLIPS", str(tmp_path))
    assert recording() is None
    (tmp_path / "one-by-one-person-detection.mp4").touch()
    assert recording() == tmp_path / "one-by-one-person-detection.mp4"


def test_the_frame_shown_is_the_one_that_differs_most_from_the_median() -> None:
    usual = np.full((180, 320, 3), 100, np.uint8)
    person, lights_out = usual.copy(), usual // 4
    person[50:100, 50:80] = 0
    assert most_different([usual, person, usual], usual) is person
    assert most_different([usual, person, lights_out], usual) is lights_out


def test_a_row_shows_each_heat_in_its_own_place_and_scale() -> None:
    faint, strong = np.zeros((90, 160)), np.zeros((180, 320))
    faint[40:50, 20:30], strong[20:40, 250:270] = 0.5, 5000.0
    picture = row([np.full((180, 320, 3), 120, np.uint8)] * 3, [("truth", faint), ("edgeheat", strong)])
    read = cv2.imdecode(np.frombuffer(encode(picture), np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    assert read.shape[:2] == (SAMPLE_WH[1] + 24, 3 * SAMPLE_WH[0] + 2 * 6)
    truth, edgeheat = picture[24:, 326:646], picture[24:, 652:]
    assert truth[90, 50].max() > 150 > truth[30, 260].max()
    assert edgeheat[30, 260].max() > 150 > edgeheat[90, 50].max()


def test_the_page_shows_what_was_measured_and_no_picture_of_an_older_run(tmp_path: Path) -> None:
    written = tmp_path / "docs" / "fidelity.md"
    (written.parent / "images" / "fidelity").mkdir(parents=True)
    (written.parent / "images" / "fidelity" / "old.jpg").touch()
    shutil.copy(page.PAGE, written)
    pictures = [tmp_path / "01-scene.jpg", tmp_path / "02-scene.jpg"]
    for picture in pictures:
        picture.write_bytes(b"drawn")
    page.write("measured now", [scene(1), scene(2)], pictures, written)
    text = written.read_text(encoding="utf-8")
    shown = re.findall(r"!\[(.*)\]\((.*)\)", text)
    assert "measured now" in text
    assert shown[1] == ("A frame, the truth, edgeheat, MOG", "images/fidelity/02-scene.jpg")
    assert [(written.parent / name).read_bytes() for _, name in shown] == [b"drawn"] * 2
    assert len(list((written.parent / "images" / "fidelity").iterdir())) == 2


def test_runs_with_other_seeds_are_reported_if_they_were_complete(tmp_path: Path) -> None:
    assert page.other_seeds(tmp_path) == []
    for offset, results in ((1000, all_scenes()), (20, all_scenes(s5=replace(GOOD, cc=0.19))), (7, sixteen())):
        kept = page.folder_of_seeds(tmp_path, offset) / page.KEPT
        kept.parent.mkdir()
        figures = [figure for each in evaluate(results, None) if (figure := each.figure()) is not None]
        kept.write_text("\n".join(figure.json_line("abc1234", "a Pi", offset) for figure in figures) + "\n")
    (table,) = page.other_seeds(tmp_path)
    assert rows(table)["+20 abc1234"][2:] == ["0.94", "0.19", "0.9", "1", "0.99", "0.99", "1"]
    assert rows(table)["+1000 abc1234"][2:4] == ["0.99", "0.99"]
    assert "+7" not in table


def test_a_scene_is_counted_with_all_methods_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    floor, clothes = (np.random.default_rng(seed).integers(-20, 21, (180, 320), np.int16) for seed in (1, 2))
    fps, frames, size_wh = 10, 150, (320, 180)

    def place(index: int) -> slice:
        """The columns that the person covers; none in the first four seconds."""
        left = max(0, (index - 40) * 2)
        return slice(left, left + (24 if index >= 40 else 0))

    def crossing(index: int, _: tuple[int, int]) -> U8:
        picture = 90 + floor
        picture[60:100, place(index)] = 170 + clothes[60:100, place(index)]
        return np.repeat(picture[:, :, None], 3, axis=2).astype(np.uint8)

    moving_s = np.zeros((180, 320), np.float32)
    for index in range(frames):
        moving_s[60:100, place(index)] += 1 / fps
    tiny = FidelityScene(1, "crossing", "a person crosses", frames / fps, lambda _: pytest.fail("it is drawn already"))
    video = make_clip(tmp_path / "crossing.mp4", size_wh=size_wh, fps=fps, frames=frames, painter=crossing)
    recorded = Clip(tiny, video, Truth(moving_s, np.zeros_like(moving_s)))
    monkeypatch.setattr(run, "SCENES", (tiny,))
    monkeypatch.setattr(run, "make", lambda *_: recorded)
    result = run.measure_scene(run.Selection(tmp_path, rivals=True, jump=False, real=False, numbers=(1,)), 1)
    assert result.edgeheat.cc > 0.9
    assert result.edgeheat.false_share < 0.1
    assert result.edgeheat.total_ratio == pytest.approx(1.0, abs=0.3)
    assert len(result.rivals) == 5
    assert result.rivals["frame difference"].total_ratio is None
    drawn = cv2.imread(str(run.picture_path(tmp_path, result)))
    assert drawn is not None
    assert drawn.shape[1] == 4 * SAMPLE_WH[0] + 3 * 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "1,25"], "unknown scene '25'; known are 1, 2, 3"),
        (["--only", "lamps"], "unknown scene 'lamps'"),
        (["--jobs", "two"], "'two' is not a number of processes"),
        (["--jobs", "0"], "'0' is not a number of processes"),
    ],
)
def test_a_wrong_argument_is_rejected_with_a_message(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fidelity", *arguments])
    monkeypatch.setattr(run, "measure_all", lambda *_: pytest.fail("it was accepted"))
    with pytest.raises(SystemExit, match="2"):
        main()
    assert message in capsys.readouterr().err
