"""Paths before anything opens them: what would hang, end the process or be read past is refused in one sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InputError
from ..errors import printable as printable

RENAME = "Rename it with letters that every computer can read"


def relative(written: str, folder: Path) -> str:
    """Return a path as it is reached from a folder, with forward slashes; another drive's keeps its name only."""
    path = Path(written)
    if not path.is_absolute():
        path = folder / path
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.name


def require_text(path: Path, where: str) -> None:
    """Raise `InputError` where a path is no UTF-8 text: SimpleITK ends the whole process on such a name."""
    if not _is_text(str(path)):
        raise InputError("the name is no UTF-8 text", where=printable(where), remedy=RENAME)


def require_file(path: Path, where: str, remedy: str = "Give the file itself") -> None:
    """Raise `InputError` unless a path leads to a file that can be opened; *remedy* says which one is meant.

    A pipe is refused: opening one waits for whoever writes into it.
    """
    mode = _mode(path, where, remedy)
    if stat.S_ISDIR(mode):
        raise InputError("this is a folder", where=printable(where), remedy=remedy)
    if not stat.S_ISREG(mode):
        raise InputError("this is no file (a pipe, a device?)", where=printable(where), remedy="Give a file on a disk")
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unopened(error, where) from None


def require_image_path(path: Path, where: str) -> None:
    """Raise `InputError` unless a path leads to a file, or a folder of files, that SimpleITK can be given."""
    require_text(path, where)
    if not stat.S_ISDIR(_mode(path, where)):
        require_file(path, where)
        return
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise _unopened(error, where) from None
    for entry in entries:
        if not _is_text(entry.name):
            raise InputError(
                f"the name of {printable(entry.name)} in this folder is no UTF-8 text", where=where, remedy=RENAME
            )
        if entry.exists() and not (entry.is_file() or entry.is_dir()):
            raise InputError(
                f"{entry.name} in this folder is no file (a pipe, a device?)", where=where, remedy="Remove it"
            )


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _mode(path: Path, where: str, remedy: str = "Check the path") -> int:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name with a null character
        raise InputError("there is no such file or folder", where=printable(where), remedy=remedy) from None
    except OSError as error:
        raise _unopened(error, where) from None


def _unopened(error: OSError, where: str) -> InputError:
    remedy = "Check the rights" if isinstance(error, PermissionError) else "Check the path"
    return InputError(f"it can't be opened ({error.strerror})", where=printable(where), remedy=remedy)
