"""Checks arrays and numbers that come from saved bytes, before heats continue with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", bound=np.generic)

_MAX_SAVED_NUMBER = 1e14
"""Largest number that a saved state may hold: 3000 years in milliseconds, far below what 64 bits hold."""

_MAX_SIDE_CELLS = 4096
"""Longest side of a saved grid: a forged one cannot allocate more than 16 MB for each mask of a zone."""


def checked_copy(array: NDArray[Any], shape: tuple[int, ...], dtype: type[_Number]) -> NDArray[_Number]:
    """Return a copy of a saved array. Raises ValueError where its shape or dtype differs."""
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"heat: expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}")
    return array.copy()


def checked_number(value: float, unset: float | None = None) -> float:
    """Return a saved time or duration, which may also be `unset`. Raises ValueError where it is not within 1e14."""
    if np.ndim(value):
        raise ValueError(f"expected one number, got an array of shape {np.shape(value)}")
    number = float(value)
    if number != unset and not abs(number) <= _MAX_SAVED_NUMBER:
        raise ValueError(f"expected a time within {_MAX_SAVED_NUMBER:g}, got {number:g}")
    return number


def checked_durations_ms(durations_ms: Mapping[str, float]) -> dict[str, int]:
    """Return saved milliseconds by name. Raises ValueError where one is negative or not within 1e14."""
    checked = {name: int(checked_number(duration_ms)) for name, duration_ms in durations_ms.items()}
    if any(duration_ms < 0 for duration_ms in checked.values()):
        raise ValueError(f"expected milliseconds of 0 or more, got {checked}")
    return checked


def checked_shape_hw(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the (height, width) of a saved grid. Raises ValueError where it is not of 1 to 4096 cells each."""
    if len(shape) != 2 or not all(1 <= side <= _MAX_SIDE_CELLS for side in shape):
        raise ValueError(f"expected a grid of (height, width), 1 to {_MAX_SIDE_CELLS} cells each, got {shape}")
    height, width = shape
    return height, width
