"""`edgeheat report`: writes the report of a day, week, month or other days for the people who run the shop."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import ConfigOption, exit_codes
from edgeheat.config import load_config
from edgeheat.defs.history import REPORTS_FOLDER
from edgeheat.local_time.period import WHOLE_DAY
from edgeheat.local_time.period_text import parse_hours, parse_period


def report(
    period: Annotated[
        str,
        typer.Argument(
            metavar="PERIOD",
            help="yesterday, last-week, last-month, a day (2026-11-30), a month (2026-11) or A..B; whole days only.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", show_default="reports in the storage folder", help="Folder; earlier files are replaced."
        ),
    ] = None,
    hours: Annotated[
        str | None, typer.Option(metavar="9-20", show_default="all open hours", help="Only these times of day.")
    ] = None,
    storage: Annotated[
        Path | None, typer.Option(show_default="the configured one", help="Storage folder of the running edgeheat.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write a report of the stored history: one page to read or print, and two tables."""
    from edgeheat.daemon.system_clock import SystemClock

    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        now_s, timezone = SystemClock().wall(), settings.timezone
        try:
            wanted = parse_period(period, None, now_s, timezone)
            clock = WHOLE_DAY if hours is None else parse_hours(hours)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        from edgeheat.history.report.content import ReportSite
        from edgeheat.history.report.files import open_history, write_report
        from edgeheat.history.report.period import ReportPeriod
        from edgeheat.history.report.plans import ReportPlan

        folder = storage or settings.storage_path
        cameras = tuple(camera.pipeline_params(timezone) for camera in settings.camera)
        plans = tuple(
            ReportPlan(params, plan.image) for plan, params in zip(settings.plan, settings.plan_params(), strict=True)
        )
        site = ReportSite(settings.site.name, timezone, cameras, clock, plans, settings.hours.opening_hours())
        days = ReportPeriod.within(wanted, timezone)
        with open_history(folder) as store:
            typer.echo(write_report(store, site, days, output or folder / REPORTS_FOLDER, now_s))
