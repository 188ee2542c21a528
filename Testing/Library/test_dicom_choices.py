"""What a folder leaves to the user: each series with what it seems to be, may be used as, and why not."""

from __future__ import annotations

from dicom_kit import CT_HU, PET, ct, pet, sorted_
from image_files import dicom_series

from Y90DosimetryLib.io.dicom_choices import Use, series_offers
from Y90DosimetryLib.io.dicom_sort import Kind


def test_each_series_is_offered_with_what_it_seems_to_be_and_why_it_is_not_taken(tmp_path):
    ct(tmp_path / "a", SeriesDescription="Arterial")
    ct(tmp_path / "b", CT_HU + 5, SeriesInstanceUID="1.2.826.9", SeriesDescription="Venous")
    pet(tmp_path / "pet")
    dicom_series(tmp_path / "spect", PET, RescaleSlope="1.0113e-5", SeriesInstanceUID="1.2.826.3", prefix="s")
    arterial, venous, found, unsure = series_offers(sorted_(tmp_path))
    assert (arterial.seems, arterial.uses, arterial.taken_as) == (Kind.CT, (Use.CT,), None), "one of two"
    assert "one of several" in arterial.why_not and "'Venous', 6 files of 24 x 20" in venous.line
    assert (found.seems, found.taken_as, found.why_not) == (Kind.PET, Use.PET, "")
    assert Use.SPECT in unsure.uses and unsure.taken_as is None and "say what it is" in unsure.why_not
