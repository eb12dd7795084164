"""`edgeheat reset`: the request it leaves for the running daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edgeheat.cli.app import app
from tests.cli.commands import CAMERA, config_file, edgeheat


def requests() -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in Path("here/state/requests").iterdir()]


@pytest.fixture
def state() -> Path:
    """The state folder of an edgeheat that has run in `here`."""
    folder = Path("here/state")
    folder.mkdir(parents=True)
    return folder


@pytest.mark.usefixtures("state")
def test_a_reset_request_is_written_where_the_running_edgeheat_reads_it() -> None:
    file = config_file('[storage]\npath = "here"\n' + CAMERA)
    result = edgeheat("reset", "till", "--flicker", "--moved", "-c", file)
    assert (result.exit_code, result.stdout) == (0, "")
    assert requests() == [{"camera": "till", "flicker": True, "moved": True, "heat": False}]
    assert "will be carried out when edgeheat runs and till is online" in result.stderr


@pytest.mark.parametrize(
    ("answer", "words", "exit_code", "asked"),
    [("n\n", [], 1, False), ("", [], 1, False), ("y\n", [], 0, True), ("", ["--yes"], 0, True)],
)
def test_heat_is_deleted_only_after_confirmation(
    state: Path, answer: str, words: list[str], exit_code: int, asked: bool
) -> None:
    command = ["reset", "till", "--heat", "--storage", "here", "-c", str(config_file(CAMERA)), *words]
    result = CliRunner().invoke(app, command, input=answer)
    assert result.exit_code == exit_code
    assert (state / "requests").exists() == asked
    assert ("cannot be restored" in result.stderr) == (not words)


@pytest.mark.usefixtures("state")
def test_a_reset_of_an_unknown_camera_is_rejected_with_the_known_names() -> None:
    result = edgeheat("reset", "tlil", "--moved", "--storage", "here", "-c", config_file(CAMERA))
    assert result.exit_code == 2
    assert "tlil: not in the configuration, which has till" in " ".join(result.stderr.split())


def test_a_reset_where_no_edgeheat_has_run_asks_for_the_storage_folder() -> None:
    result = edgeheat("reset", "till", "--moved", "--storage", "nowhere", "-c", config_file(CAMERA))
    assert (result.exit_code, result.stderr) == (
        1,
        "nowhere/state: no edgeheat has used this folder; name the right storage folder with --storage\n",
    )
