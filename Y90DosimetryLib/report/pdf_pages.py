"""Pages of a PDF with text, lines and pictures: what a report needs, written without any other package.

PDF 32000-1:2008. The two fonts are Helvetica and its bold, which every reader has (9.6.2.2); their characters are
those of Western Europe, others are spelled out or lose their accents.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from dataclasses import dataclass

from ..errors import InputError

A4_PT = (595.0, 842.0)
REGULAR, BOLD = "F1", "F2"
FONTS = {REGULAR: "Helvetica", BOLD: "Helvetica-Bold"}
FIRST = 32
WIDTHS = {
    REGULAR: (
        *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
        *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
        *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
        *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
        *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
        *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
    ),
    BOLD: (
        *(278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278),
        *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611),
        *(975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778),
        *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556),
        *(333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611),
        *(611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584),
    ),
}
"""Widths of the characters from space to tilde in 1/1000 of the size: Adobe's Core 14 font metrics."""
OTHER_WIDTHS = {
    **{"\u00b7": 278, "\u2022": 350, "\u2026": 1000, "\u2013": 556},
    **{"\u00b2": 333, "\u00b0": 400, "\u00b1": 584},
}
OTHER_WIDTH = 600
"""Counted for what stands beyond: no narrower than most of them, so that no line becomes too long."""
EM = 1000.0
SPELLED = {
    **{"\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\u2212": "-", "\u2082": "2"},
    **{"\u0394": "Delta ", "\u03b1": "alpha", "\u03b2": "beta", "\u03b3": "gamma", "\u03bc": "\u00b5"},
    **{"\u202f": " ", "\u00a0": " ", "\u2139": ""},
}
PNG_BEGIN = b"\x89PNG\r\n\x1a\n"
PNG_COLORS = {0: 1, 2: 3}
"""Color types of PNG (gray, RGB) and their values a pixel; the others hold transparency or a palette."""


def plain(words: str) -> str:
    """Return a text in characters that the fonts have."""
    found = []
    for sign in words:
        if sign in SPELLED or sign.encode("cp1252", errors="ignore"):
            found.append(SPELLED.get(sign, sign))
            continue
        parts = unicodedata.normalize("NFKD", sign).encode("cp1252", errors="ignore").decode("cp1252")
        found.append(parts or ("?" if unicodedata.category(sign)[0] in "LN" else ""))
    return "".join(found)


def width_pt(words: str, size_pt: float, font: str = REGULAR) -> float:
    """Return the width of a text."""
    known = WIDTHS[font]
    total = 0
    for sign in words:
        code = ord(sign) - FIRST
        total += known[code] if 0 <= code < len(known) else OTHER_WIDTHS.get(sign, OTHER_WIDTH)
    return total * size_pt / EM


@dataclass(frozen=True)
class Picture:
    """A PNG as PDF embeds it: its compressed rows are taken over as they are."""

    width: int
    height: int
    colors: int
    data: bytes


def picture_of(png: bytes) -> Picture:
    """Return a PNG of 8 bits, gray or RGB, ready to be embedded.

    Raises
    ------
    InputError
        If it is another kind of picture.
    """
    at, data, head = len(PNG_BEGIN), b"", b""
    while png.startswith(PNG_BEGIN) and at + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        head = body if kind == b"IHDR" else head
        data += body if kind == b"IDAT" else b""
        at += length + 12
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", head) if len(head) == 13 else (0,) * 7
    if not data or bits != 8 or color not in PNG_COLORS or interlaced:
        raise InputError("this picture is no plain PNG", where="PDF", remedy="Give 8 bits, gray or RGB")
    return Picture(width, height, PNG_COLORS[color], data)


