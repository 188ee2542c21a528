"""Time zones on a computer that has none, as Windows with Slicer's Python."""

from __future__ import annotations

import io
import sys
import tarfile
import zoneinfo
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import slicer
from Y90DosimetrySlicer import zones

import Y90Dosimetry as module
from Y90DosimetryLib.errors import InputError

NAMES = ("Europe/Paris", "America/New_York")


def zoneFile(name: str) -> bytes:
    """Return the data of a zone as this computer has it."""
    for folder in zoneinfo.TZPATH:
        if Path(folder, name).is_file():
            return Path(folder, name).read_bytes()
    from importlib.resources import files

    return files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()


@pytest.fixture
def packed():
    """The zones in an archive, as dateutil has them."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in NAMES:
            data = zoneFile(name)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    made.seek(0)
    return made


@pytest.fixture
def bare(packed, monkeypatch, tmp_path):
    """A computer without time zones."""
    monkeypatch.setitem(sys.modules, "tzdata", None)
    monkeypatch.setattr(slicer, "app", SimpleNamespace(temporaryPath=str(tmp_path)), raising=False)
    zoneinfo.reset_tzpath([])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def dateutil(stream) -> ModuleType:
    found = ModuleType("dateutil.zoneinfo")
    found.getzoneinfofile_stream = lambda: stream
    return found


def test_where_the_computer_has_no_zones_those_that_slicer_brings_are_used(bare, packed, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "dateutil.zoneinfo", dateutil(packed))
    with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
        zoneinfo.ZoneInfo(NAMES[0])
    assert zones.findZones()
    summer, winter = datetime(2026, 7, 1, 12), datetime(2026, 1, 1, 12)
    paris, newYork = (zoneinfo.ZoneInfo(name) for name in NAMES)
    assert (summer.replace(tzinfo=paris).utcoffset(), winter.replace(tzinfo=paris).utcoffset()) == (
        timedelta(hours=2),
        timedelta(hours=1),
    )
    assert summer.replace(tzinfo=newYork).utcoffset() == timedelta(hours=-4)


@pytest.mark.parametrize("found", [None, dateutil(None)], ids=["no dateutil", "no archive"])
def test_without_any_the_zones_stay_unknown(bare, monkeypatch, found) -> None:
    monkeypatch.setitem(sys.modules, "dateutil.zoneinfo", found)
    assert not zones.findZones()


def test_the_logic_assesses_a_case_of_a_hospital_whose_zone_the_computer_does_not_know(
    parameters, bare, packed, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "dateutil.zoneinfo", None)
    with pytest.raises(InputError, match="Europe/Paris"):
        module.Y90DosimetryLogic().assess()
    monkeypatch.setitem(sys.modules, "dateutil.zoneinfo", dateutil(packed))
    assert module.Y90DosimetryLogic().assess().findings
