"""The files that a case names: read, counted, and remembered with their digests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from ..errors import InputError
from ..progress import Progress
from .dicom_image import Quantity
from .formats import files_of
from .paths import relative
from .segmentations import Segment, read_segments
from .stored import Place
from .volumes import Volume, digest, mask_of, read_image, read_volume


@dataclass(frozen=True)
class InputFile:
    """A file that went into a case: what it is, its path from the case's folder on, and the SHA-256 of its content."""

    name: str
    path: str
    sha256: str
    beside: tuple[str, ...] = ()
    """The other files that its header names, which the SHA-256 covers too."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Let every `InputError` of the block begin with *where*."""
    try:
        yield
    except InputError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise error.at(place) from None


class CaseFiles:
    """Reads the files that a case names, and collects their digests and what there is to note about them."""

    def __init__(
        self, folder: Path, progress: Progress, expected: int, geometry: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self.inputs: list[InputFile] = []
        self.notes: list[str] = []
        self._folder, self._progress, self._expected = folder, progress, expected
        self._digests: dict[tuple[Path, str], str] = {}
        self._last: tuple[Path, sitk.Image] | None = None
        self._places = _places(geometry)
        self._unread = dict.fromkeys(self._places)

    def volume(
        self,
        name: str,
        written: str,
        series: str = "",
        quantity: Quantity | None = None,
        corrected_to: datetime | str | None = None,
    ) -> Volume:
        """Return the image of a file or folder; *written* is its path as the case file has it."""
        path = self.path(name, written, series)
        zone = corrected_to.tzinfo if isinstance(corrected_to, datetime) else None
        volume = read_volume(
            path,
            f"{name}, {path}",
            series,
            quantity,
            zone=zone,
            corrected_to=corrected_to,
            place=self._place(written),
            within=self._folder,
        )
        if volume.header is not None:
            self.notes += [note.replace(f"{name}, {path}", name) for note in volume.header.notes]
        return volume

    def mask(self, name: str, written: str, label_value: int | None) -> sitk.Image:
        """Return one outline of a file."""
        path = self.path(name, written)
        if self._last is None or self._last[0] != path:  # one file of labels is read once for all its structures
            place = self._place(written)
            self._last = path, read_image(path, f"{name}, {path}", place=place, within=self._folder)
        return mask_of(self._last[1], f"{name}, {path}", label_value)

    def segments(self, name: str, written: str) -> tuple[Segment, ...]:
        """Return the segments of a segmentation file."""
        path = self.path(name, written)
        return read_segments(path, f"{name}, {path}", within=self._folder)

    def _place(self, written: str) -> Place | None:
        """Return where an image lies if the case file says so; that is noted once."""
        file = Path(written)
        if file in self._unread:
            del self._unread[file]
            self.notes.append(f"{written}: its spacing, origin and direction are stated in the case file")
        return self._places.get(file)

    def require_all_placed(self) -> None:
        """Raise `InputError` where a geometry is stated for a file that was not read as an image."""
        if self._unread:
            raise InputError(
                "no image and no structure of the case has this file",
                where=f"[[geometry]] {next(iter(self._unread))}",
                remedy="Write the path as it stands there, or remove the table",
            )

    def path(self, name: str, written: str, series: str = "") -> Path:
        """Return where a file lies, and remember it with its digest."""
        self._progress(min(1.0, len(self.inputs) / self._expected), f"reading {name}")
        path = self._folder / written
        if (path, series) not in self._digests:
            with located(name):
                self._digests[path, series] = digest(path, series, within=self._folder)
        beside = () if path.is_dir() else files_of(path, name, self._folder)[1:]
        self.inputs.append(
            InputFile(
                name,
                relative(written, self._folder),
                self._digests[path, series],
                tuple(relative(str(other), self._folder) for other in beside),
            )
        )
        return path


def _places(geometry: Sequence[Mapping[str, Any]]) -> dict[Path, Place]:
    """Return the place of each file that the [[geometry]] tables state; there the axes are rows."""
    places: dict[Path, Place] = {}
    for values in geometry:
        where, file, axes = f"[[geometry]] {values['file']}", Path(values["file"]), values["direction"]
        if file in places:
            raise InputError("the geometry of this file is stated twice", where=where, remedy="Keep one table")
        if len(axes) != 3:
            raise InputError(
                f"'direction' has {len(axes)} axes", where=where, remedy="Give three: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]"
            )
        direction = tuple(float(axis[row]) for row in range(3) for axis in axes)
        spacing_mm, origin_mm = (tuple(map(float, values[key])) for key in ("spacing_mm", "origin_mm"))
        places[file] = Place(spacing_mm, origin_mm, direction)
    return places
