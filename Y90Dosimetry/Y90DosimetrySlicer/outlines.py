"""Segments of the treatment: made with names, colors and codes, and outlined from others with a way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.draw.colors import structure_styles
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.segmentations import suggested_role
from Y90DosimetryLib.outlining import above_threshold, without
from Y90DosimetryLib.structures import LESION_ROLES, Role, Structure
from Y90DosimetryLib.terminology import TERMINOLOGY, role_of_terminology

from . import bridge
from .cases import Sources, imageOf
from .parameters import Parameters, nextLabel, rolesOf, segmentName, setRole

TERMINOLOGY_TAG = slicer.vtkSegment.GetTerminologyEntryTagName()
NOT_FOLLOWED = (Role.LUNGS, Role.PLANNED_RESECTION, Role.NORMAL_LIVER)
"""Roles that a later study has no use for."""


@dataclass(frozen=True)
class Undo:
    """The way back from one outline: what was done, in words, and how to take it back."""

    title: str
    segmentId: str
    restore: Callable[[], None]


def standardStructures() -> tuple[tuple[Role, str], ...]:
    """Return what "create the structures" makes: role and name of each segment."""
    return (
        (Role.LIVER, _("Liver")),
        (Role.PERFUSED, _("Perfused right")),
        (Role.PERFUSED, _("Perfused left")),
        (Role.TUMOR, _("Tumor 1")),
        (Role.PVTT, _("PVTT")),
        (Role.FLR, _("FLR")),
        (Role.LUNGS, _("Lungs")),
    )


def createStructures(parameters: Parameters) -> Undo | None:
    """Make the segments of a treatment that are missing; return the way back, None where nothing was missing.

    A segment whose codes or name say what it is gets its role; a role that has a segment is left alone. New ones are
    empty and each in a layer of its own. Without a segmentation one is made, on the grid of the CT.
    """
    node = segmentationOf(parameters)
    with slicer.util.NodeModify(node):
        used = suggestedRoles(parameters)
        for segmentId, role in used.items():
            giveRole(parameters, segmentId, role)
        taken = set(rolesOf(parameters).values())
        made = [addSegment(parameters, role, name) for role, name in standardStructures() if role not in taken]
    if not used and not made:
        return None

    def restore() -> None:
        for segmentId in made:
            node.GetSegmentation().RemoveSegment(segmentId)
            setRole(parameters, segmentId, None)
        for segmentId in used:
            setRole(parameters, segmentId, None)

    title = _("{made} segments created, {used} used as they are").format(made=len(made), used=len(used))
    return Undo(title, made[0] if made else next(iter(used)), restore)


def segmentationOf(parameters: Parameters) -> slicer.vtkMRMLSegmentationNode:
    """Return the segmentation of a case, made when there is none; its grid is that of the CT."""
    node = parameters.segmentation
    if node is None:
        node = newSegmentation(_("Structures"), parameters.ct)
        useSegmentation(parameters, node)
    if parameters.ct is not None and node.GetSegmentation().GetNumberOfSegments() == 0:
        node.SetReferenceImageGeometryParameterFromVolumeNode(parameters.ct)
    return node


def useSegmentation(parameters: Parameters, node: slicer.vtkMRMLSegmentationNode) -> None:
    """Let a case have another segmentation; no segment of it gets a role by what was said of another segment.

    What was said of a segment goes to the one of the same name. The rest is forgotten: IDs repeat in segmentations.
    """
    ids = sameNamed(parameters.segmentation, node)
    with slicer.util.NodeModify(parameters):
        parameters.segmentation = node
        parameters.roles = {ids[id_]: role for id_, role in parameters.roles.items() if id_ in ids}
        for session in parameters.sessions:
            for infusion in session.infusions:
                infusion.perfusedSegmentId = ids.get(infusion.perfusedSegmentId, "")
        reported = parameters.outcome.pathology
        for index in reversed(range(len(reported))):
            if reported[index].segmentId in ids:
                reported[index].segmentId = ids[reported[index].segmentId]
            else:
                del reported[index]


def sameNamed(before: slicer.vtkMRMLSegmentationNode | None, after: slicer.vtkMRMLSegmentationNode) -> dict[str, str]:
    """Return for segments of one segmentation those of the same name in another, by their IDs."""
    if before is None:
        return {}
    old, new = before.GetSegmentation(), after.GetSegmentation()
    found = {id_: new.GetSegmentIdBySegmentName(old.GetSegment(id_).GetName()) for id_ in old.GetSegmentIDs()}
    return {id_: other for id_, other in found.items() if other}


def newSegmentation(title: str, ct: slicer.vtkMRMLScalarVolumeNode | None) -> slicer.vtkMRMLSegmentationNode:
    """Add a segmentation without segments, beside a CT and on its grid where there is one."""
    name = slicer.mrmlScene.GenerateUniqueName(title)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    placeBeside(node, ct)
    if ct is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    return node


def addSegment(parameters: Parameters, role: Role, name: str) -> str:
    """Add an empty segment with a role, its color and its codes, in a layer of its own; return its ID."""
    segmentId = newSegment(parameters.segmentation, role, name, list(rolesOf(parameters).values()))
    setRole(parameters, segmentId, role)
    return segmentId


def newSegment(node: slicer.vtkMRMLSegmentationNode, role: Role, name: str, others: list[Role]) -> str:
    """Add an empty segment to any segmentation; *others* are the roles before it, which its color stands out of."""
    segmentation = node.GetSegmentation()
    color = [part / 255 for part in structure_styles([*others, role])[-1].on_dark]
    segmentId = segmentation.AddEmptySegment("", name, color)
    segmentation.SeparateSegmentLabelmap(segmentId)
    segmentation.GetSegment(segmentId).SetTag(TERMINOLOGY_TAG, TERMINOLOGY[role].serialized())
    return segmentId


def createStudyOutlines(parameters: Parameters, index: int) -> None:
    """Give a study a segmentation with empty segments, named as on the planning study; it is drawn by hand."""
    pack = parameters.timePoints[index]
    node = newSegmentation(_("Structures, {study}").format(study=pack.label), pack.ct or parameters.ct)
    roles: dict[str, Role] = {}
    for id_, role in rolesOf(parameters).items():
        if role not in NOT_FOLLOWED:
            name = segmentName(parameters, id_)
            roles[newSegment(node, role, name, list(roles.values()))] = role
    with slicer.util.NodeModify(parameters):
        parameters.timePoints[index].roles = {segmentId: role.value for segmentId, role in roles.items()}
        parameters.timePoints[index].segmentation = node


def giveRole(parameters: Parameters, segmentId: str, role: Role | None) -> None:
    """Give a segment a role, or take it away; its codes tell the role to a saved file and to other programs."""
    setRole(parameters, segmentId, role)
    if role is not None:
        segment = parameters.segmentation.GetSegmentation().GetSegment(segmentId)
        segment.SetTag(TERMINOLOGY_TAG, TERMINOLOGY[role].serialized())


def suggestedRoles(parameters: Parameters) -> dict[str, Role]:
    """Return what the segments without a role seem to be, by codes or name; nothing is taken by itself."""
    if parameters.segmentation is None:
        return {}
    found = {}
    known = rolesOf(parameters)
    single = {role for role in known.values() if not role.takes_several}
    segmentation = parameters.segmentation.GetSegmentation()
    for segmentId in segmentation.GetSegmentIDs():
        role = None if segmentId in known else roleOfSegment(segmentation.GetSegment(segmentId))
        if role is not None and role not in single:
            found[segmentId] = role
            single |= set() if role.takes_several else {role}
    return found


def roleOfSegment(segment: slicer.vtkSegment) -> Role | None:
    """Return the role that a segment's codes or its name suggest."""
    codes = vtk.reference("")
    told = role_of_terminology(str(codes)) if segment.GetTag(TERMINOLOGY_TAG, codes) else None
    return told or suggested_role(segment.GetName())


