"""Layers are composited over pictures in proportion to their opacity."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeheat.core.render.layer import Layer


@pytest.mark.parametrize(("opacity", "left"), [(0.0, 200), (0.25, 150), (0.5, 100), (1.0, 0)])
def test_a_shade_darkens_in_proportion_to_its_opacity_and_only_where_it_is(opacity: float, left: int) -> None:
    picture = np.full((20, 30, 3), 200, np.uint8)
    Layer.shade(4, 2, 10, 5, opacity).lay_over(picture)
    assert np.abs(picture[2:7, 4:14].astype(int) - left).max() <= 1
    picture[2:7, 4:14] = 200
    assert (picture == 200).all()


def test_an_opaque_shape_with_smooth_edges_is_blended_correctly() -> None:
    background, ink = np.array([40, 90, 200]), (250, 130, 10)
    picture = np.full((60, 60, 3), background, np.uint8)
    layer = Layer.shade(0, 0, 60, 60, 0.0)
    for plane, colour in ((layer.colour, ink), (layer.keep, (0, 0, 0))):
        cv2.circle(plane, (30, 30), 20, colour, -1, cv2.LINE_AA)
    layer.lay_over(picture)
    assert picture[30, 30].tolist() == list(ink)
    assert picture[2, 2].tolist() == background.tolist()
    cover = 1 - layer.keep[..., :1] / 255.0
    assert ((cover > 0.2) & (cover < 0.8)).any(), "the edge is smooth"
    assert np.abs(picture - (background * (1 - cover) + np.array(ink) * cover)).max() <= 2


def test_a_layer_can_be_used_again() -> None:
    layer = Layer.shade(0, 0, 8, 8, 0.5)
    first, second = (np.full((8, 8, 3), 100, np.uint8) for _ in range(2))
    layer.lay_over(first)
    layer.lay_over(second)
    assert (first == second).all() and (first == 50).all()


def test_bright_colours_saturate_instead_of_wrapping_around() -> None:
    picture = np.full((4, 4, 3), 200, np.uint8)
    Layer(np.full((4, 4, 3), 100, np.uint8), np.full((4, 4, 3), 255, np.uint8)).lay_over(picture)
    assert (picture == 255).all()
