"""Digital patients with known truth: a torso with liver, tumors and thrombus, its CT, SPECT, PET and true doses."""

from .anatomy import Anatomy, Tissue
from .followup import PatientOverTime, Step, TrueVolumes, patient_over_time
from .patient import DigitalPatient, Outline, case_variant, digital_patient
from .settings import LARGE, Lesion, PhantomSettings, Zone
from .treatments import Treatment, Variant
from .truth import TrueDoses

__all__ = [
    "LARGE",
    "Anatomy",
    "DigitalPatient",
    "Lesion",
    "Outline",
    "PatientOverTime",
    "PhantomSettings",
    "Step",
    "Tissue",
    "Treatment",
    "TrueDoses",
    "TrueVolumes",
    "Variant",
    "Zone",
    "case_variant",
    "digital_patient",
    "patient_over_time",
]
