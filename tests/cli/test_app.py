"""The command line as a whole: help, usage errors and documentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.core
import typer.main

from edgeheat import __version__
from edgeheat.cli.app import app
from tests.cli.commands import edgeheat


def test_version_is_printed() -> None:
    assert edgeheat("version").output == f"edgeheat {__version__}\n"


@pytest.mark.parametrize(
    "command", [["run"], ["demo"], ["render"], ["tune"], ["reset"], ["config", "check"], ["config", "show"], ["doctor"]]
)
def test_every_command_has_help(command: list[str]) -> None:
    assert edgeheat(*command, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("unknown command", ["rnu"]),
        ("unknown option", ["run", "--confg", "x"]),
        ("nothing to render", ["render"]),
        ("style out of bounds", ["render", "x.avi", "--alpha", "3"]),
        ("unknown colormap", ["render", "x.avi", "--colormap", "infero"]),
        ("bad duration", ["demo", "--for", "soon"]),
        ("camera without a configuration", ["render", "x.avi", "--camera", "till"]),
        ("port out of range", ["demo", "--port", "0"]),
        ("an unknown heat", ["render", "x.avi", "--of", "light"]),
        ("an unknown subtractor", ["render", "x.avi", "--subtractor", "mog3"]),
        ("a codec without a video", ["render", "x.avi", "--video-codec", "vp9"]),
        ("an unknown codec", ["render", "x.avi", "--video", "x.mp4", "--video-codec", "hevc"]),
        ("nothing to reset", ["reset", "till"]),
        ("a reset of no camera", ["reset", "--flicker"]),
    ],
)
def test_wrong_usage_exits_2(what: str, words: list[str]) -> None:
    assert edgeheat(*words).exit_code == 2, what


def test_the_documentation_names_every_command_and_option() -> None:
    text = (Path(__file__).parents[2] / "docs/cli.md").read_text()

    def commands(group: typer.core.TyperGroup, path: str) -> Iterator[tuple[str, list[str]]]:
        for name, command in group.commands.items():
            if isinstance(command, typer.core.TyperGroup):
                yield from commands(command, f"{path} {name}")
            else:
                yield f"{path} {name}", [o for p in command.params for o in p.opts if o.startswith("--")]

    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for command, options in commands(group, "edgeheat"):
        section = text.partition(f"## `{command}")[2].partition("\n## ")[0]
        assert section, command
        missing = [option for option in options if f"`{option}" not in section and option != "--help"]
        assert not missing, f"{command}: {missing}"