def placeBeside(node: slicer.vtkMRMLNode, like: slicer.vtkMRMLNode | None) -> None:
    """Put a node under the same patient and study as another one in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(like) if like is not None else 0
    placeUnder(node, (hierarchy.GetItemParent(item) if item else 0) or hierarchy.GetSceneItemID())


def placeUnder(node: slicer.vtkMRMLNode, parentItem: int) -> None:
    """Put a node under an item of the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parentItem)
    else:
        hierarchy.CreateItem(parentItem, node)


class Outliner:
    """The helpers that outline one structure from others; each returns how to take it back."""

    def __init__(self, parameters: Parameters, sources: Sources) -> None:
        self._parameters = parameters
        self._sources = sources

    def tumorByThreshold(self, shareFraction: float, segmentId: str = "", sessionIndex: int = 0) -> Undo:
        """Outline a tumor where a session's image reaches a share of its largest value inside the liver."""
        mask = above_threshold(self._image(sessionIndex), self._first(Role.LIVER), shareFraction)
        base = _("Tumor")
        return self._write(mask, Role.TUMOR, segmentId, nextLabel(self._names(), base), _("Tumor by threshold"))

    def perfusedByThreshold(self, shareFraction: float, segmentId: str = "", sessionIndex: int = 0) -> Undo:
        """Outline a perfused volume where a session's image reaches a share of its largest value in the liver."""
        mask = above_threshold(self._image(sessionIndex), self._first(Role.LIVER), shareFraction)
        name = nextLabel(self._names(), _("Perfused"))
        return self._write(mask, Role.PERFUSED, segmentId, name, _("Perfused volume by threshold"))

    def flrFromResection(self) -> Undo:
        """Outline the future liver remnant: the liver without the planned resection."""
        mask = without(self._first(Role.LIVER), [self._first(Role.PLANNED_RESECTION)])
        return self._write(mask, Role.FLR, self._idOf(Role.FLR), _("FLR"), _("FLR from the planned resection"))

    def normalFromPerfused(self, perfusedSegmentId: str = "") -> Undo:
        """Outline the normal tissue of a perfused volume: without tumors and thrombi."""
        perfused = self._ofId(perfusedSegmentId) if perfusedSegmentId else self._first(Role.PERFUSED)
        mask = without(perfused, self._all(*LESION_ROLES))
        target = self._idOf(Role.NORMAL_LIVER)
        return self._write(mask, Role.NORMAL_LIVER, target, _("Normal, perfused"), _("Normal from the perfused volume"))

    def thrombusOutsideTumors(self, segmentId: str = "") -> Undo:
        """Take the tumors out of a thrombus's outline."""
        target = segmentId or self._idOf(Role.PVTT) or self._idOf(Role.HEPATIC_VEIN_THROMBUS)
        if not target:
            raise _notOutlined(Role.PVTT)
        thrombus = self._ofId(target)
        mask = without(thrombus, self._all(Role.TUMOR))
        return self._write(mask, thrombus.role, target, thrombus.label, _("Thrombus without tumors"))

    def _write(self, mask, role: Role, segmentId: str, name: str, title: str) -> Undo:
        parameters = self._parameters
        node = parameters.segmentation
        existed = bool(segmentId)
        before = bridge.copyOfSegment(node, segmentId) if existed else None
        roleBefore = rolesOf(parameters).get(segmentId)
        target = segmentId or addSegment(parameters, role, name)
        bridge.writeMask(node, target, mask)
        if roleBefore is not role:
            giveRole(parameters, target, role)

        def restore() -> None:
            segmentation = node.GetSegmentation()
            if segmentation.GetSegment(target) is None or node.GetScene() is None:
                return
            if before is None:
                segmentation.RemoveSegment(target)
                setRole(parameters, target, None)
            else:
                bridge.restoreSegment(node, target, before)
                if roleBefore is not role:
                    giveRole(parameters, target, roleBefore)

        return Undo(title, target, restore)

    def _image(self, sessionIndex: int):
        sessions = self._parameters.sessions
        image = imageOf(sessions[sessionIndex], self._sources)[0] if sessionIndex < len(sessions) else None
        if image is None:
            raise InputError(
                _("there is no image of uptake"),
                where=_("outline by threshold"),
                remedy=_("Choose a SPECT or PET in the section Images"),
            )
        return image

    def _drawn(self) -> dict[str, Structure]:
        parameters = self._parameters
        if parameters.segmentation is None:
            return {}
        found = self._sources.structures(parameters.segmentation, rolesOf(parameters), parameters.ct)
        return {id_: structure for id_, structure in found.items() if structure is not None}

    def _all(self, *roles: Role) -> list[Structure]:
        return [s for s in self._drawn().values() if s.role in roles]

    def _first(self, role: Role) -> Structure:
        found = self._all(role)
        if not found:
            raise _notOutlined(role)
        return found[0]

    def _ofId(self, segmentId: str) -> Structure:
        structure = self._drawn().get(segmentId)
        if structure is None:
            name = segmentName(self._parameters, segmentId)
            raise InputError(_("'{name}' is empty or has no role").format(name=name), remedy=_("Outline it first"))
        return structure

    def _idOf(self, role: Role) -> str:
        return next((id_ for id_, r in rolesOf(self._parameters).items() if r is role), "")

    def _names(self) -> list[str]:
        segmentation = self._parameters.segmentation.GetSegmentation()
        return [segmentation.GetSegment(id_).GetName() for id_ in segmentation.GetSegmentIDs()]


def _notOutlined(role: Role) -> InputError:
    return InputError(
        _("no {role} is outlined").format(role=role.display_name.lower()),
        where=_("structures"),
        remedy=_("Outline it, or give a segment this role"),
    )
