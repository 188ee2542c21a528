"""Day and time as typed, with its zone, and as stored: ISO 8601 with an offset. No time is without a zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import qt
from slicer.i18n import tr as _

UNKNOWN_ZONE = ""
CALIBRATION_ZONE = "America/New_York"
"""Vials of the label are calibrated for noon US Eastern time."""
FARTHEST_WEST_H, FARTHEST_EAST_H = -12, 14


def zoneChoices(hospitalZone: str) -> list[tuple[str, str]]:
    """Return the zones to offer, each with its text: none yet, the hospital's (else the computer's own), US Eastern,
    whole-hour offsets."""
    names = [name for name in dict.fromkeys([hospitalZone or ownZone(), CALIBRATION_ZONE]) if name and _zone(name)]
    texts = {CALIBRATION_ZONE: _("US Eastern")}
    offsets = [_offset(timedelta(hours=hours)) for hours in range(FARTHEST_WEST_H, FARTHEST_EAST_H + 1)]
    return [
        (UNKNOWN_ZONE, _("time zone?")),
        *((name, texts.get(name, name)) for name in names),
        *((offset, offset) for offset in offsets),
    ]


def allZones() -> list[str]:
    """Return the names of the time zones there are, the computer's own first."""
    own = ownZone()
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [own, *(name for name in names if name != own)] if own else names


def ownZone() -> str:
    """Return the name of the computer's time zone; empty where it has none that is known here."""
    said = qt.QTimeZone.systemTimeZoneId().data()
    name = said if isinstance(said, str) else bytes(said).decode(errors="replace")
    return name if isZone(name) else ""


def isZone(name: str) -> bool:
    """Return whether a time zone of this name is known here."""
    return _zone(name) is not None


def readMoment(text: str, zone: str) -> str:
    """Return the stored text of what was typed; empty for nothing.

    Raises
    ------
    ValueError
        In words for the user, if it is no day and time, or has no zone.
    """
    text = text.strip()
    if not text:
        return ""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}", text):
        raise ValueError(_("'{text}' is not a time such as 2026-03-04 09:30").format(text=text))
    day, _sep, clock = text.replace("T", " ").partition(" ")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock.zfill(5)}")
    except ValueError:
        raise ValueError(_("there is no such time as '{text}'").format(text=text)) from None
    found = _zone(zone)
    if found is None:
        raise ValueError(_("choose its time zone"))
    return moment.replace(tzinfo=found).isoformat()


def shownMoment(stored: str, zones: Sequence[str]) -> tuple[str, str]:
    """Return day and time to show, and the zone: the first of *zones* that has this offset then, else the offset."""
    if not stored:
        return "", UNKNOWN_ZONE
    moment = datetime.fromisoformat(stored)
    if moment.utcoffset() is None:
        return f"{moment:%Y-%m-%d %H:%M}", UNKNOWN_ZONE
    plain = moment.replace(tzinfo=None)
    for name in zones:
        found = _zone(name)
        if found is not None and plain.replace(tzinfo=found).utcoffset() == moment.utcoffset():
            return f"{plain:%Y-%m-%d %H:%M}", name
    return f"{plain:%Y-%m-%d %H:%M}", _offset(moment.utcoffset())


def _offset(offset: timedelta) -> str:
    return str(timezone(offset)) if offset else "UTC+00:00"


def _zone(name: str) -> ZoneInfo | timezone | None:
    match = re.fullmatch(r"UTC([+-])(\d{2}):(\d{2})", name)
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "Europe" is a folder
        return None
