"""Checkpoint files: two generations, complete or not at all, whatever happens to the files."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.errors import StoreError
from edgeheat.store.checkpoint import read_checkpoint, write_checkpoint

OLD = {"heat.recent": b"old" * 1000, "meta": b"{}"}
NEW = {"heat.recent": b"new" * 1000, "meta": b'{"n":1}', "empty": b""}


@pytest.fixture
def two_generations(tmp_path: Path) -> Path:
    """A folder in which OLD was written before NEW."""
    write_checkpoint(tmp_path, "door", OLD)
    write_checkpoint(tmp_path, "door", NEW)
    return tmp_path


def renamed_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "damaged" in path.name)


def test_what_was_written_is_read_and_the_generation_before_is_kept(two_generations: Path) -> None:
    assert read_checkpoint(two_generations, "door") == NEW
    (two_generations / "door.ckpt").unlink()
    assert read_checkpoint(two_generations, "door") == OLD


def test_a_camera_without_a_checkpoint_has_none_and_nothing_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_checkpoint(tmp_path / "never made", "door") is None
    assert read_checkpoint(tmp_path, "door") is None
    assert not caplog.records


def test_a_file_in_place_of_the_folder_is_not_reported_as_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "storage").write_text("a file")
    assert read_checkpoint(tmp_path / "storage/state", "door") is None
    assert caplog.records == []


@settings(max_examples=30)
@given(
    payload=st.dictionaries(
        st.from_regex(r"[a-z0-9._-]{1,20}", fullmatch=True).filter(lambda n: n != "format"),
        st.binary(max_size=300),
        max_size=8,
    )
)
def test_any_payload_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, payload: Mapping[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_checkpoint(folder, "door", payload)
    assert read_checkpoint(folder, "door") == payload


@pytest.mark.parametrize("name", ["format", "", "a/b", "../x", "ä", "a\0"])
def test_an_invalid_member_name_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid member name"):
        write_checkpoint(tmp_path, "door", {name: b""})
    assert not list(tmp_path.iterdir())


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    write_checkpoint(folder, "door", NEW)
    write_checkpoint(folder, "door", NEW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_cameras_do_not_touch_each_others_files(two_generations: Path) -> None:
    write_checkpoint(two_generations, "door-2", OLD)
    (two_generations / "door-2.ckpt").write_bytes(b"")
    assert read_checkpoint(two_generations, "door-2") is None
    assert read_checkpoint(two_generations, "door") == NEW


def wrong_version(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format", json.dumps({"version": 99, "members": {}}))


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("format", json.dumps({"version": 1, "members": {"x": 50_000_000}}))
        archive.writestr("x", b"\0" * 50_000_000)


def lost_member(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format", json.dumps({"version": 1, "members": {"heat": 3}}))


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("of another program")


def pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "zero bytes": lambda path: path.write_bytes(b""),
    "all NUL": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2),
    "one byte missing": lambda path: os.truncate(path, path.stat().st_size - 1),
    "not a zip": lambda path: path.write_bytes(b"hello"),
    "empty zip": lambda path: zipfile.ZipFile(path, "w").close(),
    "wrong version": wrong_version,
    "zip bomb": bomb,
    "a member lost": lost_member,
    "huge sparse file": lambda path: os.truncate(path, 1 << 40),
    "a folder": folder_in_its_place,
    "a pipe": pipe_in_its_place,
    "a link to itself": link_to_itself,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_is_renamed_with_one_warning_and_the_older_is_used(
    two_generations: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[damage](two_generations / "door.ckpt")
    assert read_checkpoint(two_generations, "door") == OLD
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "door.ckpt is damaged" in caplog.text
    assert renamed_files(two_generations) == ["door.ckpt.damaged-1"]

    caplog.clear()
    assert read_checkpoint(two_generations, "door") == OLD
    assert not caplog.records, "the second reading warns of nothing new"
    write_checkpoint(two_generations, "door", NEW)
    assert read_checkpoint(two_generations, "door") == NEW


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_do_not_stop_the_writing(two_generations: Path, damage: str) -> None:
    for name in ("door.ckpt", "door.ckpt.1"):
        DAMAGES[damage](two_generations / name)
    write_checkpoint(two_generations, "door", NEW)
    assert read_checkpoint(two_generations, "door") == NEW


def test_both_generations_damaged_means_a_fresh_start(two_generations: Path) -> None:
    for name in ("door.ckpt", "door.ckpt.1"):
        (two_generations / name).write_bytes(b"\0" * 100)
    assert read_checkpoint(two_generations, "door") is None
    assert renamed_files(two_generations) == ["door.ckpt.damaged-1", "door.ckpt.damaged-2"]


def test_only_the_newest_two_damaged_files_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        write_checkpoint(tmp_path, "door", NEW)
        (tmp_path / "door.ckpt").write_bytes(b"damage %d" % number)
        (tmp_path / "door.ckpt.1").unlink(missing_ok=True)
        assert read_checkpoint(tmp_path, "door") is None
    assert [(tmp_path / name).read_bytes() for name in renamed_files(tmp_path)] == [b"damage 3", b"damage 4"]


def test_500_random_damages_never_raise_and_never_give_wrong_data(
    two_generations: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(20261121)
    whole = (two_generations / "door.ckpt").read_bytes()
    older = (two_generations / "door.ckpt.1").read_bytes()
    folder = tmp_path_factory.mktemp("damaged")
    fell_back = 0
    for number in range(500):
        (folder / "door.ckpt").write_bytes(damaged(whole, rng))
        (folder / "door.ckpt.1").write_bytes(older)
        payload = read_checkpoint(folder, "door")
        assert payload in (NEW, OLD), f"damage number {number}"
        fell_back += payload == OLD
        assert len(renamed_files(folder)) <= 2
    assert fell_back > 300, "most damages must be detected"


def damaged(data: bytes, rng: random.Random) -> bytes:
    """`data` with one random error; half of them hit the zip's directory at the end."""
    changed = bytearray(data)
    at = rng.randrange(len(data)) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(300)
    match rng.randrange(5):
        case 0:
            del changed[at:]
        case 1:
            length = rng.randrange(1, 4096)
            changed[at : at + length] = bytes(len(changed[at : at + length]))
        case 2:
            changed[at] ^= 1 << rng.randrange(8)
        case 3:
            changed[at : at + 40] = rng.randbytes(40)
        case _:
            del changed[at : at + rng.randrange(1, 50)]
    return bytes(changed)


