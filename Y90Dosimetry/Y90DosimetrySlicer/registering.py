"""A session's image registered to the CT in the scene: previewed, then accepted or discarded; undone at any time.

The transform node that is found stands between what is moved and the transform it lay under before. So the way back
is in the scene, and in its file: what was moved goes back under the parent of the node. No voxel is changed and
nothing is hardened. A case can't be computed from a preview.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

import SimpleITK as sitk
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib import registration
from Y90DosimetryLib.checks import CheckResult
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.progress import Progress, part, silent
from Y90DosimetryLib.registration import Guide, Kind, Registration, Start, fingerprint
from Y90DosimetryLib.structures import Role

from . import bridge, transforms
from .outlines import roleOfSegment
from .parameters import rolesOf
from .previews import STATE_ATTRIBUTE, State, stateOf, transformOf

FOUND_ATTRIBUTE = "Y90Dosimetry.RegistrationFound"


def foundOf(volume) -> Registration | None:
    """Return what the registration of a volume found, without its transform (the node has it)."""
    node = transformOf(volume)
    return None if node is None else _read(node.GetAttribute(FOUND_ATTRIBUTE))


class Registering:
    """Registers the images of one case; *sources* are its images and segments as the library has them."""

    def __init__(self, parameters, sources) -> None:
        self._parameters = parameters
        self._sources = sources
        self._fingerprints: dict[str, tuple[object, str]] = {}

    def register(self, sessionIndex: int = 0, kind: Kind = Kind.RIGID, progress: Progress = silent) -> Registration:
        """Register a session's image to the CT, by its hybrid CT where there is one, and show it as a preview.

        Raises
        ------
        InputError
            If something is missing or nothing can be matched; the scene is then as it was.
        Cancelled
            If *progress* stopped it; the scene is then as it was.
        """
        pack = self._pack(sessionIndex)
        moved = self._toMove(pack)
        fixed = self._sources.ct(self._parameters.ct)
        found = registration.register(
            fixed,
            self._moving(pack),
            liver=self._liver(),
            moving_liver=_outlinedLiver(pack.hybridLiver),
            kind=kind,
            progress=part(progress, 0.0, 0.97),
        )
        progress(0.97, "placing the image")
        node = transforms.transformNode(found.transform, moved[0].GetParentTransformNode(), fixed.image)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(_previewName(pack.image)))
        node.SetAttribute(STATE_ATTRIBUTE, State.PREVIEW.value)
        node.SetAttribute(FOUND_ATTRIBUTE, _written(found))
        for one in moved:
            one.SetAndObserveTransformNodeID(node.GetID())
        if node.IsTransformToWorldLinear():
            found = replace(found, **{f"{name}_fingerprint": print_ for name, print_ in self._shown(pack).items()})
            node.SetAttribute(FOUND_ATTRIBUTE, _written(found))
        return found

    def reasonAgainst(self, sessionIndex: int) -> str:
        """Return why a session's image can't be registered now; empty when it can."""
        try:
            self._toMove(self._pack(sessionIndex))
        except InputError as error:
            return str(error)
        return ""

    def accept(self, sessionIndex: int = 0) -> None:
        """Keep a previewed registration: doses are computed where it shows the image.

        Raises
        ------
        InputError
            If there is none, or its transform is not rigid: counts would no longer be kept.
        """
        image = self._pack(sessionIndex).image
        node = transformOf(image)
        if node is None:
            raise InputError(_("there is no registration to accept"), where=_("registration"), remedy=_("Register"))
        reason = reasonAgainstAccepting(image)
        if reason:
            raise InputError(reason, where=_("registration"), remedy=_("Discard it and register rigidly"))
        node.SetAttribute(STATE_ATTRIBUTE, State.ACCEPTED.value)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(_acceptedName(image)))

    def remove(self, sessionIndex: int = 0) -> None:
        """Discard a preview, or undo an accepted registration: everything lies where it lay before."""
        node = transformOf(self._pack(sessionIndex).image)
        if node is None:
            return
        before = node.GetTransformNodeID()
        for one in slicer.util.getNodesByClass("vtkMRMLTransformableNode"):
            if one.GetParentTransformNode() is node:
                one.SetAndObserveTransformNodeID(before)
        slicer.mrmlScene.RemoveNode(node)

    def checks(self, sessionIndex: int = 0) -> tuple[CheckResult, ...]:
        """Return the technical checks of a session's registration, or of there being none."""
        pack = self._pack(sessionIndex)
        if pack.image is None or self._parameters.ct is None:
            return ()
        found, node = foundOf(pack.image), transformOf(pack.image)
        shown = self._shown(pack) if node is not None and node.IsTransformToWorldLinear() else {}
        return registration.check_registration(found, about=pack.label, **shown)

    def _shown(self, pack) -> dict[str, str]:
        """Return the fingerprints of both images as they are shown now."""
        return {"fixed": self._fingerprint(self._parameters.ct), "moving": self._fingerprint(_compared(pack))}

    def _pack(self, sessionIndex: int):
        sessions = self._parameters.sessions
        if not 0 <= sessionIndex < len(sessions):
            raise InputError(
                _("there is no image to register"), where=_("registration"), remedy=_("Choose the SPECT or PET first")
            )
        return sessions[sessionIndex]

    def _toMove(self, pack) -> list:
        """Return the nodes that the registration moves: the image first."""
        where = _("registration of session '{label}'").format(label=pack.label)
        ct = self._parameters.ct
        if ct is None or pack.image is None:
            raise InputError(
                _("CT or image are not chosen"), where=where, remedy=_("Choose the CT and the SPECT or PET first")
            )
        moved = [node for node in (pack.image, pack.hybridCt, pack.hybridLiver) if node is not None]
        if ct in moved or self._parameters.segmentation in moved:
            raise InputError(
                _("the planning CT or its structures can't be registered to themselves"),
                where=where,
                remedy=_("Choose the CT that was made together with the SPECT or PET, or none"),
            )
        if pack.hybridLiver is not None and pack.hybridCt is None:
            raise InputError(
                _("a liver is outlined on a hybrid CT that is not chosen"), where=where, remedy=_("Choose that CT")
            )
        if stateOf(pack.image) is not State.NONE:
            raise InputError(_("it is registered already"), where=where, remedy=_("Discard or undo that first"))
        if len({node.GetTransformNodeID() for node in moved}) > 1:
            raise InputError(
                _("the image and its hybrid CT lie under different transforms"),
                where=where,
                remedy=_("Put both under the same transform, or under none, in the Data module"),
            )
        return moved

    def _moving(self, pack):
        if pack.hybridCt is not None:
            return self._sources.ct(pack.hybridCt)
        return bridge.uptakeOf(pack.image, "counts", None)[0]

    def _liver(self):
        parameters = self._parameters
        if parameters.segmentation is None:
            return None
        roles = {id_: role for id_, role in rolesOf(parameters).items() if role is Role.LIVER}
        found = self._sources.structures(parameters.segmentation, roles, parameters.ct)
        return next((structure for structure in found.values() if structure is not None), None)

    def _fingerprint(self, volume) -> str:
        """Return the fingerprint of a volume as it is shown; read again only when it changed."""
        stamp = bridge.stampOf(volume)
        kept = self._fingerprints.get(volume.GetID())
        if kept is None or kept[0] != stamp:
            kept = self._fingerprints[volume.GetID()] = (stamp, fingerprint(bridge.imageOf(volume)))
        return kept[1]


