"""Which doses, volumes and activities a DICOM measurement report holds, each with a code, a UCUM unit and its model.

What is missing stays out: a report item with a number always is one that was computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..case import Case, DoseModel
from ..dosimetry.deposits import InfusionDoses, Model
from ..dosimetry.doses import Doses
from ..dosimetry.dvh import Dvh
from ..dosimetry.maps import SessionMap
from ..dosimetry.regions import Region, RegionKind
from ..images import DoseMap
from ..measures import Measurement
from ..missing import Missing
from ..structures import Role, Structure
from ..terminology import NO_CODE, PRIVATE_SCHEME, TERMINOLOGY, Code
from ..vocabulary import UNITS


class RegionHistogram(Protocol):
    """A reported volume with its dose-volume histogram."""

    @property
    def region(self) -> Region:
        """The volume."""

    @property
    def dvh(self) -> Dvh | Missing:
        """Its histogram on the total dose map."""


class Assessed(Protocol):
    """What is exported: an `Assessment`, or what looks like one."""

    @property
    def case(self) -> Case:
        """The case."""

    @property
    def doses(self) -> Doses:
        """The doses of every session."""

    @property
    def maps(self) -> Sequence[SessionMap | Missing]:
        """One dose map for each session."""

    @property
    def dose_map(self) -> DoseMap | Missing:
        """All counted sessions together."""

    @property
    def dvhs(self) -> Sequence[RegionHistogram]:
        """One for each reported volume."""

    @property
    def flr_dvh(self) -> Dvh | Missing:
        """That of the future liver remnant."""

    @property
    def measurements(self) -> Sequence[Measurement]:
        """Every measure of the case."""


@dataclass(frozen=True)
class Quantity:
    """A number with its concept, UCUM unit, and the model or statistic behind it."""

    concept: Code
    value: float
    unit: str
    method: Code = NO_CODE
    derivation: Code = NO_CODE


@dataclass(frozen=True)
class Group:
    """What was measured of one thing; `structure` is the label of the outline it belongs to, empty without one."""

    label: str
    finding: Code
    region: Code
    quantities: tuple[Quantity, ...]
    structure: str = ""


VOLUME = Code("SCT", "118565006", "Volume")  # DICOM PS3.16, CID 7469
ABSORBED_DOSE = Code("DCM", "128513", "Absorbed Dose")  # CID 7469
MEAN = Code("SCT", "373098007", "Mean")  # CID 7464
ADMINISTERED = Code("DCM", "113507", "Administered activity")  # TID 10022
LUNG_SHUNT = Code(PRIVATE_SCHEME, "LSF", "Lung shunt fraction")
TUMOR_TO_NORMAL = Code(PRIVATE_SCHEME, "TNR", "Tumor to normal liver uptake ratio")
RESIDUAL = Code(PRIVATE_SCHEME, "RESIDUAL", "Residual fraction")
INFUSION = Code(PRIVATE_SCHEME, "INFUSION", "Infusion of Y-90 microspheres")

AS_DRAWN = Code(PRIVATE_SCHEME, "AS_DRAWN", "Outline as drawn")
DISJOINT = Code(PRIVATE_SCHEME, "DISJOINT", "Overlaps given to one structure each")
METHODS: Mapping[Model, Code] = {
    Model.SINGLE: Code(PRIVATE_SCHEME, "SINGLE", "Single compartment (MIRD)"),
    Model.PARTITION: Code(PRIVATE_SCHEME, "PARTITION", "Partition model, T:N from the image"),
    Model.PARTITION_GIVEN: Code(PRIVATE_SCHEME, "PARTITION_GIVEN", "Partition model, T:N given"),
    Model.MULTI: Code(PRIVATE_SCHEME, "MULTI", "Multicompartment, from the image"),
}
LUNG_MODEL = Code(PRIVATE_SCHEME, "LUNG_SHUNT_DOSE", "Lung shunt over lung mass")
VOXELS: Mapping[DoseModel, Code] = {
    DoseModel.LOCAL: Code(PRIVATE_SCHEME, "LOCAL", "Dose map by local deposition"),
    DoseModel.KERNEL: Code(PRIVATE_SCHEME, "KERNEL", "Dose map by kernel convolution"),
}
HISTOGRAM_POINTS: Mapping[str, Code] = {
    f"d{share}_gy": Code(PRIVATE_SCHEME, f"D{share}", f"Lowest dose to the hottest {share} percent of the volume")
    for share in (98, 95, 70, 50, 2)
}
"""Fields of `DvhSummary`."""
NORMAL_LIVER = TERMINOLOGY[Role.NORMAL_LIVER]
REGIONS: Mapping[RegionKind, Role] = {
    RegionKind.TUMOR: Role.TUMOR,
    RegionKind.PVTT: Role.PVTT,
    RegionKind.HEPATIC_VEIN_THROMBUS: Role.HEPATIC_VEIN_THROMBUS,
    RegionKind.PERFUSED: Role.PERFUSED,
    RegionKind.WHOLE_LIVER: Role.LIVER,
}
"""Reported volumes that belong to an outline; the other ones are what remains of the normal liver."""
DERIVED: Mapping[RegionKind, Code] = {
    RegionKind.PERFUSED_NORMAL: Code(PRIVATE_SCHEME, "PERF_NORMAL", "Perfused normal liver"),
    RegionKind.UNPERFUSED_NORMAL: Code(PRIVATE_SCHEME, "UNPERF_NORMAL", "Unperfused normal liver"),
    RegionKind.WHOLE_NORMAL: Code(PRIVATE_SCHEME, "WHOLE_NORMAL", "Whole normal liver"),
}


def groups_of(assessed: Assessed) -> tuple[Group, ...]:
    """Return what a measurement report holds: structures first, then volumes without an outline, lungs, infusions.

    Doses are those of all counted sessions together unless the label names a session.
    """
    case = assessed.case
    matched = {id(h): _outline(case, h.region) for h in assessed.dvhs}
    groups = [
        _structure_group(assessed, s, [h for h in assessed.dvhs if matched[id(h)] is s])
        for s in case.structures
        if not s.is_empty
    ]
    groups += [_region_group(assessed, h) for h in assessed.dvhs if matched[id(h)] is None]
    groups += _lung_groups(assessed)
    groups += [
        _infusion_group(session.session.label, doses)
        for session in assessed.doses.sessions
        for doses in session.infusions
    ]
    return tuple(g for g in groups if g.quantities)


def _outline(case: Case, region: Region) -> Structure | None:
    role = REGIONS.get(region.kind)
    if role is None:
        return None
    found = case.of_role(role)
    if role.takes_several:
        found = tuple(s for s in found if s.label == region.label)
    return found[0] if found and not found[0].is_empty else None


def _structure_group(assessed: Assessed, structure: Structure, histograms: Sequence[RegionHistogram]) -> Group:
    entry = TERMINOLOGY[structure.role]
    quantities = [Quantity(VOLUME, structure.volume_ml, UNITS["ml"].ucum, AS_DRAWN)]
    for histogram in histograms:
        quantities += _doses(assessed, histogram)
    if structure.role is Role.FLR:
        quantities += _points(assessed, assessed.flr_dvh, mean=True)
    return Group(structure.label, entry.type, entry.region, tuple(quantities), structure.label)


def _region_group(assessed: Assessed, histogram: RegionHistogram) -> Group:
    region = histogram.region
    finding = DERIVED.get(region.kind) or TERMINOLOGY[REGIONS[region.kind]].type
    return Group(region.label, finding, NORMAL_LIVER.region, tuple(_doses(assessed, histogram)))


def _doses(assessed: Assessed, histogram: RegionHistogram) -> Iterator[Quantity]:
    """Yield the volume that doses are averaged over, the mean dose under each model, and points of the histogram."""
    indices = histogram.region.indices
    volume_ml = assessed.doses.prepared.compartments.volume_ml(indices)
    yield Quantity(VOLUME, volume_ml, UNITS["ml"].ucum, DISJOINT)
    for model, method in METHODS.items():
        dose_gy = assessed.doses.dose_gy(model, indices)
        if not isinstance(dose_gy, Missing):
            yield _mean_dose(dose_gy, method)
    yield from _points(assessed, histogram.dvh)


def _points(assessed: Assessed, dvh: Dvh | Missing, *, mean: bool = False) -> Iterator[Quantity]:
    if isinstance(dvh, Missing):
        return
    method, summary = VOXELS[assessed.case.settings.dose_model], dvh.summary()
    if mean:
        yield _mean_dose(summary.mean_gy, method)
    for name, concept in HISTOGRAM_POINTS.items():
        yield Quantity(concept, float(getattr(summary, name)), UNITS["gy"].ucum, method)


def _mean_dose(dose_gy: float, method: Code) -> Quantity:
    return Quantity(ABSORBED_DOSE, dose_gy, UNITS["gy"].ucum, method, MEAN)


def _lung_groups(assessed: Assessed) -> Iterator[Group]:
    lung = TERMINOLOGY[Role.LUNGS].type
    titles = {"lung_dose_gy.session": "Lungs, session {}", "lung_dose_gy.case": "Lungs, all sessions"}
    for found in assessed.measurements:
        if found.measure_id in titles and isinstance(found.value, int | float):
            label = titles[found.measure_id].format(found.about)
            yield Group(label, lung, NO_CODE, (_mean_dose(float(found.value), LUNG_MODEL),))


def _infusion_group(session: str, doses: InfusionDoses) -> Group:
    net = doses.net
    values = (
        (ADMINISTERED, net if isinstance(net, Missing) else net.infused_gbq, UNITS["gbq"]),
        (RESIDUAL, doses.infusion.residual_fraction, UNITS["fraction"]),
        (LUNG_SHUNT, doses.lung_shunt_fraction, UNITS["fraction"]),
        (TUMOR_TO_NORMAL, doses.tumor_to_normal_ratio, UNITS["ratio"]),
    )
    quantities = tuple(
        Quantity(concept, float(v), unit.ucum)
        for concept, v, unit in values
        if v is not None and not isinstance(v, Missing)
    )
    label = f"Infusion {doses.infusion.label}, session {session}"
    return Group(label, INFUSION, TERMINOLOGY[Role.LIVER].type, quantities)
