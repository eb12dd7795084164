"""The `edgeheat` command line application: registers all subcommands, in the order in which the help lists them.

Each subcommand imports what it needs when it is called: `run` stays in memory for years and must not load what only
`render` needs.
"""

from __future__ import annotations

import typer

from edgeheat import __version__
from edgeheat.cli.config import config_app
from edgeheat.cli.demo import demo
from edgeheat.cli.doctor import doctor
from edgeheat.cli.heat import heat
from edgeheat.cli.history import history_app
from edgeheat.cli.plan import plan
from edgeheat.cli.render import render
from edgeheat.cli.report import report
from edgeheat.cli.reset import reset
from edgeheat.cli.run import run
from edgeheat.cli.tune import tune


def version() -> None:
    """Print the version."""
    typer.echo(f"edgeheat {__version__}")


app = typer.Typer(
    help="Heat maps of where people move, computed on a small computer in the shop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (run, demo, render, tune, heat, report, reset, plan, doctor, version):
    app.command()(command)
app.add_typer(config_app, name="config")
app.add_typer(history_app, name="history")
