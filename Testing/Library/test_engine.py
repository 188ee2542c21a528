"""What may be believed is decided once: slider step, assessment and plan withhold the same, for every fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from check_cases import (
    PATIENT,
    STRUCTURES,
    SUNDAY_NOON,
    WORLD,
    case,
    counts,
    ct,
    delivered,
    infusion,
    of_volume,
    outline,
    plan,
)
from shapes import filled
from test_checks_structures import scaled

from Y90DosimetryLib.case import ActivityDifference, Basis, Case, DoseModel, Session, Settings
from Y90DosimetryLib.checks import CATALOG, CheckResult, Level, Outcome, Part, Subject
from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.dosimetry.voxel import dose_image
from Y90DosimetryLib.engine import Engine, withheld_by
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.guidelines import load_rules
from Y90DosimetryLib.images import ActivityMap, CountMap, array_of
from Y90DosimetryLib.measurements import ON_OUTLINES
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import compare, dose_lines, plan_of
from Y90DosimetryLib.structures import Role


def at(hours_after_calibration: float) -> Case:
    later = infusion(given_at=SUNDAY_NOON + timedelta(hours=hours_after_calibration))
    return case(plan(later), delivered(infusion(), delivers="plan"))


def in_centimeters() -> Case:
    small = {name: scaled(structure, 0.1) for name, structure in STRUCTURES.items()}
    uniform = CountMap(filled(WORLD, np.ones((40, 30, 40), np.float32)))
    return case(Session("plan", (infusion(),), uniform), ct=None, **small)


def body(**values: float) -> Case:
    return case(patient=replace(PATIENT, **values))


def beyond(role: Role, label: str) -> Case:
    """A structure of which 101 of 202 mm lie to the right of the liver."""
    box = (-252, -50, 0, 20, -80, -60)
    return case(**{role.value: outline(role, label, box, spacing_mm=2.0)})


FAULTS = {
    "planned_image_absolute": lambda: case(replace(plan(), image=ActivityMap(counts())), delivered(delivers="plan")),
    "image_activity_apart": lambda: case(plan(), delivered(scale=0.7, delivers="plan")),
    "image_activity_scale": lambda: case(plan(), delivered(scale=0.001, delivers="plan")),
    "image_before_infusion": lambda: case(plan(), delivered(hours=-48.0, delivers="plan")),
    "image_too_late": lambda: case(plan(), delivered(hours=700.0, delivers="plan")),
    "ct_foreign": lambda: case(ct=ct(liver=100.0, lungs=0.0)),
    "liver_density_low_on_ct": lambda: case(ct=ct(liver=-75.0)),
    "liver_density_high_on_ct": lambda: case(ct=ct(liver=378.0)),
    "liver_scale": in_centimeters,
    "liver_too_small": lambda: case(plan(left=1.0), liver=of_volume(Role.LIVER, "Liver", 150), tumor=None),
    "liver_too_large": lambda: case(liver=of_volume(Role.LIVER, "Liver", 9000)),
    "perfused_too_large": lambda: case(perfused=of_volume(Role.PERFUSED, "Right lobe", 2000)),
    "perfused_not_in_liver": lambda: beyond(Role.PERFUSED, "Right lobe"),
    "tumor_not_in_liver": lambda: beyond(Role.TUMOR, "Tumor"),
    "infusion_before_calibration": lambda: at(-64.0),
    "infusion_too_late": lambda: at(29 * 24.0),
    "sflr_impossible": lambda: case(flr=of_volume(Role.FLR, "FLR", 2700)),
    "bmi_low": lambda: body(weight_kg=30.0),
    "bmi_high": lambda: body(height_cm=67.0),
}
"""A case for each fault of the input."""
OF_THE_SOFTWARE = {"energy_deposits", "energy_map"}


def test_there_is_a_faulty_case_for_every_error() -> None:
    assert set(FAULTS) | OF_THE_SOFTWARE == {c.id for c in CATALOG.values() if c.level is Level.ERROR}


@pytest.mark.parametrize("check_id", FAULTS)
def test_slider_assessment_and_plan_give_one_answer(check_id) -> None:
    engine = Engine.prepare(FAULTS[check_id]())
    live, whole = engine.live(), engine.assess()
    error = next(r for r in engine.errors if r.check.id == check_id)

    assert live.doses.withheld == whole.doses.withheld == engine.withheld
    assert live.measurements == whole.measurements and live.findings == whole.findings
    assert live.verdict == whole.verdict and not live.verdict.is_clear
    assert live.verdict.sentence.startswith("Check the input first: ") and error.message in live.verdict.sentence

    gone = _withheld(engine, error)
    assert gone, "nothing is withheld"
    assert all("withheld: " in missing.because for missing in gone)
    if error.check.falsifies is not Part.BODY:
        assert all(error.message.rstrip(".") in m.because and error.check.remedy in m.because for m in gone)
    for ask in (plan_of, lambda e: dose_lines(e, load_rules()), lambda e: compare(e, load_rules())):
        with pytest.raises(InputError, match="No plan without it"):
            ask(engine)
    moved = engine.at(replace(engine.case, label="moved")).live()
    assert moved.measurements == live.measurements and moved.doses.withheld == live.doses.withheld


def _withheld(engine: Engine, error: CheckResult) -> list[Missing]:
    """What an error falsifies, each of it missing; fails where a number stands."""
    live, whole = engine.live(), engine.assess()
    rows = {(m.measure_id, m.about): m for m in live.measurements}
    match error.check.falsifies:
        case Part.EVERYTHING:
            found = [d for s in live.doses.sessions for d in s.deposits.values()]
            found += [*live.doses.lung_doses_gy, *whole.maps, whole.dose_map]
            assert all(m.value is None for (name, _), m in rows.items() if name in ON_OUTLINES)
        case Part.SESSION:
            index = [s.session.label for s in live.doses.sessions].index(error.subject.session)
            one = live.doses.sessions[index]
            found = [*one.deposits.values(), live.doses.lung_doses_gy[index], whole.maps[index], one.lung_activity_gbq]
            found += [i.net for i in one.infusions]
        case Part.IMAGE:
            index = [s.session.label for s in live.doses.sessions].index(error.subject.session)
            one = live.doses.sessions[index]
            found = [one.deposits[Model.MULTI], one.deposits[Model.PARTITION], whole.maps[index]]
            found += [i.tumor_to_normal_ratio for i in one.infusions]
            assert not isinstance(one.deposits[Model.SINGLE], Missing)
        case _:
            row = rows["sflr_fraction", ""]
            assert row.value is None
            found = [Missing(row.missing_because, row.needs)]
    assert all(isinstance(f, Missing) for f in found)
    return found


@pytest.mark.parametrize("label", ["Plan 'B'", "'A' plan", "Plan'", "session", "session 'x'"])
def test_whatever_a_session_is_called_its_withholding_finds_it(label) -> None:
    wrong = Session(label, (infusion(),), delivered(scale=0.001).image, Basis.DELIVERED)
    engine = Engine.prepare(case(wrong))
    assert isinstance(engine.doses.total(Model.MULTI), Missing) and isinstance(engine.assess().dose_map, Missing)
    assert not isinstance(engine.doses.total(Model.SINGLE), Missing)


def test_an_activity_that_differs_by_a_quarter_counts_once_the_reason_is_stated() -> None:
    given = delivered(scale=0.7)
    explained = replace(given, activity_difference=ActivityDifference.OUTSIDE_FIELD)
    assert isinstance(Engine.prepare(case(given)).doses.total(Model.MULTI), Missing)
    engine = Engine.prepare(case(explained))
    assert not engine.errors and not isinstance(engine.doses.total(Model.MULTI), Missing)
    (told,) = [c.message for c in engine.live().checks if c.check.id == "image_activity"]
    assert "30 %, above 10 %" in told and "a part of the liver lies outside the field of view" in told
    hopeless = replace(delivered(scale=0.3), activity_difference=ActivityDifference.RESIDUAL)
    assert "image_activity_scale" in [r.check.id for r in Engine.prepare(case(hopeless)).errors]


def test_files_of_tumor_and_liver_swapped_are_an_error_that_says_what_to_do() -> None:
    big, small = STRUCTURES["liver"], STRUCTURES["tumor"]
    swapped = case(liver=replace(big, mask=small.mask), tumor=replace(small, mask=big.mask))
    engine = Engine.prepare(swapped)
    assert {"liver_too_small", "perfused_too_large", "tumor_not_in_liver"} <= {r.check.id for r in engine.errors}
    assert "are files or roles swapped" in engine.withheld.everything.because


def test_an_error_of_the_balance_withholds_its_session_and_one_of_the_map_the_map() -> None:
    def broken(check_id: str) -> CheckResult:
        return CheckResult(CATALOG[check_id], Subject("plan"), 0.1, "it does not close", Outcome.RAISED)

    balance, of_map = withheld_by([broken("energy_deposits")]), withheld_by([broken("energy_map")])
    assert balance.of_session("plan") and not balance.of_session("given")
    assert of_map.of_map("plan") and not of_map.of_image("plan")


def test_an_engine_measures_again_only_what_changed() -> None:
    engine = Engine.prepare(case())
    typed = replace(engine.case, settings=replace(engine.case.settings, joule_per_gbq=49.0))
    assert engine.at(typed).measured is engine.measured
    assert engine.fits(typed) and not engine.fits(replace(engine.case, structures=engine.case.structures[:-1]))


def test_words_are_converted_or_refused() -> None:
    assert Settings(count_reference="perfused", dose_model="local") == Settings(
        count_reference=type(Settings().count_reference).PERFUSED, dose_model=DoseModel.LOCAL
    )
    assert type(Settings(dose_model="kernel").dose_model) is DoseModel
    for make in (
        lambda: Settings(count_reference="nonsense"),
        lambda: replace(plan(), basis="later"),
        lambda: replace(PATIENT, ascites="much"),
        lambda: dose_image(counts(), model="fast", density_g_ml=1.0, joule_per_gbq=50.0, total_gbq=1.0),
    ):
        with pytest.raises(InputError, match="is not known. Choose one of"):
            make()
    local, word = (
        dose_image(counts(), model=model, density_g_ml=1.0, joule_per_gbq=50.0, total_gbq=1.0)
        for model in (DoseModel.LOCAL, "local")
    )
    assert local.model == word.model and np.array_equal(*(array_of(d.image) for d in (local, word)))
