"""Makes cv2 lookup tables of colormaps: of a name the colours, of a style the colours and their opacity."""

from __future__ import annotations

import difflib
from functools import lru_cache

import numpy as np
from cmap import Colormap

from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import Style


@lru_cache(maxsize=16)
def colormap_lut(name: str) -> U8:
    """Return the 256 colours of a colormap, cold to hot, BGR uint8, shape (256, 1, 3), as `cv2.applyColorMap` takes it.

    name: any of matplotlib's, upper or lower case, also reversed (`_r`). The array is shared and read-only.
    Raises ValueError, which names similar colormaps, for an unknown name.
    """
    catalog = Colormap.catalog()
    is_reversed = name.lower().endswith("_r")
    try:
        # By the full name: cmap logs a warning for each short name that several collections use.
        full_name = catalog.resolve(name[:-2] if is_reversed else name)
    except KeyError:
        raise ValueError(_unknown_message(name, sorted(catalog.short_keys()))) from None
    # Not `.lut(256)`, which returns ten rows for a map of ten colours (tab10).
    rgba = Colormap(full_name)(np.linspace(1.0, 0.0, 256) if is_reversed else np.linspace(0.0, 1.0, 256))
    lut: U8 = np.ascontiguousarray(np.rint(rgba[:, 2::-1] * 255.0).astype(np.uint8)[:, np.newaxis, :])
    lut.setflags(write=False)
    return lut


def overlay_luts(style: Style) -> tuple[U8, U8]:
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


def _unknown_message(name: str, known: list[str]) -> str:
    by_lower = {key.lower(): key for key in known}
    near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    hint = f"did you mean {', '.join(near)}?" if near else "try inferno, magma, viridis, turbo or hot"
    return f"unknown colormap {name!r}: {hint}"
