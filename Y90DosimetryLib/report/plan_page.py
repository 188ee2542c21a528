"""The plan as a section of the page: window, vials, planned against delivered, how sure, models side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape

from ..dosimetry.doses import counted_sessions
from ..draw.histograms import overlay_picture
from ..draw.slices import SliceOptions, point_to_show_mm, three_planes
from ..draw.windows import VialTick, feasible_picture, window_picture
from ..engine import Assessment
from ..errors import InputError
from ..missing import Missing
from ..planning import Comparison, Plan, PlanOptions, Window, calendar, plan_of
from ..planning.compare import LesionRow, delivered_pairs, under_target_ml
from ..planning.prescription import end_text
from ..planning.text import names_of
from ..progress import Progress, silent
from ..structures import Role, Structure
from .content import NOTICE
from .html_parts import Section, bullets, gap, number, page, picture, table
from .plan_models import models_html
from .plan_sure import sure_html
from .plan_vials import day_words, vials_html

TITLE = "Plan"
REPORT_OPTIONS = PlanOptions(models=True)
"""How a report plans where nothing else is chosen."""
WINDOW, TOGETHER, OVERLAY, UNDER = "Window", "Two infusions together", "Planned and delivered", "Under target"


def plan_section(
    assessment: Assessment, options: PlanOptions | None = None, progress: Progress = silent
) -> Section | None:
    """Return the plan of a case for its page; None where there is no plan to make and none that was delivered.

    Where the plan is refused (a technical error falsifies every dose), the section says why.
    """
    case = assessment.case
    is_open = any(s.basis == "planned" for s in counted_sessions(case))
    if not is_open and not delivered_pairs(case):
        return None
    options = options or REPORT_OPTIONS
    try:
        plan = plan_of(assessment.engine, options, progress)
    except InputError as error:
        return Section(TITLE, gap(f"No plan: {error}"), {})
    return section_of(replace(plan, notes=(*plan.notes, *options.stated.notes)), assessment)


def section_of(plan: Plan, assessment: Assessment | None = None) -> Section:
    """Return a plan as a section; with the assessment also a picture of what lies under its target."""
    pictures = {**plan_pictures(plan), **(_under_pictures(plan, assessment) if assessment else {})}
    return Section(TITLE, "".join(part for part in _parts(plan, pictures) if part), pictures)


def plan_html(plan: Plan) -> str:
    """Return a plan as a page of its own, to be read or printed."""
    label = plan.lines.case.label
    made = section_of(plan)
    return page(
        f"Y-90 plan: {label}",
        [f"<h1>Y-90 plan: {escape(label)}</h1>", f'<p class="notice">{escape(NOTICE)}</p>', made.html],
    )


def plan_pictures(plan: Plan) -> dict[str, str]:
    """Return the pictures of a plan as SVG files by caption."""
    ticks = _ticks(plan)
    title = f"given on {day_words(plan)}" if ticks else ""
    is_entered = not plan.is_second_session
    several = len(plan.windows) > 1
    pictures = {}
    for window in plan.windows:
        own = tuple(tick for label, tick in ticks if label == window.label)
        pictures[f"{WINDOW} {window.label}" if several else WINDOW] = window_picture(window, own, title, is_entered)
    if several:
        pictures[f"{WINDOW} {plan.split.label}"] = window_picture(plan.split, is_entered=is_entered)
    if plan.together is not None and len(plan.together.labels) == 2:
        entered_gbq, asked = plan.lines.entered_gbq, plan.constraints.asked
        pictures[TOGETHER] = feasible_picture(plan.together, entered_gbq, asked, is_entered)
    if plan.comparison is not None and not isinstance(overlay := overlay_picture(plan.comparison), Missing):
        pictures[OVERLAY] = overlay
    return pictures


def _under_pictures(plan: Plan, assessment: Assessment) -> dict[str, str]:
    """Return planes through what lies under its target, on the delivered dose."""
    comparison, case = plan.comparison, assessment.case
    if comparison is None or isinstance(comparison.under_target, Missing):
        return {}
    under = Structure(Role.PLANNED_RESECTION, "Under its target", comparison.under_target)
    delivered = next(i for i, s in enumerate(case.sessions) if s.label == comparison.delivered)
    dose = assessment.maps[delivered]
    if under.is_empty or isinstance(dose, Missing):
        return {}
    roles = (Role.LIVER, Role.TUMOR, Role.PVTT, Role.HEPATIC_VEIN_THROMBUS)
    lesions = [s for s in case.structures if s.role in roles and not s.is_empty]
    ct = None if case.ct is None else case.ct.image
    worst = max(comparison.lesions, key=_missed_ml).region.label
    point_mm = point_to_show_mm([s for s in lesions if s.label == worst] or [under])
    options = SliceOptions(isodoses_gy=(), hatched=under)
    planes = three_planes(ct, dose.dose.image, lesions, point_mm, options)
    return {f"{UNDER} {plane.value}": png for plane, png in planes.items()}


def _missed_ml(lesion: LesionRow) -> tuple[float, float]:
    """Return how much of a lesion was missed, and how much lies under its target: what is missing counts as none."""
    missed, under = (0.0 if isinstance(v, Missing) else v for v in (lesion.missed_ml, lesion.delivered_under_ml))
    return missed, under


def _ticks(plan: Plan) -> tuple[tuple[str, VialTick], ...]:
    """Return the vials of the first day of treatment, each with its infusion and its activity at the usual time."""
    schedule = plan.schedule
    if isinstance(schedule, Missing) or not plan.days:
        return ()
    found = []
    for v in plan.vials:
        if calendar.local_date(v.at, schedule.zone) == plan.days[0] and len(v.vials) == 1:
            label, vial = v.vials[0]
            doubt = "?" if schedule.catalogue.is_unverified(vial.activity_gbq) else ""
            words = f"{vial.activity_gbq:g}{doubt} GBq, {vial.calibrated_at:%b} {vial.calibrated_at.day}"
            held_gbq = vial.at_gbq(v.at, schedule.settings.half_life_h)
            found.append((label, VialTick(words, held_gbq, v.meets_plan)))
    return tuple(found)


def _parts(plan: Plan, pictures: Mapping[str, str]) -> Iterator[str]:
    label = escape(plan.lines.session.label)
    yield f"<p class=\"soft\">Session '{label}'. Activities are those at infusion, before the residual.</p>"
    yield bullets(plan.notes)
    compared = () if plan.comparison is None else tuple(_comparison_html(plan.comparison, pictures))
    if plan.comparison is not None and not plan.is_second_session:  # else that session follows with all its bounds
        compared += tuple(_second_html(plan.comparison))
    if plan.is_second_session:
        yield from compared
        yield "<h3>A second session</h3>"
    yield from _windows_html(plan, pictures)
    yield from _open_questions(plan)
    yield "<h3>Vials</h3>" + vials_html(plan)
    if not plan.is_second_session:
        yield from compared
    yield "<h3>How sure</h3>" + sure_html(plan)
    if plan.models is not None:
        yield "<h3>Models side by side</h3>" + models_html(plan.models)


def _windows_html(plan: Plan, pictures: Mapping[str, str]) -> Iterator[str]:
    is_entered = not plan.is_second_session
    if len(plan.windows) == 1:
        yield _window_html(plan.split, is_entered) + _wide(WINDOW, pictures)
        return
    yield _window_html(plan.split, is_entered)
    yield from _together_html(plan, pictures)
    yield _wide(f"{WINDOW} {plan.split.label}", pictures)
    each = "".join(_window_html(w, is_entered) + _wide(f"{WINDOW} {w.label}", pictures) for w in plan.windows)
    yield f"<details><summary>Each infusion alone, the others as entered</summary>{each}</details>"


def _wide(caption: str, pictures: Mapping[str, str]) -> str:
    return f'<div class="wide">{picture(caption, pictures[caption])}</div>' if caption in pictures else ""


def _window_html(window: Window, is_entered: bool) -> str:
    name = escape(window.label)
    if window.is_empty:
        said = [f"this activity can't keep {name}" for name in names_of(window.impossible)]
        said += [window.conflict.text] if window.conflict is not None else []
        return f'<p class="answer"><b>{name}: {escape(window.why_empty)}.</b></p>' + bullets(said)
    low, most = window.end_texts
    high = f"{most} GBq" if window.high_binding else "any more (nothing limits it)"
    inside = "lie inside" if window.holds(window.entered_gbq) else "lie <b>outside</b>"
    entered = f"; the entered {window.entered_gbq:.3f} GBq {inside}" if is_entered else ""
    said = [f"least: {name}" for name in names_of(window.low_binding)]
    said += [f"most: {name}" for name in names_of(window.high_binding)]
    said += [f"out of reach: {name}" for name in names_of(window.unfulfilled_wishes)]
    return f'<p class="answer"><b>{name}: {low} GBq to {high}</b>{entered}.</p>' + bullets(said)


def _open_questions(plan: Plan) -> Iterator[str]:
    questions = plan.constraints.open_questions
    if questions:
        said = (
            f"{q.rule.id} would ask {'; '.join(b.text for b in q.bounds) or 'a dose'}: {q.because}" for q in questions
        )
        yield "<p>Not evaluable, so not in the window:</p>" + bullets(dict.fromkeys(said), "small")
    yield bullets(f"Set aside by the user: {text}" for text in plan.constraints.set_aside)


def _together_html(plan: Plan, pictures: Mapping[str, str]) -> Iterator[str]:
    found = plan.together
    if found is None:
        return
    if isinstance(found.best, Missing):
        yield gap(f"No best choice: {found.best.because}")
    else:
        amounts = ", ".join(f"{n} {a:.3f} GBq" for n, a in zip(found.labels, found.best.activities_gbq, strict=True))
        yield f'<p class="answer"><b>Best for the {escape(found.aim.display_name)}: {escape(amounts)}</b></p>'
    yield bullets(c.text for c in found.conflicts)
    if found.relaxation is not None:
        names = "; ".join(names_of(found.relaxation.giving))
        yield f"<p>Together they would have to give {found.relaxation.give_fraction * 100:.1f} %: {escape(names)}</p>"
    yield _wide(TOGETHER, pictures)


def _comparison_html(c: Comparison, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "<h3>Planned against delivered</h3>"
    yield f'<p class="soft">{escape(c.planned)} and {escape(c.delivered)}, the same outlines, from the images.</p>'
    if c.differences:
        items = "".join(f"<li><b>{escape(d.message)}</b></li>" for d in c.differences)
        yield f"<p>What matters:</p><ul>{items}</ul>"
    else:
        yield "<p>No difference that matters was found.</p>"
    rows = (
        f"<tr><td>{escape(r.region.label)}</td>{number(r.planned_gy)}{number(r.delivered_gy)}"
        f"{number(r.planned_share, 1, 100)}{number(r.delivered_share, 1, 100)}</tr>"
        for r in c.rows
    )
    head = ["Volume", "planned, Gy", "delivered, Gy", "planned, % of the liver's activity", "delivered, %"]
    yield table(head, rows, 1)
    lesions = (
        f"<tr><td>{escape(x.region.label)}</td><td>{x.target.dose_gy:g} Gy ({escape(x.target.rule.id)})</td>"
        f"<td>{escape(x.where)}</td>{number(x.planned_under_ml)}{number(x.delivered_under_ml)}{number(x.missed_ml)}</tr>"
        for x in c.lesions
    )
    head = ["Lesion", "Target", "missed part lies", "planned under it, mL", "delivered under it, mL", "missed, mL"]
    yield table(head, lesions, 3)
    shown = [name for name in pictures if name == OVERLAY or name.startswith(UNDER)]
    if shown:
        yield f'<div class="pictures">{"".join(picture(name, pictures[name]) for name in shown)}</div>'
    volume_ml = under_target_ml(c)
    if isinstance(volume_ml, Missing):
        yield gap(f"No map of what is underdosed: {volume_ml.because}")
    else:
        yield (
            f'<p class="soft small">Hatched: the {volume_ml:.1f} mL of voxels, at least half in a lesion, that are'
            " under its target after the delivery.</p>"
        )


def _second_html(c: Comparison) -> Iterator[str]:
    said = [f"{w.label}: {_needs(w)}" for w in c.second]
    if said:
        yield "<p>A second session that spreads as the plan did, all that was delivered counted:</p>" + bullets(said)


def _needs(window: Window) -> str:
    targets = [a for a in window.allowances if a.constraint.kind == "target" and a.is_possible]
    most = max(targets, key=lambda a: a.least_gbq, default=None)
    need = "no target asks for more" if most is None else f"every target needs {end_text(most.least_gbq, True)} GBq"
    if not window.is_empty:
        return f"{need}; the window is {' to '.join(window.end_texts)} GBq"
    why = [f"no activity keeps {name}" for name in names_of(window.impossible)]
    why += [window.conflict.text] if window.conflict is not None else []
    return f"{need}, but {'; '.join(why)}"
