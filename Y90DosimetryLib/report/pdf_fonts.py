"""Fonts of the PDF: those of this computer that together have every character of the report."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_FAMILIES = (
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
    ("Roboto-Regular.ttf", "Roboto-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("seguisym.ttf", "seguisym.ttf"),
    ("NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc"),
    ("msyh.ttc", "msyhbd.ttc"),
    ("malgun.ttf", "malgunbd.ttf"),
    ("Arial Unicode.ttf", "Arial Unicode.ttf"),
    ("DroidSansFallbackFull.ttf", "DroidSansFallbackFull.ttf"),
)
"""Regular and bold. Those as wide as Helvetica come first: the figures are laid out for it."""
_SPELLED = {
    **{"≤": "<=", "≥": ">=", "→": "->", "−": "-", "₂": "2", "Δ": "Delta ", "…": "..."},
    **{"α": "alpha", "β": "beta", "γ": "gamma", "μ": "µ", "ℹ": ""},
}


@dataclass(frozen=True)
class Font:
    """A font file, its bold, and the characters that it has."""

    regular: Path
    bold: Path
    characters: frozenset[int]


def fonts_for(text: str) -> list[Font]:
    """Return fonts of this computer, the first for all that it can write, the others for what it lacks.

    Empty where there is none: Helvetica, which every reader has, then writes Western European text.
    """
    from fontTools.ttLib import TTFont

    files = {path.name: path for path in _files()}
    missing = {ord(sign) for sign in text if not sign.isspace()}
    found: list[Font] = []
    for regular, bold in _FAMILIES:
        if missing and regular in files:
            with TTFont(files[regular], fontNumber=0, lazy=True) as font:
                characters = frozenset(font.getBestCmap() or ())
            if missing & characters:
                found.append(Font(files[regular], files.get(bold, files[regular]), characters))
                missing -= characters
    return found


def _files() -> Iterable[Path]:
    home = Path.home()
    folders = {
        "win32": (Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",),
        "darwin": (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"),
    }.get(sys.platform, (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts"))
    packed = find_spec("font_roboto")  # an optional wheel
    if packed is not None and packed.origin:
        folders = (*folders, Path(packed.origin).parent)
    wanted = {name for family in _FAMILIES for name in family}
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*.tt[fc]") if path.name in wanted)


def plain(text: str, characters: frozenset[int]) -> str:
    """Return a text in characters that can be written: others are spelled out or lose their accents."""

    def written(sign: str) -> str:
        if sign.isspace() or ord(sign) in characters:
            return sign
        if sign in _SPELLED:
            return _SPELLED[sign]
        parts = "".join(part for part in unicodedata.normalize("NFKD", sign) if ord(part) in characters)
        return parts or ("?" if unicodedata.category(sign)[0] in "LN" else "")

    return "".join(map(written, text))


def western() -> frozenset[int]:
    """Return the characters of Helvetica as every reader has it."""
    return frozenset(ord(bytes([code]).decode("latin-1")) for code in (*range(32, 127), *range(160, 256)))


def visible(page: str) -> str:
    """Return the text of a page or figure without its tags."""
    return re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
