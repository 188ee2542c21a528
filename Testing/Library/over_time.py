"""A small case over time for tests: box-shaped liver, one infusion on 4 March 2026, and typed volumes later."""

from __future__ import annotations

from datetime import date, datetime

from shapes import box, constant, grid

from Y90DosimetryLib.case import Basis, Case, Disease, Infusion, Patient, Session, TimeKind, TimePoint, Vial
from Y90DosimetryLib.dosimetry.doses import doses_of, prepare
from Y90DosimetryLib.dosimetry.regions import regions_of
from Y90DosimetryLib.images import CountMap
from Y90DosimetryLib.measurements import measure
from Y90DosimetryLib.structures import Role, Structure
from Y90DosimetryLib.studies import Studies, studies_of

CT = grid((4.0, 4.0, 4.0), (240.0, 160.0, 160.0))
LIVER = Structure(Role.LIVER, "Liver", box(CT, (-80, -40, -40), (80, 40, 40)))  # 1024 mL
RIGHT = Structure(Role.PERFUSED, "Right", box(CT, (-80, -40, -40), (0, 40, 40)))  # 512 mL
TUMOR = Structure(Role.TUMOR, "Tumor", box(CT, (-60, -12, -12), (-36, 12, 12)))  # 13.8 mL
FLR = Structure(Role.FLR, "Remnant", box(CT, (0, -40, -40), (80, 40, 40)))  # 512 mL
TREATED = date(2026, 3, 4)
MONTH_DAYS = {1: date(2026, 4, 4), 3: date(2026, 6, 4), 6: date(2026, 9, 4), 9: date(2026, 12, 4)}
"""The day so many months after the treatment."""
BODY = Patient(weight_kg=70.0, height_cm=170.0)
TELV_ML = 1499.0
GIVEN_AT = "2026-03-04T09:30:00+01:00"


def infusion(given_at=GIVEN_AT, label="1", perfused="Right", gbq=3.0):
    return Infusion(label, Vial(gbq), perfused, given_at and datetime.fromisoformat(given_at), 0.01, 0.05)


def session(*infusions, label="Delivered", basis=Basis.DELIVERED):
    counts = CountMap(constant(grid((8.0, 8.0, 8.0), (240.0, 160.0, 160.0)), 1.0))
    return Session(label, infusions or (infusion(),), counts, basis)


def point(label, on, kind=TimeKind.FOLLOW_UP, *, flr=None, liver=None, tumor=None, treated=None, **others):
    """A time point with typed volumes in mL."""
    pairs = ((Role.FLR, flr), (Role.LIVER, liver), (Role.TUMOR, tumor), (Role.PERFUSED, treated))
    volumes = {role: float(volume) for role, volume in pairs if volume is not None}
    return TimePoint(label, on, kind, volumes_ml=volumes, **others)


def case(*points, structures=(LIVER, RIGHT, TUMOR, FLR), sessions=None, facts=None, patient=BODY, scenario=2, **more):
    disease = Disease(scenario, more.pop("intent", None), facts or {})
    sessions = (session(),) if sessions is None else sessions
    return Case("c", tuple(structures), sessions, patient=patient, disease=disease, time_points=points, **more)


def studies(*points, **choices) -> Studies:
    """The studies of a case."""
    made = case(*points, **choices)
    prepared = prepare(made)
    return studies_of(made, prepared.compartments, prepared.time_points)


def measured(made):
    """All measurements of a case by id; those that exist for several items are left out."""
    prepared = prepare(made)
    rows = measure(made, prepared, doses_of(made, prepared), regions_of(made, prepared.compartments))
    return {m.measure_id: m for m in rows if not m.about}
