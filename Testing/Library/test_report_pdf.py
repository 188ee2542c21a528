"""The report as a PDF: another program reads the same words, tables and pictures, and nothing leaves the page."""

from __future__ import annotations

import ctypes
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from planning_kit import COARSE

from Y90DosimetryLib.draw.svg import Drawing, Pen
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.errors import MissingToolError
from Y90DosimetryLib.phantom import digital_patient
from Y90DosimetryLib.report import as_html, content_of, pictures_of
from Y90DosimetryLib.report.as_pdf import as_pdf
from Y90DosimetryLib.report.content import NOTICE
from Y90DosimetryLib.report.pdf_fonts import fonts_for, plain, western

pytest.importorskip("fpdf", reason="fpdf2 writes the PDF")
pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the pages")


class _Words(HTMLParser):
    """All words of a page's body."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in {"br", "meta", "img"}:
            self.inside.append(tag)

    def handle_endtag(self, tag) -> None:
        self.inside.pop()

    def handle_data(self, data) -> None:
        if "body" in self.inside and not {"title", "script"} & set(self.inside):
            self.found += data.split()


def letters(text: str) -> str:
    """A text without spaces and line ends, which are where lines break."""
    return re.sub(r"\s|\ufffe|\u00ad", "", text)


def opened(pdf: bytes):
    document = pdfium.PdfDocument(pdf)
    texts = [page.get_textpage().get_text_range() for page in document]
    return document, texts


@pytest.fixture(scope="module")
def pdf(page: str) -> bytes:
    return as_pdf(page, "Report")


@pytest.fixture(scope="module")
def page() -> str:
    assessment = assess(digital_patient(COARSE, "lobectomy").case())
    return as_html(content_of(assessment), *pictures_of(assessment))


def test_every_word_of_the_page_is_in_the_pdf(page: str, pdf: bytes) -> None:
    words = _Words()
    words.feed(page)
    _, texts = opened(pdf)
    told = letters("".join(texts))
    lost = {w for w in words.found if letters(w) not in told}
    assert len(words.found) > 300
    assert not lost


def test_numbers_of_a_row_stand_in_one_line_in_their_order(page: str, pdf: bytes) -> None:
    row = re.search(r"<tr class=\"(?:lesion|other)\">(.*?)</tr>", page)[1]
    cells = [re.sub("<[^>]+>", "", c) for c in re.findall(r"<td[^>]*>(.*?)</td>", row)]
    numbers = [c for c in cells if re.fullmatch(r"[\d,.]+", c)]
    _, texts = opened(pdf)
    lines = [line.split() for text in texts for line in text.splitlines()]
    assert len(numbers) > 1
    assert any(line[-len(numbers) :] == numbers for line in lines)


def test_ct_and_dose_are_there_in_their_colors_and_lines_and_text_are_vectors(page: str, pdf: bytes) -> None:
    document, texts = opened(pdf)
    found = [o for p in document for o in p.get_objects() if o.type == pdfium.raw.FPDF_PAGEOBJ_IMAGE]
    assert len(found) == page.count("data:image/png;base64") > 0
    shown = found[0].get_bitmap().to_numpy()
    assert shown.ndim == 3 and np.ptp(shown.astype(int), axis=2).max() > 50
    assert "Absorbed dose (Gy)" in "".join(texts), "the words of a figure can be found"
    paths = [o for p in document for o in p.get_objects() if o.type == pdfium.raw.FPDF_PAGEOBJ_PATH]
    assert len(paths) > 100


def test_a_figure_lies_where_it_is_put_upright_and_whole() -> None:
    """A red box in the upper left quarter of a square figure, a blue text in the lower right one."""
    drawing = Drawing((400, 400))
    drawing.rect((0, 0, 100, 100), (255, 0, 0))
    drawing.lines([[(0, 399), (399, 399), (399, 0)]], Pen((0, 255, 0), 2))
    drawing.text("Łódź 10 Gy", 396, 380, 40, (0, 0, 255), across="right")
    document, texts = opened(as_pdf(f"<body><p>Figure</p>{drawing.svg()}</body>", "R"))
    assert "Łódź 10 Gy" in texts[0]
    picture = document[0].render(scale=1).to_numpy()[..., :3][..., ::-1].astype(int)
    (red_y, red_x), (blue_y, blue_x), (green_y, green_x) = (
        np.nonzero((picture[..., i] > 150) & (np.delete(picture, i, axis=2) < 120).all(axis=2)) for i in (0, 2, 1)
    )
    size = np.ptp(green_x)
    assert np.ptp(red_x) == pytest.approx(size / 4, abs=2) and np.ptp(red_y) == pytest.approx(size / 4, abs=2)
    assert red_x.min() == pytest.approx(40, abs=2) and blue_x.min() > red_x.max() and blue_y.min() > red_y.max()
    assert blue_x.max() == pytest.approx(green_x.max(), abs=6)


def test_headings_are_bookmarks_and_the_file_says_what_it_is(page: str) -> None:
    document, texts = opened(as_pdf(page, "Report of Łódź"))
    headings = [re.sub("<[^>]+>", "", h).strip() for h in re.findall(r"<h[123][^>]*>(.*?)</h[123]>", page)]
    marks = [(mark.get_title(), mark.get_dest().get_index()) for mark in document.get_toc()]
    assert [title for title, _ in marks] == [re.sub(r"&amp;", "&", h) for h in headings]
    assert all(letters(title) in letters(texts[number]) for title, number in marks)
    told = document.get_metadata_dict()
    assert (
        told["Title"] == "Report of Łódź" and told["Subject"] == NOTICE and told["Creator"].startswith("Y90Dosimetry")
    )


def test_every_page_has_its_number_and_that_this_is_no_certified_device(page: str) -> None:
    _, texts = opened(as_pdf(page, "Report {x} %s"))
    assert len(texts) > 1
    for number, text in enumerate(texts, start=1):
        assert letters(f"Report {{x}} %s · page {number} of {len(texts)} · {NOTICE}") in letters(text)


def test_the_views_stand_two_in_a_row_under_their_heading(pdf: bytes) -> None:
    document, texts = opened(pdf)
    here = next(i for i, text in enumerate(texts) if "Coronal," in text)
    lines = document[here].get_textpage()
    names = ("Slices and dose-volume histogram", "Coronal,", "Sagittal,")
    heading, *tops = (lines.get_charbox(lines.search(words).get_next()[0])[1] for words in names)
    assert heading > max(tops) and tops[0] == pytest.approx(tops[1], abs=2)


def test_a_list_in_the_verdict_is_not_as_bold_as_the_verdict() -> None:
    html = '<div class="verdict">Warning: dose.<p>Delivered otherwise:</p><ul><li>Tumor 1</li></ul></div>'
    document, _ = opened(as_pdf(html, "Report"))
    lines = document[0].get_textpage()
    fonts = {}
    for words in ("Warning", "Delivered", "Tumor"):
        name = ctypes.create_string_buffer(64)
        pdfium.raw.FPDFText_GetFontInfo(lines, lines.search(words).get_next()[0], name, 64, None)
        fonts[words] = name.value
    assert b"Bold" in fonts["Warning"] and not any(b"Bold" in fonts[words] for words in ("Delivered", "Tumor"))


def test_nothing_is_drawn_outside_of_the_margins(page: str) -> None:
    long = page.replace(">Findings</h2>", f">Findings</h2><p>{'W' * 400}</p>" + "<p>word </p>" * 200)
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


@pytest.mark.parametrize("words", ["Łódź", "Ελλάδα", "Москва", "café ≤ 5 (b\\)", "Łódź ✔ Łódź"])
def test_names_come_back_in_their_script_from_text_tables_figures_and_title(words: str) -> None:
    fonts = fonts_for(words)
    if plain(words, frozenset[int]().union(*(f.characters for f in fonts))) != words:
        pytest.skip(f"this computer has no font for {words}; the wheel font-roboto brings one")
    drawing = Drawing((300, 200))
    drawing.text(f"figure {words}", 10, 50, 20)
    html = f"<body><h1>{words}</h1><table><tr><td>cell {words}</td></tr></table>{drawing.svg()}</body>"
    document, texts = opened(as_pdf(html, f"title {words}"))
    for told in (f"cell {words}", f"figure {words}", f"title {words}"):
        assert letters(told) in letters(texts[0])
    assert [mark.get_title() for mark in document.get_toc()] == [words]


def test_characters_that_no_font_has_are_spelled_out(monkeypatch) -> None:
    assert plain("D ≥ 205 Gy, 5 µm, café, 5\u202f%", western()) == "D >= 205 Gy, 5 µm, café, 5\u202f%"
    assert plain("ℹ note ▲", western()) == " note ", "a symbol whose word stands beside it"
    assert plain("Dvořák 山", western()) == "Dvorák ?"
    monkeypatch.setattr("Y90DosimetryLib.report.pdf_paper.fonts_for", lambda _text: [])
    figure = Drawing((300, 200))
    figure.text("山 ≥ 5", 10, 50, 20)
    _, texts = opened(as_pdf(f"<body><p>café ≤ 5 (b\\)</p>{figure.svg()}</body>", "山"))
    assert "café <= 5 (b\\)" in texts[0] and "? >= 5" in texts[0]


def test_without_the_package_it_is_said_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(MissingToolError, match="pip install fpdf2.*print report.html from a browser"):
        as_pdf("<body></body>", "R")
