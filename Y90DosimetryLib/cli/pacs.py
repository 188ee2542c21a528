"""`y90 push` and `y90 pull`: DICOM objects to a PACS, and a patient's study from it."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ..engine import assess
from ..errors import InputError
from ..io.case_file import read_case_file
from ..io.pacs import Wanted, find, pull
from ..io.pacs_link import ANY_TITLE, DEFAULT_TIMEOUT_S, OUR_TITLE, Peer, echo, host_and_port
from ..io.pacs_store import Pushed, push
from ..progress import Progress, part
from .bar import progress_bar
from .export import add_options, export_case

REFUSED = 2
"""Exit code where the PACS refused an object: the input did not get where it should."""


def add_parser(commands: Any) -> None:
    """Add both commands to `y90`."""
    one = commands.add_parser("push", help="store a case's results, or a folder of DICOM files, in a PACS")
    one.add_argument("what", type=Path, metavar="CASE_OR_FOLDER", help="CASE.toml (with --reference), or DICOM files")
    _add_peer(one, "--to")
    add_options(one, reference_required=False)
    one.set_defaults(run=_push)

    other = commands.add_parser("pull", help="fetch a patient's study from a PACS into a folder")
    _add_peer(other, "--from")
    other.add_argument("--patient-id", default="", metavar="ID")
    other.add_argument("--study", default="", metavar="UID|N", help="StudyInstanceUID, or its number in the list")
    other.add_argument("--modality", nargs="+", default=[], metavar="M", help="only series of these: CT NM PT SEG …")
    goal = other.add_mutually_exclusive_group(required=True)
    goal.add_argument("--out", type=Path, metavar="FOLDER", help="a folder that does not exist yet")
    goal.add_argument("--list", action="store_true", help="only list the studies with their numbers")
    other.add_argument("--show-identifiers", action="store_true", help="list patient ID, name and UID as well")
    other.set_defaults(run=_pull)


def _add_peer(command: argparse.ArgumentParser, direction: str) -> None:
    command.add_argument(direction, dest="peer", required=True, metavar="HOST:PORT", help="the PACS")
    command.add_argument("--aet", default=OUR_TITLE, metavar="TITLE", help="our AE title; default %(default)s")
    command.add_argument("--called-aet", default=ANY_TITLE, metavar="TITLE", help="the PACS's; default %(default)s")
    command.add_argument(
        "--timeout", type=float, default=DEFAULT_TIMEOUT_S, metavar="S", help="for each answer; default %(default)g"
    )


def _peer(args: argparse.Namespace) -> Peer:
    return Peer(*host_and_port(args.peer), args.called_aet, args.aet, args.timeout)


def _push(args: argparse.Namespace) -> int:
    peer, what = _peer(args), args.what
    case = what / "case.toml" if (what / "case.toml").is_file() else what
    with progress_bar() as progress:
        if case.is_file():
            pushed = _push_case(case, args, peer, progress)
        else:
            if args.reference or args.pdf:
                raise InputError(
                    "--reference and --pdf belong to a case",
                    where=str(what),
                    remedy="Give CASE.toml, or leave them out",
                )
            pushed = push(what, peer, progress)
    for note in pushed.notes:
        print(f"note: {note}")
    for line in pushed.refused:
        print(f"refused: {line}")
    print(f"{pushed.stored_count} objects stored, {len(pushed.refused)} refused")
    return REFUSED if pushed.refused else 0


def _push_case(case: Path, args: argparse.Namespace, peer: Peer, progress: Progress) -> Pushed:
    if args.reference is None:
        raise InputError(
            "a case is stored with the patient and study of its DICOM CT",
            where=str(case),
            remedy="Name the CT: --reference DICOM_CT_FOLDER",
        )
    echo(peer)  # before the work, not after it
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "objects"
        read = read_case_file(case)
        assessment = assess(read.case, part(progress, 0.0, 0.5))
        notes = export_case(assessment, read.inputs, args, folder, part(progress, 0.5, 0.8))
        pushed = push(folder, peer, part(progress, 0.8, 1.0))
    return Pushed(pushed.stored_count, pushed.refused, (*notes, *pushed.notes))


def _pull(args: argparse.Namespace) -> int:
    peer = _peer(args)
    wanted = Wanted(args.patient_id, args.study, tuple(m.upper() for m in args.modality))
    if args.list:
        echo(peer)
        studies = find(peer, wanted.patient_id, "" if wanted.study.isdecimal() else wanted.study)
        for study in studies:
            print(study.line + (f" [{study.identifiers}]" if args.show_identifiers else ""))
        print("1 study" if len(studies) == 1 else f"{len(studies)} studies")
        return 0
    with progress_bar() as progress:
        study = pull(peer, wanted, args.out, progress)
    for series in study.series:
        print(f"{series.modality}: {series.object_count} object{'' if series.object_count == 1 else 's'}")
    print(args.out)
    return 0
