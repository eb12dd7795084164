"""Where frames come from: one opener for each kind of camera or recording, loaded only when it is used."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from edgeheat.errors import SourceUnavailable
from edgeheat.redact import redact
from edgeheat.sources.base import Source, SourceOptions

# Scheme → module of this package, opener in it. A new source is one row here and one file.
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


def open_source(url: str, options: SourceOptions) -> Source:
    """The source that `url` names; nothing is opened before its `frames()` is asked for.

    Besides the schemes of OPENERS: a plain path is a recording, a folder its pictures, `/dev/video*` and
    `/dev/v4l/*` are USB cameras. Raises SourceUnavailable for any other scheme.
    """
    scheme, target = resolve(url)
    if scheme not in OPENERS:
        known = ", ".join(sorted(OPENERS))
        raise SourceUnavailable(f"{redact(url)}: no source is called {scheme}:. There are {known}, and plain paths")
    module, opener = OPENERS[scheme]
    return cast(Source, getattr(import_module(f"{__name__}.{module}"), opener)(target, options))


def resolve(url: str) -> tuple[str, str]:
    """The key into OPENERS that `url` stands for, or its unknown scheme, and what the opener is given.

    That is the plain path where the key is `file` or `images`. Raises SourceUnavailable where nothing is named.
    """
    if not url:
        raise SourceUnavailable("the source has no name: name a file, a folder or a URL")
    if url.startswith(("/dev/video", "/dev/v4l/")):
        return "usb", url
    told = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]+):", url)
    scheme = told[1].lower() if told else "file"
    if scheme not in OPENERS and "://" not in url:
        scheme = "file"  # a colon in a file's name
    if scheme not in ("file", "images"):
        return scheme, url
    path = url[len(scheme) + 1 :] if told and told[1].lower() == scheme else url
    if path is not url and path.startswith("//"):
        path = unquote(path[2:])
    return ("images" if Path(path).is_dir() else "file"), path
