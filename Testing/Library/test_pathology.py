"""Necrosis as the pathologist reports it: classes at their edges, the poorest tumor, and the doses of the cohort."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

import pytest

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.pathology import Necrosis, PatientNecrosis, TumorNecrosis, doses_by_necrosis, necrosis_of
from Y90DosimetryLib.missing import Missing

COHORT = Path(__file__).parents[3] / "shared" / "facts" / "table5.csv"


@pytest.mark.parametrize(
    ("fraction", "necrosis"),
    [
        (1.0, "CPN"),
        (0.9999, "Extensive"),
        (0.99, "Extensive"),
        (0.5, "Extensive"),
        (0.4999, "Partial"),
        (0.0, "Partial"),
    ],
)
def test_the_classes_at_their_edges(fraction: float, necrosis: str) -> None:
    assert necrosis_of(fraction) == necrosis


def test_a_patient_is_as_good_as_the_poorest_tumor_and_its_lowest_dose() -> None:
    patient = PatientNecrosis(
        (
            TumorNecrosis("A", 1.0, dose_gy=500.0),
            TumorNecrosis("B", 0.6, dose_gy=180.0),
            TumorNecrosis("C", 0.9, dose_gy=90.0),
        )
    )
    assert patient.necrosis is Necrosis.EXTENSIVE
    assert [t.tumor for t in patient.poorest] == ["B", "C"]
    assert patient.lowest_dose_gy == 90.0
    assert PatientNecrosis((TumorNecrosis("A", 1.0),)).necrosis is Necrosis.COMPLETE


def test_a_tumor_without_report_leaves_the_patient_open_unless_another_is_the_poorest_already() -> None:
    unknown = TumorNecrosis("B")
    one = PatientNecrosis((TumorNecrosis("A", 1.0), unknown))
    assert isinstance(one.necrosis, Missing) and "'B'" in one.necrosis.because
    assert one.poorest == ()
    assert PatientNecrosis((TumorNecrosis("A", 0.2), unknown)).necrosis is Necrosis.PARTIAL
    assert isinstance(PatientNecrosis((TumorNecrosis("A", 1.0, dose_gy=9.0), unknown)).lowest_dose_gy, Missing)


def test_a_class_without_a_percentage_is_enough() -> None:
    assert TumorNecrosis("A", stated=Necrosis.EXTENSIVE).necrosis is Necrosis.EXTENSIVE


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"0\.95 for 95 %"):
        TumorNecrosis("A", 95.0)
    with pytest.raises(InputError, match="Extensive, but CPN is stated"):
        TumorNecrosis("A", 0.8, Necrosis.COMPLETE)
    with pytest.raises(InputError, match="negative"):
        TumorNecrosis("A", 0.8, dose_gy=-1.0)
    with pytest.raises(InputError, match="at least one"):
        PatientNecrosis(())
    with pytest.raises(InputError, match="twice"):
        PatientNecrosis((TumorNecrosis("A", 0.8), TumorNecrosis("A", 0.9)))


def test_doses_stand_with_their_class_and_unknown_ones_nowhere() -> None:
    found = doses_by_necrosis(
        [
            TumorNecrosis("A", 1.0, dose_gy=500.0),
            TumorNecrosis("B", 1.0, dose_gy=400.0),
            TumorNecrosis("C", dose_gy=9.0),
            TumorNecrosis("D", 0.1),
        ]
    )
    assert found == {Necrosis.COMPLETE: (400.0, 500.0), Necrosis.EXTENSIVE: (), Necrosis.PARTIAL: ()}


@pytest.mark.skipif(not COHORT.exists(), reason="the cohort's table is not beside this checkout")
def test_the_cohort_per_tumor_and_per_patient() -> None:
    rows = list(csv.DictReader(COHORT.open(encoding="utf-8")))
    tumors = {
        r["tumor_id"]: TumorNecrosis(r["tumor_id"], None, Necrosis(r["necrosis"]), float(r["post_dose_gy"]))
        for r in rows
    }
    doses_gy = doses_by_necrosis(tumors.values())
    assert [statistics.median(doses_gy[n]) for n in Necrosis] == [445.5, 320.0, 186.5]
    patients = {r["patient"]: [] for r in rows}  # type: ignore[var-annotated]
    for r in rows:
        patients[r["patient"]].append(tumors[r["tumor_id"]])
    poorest = [PatientNecrosis(tuple(found)).necrosis for found in patients.values()]
    assert [poorest.count(n) for n in Necrosis] == [5, 9, 4]  # printed: 28, 50 and 22 % of 18 patients
