"""Draw the icon of the extension: a liver, and in it a tumor under isodose bands with a halo of microspheres.

Run `python Resources/draw_icon.py` to write Y90Dosimetry.png beside this file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOImage import vtkPNGWriter

SIZE = 128
OVERSAMPLING = 8
Plane = NDArray[np.float64]

BACKGROUND = (0x14, 0x2A, 0x3C)
LIVER = (0xB4, 0x55, 0x4A)
LIVER_EDGE = (0xE8, 0x9C, 0x84)
BANDS = ((0.215, (0xF2, 0x8C, 0x28)), (0.155, (0xFF, 0xC8, 0x3D)), (0.095, (0xFF, 0xF3, 0xB0)))
SPHERE = (0xFF, 0xFF, 0xFF)


def ellipse(x: Plane, y: Plane, center: tuple[float, float], radii: tuple[float, float], turn_deg: float) -> Plane:
    """Return a distance-like function of a turned ellipse: negative inside, about 1 a unit of the picture."""
    angle = np.deg2rad(turn_deg)
    dx, dy = x - center[0], y - center[1]
    u = (np.cos(angle) * dx + np.sin(angle) * dy) / radii[0]
    v = (np.cos(angle) * dy - np.sin(angle) * dx) / radii[1]
    distance: Plane = (np.hypot(u, v) - 1.0) * min(radii)
    return distance


def smooth_union(a: Plane, b: Plane, blend: float) -> Plane:
    """Return the union of two shapes with a rounded seam."""
    h = np.clip(0.5 + 0.5 * (b - a) / blend, 0.0, 1.0)
    union: Plane = b + (a - b) * h - blend * h * (1.0 - h)
    return union


def paint(picture: Plane, inside: NDArray[np.bool_], color: tuple[int, int, int]) -> None:
    """Fill a region of an opaque picture, shape (rows, columns, 4)."""
    picture[inside] = (*color, 255.0)


def draw() -> NDArray[np.uint8]:
    """Return the icon as RGBA, shape (SIZE, SIZE, 4), first row on top."""
    n = SIZE * OVERSAMPLING
    axis = (np.arange(n) + 0.5) / n * 2.0 - 1.0
    x, y = np.meshgrid(axis, axis)
    picture = np.zeros((n, n, 4))

    corner = 0.36
    square = np.hypot(np.maximum(np.abs(x) - 0.96 + corner, 0), np.maximum(np.abs(y) - 0.96 + corner, 0)) - corner
    paint(picture, square < 0, BACKGROUND)

    right_lobe = ellipse(x, y, (-0.30, 0.06), (0.50, 0.58), 20.0)
    left_lobe = ellipse(x, y, (0.34, -0.18), (0.50, 0.23), -4.0)
    notch = ellipse(x, y, (0.26, 0.52), (0.36, 0.38), 0.0)
    liver = np.maximum(smooth_union(right_lobe, left_lobe, 0.32), -notch)
    paint(picture, liver < 0.035, LIVER_EDGE)
    paint(picture, liver < 0.0, LIVER)

    center = (-0.34, 0.02)
    radius = np.hypot(x - center[0], y - center[1])
    angle = np.arctan2(y - center[1], x - center[0])
    wavy = radius / (1.0 + 0.10 * np.cos(3 * angle + 0.6))
    for outer, color in BANDS:
        paint(picture, wavy < 1.45 * outer, color)
    for k in range(9):
        turn = 2 * np.pi * k / 9
        sphere = np.hypot(x - center[0] - 0.41 * np.cos(turn), y - center[1] - 0.41 * np.sin(turn))
        paint(picture, sphere < 0.034, SPHERE)

    blocks = picture.reshape(SIZE, OVERSAMPLING, SIZE, OVERSAMPLING, 4)
    alpha = blocks[..., 3:].mean(axis=(1, 3))
    covered = np.maximum(alpha, 1e-9)
    color = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3)) / covered
    return np.rint(np.concatenate([color, alpha], axis=-1)).astype(np.uint8)


def write_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write an RGBA picture, first row on top."""
    rows, columns, channels = picture.shape
    image = vtkImageData()
    image.SetDimensions(columns, rows, 1)
    scalars = np.ascontiguousarray(picture[::-1]).reshape(-1, channels)
    image.GetPointData().SetScalars(numpy_to_vtk(scalars, deep=True))
    writer = vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()


if __name__ == "__main__":
    write_png(draw(), Path(__file__).with_name("Y90Dosimetry.png"))
