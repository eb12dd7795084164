"""Tests the arithmetic of the benchmarks; measured values depend on the machine and are not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import clip, machine
from benchmarks.figures import Figure, table
from benchmarks.marked_page import HISTORY_MARKS, MEASURED_MARKS, PAGE, PROFILE_MARKS, put_between_marks
from benchmarks.memory import Usage, further_camera
from benchmarks.plan import Plan
from benchmarks.processes import children, cpu_s, having_loaded, io_mb, own_peak_mb, pss_mb, tree
from benchmarks.profile import Stopwatch, cost_ms, model_ratio, profile
from edgeheat.core.pipeline import CameraPipeline

TICKS = os.sysconf("SC_CLK_TCK")


def a_process(
    proc: Path, pid: int, parent: int, *, user_s: float = 0.0, system_s: float = 0.0, pss_kb: int = 0
) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    ticks = f"{user_s * TICKS:.0f} {system_s * TICKS:.0f}"
    (folder / "stat").write_text(f"{pid} (edge) heat (2) S {parent} 1 1 0 -1 4194560 9 9 9 9 {ticks} 7 7 20 0 3 0 99\n")
    (folder / "smaps_rollup").write_text(f"00400000-7ff ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\nPss: {pss_kb} kB\n")


def test_processor_time_is_user_and_system_time_for_any_process_name(tmp_path: Path) -> None:
    a_process(tmp_path, 7, 1, user_s=1.5, system_s=0.25)
    assert cpu_s(7, tmp_path) == pytest.approx(1.75)


def test_memory_is_the_proportional_set_size(tmp_path: Path) -> None:
    a_process(tmp_path, 7, 1, pss_kb=1000)
    assert pss_mb(7, tmp_path) == pytest.approx(1.024)


def test_the_own_memory_of_a_process_includes_what_it_has_freed_again(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tpython\nVmHWM:\t  90000 kB\nVmRSS:\t  80000 kB\n")
    (tmp_path / "self" / "smaps_rollup").write_text(
        "5581-7ffe ---p 00000000 00:00 0 [rollup]\nPrivate_Clean: 1000 kB\nPrivate_Dirty: 4000 kB\nSwap: 5 kB\n"
    )
    assert own_peak_mb(tmp_path) == pytest.approx(15_000 * 1024 / 1e6)


def test_what_a_process_reads_from_a_disk_is_read(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "io").write_text("rchar: 7\nread_bytes: 4096000\nwrite_bytes: 8192000\n")
    assert io_mb("read_bytes", tmp_path) == 4.096


def test_a_tree_contains_all_descendants_and_no_other_process(tmp_path: Path) -> None:
    for pid, parent in ((7, 1), (8, 7), (9, 7), (10, 9), (11, 1), (12, 10)):
        a_process(tmp_path, pid, parent)
    (tmp_path / "self").mkdir()
    assert tree(7, tmp_path) == [7, 8, 9, 10, 12]
    assert children(7, tmp_path) == [8, 9]


def test_other_processes_with_a_library_loaded_are_found(tmp_path: Path) -> None:
    for pid, library in ((7, "/lib/python/cv2/cv2.abi3.so"), (8, "/lib/libc.so.6")):
        a_process(tmp_path, pid, 1)
        (tmp_path / str(pid) / "maps").write_text(f"00400000-7ff r-xp 00000000 00:00 0  {library}\n")
    a_process(tmp_path, 9, 1)
    assert having_loaded("cv2.abi3.so", tmp_path) == {7}


def test_a_real_process_is_read() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in tree(os.getpid())
        assert pss_mb(os.getpid()) > 1
        assert cpu_s(os.getpid()) > 0
        child.communicate(b"\n")


def test_the_cost_of_a_further_camera_is_what_it_adds_to_the_total() -> None:
    one = Usage(parent=40, helpers=50, workers=60)
    eight = Usage(parent=44, helpers=30, workers=286)
    assert further_camera(one, eight, 8) == pytest.approx(30)


@pytest.mark.parametrize(
    ("better", "runs", "worst", "met"),
    [("lower", (1.1, 1.3, 1.2), 1.3, False), ("higher", (6.0, 5.2), 5.2, True), ("lower", (1.25,), 1.25, True)],
)
def test_the_worst_run_counts(better: str, runs: tuple[float, ...], worst: float, met: bool) -> None:
    figure = Figure("P1", "cost", "", runs, 60.0, better, target=1.25 if better == "lower" else 5.0)  # type: ignore[arg-type]
    assert figure.value == worst
    assert figure.met is met


def test_a_figure_without_a_target_is_neither_met_nor_missed() -> None:
    figure = Figure("P1.share", "share", "%", (7.0,), 60.0)
    assert figure.met is None
    assert table([figure]).splitlines()[-1] == "| P1.share | share |  | 7 % | 7 |  |"


def test_a_line_of_json_contains_figure_machine_and_duration() -> None:
    line = Figure("P2.camera", "each further", "MB", (33.0, 36.0), 60.0, target=35.0).json_line("abc1234", "a Pi", 1)
    parsed = json.loads(line)
    assert {key: parsed[key] for key in ("id", "value", "target", "pass")} == {
        "id": "P2.camera",
        "value": 36.0,
        "target": 35.0,
        "pass": False,
    }
    assert (parsed["commit"], parsed["machine"], parsed["duration"], parsed["seed"]) == ("abc1234", "a Pi", 60.0, 1)


BEGIN, END = MEASURED_MARKS


def test_only_the_text_between_the_marks_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = put_between_marks(page, "new")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert put_between_marks(once, "new") == once


@pytest.mark.parametrize("page", ["no marks", f"{END} {BEGIN}", BEGIN, f"{BEGIN}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_page_without_its_marks_is_rejected(page: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        put_between_marks(page, "new")


@pytest.mark.parametrize("marks", [MEASURED_MARKS, HISTORY_MARKS, PROFILE_MARKS])
def test_the_documentation_has_its_marks(marks: tuple[str, str]) -> None:
    assert f"{marks[0]}\nnew\n{marks[1]}" in put_between_marks(PAGE.read_text(encoding="utf-8"), "new", marks)


def test_the_machine_describes_itself_in_one_line() -> None:
    assert "\n" not in machine.describe()
    assert "opencv" in machine.describe()


def test_a_clip_is_made_once_with_all_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    monkeypatch.setattr(clip, "OUT", tmp_path)
    small = clip.Clip("tiny", (64, 36), 50_000, length_s=1)
    made = clip.make(small)
    with av.open(str(made)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    written = made.stat().st_mtime_ns
    assert clip.make(small).stat().st_mtime_ns == written
    assert frames == clip.FPS


def test_the_time_of_a_step_excludes_the_steps_that_it_calls() -> None:
    clock = iter([0.0, 1.0, 3.0, 10.0, 20.0, 21.0])
    watch = Stopwatch(lambda: next(clock))
    inner = watch.timed("inner", lambda: "done")
    outer = watch.timed("outer", inner)
    assert outer() == "done"
    assert watch.take() == {"inner": 2.0, "outer": 8.0}
    inner()
    assert watch.take() == {"inner": 1.0}


def test_the_cost_of_an_occasional_step_is_divided_among_all_frames() -> None:
    frames = [{"each": 0.002}, {"each": 0.002, "seldom": 0.010}, {"each": 0.5}, {"each": 0.001}]
    assert cost_ms(frames) == pytest.approx({"each": 2.0, "seldom": 2.5})


def test_the_ratio_excludes_what_the_simplest_program_needs_too() -> None:
    costs = {"mog2": 2.0, "model": 0.7, "blobs": 0.5, "second": 0.3, "grid": 9.0, "heats": 9.0}
    assert model_ratio(costs) == pytest.approx(0.75)


def test_every_step_of_a_frame_is_measured_and_the_engine_is_restored() -> None:
    before = CameraPipeline._count
    figures = {figure.id: figure for figure in profile(Plan(runs=1, warm_up_s=11.0, window_s=3.0))}
    assert CameraPipeline._count is before
    assert figures.pop("C1").value > 0.0
    steps = {name: figure.value for name, figure in figures.items() if name != "C1.all"}
    assert [name for name, cost_ms in steps.items() if cost_ms <= 0.0] == []
    assert figures["C1.all"].value == pytest.approx(sum(steps.values()) - steps["C1.mog2"])


def test_the_measuring_process_does_not_load_what_it_measures_the_memory_of() -> None:
    loaded = "import sys, benchmarks.__main__; print([name for name in ('cv2', 'numpy', 'av') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
