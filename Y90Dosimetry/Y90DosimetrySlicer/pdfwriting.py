"""The report as PDF inside Slicer: by fpdf2, which is installed on first use if the user agrees, else by Qt."""

from __future__ import annotations

import importlib
import re
import subprocess
import tempfile
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import MissingToolError
from Y90DosimetryLib.report.as_pdf import as_pdf
from Y90DosimetryLib.report.content import NOTICE
from Y90DosimetryLib.report.pdf_paper import require_pdf

REQUIREMENT, REQUESTER = "fpdf2>=2.8", "Y90Dosimetry"
FIGURE_WIDTH_PX, DOTS_PER_PX, FOOT_PX, DOTS_PER_INCH = 620, 2, 24, 96


def pdfOf(page: str, title: str) -> bytes:
    """Return the report's HTML page as a PDF file; without fpdf2 figures are pixels and there are no bookmarks."""
    _offerFpdf()
    try:
        return as_pdf(page, title)
    except MissingToolError:
        return pdfByQt(page, title)


def _offerFpdf() -> None:
    """Install fpdf2 by Slicer's own means, which ask the user; declined, or without a network, nothing changes."""
    try:
        require_pdf()
    except MissingToolError:
        try:
            _install()
        except (RuntimeError, subprocess.CalledProcessError):
            return
        importlib.invalidate_caches()


def _install() -> None:
    try:
        packaging = importlib.import_module("slicer.packaging")  # Slicer 5.11 and later
    except ImportError:
        if slicer.app.testingEnabled():
            return
        if slicer.util.confirmOkCancelDisplay(_("Install the Python package fpdf2, which writes the PDF?")):
            slicer.util.pip_install(REQUIREMENT)
        return
    packaging.pip_ensure([REQUIREMENT], requester=REQUESTER)


def pdfByQt(page: str, title: str) -> bytes:
    """Return the page as Qt writes it: text, tables, and figures as pixels; the notice stands on each sheet."""
    import qt

    from .widgets.followuppicture import pixmapOf
    from .widgets.prescriptionpicture import painting

    document = qt.QTextDocument()

    def asImage(found: re.Match[str]) -> str:
        name = f"figure:{found.start()}"
        picture = pixmapOf(found[0], FIGURE_WIDTH_PX * DOTS_PER_PX)
        document.addResource(qt.QTextDocument.ImageResource, qt.QUrl(name), picture)
        return f'<br><img src="{name}" width="{FIGURE_WIDTH_PX}"><br>'

    html = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    html = re.sub(r"<svg\b.*?</svg>", asImage, html, flags=re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        writer = qt.QPdfWriter(str(path))
        writer.setTitle(title)
        writer.setCreator(REQUESTER)
        writer.setPageSize(qt.QPageSize(qt.QPageSize.A4))
        writer.setResolution(DOTS_PER_INCH)
        width, height = writer.width(), writer.height() - FOOT_PX
        document.setDocumentMargin(0)
        document.setHtml(html)
        document.setPageSize(qt.QSizeF(width, height))
        with painting(writer) as painter:
            count = document.pageCount()
            for number in range(count):
                if number:
                    writer.newPage()
                painter.save()
                painter.translate(0, -number * height)
                document.drawContents(painter, qt.QRectF(0, number * height, width, height))
                painter.restore()
                foot = _("{title}, page {number} of {count}. {notice}")
                words = foot.format(title=title, number=number + 1, count=count, notice=NOTICE)
                font = painter.font()
                font.setPointSizeF(6.5)
                painter.setFont(font)
                painter.drawText(qt.QPoint(0, height + FOOT_PX - 4), words)
        return path.read_bytes()
