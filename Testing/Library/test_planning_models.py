"""Models side by side: every number by hand, energy given back, and the reasons why they differ with their numbers."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from planning_kit import DENSITY_KG_ML, FACTS, RESIDUAL, SHUNT, TUMOR_RATIO, K, hand_case, phantom_case

from Y90DosimetryLib.case import Patient, Settings
from Y90DosimetryLib.dosimetry.kernel import voxel_kernel
from Y90DosimetryLib.dosimetry.regions import RegionKind
from Y90DosimetryLib.engine import Engine
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import Column, ModelDose, ModelRow, ModelTable, models_side_by_side

LIVER_GBQ = 2.0 * (1 - RESIDUAL) * (1 - SHUNT)
TUMOR_ML, PERFUSED_ML, LIVER_ML = 48.0, 500.0, 1000.0


def table(given: float | None = None, **more) -> ModelTable:
    case = hand_case(**more)
    if given is not None:
        infusion = replace(case.sessions[0].infusions[0], tumor_to_normal_ratio=given)
        case = replace(case, sessions=(replace(case.sessions[0], infusions=(infusion,)),))
    return models_side_by_side(Engine.prepare(case))


def row(found: ModelTable, label: str) -> ModelRow:
    return next(r for r in found.rows if r.region.label == label)


def gy(found: ModelTable, label: str, column: Column) -> float:
    dose = row(found, label).doses[column]
    assert isinstance(dose, ModelDose), dose
    return dose.dose_gy


def by_hand(share: float, volume_ml: float) -> float:
    return K * LIVER_GBQ * share / (volume_ml * DENSITY_KG_ML)


def test_each_model_of_the_tumor_is_its_formula() -> None:
    found = table(given=3.0)
    rest_ml = PERFUSED_ML - TUMOR_ML
    shares = {
        Column.SINGLE: TUMOR_ML / PERFUSED_ML,
        Column.PARTITION_GIVEN: 3.0 * TUMOR_ML / (rest_ml + 3.0 * TUMOR_ML),
        Column.PARTITION: TUMOR_RATIO * TUMOR_ML / (rest_ml + TUMOR_RATIO * TUMOR_ML),
        Column.MULTI: TUMOR_RATIO * TUMOR_ML / (rest_ml + TUMOR_RATIO * TUMOR_ML),
        Column.LOCAL: TUMOR_RATIO * TUMOR_ML / (rest_ml + TUMOR_RATIO * TUMOR_ML),
    }
    for column, share in shares.items():
        assert gy(found, "Tumor 1", column) == pytest.approx(by_hand(share, TUMOR_ML), rel=1e-5), column


def test_the_kernel_brings_less_to_a_hot_tumor_by_what_a_voxel_model_on_paper_says() -> None:
    """Counts are 4 in the tumor's 4 x 4 x 3 voxels and 1 around: sum the kernel over both by hand."""
    found = table()
    fractions = voxel_kernel((10.0, 10.0, 10.0), 1.03).fractions
    reach = [(n - 1) // 2 for n in fractions.shape]
    absorbed = 0.0
    shape, start, low, high = (4, 4, 3), (3, 3, 2), (1, 1, 1), (11, 11, 6)  # tumor, its corner, the right half
    for target in ((z, y, x) for z in range(shape[0]) for y in range(shape[1]) for x in range(shape[2])):
        for dz in range(-reach[0], reach[0] + 1):
            for dy in range(-reach[1], reach[1] + 1):
                for dx in range(-reach[2], reach[2] + 1):
                    at = [s + t + d for s, t, d in zip(start, target, (dz, dy, dx), strict=True)]
                    if all(lo <= a < hi for lo, a, hi in zip(low, at, high, strict=True)):
                        inside = all(0 <= a - s < n for a, s, n in zip(at, start, shape, strict=True))
                        share = fractions[dz + reach[0], dy + reach[1], dx + reach[2]]
                        absorbed += (TUMOR_RATIO if inside else 1.0) * share
    total = PERFUSED_ML - TUMOR_ML + TUMOR_RATIO * TUMOR_ML
    kernel, local = (gy(found, "Tumor 1", c) for c in (Column.KERNEL, Column.LOCAL))
    assert kernel == pytest.approx(by_hand(absorbed / total, TUMOR_ML), rel=1e-4)
    assert kernel < local
    why = row(found, "Tumor 1").why
    assert kernel / local == pytest.approx(1 - why.kernel_out_fraction + why.kernel_in_fraction, rel=1e-6)


def value_of(line: str) -> tuple[float, float]:
    """Return what the left side of a line of arithmetic is, and what the line says."""
    left, _, right = line.rpartition(" = ")
    left = re.sub(r" (J/GBq|GBq|kg)", "", left).replace("×", "*").replace("−", "-")
    assert re.fullmatch(r"[0-9.e+*/() -]+", left), left
    return eval(left), float(right.split()[0])


@pytest.mark.parametrize("variant", ["lobectomy", "bilobar", "modified_lobectomy", "delivered"])
def test_every_line_of_arithmetic_ends_in_the_models_own_number(variant) -> None:
    found = models_side_by_side(phantom_case(variant))
    seen = 0
    for one in found.rows:
        for column, dose in one.doses.items():
            if isinstance(dose, Missing):
                continue
            computed, said = value_of(dose.line)
            assert computed == pytest.approx(said, abs=0.06 + 2e-4 * said), (one.region.label, column, dose.line)
            assert dose.dose_gy == pytest.approx(said, abs=0.051)
            seen += 1
    assert seen >= 35
    for line in found.activity_lines:
        if " = " in line:
            computed, said = value_of(line.partition(": ")[2].replace(" in the liver", ""))
            assert computed == pytest.approx(said, rel=2e-4)


@pytest.mark.parametrize("variant", ["lobectomy", "bilobar", "delivered"])
def test_every_model_gives_the_livers_energy_back_and_the_kernel_all_but_what_it_says(variant) -> None:
    found = models_side_by_side(phantom_case(variant))
    whole = next(r for r in found.rows if r.region.kind is RegionKind.WHOLE_LIVER)
    emitted = {c: sum(t.liver_gbq for t in d.terms) * K for c, d in whole.doses.items() if isinstance(d, ModelDose)}
    assert len(emitted) >= 5
    for column, joule in emitted.items():
        dose = whole.doses[column]
        kept = 1 - found.energy_outside_liver_fraction if column is Column.KERNEL else 1.0
        assert dose.dose_gy * dose.mass_kg == pytest.approx(joule * kept, rel=1e-5), column
    disjoint = [r for r in found.rows if r.region.kind in {RegionKind.TUMOR, RegionKind.PVTT, RegionKind.WHOLE_NORMAL}]
    for column, joule in emitted.items():
        kept = 1 - found.energy_outside_liver_fraction if column is Column.KERNEL else 1.0
        parts = sum(r.doses[column].dose_gy * r.doses[column].mass_kg for r in disjoint)
        assert parts == pytest.approx(joule * kept, rel=1e-4), column


def test_the_voxel_mean_of_local_deposition_is_the_dose_of_the_compartment() -> None:
    found = models_side_by_side(phantom_case())
    for one in found.rows:
        assert one.doses[Column.LOCAL].dose_gy == pytest.approx(one.doses[Column.MULTI].dose_gy, rel=1e-4, abs=1e-3)


def test_the_reasons_say_what_lies_outside_the_perfused_volume() -> None:
    found = models_side_by_side(phantom_case())
    (outside,) = [r for r in found.rows if r.region.kind is RegionKind.UNPERFUSED_NORMAL]
    assert found.outside_fraction == pytest.approx(outside.why.activity_fraction, rel=1e-9)
    single, multi = (row(found, "Right lobe").doses[c].dose_gy for c in (Column.SINGLE, Column.MULTI))
    assert multi / single == pytest.approx(1 - found.outside_fraction, rel=1e-9)
    assert f"{found.outside_fraction * 100:.1f} % of the liver's activity" in found.reasons[0]


def test_the_reasons_say_what_of_a_tumor_no_infusion_perfuses() -> None:
    case = hand_case(both=True, facts={**FACTS, "maa_same_position": True})
    one = replace(case.sessions[0], infusions=case.sessions[0].infusions[:1])
    case = replace(case, sessions=(one,))
    tumor = row(models_side_by_side(Engine.prepare(case)), "Tumor 2")
    assert tumor.why.not_perfused_ml == pytest.approx(12.0)
    assert tumor.doses[Column.SINGLE].dose_gy == 0.0 < tumor.doses[Column.MULTI].dose_gy
    assert any("12.0 of 12.0 mL lie outside the perfused volume" in reason for reason in tumor.reasons)


def test_without_an_image_only_what_needs_none_has_a_number() -> None:
    found = table(with_image=False, given=4.0)
    assert found.columns == (Column.SINGLE, Column.PARTITION_GIVEN)
    assert all("image" in d.needs for d in (row(found, "Tumor 1").doses[c] for c in (Column.MULTI, Column.KERNEL)))
    assert found.outside_fraction is None


def test_a_session_is_named_and_an_unknown_one_refused() -> None:
    engine = phantom_case("vasospasm")
    both = [models_side_by_side(engine, label) for label in ("Plan", "Delivered")]
    assert [m.session for m in both] == ["Plan", "Delivered"]
    assert gy(both[0], "Tumor 1", Column.MULTI) > 2 * gy(both[1], "Tumor 1", Column.MULTI)
    assert models_side_by_side(engine).session == "Delivered"
    with pytest.raises(InputError, match="there is no session 'Nobody'"):
        models_side_by_side(engine, "Nobody")


def test_empiric_activities_follow_their_formulas_and_only_where_asked_for() -> None:
    case = hand_case()
    engine = Engine.prepare(case)
    assert models_side_by_side(engine).empiric == ()
    surface, involved = models_side_by_side(engine, empiric=True).empiric
    bsa_m2 = 0.007184 * 70**0.425 * 170**0.725
    expected = (bsa_m2 - 0.2) * PERFUSED_ML / LIVER_ML + TUMOR_ML / LIVER_ML
    assert surface.activity_gbq == pytest.approx(expected)
    assert surface.dose_gy == pytest.approx(K * expected / (PERFUSED_ML * DENSITY_KG_ML))
    assert involved.activity_gbq == pytest.approx(2.0 * PERFUSED_ML / LIVER_ML)  # a tenth of it is tumor
    assert "resin" in surface.caution and math.isclose(Settings().joule_per_gbq, K)
    nobody = replace(case, patient=Patient())
    gap = models_side_by_side(engine.at(nobody), empiric=True).empiric[0].activity_gbq
    assert isinstance(gap, Missing) and "weight_kg" in gap.needs
