"""`edgeheat render`: draws the heat map of a recording as a picture or video, or writes it as numbers."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edgeheat.cli.base import echo_stderr, exit_codes
from edgeheat.cli.heat import StorageOption
from edgeheat.cli.import_options import SameViewOption, echo_imported
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
    camera_params_from_options,
    default_output,
    pipeline_params_from_options,
    setting_option,
)
from edgeheat.config import MotionSettings, StyleSettings, load_config
from edgeheat.defs.params import Measure, Subtractor, VideoCodec

if TYPE_CHECKING:
    from edgeheat.offline.render import RenderResult

_WELL_OBSERVED_RATIO = 0.9
"""Observed fraction of a recording below which the last line explains why."""


def _style_option(name: str) -> Any:
    return setting_option(StyleSettings, name)


def render(  # noqa: PLR0917 (every option is a parameter)
    context: typer.Context,
    source: InputArgument,
    image: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Heat map; its ending (.png, .jpg, .webp) sets the format."),
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="Video of the growing heat over each frame (.mp4, .mkv, .webm).")
    ] = None,
    grid: Annotated[Path | None, typer.Option(help="Heat as numbers (.npz).")] = None,
    start: StartOption = 0,
    frames: FramesOption = None,
    step: StepOption = 1,
    fps: FpsOption = None,
    config: ConfigOption = None,
    camera: CameraOption = None,
    overwrite: OverwriteOption = False,
    into_history: Annotated[
        str | None,
        typer.Option(metavar="CAMERA", help="Write no file, but add what is counted to the history of this camera."),
    ] = None,
    recorded_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help='With --into-history: when the recording began ("2026-11-30 10:02:37").'),
    ] = None,
    same_view: SameViewOption = False,
    storage: StorageOption = None,
    measure: Annotated[
        Measure,
        typer.Option("--of", help="What the heat counts: traffic is movement, dwell is staying, presence is both."),
    ] = "presence",
    subtractor: Annotated[Subtractor | None, setting_option(MotionSettings, "subtractor")] = None,
    feet: Annotated[bool | None, setting_option(MotionSettings, "feet")] = None,
    video_codec: Annotated[
        VideoCodec | None,
        typer.Option(show_default="h264", help="Codec of the video; .webm needs vp9 or av1, .mov needs h264."),
    ] = None,
    video_quality: Annotated[
        int, typer.Option(min=0, max=51, help="x264's CRF: lower is better and larger; scaled for vp9 and av1.")
    ] = 23,
    colormap: Annotated[str | None, _style_option("colormap")] = None,
    overlay: Annotated[bool | None, _style_option("overlay")] = None,
    alpha: Annotated[float | None, _style_option("alpha")] = None,
    background: Annotated[Literal["grey", "colour"] | None, _style_option("background")] = None,
    background_dim: Annotated[float | None, _style_option("background_dim")] = None,
    blur: Annotated[float | None, _style_option("blur")] = None,
    normalize: Annotated[bool | None, _style_option("normalize")] = None,
    vmax: Annotated[str | None, _style_option("vmax")] = None,
    gamma: Annotated[float | None, _style_option("gamma")] = None,
    legend: Annotated[bool | None, _style_option("legend")] = None,
    title: Annotated[bool | None, _style_option("title")] = None,
    max_width: Annotated[int | None, _style_option("max_width")] = None,
    format: Annotated[Literal["png", "jpeg", "webp"] | None, _style_option("format")] = None,
    quality: Annotated[int | None, _style_option("quality")] = None,
) -> None:
    """Draw the heat map of a recording; without -o, --video and --grid to INPUT_heatmap.png (or .jpg, .webp)."""
    # Long because every option is a parameter.
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # acts like Ctrl-C: unfinished files are removed
    if video is None and video_codec is not None:
        raise typer.BadParameter("--video-codec needs --video, which names the file")
    if into_history is not None:
        _add_to_history(context.params, source, into_history)
        return
    if recorded_at is not None or same_view or storage is not None:
        raise typer.BadParameter("--recorded-at, --same-view and --storage need --into-history")
    with exit_codes():
        params = pipeline_params_from_options(source, config, camera, context.params)
        if image is None and video is None and grid is None:
            image = default_output(source, "heatmap", ".jpg" if format == "jpeg" else f".{format or 'png'}")
        from edgeheat.offline import render as offline_render

        job = offline_render.RenderJob(
            source,
            params,
            image,
            video,
            grid,
            start,
            frames,
            step,
            fps,
            overwrite,
            video_quality=video_quality,
            video_codec=video_codec or "h264",
            measure=measure,
        )
        with make_progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            done = offline_render.render(job, lambda count, total: bar.update(task, completed=count, total=total))
        for path in done.written:
            typer.echo(path)
        echo_stderr(f"{done.frames} frames, {done.observed_s:.1f} of {done.length_s:.1f} s observed{_shortfall(done)}")


def _add_to_history(options: dict[str, Any], source: str, camera: str) -> None:
    """Count a recording into the history of a camera; `options` are those of the command line."""
    files = [f"--{name}" for name in ("image", "video", "grid", "camera") if options[name] is not None]
    if files:
        given = files[0].replace("image", "output")
        raise typer.BadParameter(f"{given} cannot be combined with --into-history; edgeheat heat draws what is stored")
    if options["recorded_at"] is None:
        raise typer.BadParameter('--into-history needs --recorded-at "2026-11-30 10:02", when the recording began')
    if options["same_view"] and (options["feet"] is not None or options["subtractor"] is not None):
        raise typer.BadParameter("--same-view cannot be combined with --feet and --subtractor: heats would be mixed")
    with exit_codes():
        config = load_config(options["config"], os.environ, cameras_required=False, images_required=False)
        params = camera_params_from_options(config, camera, options)
        from edgeheat.daemon.system_clock import SystemClock
        from edgeheat.offline.history.question import Site
        from edgeheat.offline.history.recording import RecordingJob, import_recording

        job = RecordingJob(
            source,
            params,
            options["recorded_at"],
            options["start"],
            options["frames"],
            options["step"],
            options["fps"],
            options["same_view"],
        )
        with make_progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            site = Site.of(config, options["storage"], SystemClock().wall())
            done = import_recording(site, job, lambda count, total: bar.update(task, completed=count, total=total))
        echo_imported(done)


def _shortfall(done: RenderResult) -> str:
    """Return why if much of the recording was not counted, otherwise an empty text."""
    if done.observed_s > 0 and done.observed_s >= _WELL_OBSERVED_RATIO * done.length_s:
        return ""
    return "; edgeheat tune shows what was not" + "".join(f"\nnot observed: {reason}" for reason in done.unobserved)
