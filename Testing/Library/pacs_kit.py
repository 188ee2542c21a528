"""Two kinds of PACS for tests: Orthanc in a network of its own, and one of a few lines that misbehaves as told."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from export_kit import IDENTIFIERS

from Y90DosimetryLib.io.pacs_link import Peer

pynetdicom = pytest.importorskip("pynetdicom", reason="pynetdicom talks to the PACS of these tests")
pydicom = pytest.importorskip("pydicom", reason="pydicom reads what the PACS holds")

TITLE, DICOM_PORT, HTTP_PORT = "ORTHANC", 4242, 8042
START_TRIES, START_WAIT_S = 200, 0.1
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    fcntl.ioctl(one, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
os.execvp(sys.argv[1], sys.argv[1:])
"""
Y90 = "import sys; from Y90DosimetryLib.cli import main; sys.exit(main(sys.argv[1:]))"


PATIENT = IDENTIFIERS["PatientID"]
SECRETS = ("garc", "mar\u00eda", "4711", "19501231", "acc99", "1.2.826", "house")


def nameless(told: str) -> bool:
    """Whether a text says nothing of the patient."""
    return not [s for s in SECRETS if s in told.lower()]


def patient_with(**elements) -> dict:
    """The patient's elements, and others."""
    return {"SpecificCharacterSet": "ISO_IR 100", **IDENTIFIERS, **elements}


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc, and how to run a program in its network."""

    process: subprocess.Popen
    enter: tuple[str, ...]

    def run(self, *words: object, check: bool = True) -> subprocess.CompletedProcess:
        """Run a program beside it."""
        done = subprocess.run([*self.enter, *map(str, words)], capture_output=True, text=True, check=False, timeout=120)
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done

    def y90(self, *words: object, check: bool = True) -> subprocess.CompletedProcess:
        """Run the command y90 beside it."""
        return self.run(sys.executable, "-c", Y90, *words, check=check)

    def asked(self, path: str, *, method: str = "GET") -> object:
        """Ask its web interface, which is not what is tested here."""
        code = (
            "import sys, urllib.request as u; r = u.Request(sys.argv[1], method=sys.argv[2]);"
            "print(u.urlopen(r, timeout=20).read().decode())"
        )
        address = f"http://127.0.0.1:{HTTP_PORT}{path}"
        return json.loads(self.run(sys.executable, "-c", code, address, method).stdout or "null")


def program() -> tuple[str, dict[str, str]]:
    """Orthanc and its environment: Debian's, or the one that `make test` unpacked beside its Python."""
    environment = dict(os.environ)
    if found := shutil.which("Orthanc"):
        return found, environment
    folder = Path(sys.prefix) / "orthanc"
    if not os.access(folder / "usr" / "sbin" / "Orthanc", os.X_OK):
        pytest.skip("Orthanc is not installed (Debian's package orthanc, or sh Testing/Tools/orthanc.sh .venv/orthanc)")
    libraries = {str(path.parent) for path in (folder / "usr" / "lib").rglob("*.so*")}
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(sorted(libraries))
    if dictionaries := sorted(folder.glob("usr/share/libdcmtk*/dicom.dic")):
        environment["DCMDICTPATH"] = str(dictionaries[0])
    return str(folder / "usr" / "sbin" / "Orthanc"), environment


