"""Shared by the commands that import into the history: an option, and the last lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgeheat.cli.base import echo_stderr

if TYPE_CHECKING:
    from edgeheat.offline.history.importing import ImportResult

SameViewOption = Annotated[
    bool,
    typer.Option(
        "--same-view", help="The camera still shows what it showed last there; without it, the heats stay apart."
    ),
]


def echo_imported(result: ImportResult) -> None:
    """Print what was imported, and to stderr what was not."""
    for sentence in result.sentences:
        typer.echo(sentence)
    for note in result.notes:
        echo_stderr(note)
