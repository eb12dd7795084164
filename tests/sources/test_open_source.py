"""Which source is opened for a URL or a path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeheat.errors import SourceUnavailable
from edgeheat.sources import OPENERS, open_source
from tests.sources.fakes import live


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://bob:pw@10.0.0.7/stream", "RtspSource"),
        ("RTSPS://10.0.0.7/stream", "RtspSource"),
        ("http://10.0.0.7/video", "HttpSource"),
        ("https://10.0.0.7/video", "HttpSource"),
        ("/dev/video0", "UsbSource"),
        ("/dev/v4l/by-id/usb-cam-index0", "UsbSource"),
        ("usb:1", "UsbSource"),
        ("synthetic:", "SyntheticSource"),
        ("clip.mp4", "FileSource"),
        ("/media/10:30.mp4", "FileSource"),
        ("10:30.mp4", "FileSource"),
        ("cam:30.mp4", "FileSource"),
        ("file:///media/clip.mp4", "FileSource"),
    ],
)
def test_every_url_has_its_source(url: str, kind: str) -> None:
    assert type(open_source(url, live())).__name__ == kind


def test_a_folder_is_its_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for url in (str(folder), f"file://{tmp_path}/my%20pictures", f"file:{folder}", f"images:{folder}"):
        cv2.imwrite(str(folder / "a.png"), np.zeros((8, 8), np.uint8))
        source = open_source(url, live())
        assert (type(source).__name__, source.frame_count()) == ("ImagesSource", 1), url


def test_an_unknown_scheme_is_rejected_without_its_password() -> None:
    with pytest.raises(SourceUnavailable) as caught:
        open_source("gopher://bob:pw@10.0.0.7/x", live())
    assert str(caught.value).startswith("gopher://***@10.0.0.7/x: unknown scheme gopher:")


def test_an_empty_url_is_rejected() -> None:
    with pytest.raises(SourceUnavailable, match="give a file, a folder or a URL"):
        open_source("", live())


def test_libraries_are_loaded_with_the_source_that_needs_them() -> None:
    program = "import sys, edgeheat.sources as s; print([m for m in ('av', 'cv2') if m in sys.modules], len(s.OPENERS))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip() == f"[] {len(OPENERS)}"
