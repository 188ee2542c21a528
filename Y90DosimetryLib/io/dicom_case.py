"""A case from a folder of DICOM files: which series is what is shown and chosen, then read, checked and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import SimpleITK as sitk

from ..case import Basis, Case, Infusion, Patient, Session, Settings, Vial
from ..errors import InputError
from ..images import ActivityMap, CountMap, CtImage, Zeroed, array_of, without_negatives
from ..progress import Progress, part, silent
from ..structures import Role, Structure
from .case_keys import AT_INFUSION
from .case_schema import did_you_mean
from .case_writer import write_case
from .dicom_activity import SPECT_CORRECTIONS, activity_if_known, activity_of, lacking_corrections
from .dicom_choices import NOTHING_SAID
from .dicom_choices import Choices as Choices
from .dicom_draft import SessionDraft
from .dicom_facts import body, dose_gbq, given_at, require_tracer_of_plan, tracer, zone_named
from .dicom_header import PERSONAL, hushed, scrubbed, text, unmistakable
from .dicom_outlines import read_outlines
from .dicom_planar import read_planar
from .dicom_sort import Kind, Series, Sorting, many, sort_folder
from .dicom_stack import read_stack
from .writing import output_folder, write_image, write_json, write_text

LEAST_NEGATIVE_HU = -50.0
"""Tool default: every abdominal CT in Hounsfield units has fat (about -100) or air below this."""
PLAN, DELIVERED = "Plan", "Delivered"


@dataclass(frozen=True)
class DicomCase:
    """What a folder gave: the case, further images by file name, and sessions that lack something to be run."""

    case: Case
    images: Mapping[str, sitk.Image]
    drafts: tuple[SessionDraft, ...]
    identifiers: Mapping[str, object] | None = None


def case_from_dicom(folder: Path, choices: Choices = NOTHING_SAID, progress: Progress = silent) -> DicomCase:
    """Return the case that a folder of DICOM files makes; nothing is written.

    Raises
    ------
    InputError, GeometryError
        If files are damaged, the folder holds several patients or candidates and none is chosen, or a chosen
        series can't be read as what it is to be; no message names the patient.
    MissingToolError
        If pydicom is not installed.
    """
    sorting = sort_folder(folder, part(progress, 0.0, 0.4))
    with hushed(), _nameless(unmistakable(sorting.secrets)):
        return _Reader(sorting, choices, str(folder)).case(part(progress, 0.4, 1.0))


def write_dicom_case(found: DicomCase, folder: Path) -> None:
    """Write a case folder: what `write_case` writes, further images, and drafts of sessions as comments."""
    with output_folder(folder) as temporary:
        write_case(found.case, temporary)
        for name, image in found.images.items():
            write_image(image, temporary / name)
        if found.drafts:
            written = (temporary / "case.toml").read_text(encoding="utf-8")
            lines = ("\n".join(f"# {line}".rstrip() for line in d.text().splitlines()) for d in found.drafts)
            drafts = "\n\n".join(lines)
            write_text(f"{written}\n{drafts}\n", temporary / "case.toml", overwrite=True)
        if found.identifiers is not None:
            write_json(found.identifiers, temporary / "identifiers.json")


@contextmanager
def _nameless(secrets: frozenset[str]) -> Iterator[None]:
    """Let no message of the block name the patient."""
    try:
        yield
    except InputError as error:
        raise type(error)(
            scrubbed(error.what, secrets), where=scrubbed(error.where, secrets), remedy=scrubbed(error.remedy, secrets)
        ) from None


class _Reader:
    """Reads one folder; holds what was noted on the way."""

    def __init__(self, sorting: Sorting, choices: Choices, folder: str) -> None:
        self.choices, self.folder = choices, folder
        self.sorting = self._one_patient(sorting)
        self.zone: tzinfo | None = zone_named(choices.time_zone) if choices.time_zone else None
        self.notes: list[str] = []
        self.images: dict[str, sitk.Image] = {}
        self.drafts: list[SessionDraft] = []

    def case(self, progress: Progress) -> DicomCase:
        sorting = self.sorting
        self.notes += sorting.file_notes
        chosen = {
            "ct": self._pick("ct", "CT", Kind.CT),
            "spect": self._pick("spect", "SPECT", Kind.SPECT),
            "pet": self._pick("pet", "PET", Kind.PET),
        }
        if not any(chosen.values()):
            raise InputError("no CT, SPECT or PET is recognized", where=self.folder, remedy=self._list())
        progress(0.0, "reading the CT")
        ct = self._ct(chosen["ct"])
        progress(0.4, "reading outlines")
        structures = self._structures(chosen)
        perfused = [s.label for s in structures if s.role is Role.PERFUSED]
        progress(0.6, "reading SPECT and PET")
        if chosen["spect"]:
            self._spect(chosen["spect"])
        sessions = self._pet(chosen["pet"], perfused) if chosen["pet"] else ()
        self._others(chosen)
        used = {series.number for series in chosen.values() if series}
        for series in sorting.of_kind(Kind.UNSURE):
            if series.number not in used:
                self.notes.append(f"series {series.number} is not used: {series.why}")
        known = body(tuple(s.header for s in (chosen["pet"], chosen["spect"], chosen["ct"]) if s))
        self.notes += known.notes
        self._note_frames(chosen)
        self._note_persons(tuple(s for s in chosen.values() if s))
        zone = self.choices.time_zone if self.choices.time_zone and "/" in self.choices.time_zone else None
        case = Case(
            self.choices.label,
            structures,
            sessions,
            ct,
            Patient(weight_kg=known.weight_kg, height_cm=known.height_cm),
            settings=Settings(hospital_time_zone=zone),
            notes=tuple(scrubbed(note, unmistakable(sorting.secrets)) for note in self.notes),
        )
        identifiers = self._identifiers(chosen) if self.choices.keep_identifiers else None
        return DicomCase(case, self.images, tuple(self.drafts), identifiers)

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
                )
            return sorting.of_patient(self.choices.patient)
        if len(sorting.patients) > 1:
            raise InputError(
                f"the folder holds series of {len(sorting.patients)} patients",
                where=self.folder,
                remedy="Choose one with --patient N:\n" + "\n".join(sorting.lines()),
            )
        return sorting

    def _pick(self, option: str, name: str, kind: Kind) -> Series | None:
        """Return the series chosen by number, else the only one of its kind; several are never chosen from."""
        wanted: int | None = getattr(self.choices, option)
        if wanted is not None:
            return self._numbered(wanted, option)
        found = self.sorting.of_kind(kind)
        if len(found) > 1:
            listed = "\n".join(s.line for s in found)
            raise InputError(
                f"{len(found)} series may be the {name}",
                where=self.folder,
                remedy=f"Choose one with --{option} N (0 for none):\n{listed}",
            )
        return found[0] if found else None

    def _numbered(self, wanted: int, option: str) -> Series | None:
        found = next((s for s in self.sorting.series if s.number == wanted), None)
        if found is None and wanted != 0:
            raise InputError(f"there is no series {wanted}", where=f"--{option}", remedy=self._list())
        return found

    def _list(self) -> str:
        return "The folder holds:\n" + "\n".join(self.sorting.lines())

    # Reading

    def _ct(self, series: Series | None) -> CtImage | None:
        if series is None:
            return None
        where = _where("CT", series)
        stack = read_stack(series, where, straighten=True)
        lowest = float(array_of(stack.image).min())
        if lowest > LEAST_NEGATIVE_HU:
            raise InputError(
                f"no voxel lies below {LEAST_NEGATIVE_HU:g} (lowest {lowest:g}): these are not Hounsfield units",
                where=where,
                remedy="If it is a SPECT or PET, say so with --spect N or --pet N",
            )
        self.notes += stack.notes
        return CtImage(stack.image)

    def _spect(self, series: Series) -> None:
        where = _where("SPECT", series)
        of = tracer(series.header)
        require_tracer_of_plan(of, where)
        stack = read_stack(series, where)
        image = self._not_negative(stack.image, where)
        found: CountMap | ActivityMap = CountMap(image)
        self.notes += stack.notes
        if series.kind is not Kind.SPECT:
            self.notes.append(f"{where}: {series.why.split(':')[0]}; used as SPECT because the user says so")
        if not of.nuclide:
            self.notes.append(f"{where}: the header names no nuclide; taken as Tc-99m MAA")
        delivered = of.nuclide == "Y-90"
        if delivered:
            corrected_to = AT_INFUSION if self.choices.spect_at_infusion else self.choices.spect_reference
            activity, told = activity_if_known(stack, self.zone, where, corrected_to)
            self.notes += told
            if activity is not None:
                found = ActivityMap(self._not_negative(activity.image, where), activity.reference_time)
        if isinstance(found, CountMap):
            self.notes += lacking_corrections(series.header, where, SPECT_CORRECTIONS)
        self.images["spect.nrrd"] = found.image
        label, basis = (DELIVERED, Basis.DELIVERED) if delivered else (PLAN, Basis.PLANNED)
        dose = dose_gbq(of) if delivered else None
        zoned = self.zone is not None or bool(text(series.header, "TimezoneOffsetFromUTC"))
        given = given_at(of, series.header, self.zone, where) if delivered and zoned else None
        self.drafts.append(SessionDraft(label, "spect.nrrd", basis, found, dose, given))

    def _pet(self, series: Series, perfused: list[str]) -> tuple[Session, ...]:
        where = _where("PET", series)
        stack = read_stack(series, where)
        if series.kind is not Kind.PET:
            self.notes.append(f"{where}: {series.why.split(':')[0]}; used as PET because the user says so")
        of = tracer(series.header)
        self.notes += stack.notes
        image: CountMap | ActivityMap
        if self.choices.pet_as_counts:
            image = CountMap(self._not_negative(stack.image, where))
            self.notes.append(f"{where}: used in relative counts, as the user says")
        else:
            corrected_to = AT_INFUSION if self.choices.pet_at_infusion else self.choices.pet_reference
            found = activity_of(stack, self.zone, where, corrected_to)
            self.notes += found.notes
            image = ActivityMap(self._not_negative(found.image, where), found.reference_time)
        dose = dose_gbq(of) if of.nuclide == "Y-90" else None
        given = given_at(of, series.header, self.zone, where) if of.given else None
        if of.dose_bq is not None and of.nuclide == "Y-90" and dose is None:
            self.notes.append(f"{where}: the header says a dose of {of.dose_bq:g} Bq: not used")
        if dose is None or len(perfused) != 1:
            self.images["pet.nrrd"] = image.image
            self.drafts.append(SessionDraft(DELIVERED, "pet.nrrd", Basis.DELIVERED, image, dose, given))
            return ()
        self.notes.append(f"{where}: the activity at infusion is the dose in the header; check it against the vial")
        infusion = Infusion("Infusion 1", Vial(dose), perfused[0], given)
        return (Session(DELIVERED, (infusion,), image, Basis.DELIVERED),)

    def _not_negative(self, image: sitk.Image, where: str) -> sitk.Image:
        clean, count, share_fraction = without_negatives(image, where)
        if count:
            share = f"{share_fraction * 100:.2f} %"
            self.notes.append(Zeroed(f"{where}: {count} negative voxels ({share} of the positive total) set to 0"))
        return clean

    def _others(self, chosen: Mapping[str, Series | None]) -> None:
        """Keep hybrid and cone-beam CTs and planar views beside the case, for registration and the lung shunt."""
        for name in ("spect", "pet"):
            hybrid = self._hybrid_ct(chosen[name], chosen["ct"])
            if hybrid is not None:
                self._beside(f"ct_of_{name}.nrrd", hybrid, lambda s, w: {"": read_stack(s, w, straighten=True).image})
        for count, series in enumerate(self.sorting.of_kind(Kind.CBCT), start=1):
            self._beside(f"cbct_{count}.nrrd", series, lambda s, w: {"": read_stack(s, w).image})
        for count, series in enumerate(self.sorting.of_kind(Kind.PLANAR), start=1):
            self._beside(f"planar_{count}.nrrd", series, read_planar)

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
            self.notes.append(f"left out: {error}")
            return
        for view, image in views.items():
            self.images[name.replace(".nrrd", f"{view}.nrrd")] = image
        self.notes.append(f"{where}: kept as {name.replace('.nrrd', '')}, not used for a dose")

    def _structures(self, chosen: Mapping[str, Series | None]) -> tuple[Structure, ...]:
        target = chosen["ct"] or chosen["spect"] or chosen["pet"]
        assert target is not None, "an image was chosen"
        sets = self.sorting.of_kind(Kind.SEG, Kind.RTSTRUCT)
        if self.choices.outlines is not None:
            sets = tuple(s for n in self.choices.outlines if (s := self._numbered(n, "outlines")))
        structures: list[Structure] = []
        roles = dict(self.choices.roles)
        left_out: list[str] = []
        for series in sets:
            where = _where(series.kind.value, series)
            if series.kind not in (Kind.SEG, Kind.RTSTRUCT):
                raise InputError("it holds no outlines", where=where, remedy=self._list())
            found = read_outlines(series, self.sorting, target, where)
            self.notes += found.notes
            for segment in found.segments:
                role = _role(roles.pop(segment.name, None), segment.name, found.roles.get(segment.name))
                if role is None or segment.mask is None:
                    left_out.append(f"{segment.name}{'' if segment.mask else ' (empty)'}")
                    continue
                same = sum(s.label == segment.name or s.label.startswith(f"{segment.name} (") for s in structures)
                label = f"{segment.name} ({same + 1})" if same else segment.name
                structures.append(Structure(role, label, segment.mask))
        if roles:
            known = [*left_out, *(s.label for s in structures)]
            name = next(iter(roles))
            remedy = did_you_mean(name, known) or f"There are: {', '.join(known)}"
            raise InputError(f"there is no segment '{name}'", where="--role", remedy=remedy)
        if left_out:
            self.notes.append(f"outlines left out, without a role or empty: {', '.join(left_out)}")
        return tuple(structures)

    def _note_frames(self, chosen: Mapping[str, Series | None]) -> None:
        ct = chosen["ct"]
        for name in ("spect", "pet"):
            series = chosen[name]
            if ct is None or series is None:
                continue
            if not ct.frame_of_reference or not series.frame_of_reference:
                self.notes.append(f"{name.upper()}: no DICOM frame of reference is stated; check that it fits the CT")
            elif ct.frame_of_reference != series.frame_of_reference:
                self.notes.append(f"{name.upper()}: another DICOM frame of reference than the CT; register both")

    def _note_persons(self, used: tuple[Series, ...]) -> None:
        """Say where nothing but the folder tells that the images show one patient."""
        numbers = [str(s.number) for s in used if not s.says_whose]
        if len(used) > 1 and numbers:
            told = f"series {numbers[0]} names" if len(numbers) == 1 else f"series {' and '.join(numbers)} name"
            self.notes.append(f"{told} no patient: check that all images are of the same one")

    def _identifiers(self, chosen: Mapping[str, Series | None]) -> Mapping[str, object]:
        first = next(s for s in chosen.values() if s)
        known = {k: text(first.header, k) for k in (*PERSONAL, "StudyInstanceUID") if text(first.header, k)}
        uids = {
            name: {"SeriesInstanceUID": s.uid, "FrameOfReferenceUID": s.frame_of_reference}
            for name, s in chosen.items()
            if s
        }
        return {**known, "series": uids}


def _where(name: str, series: Series) -> str:
    return f"{name} (series {series.number})"


def _role(written: str | None, name: str, suggested: Role | None) -> Role | None:
    if written is None:
        return suggested
    if written == "none":
        return None
    if written not in list(Role):
        raise InputError(
            f"the role of '{name}' is '{written}'",
            where="--role",
            remedy=did_you_mean(written, list(Role)) or f"Write one of: {', '.join(Role)}, none",
        )
    return Role(written)
