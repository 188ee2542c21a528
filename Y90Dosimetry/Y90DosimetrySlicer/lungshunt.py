"""The lung shunt of an infusion by both methods: planar counts as typed, SPECT or PET by outlines. It sets nothing."""

from __future__ import annotations

from slicer.i18n import tr as _

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.lung_shunt import (
    PlanarRegion,
    PlanarShunt,
    ShuntComparison,
    SpectShunt,
    planar_shunt,
    spect_shunt,
)
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.structures import Role

from .cases import imageOf
from .parameters import rolesOf
from .prescribing import Same

REGIONS = ("Lungs", "Liver", "Background")
VIEWS = ("Anterior", "Posterior")


def countsMember(region: str, view: str) -> str:
    """Return the member of `InfusionPack` that holds the counts of a region on a view."""
    return f"planar{region}{view}Counts"


def pixelsMember(region: str) -> str:
    """Return the member of `InfusionPack` that holds the number of pixels of a region."""
    return f"planar{region}Pixels"


def planarOf(infusion) -> PlanarShunt | Missing:
    """Return the planar lung shunt of an infusion; missing while counts of lungs or liver are not entered.

    Raises
    ------
    InputError
        If counts are impossible, or a background is entered whose region can't be compared.
    """
    regions = {}
    for region in REGIONS:
        counts = [getattr(infusion, countsMember(region, view)) for view in VIEWS]
        pixels = getattr(infusion, pixelsMember(region)) or 0
        regions[region] = None if None in counts else PlanarRegion(*counts, pixels)
        if region == "Background" and counts.count(None) == 1:
            raise InputError(
                _("only one view of the background is entered"),
                where=_("planar views"),
                remedy=_("Enter both, or leave both empty"),
            )
    lungs, liver, background = (regions[name] for name in REGIONS)
    if lungs is None or liver is None:
        return Missing(_("both views of lungs and liver are not entered"), ("planar",))
    return planar_shunt(lungs, liver, background)


class LungShunt:
    """Compares both methods; the SPECT is measured when asked for, and kept while nothing of it changed."""

    def __init__(self, parameters, sources) -> None:
        self._parameters = parameters
        self._sources = sources
        self._measured: tuple[tuple, SpectShunt] | None = None
        """The key, and what was measured."""

    def measure(self, sessionIndex: int = 0) -> SpectShunt:
        """Measure the lung shunt on a session's image, with the margin of the settings.

        Raises
        ------
        InputError
            If image or outlines are missing or don't show liver and lungs.
        """
        inputs = self._inputs(sessionIndex)
        found = spect_shunt(*inputs, margin_mm=self._parameters.settings.shuntMarginMm)
        self._measured = (self._key(inputs), found)
        return found

    def compared(self, sessionIndex: int = 0, infusionIndex: int = 0) -> ShuntComparison:
        """Return both methods for one infusion; what is not measured or has changed since is missing.

        Raises
        ------
        InputError
            If planar counts are impossible.
        """
        session = self._parameters.sessions[sessionIndex]
        infusion = session.infusions[infusionIndex]
        note = ""
        if len(session.infusions) > 1 and session.image is not None:
            note = _("One image shows all infusions of the session: its shunt is that of all together")
        return ShuntComparison(
            session.label,
            infusion.label,
            infusion.lungShuntFraction,
            planarOf(infusion),
            self._spect(sessionIndex),
            note,
        )

    def _spect(self, sessionIndex: int) -> SpectShunt | Missing:
        try:
            inputs = self._inputs(sessionIndex)
        except InputError as error:
            return Missing(str(error), ("image",))
        if self._measured is None or self._measured[0] != self._key(inputs):
            return Missing(_("not measured yet"), ("image",))
        return self._measured[1]

    def _key(self, inputs: tuple) -> tuple:
        """Return what a measurement depends on; the objects stay the same until their nodes change."""
        return (*map(Same, inputs), self._parameters.settings.shuntMarginMm)

    def _inputs(self, sessionIndex: int):
        parameters = self._parameters
        pack = parameters.sessions[sessionIndex]
        where = _("lung shunt on the image of session '{label}'").format(label=pack.label)
        image, _note = imageOf(pack, self._sources)
        if image is None:
            raise InputError(_("there is no image"), where=where, remedy=_("Choose the SPECT or PET, in Images"))
        wanted = {id_: role for id_, role in rolesOf(parameters).items() if role in (Role.LIVER, Role.LUNGS)}
        drawn = {}
        if parameters.segmentation is not None:
            found = self._sources.structures(parameters.segmentation, wanted, parameters.ct)
            drawn = {structure.role: structure for structure in found.values() if structure is not None}
        if len(drawn) < 2:
            raise InputError(_("liver or lungs are not outlined"), where=where, remedy=_("Outline them, in Structures"))
        ct = None if parameters.ct is None else self._sources.ct(parameters.ct)
        return image, drawn[Role.LIVER], drawn[Role.LUNGS], ct
