"""The report as PDF inside Slicer: Qt writes it where fpdf2 is neither there nor wanted."""

from __future__ import annotations

import pytest

from Y90DosimetryLib.draw.svg import Drawing
from Y90DosimetryLib.errors import MissingToolError
from Y90DosimetryLib.report.content import NOTICE

pytest_plugins = ("panel_kit",)
pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the pages")


def page(count: int) -> str:
    lines = "".join(f"<p>line {n}.</p>" for n in range(count))
    drawing = Drawing((300, 200))
    drawing.rect((0, 0, 300, 200), (255, 0, 0))
    return f"<body><h1>Łódź</h1>{drawing.svg()}<script>alert(1)</script>{lines}</body>"


def test_qt_writes_text_figures_and_the_notice_on_each_sheet(hand):
    from Y90DosimetrySlicer import pdfwriting

    document = pdfium.PdfDocument(pdfwriting.pdfByQt(page(120), "Report of Łódź"))
    texts = [one.get_textpage().get_text_range() for one in document]
    assert len(texts) > 1 and all(NOTICE in " ".join(text.split()) for text in texts)
    assert "Łódź" in texts[0] and "alert" not in texts[0]
    assert all(f"line {n}." in "".join(texts) for n in range(120))
    kinds = [o.type for one in document for o in one.get_objects()]
    assert kinds.count(pdfium.raw.FPDF_PAGEOBJ_IMAGE) == 1
    shown = document[0].render(scale=0.5).to_numpy()[..., :3].astype(int)
    red = (shown[..., 2] > 200) & (shown[..., :2] < 60).all(axis=2)  # blue comes first
    assert red.mean() > 0.1


def test_without_fpdf2_the_user_is_asked_and_qt_writes_when_they_decline(hand, monkeypatch):
    from Y90DosimetrySlicer import pdfwriting

    asked = []

    def missing(*_):
        raise MissingToolError("A PDF needs fpdf2")

    def decline():
        asked.append(True)
        raise RuntimeError("declined")

    monkeypatch.setattr(pdfwriting, "require_pdf", missing)
    monkeypatch.setattr(pdfwriting, "as_pdf", missing)
    monkeypatch.setattr(pdfwriting, "_install", decline)
    assert pdfwriting.pdfOf(page(1), "Report").startswith(b"%PDF") and asked == [True]
