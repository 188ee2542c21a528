"""A scene without the application: real MRML from the `slicer-core` wheel, no Qt."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "Y90Dosimetry", ROOT / "Testing"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

pytest.importorskip("slicer", reason="needs the wheel slicer-core: pip install '.[scene]'")

from Standins.boot import Application, install_bases  # noqa: E402

install_bases()


@pytest.fixture
def application():
    """Scene and logics."""
    running = Application()
    yield running
    running.scene.Clear(True)


@pytest.fixture
def scene(application):
    """An empty scene, which is `slicer.mrmlScene`."""
    return application.scene


@pytest.fixture(scope="session")
def patient():
    """A digital patient on coarse voxels: quick, and the same for all tests."""
    from Y90DosimetryLib.phantom import PhantomSettings, digital_patient

    return digital_patient(PhantomSettings(ct_spacing_mm=(4.0, 4.0, 6.0), spect_spacing_mm=(8.8, 8.8, 8.8)))


@pytest.fixture
def parameters(scene, patient):
    """The parameters of the digital patient in the scene."""
    from Y90DosimetrySlicer.sampledata import parametersOf

    return parametersOf(patient)


@pytest.fixture
def workflow(parameters):
    """What can be done with the digital patient."""
    from Y90DosimetrySlicer.workflow import Workflow

    return Workflow(parameters)


@pytest.fixture
def prescribe(workflow):
    """The prescription of the first infusion as the scene states it now, always by the same prescriber."""
    from prescribing_kit import PLAN
    from Y90DosimetrySlicer.prescribing import Prescriber

    prescriber = Prescriber()

    def now():
        live = workflow.live()
        limits = dict(workflow.parameters.limits)
        return prescriber.prescription(live.engine, PLAN, 0, limits)

    now.prescriber = prescriber
    return now


@pytest.fixture
def course(scene):
    """The parameters of a digital patient with studies before the treatment and at months 1, 3 and 6."""
    from followup_kit import over_time
    from Y90DosimetrySlicer.sampledata import parametersOf

    return parametersOf(over_time())
