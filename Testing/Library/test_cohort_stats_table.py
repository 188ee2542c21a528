"""What a table of tumors may hold, and what is said of one that may not."""

from __future__ import annotations

import dataclasses

import pytest

from Y90DosimetryLib.cohort.dictionary import TUMORS, columns_of
from Y90DosimetryLib.cohort.table import READERS, Tumor, example_table, parse_table, read_table
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.pathology import Necrosis
from Y90DosimetryLib.response.terms import Response
from Y90DosimetryLib.staging import PortalInvasion


def test_the_example_has_22_tumors_of_18_patients() -> None:
    table = example_table()
    assert (len(table.tumors), len(table.patients), table.notes) == (22, 18, ())
    assert table.columns >= {"post_dose_gy", "necrosis", "ttr_months"}
    first = table.tumors[0]
    assert first == Tumor(
        "1", "1", PortalInvasion.VP2, None, 15.6, 89, Response.CR, Necrosis.EXTENSIVE, True, 225, tts_months=13.6,
        ttr_months=49.3, multifocal=False, large_gt8cm=True, is_index_row=True,
    )  # fmt: skip
    assert table.tumors[2].ttr_months is None


def test_every_column_is_a_field_and_every_field_a_column() -> None:
    assert {f.name for f in dataclasses.fields(Tumor)} == set(READERS)


def test_the_table_that_a_cohort_run_writes_is_read() -> None:
    head = columns_of(TUMORS)
    row = dict.fromkeys(head, "") | {"tumor_id": "P1-1", "patient": "P1", "pvtt": "none", "post_dose_gy": "205.5"}
    row |= {"delivered_dose_gy": "205.5", "planned_dose_gy": "190", "best_mrecist": "PR", "is_index_row": "1"}
    table = parse_table(",".join(head) + "\n" + ",".join(row.values()) + "\n", "tumors.csv")
    (tumor,) = table.tumors
    assert (tumor.pvtt, tumor.post_dose_gy, tumor.planned_dose_gy) == (PortalInvasion.NONE, 205.5, 190)
    assert all("is ignored" in note for note in table.notes)


def test_words_are_read_in_any_case_and_an_empty_cell_is_unknown() -> None:
    table = parse_table("tumor_id,patient,necrosis,mve,post_dose_gy\na,1,complete,Yes,\nb,1,PARTIAL,,0\n", "t")
    assert [t.necrosis for t in table.tumors] == [Necrosis.COMPLETE, Necrosis.PARTIAL]
    assert [(t.mve, t.post_dose_gy) for t in table.tumors] == [(True, None), (None, 0.0)]
    (patient,) = table.patients
    assert patient.lowest_dose_gy is None
    assert patient.of("mve") is True
    assert patient.index is None


def test_other_columns_are_named() -> None:
    table = parse_table("tumor_id,patient,necrosiss,color\n1,1,CPN,red\n", "t")
    assert table.notes == (
        "column 'necrosiss' is ignored (is 'necrosis' meant?)",
        "column 'color' is ignored",
    )


WRONG = [
    ("", "it holds no tumor"),
    ("tumor_id,patient\n", "it holds no tumor"),
    ("tumor_id;patient\n1;1\n", "not separated by commas"),
    ("tumor_id,necrosis\n1,CPN\n", "the column 'patient' is missing"),
    ("patient,necrosis\n1,CPN\n", "the column 'tumor_id' is missing"),
    ("tumor_id,patient,patient\n1,1,1\n", "the column 'patient' is there twice"),
    ("tumor_id,patient,post_dose_cgy\n1,1,20500\n", "'post_dose_cgy' has another unit.*post_dose_gy"),
    ("tumor_id,patient,ttr_days\n1,1,300\n", "'ttr_days' has another unit.*ttr_months"),
    ("tumor_id,patient,index_tumor_size_cm\n1,1,3\n", "another unit.*index_tumor_size_mm"),
    ("tumor_id,patient,best_change_percent\n1,1,-30\n", "another unit.*best_change_fraction"),
    ("tumor_id,patient,post_dose_gy\n1,1,205 Gy\n", "line 2, column 'post_dose_gy': '205 Gy' is not a number"),
    ('tumor_id,patient,post_dose_gy\n1,1,"205,5"\n', "decimal point as a point"),
    ("tumor_id,patient,post_dose_gy\n1,1,205,5\n", "4 cells for 3 columns"),
    ("tumor_id,patient,post_dose_gy\n1,1,-5\n", "lies outside"),
    ("tumor_id,patient,post_dose_gy\n1,1,nan\n", "is not a number"),
    ("tumor_id,patient,index_tumor_size_mm\n1,1,0\n", "0 lies outside what is above 0, up to"),
    ("tumor_id,patient,index_tumor_size_mm\n1,1,900\n", "longest diameter in mm"),
    ("tumor_id,patient,ttr_months\n1,1,2000\n", "Give months"),
    ("tumor_id,patient,best_change_fraction\n1,1,-30\n", "not a percentage"),
    ("tumor_id,patient,necrosis\n1,1,none\n", "Write one of CPN, Extensive, Partial"),
    ("tumor_id,patient,best_mrecist\n1,1,NE\n", "Write one of CR, PR, SD, PD"),
    ("tumor_id,patient,pvtt\n1,1,VP5\n", "VP1"),
    ("tumor_id,patient,mve\n1,1,2\n", "none of its values"),
    ("tumor_id,patient\n1,\n", "'patient' is empty"),
    ("tumor_id,patient\n1,1\n1,2\n", "tumor_id 1 is there twice"),
    ("tumor_id,patient,best_mrecist\n1,1,CR\n2,1,PR\n", "patient 1: 'best_mrecist' is CR and PR"),
    ("tumor_id,patient,is_index_row\n1,1,1\n2,1,1\n", "several rows are index tumors"),
    ("tumor_id,patient,post_dose_gy,delivered_dose_gy\n1,1,200,210\n", "two names of one dose"),
    ("tumor_id,patient,died,survival_months\n1,1,1,\n", "'died' is 1 without 'survival_months'"),
    ("tumor_id,patient,progressed,ttr_months\n1,1,0,5\n", "'progressed' is 0 with a time to recurrence"),
    ("tumor_id,patient,died,survival_months,follow_up_months\n1,1,1,5,9\n", "after death at 5 months"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_table_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        parse_table(text, "t.csv")
    assert str(error.value).startswith("t.csv")
    assert error.value.remedy


def test_files_are_read_with_and_without_a_byte_order_mark(tmp_path) -> None:
    path = tmp_path / "tumors.csv"
    path.write_bytes(b"\xef\xbb\xbftumor_id,patient\r\n1,1\r\n\r\n")
    assert len(read_table(path).tumors) == 1
    path.write_bytes(b"tumor_id,patient\n1,\xff\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_table(path)
    with pytest.raises(InputError, match="can't be read"):
        read_table(tmp_path / "none.csv")


def test_a_cell_of_any_length_and_a_name_that_hides_something_are_one_sentence():
    with pytest.raises(InputError, match="not a table") as told:
        parse_table('tumor_id,patient\n"' + "x" * 200_000 + '",1\n', "t.csv")
    assert "\n" not in str(told.value)
    for name in ("x" * 101, "a\u202eb", "a\x1b[2Jb"):
        with pytest.raises(InputError) as told:
            parse_table(f"tumor_id,patient\n{name},1\n", "t.csv")
        assert "\x1b" not in str(told.value) and "\u202e" not in str(told.value)
