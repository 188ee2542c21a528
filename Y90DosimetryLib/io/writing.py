"""Results appear whole or not at all: they are written beside their place and moved there at the end."""

from __future__ import annotations

import csv
import glob
import hashlib
import json
import os
import platform
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from uuid import uuid4

import SimpleITK as sitk

from ..errors import InputError
from ..images import DoseMap
from .paths import require_text

_HERE = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
"""This computer, in the names of unfinished results: folders may be shared."""


@contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder to write into; it becomes *path* when the block ends, and vanishes when it fails.

    Raises
    ------
    InputError
        If *path* is a file, a folder with something in it, or can't be made.
    """
    require_text(path, str(path))
    path = Path(os.path.realpath(path))  # of a link, what it leads to
    _refuse_used(path)
    is_there = path.is_dir()  # then it stays: it may be where somebody works, or another disk
    with _beside(path / "results" if is_there else path, "") as (temporary, made):
        with _say_why(path):
            temporary.mkdir()
        made.append(temporary)
        yield temporary
        _refuse_used(path, temporary)
        with _say_why(path):
            if is_there:
                for result in sorted(temporary.iterdir()):
                    result.rename(path / result.name)
                temporary.rmdir()
            else:
                temporary.rename(path)


@contextmanager
def output_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield the name of a new file to write; it becomes *path* when the block ends, and vanishes when it fails.

    Raises
    ------
    InputError
        If *path* exists and is not to be overwritten, is a folder, or can't be made.
    """
    path = path.absolute()
    require_text(path, str(path))
    with _say_why(path):
        is_folder, is_there = path.is_dir(), path.exists()
    if is_folder:
        raise InputError("this is a folder", where=str(path), remedy="Give the name of a file")
    if is_there and not overwrite:
        raise InputError("the file exists already", where=str(path), remedy="Choose another name, or remove it")
    with _beside(path, path.name[len(path.name.split(".")[0]) :]) as (temporary, made):
        with _say_why(path):
            temporary.touch()
        made.append(temporary)
        yield temporary
        with _say_why(path):
            temporary.replace(path)


def write_image(
    image: sitk.Image, path: Path, *, header: Mapping[str, str] | None = None, overwrite: bool = False
) -> None:
    """Write an image, compressed where the format can be.

    Only *header* is written with the voxels: what an image still carries from its source (a patient's name) is not.

    Raises
    ------
    InputError
        If the file exists and is not to be overwritten, or can't be written.
    """
    plain = sitk.Image(image)
    if header or plain.GetMetaDataKeys():
        plain.MakeUnique()  # erasing alone would reach into the caller's image
    for key in plain.GetMetaDataKeys():
        plain.EraseMetaData(key)
    for key, text in (header or {}).items():
        plain.SetMetaData(key, text)
    with output_file(path, overwrite=overwrite) as temporary:
        try:
            sitk.WriteImage(plain, str(temporary), useCompression=True)
        except RuntimeError:
            raise InputError(
                "the image can't be written", where=str(path), remedy="Check the suffix (.nrrd) and the free space"
            ) from None


def write_dose(dose: DoseMap, path: Path, *, overwrite: bool = False) -> None:
    """Write a dose map as NRRD; its header names quantity, unit (Gy) and model.

    Raises
    ------
    InputError
        If the suffix is another one: only NRRD keeps the unit with the numbers.
    """
    if path.suffix.lower() != ".nrrd":
        raise InputError(
            "a dose map is written as .nrrd",
            where=str(path),
            remedy="Other formats lose its unit: end the name in .nrrd",
        )
    image = sitk.Cast(dose.image, sitk.sitkFloat32)
    header = {"quantity": "absorbed dose", "units": "Gy", "model": dose.model}
    write_image(image, path, header=header, overwrite=overwrite)


def write_text(text: str, path: Path, *, overwrite: bool = False) -> None:
    """Write text as UTF-8 with Unix line ends."""
    with output_file(path, overwrite=overwrite) as temporary, _say_why(path):
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(data: object, path: Path, *, overwrite: bool = False) -> None:
    """Write JSON with numbers in full precision; NaN and infinity are refused with `ValueError`."""
    write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path, overwrite=overwrite)


FORMULAS = ("=", "+", "-", "@", "'")
"""What a text begins with where a spreadsheet would compute it, and the apostrophe that prevents this."""


def write_table(path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV; numbers in full precision, yes and no as 1 and 0, nothing where there is no value.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. An earlier table is replaced.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_cell(v) for v in row] for row in rows)
    write_text(text.getvalue(), path, overwrite=True)


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULAS) else value
    return int(value) if isinstance(value, bool) else value


@contextmanager
def _beside(path: Path, suffix: str) -> Iterator[tuple[Path, list[Path]]]:
    """Yield a free name in the folder of *path*, and the list of what to remove when the block fails."""
    made: list[Path] = []
    try:
        with _say_why(path):
            for folder in reversed([f for f in path.parents if not f.exists()]):
                folder.mkdir()
                made.append(folder)
        beginning = f".{path.name.split('.')[0]}-{_HERE}-"
        _sweep(path.parent, beginning)
        yield path.parent / f"{beginning}{os.getpid()}-{uuid4().hex[:8]}{suffix}", made
    except BaseException:
        for thing in reversed(made):
            if thing in path.parents:
                _remove_empty(thing)
            elif thing.is_dir():
                shutil.rmtree(thing, ignore_errors=True)
            else:
                thing.unlink(missing_ok=True)
        raise


def _sweep(folder: Path, beginning: str) -> None:
    """Remove what runs on this computer left here unfinished because they were killed."""
    for left in folder.glob(f"{glob.escape(beginning)}*"):
        found = re.match(r"(\d+)-[0-9a-f]{8}", left.name[len(beginning) :])
        if found is None or _runs(int(found[1])):
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink()


def _runs(process: int) -> bool:
    """Return whether a process of this number may be there."""
    if os.name == "nt":  # there os.kill(…, 0) would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _refuse_used(path: Path, but: Path | None = None) -> None:
    with _say_why(path):
        is_folder, is_there = path.is_dir(), path.exists()
        is_used = is_folder and any(entry != but for entry in path.iterdir())
    if is_there and not is_folder:
        raise InputError("there is a file of this name", where=str(path), remedy="Choose another folder")
    if is_used:
        raise InputError("the folder exists and is not empty", where=str(path), remedy="Choose another one")


@contextmanager
def _say_why(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"it can't be written ({error.strerror or error})",
            where=str(path),
            remedy="Choose a folder you may write to, with free space",
        ) from None
