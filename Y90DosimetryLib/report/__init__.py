"""What a tumor board reads: content, pictures, HTML, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ..dosimetry.dvh import DvhSummary
from ..draw.histograms import Curve, dvh_plot, role_of
from ..draw.pixels import png_of_figure
from ..draw.slices import ISODOSES_GY, SliceOptions, full_scale_gy, point_to_show_mm, three_planes
from ..engine import Assessment
from ..io.case_file import InputFile
from ..io.writing import write_dose, write_json, write_table, write_text
from ..missing import Missing
from ..planning import PlanOptions
from ..progress import Progress, part, silent
from ..structures import Role
from .as_html import as_html
from .as_json import as_json
from .as_pdf import as_pdf
from .content import Content, content_of
from .followup_page import follow_up_section
from .html_parts import Section, file_name
from .plan_page import REPORT_OPTIONS, plan_section
from .viewer import viewer_html

__all__ = [
    "REPORT_OPTIONS",
    "Content",
    "Section",
    "as_html",
    "as_json",
    "as_pdf",
    "content_of",
    "pictures_of",
    "sections_of",
    "write_report",
]

DVH_MARKS_GY = (120.0, 205.0)
NOT_OUTLINED = frozenset({Role.LUNGS, Role.PLANNED_RESECTION, Role.NORMAL_LIVER})
"""Structures left out of the pictures: they cover others."""


def write_report(
    assessment: Assessment,
    folder: Path,
    *,
    inputs: Sequence[InputFile] = (),
    progress: Progress = silent,
    plan_options: PlanOptions | None = None,
    pdf: bool = False,
    png: bool = False,
) -> Content:
    """Write the page, JSON, tables, dose map and pictures into an existing folder; return what they say.

    The plan's section is made with *plan_options*; as `plan_section` does unless they are given. With *pdf*
    report.pdf is written as well (see `as_pdf`), with *png* each picture also as pixels (see `png_of_figure`).
    """
    content = content_of(assessment, inputs)
    progress(0.0, "drawing pictures")
    pictures, why_none = pictures_of(assessment)
    sections = sections_of(assessment, plan_options, part(progress, 0.4, 0.8))
    progress(0.8, "writing the report")
    every = dict(pictures)
    for section in sections:
        every.update(section.pictures)
    if every:
        (folder / "pictures").mkdir()
    for caption, svg in every.items():
        path = folder / "pictures" / file_name(caption)
        write_text(svg, path)
        if png:
            path.with_suffix(".png").write_bytes(png_of_figure(svg))
    write_text(as_html(content, pictures, why_none, sections, viewer_of(assessment)), folder / "report.html")
    if pdf:
        page = as_html(content, pictures, why_none, sections)
        (folder / "report.pdf").write_bytes(as_pdf(page, f"Y-90 dosimetry: {assessment.case.label}"))
    write_json(as_json(content), folder / "assessment.json")
    _write_tables(assessment, content, folder)
    if not isinstance(assessment.dose_map, Missing):
        write_dose(assessment.dose_map, folder / "dose.nrrd")
    progress(1.0, "written")
    return content


def _write_tables(assessment: Assessment, content: Content, folder: Path) -> None:
    """Write doses.csv (a row a volume) and, where there is a dose map, dvh.csv (a row a point of a curve)."""
    points = [f.name for f in fields(DvhSummary) if f.name.startswith(("d", "v")) and f.name != "volume_ml"]
    head = ["volume", "kind", "volume_ml", "mass_g", *(f"mean_gy.{m.value}" for m in content.models), *points]
    rows = []
    for row in content.dose_rows:
        means = [row.mean_gy[m] for m in content.models]
        found = [None] * len(points) if isinstance(row.dvh, Missing) else [getattr(row.dvh, p) for p in points]
        numbers = [None if isinstance(v, Missing) else v for v in (*means, *found)]
        rows.append((row.label, row.kind, row.volume_ml, row.mass_g, *numbers))
    write_table(folder / "doses.csv", head, rows)
    curves = [(d.region.label, d.dvh.curve()) for d in assessment.dvhs if not isinstance(d.dvh, Missing)]
    if curves:
        lines = [(label, float(d), float(v)) for label, curve in curves for d, v in zip(*curve, strict=True)]
        write_table(folder / "dvh.csv", ("volume", "dose_gy", "volume_fraction"), lines)


def sections_of(
    assessment: Assessment, plan_options: PlanOptions | None = None, progress: Progress = silent
) -> tuple[Section, ...]:
    """Return the parts of the page that not every case has, in their order; one that says nothing is left out."""
    found = (
        plan_section(assessment, plan_options, progress),
        follow_up_section(assessment),
        # one line for each further part, which returns a `Section` or None
    )
    return tuple(section for section in found if section is not None)


def viewer_of(assessment: Assessment) -> str:
    """Return the interactive slices of the page; empty where there is neither CT nor dose."""
    case, dose = assessment.case, assessment.dose_map
    counts = next((s.image.image for s in reversed(case.sessions) if s.image is not None), None)
    return viewer_html(
        None if case.ct is None else case.ct.image,
        dose,
        counts,
        case.structures,
        {d.region.label: d.dvh for d in assessment.dvhs if not isinstance(d.dvh, Missing)},
        ISODOSES_GY,
        1.0 if isinstance(dose, Missing) else full_scale_gy(dose.image),
    )


def pictures_of(assessment: Assessment) -> tuple[dict[str, str], str]:
    """Return SVG files by caption (three planes and "DVH"), and why there are none where there are none."""
    case, dose_map = assessment.case, assessment.dose_map
    dose = None if isinstance(dose_map, Missing) else dose_map.image
    shown = [s for s in case.structures if s.role not in NOT_OUTLINED and not s.is_empty]
    options = SliceOptions(full_scale_gy=None if dose is None else full_scale_gy(dose))
    pictures: dict[str, str] = {}
    if case.ct is not None or dose is not None:
        ct = None if case.ct is None else case.ct.image
        planes = three_planes(ct, dose, shown, point_to_show_mm(shown), options)
        pictures.update({plane.value.capitalize(): svg for plane, svg in planes.items()})
    curves = _curves(assessment)
    if curves:
        pictures["DVH"] = dvh_plot(curves, marker_doses_gy=DVH_MARKS_GY)
    return pictures, "" if pictures else "there is neither CT nor dose"


def _curves(assessment: Assessment) -> list[Curve]:
    curves = []
    for one in assessment.dvhs:
        role = role_of(one.region.kind.value)
        if role is not None and not isinstance(one.dvh, Missing):
            curves.append(Curve(one.region.label, *one.dvh.curve(), role=role))
    if not isinstance(assessment.flr_dvh, Missing):
        curves.append(Curve("Future liver remnant", *assessment.flr_dvh.curve(), role=Role.FLR))
    return curves
