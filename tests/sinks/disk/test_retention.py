"""Which stored files are deleted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sinks.disk.retention import StoredFile, select_files_to_delete

FILES = [StoredFile(float(n), f"f{n}", 10) for n in range(5)]


@pytest.mark.parametrize(
    ("what", "older_than_s", "excess_bytes", "deleted"),
    [
        ("nothing is old and there is space", 0.0, 0, 0),
        ("those before the instant are deleted, the one at it is kept", 2.0, 0, 2),
        ("the oldest are deleted until the excess is covered", 0.0, 11, 2),
        ("a file that covers it exactly is enough", 0.0, 20, 2),
        ("old files are deleted even when the excess is covered", 3.0, 5, 3),
        ("more excess than there are files deletes all", 0.0, 1000, 5),
        ("a negative excess deletes nothing", 0.0, -50, 0),
        ("a clock that was never set deletes nothing", -1e9, 0, 0),
    ],
)
def test_which_files_are_deleted(what: str, older_than_s: float, excess_bytes: int, deleted: int) -> None:
    assert select_files_to_delete(FILES, older_than_s=older_than_s, excess_bytes=excess_bytes) == FILES[:deleted], what


@given(
    files=st.lists(st.builds(StoredFile, st.floats(0, 100), st.text(max_size=3), st.integers(0, 50))).map(sorted),
    older_than_s=st.floats(0, 100),
    excess_bytes=st.integers(-10, 500),
)
def test_it_deletes_the_oldest_and_no_more_than_necessary(
    files: list[StoredFile], older_than_s: float, excess_bytes: int
) -> None:
    deleted = select_files_to_delete(files, older_than_s=older_than_s, excess_bytes=excess_bytes)
    kept = files[len(deleted) :]
    assert deleted == files[: len(deleted)]
    assert all(file.time_s >= older_than_s for file in kept)
    assert not kept or sum(file.size_bytes for file in deleted) >= excess_bytes
    if deleted and deleted[-1].time_s >= older_than_s:
        assert sum(file.size_bytes for file in deleted[:-1]) < excess_bytes, "the last one was needed"


def test_it_reads_up_to_the_first_file_that_is_kept() -> None:
    files = iter(FILES)
    select_files_to_delete(files, older_than_s=2.0, excess_bytes=0)
    assert next(files) == FILES[3]
