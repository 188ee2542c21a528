"""Phantoms for pictures, and looking at the pixels of what was drawn."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from shapes import IDENTITY, points_mm
from shapes import grid as empty_grid

from Y90DosimetryLib.report.rendering import can_render
from Y90DosimetryLib.structures import Structure

drawing = pytest.mark.skipif(not can_render(), reason="VTK can't draw pictures here")


def grid(direction=IDENTITY, spacing_mm=(3.0, 3.0, 4.0), half_mm=110.0):
    """Return an empty image with a voxel in the middle of space, and the LPS place of its voxels, (z, y, x, 3)."""
    extent_mm = [s * (int(2 * half_mm / s) | 1) for s in spacing_mm]
    image = empty_grid(spacing_mm, extent_mm, direction=direction)
    return image, np.moveaxis(points_mm(image), 0, -1)


def on(image, values, dtype=np.float32):
    """Return an image of values on the grid of another."""
    result = sitk.GetImageFromArray(np.asarray(values).astype(dtype))
    result.CopyInformation(image)
    return result


def ball(role, label, center_mm, radius_mm, direction=IDENTITY, **grid_options):
    """Return a sphere as a structure."""
    image, places = grid(direction, **grid_options)
    return Structure(role, label, on(image, np.linalg.norm(places - center_mm, axis=-1) < radius_mm, np.uint8))


def pixels(png: bytes) -> np.ndarray:
    """Return a PNG file's colors, shape (height, width, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(png)
        return sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(int)


def near(image, color, within=2):
    """Return which pixels have a color, to within a few of its 255 steps."""
    return np.abs(image - np.array(color)).max(axis=-1) <= within
