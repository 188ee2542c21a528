"""A case from a folder of DICOM files: which series is what is shown and chosen, then read, checked and written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import SimpleITK as sitk

from ..case import Basis, Case, Infusion, Patient, Session, Settings, Vial
from ..errors import InputError
from ..images import ActivityMap, CountMap, CtImage, Zeroed, without_negatives
from ..progress import Progress, part, silent
from ..structures import Role, Structure
from .case_keys import AT_INFUSION
from .case_schema import template
from .case_writer import write_case
from .dicom_activity import SPECT_CORRECTIONS, activity_if_known, activity_of, lacking_corrections
from .dicom_choices import NOTHING_SAID, Note, StructureLine
from .dicom_choices import Choices as Choices
from .dicom_draft import SessionDraft, known_tables
from .dicom_facts import body, dose_gbq, tracer, zone_named
from .dicom_header import PERSONAL, hushed, scrubbed, text, unmistakable
from .dicom_image import Quantity, require_fitting, require_hounsfield
from .dicom_instant import infusion_time
from .dicom_people import body_doubts
from .dicom_planar import read_planar
from .dicom_sort import Kind, Series, Sorting, many, sort_folder
from .dicom_stack import read_stack
from .dicom_structures import beyond_mm, structures_of_folder
from .writing import output_folder, write_image, write_json, write_text

PLAN, DELIVERED = "Plan", "Delivered"


@dataclass(frozen=True)
class DicomCase:
    """What a folder gave: the case, further images by file name, and sessions that lack something to be run."""

    case: Case
    images: Mapping[str, sitk.Image]
    drafts: tuple[SessionDraft, ...]
    identifiers: Mapping[str, object] | None = None
    notes: tuple[Note, ...] = ()
    """The notes of the case, with what would change them."""
    series: tuple[str, ...] = ()
    """One line a series: what it was taken as, or why not."""
    structures: tuple[StructureLine, ...] = ()


def case_from_dicom(folder: Path, choices: Choices = NOTHING_SAID, progress: Progress = silent) -> DicomCase:
    """Return the case that a folder of DICOM files makes; nothing is written.

    Raises
    ------
    InputError, GeometryError
        If files are damaged, the folder holds several patients or candidates and none is chosen, or a chosen
        series can't be read as what it is to be; no message names the patient. `about` is the member of `Choices`
        that would settle it.
    """
    sorting = sort_folder(folder, part(progress, 0.0, 0.4))
    with hushed(), _nameless(unmistakable(sorting.secrets)):
        return _Reader(sorting, choices, str(folder)).case(part(progress, 0.4, 1.0))


def write_dicom_case(found: DicomCase, folder: Path) -> None:
    """Write a case folder: images and outlines, and the template of a case file in which is filled in what was read."""
    with output_folder(folder) as temporary:
        write_case(found.case, temporary)
        for name, image in found.images.items():
            write_image(image, temporary / name)
        written = tomllib.loads((temporary / "case.toml").read_text(encoding="utf-8"))
        drafts = "\n\n".join(draft.text() for draft in found.drafts)
        write_text(template(known_tables(written), drafts), temporary / "case.toml", overwrite=True)
        if found.identifiers is not None:
            write_json(found.identifiers, temporary / "identifiers.json")


@contextmanager
def _nameless(secrets: frozenset[str]) -> Iterator[None]:
    """Let no message of the block name the patient."""
    try:
        yield
    except InputError as error:
        what, where, remedy = (scrubbed(told, secrets) for told in (error.what, error.where, error.remedy))
        raise type(error)(what, where=where, remedy=remedy, about=error.about) from None


class _Reader:
    """Reads one folder; holds what was noted on the way."""

    def __init__(self, sorting: Sorting, choices: Choices, folder: str) -> None:
        self.choices, self.folder = choices, folder
        self.sorting = self._one_patient(sorting)
        self.zone: tzinfo | None = zone_named(choices.time_zone) if choices.time_zone else None
        self.notes: list[Note] = []
        self.images: dict[str, sitk.Image] = {}
        self.drafts: list[SessionDraft] = []
        self.taken: dict[int, str] = {}

    def case(self, progress: Progress) -> DicomCase:
        sorting = self.sorting
        self._note(sorting.file_notes)
        chosen = {
            "ct": self._pick("ct", "CT", Kind.CT),
            "spect": self._pick("spect", "SPECT", Kind.SPECT),
            "pet": self._pick("pet", "PET", Kind.PET),
        }
        if not any(chosen.values()) and not sorting.of_kind(Kind.PLANAR, Kind.MR):
            raise InputError("no CT, SPECT or PET is recognized", where=self.folder, remedy=self._list())
        progress(0.0, "reading the CT")
        ct = self._ct(chosen["ct"])
        progress(0.4, "reading outlines")
        outlines = structures_of_folder(sorting, self.choices, [s for s in chosen.values() if s])
        self.notes += outlines.notes
        self.taken |= outlines.taken
        perfused = [s.label for s in outlines.structures if s.role is Role.PERFUSED]
        progress(0.6, "reading SPECT and PET")
        if chosen["spect"]:
            self._spect(chosen["spect"])
        sessions = self._pet(chosen["pet"], perfused) if chosen["pet"] else ()
        self._others(chosen)
        self._note_reach(ct, outlines.structures)
        for series in sorting.of_kind(Kind.UNSURE, Kind.OTHER):
            if series.number not in self.taken and (series.kind is Kind.UNSURE or "header names" in series.why):
                self._note([f"series {series.number} is not used: {series.why}"], _about(series), str(series.number))
        used = tuple(s for s in chosen.values() if s)
        known = body(tuple(s.header for s in reversed(used)))
        self._note(known.notes)
        self._note_frames(chosen)
        self._note_persons(used)
        zone = self.choices.time_zone if self.choices.time_zone and "/" in self.choices.time_zone else None
        secrets = unmistakable(sorting.secrets)
        notes = tuple(Note(type(n.text)(scrubbed(n.text, secrets)), n.about, n.value) for n in self.notes)
        case = Case(
            self.choices.label,
            outlines.structures,
            sessions,
            ct,
            Patient(weight_kg=known.weight_kg, height_cm=known.height_cm),
            settings=Settings(hospital_time_zone=zone),
            notes=tuple(note.text for note in notes),
        )
        identifiers = self._identifiers(chosen) if self.choices.keep_identifiers else None
        drafts = tuple(self.drafts)
        return DicomCase(case, self.images, drafts, identifiers, notes, self._series_lines(), outlines.lines)

    def _note(self, told: tuple[str, ...] | list[str], about: str = "", value: str = "") -> None:
        self.notes += [Note(note, about, value) for note in told]

    def _series_lines(self) -> tuple[str, ...]:
        lines = []
        for series in self.sorting.series:
            taken = self.taken.get(series.number, "not used")
            kind = "" if series.kind is Kind.OTHER else f"{series.kind.value}"
            lines.append(f"{series.number}: {taken}; {f'{kind}{series.told}'.strip(' ,')}")
        return tuple(lines)

    # Choosing

    def _one_patient(self, sorting: Sorting) -> Sorting:
        if sorting.damaged:
            few = ", ".join(sorting.damaged[:3])
            raise InputError(
                f"{many(len(sorting.damaged), 'DICOM file')} truncated or damaged: {few}",
                where=self.folder,
                remedy="Copy the folder again, or take them out of it",
            )
        if self.choices.patient is not None:
            if self.choices.patient not in sorting.patients:
                raise InputError(
                    f"there is no patient {self.choices.patient}",
                    where=self.folder,
                    remedy=f"There are: {', '.join(map(str, sorting.patients))}",
                    about="patient",
                )
            return sorting.of_patient(self.choices.patient)
        if len(sorting.patients) > 1:
            raise InputError(
                f"the folder holds series of {len(sorting.patients)} patients",
                where=self.folder,
                remedy="Choose one:\n" + "\n".join(sorting.lines()),
                about="patient",
            )
        return sorting

    def _pick(self, member: str, name: str, kind: Kind) -> Series | None:
        """Return the series chosen by number, else the only one of its kind; several are never chosen from."""
        wanted: int | None = getattr(self.choices, member)
        if wanted is not None:
            return self.sorting.numbered(wanted, member) if wanted else None
        said = {getattr(self.choices, other) for other in ("ct", "spect", "pet") if other != member}
        found = tuple(s for s in self.sorting.of_kind(kind) if s.number not in said)
        if len(found) > 1:
            listed = "\n".join(s.line for s in found)
            raise InputError(
                f"{len(found)} series may be the {name}",
                where=self.folder,
                remedy=f"Choose one, or none:\n{listed}",
                about=member,
            )
        return found[0] if found else None

    def _list(self) -> str:
        return "The folder holds:\n" + "\n".join(self.sorting.lines())

    # Reading

    def _ct(self, series: Series | None) -> CtImage | None:
        if series is None:
            return None
        where = _where("CT", series)
        require_fitting(series, where, Quantity.HOUNSFIELD)
        stack = read_stack(series, where, straighten=True)
        require_hounsfield(stack, where)
        self._note(stack.notes)
        self.taken[series.number] = "planning CT"
        return CtImage(stack.image)

    def _spect(self, series: Series) -> None:
        where = _where("SPECT", series)
        require_fitting(series, where, Quantity.COUNTS)
        of = tracer(series.header)
        stack = read_stack(series, where)
        image = self._not_negative(stack.image, where)
        found: CountMap | ActivityMap = CountMap(image)
        self._note(stack.notes)
        if series.kind is not Kind.SPECT:
            why = f"{series.why.split(': say')[0]}; " if series.why else ""
            self._note([f"{where}: {why}used as SPECT because the user says so"])
        elif series.why:
            self._note([f"{where}: {series.why}"])
        if not of.nuclide:
            self._note([f"{where}: the header names no nuclide; taken as Tc-99m MAA"], "spect", "0")
        delivered = of.nuclide == "Y-90"
        if delivered:
            corrected_to = AT_INFUSION if self.choices.spect_at_infusion else self.choices.spect_reference
            activity, told = activity_if_known(stack, self.zone, where, corrected_to)
            self._note(told, "" if activity else "spect_reference")
            if activity is not None:
                found = ActivityMap(self._not_negative(activity.image, where), activity.reference_time)
        if isinstance(found, CountMap):
            self._note(lacking_corrections(series.header, where, SPECT_CORRECTIONS))
        self.images["spect.nrrd"] = found.image
        label, basis = (DELIVERED, Basis.DELIVERED) if delivered else (PLAN, Basis.PLANNED)
        dose = dose_gbq(of) if delivered else None
        given = None
        if delivered and (self.zone is not None or text(series.header, "TimezoneOffsetFromUTC")):
            given, doubt = infusion_time(of, series.header, self.zone, where)
            self._note([doubt] if doubt else [])
        self.drafts.append(SessionDraft(label, "spect.nrrd", basis, found, dose, given))
        self.taken[series.number] = "Y-90 SPECT (delivered)" if delivered else "Tc-99m SPECT (planned)"

    def _pet(self, series: Series, perfused: list[str]) -> tuple[Session, ...]:
        where = _where("PET", series)
        of = tracer(series.header)
        require_fitting(series, where, Quantity.COUNTS if self.choices.pet_as_counts else Quantity.ACTIVITY)
        if of.nuclide == "Tc-99m":
            raise InputError(
                "the header names the nuclide Tc-99m: the image shows what is planned, not what was delivered",
                where=where,
                remedy="Choose it as the SPECT",
                about="spect",
            )
        stack = read_stack(series, where)
        if series.kind is not Kind.PET:
            self._note([f"{where}: {series.why.split(': say')[0]}; used as PET because the user says so"])
        self._note(stack.notes)
        image: CountMap | ActivityMap
        if self.choices.pet_as_counts:
            image = CountMap(self._not_negative(stack.image, where))
            self._note([f"{where}: used in relative counts, as the user says"])
        else:
            corrected_to = AT_INFUSION if self.choices.pet_at_infusion else self.choices.pet_reference
            found = activity_of(stack, self.zone, where, corrected_to)
            self._note(found.notes)
            image = ActivityMap(self._not_negative(found.image, where), found.reference_time)
        dose = dose_gbq(of) if of.nuclide == "Y-90" else None
        given, doubt = infusion_time(of, series.header, self.zone, where) if of.given else (None, "")
        self._note([doubt] if doubt else [], "pet_reference")
        if of.dose_bq is not None and of.nuclide == "Y-90" and dose is None:
            self._note([f"{where}: the header says a dose of {of.dose_bq:g} Bq: not used"])
        self.taken[series.number] = "Y-90 PET (delivered)"
        if dose is None or len(perfused) != 1 or doubt:
            self.images["pet.nrrd"] = image.image
            self.drafts.append(SessionDraft(DELIVERED, "pet.nrrd", Basis.DELIVERED, image, dose, given))
            return ()
        self._note([f"{where}: the activity at infusion is the dose in the header; check it against the vial"])
        infusion = Infusion("Infusion 1", Vial(dose), perfused[0], given)
        return (Session(DELIVERED, (infusion,), image, Basis.DELIVERED),)

    def _not_negative(self, image: sitk.Image, where: str) -> sitk.Image:
        clean, count, share_fraction = without_negatives(image, where)
        if count:
            share = f"{share_fraction * 100:.2f} %"
            self._note([Zeroed(f"{where}: {count} negative voxels ({share} of the positive total) set to 0")])
        return clean

    def _others(self, chosen: Mapping[str, Series | None]) -> None:
        """Keep MR, hybrid and cone-beam CTs and planar views beside the case: anatomy, registration, lung shunt."""
        for name in ("spect", "pet"):
            hybrid = self._hybrid_ct(chosen[name], chosen["ct"])
            if hybrid is not None:
                self._beside(f"ct_of_{name}.nrrd", hybrid, lambda s, w: {"": read_stack(s, w, straighten=True).image})
        for count, series in enumerate(self.sorting.of_kind(Kind.CBCT), start=1):
            if series.number not in self.taken:
                self._beside(f"cbct_{count}.nrrd", series, lambda s, w: {"": read_stack(s, w).image})
        for count, series in enumerate(self.sorting.of_kind(Kind.PLANAR), start=1):
            self._beside(f"planar_{count}.nrrd", series, read_planar)
        found = self.sorting.of_kind(Kind.MR)
        wanted = self.choices.mr if self.choices.mr is not None else tuple(s.number for s in found if len(found) == 1)
        for count, number in enumerate(wanted, start=1):
            series = self.sorting.numbered(number, "mr")
            self._beside(f"mr_{count}.nrrd", series, lambda s, w: {"": read_stack(s, w).image})
        left = [str(s.number) for s in found if s.number not in wanted]
        if left:
            self._note([f"MR: series {', '.join(left)} are not read; one may be kept as anatomy"], "mr", left[0])

    def _hybrid_ct(self, image: Series | None, ct: Series | None) -> Series | None:
        """Return the first CT, other than the chosen one, that shares the frame of reference of a SPECT or PET."""
        if image is None or not image.frame_of_reference:
            return None
        others = (s for s in self.sorting.of_kind(Kind.CT) if ct is None or s.number != ct.number)
        return next((s for s in others if s.frame_of_reference == image.frame_of_reference), None)

    def _beside(self, name: str, series: Series, read: Callable[[Series, str], Mapping[str, sitk.Image]]) -> None:
        where = _where(series.kind.value, series)
        try:
            views = read(series, where)
        except InputError as error:  # it is not needed for the case
            self._note([f"left out: {error}"])
            return
        for view, image in views.items():
            self.images[name.replace(".nrrd", f"{view}.nrrd")] = image
        self._note([f"{where}: kept as {name.replace('.nrrd', '')}, not used for a dose"])
        self.taken[series.number] = f"kept beside the case as {name.replace('.nrrd', '')}"

    # Notes

    def _note_frames(self, chosen: Mapping[str, Series | None]) -> None:
        ct = chosen["ct"]
        for name in ("spect", "pet"):
            series = chosen[name]
            if ct is None or series is None:
                continue
            if not ct.frame_of_reference or not series.frame_of_reference:
                self._note([f"{name.upper()}: no DICOM frame of reference is stated; check that it fits the CT"])
            elif ct.frame_of_reference != series.frame_of_reference:
                self._note([f"{name.upper()}: another DICOM frame of reference than the CT; register both"])

    def _note_persons(self, used: tuple[Series, ...]) -> None:
        """Say where nothing but the folder tells that the images show one patient, and what speaks against it."""
        numbers = [str(s.number) for s in used if not s.says_whose]
        if len(used) > 1 and numbers:
            told = f"series {numbers[0]} names" if len(numbers) == 1 else f"series {' and '.join(numbers)} name"
            self._note([f"{told} no patient: check that all images are of the same one"])
        for doubt in body_doubts(tuple(s.header for s in used)):
            self._note([f"the headers of the images state {doubt}: check that they are of one patient"])

    def _note_reach(self, ct: CtImage | None, structures: tuple[Structure, ...]) -> None:
        """Say which outlines reach beyond the CT they were drawn on: it lacks slices at an end."""
        for structure in structures if ct is not None else ():
            assert ct is not None, "asked above"
            far_mm = beyond_mm(structure.mask, ct.image)
            if far_mm > ct.image.GetSpacing()[2]:
                self._note(
                    [f"CT: the outline '{structure.label}' reaches {far_mm:.0f} mm beyond it: are slices missing?"]
                )

    def _identifiers(self, chosen: Mapping[str, Series | None]) -> Mapping[str, object]:
        first = next((s for s in chosen.values() if s), self.sorting.series[0])
        known = {k: text(first.header, k) for k in (*PERSONAL, "StudyInstanceUID") if text(first.header, k)}
        uids = {
            name: {"SeriesInstanceUID": s.uid, "FrameOfReferenceUID": s.frame_of_reference}
            for name, s in chosen.items()
            if s
        }
        return {**known, "series": uids}


def _about(series: Series) -> str:
    """Return what the user could choose an unused series as."""
    return "spect" if series.kind is Kind.UNSURE else ""


def _where(name: str, series: Series) -> str:
    return f"{name} (series {series.number})"
