"""The sheets of a PDF, by fpdf2: text in fonts that can write it, boxes, figures as vectors, bookmarks, a foot."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from functools import cache
from html import unescape

from ..errors import MissingToolError
from ..version import __version__
from .content import NOTICE
from .pdf_fonts import Font, fonts_for, plain, western

A4_PT = (595.28, 841.89)
MARGIN_PT, FOOT_PT, FOOT_TEXT_PT = 40.0, 30.0, 6.5
BLACK, GRAY = (0, 0, 0), (107, 107, 107)


def require_pdf() -> None:
    """Raise `MissingToolError`, saying what to do, where no PDF can be written."""
    try:
        import fpdf  # noqa: F401
    except ImportError:
        raise MissingToolError(
            "A PDF needs fpdf2: install it with `pip install fpdf2`, or print report.html from a browser"
        ) from None


class Paper:
    """Pages that are drawn on, in points from the lower left corner."""

    def __init__(self, title: str, text: str) -> None:
        require_pdf()
        from fpdf import FPDF, ViewerPreferences

        logging.getLogger("fontTools").setLevel(logging.WARNING)

        class Sheets(FPDF):
            def footer(sheets) -> None:  # noqa: N805  (self is the paper)
                words = f"{title} · page {sheets.page_no()} of {{nb}} · {NOTICE}"
                self.text(self.plain(words), MARGIN_PT, FOOT_PT - 8, FOOT_TEXT_PT, color=GRAY)

        self.pdf = Sheets(unit="pt", format=A4_PT)
        self.fonts: Sequence[Font] = fonts_for(text)
        for number, font in enumerate(self.fonts):
            self.pdf.add_font(f"F{number}", "", font.regular)
            self.pdf.add_font(f"F{number}", "B", font.bold)
        self.first = "F0" if self.fonts else "helvetica"
        self.characters = frozenset[int]().union(*(f.characters for f in self.fonts)) if self.fonts else western()
        self.pdf.set_auto_page_break(False)
        self.pdf.c_margin = 0
        self.pdf.set_title(title)
        self.pdf.set_subject(NOTICE)
        self.pdf.set_creator(f"Y90Dosimetry {__version__}")
        self.pdf.set_lang("en-US")
        self.pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self._em = cache(self._width_of_em)

    def plain(self, words: str) -> str:
        """Return a text in characters that the fonts have."""
        return plain(words, self.characters)

    def width_pt(self, words: str, size_pt: float, bold: bool) -> float:
        """Return the width of a text."""
        return self._em(words, bold) * size_pt

    def _width_of_em(self, words: str, bold: bool) -> float:
        total = 0.0
        for family, part in self._runs(words):
            self.pdf.set_font(family, "B" if bold else "", 100)
            total += float(self.pdf.get_string_width(part)) / 100
        return total

    def text(
        self,
        words: str,
        x_pt: float,
        y_pt: float,
        size_pt: float,
        *,
        bold: bool = False,
        color: tuple[int, int, int] = BLACK,
    ) -> None:
        """Write one line from its left end on the base line."""
        self.pdf.set_text_color(*color)
        self.pdf.set_xy(x_pt, A4_PT[1] - y_pt - 0.8 * size_pt)  # a cell's base line lies 0.8 of the size below its top
        for family, part in self._runs(words):
            self.pdf.set_font(family, "B" if bold else "", size_pt)
            self.pdf.cell(h=size_pt, text=part)

    def _runs(self, words: str) -> list[tuple[str, str]]:
        """Return the parts of a text with the font of each: the first that has the character."""
        found: list[tuple[str, str]] = []
        for sign in words:
            if sign.isspace() and found:
                family = found[-1][0]
            else:
                family = next((f"F{n}" for n, f in enumerate(self.fonts) if ord(sign) in f.characters), self.first)
            if found and found[-1][0] == family:
                found[-1] = family, found[-1][1] + sign
            else:
                found.append((family, sign))
        return found

    def bookmark(self, name: str, level: int) -> None:
        """Let readers find this page by a name; level 0 is the highest."""
        self.pdf.start_section(name, level, strict=False)

    def box(self, x_pt: float, y_pt: float, width_pt: float, height_pt: float, color: tuple[int, int, int]) -> None:
        """Fill a rectangle; a low one is a line."""
        self.pdf.set_fill_color(*color)
        self.pdf.rect(x_pt, A4_PT[1] - y_pt - height_pt, width_pt, height_pt, style="F")

    def picture(self, svg: str, x_pt: float, y_pt: float, width_pt: float, height_pt: float) -> None:
        """Draw a figure."""
        svg = re.sub(r"<title>.*?</title>", "", svg, flags=re.DOTALL)
        svg = re.sub(r' font-family="[^"]*"', "", svg, count=1)
        svg = re.sub(r"<text( [^>]*)>([^<]*)</text>", self._text_of_figure, svg)
        self.pdf.image(io.BytesIO(svg.encode()), x_pt, A4_PT[1] - y_pt - height_pt, width_pt, height_pt)

    def _text_of_figure(self, found: re.Match[str]) -> str:
        """Return a text of a figure in the first font that has all of it."""
        words = self.plain(found[2])
        signs = {ord(sign) for sign in unescape(words)}
        whole = (f"F{number}" for number, font in enumerate(self.fonts) if signs <= font.characters)
        return f'<text{found[1]} font-family="{next(whole, self.first)}">{words}</text>'
