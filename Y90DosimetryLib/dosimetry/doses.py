"""From a case to its doses: what does not depend on activity is measured once, the rest is arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..case import Case
from ..case import counted_sessions as counted_sessions
from ..compartments import Compartments, compartments_of
from ..errors import InputError
from ..geometry import covered_to_a_voxel, longest_diameter_mm, smallest_margin_mm
from ..images import array_of
from ..missing import Missing
from ..occupancy import excluding, occupancy_of
from ..progress import Progress, silent
from ..structures import LESION_ROLES, Role
from ..studies import StudyVolumes, volumes_of_point
from .deposits import NO_IMAGE, Deposit, Model, SessionDoses, session_doses, total_deposit
from .foci import Focus, foci_of
from .lung import lung_dose_gy, lung_mass_on_ct_g, shunt_difference_ratio, spect_shunt
from .reference import Reference, References, reference_of
from .uptake import Uptake, uptake_of


@dataclass(frozen=True)
class LungView:
    """The lungs on one session's image, voxels that the liver touches left out."""

    counts: float
    in_view_fraction: float
    shunt_fraction: float | Missing
    """As `y90 lsf` measures it; missing where a part of the lungs is not seen."""
    least_fraction: float | Missing
    """The same of what is seen: a lower bound where a part is not."""

    def differs_from(self, stated_fraction: float) -> float | Missing:
        """Return by how many times its uncertainty it differs from a typed one; a lower bound only upward."""
        if isinstance(self.least_fraction, Missing):
            return self.least_fraction
        if self.least_fraction == 0:
            return Missing("the image shows no counts in the lungs: a zero is no measurement", ("image",))
        if isinstance(self.shunt_fraction, Missing) and self.least_fraction <= stated_fraction:
            return self.shunt_fraction
        return shunt_difference_ratio(stated_fraction, self.least_fraction)

    def higher_fraction(self, stated_fraction: float) -> float:
        """Return the higher of both where they differ by more than their uncertainty, else the typed one."""
        apart = self.differs_from(stated_fraction)
        if isinstance(apart, Missing) or isinstance(self.least_fraction, Missing) or apart <= 1.0:
            return stated_fraction
        return max(stated_fraction, self.least_fraction)


@dataclass(frozen=True)
class Prepared:
    """What images and outlines say, before any activity is known; reusable while they do not change."""

    compartments: Compartments
    uptakes: tuple[Uptake | None, ...]
    lungs: tuple[LungView | Missing, ...]
    lung_mass_g: float | Missing
    tumor_diameters_mm: Mapping[str, float]
    """Longest diameter of each tumor, as drawn."""
    tumor_margins_mm: Mapping[str, float | None]
    """Smallest margin of each tumor inside everything that is treated; see `smallest_margin_mm`."""
    covered_to_a_voxel: frozenset[str]
    """Tumors and thrombi inside everything that is treated, one voxel over the edge allowed."""
    time_points: tuple[StudyVolumes, ...] = ()
    """The volumes of each of the case's time points."""
    foci: tuple[tuple[Focus, ...], ...] = ()
    """Of each session's image: counts beyond a margin around liver and lungs."""


@dataclass(frozen=True)
class Withheld:
    """What would be wrong and is shown as missing, each with its reason; `engine` decides it."""

    everything: Missing | None = None
    sessions: Mapping[str, Missing] = field(default_factory=dict)
    """Every dose of a session, by its label."""
    images: Mapping[str, Missing] = field(default_factory=dict)
    """What is read from a session's image: T:N ratios, partition model, multicompartment, dose map."""
    maps: Mapping[str, Missing] = field(default_factory=dict)
    """The dose of the voxels of a session alone."""

    def of_session(self, label: str) -> Missing | None:
        """Return why every dose of a session is withheld; None when it is not."""
        return self.everything or self.sessions.get(label)

    def of_image(self, label: str) -> Missing | None:
        """Return why what a session's image shows is withheld; None when it is not."""
        return self.of_session(label) or self.images.get(label)

    def of_map(self, label: str) -> Missing | None:
        """Return why a session's dose map is withheld; None when it is not."""
        return self.of_image(label) or self.maps.get(label)


NOTHING_WITHHELD = Withheld()


