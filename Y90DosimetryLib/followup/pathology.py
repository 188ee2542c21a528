"""How much of each tumor the pathologist found dead, per tumor and for the patient, with the dose it had received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..case import Basis, Case
from ..dosimetry.deposits import Model
from ..dosimetry.doses import Doses
from ..dosimetry.whole_treatment import dose_of_basis_gy
from ..errors import InputError
from ..missing import Missing, first_missing
from ..outcome import EXTENSIVE_FROM_FRACTION as EXTENSIVE_FROM_FRACTION
from ..outcome import Necrosis as Necrosis
from ..outcome import TumorPathology
from ..outcome import necrosis_of as necrosis_of
from ..quantities import require_not_negative
from ..structures import Role

UNKNOWN_DOSE = Missing("the dose of this tumor is not known", ("image",))


@dataclass(frozen=True)
class TumorNecrosis(TumorPathology):
    """One tumor of the explant with its doses; `dose_gy` is the delivered one.

    Raises
    ------
    InputError
        As `TumorPathology`, or if a dose is negative.
    """

    dose_gy: float | Missing = UNKNOWN_DOSE
    planned_dose_gy: float | Missing = UNKNOWN_DOSE

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, dose_gy in (("dose", self.dose_gy), ("planned dose", self.planned_dose_gy)):
            if not isinstance(dose_gy, Missing):
                require_not_negative(dose_gy, f"tumor '{self.tumor}', {name}", "Gy")

    @property
    def necrosis(self) -> Necrosis | Missing:
        """The class of this tumor."""
        if self.necrosis_fraction is not None:
            return necrosis_of(self.necrosis_fraction)
        return self.stated or Missing(f"necrosis of '{self.tumor}' is not reported", ("necrosis",))


@dataclass(frozen=True)
class PatientNecrosis:
    """All tumors of a patient: the poorest necrosis and the lowest dose, as the cohort counts a patient."""

    tumors: tuple[TumorNecrosis, ...]

    def __post_init__(self) -> None:
        if not self.tumors:
            raise InputError("there is no tumor", where="pathology", remedy="Enter at least one")
        names = [t.tumor for t in self.tumors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"'{twice[0]}' is reported twice", where="pathology", remedy="Keep one")

    @property
    def necrosis(self) -> Necrosis | Missing:
        """The poorest of the tumors; certain as soon as one is partial, whatever is not reported of the others."""
        found = [t.necrosis for t in self.tumors]
        known = [n for n in found if not isinstance(n, Missing)]
        if Necrosis.PARTIAL in known:
            return Necrosis.PARTIAL
        gone = first_missing(*(n for n in found if isinstance(n, Missing)))
        return gone or max(known, key=lambda n: n.rank)

    @property
    def poorest(self) -> tuple[TumorNecrosis, ...]:
        """The tumors that decide."""
        return tuple(t for t in self.tumors if t.necrosis is self.necrosis)

    @property
    def lowest_dose_gy(self) -> float | Missing:
        """The lowest dose of a tumor; missing when one is not known."""
        doses_gy = [t.dose_gy for t in self.tumors]
        gone = first_missing(*doses_gy)
        return gone or min(d for d in doses_gy if not isinstance(d, Missing))

    @property
    def microvascular_emboli(self) -> bool | Missing:
        """Whether any tumor had them; "no" only where it is said of every tumor."""
        found = {t.tumor: t.microvascular_emboli for t in self.tumors}
        if True in found.values():
            return True
        unknown = [tumor for tumor, emboli in found.items() if emboli is None]
        if unknown:
            return Missing(f"microvascular emboli of '{unknown[0]}' are not reported", ("microvascular_emboli",))
        return False


def explant_of(case: Case, doses: Doses) -> PatientNecrosis | None:
    """Return every tumor of a case with its pathology and its multicompartment doses; None without any pathology.

    A tumor without an entry is there too, as not reported: the patient's class depends on it.
    """
    if not case.outcome.pathology:
        return None
    found = []
    for structure in case.of_role(Role.TUMOR):
        entry, own = case.outcome.of_tumor(structure.label), doses.prepared.compartments.lesion(structure.label)
        delivered_gy, planned_gy = (
            dose_of_basis_gy(doses, basis, Model.MULTI, own) for basis in (Basis.DELIVERED, Basis.PLANNED)
        )
        found.append(
            TumorNecrosis(
                entry.tumor,
                entry.necrosis_fraction,
                entry.stated,
                microvascular_emboli=entry.microvascular_emboli,
                dose_gy=delivered_gy,
                planned_dose_gy=planned_gy,
            )
        )
    return PatientNecrosis(tuple(found))


def doses_by_necrosis(tumors: Iterable[TumorNecrosis]) -> Mapping[Necrosis, tuple[float, ...]]:
    """Return the known doses in Gy of the tumors of each class, rising; tumors without class or dose are left out."""
    found: dict[Necrosis, list[float]] = {n: [] for n in Necrosis}
    for tumor in tumors:
        if not isinstance(tumor.necrosis, Missing) and not isinstance(tumor.dose_gy, Missing):
            found[tumor.necrosis].append(tumor.dose_gy)
    return {necrosis: tuple(sorted(doses_gy)) for necrosis, doses_gy in found.items()}