def test_every_single_flipped_bit_of_the_directory_is_detected_or_harmless(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "door", {"a": b"1", "b": b"2"})
    path = tmp_path / "door.ckpt"
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(changed)
        assert read_checkpoint(tmp_path, "door") in ({"a": b"1", "b": b"2"}, None)


class PowerCutError(BaseException):
    """Not an Exception, so that no handler of the code under test can go on after it."""


def cut_points(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let the n-th call that changes the disk cut the power, for n = 0, 1, … until nothing is cut any more."""
    for n in range(100):
        left = n
        with monkeypatch.context() as patch:
            for owner, name in ((os, "open"), (os, "fsync"), (Path, "replace"), (Path, "rename"), (Path, "unlink")):
                original = getattr(owner, name)

                def cutting(*args: object, original: Callable[..., object] = original, **kwargs: object) -> object:
                    nonlocal left
                    if left == 0:
                        raise PowerCutError
                    left -= 1
                    return original(*args, **kwargs)

                patch.setattr(owner, name, cutting)
            try:
                write_checkpoint(folder, "door", NEW)
            except PowerCutError:
                pass
            else:
                return
        yield n


def test_a_power_cut_at_any_step_leaves_a_readable_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_checkpoint(tmp_path, "door", OLD)
    seen = []
    for _ in cut_points(tmp_path, monkeypatch):
        payload = read_checkpoint(tmp_path, "door")
        assert payload in (OLD, NEW)
        seen.append(payload == NEW)
        write_checkpoint(tmp_path, "door", OLD)
        assert read_checkpoint(tmp_path, "door") == OLD, "the next write goes through"
    assert len(seen) >= 5, "the cut was tried at every step"
    assert seen == sorted(seen), "from the moment of the rename on it is the new one"
    assert not caplog.records, "no damage was ever seen"


def test_a_power_cut_half_way_through_the_data_leaves_the_old_one(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "door", OLD)
    buffer = io.BytesIO((tmp_path / "door.ckpt").read_bytes()[:100])
    (tmp_path / ".door.ckpt.edgeheat-tmp").write_bytes(buffer.getvalue())
    assert read_checkpoint(tmp_path, "door") == OLD
    write_checkpoint(tmp_path, "door", NEW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["door.ckpt", "door.ckpt.1"]


def test_a_folder_that_cannot_be_written_says_what_to_do_and_keeps_the_old(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        StoreError, match=r"checkpoint of door not written to \S+: \S+/file is in the way: move it elsewhere"
    ):
        write_checkpoint(tmp_path / "file", "door", NEW)


def test_a_file_in_place_of_a_parent_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file")
    with pytest.raises(StoreError, match="state, or a file where a folder above it should be, is in the way"):
        write_checkpoint(tmp_path / "storage/state", "door", NEW)


def test_a_full_disk_is_reported_and_the_old_generations_remain(small_disk: Path) -> None:
    write_checkpoint(small_disk, "door", OLD)
    with pytest.raises(StoreError, match="the disk is full: make room on it"):
        write_checkpoint(small_disk, "door", {"heat": bytes(4_000_000)})
    assert read_checkpoint(small_disk, "door") == OLD
    assert sorted(path.name for path in small_disk.iterdir()) == ["door.ckpt"]


def test_a_payload_too_large_to_be_read_back_is_rejected_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeheat.store.checkpoint._MAX_PAYLOAD_BYTES", 100)
    with pytest.raises(StoreError, match="it has 101 bytes, 100 are allowed; set a smaller grid_width or fewer heats"):
        write_checkpoint(tmp_path, "door", {"heat": bytes(101)})
    assert not list(tmp_path.iterdir())
