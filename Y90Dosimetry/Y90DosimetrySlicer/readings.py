"""What was read of lesions and thrombi on one study; lengths are typed or those of lines in the scene.

A length that is measured by a line follows the line. When the line is gone or not drawn, the length is unknown, and
that is said.
"""

from __future__ import annotations

from collections.abc import Iterator

import slicer
import vtk
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.lesions import LesionReading, ThrombusReading
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role

from .parameters import LesionPack, Parameters, ThrombusPack, TimePointPack

YES, NO = "yes", "no"
LENGTHS = {"viable": "viable_mm", "whole": "longest_mm"}
"""The two lengths of a lesion as the packs name them, and the library's names."""


def truthOf(text: str) -> bool | None:
    """Return a stored yes or no; None for unknown."""
    return {YES: True, NO: False}.get(text)


def textOf(value: bool | None) -> str:
    """Return a yes or no as the packs store it."""
    return "" if value is None else YES if value else NO


def lineLengthMm(line) -> float | Missing:
    """Return the length of a line as it is shown; missing where it has no two placed ends."""
    if line is None:
        return Missing(_("the line was deleted"), ("viable_mm",))
    if line.GetNumberOfDefinedControlPoints() < 2:
        return Missing(_("the line '{name}' is not drawn yet").format(name=line.GetName()), ("viable_mm",))
    return vtk.vtkMath.Distance2BetweenPoints(*_ends(line)) ** 0.5


def middleOf(line) -> tuple[float, ...]:
    """Return the middle of a drawn line as it is shown, in RAS."""
    return tuple(sum(pair) / 2 for pair in zip(*_ends(line), strict=True))


def _ends(line) -> list[list[float]]:
    ends = [[0.0] * 3, [0.0] * 3]
    for index, end in enumerate(ends):
        line.GetNthControlPointPositionWorld(index, end)
    return ends


def lengthOf(pack: LesionPack, which: str) -> float | Missing | None:
    """Return a lesion's length in mm ("viable" or "whole"): None where nothing was said, missing without its line."""
    if not getattr(pack, f"{which}ByLine"):
        return getattr(pack, f"{which}Mm")
    return lineLengthMm(getattr(pack, f"{which}Line"))


def lesionOf(pack: LesionPack) -> LesionReading:
    """Return the reading of a lesion; a length whose line is gone is unknown."""
    lengths = {which: lengthOf(pack, which) for which in LENGTHS}
    known = {LENGTHS[which]: None if isinstance(mm, Missing) else mm for which, mm in lengths.items()}
    return LesionReading(
        pack.lesion,
        **known,
        is_treated=truthOf(pack.isTreated),
        is_new=pack.isNew,
        is_target=truthOf(pack.isTarget),
        progresses=truthOf(pack.progresses),
    )


def thrombusOf(pack: ThrombusPack) -> ThrombusReading:
    """Return the reading of a thrombus."""
    return ThrombusReading(
        pack.thrombus,
        truthOf(pack.enhances),
        pack.diameterMm,
        truthOf(pack.extends),
        truthOf(pack.isTreated),
        pack.grade or None,
    )


def readingsOf(pack: TimePointPack, where: str) -> tuple[tuple[LesionReading, ...], tuple[ThrombusReading, ...]]:
    """Return all readings of one study.

    Raises
    ------
    InputError
        If one is impossible; *where* names the study.
    """
    try:
        return tuple(lesionOf(p) for p in pack.lesions), tuple(thrombusOf(p) for p in pack.thrombi)
    except InputError as error:
        raise InputError(error.what, where=f"{where}, {error.where}", remedy=error.remedy) from None


def lostLines(pack: TimePointPack) -> list[str]:
    """Return one sentence for each length that is unknown because its line is gone or not drawn."""
    return [
        _("Study '{label}', lesion '{lesion}': {which} length unknown, {why}").format(
            label=pack.label,
            lesion=lesion.lesion,
            which={"viable": _("viable"), "whole": _("whole")}[which],
            why=length.because,
        )
        for lesion in pack.lesions
        for which in LENGTHS
        if isinstance(length := lengthOf(lesion, which), Missing)
    ]


def drawLine(pack: TimePointPack, index: int, which: str):
    """Make the line that measures a lesion's length, or return the one it has; the length then follows it."""
    lesion = pack.lesions[index]
    line = getattr(lesion, f"{which}Line")
    if line is None:
        name = _("{lesion}, {study}, {which}").format(lesion=lesion.lesion, study=pack.label, which=which)
        line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", slicer.mrmlScene.GenerateUniqueName(name))
        line.CreateDefaultDisplayNodes()
    useLine(pack, index, which, line)
    return line


def placeLine(line) -> None:
    """Let the next two clicks in a view place a line anew."""
    line.RemoveAllControlPoints()
    logic = slicer.app.applicationLogic()
    selection, interaction = logic.GetSelectionNode(), logic.GetInteractionNode()
    selection.SetReferenceActivePlaceNodeClassName(line.GetClassName())
    selection.SetActivePlaceNodeID(line.GetID())
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.Place)


def useLine(pack: TimePointPack, index: int, which: str, line) -> None:
    """Measure a lesion's length by a line, None to type it again; what was typed before does not come back."""
    lesion = pack.lesions[index]
    setattr(lesion, f"{which}Line", line)
    setattr(lesion, f"{which}ByLine", line is not None)
    setattr(lesion, f"{which}Mm", None)


def linesOf(parameters: Parameters) -> Iterator[object]:
    """Yield the lines that measure something."""
    for pack in parameters.timePoints:
        for lesion in pack.lesions:
            yield from (line for line in (lesion.viableLine, lesion.wholeLine) if line is not None)


def lesionNames(parameters: Parameters) -> list[str]:
    """Return the lesions of all studies and the tumors outlined, each once, in the order in which they appear."""
    read = [lesion.lesion for pack in parameters.timePoints for lesion in pack.lesions]
    return list(dict.fromkeys([*_outlined(parameters, (Role.TUMOR,)), *read]))


def thrombusNames(parameters: Parameters) -> list[str]:
    """Return the thrombi of all studies and those outlined, each once."""
    read = [thrombus.thrombus for pack in parameters.timePoints for thrombus in pack.thrombi]
    outlined = _outlined(parameters, (Role.PVTT, Role.HEPATIC_VEIN_THROMBUS))
    return list(dict.fromkeys([*outlined, *read]))


def _outlined(parameters: Parameters, roles: tuple[Role, ...]) -> list[str]:
    if parameters.segmentation is None:
        return []
    segmentation, stored = parameters.segmentation.GetSegmentation(), dict(parameters.roles)
    return [segmentation.GetSegment(i).GetName() for i in segmentation.GetSegmentIDs() if stored.get(i) in roles]
