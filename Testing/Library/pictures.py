"""Phantoms for pictures, and reading what was drawn out of the SVG: lines by name, texts with their boxes, pixels."""

from __future__ import annotations

import base64
import re
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from shapes import IDENTITY, points_mm
from shapes import grid as empty_grid

from Y90DosimetryLib.draw.svg import overlap_px2, text_width_px
from Y90DosimetryLib.structures import Structure

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


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


@dataclass(frozen=True)
class Text:
    """A text as written: words, the box it fills, color, and whether it is bold."""

    words: str
    box: tuple[float, float, float, float]
    color: str
    is_bold: bool

    @property
    def middle(self):
        """The place that it was centered on."""
        left, top, right, bottom = self.box
        return (left + right) / 2, bottom - 0.59 * (bottom - top)


class Figure:
    """What an SVG holds, by the names in it; that it is XML is checked by reading it."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.size = float(self.root.get("width")), float(self.root.get("height"))
        self.texts = [_text(e) for e in self.root.iter(f"{SVG}text")]
        self.groups = [(g.find(f"{SVG}title").text, g) for g in self.root.iter(f"{SVG}g")]

    @property
    def words(self) -> list[str]:
        return [text.words for text in self.texts]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.groups]

    def text(self, words: str) -> Text:
        """Return the only text with these words."""
        (found,) = (text for text in self.texts if text.words == words)
        return found

    def lines(self, name: str) -> list[np.ndarray]:
        """Return the polylines of the upper path of a group, shape (n, 2); a closed one ends where it begins."""
        (group,) = (g for n, g in self.groups if n == name)
        return polylines(group.findall(f"{SVG}path")[-1].get("d"))

    def line(self, name: str) -> np.ndarray:
        """Return the only polyline of a group."""
        (found,) = self.lines(name)
        return found

    def pens(self, name: str) -> set[tuple[str, str]]:
        """Return color and dashes of a group's upper path."""
        (group,) = (g for n, g in self.groups if n == name)
        path = group.findall(f"{SVG}path")[-1]
        return {(path.get("stroke"), path.get("stroke-dasharray", ""))}

    def rects(self, name: str) -> list[tuple[float, float, float, float]]:
        """Return left, top, right, bottom of the boxes of a group."""
        found = []
        for group in (g for n, g in self.groups if n == name):
            for rect in group.findall(f"{SVG}rect"):
                x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
                found.append((x, y, x + width, y + height))
        return found

    def images(self) -> list[tuple[np.ndarray, tuple[float, float, float, float]]]:
        """Return the pixels and the box of each image."""
        found = []
        for one in self.root.iter(f"{SVG}image"):
            head, data = one.get(LINK).split(",")
            assert head == "data:image/png;base64"
            x, y, width, height = (float(one.get(key)) for key in ("x", "y", "width", "height"))
            found.append((pixels(base64.b64decode(data)), (x, y, x + width, y + height)))
        return found

    def overlaps(self) -> list[tuple[str, str]]:
        """Return pairs of texts that touch, and texts that leave the figure beside themselves."""
        width, height = self.size
        pairs = [
            (one.words, other.words)
            for i, one in enumerate(self.texts)
            for other in self.texts[i + 1 :]
            if overlap_px2(one.box, other.box) > 0.5
        ]
        return pairs + [
            (t.words, "outside")
            for t in self.texts
            if t.box[0] < -0.5 or t.box[1] < -0.5 or t.box[2] > width + 0.5 or t.box[3] > height + 0.5
        ]


def _text(element: ET.Element) -> Text:
    words, bold = element.text or "", element.get("font-weight") == "bold"
    x, y, size = float(element.get("x")), float(element.get("y")), float(element.get("font-size").removesuffix("px"))
    width = text_width_px(words, size, bold)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
    return Text(words, (left, y - 0.76 * size, left + width, y + 0.24 * size), element.get("fill"), bold)


def polylines(path: str) -> list[np.ndarray]:
    """Return the polylines of a path's data."""
    found = []
    for part in re.findall(r"M([^MZ]+)(Z?)", path):
        points = np.array([[float(v) for v in place.split(",")] for place in part[0].split()])
        found.append(np.concatenate([points, points[:1]]) if part[1] else points)
    return found


def area_of(line: np.ndarray) -> float:
    """Return the area that a closed polyline encloses (Gauss)."""
    x, y = line.T
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


def pixels(png: bytes) -> np.ndarray:
    """Return a PNG file's colors, shape (height, width, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(png)
        return sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(int)


def near(image, color, within=2):
    """Return which pixels have a color, to within a few of its 255 steps."""
    return np.abs(image - np.array(color)).max(axis=-1) <= within
