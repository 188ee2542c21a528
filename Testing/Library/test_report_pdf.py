"""The report as a PDF: another program reads the same words, tables and pictures, and nothing leaves the page."""

from __future__ import annotations

import ctypes
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from export_kit import small_assessment

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.report import as_html, content_of, pictures_of
from Y90DosimetryLib.report.as_pdf import as_pdf
from Y90DosimetryLib.report.pdf_pages import BOLD, REGULAR, picture_of, plain, width_pt

pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the pages")


class _Words(HTMLParser):
    """All words of a page's body."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag, attrs) -> None:
        self.inside = self.inside or tag == "body"

    def handle_data(self, data) -> None:
        if self.inside:
            self.found += plain(data).split()


def letters(text: str) -> str:
    """A text without spaces and line ends, which are where lines break."""
    return re.sub(r"\s|\ufffe|\u00ad", "", text)


def opened(pdf: bytes):
    document = pdfium.PdfDocument(pdf)
    texts = [page.get_textpage().get_text_range() for page in document]
    return document, texts


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    assessment = small_assessment(tmp_path_factory.mktemp("case"), sessions=2)
    return as_html(content_of(assessment), *pictures_of(assessment))


def test_every_word_of_the_page_is_in_the_pdf(page: str) -> None:
    words = _Words()
    words.feed(page)
    _, texts = opened(as_pdf(page, "Report"))
    told = letters("".join(texts))
    lost = {w for w in words.found if letters(w) not in told}
    assert len(words.found) > 300
    assert not lost


def test_numbers_of_a_row_stand_in_one_line_in_their_order(page: str) -> None:
    row = re.search(r"<tr class=\"(?:lesion|other)\">(.*?)</tr>", page)[1]
    cells = [re.sub("<[^>]+>", "", c) for c in re.findall(r"<td[^>]*>(.*?)</td>", row)]
    numbers = [c for c in cells if re.fullmatch(r"[\d,.]+", c)]
    _, texts = opened(as_pdf(page, "Report"))
    lines = [line.split() for text in texts for line in text.splitlines()]
    assert len(numbers) > 1
    assert any(line[-len(numbers) :] == numbers for line in lines)


def test_pictures_are_there_and_have_their_colors(page: str) -> None:
    document, _ = opened(as_pdf(page, "Report"))
    found = [o for p in document for o in p.get_objects() if o.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE]
    assert len(found) == page.count("data:image/png;base64")
    shown = found[0].get_bitmap().to_numpy()
    assert shown.ndim == 3 and np.ptp(shown.astype(int), axis=2).max() > 50


def test_the_four_views_stand_in_two_rows_under_their_heading(page: str) -> None:
    document, texts = opened(as_pdf(page, "Report"))
    here = next(i for i, text in enumerate(texts) if "Dose over the anatomy" in text)
    lines = document[here].get_textpage()
    heading = lines.search("Dose over the anatomy").get_next()[0]
    pictures = [o.get_bounds() for o in document[here].get_objects() if o.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE]
    assert pictures and all(top < lines.get_charbox(heading)[1] for _, _, _, top in pictures)
    tops = [round(top) for _, _, _, top in pictures]
    assert len(set(tops)) == (len(pictures) + 1) // 2


def test_a_list_in_the_verdict_is_not_as_bold_as_the_verdict() -> None:
    html = '<div class="verdict">Warning: dose.<p>Delivered otherwise:</p><ul><li>Tumor 1</li></ul></div>'
    document, _ = opened(as_pdf(html, "Report"))
    lines = document[0].get_textpage()
    fonts = {}
    for words in ("Warning", "Delivered", "Tumor"):
        name = ctypes.create_string_buffer(64)
        pdfium.raw.FPDFText_GetFontInfo(lines, lines.search(words).get_next()[0], name, 64, None)
        fonts[words] = name.value
    assert fonts == {"Warning": b"Helvetica-Bold", "Delivered": b"Helvetica", "Tumor": b"Helvetica"}


def test_nothing_is_drawn_outside_of_the_margins(page: str) -> None:
    long = page.replace("<h2>Findings</h2>", f"<h2>Findings</h2><p>{'W' * 400}</p>" + "<p>word </p>" * 200)
    document, texts = opened(as_pdf(long, "Report"))
    for one in document:
        picture = one.render(scale=1).to_numpy()[..., :3]
        ink = np.argwhere((picture < 250).any(axis=2))
        assert ink[:, 1].min() >= 39 and ink[:, 1].max() <= 595 - 38
        assert ink[:, 0].min() >= 35 and ink[:, 0].max() <= 842 - 15
    assert "".join(texts).count("W") >= 400
    assert all(f"page {n} of {len(texts)}" in text for n, text in enumerate(texts, start=1))


def test_a_table_longer_than_a_page_repeats_its_head() -> None:
    rows = "".join(f"<tr><td>{n}</td><td class='number'>{n / 7:.3f}</td></tr>" for n in range(150))
    page = f"<body><table><thead><tr><th>Head</th><th>Gy</th></tr></thead><tbody>{rows}</tbody></table></body>"
    _, texts = opened(as_pdf(page, "Report"))
    assert len(texts) >= 3
    assert all("Head Gy" in text for text in texts)
    numbers = [int(line.split()[0]) for text in texts for line in text.splitlines() if re.match(r"\d+ \d", line)]
    assert numbers == list(range(150))


@pytest.mark.parametrize("lines_above", range(38, 46))
def test_the_head_of_a_table_is_never_alone_at_the_foot_of_a_page(lines_above: int) -> None:
    above = "<p>above</p>" * lines_above
    html = f"<body>{above}<table><thead><tr><th>Head</th></tr></thead><tr><td>first</td></tr></table></body>"
    _, texts = opened(as_pdf(html, "Report"))
    assert [("Head" in text) == ("first" in text) for text in texts] == [True] * len(texts)


def test_characters_that_the_font_lacks_are_spelled_out() -> None:
    assert plain("D \u2265 205 Gy, 5 \u00b5m, caf\u00e9, 5\u202f%") == "D >= 205 Gy, 5 \u00b5m, caf\u00e9, 5 %"
    assert plain("\u2139 note \u25b2") == " note ", "a symbol whose word stands beside it"
    assert plain("Dvo\u0159\u00e1k \u5c71") == "Dvor\u00e1k ?"
    _, texts = opened(as_pdf("<body><p>caf\u00e9 \u2264 5 (b\\)</p></body>", "\u5c71"))
    assert "caf\u00e9 <= 5 (b\\)" in texts[0]


def test_widths_are_those_of_the_font() -> None:
    """What another program measures: 60 letters of each kind, no more than rounding apart."""
    for sign in "aWi1.Gm%":
        for font, tag in ((REGULAR, "span"), (BOLD, "b")):
            document, _ = opened(as_pdf(f"<body><p><{tag}>{sign * 60}</{tag}></p></body>", "R"))
            (x0, x1), ours = extent(document[0]), width_pt(sign * 60, 9.0, font)
            assert x1 - x0 == pytest.approx(min(ours, 515.0), abs=9.0)


def extent(page) -> tuple[float, float]:
    """Left and right end of the first line."""
    picture = page.render(scale=2).to_numpy()[: 2 * 75, :, 0]
    ink = np.flatnonzero((picture < 200).any(axis=0))
    return ink.min() / 2, ink.max() / 2


def test_a_picture_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="no plain PNG"):
        picture_of(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match="no plain PNG"):
        picture_of(b"GIF89a")
