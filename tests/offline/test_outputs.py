"""Output files: rejected early, written as a group, and never left half finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.errors import EdgeheatError
from edgeheat.offline.outputs import StagedOutputs, check_target


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_get_their_names_together(tmp_path: Path) -> None:
    with StagedOutputs() as outputs:
        outputs.stage(tmp_path / "a.png", lambda file: file.write(b"picture"))
        outputs.stage_by_name(tmp_path / "a.mp4", lambda temp: temp.write_bytes(b"video"))
        assert not (tmp_path / "a.png").exists() and not (tmp_path / "a.mp4").exists()
        assert outputs.commit(overwrite=False) == (tmp_path / "a.png", tmp_path / "a.mp4")
    assert names_in(tmp_path) == ["a.mp4", "a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"picture"
    assert (tmp_path / "a.mp4").read_bytes() == b"video"


def test_an_error_deletes_everything_that_was_staged(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), StagedOutputs() as outputs:
        outputs.stage(tmp_path / "a.png", lambda file: file.write(b"picture"))
        outputs.stage_by_name(tmp_path / "a.mp4", lambda temp: temp.write_bytes(b"video"))
        raise RuntimeError("stop")
    assert names_in(tmp_path) == []


def test_a_failing_writer_is_reported_with_the_files_name_and_leaves_nothing(tmp_path: Path) -> None:
    def fail(temp: Path) -> None:
        temp.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(EdgeheatError, match=r"a\.mp4 could not be written"), StagedOutputs() as outputs:
        outputs.stage_by_name(tmp_path / "a.mp4", fail)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(("overwrite", "name"), [(True, "heat.png"), (False, "heat_2.png")])
def test_existing_files_are_replaced_or_kept(tmp_path: Path, overwrite: bool, name: str) -> None:
    for taken in ("heat.png", "heat_1.png"):
        (tmp_path / taken).write_bytes(b"old")
    with StagedOutputs() as outputs:
        outputs.stage(tmp_path / "heat.png", lambda file: file.write(b"new"))
        assert outputs.commit(overwrite=overwrite) == (tmp_path / name,)
    assert (tmp_path / name).read_bytes() == b"new"
    assert (tmp_path / "heat_1.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("heat.gif", "the name must end in .png or .jpg"),
        ("nowhere/heat.png", "there is no folder"),
        ("folder.png", "that is a folder: give the name of a file"),
        ("clip.png", "that is the recording itself: choose another name"),
    ],
)
def test_a_target_that_cannot_be_written_is_rejected_early(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "clip.png").touch()
    with pytest.raises(EdgeheatError, match=message):
        check_target(tmp_path / target, (".png", ".jpg"), str(tmp_path / "clip.png"))


def test_a_target_in_an_existing_folder_is_accepted_in_any_case(tmp_path: Path) -> None:
    check_target(tmp_path / "HEAT.PNG", (".png", ".jpg"), "clip.mp4")
