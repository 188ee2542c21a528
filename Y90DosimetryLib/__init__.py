"""Y-90 radioembolization dosimetry: from images and outlines to doses, measures and findings.

>>> from Y90DosimetryLib import read_case, assess
>>> assessment = assess(read_case("case.toml"))  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .engine import Assessment, Engine, assess
    from .io.case_file import read_case
    from .report import write_report

__all__ = ["Assessment", "Engine", "__version__", "assess", "read_case", "write_report"]

_ROOMS = {
    "Assessment": "engine",
    "Engine": "engine",
    "assess": "engine",
    "read_case": "io.case_file",
    "write_report": "report",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that importing the package costs nothing."""
    if name not in _ROOMS:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)
