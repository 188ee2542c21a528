"""`y90 case from-dicom`: a folder from the PACS becomes a case folder."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..io.case_keys import AT_INFUSION
from ..io.dicom_case import Choices, DicomCase, case_from_dicom, write_dicom_case
from ..io.dicom_sort import sort_folder
from ..progress import part
from ..structures import Role
from .bar import progress_bar


def add_from_dicom(case_subparsers: Any) -> None:
    """Add `from-dicom` to the subcommands of `y90 case`."""
    command = case_subparsers.add_parser("from-dicom", help="make a case from a folder of DICOM files")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="searched with all folders below it")
    goal = command.add_mutually_exclusive_group(required=True)
    goal.add_argument("--out", type=Path, metavar="DIR", help="a folder that does not exist yet")
    goal.add_argument("--list", action="store_true", help="only list the series with their numbers")
    for name, what in (("ct", "planning CT"), ("spect", "MAA or Y-90 SPECT"), ("pet", "Y-90 PET")):
        command.add_argument(f"--{name}", type=int, metavar="N", help=f"number of the {what} in the list, 0 for none")
    command.add_argument(
        "--mr", type=int, nargs="+", metavar="N", help="numbers of the MR to keep beside the case, 0 for none"
    )
    command.add_argument(
        "--outlines", type=int, nargs="+", metavar="N", help="numbers of the SEG or RTSTRUCT to take, 0 for none"
    )
    command.add_argument("--patient", type=int, metavar="N", help="which patient, where the folder holds several")
    command.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="NAME=ROLE",
        help="role of a segment (liver, tumor, perfused, …; none to leave it out); may be repeated",
    )
    command.add_argument("--label", default=Choices().label, help="name of the case; use no patient's name")
    command.add_argument("--time-zone", metavar="ZONE", help="hospital's, where the headers state none: Europe/Paris")
    command.add_argument(
        "--pet-reference",
        metavar="TIME",
        help=f'instant to which the PET is decay-corrected, with its offset, or "{AT_INFUSION}"; overrides the header',
    )
    command.add_argument(
        "--spect-reference",
        metavar="TIME",
        help="the same for a Y-90 SPECT in Bq/mL; else it is used in counts",
    )
    command.add_argument("--pet-as-counts", action="store_true", help="use the PET in relative counts")
    command.add_argument(
        "--keep-identifiers", action="store_true", help="write name, ID and UIDs of the source to identifiers.json"
    )
    command.set_defaults(run=run)


WORDS: Mapping[str, str] = {
    "ct": "--ct {value}",
    "spect": "--spect {value}",
    "pet": "--pet {value}",
    "mr": "--mr {value}",
    "outlines": "--outlines {value}",
    "patient": "--patient {value}",
    "roles": '--role "{value}=ROLE"',
    "time_zone": "--time-zone Europe/Paris",
    "pet_reference": "--pet-reference 2026-03-05T09:00:00+01:00 (or infusion), --pet-as-counts, or --pet 0",
    "pet_as_counts": "--pet-as-counts, or --pet 0 to leave it out",
    "spect_reference": "--spect-reference 2026-03-05T09:00:00+01:00 (or infusion)",
}
"""What to type for a member of `Choices` that an error or note is about."""
UNSAID: Mapping[str, str] = {"roles": "NAME"}


def words_for(about: str, value: str = "") -> str:
    """Return what to type on the command line to settle what an error or note is about; empty where nothing does."""
    return WORDS[about].format(value=value or UNSAID.get(about, "N")) if about in WORDS else ""


def run(args: argparse.Namespace) -> int:
    """List the series of a folder, or write its case and say what was taken and noted."""
    try:
        return _list(args) if args.list else _make(args)
    except InputError as error:
        if not (typed := words_for(error.about)):
            raise
        remedy = f"{error.remedy}\nType: {typed}"
        raise type(error)(error.what, where=error.where, remedy=remedy, about=error.about) from None


def _list(args: argparse.Namespace) -> int:
    with progress_bar() as progress:
        sorting = sort_folder(args.folder, progress)
    print("\n".join(sorting.lines()))
    print(f"{sorting.foreign_count} other files, {sorting.duplicate_count} duplicates")
    if sorting.damaged:
        print(f"damaged: {', '.join(sorting.damaged)}")
    return 0


def _make(args: argparse.Namespace) -> int:
    with progress_bar() as progress:
        found = case_from_dicom(args.folder, _choices(args), part(progress, 0.0, 0.9))
        progress(0.9, "writing the case")
        write_dicom_case(found, args.out)
    for line in found.series:
        print(f"series {line}")
    for structure in found.structures:
        print(f"structure {structure.text}")
    for note in found.notes:
        typed = words_for(note.about, note.value)
        print(f"note: {note.text}" + (f" ({typed})" if typed else ""))
    for line in _still_needed(found):
        print(line)
    print(args.out / "case.toml")
    return 0


def _still_needed(found: DicomCase) -> tuple[str, ...]:
    """Return what the folder did not hold, and what to do about it."""
    drafts, sessions = len(found.drafts), len(found.case.sessions)
    told = []
    if found.case.one(Role.LIVER) is None:
        told.append("needed: no outline of the liver is among the files; add [[structures]] to the case file")
    if drafts:
        many = "1 session stands" if drafts == 1 else f"{drafts} sessions stand"
        told.append(f"needed: {many} as comments in the case file; complete them")
    elif not sessions:
        told.append("needed: no SPECT or PET is among the files; without [[sessions]] there is no dose")
    return tuple(told)


def _choices(args: argparse.Namespace) -> Choices:
    roles = {}
    for entry in args.role:
        name, equals, role = entry.rpartition("=")
        if not equals or not name.strip():
            raise InputError(f"'{entry}' is no NAME=ROLE", where="--role", remedy='Write --role "Segment 1=tumor"')
        roles[name.strip()] = role.strip()
    pet, pet_at_infusion = _reference(args.pet_reference, "--pet-reference")
    spect, spect_at_infusion = _reference(args.spect_reference, "--spect-reference")
    return Choices(
        ct=args.ct,
        spect=args.spect,
        pet=args.pet,
        mr=None if args.mr is None else tuple(n for n in args.mr if n),
        outlines=None if args.outlines is None else tuple(n for n in args.outlines if n),
        patient=args.patient,
        label=args.label,
        time_zone=args.time_zone,
        pet_reference=pet,
        pet_at_infusion=pet_at_infusion,
        pet_as_counts=args.pet_as_counts,
        roles=roles,
        keep_identifiers=args.keep_identifiers,
        spect_reference=spect,
        spect_at_infusion=spect_at_infusion,
    )


def _reference(written: str | None, option: str) -> tuple[datetime | None, bool]:
    """Return an instant, or whether the word for the infusion stands for it."""
    if written is None or written == AT_INFUSION:
        return None, written is not None
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InputError(
            f"'{written}' is no time with an offset",
            where=option,
            remedy=f'Write 2026-03-05T09:00:00+01:00, or "{AT_INFUSION}"',
        )
    return at, False