def own_network() -> tuple[tuple[str, ...], Callable[[int], tuple[str, ...]]]:
    """How to start a program in a network of its own, and how to join it by its process; skips where neither may."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("unshare and nsenter are not there: Orthanc would listen to the whole network")
    ways = (
        (("unshare", "--net"), lambda pid: ("nsenter", f"--target={pid}", "--net")),
        (
            ("unshare", "--map-root-user", "--net"),
            lambda pid: ("nsenter", f"--target={pid}", "--user", "--net", "--preserve-credentials"),
        ),
    )
    told = ""
    for start, join in ways:
        tried = subprocess.run(
            [*start, sys.executable, "-c", LOOPBACK_UP, "true"], capture_output=True, text=True, check=False
        )
        if tried.returncode == 0:
            return start, join
        told = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
    pytest.skip(f"no network of its own for Orthanc: {told}")


@contextlib.contextmanager
def orthanc(folder: Path, **settings: object) -> Iterator[Orthanc]:
    """Run Orthanc on the loopback of a network of its own, and end it."""
    command, environment = program()
    start, join = own_network()
    configuration = {
        "Name": "Test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "DicomAet": TITLE,
        "DicomPort": DICOM_PORT,
        "DicomCheckCalledAet": True,
        "HttpPort": HTTP_PORT,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "UnknownSopClassAccepted": False,
        "Plugins": [],
        **settings,
    }
    folder.mkdir()
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*start, sys.executable, "-c", LOOPBACK_UP, command, str(folder / "orthanc.json")],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        running = Orthanc(process, join(process.pid))
        listening = f"import socket; socket.create_connection(('127.0.0.1', {DICOM_PORT}), 1)"
        for _ in range(START_TRIES):
            if process.poll() is not None:
                pytest.skip(f"Orthanc does not start: {(folder / 'log').read_text()[-300:]}")
            if running.run(sys.executable, "-c", listening, check=False).returncode == 0:
                break
            time.sleep(START_WAIT_S)
        else:
            pytest.skip(f"Orthanc does not listen: {(folder / 'log').read_text()[-300:]}")
        yield running
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# A PACS of a few lines, in this process


@dataclass
class Misbehaving:
    """What a small PACS holds, and how it answers."""

    objects: list = field(default_factory=list)
    stored: list = field(default_factory=list)
    status_of_store: Callable[[int], int] = lambda _: 0x0000
    status_of_echo: int = 0x0000
    answer_all: bool = False
    """Whether a search answers with every study, whatever was asked."""
    withheld: int = 0
    """How many objects it does not send."""
    silent_s: float = 0.0
    """How long it thinks before it answers a search."""
    classes: tuple[str, ...] | None = None
    answers_endlessly: bool = False


@contextlib.contextmanager
def small_pacs(held: Misbehaving, title: str = "SMALL", timeout_s: float = 5.0) -> Iterator[Peer]:
    """Run a PACS on a free port of the loopback."""
    evt, sop_class = pynetdicom.evt, pynetdicom.sop_class

    def echoed(_event):
        return held.status_of_echo

    def stored(event):
        held.stored.append(event.dataset)
        return held.status_of_store(len(held.stored))

    def found(event):
        time.sleep(held.silent_s)
        asked = event.identifier
        answers = {}
        for one in held.objects:
            series = asked.QueryRetrieveLevel == "SERIES"
            wanted = one.StudyInstanceUID == asked.StudyInstanceUID if series else one.PatientID == asked.PatientID
            if not (wanted or (held.answer_all and not series)):
                continue
            answer = pydicom.Dataset()
            for element in asked:
                if element.keyword in one:
                    answer[element.tag] = one[element.tag]
            answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
            key = one.SeriesInstanceUID if series else one.StudyInstanceUID
            if series:
                answer.NumberOfSeriesRelatedInstances = sum(o.SeriesInstanceUID == key for o in held.objects)
            answers[key] = answer
        for answer in itertools.cycle(answers.values()) if held.answers_endlessly else answers.values():
            yield 0xFF00, answer

    def sent(event):
        uid = event.identifier.SeriesInstanceUID
        wanted = [o for o in held.objects if o.SeriesInstanceUID == uid]
        wanted = wanted[: len(wanted) - held.withheld]
        yield len(wanted)
        for one in wanted:
            yield 0xFF00, one

    entity = pynetdicom.AE(ae_title=title)
    entity.require_called_aet = True
    entity.supported_contexts = [pynetdicom.build_context(sop_class.Verification)]
    entity.add_supported_context(sop_class.StudyRootQueryRetrieveInformationModelFind)
    entity.add_supported_context(sop_class.StudyRootQueryRetrieveInformationModelGet)
    for context in pynetdicom.AllStoragePresentationContexts:
        if held.classes is None or context.abstract_syntax in held.classes:
            entity.add_supported_context(
                context.abstract_syntax, pynetdicom.ALL_TRANSFER_SYNTAXES, scu_role=True, scp_role=True
            )
    handlers = [(evt.EVT_C_ECHO, echoed), (evt.EVT_C_STORE, stored), (evt.EVT_C_FIND, found), (evt.EVT_C_GET, sent)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield Peer("127.0.0.1", server.socket.getsockname()[1], title, timeout_s=timeout_s)
    finally:
        server.shutdown()
