"""`edgeheat history`: verifies the stored history, writes its figures as a table, or adds that of another file."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import FAILURE, ConfigOption, echo_stderr, exit_codes
from edgeheat.cli.heat import FromOption, HoursOption, StorageOption, ToOption, WeekdaysOption
from edgeheat.cli.import_options import SameViewOption, echo_imported
from edgeheat.cli.progress import make_progress_bar
from edgeheat.cli.recording_options import OverwriteOption
from edgeheat.config import load_config

history_app = typer.Typer(help="Check, export or import stored history.", no_args_is_help=True)


@history_app.command()
def check(storage: StorageOption = None, config: ConfigOption = None) -> None:
    """Verify the history file; prints each violation and returns exit code 1 if there is any."""
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        from edgeheat.daemon.system_clock import SystemClock
        from edgeheat.offline.history.question import Site

        site = Site.of(settings, storage, SystemClock().wall())
        violations = site.check()
        for line in violations:
            typer.echo(line)
        if violations:
            echo_stderr("docs/design/history.md lists what each number means; heat that is not named here is complete")
            raise typer.Exit(FAILURE)
        typer.echo(f"no errors in {site.history}")


@history_app.command()
def export(  # noqa: PLR0917 (every option is a parameter)
    output: Annotated[Path, typer.Option("-o", "--output", help="Table to write (.csv).")],
    cameras: Annotated[
        list[str] | None, typer.Argument(metavar="[CAMERA]...", help="Only these cameras.", show_default=False)
    ] = None,
    from_: FromOption = None,
    to: ToOption = None,
    hours: HoursOption = None,
    weekdays: WeekdaysOption = None,
    overwrite: OverwriteOption = False,
    storage: StorageOption = None,
    config: ConfigOption = None,
) -> None:
    """Write what each zone counted in each hour; without --from everything that is stored."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # acts like Ctrl-C: unfinished files are removed
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        from edgeheat.daemon.system_clock import SystemClock
        from edgeheat.offline.history.export import ExportJob
        from edgeheat.offline.history.export import export as export_hours
        from edgeheat.offline.history.question import Site, When

        site = Site.of(settings, storage, SystemClock().wall())
        job = ExportJob(output, tuple(cameras or ()), When(from_, to, hours, weekdays, layer="all"), overwrite)
        written, rows = export_hours(site, job)
        typer.echo(written)
        echo_stderr(f"{rows} rows")


@history_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="history.sqlite3 of another device, or an earlier one.")],
    cameras: Annotated[
        list[str] | None,
        typer.Option(
            "--camera", metavar="NAME[=AS]", show_default=False, help="Only this camera, as another; may be repeated."
        ),
    ] = None,
    same_view: SameViewOption = False,
    storage: StorageOption = None,
    config: ConfigOption = None,
) -> None:
    """Add what another history file has; edgeheat may run meanwhile. Nothing is counted twice."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # acts like Ctrl-C: the next call adds the rest
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        from edgeheat.daemon.system_clock import SystemClock
        from edgeheat.offline.history.importing import ImportJob, import_file
        from edgeheat.offline.history.question import Site

        site = Site.of(settings, storage, SystemClock().wall())
        with make_progress_bar("tiles") as bar:
            task = bar.add_task("tiles", total=None)
            job = ImportJob(file, tuple(cameras or ()), same_view)
            done = import_file(site, job, lambda count, total: bar.update(task, completed=count, total=total))
        echo_imported(done)
