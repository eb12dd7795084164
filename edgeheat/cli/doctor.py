"""`edgeheat doctor`: runs all checks and prints each result with its remedy."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from edgeheat.cli.base import FAILURE, ConfigOption, exit_codes
from edgeheat.redact import redact

if TYPE_CHECKING:
    from edgeheat.doctor.finding import Finding

_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "failed": typer.colors.RED}


def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Check everything edgeheat needs, cameras and broker included; exit code 1 if a check fails."""
    from edgeheat.daemon.system_clock import SystemClock
    from edgeheat.doctor.run_checks import run_checks

    report = _print_json if as_json else _print_text
    with exit_codes():
        if not run_checks(config, os.environ, SystemClock(), report):
            raise typer.Exit(FAILURE)


def _print_text(finding: Finding) -> None:
    verdict = typer.style(f"{finding.verdict:8}", fg=_COLOURS[finding.verdict])
    typer.echo(f"{verdict} {finding.check}: {redact(finding.what)}")
    if finding.remedy:
        typer.echo(f"         → {finding.remedy}")


def _print_json(finding: Finding) -> None:
    fields = {name: getattr(finding, name) for name in ("check", "verdict", "what", "remedy")}
    typer.echo(json.dumps(fields | {"what": redact(finding.what)}, ensure_ascii=False))
