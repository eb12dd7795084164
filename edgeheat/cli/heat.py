"""`edgeheat heat`: shows where people were in any period, what changed from another one, and when it is busy."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated, Literal

import typer

from edgeheat.cli.base import ConfigOption, echo_stderr, exit_codes
from edgeheat.cli.progress import make_progress_bar
from edgeheat.cli.recording_options import OverwriteOption
from edgeheat.config import load_config
from edgeheat.defs.history import Level
from edgeheat.defs.params import Measure

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PERIOD",
        show_default=False,
        help='A day (2026-11-30), month (2026-11), time ("2026-11-30 10:00"), "yesterday", "last week", -7d or A..B; '
        "alone it is the whole period.",
    ),
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="PERIOD", help="The last day or month, or a time.")]
HoursOption = Annotated[str | None, typer.Option(metavar="10-12", help="Only these times of day.")]
WeekdaysOption = Annotated[str | None, typer.Option(metavar="mon-fri", help="Only these weekdays.")]
StorageOption = Annotated[
    Path | None, typer.Option(show_default="the configured one", help="Storage folder of the running edgeheat.")
]


def heat(  # noqa: PLR0917 (every option is a parameter)
    name: Annotated[str, typer.Argument(metavar="CAMERA|PLAN", help="Name of a camera or of a floor plan.")],
    from_: FromOption = None,
    to: ToOption = None,
    hours: HoursOption = None,
    weekdays: WeekdaysOption = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Only the time outside opening hours, instead of that within.")
    ] = False,
    all_hours: Annotated[
        bool, typer.Option("--all-hours", help="The time within opening hours and outside of them.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="PERIOD",
            help="Compare with this period, or with as many days before (previous).",
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Show the hours of the week; without --from of the last four weeks.")
    ] = False,
    timelapse: Annotated[Path | None, typer.Option(help="Video of the period, step by step (.mp4, .mkv).")] = None,
    step: Annotated[Literal["hour", "day"], typer.Option(help="Step of the video.")] = "hour",
    measure: Annotated[
        Measure, typer.Option(help="What counts: traffic is movement, dwell is staying, presence is both.")
    ] = "presence",
    zone: Annotated[str | None, typer.Option(help="Only this zone.")] = None,
    rate: Annotated[
        bool, typer.Option("--rate", help="Show the heat of an observed hour: comparable between periods.")
    ] = False,
    epoch: Annotated[
        int | None,
        typer.Option(
            show_default="the one seen longest", help="Number of the scene, if there are several: the camera was moved."
        ),
    ] = None,
    layout: Annotated[
        Literal["row", "column"], typer.Option(help="With --against: pictures beside or below one another.")
    ] = "row",
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            "--output",
            show_default="a .png in this folder",
            help="Picture (.png, .jpg, .webp), table (.csv), figures (.json) or numbers (.npz); may be repeated.",
        ),
    ] = None,
    overwrite: OverwriteOption = False,
    storage: StorageOption = None,
    config: ConfigOption = None,
) -> None:
    """Show where people were in a period of the stored history; without --from: yesterday."""
    # Long because every option is a parameter.
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # acts like Ctrl-C: unfinished files are removed
    _reject_combinations(
        {"--against": against is not None, "--profile": profile, "--timelapse": timelapse is not None},
        {"--against": against is not None, "--epoch": epoch is not None},
        {"--closed": closed, "--all-hours": all_hours},
    )
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        from edgeheat.daemon.system_clock import SystemClock
        from edgeheat.offline.history import heat as history_heat
        from edgeheat.offline.history.question import Site, When

        job = history_heat.HeatJob(
            name,
            When(from_, to, hours, weekdays, "closed" if closed else "all" if all_hours else "open"),
            against,
            profile,
            measure,
            zone,
            epoch,
            rate,
            layout,
            tuple(output or ()),
            timelapse,
            Level.HOUR if step == "hour" else Level.DAY,
            overwrite,
        )
        with make_progress_bar() as bar:
            task = bar.add_task("frames", total=None, visible=timelapse is not None)
            done = history_heat.heat(
                Site.of(settings, storage, SystemClock().wall()),
                job,
                lambda count, total: bar.update(task, completed=count, total=total),
            )
        for line in done.sentences:
            typer.echo(line)
        for note in done.notes:
            echo_stderr(note)
        for path in done.written:
            typer.echo(path)


def _reject_combinations(*exclusive: dict[str, bool]) -> None:
    """Reject options that answer different questions."""
    for options in exclusive:
        given = [option for option, is_given in options.items() if is_given]
        if len(given) > 1:
            raise typer.BadParameter(f"{' and '.join(given)} cannot be combined")
