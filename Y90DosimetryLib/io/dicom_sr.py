"""A measurement report (DICOM PS3.16, TID 1500) that ties doses and volumes to the segments they were measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..terminology import NO_CODE, PRIVATE_SCHEME, Code
from ..version import __version__
from .dicom_header import text
from .dicom_measures import Group, Quantity
from .dicom_objects import SOFTWARE, NewSeries, highdicom_module, muted, nameless, new_uid, shortened, stamp
from .dicom_reference import Reference
from .dicom_seg import Segments, concept

PROCEDURE = Code(PRIVATE_SCHEME, "DOSIMETRY", "Dosimetry of Y-90 radioembolization of the liver")
TITLE = Code("DCM", "126000", "Imaging Measurement Report")  # DICOM PS3.16, CID 7021
ENGLISH = Code("RFC5646", "en-US", "English (United States)")


def measurement_report(
    groups: Sequence[Group],
    segments: Sequence[Segments],
    others: Sequence[Any],
    reference: Reference,
    series: NewSeries,
    made_at: datetime,
) -> Any:
    """Return a report of some groups; each group with an outline refers to its segment.

    Parameters
    ----------
    others
        Further objects of the same study that are listed as evidence: the dose maps.

    Raises
    ------
    MissingToolError
        If highdicom is not installed.
    """
    highdicom = highdicom_module()
    sr = highdicom.sr
    found = {label: (one, number) for one in segments for label, number in one.numbers.items()}
    with muted():
        device = sr.DeviceObserverIdentifyingAttributes(
            uid=new_uid(), name=SOFTWARE, manufacturer_name=SOFTWARE, model_name=f"{SOFTWARE} {__version__}"
        )
        content = sr.MeasurementReport(
            observation_context=sr.ObservationContext(
                observer_device_context=sr.ObserverContext(concept(Code("DCM", "121007", "Device")), device)
            ),
            procedure_reported=concept(PROCEDURE),
            imaging_measurements=[_group(g, found, reference) for g in groups],
            title=concept(TITLE),
            language_of_content_item_and_descendants=sr.LanguageOfContentItemAndDescendants(concept(ENGLISH)),
        )
        dataset = sr.Comprehensive3DSR(
            evidence=[nameless(d) for d in (*(s.dataset for s in segments), *others)],
            content=content,
            series_instance_uid=new_uid(),
            series_number=series.number,
            sop_instance_uid=new_uid(),
            instance_number=1,
            manufacturer=SOFTWARE,
            is_complete=True,
        )
    stamp(dataset, reference, series.description, made_at)
    return dataset


def _group(group: Group, found: Mapping[str, tuple[Segments, int]], reference: Reference) -> Any:
    sr = highdicom_module().sr
    measurements = [_measurement(q) for q in group.quantities]
    sites = [sr.FindingSite(concept(group.region))] if group.region != NO_CODE else None
    label = shortened(group.label)
    if group.structure not in found:
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(new_uid(), label),
            finding_type=concept(group.finding),
            finding_sites=sites,
            measurements=measurements,
        )
    one, number = found[group.structure]
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(one.tracking_uids[group.structure], label),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=one.dataset.SOPClassUID,
            sop_instance_uid=one.dataset.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(text(reference.header, "SeriesInstanceUID")),
        ),
        finding_type=concept(group.finding),
        finding_sites=sites,
        measurements=measurements,
    )


def _measurement(quantity: Quantity) -> Any:
    return highdicom_module().sr.Measurement(
        name=concept(quantity.concept),
        value=quantity.value,
        unit=concept(Code("UCUM", quantity.unit, "no units" if quantity.unit == "1" else quantity.unit)),
        derivation=None if quantity.derivation == NO_CODE else concept(quantity.derivation),
        method=None if quantity.method == NO_CODE else concept(quantity.method),
    )
