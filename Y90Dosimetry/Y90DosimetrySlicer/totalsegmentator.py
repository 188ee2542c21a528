"""The liver by the extension TotalSegmentator, where it is installed; otherwise why not, and what to do."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role

from . import bridge

TASK, LIVER = "total", "liver"
"""Its names; the ID of a segment that it makes is the name of the organ."""

QUICK = False
"""Its third argument, called fast or quality by version: full resolution, unless the user takes less when asked."""


def reasonAgainst(parameters) -> str:
    """Return why the liver can't be outlined this way now; empty when it can."""
    if not hasattr(slicer.modules, "totalsegmentator"):
        return _("install the extension TotalSegmentator (Extensions Manager), or outline the liver by hand")
    if parameters is None or parameters.ct is None:
        return _("choose the CT in Images first")
    return ""


def outlineLiver(parameters, workflow) -> str:
    """Outline the liver on the CT and return its segment's ID; an empty liver segment is filled, no other touched.

    Raises
    ------
    InputError
        If it can't be done, or a liver is outlined already.
    """
    reason = reasonAgainst(parameters)
    if reason:
        raise InputError(reason, where="TotalSegmentator")
    volumesMl = workflow.volumesMl()
    livers = [id_ for id_, role in workflow.roles().items() if role is Role.LIVER]
    if any(volumesMl.get(id_) for id_ in livers):
        raise InputError(_("a liver is outlined already"), remedy=_("Remove it, or give it another role, first"))
    scene = slicer.mrmlScene
    found = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    try:
        logic = slicer.util.getModuleLogic("TotalSegmentator")
        logic.setupPythonRequirements()  # asks before it installs anything
        logic.process(parameters.ct, found, QUICK, task=TASK, subset=[LIVER], interactive=True)
        found.SetAndObserveTransformNodeID(parameters.ct.GetTransformNodeID())  # it sees the voxels only
        isThere = found.GetSegmentation().GetSegment(LIVER) is not None
        structure = bridge.structuresOf(found, {LIVER: Role.LIVER})[LIVER] if isThere else None
        if structure is None:
            raise InputError(_("TotalSegmentator found no liver"), remedy=_("Outline it by hand"))
        workflow.createStructures()
        livers = [id_ for id_, role in workflow.roles().items() if role is Role.LIVER]
        bridge.writeMask(parameters.segmentation, livers[0], structure.mask)
        return livers[0]
    finally:
        scene.RemoveNode(found)
