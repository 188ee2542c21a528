"""A case in the scene from a folder of DICOM files, by the library's reader: all or nothing, and no identifiers."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.io.dicom_case import Choices, DicomCase, case_from_dicom
from Y90DosimetryLib.io.dicom_header import text
from Y90DosimetryLib.io.dicom_sort import Kind, Sorting
from Y90DosimetryLib.progress import Progress, part, silent

from .casenodes import COUNTS, HOUNSFIELD, Titles, addSession, addVolume, fillCase
from .parameters import Parameters, newInfusion, newParameters, nextLabel


def lacksZone(sorting: Sorting) -> bool:
    """Whether a PET is there whose header doesn't say the time zone of its clock."""
    return any(not text(series.header, "TimezoneOffsetFromUTC") for series in sorting.of_kind(Kind.PET))


def load(folder: Path, choices: Choices, progress: Progress = silent) -> Parameters:
    """Read a folder and put its case into the scene; return its parameters.

    Raises
    ------
    InputError
        If it can't be read as one case; the scene is then as it was.
    Cancelled
        If *progress* stopped it; the scene is then as it was.
    """
    found = case_from_dicom(folder, choices, part(progress, 0.0, 0.9))
    progress(0.92, "putting the case into the scene")
    with _allOrNothing():
        names = [parameters.GetName() for parameters in slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")]
        label = found.case.label
        parameters = newParameters(label if label not in names else nextLabel(names, label))
        with slicer.util.NodeModify(parameters):
            _fill(parameters, found)
        progress(1.0, "putting the case into the scene")
    return parameters


def summaryOf(parameters: Parameters) -> list[str]:
    """Return what was found in a folder, and what was left out, changed or assumed, a line each."""
    lines = [_("Loaded: {what}").format(what=_("CT") if parameters.ct is not None else _("no CT"))]
    for pack in parameters.sessions:
        of = _("{image} in {values}").format(image=pack.image.GetName(), values=pack.values) if pack.image else ""
        lines.append(_("Session '{label}': {of}").format(label=pack.label, of=of))
    node = parameters.segmentation
    count = node.GetSegmentation().GetNumberOfSegments() if node is not None else 0
    lines.append(_("{count} structures").format(count=count))
    return lines + list(parameters.readingNotes)


def _fill(parameters: Parameters, found: DicomCase) -> None:
    titles = Titles(_("From DICOM, without identifiers"), _("CT"), _("SPECT"), _("Y-90 PET"))
    study = fillCase(parameters, found.case, titles)
    images = dict(found.images)
    sessionOf = {"pet": 0} if parameters.sessions else {}
    for draft in found.drafts:
        del images[draft.file_name]
        infusions = []
        if draft.activity_gbq is not None:
            given = draft.given.isoformat() if draft.given is not None else ""
            infusions = [newInfusion(nextLabel([], _("Vial")), activityGbq=draft.activity_gbq, givenAt=given)]
        taken = [pack.label for pack in parameters.sessions]
        label = draft.label if draft.label not in taken else nextLabel(taken, draft.label)
        stem = Path(draft.file_name).stem
        sessionOf[stem] = len(taken)
        name = titles.activity if stem == "pet" else titles.counts
        addSession(parameters, label, draft.basis.value, draft.values, name, infusions, study)
    for fileName, image in images.items():
        name = Path(fileName).stem
        meaning = None if name.startswith("mr") else COUNTS if name.startswith("planar") else HOUNSFIELD
        volume = addVolume(image, _nameOf(name), meaning, study)
        index = sessionOf.get(name.removeprefix("ct_of_"))
        if name.startswith("ct_of_") and index is not None:
            parameters.sessions[index].hybridCt = volume


def _nameOf(stem: str) -> str:
    """Return what an image that is kept beside the case is called."""
    known = {"ct_of_spect": _("CT of the SPECT/CT"), "ct_of_pet": _("CT of the PET/CT")}
    return known.get(stem) or stem.replace("_", " ").capitalize().replace("Cbct", "CBCT").replace("Mr ", "MR ")


@contextmanager
def _allOrNothing():
    """Take out of the scene what was added to it when the block fails."""
    scene = slicer.mrmlScene
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    before = {scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes())}
    items = set(_itemsOf(hierarchy))
    try:
        yield
    except BaseException:
        for item in reversed([item for item in _itemsOf(hierarchy) if item not in items]):
            hierarchy.RemoveItem(item, False, False)
        added = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        for node in [n for n in added if n.GetID() not in before]:
            if node.GetScene() is not None:
                scene.RemoveNode(node)
        raise


def _itemsOf(hierarchy) -> list[int]:
    """Return all items, children after their parents."""
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), found, True)
    return [found.GetId(i) for i in range(found.GetNumberOfIds())]
