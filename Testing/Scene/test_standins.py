"""The stand-ins do what Slicer's own files do; with SLICER_SOURCE the same tests run on those files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import slicer
import vtk
from Standins.boot import real_sources
from Y90DosimetrySlicer.parameters import Parameters, newInfusion, newParameters, newSession

HERE = Path(__file__).parent
STORE = """
import json, sys
sys.path[:0] = {folders!r}
import conftest
from Standins.boot import Application
application = Application()
from test_parameters import filled, stored
print(json.dumps(stored(filled())))
"""


def parameters_stored_with(source: str | None) -> dict[str, str]:
    """Return what another Python stores of the same case, with stand-ins or with Slicer's own files."""
    environment = {k: v for k, v in os.environ.items() if k != "SLICER_SOURCE"}
    if source:
        environment["SLICER_SOURCE"] = source
    folders = [str(HERE), str(HERE.parent)]
    code = STORE.format(folders=folders)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_scene_is_stored_under_the_same_keys_as_with_slicers_own_files() -> None:
    if real_sources() is None:
        pytest.skip("SLICER_SOURCE names no checkout of Slicer's sources")
    assert parameters_stored_with(None) == parameters_stored_with(os.environ["SLICER_SOURCE"])


def test_slicers_own_sample_data_module_takes_the_samples(application, monkeypatch) -> None:
    root = os.environ.get("SLICER_SOURCE")
    if not root or not Path(root, "Modules/Scripted/SampleData/SampleData.py").exists():
        pytest.skip("SLICER_SOURCE names no checkout of Slicer's sources")
    monkeypatch.syspath_prepend(str(Path(root, "Modules/Scripted/SampleData")))
    from SampleData import SampleDataLogic
    from Y90DosimetrySlicer import sampledata

    sampledata.register()
    sources = SampleDataLogic.sampleDataSourcesByCategory("Y90Dosimetry")
    assert [source.sampleName for source in sources] == list(sampledata.titled())
    assert all(callable(source.customDownloader) for source in sources)


def test_every_change_is_told_once_and_read_back_at_once(scene) -> None:
    p = newParameters()
    p.sessions.append(newSession("Plan", (newInfusion("A"),)))
    told: list[float | None] = []
    p.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(p.sessions[0].infusions[0].activityGbq))
    p.sessions[0].infusions[0].activityGbq = 4.0
    assert told
    assert set(told) == {4.0}


def test_two_wrappers_of_one_node_see_the_same_values(scene) -> None:
    first = newParameters()
    second = Parameters(first.parameterNode)
    first.sessions.append(newSession("Plan"))
    first.roles["a"] = "liver"
    second.patient.weightKg = 60.0
    assert second.sessions[0].label == "Plan"
    assert dict(second.roles) == {"a": "liver"}
    assert first.patient.weightKg == 60.0


def test_changes_can_be_grouped(scene) -> None:
    p = newParameters()
    told: list[int] = []
    p.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: told.append(1))
    with slicer.util.NodeModify(p):
        p.patient.weightKg, p.patient.heightCm, p.scenario = 60.0, 170.0, 2
    assert len(told) == 1


def test_a_pack_knows_no_other_attributes(scene) -> None:
    p = newParameters()
    with pytest.raises(AttributeError):
        p.patient.wieghtKg = 60.0
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        newInfusion("A", activity=3.0)
