"""`edgeheat tune`: shows what counts in a recording, what is rejected and why, and suggests settings."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import exit_codes
from edgeheat.cli.progress import make_progress_bar
from edgeheat.cli.recording_options import (
    CameraOption,
    ConfigOption,
    FpsOption,
    FramesOption,
    InputArgument,
    OverwriteOption,
    StartOption,
    StepOption,
    default_output,
    pipeline_params_from_options,
    setting_option,
)
from edgeheat.config import MotionSettings
from edgeheat.defs.params import Subtractor


def tune(  # noqa: PLR0917 (every option is a parameter)
    source: InputArgument,
    sheet: Annotated[
        Path | None,
        typer.Option("-o", "--output", show_default="INPUT_tune.jpg", help="Contact sheet (.jpg, .png)."),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Video with every analysed frame drawn as on the sheet (.mp4).")
    ] = None,
    start: StartOption = 0,
    frames: FramesOption = None,
    step: StepOption = 1,
    fps: FpsOption = None,
    config: ConfigOption = None,
    camera: CameraOption = None,
    overwrite: OverwriteOption = False,
    subtractor: Annotated[Subtractor | None, setting_option(MotionSettings, "subtractor")] = None,
) -> None:
    """Show what counts in a recording, what is rejected and why, and suggest settings, as TOML on stdout."""
    # SIGTERM acts like Ctrl-C, so that unfinished files are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with exit_codes():
        params = pipeline_params_from_options(source, config, camera, {"subtractor": subtractor})
        from edgeheat.offline.tuning import tune as offline_tune
        from edgeheat.offline.tuning.advice import as_toml

        output = sheet or default_output(source, "tune", ".jpg")
        job = offline_tune.TuneJob(source, params, output, video, start, frames, step, fps, overwrite)
        with make_progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            done = offline_tune.tune(job, lambda count, total: bar.update(task, completed=count, total=total))
        # The whole output is TOML, so that it can be redirected to a file.
        for line in (*map(str, done.written), "", *offline_tune.summary_lines(done.summary, done.warnings), ""):
            typer.echo(f"# {line}".rstrip())
        typer.echo(as_toml(done.advice), nl=False)
