"""Small cases with doses that can be computed by hand, for the tests of planning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache

import numpy as np
import SimpleITK as sitk

from Y90DosimetryLib.case import Case, Disease, Infusion, Patient, Session, Settings, Vial
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.guidelines.rule import Basis, Rule, Severity, Source
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.phantom import PhantomSettings, digital_patient
from Y90DosimetryLib.planning.constraints import Bound, Constraint, Constraints, Side
from Y90DosimetryLib.planning.dose_lines import DoseLine, DoseLines, dose_lines
from Y90DosimetryLib.structures import Role, Structure

RESIDUAL, SHUNT, K, DENSITY_KG_ML = 0.02, 0.05, 50.0, 1.03e-3
TUMOR_RATIO = 4.0
CALIBRATED = datetime.fromisoformat("2026-03-01T12:00:00-05:00")
WEDNESDAY = datetime.fromisoformat("2026-03-04T10:00:00+01:00")
CHILD_PUGH_A = Patient(
    weight_kg=70, height_cm=170, bilirubin_umol_l=10.0, albumin_g_l=42.0, inr_ratio=1.0, ascites="none",  # type: ignore[arg-type]
    encephalopathy="none",  # type: ignore[arg-type]
)  # fmt: skip
FACTS = {"diagnosis": "hcc", "device": "glass", "previous_y90": False, "lobes_involved": "unilobar"}
COARSE = PhantomSettings(ct_spacing_mm=(3.0, 3.0, 4.0))


def image(array: np.ndarray) -> sitk.Image:
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((10.0, 10.0, 10.0))
    return made


def blocks() -> dict[str, np.ndarray]:
    """A liver of 1000 mL; its halves; tumors of 48 mL in the right and 12 mL in the left half."""
    found = {
        name: np.zeros((12, 12, 12), np.uint8) for name in ("Liver", "Right lobe", "Left lobe", "Tumor 1", "Tumor 2")
    }
    found["Liver"][1:11, 1:11, 1:11] = 1
    found["Right lobe"][1:11, 1:11, 1:6] = 1
    found["Left lobe"][1:11, 1:11, 6:11] = 1
    found["Tumor 1"][3:7, 3:7, 2:5] = 1
    found["Tumor 2"][3:5, 3:6, 7:9] = 1
    return found


ROLES = {
    "Liver": Role.LIVER,
    "Right lobe": Role.PERFUSED,
    "Left lobe": Role.PERFUSED,
    "Tumor 1": Role.TUMOR,
    "Tumor 2": Role.TUMOR,
}


def infusion(label: str, perfused: str, activity_gbq: float = 2.0, shunt: float | None = SHUNT) -> Infusion:
    return Infusion(label, Vial(activity_gbq / 2 ** (-64 / 64.1), CALIBRATED), perfused, WEDNESDAY, RESIDUAL, shunt)


def hand_case(
    scenario: int | None = 2,
    both: bool = False,
    shunt: float | None = SHUNT,
    patient: Patient = CHILD_PUGH_A,
    facts: Mapping[str, object] = FACTS,
    with_image: bool = True,
    earlier: tuple[Session, ...] = (),
) -> Case:
    """One vial into the right half, or one into each."""
    parts = blocks()
    wanted = [n for n in parts if both or n not in {"Left lobe", "Tumor 2"}]
    counts = np.zeros((12, 12, 12), np.float32)
    counts[(parts["Right lobe"] if not both else parts["Liver"]) > 0] = 1.0
    for name in wanted:
        if ROLES[name] is Role.TUMOR:
            counts[parts[name] > 0] = TUMOR_RATIO
    infusions = [infusion("Right", "Right lobe", shunt=shunt)]
    if both:
        infusions.append(infusion("Left", "Left lobe", 1.5, shunt))
    session = Session("Plan", tuple(infusions), CountMap(image(counts)) if with_image else None)
    return Case(
        "By hand",
        tuple(Structure(ROLES[n], n, image(parts[n])) for n in wanted),
        (*earlier, session),
        patient=patient,
        disease=Disease(scenario, None, dict(facts)),  # type: ignore[arg-type]
        settings=Settings(hospital_time_zone="Europe/Paris"),
    )


def lines_of(case: Case) -> DoseLines:
    return dose_lines(Engine.prepare(case), load_rules())


@cache
def phantom_case(variant: str = "two_tumors") -> Engine:
    return Engine.prepare(digital_patient(COARSE, variant).case())


RULE = Rule(
    "X-1", "A rule", "a topic", (2,), (), (Source("salem2023", "somewhere"),), Basis.CONSENSUS, date(2026, 1, 1)
)


def line(*per: float, already_gy: float = 0.0, name: str = "ntad_gy.multicompartment", about: str = "") -> DoseLine:
    return DoseLine(name, about, already_gy, per)


def at_least(dose_gy: float, *lines: DoseLine, severity: Severity = Severity.TARGET) -> Constraint:
    return Constraint(severity, tuple(Bound(one, Side.AT_LEAST, dose_gy) for one in lines), RULE)


def at_most(
    dose_gy: float, *lines: DoseLine, severity: Severity = Severity.WARNING, is_open: bool = False
) -> Constraint:
    return Constraint(severity, tuple(Bound(one, Side.AT_MOST, dose_gy, is_open) for one in lines), RULE)


def asked(*constraints: Constraint) -> Constraints:
    return Constraints(constraints, (), ())