def reasonAgainstAccepting(volume) -> str:
    """Return why the registration of a volume can't be accepted; empty when it can."""
    found = foundOf(volume)
    if found is None or found.kind is Kind.RIGID:
        return ""
    return _("only a rigid registration keeps counts and activity; this one ({kind}) is for comparison").format(
        kind=found.kind.value
    )


def _compared(pack):
    return pack.hybridCt if pack.hybridCt is not None else pack.image


def _outlinedLiver(segmentation):
    """Return the liver of a segmentation by codes or name; None without a segmentation."""
    if segmentation is None:
        return None
    content = segmentation.GetSegmentation()
    livers = {
        id_: Role.LIVER for id_ in content.GetSegmentIDs() if roleOfSegment(content.GetSegment(id_)) is Role.LIVER
    }
    found = [s for s in bridge.structuresOf(segmentation, livers).values() if s is not None]
    if len(found) != 1:
        raise InputError(
            _("{count} outlined segments are the liver by code or name").format(count=len(found)),
            where=segmentation.GetName(),
            remedy=_("Name exactly one of them 'Liver', or choose no segmentation"),
        )
    return found[0]


def _previewName(image) -> str:
    return _("PREVIEW, not accepted: registration of {name}").format(name=image.GetName())


def _acceptedName(image) -> str:
    return _("Registration of {name}").format(name=image.GetName())


def _written(found: Registration) -> str:
    """Return what was found as a text for the scene's file, without the transform."""
    values = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "transform"}
    return json.dumps({k: {"missing": asdict(v)} if isinstance(v, Missing) else v for k, v in values.items()})


def _read(text: str) -> Registration:
    values = json.loads(text)
    for name, value in values.items():
        if isinstance(value, dict):
            values[name] = Missing(value["missing"]["because"], tuple(value["missing"]["needs"]))
    for name, words in (("kind", Kind), ("guide", Guide), ("start", Start)):
        values[name] = words(values[name])
    moved, notes = tuple(values.pop("moved_mm")), tuple(values.pop("notes"))
    return Registration(transform=sitk.Transform(3, sitk.sitkIdentity), moved_mm=moved, notes=notes, **values)
