"""Measure what can be wrong with images: of another quantity, another time, another patient, or cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import SimpleITK as sitk

from ..case import Basis, Case, Session
from ..dosimetry.deposits import mean_decay_factor
from ..dosimetry.doses import Prepared
from ..dosimetry.uptake import Uptake
from ..images import ActivityMap, Zeroed, array_of, same_grid, voxel_ml
from ..missing import Missing
from ..physics import BQ_PER_GBQ, elapsed_h
from ..structures import Role
from .catalog import CATALOG
from .check import CASE, Observation, Subject, written
from .outlines import mean_of_samples

MOST_LABELS = 32
"""Tool default: with no more different values an image of integers is taken for labels."""
ATTENUATION_PER_CM = 1.0
"""Above the linear attenuation of bone for 140 and 511 keV (about 0.3 and 0.17 per cm)."""
NO_LUNGS = Missing("the lungs are not outlined", ("structures",))
NOT_PREPARED = Missing("the image was not integrated over the structures", ("structures",))


def seen(case: Case, prepared: Prepared | None) -> Iterator[Observation]:
    """Measure what no typed value changes: the voxels of the images, and where the structures lie on them."""
    yield from _ct_values(case)
    yield from _pairs(case)
    for number, session in enumerate(case.sessions):
        if session.image is None:
            continue
        about, spacing = Subject(session.label), session.image.image.GetSpacing()
        detail = " x ".join(written(s, "") for s in spacing) + " mm"
        yield Observation("anisotropic_voxels", about, max(spacing) / min(spacing), detail)
        if prepared is None:
            yield from (Observation(check_id, about, NOT_PREPARED) for check_id in FROM_STRUCTURES)
        else:
            yield from _on_structures(case, prepared, number, about)


def stated(case: Case, prepared: Prepared | None) -> Iterator[Observation]:
    """Compare the images with what is stated of them: quantity, times and activity; quick once they are measured."""
    yield Observation("ct_missing", CASE, None if case.ct else "none was given")
    for note in case.notes or ("",):
        negative = isinstance(note, Zeroed)
        yield Observation("negative_voxels", CASE, note if negative else None)
        yield Observation("changed_on_reading", CASE, None if negative else note)
    for number, session in enumerate(case.sessions):
        about = Subject(session.label)
        yield Observation("session_without_image", about, None if session.image else "none was given")
        if session.image is None:
            continue
        yield from _quantity(session, about)
        if isinstance(session.image, ActivityMap):
            yield from _times(session, session.image, about)
            uptake = None if prepared is None else prepared.uptakes[number]
            yield from _total(session, session.image, uptake, case.settings.half_life_h, about)


def _ct_values(case: Case) -> Iterator[Observation]:
    if case.ct is None:
        return
    yield Observation("ct_foreign", CASE, float(array_of(case.ct.image).min()), _looks_like(case.ct.image))
    for role in (Role.LIVER, Role.LUNGS):
        structure = case.one(role)
        mean = None if structure is None else mean_of_samples(structure, case.ct.image)
        if structure is None or mean is None:
            continue
        if role is Role.LIVER:
            yield Observation("liver_density_low_on_ct", Subject(structure=structure.label), mean)
            yield Observation("liver_density_high_on_ct", Subject(structure=structure.label), mean)
        else:
            yield Observation("lungs_density_on_ct", Subject(structure=structure.label), mean)


def _looks_like(image: sitk.Image) -> str:
    """Say of an image that is no CT what its values look like."""
    values = array_of(image)[::2, ::4, ::4]
    highest = float(values.max())
    if np.array_equal(values, np.rint(values)) and np.unique(values).size <= MOST_LABELS:
        return "it looks like a label image"
    if highest < ATTENUATION_PER_CM:
        return "it looks like an attenuation map"
    return f"values up to {highest:.4g}, as of an MR, a SPECT, a PET, a dose, or a CT without its rescaling"


def _pairs(case: Case) -> Iterator[Observation]:
    shown = [(s.label, s.image.image) for s in case.sessions if s.image is not None]
    for (one, first), (other, second) in combinations(shown, 2):
        same = first is second or (same_grid(first, second) and np.array_equal(array_of(first), array_of(second)))
        yield Observation("image_twice", Subject(one, other=other), "all voxels are equal" if same else None)


def _quantity(session: Session, about: Subject) -> Iterator[Observation]:
    absolute = isinstance(session.image, ActivityMap)
    if session.basis is Basis.PLANNED:
        yield Observation("planned_image_absolute", about, "read as Bq/mL of Y-90" if absolute else None)
    else:
        yield Observation("delivered_image_relative", about, None if absolute else "read as counts")


def _times(session: Session, image: ActivityMap, about: Subject) -> Iterator[Observation]:
    taken = "taken as decay-corrected to the infusion"
    yield Observation("image_time_unknown", about, taken if image.reference_time is None else None)
    hours: list[float] = []
    missing: Missing | None = None
    for infusion in session.infusions:
        if image.reference_time is None:
            missing = Missing("the image has no reference time", ("image_time",))
        elif infusion.given_at is None:
            missing = Missing(f"infusion '{infusion.label}' has no time", ("given_at",))
        else:
            hours.append(elapsed_h(infusion.given_at, image.reference_time))
    first, last = min(hours, default=0.0), max(hours, default=0.0)
    yield Observation("image_before_infusion", about, missing or first)
    yield Observation("image_at_infusion", about, missing or first)
    yield Observation("image_late", about, missing or last)
    yield Observation("image_too_late", about, missing or last)


def _total(
    session: Session, image: ActivityMap, uptake: Uptake | None, half_life_h: float, about: Subject
) -> Iterator[Observation]:
    """Compare the activity in the whole image, brought to the infusion, with the activity infused."""
    factor = mean_decay_factor(session, image, half_life_h)
    if isinstance(factor, Missing):
        yield from (Observation(check_id, about, factor) for check_id in OF_ACTIVITY)
        return
    if uptake is None:
        total_bq = float(array_of(image.image).sum(dtype=np.float64)) * voxel_ml(image.image)
    else:
        total_bq = uptake.image_total
    seen_gbq = total_bq * factor / BQ_PER_GBQ
    infused_gbq = sum(
        i.activity_at_infusion_gbq(half_life_h) * (1.0 - (i.residual_fraction or 0.0)) for i in session.infusions
    )
    ratio = seen_gbq / infused_gbq
    apart: float | Missing = Missing("the image shows no activity", ("image",))
    if ratio > 0:
        apart = max(ratio, 1.0 / ratio)
    detail = f"{written(seen_gbq, 'GBq')} in the image, {written(infused_gbq, 'GBq')} infused"
    unknown = [i.label for i in session.infusions if i.residual_fraction is None]
    reason = session.activity_difference
    if reason is not None:
        detail += f"; stated reason: {reason.display_name}"
    for check_id, value in zip(OF_ACTIVITY, (abs(ratio - 1.0), abs(ratio - 1.0), apart), strict=True):
        limit = CATALOG[check_id].threshold
        assert limit is not None
        if unknown and (ratio < 1 or isinstance(value, Missing) or value <= limit):  # it can only raise the ratio
            value = Missing(f"the residual of infusion '{unknown[0]}' is unknown", ("residual_fraction",))
        if check_id != "image_activity_apart" or reason is None:
            yield Observation(check_id, about, value, detail)


OF_ACTIVITY = ("image_activity", "image_activity_apart", "image_activity_scale")

FROM_STRUCTURES = (
    "liver_in_view",
    "lungs_in_view",
    "counts_outside",
    "counts_outside_perfused",
    "counts_far_outside_perfused",
)


def _on_structures(case: Case, prepared: Prepared, number: int, about: Subject) -> Iterator[Observation]:
    uptake, lungs, compartments = prepared.uptakes[number], prepared.lungs[number], prepared.compartments
    assert uptake is not None, "a session with an image has its counts"
    seen_ml = sum(cell.occupancy.total_ml for cell in uptake.cells)
    detail = f"{written(max(0.0, compartments.whole_ml - seen_ml), 'mL')} outside"
    yield Observation("liver_in_view", about, seen_ml / compartments.whole_ml, detail)

    outlined = case.one(Role.LUNGS)
    unknown = NO_LUNGS if outlined is None or outlined.is_empty else None
    in_view = 0.0 if isinstance(lungs, Missing) else lungs.in_view_fraction  # outlined, but missing: outside
    yield Observation("lungs_in_view", about, unknown or in_view)

    liver = float(uptake.counts.sum())
    lung_counts = 0.0 if isinstance(lungs, Missing) else lungs.counts
    yield Observation("counts_outside", about, 1.0 - (liver + lung_counts) / uptake.image_total, could_pass=unknown)

    treated = compartments.inside(i.perfused for i in case.sessions[number].infusions)
    beyond = 1.0 - float(uptake.counts[list(treated)].sum()) / liver
    yield Observation("counts_outside_perfused", about, beyond)
    yield Observation("counts_far_outside_perfused", about, beyond)