class Pages:
    """Pages that are drawn on, in points from the lower left corner; `content` has the lines of each page so far."""

    def __init__(self) -> None:
        self.content: list[list[str]] = []
        self.pictures: list[Picture] = []

    def add(self) -> None:
        """Begin a page."""
        self.content.append([])

    def text(
        self,
        words: str,
        x_pt: float,
        y_pt: float,
        size_pt: float,
        font: str = REGULAR,
        color: tuple[float, float, float] = (0, 0, 0),
        page: int = -1,
    ) -> None:
        """Write one line from its left end on the base line."""
        shown = words.encode("cp1252", errors="replace").hex()
        self.content[page].append(
            f"BT {_three(color)} rg /{font} {size_pt:g} Tf {x_pt:.2f} {y_pt:.2f} Td <{shown}> Tj ET"
        )

    def box(self, x_pt: float, y_pt: float, width_pt: float, height_pt: float, color: tuple[float, ...]) -> None:
        """Fill a rectangle; a low one is a line."""
        self.content[-1].append(f"{_three(color)} rg {x_pt:.2f} {y_pt:.2f} {width_pt:.2f} {height_pt:.2f} re f")

    def picture(self, one: Picture, x_pt: float, y_pt: float, width_pt: float, height_pt: float) -> None:
        """Draw a picture."""
        self.pictures.append(one)
        name = f"I{len(self.pictures)}"
        self.content[-1].append(f"q {width_pt:.2f} 0 0 {height_pt:.2f} {x_pt:.2f} {y_pt:.2f} cm /{name} Do Q")

    def as_bytes(self, title: str) -> bytes:
        """Return the PDF file."""
        objects: list[bytes] = [b"", b""]  # catalog and page tree come first, and are known last
        fonts = []
        for name, base in FONTS.items():
            told = f"<< /Type /Font /Subtype /Type1 /BaseFont /{base} /Encoding /WinAnsiEncoding >>"
            fonts.append(f"/{name} {_added(objects, told.encode())} 0 R")
        images = [f"/I{n} {_added(objects, _image(p))} 0 R" for n, p in enumerate(self.pictures, start=1)]
        resources = f"<< /Font << {' '.join(fonts)} >> /XObject << {' '.join(images)} >> >>"
        kids = []
        for lines in self.content:
            stream = _added(objects, _stream("\n".join(lines).encode("ascii"), "/Filter /FlateDecode", squeeze=True))
            page = (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {A4_PT[0]:g} {A4_PT[1]:g}] "
                f"/Resources {resources} /Contents {stream} 0 R >>"
            )
            kids.append(f"{_added(objects, page.encode())} 0 R")
        info = _added(objects, b"<< /Title <feff" + title.encode("utf-16-be").hex().encode() + b"> >>")
        objects[0] = b"<< /Type /Catalog /Pages 2 0 R /Lang (en-US) /ViewerPreferences << /DisplayDocTitle true >> >>"
        objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
        return _file(objects, info)


def _three(color: tuple[float, ...]) -> str:
    return " ".join(f"{part:g}" for part in color)


def _added(objects: list[bytes], body: bytes) -> int:
    objects.append(body)
    return len(objects)


def _stream(data: bytes, entries: str, *, squeeze: bool) -> bytes:
    packed = zlib.compress(data, 9) if squeeze else data
    return f"<< /Length {len(packed)} {entries} >>\nstream\n".encode() + packed + b"\nendstream"


def _image(one: Picture) -> bytes:
    space = "/DeviceRGB" if one.colors == 3 else "/DeviceGray"
    entries = (
        f"/Type /XObject /Subtype /Image /Width {one.width} /Height {one.height} /ColorSpace {space} "
        f"/BitsPerComponent 8 /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors {one.colors} "
        f"/BitsPerComponent 8 /Columns {one.width} >>"
    )
    return _stream(one.data, entries, squeeze=False)


def _file(objects: list[bytes], info: int) -> bytes:
    """Return the numbered objects with the table of their places (7.5.4)."""
    written, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(written)
    count = len(objects) + 1
    written += f"xref\n0 {count}\n0000000000 65535 f \n{table}".encode()
    return written + f"trailer\n<< /Size {count} /Root 1 0 R /Info {info} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
