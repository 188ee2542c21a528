"""A report in PDF as a DICOM Encapsulated PDF object of the patient's study."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import InputError
from .dicom_objects import NewSeries, new_object, shortened
from .dicom_reference import Reference

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"  # DICOM PS3.6, annex A
PDF_BEGIN = b"%PDF-"
BEGIN_WITHIN_BYTES = 1024
"""Where readers look for the beginning."""


def read_pdf(path: Path) -> bytes:
    """Return a PDF file.

    Raises
    ------
    InputError
        If there is no such file, or it is no PDF.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"it can't be read ({error.strerror or error})", where=str(path), remedy="Give the name of a PDF file"
        ) from None
    if PDF_BEGIN not in content[:BEGIN_WITHIN_BYTES]:
        raise InputError(
            "this is no PDF",
            where=str(path),
            remedy="Open report.html in a browser and print it to a PDF file",
        )
    return content


def encapsulated_pdf(content: bytes, title: str, reference: Reference, series: NewSeries, made_at: datetime) -> Any:
    """Return a PDF as a DICOM object that names the reference CT's patient and study."""
    dataset = new_object(reference, ENCAPSULATED_PDF, series, made_at)
    dataset.ConversionType = "WSD"  # workstation, DICOM PS3.3, C.8.6.1
    dataset.BurnedInAnnotation = "YES"  # what the pages say is not known here
    dataset.RecognizableVisualFeatures = "NO"
    dataset.AcquisitionDateTime = ""
    dataset.DocumentTitle = shortened(title)
    dataset.ConceptNameCodeSequence = []
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(content)
    dataset.EncapsulatedDocument = content
    return dataset
