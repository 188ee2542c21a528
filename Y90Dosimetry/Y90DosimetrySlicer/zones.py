"""Time zones where the computer has none: Windows has no file of them, and Slicer's Python comes without tzdata."""

from __future__ import annotations

import tarfile
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, reset_tzpath

import slicer

ANY = "America/New_York"
FOLDER = "Y90DosimetryZones"


def findZones() -> bool:
    """Let Python's zoneinfo find time zones, if need be those of dateutil, which Slicer brings; False without any."""
    try:
        ZoneInfo(ANY)
    except ZoneInfoNotFoundError:
        return _useDateutil()
    return True


def _useDateutil() -> bool:
    try:
        from dateutil.zoneinfo import getzoneinfofile_stream
    except ImportError:
        return False
    stream = getzoneinfofile_stream()
    if stream is None:
        return False
    folder = Path(slicer.app.temporaryPath).resolve() / FOLDER
    with tarfile.open(fileobj=stream) as archive:
        archive.extractall(folder, filter="data")
    reset_tzpath([str(folder)])
    return True
