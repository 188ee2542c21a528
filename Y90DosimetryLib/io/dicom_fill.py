"""The contours of one slice filled, on pixels whose first one has its center at 0, 0.

What a contour circles is inside, once or several times around; a part of its own path that runs the other way is a
hole (the keyhole technique). Several contours are joined, and one that lies wholly within another is a hole in it, an
island in the hole, and so on. Contours of the type CLOSEDPLANAR_XOR are combined by exclusive or: DICOM PS3.3,
C.8.8.6.3, which leaves open what contours of the type CLOSED_PLANAR mean to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from ..structures import UINT8

Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
WITHIN_FRACTION = 0.95
"""Tool default: share of a contour's pixels that lie in another one when it is drawn within it, up to rounding."""
SHARED_EDGE_FRACTION = 0.05
"""Tool default: an overlap by less of the smaller contour is an edge they share."""
SAME_WITHIN_PX = 0.5
"""Tool default: two contours that lie less apart on average, in pixels of at most 1 mm, are one given twice."""
SAME_POINT = 1e-3


@dataclass(frozen=True)
class Filled:
    """Pixels inside (row, column), how many contours were given twice, and whether some overlap in part."""

    inside: UINT8
    doubled_count: int = 0
    overlapping: bool = False


def filled(loops: Sequence[Float64], rows: int, columns: int, *, exclusive: bool = False) -> Filled:
    """Return what contours of points x, y hold; *exclusive* combines them as CLOSEDPLANAR_XOR."""
    pieces = [piece for loop in loops for piece in _without_bridges(loop)]
    areas = [(_circled(piece, rows, columns), _perimeter(piece)) for piece in pieces]
    areas = sorted((a for a in areas if a[0].any()), key=lambda a: -int(a[0].sum()))
    kept: list[tuple[Bool, float]] = []
    for area, length in areas:
        if not any(_is_same(area, length, other) for other, _ in kept):
            kept.append((area, length))
    inside = np.zeros((rows, columns), dtype=bool)
    overlapping = False
    for at, (area, _) in enumerate(kept):
        shares = [float((area & larger).sum()) / float(area.sum()) for larger, _ in kept[:at]]
        overlapping |= any(SHARED_EDGE_FRACTION < share < WITHIN_FRACTION for share in shares)
        if exclusive:
            inside ^= area
        else:
            inside[area] = sum(share >= WITHIN_FRACTION for share in shares) % 2 == 0
    return Filled(inside.view(np.uint8), len(areas) - len(kept), overlapping and not exclusive)


def _is_same(area: Bool, length: float, other: Bool) -> bool:
    shared, apart = int((area & other).sum()), int((area ^ other).sum())
    return apart <= SAME_WITHIN_PX * length and apart < shared


def _perimeter(loop: Float64) -> float:
    return float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum())


def _without_bridges(loop: Float64) -> list[Float64]:
    """Return the loops that a contour joins by a channel: an edge that it follows there and back."""
    points = loop[np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1) > SAME_POINT]
    if len(points) < 3:
        return []
    keys = [tuple(p) for p in np.rint(points / SAME_POINT).astype(np.int64).tolist()]
    edges: dict[tuple[object, object], int] = {}
    for at, key in enumerate(keys):
        following = keys[(at + 1) % len(keys)]
        back = edges.get((following, key))
        if back is not None:  # from keys[back] to keys[back + 1], and now from there back again
            inner, outer = points[back + 1 : at + 1], np.concatenate([points[: back + 1], points[at + 2 :]])
            return _without_bridges(inner) + _without_bridges(outer)
        edges[key, following] = at
    return [points]


def _circled(loop: Float64, rows: int, columns: int) -> Bool:
    """Return the pixels whose center a closed loop goes around, as often as it likes."""
    turns = np.zeros((rows, columns + 1), dtype=np.int32)
    ends = np.roll(loop, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(loop.tolist(), ends.tolist(), strict=True):
        if y0 == y1:
            continue
        crossed = np.arange(max(0, ceil(min(y0, y1))), min(rows, ceil(max(y0, y1))))
        at = x0 + (crossed - y0) * (x1 - x0) / (y1 - y0)
        columns_ = np.clip(np.ceil(at).astype(int), 0, columns)
        np.add.at(turns, (crossed, columns_), 1 if y1 > y0 else -1)
    around: Bool = np.cumsum(turns, axis=1)[:, :columns] != 0
    return around
