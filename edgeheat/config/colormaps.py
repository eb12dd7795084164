"""The list of matplotlib's colormap names, so that the parent process can check a name without loading numpy.

cmap, which provides the colours, imports numpy; a test compares this list with it.
"""

from __future__ import annotations

_BASE = """
viridis plasma inferno magma cividis turbo jet
Greys Grays Purples Blues Greens Oranges Reds YlOrBr YlOrRd OrRd PuRd RdPu BuPu GnBu PuBu YlGnBu PuBuGn BuGn YlGn
binary gist_yarg gist_yerg gist_gray gist_grey gray grey bone pink spring summer autumn winter cool Wistia hot afmhot
gist_heat copper PiYG PRGn BrBG PuOr RdGy RdBu RdYlBu RdYlGn Spectral coolwarm bwr seismic berlin managua vanimo
twilight twilight_shifted hsv Pastel1 Pastel2 Paired Accent Dark2 Set1 Set2 Set3 tab10 tab20 tab20b tab20c
flag prism ocean gist_earth terrain gist_stern gnuplot gnuplot2 CMRmap cubehelix brg gist_rainbow rainbow
nipy_spectral gist_ncar
"""

COLORMAP_NAMES = frozenset(name + suffix for name in _BASE.split() for suffix in ("", "_r"))
"""All values of `style.colormap`; `_r` reverses a colormap."""
