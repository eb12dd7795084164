"""Colormaps are found by matplotlib's names and become lookup tables of cv2."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeheat.config.colormaps import COLORMAP_NAMES
from edgeheat.core.render.colormap import colormap_lut, overlay_luts
from edgeheat.defs.params import Style


@pytest.mark.parametrize("name", sorted(COLORMAP_NAMES))
def test_every_name_that_the_configuration_accepts_gives_a_table_for_cv2_and_logs_nothing(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    lut = colormap_lut(name)
    assert (lut.shape, lut.dtype) == ((256, 1, 3), np.uint8)
    cv2.applyColorMap(np.zeros((2, 2), np.uint8), lut)
    assert not caplog.records


def test_colours_are_in_bgr_from_cold_to_hot() -> None:
    jet, hot = colormap_lut("jet")[:, 0], colormap_lut("hot")[:, 0]
    assert jet[0].tolist() == [128, 0, 0]
    assert jet[-1].tolist() == [0, 0, 128]
    assert hot[-1].tolist() == [255, 255, 255]
    assert hot[60].argmax() == 2


def test_a_reversed_name_reverses_the_colours() -> None:
    assert np.array_equal(colormap_lut("inferno_r"), colormap_lut("inferno")[::-1])


def test_a_name_may_be_written_in_capitals() -> None:
    assert np.array_equal(colormap_lut("INFERNO"), colormap_lut("inferno"))


def test_a_map_of_ten_colours_fills_all_levels() -> None:
    assert len(np.unique(colormap_lut("tab10")[:, 0], axis=0)) == 10


@pytest.mark.parametrize(("name", "near"), [("infernoo", "inferno"), ("Virdis", "viridis"), ("turbbo", "turbo")])
def test_an_unknown_name_is_rejected_with_similar_names(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"unknown colormap '{name}': did you mean .*{near}"):
        colormap_lut(name)


def test_a_name_similar_to_none_is_rejected_with_a_few_suggestions() -> None:
    with pytest.raises(ValueError, match="unknown colormap 'zzzzqqqq': try inferno"):
        colormap_lut("zzzzqqqq")


def test_opacity_grows_with_heat_up_to_alpha() -> None:
    colour, keep = overlay_luts(Style(alpha=0.6))
    assert keep[0, 0].tolist() == [255, 255, 255]
    assert keep[255, 0].tolist() == [102, 102, 102]
    assert (np.diff(keep[:, 0, 0].astype(int)) <= 0).all()
    assert np.abs(colour[255, 0] - 0.6 * colormap_lut("inferno")[255, 0]).max() <= 0.5


def test_without_overlay_every_level_is_opaque_and_zero_heat_is_black() -> None:
    colour, keep = overlay_luts(Style(overlay=False, colormap="viridis", alpha=0.3))
    assert not keep.any()
    assert colour[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(colour[1:], colormap_lut("viridis")[1:])
