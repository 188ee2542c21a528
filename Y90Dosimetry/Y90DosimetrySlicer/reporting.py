"""The report of a case: the library's page and data, with pictures of the views as they are, and as PDF."""

from __future__ import annotations

import re
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from Y90DosimetryLib.draw.svg import Drawing
from Y90DosimetryLib.engine import Assessment
from Y90DosimetryLib.io.writing import output_folder, write_json, write_text
from Y90DosimetryLib.planning import PlanOptions
from Y90DosimetryLib.progress import Progress, silent
from Y90DosimetryLib.report import as_html, as_json, content_of, pictures_of, sections_of

from .pdfwriting import pdfOf

PAGE, DATA, PDF = "report.html", "assessment.json", "report.pdf"


def writeReport(
    assessment: Assessment,
    parent: Path,
    *,
    planOptions: PlanOptions | None = None,
    screenshots: bool = True,
    pdf: bool = False,
) -> Path:
    """Write the report into a new folder inside *parent* and return the page's path; all of it or nothing.

    Its plan is made with *planOptions*: the user's own numbers and what is stated of the inputs' uncertainty.
    """
    content = content_of(assessment)
    folder = _freeFolder(parent, assessment.case.label)
    pictures, whyNone = pictures_of(assessment)
    if screenshots:
        pictures = {**pictures, **screenshotsOfViews()}
    with output_folder(folder) as target:
        html = as_html(content, pictures, whyNone, sections_of(assessment, planOptions))
        write_text(html, target / PAGE)
        write_json(as_json(content), target / DATA)
        if pdf:
            (target / PDF).write_bytes(pdfOf(html, f"Y-90 dosimetry: {assessment.case.label}"))
    return folder / PAGE


def verifyInstallation(parent: Path, progress: Progress = silent) -> tuple[str, bool]:
    """Recompute published values, and write the protocol into a new folder inside *parent*.

    Return what came out, in words, and whether all of it did.

    Raises
    ------
    Cancelled
        If *progress* stopped it; nothing is then written.
    """
    from Y90DosimetryLib.verify import protocol_of, write_protocol

    protocol = protocol_of(progress)
    folder = _freeFolder(parent, protocol.made_at.date().isoformat(), "Y90 protocol")
    whyNoPdf = write_protocol(protocol, folder)
    said = _("{result}. Protocol: {folder}").format(result=protocol.sentence, folder=folder)
    return f"{said}. {whyNoPdf}" if whyNoPdf else said, not protocol.failed


def screenshotsOfViews() -> dict[str, str]:
    """Return figures (SVG) of the slice views as they are shown, by caption; none where there are no views."""
    manager = slicer.app.layoutManager() if hasattr(slicer.app, "layoutManager") else None
    if manager is None:
        return {}
    shots = {}
    for name in manager.sliceViewNames():
        widget = manager.sliceWidget(name)
        if not widget.visible:
            continue
        view = widget.sliceView()
        picture = _figure(view.renderWindow())
        if picture:
            shots[_("View {name}").format(name=name)] = picture
    return shots


def _figure(window: vtk.vtkRenderWindow) -> str:
    """Return what a render window shows as a figure; empty when it shows nothing."""
    window.Render()
    if min(window.GetSize()) < 1:
        return ""
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    width, height, _depth = image.GetDimensions()
    colors = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)
    drawing = Drawing((width, height))
    drawing.image(colors[::-1], (0, 0, width, height))
    return drawing.svg()


def _freeFolder(parent: Path, label: str, what: str = "Y90 report") -> Path:
    """Return a folder name that is free: "Y90 report <case>", then with a number."""
    plain = re.sub(r"[^\w\- ]+", "_", label).strip() or "case"
    base = f"{what} {plain}"
    number, folder = 1, parent / base
    while folder.exists():
        number += 1
        folder = parent / f"{base} {number}"
    return folder