@dataclass(frozen=True)
class Doses:
    """Deposits of every session of a case, and what follows for the lungs."""

    case: Case
    prepared: Prepared
    sessions: tuple[SessionDoses, ...]
    lung_doses_gy: tuple[float | Missing, ...]
    """One for each session."""
    withheld: Withheld = NOTHING_WITHHELD
    """What is missing here because it would be wrong."""

    @property
    def counted(self) -> tuple[int, ...]:
        """Indices of the sessions that count in totals: a plan that was delivered does not."""
        wanted = {s.label for s in counted_sessions(self.case)}
        return tuple(i for i, s in enumerate(self.sessions) if s.session.label in wanted)

    def total(self, model: Model) -> Deposit | Missing:
        """Return the deposit of all counted sessions together."""
        return total_deposit([self.sessions[i] for i in self.counted], model)

    def dose_gy(self, model: Model, indices: Iterable[int]) -> float | Missing:
        """Return the mean dose of some compartments from all counted sessions, in Gy."""
        total = self.total(model)
        return total if isinstance(total, Missing) else total.dose_gy(indices)

    def dose_by_compartment_gy(self, indices: Iterable[int]) -> float | Missing:
        """Return the mean dose that is judged by compartment, all counted sessions together, in Gy."""
        total = total_deposit([self.sessions[i] for i in self.counted], None)
        return total if isinstance(total, Missing) else total.dose_gy(indices)


def prepare(case: Case, progress: Progress = silent) -> Prepared:
    """Measure volumes and counts of a case.

    Raises
    ------
    InputError
        If structures or images are impossible together; see `compartments_of` and `uptake_of`.
    """
    progress(0.0, "dividing the liver into compartments")
    compartments = compartments_of(case)
    uptakes: list[Uptake | None] = []
    lungs: list[LungView | Missing] = []
    foci: list[tuple[Focus, ...]] = []
    for number, session in enumerate(case.sessions):
        progress(0.2 + 0.5 * number / len(case.sessions), f"counting session '{session.label}'")
        uptakes.append(uptake_of(session, compartments))
        lungs.append(_lungs(case, uptakes[-1]))
        foci.append(_foci(case, uptakes[-1]))
    progress(0.7, "measuring tumors and margins")
    tumors = case.of_role(Role.TUMOR)
    treated = frozenset(i.perfused for s in counted_sessions(case) for i in s.infusions)
    return Prepared(
        compartments,
        tuple(uptakes),
        tuple(lungs),
        _lung_mass_g(case),
        {s.label: longest_diameter_mm(s) for s in tumors if not s.is_typed},
        {
            s.label: smallest_margin_mm(compartments, s.label, treated)
            for s in tumors
            if treated and not s.is_typed and compartments.lesion(s.label)
        },
        frozenset(
            s.label
            for role in LESION_ROLES
            for s in case.of_role(role)
            if treated
            and not s.is_typed
            and compartments.lesion(s.label)
            and covered_to_a_voxel(compartments, s.label, treated)
        ),
        tuple(volumes_of_point(point) for point in case.time_points),
        tuple(foci),
    )


def doses_of(
    case: Case,
    prepared: Prepared,
    withheld: Withheld = NOTHING_WITHHELD,
    references: References = None,
) -> Doses:
    """Return all deposits and lung doses of a case; cheap, and linear in every activity.

    *references*, one for each session, say over which counts an infusion is spread in place of what the case says.
    """
    sessions: list[SessionDoses] = []
    lung_doses: list[float | Missing] = []
    for session, uptake, lungs in zip(case.sessions, prepared.uptakes, prepared.lungs, strict=True):
        shunt = lungs if isinstance(lungs, Missing) else lungs.shunt_fraction
        unread = withheld.of_image(session.label)
        parts = prepared.compartments
        reference: Reference | Missing = NO_IMAGE
        if references is not None:
            reference = references[len(sessions)]
        elif uptake is not None:
            reference = reference_of(case, session, parts, uptake)
        doses = session_doses(session, parts, uptake, unread or shunt, case.settings, reference)
        doses = _with_judged_shunts(doses, unread or lungs)
        sessions.append(_without(doses, withheld))
        activity_gbq, mass_g = _judged_lung_gbq(sessions[-1]), prepared.lung_mass_g
        if isinstance(activity_gbq, Missing):
            lung_doses.append(activity_gbq)
        elif isinstance(mass_g, Missing):
            lung_doses.append(mass_g)
        else:
            lung_doses.append(lung_dose_gy(activity_gbq, mass_g, case.settings.joule_per_gbq))
    return Doses(case, prepared, tuple(sessions), tuple(lung_doses), withheld)


