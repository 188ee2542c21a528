"""A patient of boxes, whose doses can be written down: what whole cases of the protocol are computed on.

Liver 10 x 10 x 10 cm: 1000 mL. Its right half is perfused by "Right", its left half by "Left", 500 mL each, the
segment of 10 x 5 x 2 cm in the right half by "Segment", 100 mL. Tumor "T1" of 48 mL lies in the right half and in the
segment, "T2" of 12 mL in the left half, "T3" of 12 mL and thrombus "PVTT" of 8 mL in the right half; each only where
it is asked for. The lungs, 1000 mL of 0.3 g/mL on the CT, lie above the liver; the remnant "FLR" is the left half.
Outlines lie on voxels of 5 mm, images on voxels of 10 mm whose faces coincide with theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..case import Basis, Case, Disease, DoseModel, Encephalopathy, Grade, Infusion, Patient, Session, Settings, Vial
from ..images import ActivityDifference, ActivityMap, CountMap, CtImage
from ..structures import Role, Structure

FINE_MM, COARSE_MM = 5.0, 10.0
SHAPE = (24, 12, 12)
"""Of the images, (z, y, x) in coarse voxels; the liver fills 1 to 11 along each axis."""
Span = tuple[slice, slice, slice]


def _span(z: tuple[int, int], y: tuple[int, int], x: tuple[int, int]) -> Span:
    return slice(*z), slice(*y), slice(*x)


BOXES: Mapping[str, tuple[Role, Span]] = {
    "Liver": (Role.LIVER, _span((1, 11), (1, 11), (1, 11))),
    "Right": (Role.PERFUSED, _span((1, 11), (1, 11), (1, 6))),
    "Left": (Role.PERFUSED, _span((1, 11), (1, 11), (6, 11))),
    "Segment": (Role.PERFUSED, _span((3, 5), (1, 11), (1, 6))),
    "T1": (Role.TUMOR, _span((3, 5), (2, 10), (2, 5))),
    "T2": (Role.TUMOR, _span((3, 5), (3, 6), (7, 9))),
    "T3": (Role.TUMOR, _span((7, 9), (3, 6), (2, 4))),
    "PVTT": (Role.PVTT, _span((7, 9), (7, 9), (2, 4))),
    "Lungs": (Role.LUNGS, _span((13, 23), (1, 11), (1, 11))),
    "FLR": (Role.FLR, _span((1, 11), (1, 11), (6, 11))),
}
FROM_CT = "from CT"
"""A lung mass that is measured."""
LUNGS_HU, TISSUE_HU, AIR_HU = -700, 40, -1000
LABS: Mapping[str, Any] = {
    "weight_kg": 70.0,
    "height_cm": 170.0,
    "bilirubin_umol_l": 10.5,
    "albumin_g_l": 43.0,
    "inr_ratio": 1.0,
    "ascites": "none",
    "encephalopathy": "none",
    "ecog": 0,
}
FACTS: Mapping[str, Any] = {"diagnosis": "hcc", "device": "glass", "previous_y90": False, "lobes_involved": "unilobar"}


@dataclass(frozen=True)
class Order:
    """One vial into one of the perfused boxes, as a row asks for it."""

    perfused: str = "Right"
    activity_gbq: float = 2.0
    residual_fraction: float | None = 0.02
    lung_shunt_fraction: float | None = 0.05
    ratio: float | None = None
    """T:N as the team gives it."""
    calibrated: str = ""
    given: str = ""
    shunt_from_image: bool = False

    def infusion(self) -> Infusion:
        """Return it as part of a case."""
        calibrated = datetime.fromisoformat(self.calibrated) if self.calibrated else None
        given = datetime.fromisoformat(self.given) if self.given else None
        shunt = None if self.shunt_from_image else self.lung_shunt_fraction
        vial = Vial(self.activity_gbq, calibrated)
        return Infusion(
            self.perfused, vial, self.perfused, given, self.residual_fraction, shunt, self.shunt_from_image, self.ratio
        )


@dataclass(frozen=True)
class Boxes:
    """What a row asks of the patient; `counts` are the image's, relative or in Bq/mL, later boxes on top."""

    parts: Sequence[str] = ("Right", "T1")
    orders: Sequence[Mapping[str, Any]] = ({},)
    counts: Mapping[str, float] | None = field(default_factory=lambda: {"Right": 1.0, "T1": 4.0})
    """None: there is no image."""
    absolute: str = ""
    """Empty: relative counts; "infusion", or the instant at which Bq/mL hold."""
    sessions: int = 1
    """How often the whole is given."""
    delivered: bool = False
    scenario: int | None = None
    labs: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def case(self) -> Case:
        """Return the case."""
        infusions = tuple(Order(**order).infusion() for order in self.orders)
        basis = Basis.DELIVERED if self.delivered else Basis.PLANNED
        names = ["Session"] if self.sessions == 1 else [f"Session {n + 1}" for n in range(self.sessions)]
        why = ActivityDifference.CALIBRATION if self.absolute else None  # these images show what is easy to compute
        settings = dict(self.settings)
        if "dose_model" in settings:
            settings["dose_model"] = DoseModel(settings["dose_model"])
        if settings.get("lung_mass_g") == FROM_CT:
            settings["lung_mass_g"] = None
        return Case(
            "Boxes",
            tuple(_structure(name) for name in ("Liver", *self.parts)),
            tuple(Session(name, infusions, self._image(), basis, None, why) for name in names),
            _ct(),
            _patient({**LABS, **self.labs}),
            Disease(self.scenario, None, {**FACTS, **self.facts}),
            Settings(**{"hospital_time_zone": "Europe/Paris", **settings}),
        )

    def _image(self) -> CountMap | ActivityMap | None:
        if self.counts is None:
            return None
        values = np.zeros(SHAPE, dtype=np.float32)
        for name, concentration in self.counts.items():
            values[BOXES[name][1]] = concentration
        if not self.absolute:
            return CountMap(_image_of(values, COARSE_MM))
        at = None if self.absolute == "infusion" else datetime.fromisoformat(self.absolute)
        return ActivityMap(_image_of(values, COARSE_MM), at)


def _structure(name: str) -> Structure:
    role, span = BOXES[name]
    mask = np.zeros([2 * n for n in SHAPE], dtype=np.uint8)
    mask[tuple(slice(2 * s.start, 2 * s.stop) for s in span)] = 1
    return Structure(role, name, _image_of(mask, FINE_MM))


def _ct() -> CtImage:
    hu = np.full([2 * n for n in SHAPE], AIR_HU, dtype=np.int16)
    for name, value in (("Liver", TISSUE_HU), ("Lungs", LUNGS_HU)):
        hu[tuple(slice(2 * s.start, 2 * s.stop) for s in BOXES[name][1])] = value
    return CtImage(_image_of(hu, FINE_MM))


def _patient(labs: Mapping[str, Any]) -> Patient:
    known = dict(labs)
    for name, words in (("ascites", Grade), ("encephalopathy", Encephalopathy)):
        known[name] = words(known[name])
    return Patient(**known)


def _image_of(array: NDArray[Any], spacing_mm: float) -> sitk.Image:
    """Return an image whose outer corner lies at the origin of the patient's space, in mm."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((spacing_mm,) * 3)
    image.SetOrigin((spacing_mm / 2,) * 3)
    return image
