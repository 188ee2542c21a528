"""The volumes whose doses are reported: groups of compartments, each with one definition used everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..case import Case, counted_sessions
from ..compartments import Compartments
from ..structures import LESION_ROLES, Role

NESTED_FRACTION = 0.95
"""Tool default: from this share on, one perfused volume is said to lie within another."""


class RegionKind(StrEnum):
    """What a reported volume is; the three normal livers are never mixed."""

    TUMOR = "tumor"
    PVTT = "pvtt"
    HEPATIC_VEIN_THROMBUS = "hepatic_vein_thrombus"
    PERFUSED = "perfused"
    PERFUSED_NORMAL = "perfused_normal_liver"
    WHOLE_NORMAL = "whole_normal_liver"
    UNPERFUSED_NORMAL = "unperfused_normal_liver"
    WHOLE_LIVER = "whole_liver"


@dataclass(frozen=True)
class Region:
    """A reported volume: its kind, the label a reader sees, and its compartments."""

    kind: RegionKind
    label: str
    indices: tuple[int, ...]


def regions_of(case: Case, compartments: Compartments) -> tuple[Region, ...]:
    """Return the reported volumes of a case, lesions first; those without a voxel are left out.

    What is perfused is what the sessions that count perfuse: a plan that was delivered does not.
    """
    treated = {i.perfused for s in counted_sessions(case) for i in s.infusions}
    normal = set(compartments.of_role(Role.NORMAL_LIVER))
    perfused = normal & set(compartments.inside(treated))
    ablated = normal & set(compartments.inside(ablative_perfused(case, compartments)))
    without = " outside the ablated segment" if ablated else ""
    found = [
        Region(RegionKind(role.value), lesion.label, compartments.lesion(lesion.label))
        for role in LESION_ROLES
        for lesion in case.of_role(role)
    ]
    found += [Region(RegionKind.PERFUSED, s.label, compartments.inside([s.label])) for s in case.of_role(Role.PERFUSED)]
    found += [
        Region(RegionKind.PERFUSED_NORMAL, f"Perfused normal liver{without}", tuple(sorted(perfused - ablated))),
        Region(RegionKind.UNPERFUSED_NORMAL, "Unperfused normal liver", tuple(sorted(normal - perfused))),
        Region(RegionKind.WHOLE_NORMAL, f"Whole normal liver{without}", tuple(sorted(normal - ablated))),
        Region(RegionKind.WHOLE_LIVER, "Whole liver, tumors included", compartments.everything),
    ]
    return tuple(region for region in found if region.indices)


def ablative_perfused(case: Case, compartments: Compartments) -> frozenset[str]:
    """Return perfused volumes that lie within a larger one of the same session.

    Such a nested infusion is meant to ablate, normal tissue included (modified radiation lobectomy); the mean
    dose to perfused normal liver is then judged on the rest of the larger volume.
    """
    nested = set()
    for session in counted_sessions(case):
        labels = {i.perfused for i in session.infusions}
        inside = {label: set(compartments.inside([label])) for label in labels}
        volume_ml = {label: compartments.volume_ml(inside[label]) for label in labels}
        for label in labels:
            for other in labels - {label}:
                shared_ml = compartments.volume_ml(inside[label] & inside[other])
                if volume_ml[other] > volume_ml[label] and shared_ml >= NESTED_FRACTION * volume_ml[label]:
                    nested.add(label)
    return frozenset(nested)
