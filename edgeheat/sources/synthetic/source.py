"""Implements the `synthetic:` source: parses its URL and plays a synthetic scene as a camera or a recording."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import parse_qsl

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.defs.clock import Clock
from edgeheat.errors import SourceUnavailable
from edgeheat.sources.av_frame import bgr_chroma
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic.effects import Moment
from edgeheat.sources.synthetic.layouts import LAYOUTS
from edgeheat.sources.synthetic.scene import Scene, SceneParams, Truth, WalkerMasks

_EXAMPLE_URL = "synthetic:shop?seed=1&size=640x360&fps=15&walkers=5&shadows=1&noise=3"
"""Shown in error messages."""

_DEFAULT_SCENE_FPS = 15.0
"""Frame rate where the URL gives none."""

_FPS_RANGE = (0.1, 120.0)
"""Least and greatest frame rate."""

_SIDE_RANGE_PX = (16, 4096)
"""Least and greatest width and height."""


@dataclass(frozen=True, slots=True)
class SyntheticParams:
    """The content of a `synthetic:` URL."""

    scene: SceneParams
    fps: float = _DEFAULT_SCENE_FPS
    duration_s: float | None = None
    """Seconds after which the scene ends; None: never."""


class SyntheticSource:
    """A synthetic scene as a camera or, offline, as a recording.

    Offline, frame `n` shows the scene at `n / fps` seconds, which are its `mono_s` and its `wall_s`; `start`, `count`
    and `step` select frames. Live, the scene starts with the first requested frame and runs at the clock's pace; a slow
    reader misses frames, as with a real camera.
    """

    def __init__(self, params: SyntheticParams, options: SourceOptions) -> None:
        self.params = params
        self._options = options
        self._scene = Scene(params.scene)

    def frames(self) -> Iterator[Frame]:
        """See `Source.frames`; a duration also applies live."""
        if self._options.clock is None:
            return (self._frame(n, n / self.params.fps, n / self.params.fps) for n in self._selected())
        return self._live(self._options.clock)

    def frame_count(self) -> int | None:
        """Return the exact number offline, None live."""
        return len(self._selected()) if self._options.clock is None else None

    def walker_masks(self, t_s: float) -> WalkerMasks:
        """Return the ground truth `t_s` seconds after the scene's start."""
        return self._scene.masks(t_s)

    def truth(self, from_s: float, to_s: float) -> Truth:
        """Return the ground truth integrated from `from_s` to `to_s`, in seconds since the scene's start."""
        return self._scene.truth(from_s, to_s)

    def _selected(self) -> range:
        """Return the numbers of the frames that are selected offline."""
        start, count, step = self._options.start, self._options.count, self._options.step
        stop = math.inf if count is None else start + count * step
        if self.params.duration_s is not None:
            stop = min(stop, self._frames_in(self.params.duration_s))
        return range(start, int(stop), step)

    def _frames_in(self, duration_s: float) -> int:
        return math.ceil(duration_s * self.params.fps - 1e-9)

    def _live(self, clock: Clock) -> Iterator[Frame]:
        duration_s, fps = self.params.duration_s, self.params.fps
        start_s = clock.monotonic()
        number = 0
        while duration_s is None or number < self._frames_in(duration_s):
            wait_s = start_s + number / fps - clock.monotonic()
            if wait_s > 0:
                clock.sleep(wait_s)
            yield self._frame(number, clock.monotonic(), clock.wall())
            number = max(number + 1, int((clock.monotonic() - start_s) * fps))

    def _frame(self, number: int, mono_s: float, wall_s: float) -> Frame:
        moment = self._scene.moment(number / self.params.fps, number)
        luma, colour = self._scene.luma(moment), partial(self._colour, moment)
        return Frame(luma, mono_s, wall_s, colour, chroma=partial(self._chroma, moment))

    def _chroma(self, moment: Moment, size_wh: SizeWH) -> U8 | None:
        return bgr_chroma(self._scene.bgr(moment), size_wh)

    def _colour(self, moment: Moment, size_wh: SizeWH) -> U8:
        bgr = self._scene.bgr(moment)
        if size_wh == self.params.scene.size_wh:
            return bgr
        return np.asarray(cv2.resize(bgr, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def open_synthetic(url: str, options: SourceOptions) -> SyntheticSource:
    """Return the source of `synthetic:LAYOUT?name=value&...`; every part after the colon is optional.

    Parameters: `size`, `fps`, `seed`, `walkers` (largest number at the same time), `shadows` (0 or 1), `noise`
    (standard deviation in grey levels) and `duration` (seconds). Raises SourceUnavailable where the URL is malformed
    or, offline, where neither `duration` nor `options.count` would end the stream.
    """
    params = parse_synthetic(url)
    if options.fps is not None:
        params = replace(params, fps=_number("fps", str(options.fps), *_FPS_RANGE))
    if options.clock is None and options.count is None and params.duration_s is None:
        raise SourceUnavailable(
            "synthetic: the scene has no end; add a duration in seconds, as in synthetic:shop?duration=60, or --frames"
        )
    return SyntheticSource(params, options)


def parse_synthetic(url: str) -> SyntheticParams:
    """Return the parameters in a URL, with defaults for missing ones; raises SourceUnavailable if it is malformed."""
    layout, _, query = url.removeprefix("synthetic:").partition("?")
    layout = layout or "shop"
    if layout not in LAYOUTS:
        raise SourceUnavailable(f"synthetic: unknown layout {layout!r}{_suggestion(layout, LAYOUTS)}")
    texts: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            raise SourceUnavailable(f"synthetic: unknown parameter {name!r}{_suggestion(name, _PARAMETERS)}")
        if name in texts:
            raise SourceUnavailable(f"synthetic: {name} is given twice; remove one")
        texts[name] = text
    params = SyntheticParams(SceneParams(layout))
    for name, text in texts.items():
        params = _PARAMETERS[name](params, text)
    return params


def _suggestion(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; use one of {', '.join(known)}, as in {_EXAMPLE_URL}"


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise SourceUnavailable(f"synthetic: {name}={text!r} must be a number from {low:g} to {high:g}")
    return value


def _integer(name: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise SourceUnavailable(f"synthetic: {name}={text!r} must be an integer from {low} to {high}")
    return int(text)


def _size_wh(text: str) -> SizeWH:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if match is None or not all(_SIDE_RANGE_PX[0] <= int(side) <= _SIDE_RANGE_PX[1] for side in match.groups()):
        low, high = _SIDE_RANGE_PX
        raise SourceUnavailable(
            f"synthetic: size={text!r} must be WIDTHxHEIGHT as in 640x360, each from {low} to {high}"
        )
    return int(match[1]), int(match[2])


_PARAMETERS: dict[str, Callable[[SyntheticParams, str], SyntheticParams]] = {
    "seed": lambda p, text: replace(p, scene=replace(p.scene, seed=_integer("seed", text, 0, 999_999_999))),
    "size": lambda p, text: replace(p, scene=replace(p.scene, size_wh=_size_wh(text))),
    "fps": lambda p, text: replace(p, fps=_number("fps", text, *_FPS_RANGE)),
    "walkers": lambda p, text: replace(p, scene=replace(p.scene, walkers=_integer("walkers", text, 0, 100))),
    "shadows": lambda p, text: replace(p, scene=replace(p.scene, shadows=bool(_integer("shadows", text, 0, 1)))),
    "noise": lambda p, text: replace(p, scene=replace(p.scene, noise=_number("noise", text, 0, 50))),
    "duration": lambda p, text: replace(p, duration_s=_number("duration", text, 0.1, 1e9)),
}
"""For each parameter of the URL, what its text changes; raises SourceUnavailable where the text is malformed."""
