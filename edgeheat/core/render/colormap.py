"""Colormap names to lookup tables; cmap (core's one library besides numpy and cv2) knows all of matplotlib's names."""

from __future__ import annotations

import difflib
from functools import lru_cache

import numpy as np
from cmap import Colormap

from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import Style


@lru_cache(maxsize=16)
def colormap_lut(name: str) -> U8:
    """Return the 256 colours of a colormap, cold to hot, as BGR of shape (256, 1, 3): what `cv2.applyColorMap` takes.

    Any matplotlib name, `_r` for reversed included, upper or lower case. The array is shared and read-only.
    Raises ValueError naming similar colormaps where the name is not known.
    """
    catalog = Colormap.catalog()
    turned = name.lower().endswith("_r")
    try:
        # The full name: short ones that several collections use make cmap log a warning at each look-up.
        full_name = catalog.resolve(name[:-2] if turned else name)
    except KeyError:
        raise ValueError(_unknown(name, sorted(catalog.short_keys()))) from None
    # Called, not `.lut(256)`: that gives a map of ten colours (tab10) ten rows.
    rgba = Colormap(full_name)(np.linspace(1.0, 0.0, 256) if turned else np.linspace(0.0, 1.0, 256))
    lut: U8 = np.ascontiguousarray(np.rint(rgba[:, 2::-1] * 255.0).astype(np.uint8)[:, np.newaxis, :])
    lut.setflags(write=False)
    return lut


def paints(style: Style) -> tuple[U8, U8]:
    """Return what each of the 256 heat levels puts on a picture, as two tables for `cv2.applyColorMap`.

    The first is BGR times opacity, the second 255 * (1 - opacity), both of shape (256, 1, 3). With an overlay, opacity
    is heat on the 0..1 scale times `alpha`; without, every level is opaque and the lowest is black.
    """
    lut = colormap_lut(style.colormap)
    if not style.overlay:
        bare = lut.copy()
        bare[0] = 0
        return bare, np.zeros_like(lut)
    opacity = (np.linspace(0.0, 1.0, 256) * min(max(style.alpha, 0.0), 1.0))[:, np.newaxis, np.newaxis]
    keep = np.rint(np.broadcast_to(255 * (1 - opacity), lut.shape)).astype(np.uint8)
    return np.rint(lut * opacity).astype(np.uint8), keep


def _unknown(name: str, known: list[str]) -> str:
    by_lower = {key.lower(): key for key in known}
    near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    hint = f"did you mean {', '.join(near)}?" if near else "try inferno, magma, viridis, turbo or hot"
    return f"unknown colormap {name!r}: {hint}"