def _with_judged_shunts(doses: SessionDoses, lungs: LungView | Missing) -> SessionDoses:
    """Return the doses with the higher lung shunt judged where a typed and the measured one contradict each other."""
    if isinstance(lungs, Missing):
        return doses
    higher = (
        i.lung_shunt_fraction
        if isinstance(i.lung_shunt_fraction, Missing)
        else lungs.higher_fraction(i.lung_shunt_fraction)
        for i in doses.infusions
    )
    infusions = tuple(replace(i, judged_shunt_fraction=h) for i, h in zip(doses.infusions, higher, strict=True))
    return replace(doses, infusions=infusions)


def _judged_lung_gbq(doses: SessionDoses) -> float | Missing:
    """Return the activity in the lungs by the shunts that are judged."""
    if isinstance(doses.lung_activity_gbq, Missing):
        return doses.lung_activity_gbq
    total_gbq = 0.0
    for infusion in doses.infusions:
        assert not isinstance(infusion.net, Missing) and not isinstance(infusion.judged_shunt_fraction, Missing)
        total_gbq += infusion.net.infused_gbq * infusion.judged_shunt_fraction
    return total_gbq


def _without(doses: SessionDoses, withheld: Withheld) -> SessionDoses:
    """Return the doses of a session without what is withheld."""
    label = doses.session.label
    unread, all_gone = withheld.of_image(label), withheld.of_session(label)
    if unread is None:
        return doses
    infusions = tuple(replace(i, tumor_to_normal_ratio=unread, net=all_gone or i.net) for i in doses.infusions)
    from_image = dict.fromkeys((Model.PARTITION, Model.MULTI), unread)
    deposits = {model: all_gone or from_image.get(model) or deposit for model, deposit in doses.deposits.items()}
    lungs = all_gone or doses.lung_activity_gbq
    return replace(
        doses,
        infusions=infusions,
        deposits=deposits,
        lung_activity_gbq=lungs,
        image_activity_gbq=unread,
        image_withheld=unread,
    )


def _foci(case: Case, uptake: Uptake | None) -> tuple[Focus, ...]:
    if uptake is None:
        return ()
    lungs = case.one(Role.LUNGS)
    part = None if lungs is None or lungs.is_empty else occupancy_of(lungs, uptake.grid)
    return foci_of(uptake.image.image, uptake.occupancy(tuple(range(uptake.compartment_count))), part)


def _lungs(case: Case, uptake: Uptake | None) -> LungView | Missing:
    lungs = case.one(Role.LUNGS)
    if lungs is None or lungs.is_empty:
        return Missing("the lungs are not outlined", ("structures",))
    if uptake is None:
        return Missing("there is no image to measure the lungs on", ("image",))
    part = occupancy_of(lungs, uptake.grid)
    if part.total_ml <= 0:
        return Missing("the lungs lie outside the image", ("image",))
    liver = uptake.occupancy(tuple(range(uptake.compartment_count)))
    counts = excluding(part, liver).integral(array_of(uptake.image.image))
    whole = case.one(Role.LIVER)
    assert whole is not None, "a case with compartments has a liver"
    try:
        found = spect_shunt(uptake.image, whole, lungs, case.ct, margin_mm=case.settings.lung_shunt_margin_mm)
    except InputError as error:
        gone = Missing(f"not measured: {error}", ("lung_shunt_fraction",))
        return LungView(counts, part.total_ml / lungs.volume_ml, gone, gone)
    return LungView(counts, part.total_ml / lungs.volume_ml, found.fraction, found.least_fraction)


def _lung_mass_g(case: Case) -> float | Missing:
    if case.settings.lung_mass_g is not None:
        return case.settings.lung_mass_g
    lungs = case.one(Role.LUNGS)
    if lungs is None or lungs.is_empty or case.ct is None:
        return Missing("the lung mass is to be measured, but lungs or CT are missing", ("lung_mass_g",))
    return lung_mass_on_ct_g(lungs, case.ct)
