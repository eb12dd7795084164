"""Provides frames from cameras, recordings and synthetic scenes; chooses the source by the scheme of a URL."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from edgeheat.errors import SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.base import Source, SourceOptions

OPENERS = {
    "rtsp": ("rtsp", "open_rtsp"),
    "rtsps": ("rtsp", "open_rtsp"),
    "http": ("http", "open_http"),
    "https": ("http", "open_http"),
    "usb": ("usb", "open_usb"),
    "file": ("file", "open_file"),
    "images": ("images", "open_images"),
    "synthetic": ("synthetic", "open_synthetic"),
}
"""Scheme → (module of this package, function in it). A new source is one row here and one file.

Modules are imported when they are first used, because PyAV and OpenCV take time and memory."""


def open_source(url: str, options: SourceOptions) -> Source:
    """Return the source for `url`; nothing is opened before the first frame is requested from `frames()`.

    Besides the schemes of OPENERS, a plain path is a recording or a folder of images, and `/dev/video*` and
    `/dev/v4l/*` are USB cameras. Raises SourceUnavailable for an empty URL, another scheme or a malformed
    `synthetic:` URL.
    """
    scheme, target = resolve(url)
    if scheme not in OPENERS:
        known = ", ".join(sorted(OPENERS))
        raise SourceUnavailable(f"{redact(url)}: unknown scheme {scheme}:; use a path or one of {known}")
    module, opener = OPENERS[scheme]
    return cast(Source, getattr(import_module(f"{__name__}.{module}"), opener)(target, options))


def resolve(url: str) -> tuple[str, str]:
    """Return the scheme of `url`, known or unknown, and the argument for its opener.

    The argument is the plain path for `file` and `images`, else `url`. Raises SourceUnavailable for an empty URL.
    """
    if not url:
        raise SourceUnavailable("the source is empty: give a file, a folder or a URL")
    if url.startswith(("/dev/video", "/dev/v4l/")):
        return "usb", url
    match = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):", url)
    scheme = match[1].lower() if match else "file"
    if scheme not in OPENERS and "://" not in url:
        scheme = "file"  # a file name with a colon
    if scheme not in ("file", "images"):
        return scheme, url
    path = url[len(scheme) + 1 :] if match and match[1].lower() == scheme else url
    if path is not url and path.startswith("//"):
        path = unquote(path[2:])
    return ("images" if Path(path).is_dir() else "file"), path
