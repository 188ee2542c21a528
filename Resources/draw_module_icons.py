"""Draw the module's icons: its own (128 pixels, the extension's drawing) and those of the steps (24 pixels).

Run `python Resources/draw_module_icons.py` to write them into Y90Dosimetry/Resources/Icons.
"""

from __future__ import annotations

from pathlib import Path

import draw_icon
import numpy as np
from numpy.typing import NDArray

ICONS = Path(__file__).resolve().parents[1] / "Y90Dosimetry" / "Resources" / "Icons"
Plane = NDArray[np.float64]
Region = NDArray[np.bool_]
Point = tuple[float, float]
SIZE, OVERSAMPLING = 24, 8
WHITE = (255, 255, 255)
STATES = {
    "Todo": (0x5B, 0x65, 0x73),
    "Done": (0x1B, 0x78, 0x37),
    "Warnings": (0xA8, 0x52, 0x00),
    "Stale": (0x7A, 0x4F, 0xA3),
    "Wrong": (0xB3, 0x00, 0x1B),
}
"""Colors of the states of a step, as in the panel."""


def grid() -> tuple[Plane, Plane]:
    """Return x to the right and y downward, -1 to 1."""
    n = SIZE * OVERSAMPLING
    axis = (np.arange(n) + 0.5) / n * 2.0 - 1.0
    x, y = np.meshgrid(axis, axis)
    return x, y


def stroke(x: Plane, y: Plane, points: list[Point], width: float) -> Region:
    """Return what lies within half a width of a line through points."""
    inside = np.zeros_like(x, dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = along.clip(0.0, 1.0)
        inside |= np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) < width / 2
    return inside


def symbol(name: str, x: Plane, y: Plane) -> Region:
    """Return the white symbol of a state."""
    ring = np.abs(np.hypot(x, y) - 0.45) < 0.09
    if name == "Done":
        return stroke(x, y, [(-0.45, 0.05), (-0.12, 0.4), (0.5, -0.35)], 0.22)
    if name == "Wrong":
        return stroke(x, y, [(-0.4, -0.4), (0.4, 0.4)], 0.22) | stroke(x, y, [(-0.4, 0.4), (0.4, -0.4)], 0.22)
    if name == "Warnings":
        return stroke(x, y, [(0.0, -0.55), (0.0, 0.12)], 0.22) | (np.hypot(x, y - 0.5) < 0.14)
    if name == "Stale":
        arrow = stroke(x, y, [(0.2, -0.62), (0.45, -0.35), (0.12, -0.18)], 0.14)
        return (ring & ~((x > 0) & (y < -0.1) & (y > -0.5))) | arrow
    return ring


def draw(name: str) -> NDArray[np.uint8]:
    """Return the icon of a state as RGBA, shape (SIZE, SIZE, 4): a symbol on a disk, first row on top."""
    x, y = grid()
    picture = np.zeros((*x.shape, 4))
    draw_icon.paint(picture, np.hypot(x, y) < 0.95, STATES[name])
    draw_icon.paint(picture, symbol(name, x, y), WHITE)
    blocks = picture.reshape(SIZE, OVERSAMPLING, SIZE, OVERSAMPLING, 4)
    alpha = blocks[..., 3:].mean(axis=(1, 3))
    color = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3)) / np.maximum(alpha, 1e-9)
    return np.rint(np.concatenate([color, alpha], axis=-1)).astype(np.uint8)


if __name__ == "__main__":
    ICONS.mkdir(exist_ok=True)
    draw_icon.write_png(draw_icon.draw(), ICONS / "Y90Dosimetry.png")
    for state in STATES:
        draw_icon.write_png(draw(state), ICONS / f"Y90Dosimetry{state}.png")
