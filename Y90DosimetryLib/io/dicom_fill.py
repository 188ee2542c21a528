"""Closed contours of one slice filled, on pixels whose first one has its center at 0, 0."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from ..structures import UINT8

Float64 = NDArray[np.float64]
OVERLAP_RANGE_FRACTION = (0.05, 0.95)
"""Tool default: an overlap of two contours by less of the smaller one is an edge they share, by more a hole."""


def filled(loops: Iterable[Float64], rows: int, columns: int) -> UINT8:
    """Return pixels, shape (row, column), whose center lies inside an odd number of loops of points x, y."""
    crossings = np.zeros((rows, columns + 1), dtype=np.int32)
    for loop in loops:
        _cross(crossings, loop)
    inside: UINT8 = (np.cumsum(crossings, axis=1)[:, :columns] % 2).astype(np.uint8)
    return inside


def overlap(pair: tuple[Float64, Float64], rows: int, columns: int) -> bool:
    """Whether two loops share more than their edges, and neither lies inside the other."""
    low, high = (np.array([end(loop, axis=0) for loop in pair]) for end in (np.min, np.max))
    if (low.max(axis=0) >= high.min(axis=0)).any():
        return False
    one, other = (filled([loop], rows, columns) for loop in pair)
    smaller = min(int(one.sum()), int(other.sum()))
    return OVERLAP_RANGE_FRACTION[0] * smaller < int((one & other).sum()) < OVERLAP_RANGE_FRACTION[1] * smaller


def _cross(crossings: NDArray[np.int32], loop: Float64) -> None:
    """Count, for each row, where the edges of a closed loop cross its center line: from there on it is inside."""
    ends = np.roll(loop, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(loop.tolist(), ends.tolist(), strict=True):
        if y0 == y1:
            continue
        rows = np.arange(ceil(min(y0, y1)), ceil(max(y0, y1)))
        at = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)
        np.add.at(crossings, (rows, np.clip(np.ceil(at).astype(int), 0, crossings.shape[1] - 1)), 1)
