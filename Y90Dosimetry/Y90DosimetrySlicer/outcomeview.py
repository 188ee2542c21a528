"""The outcome in the panel's words: a row for each tumor, and the whole in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slicer.i18n import tr as _

from Y90DosimetryLib.followup.pathology import PatientNecrosis, TumorNecrosis
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.outcome import Necrosis, necrosis_of

from .outcomes import pathologyOf, tumorsOf
from .parameters import Parameters, PathologyPack
from .readings import NO, YES

UNKNOWN = "–"


@dataclass(frozen=True)
class TumorRow:
    """One tumor: its name, the necrosis, the emboli, the delivered dose in Gy, and what the row leaves out."""

    segmentId: str
    name: str
    necrosis: str
    emboli: str
    dose: str
    tip: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts of the row."""
        return self.name, self.necrosis, self.emboli, self.dose


def tumorRows(parameters: Parameters, explant: PatientNecrosis | None) -> tuple[TumorRow, ...]:
    """Return a row for each tumor, and for what has pathology and is no tumor any more."""
    found = {tumor.tumor: tumor for tumor in explant.tumors} if explant is not None else {}
    rows = []
    for segmentId, name in tumorsOf(parameters).items():
        pack = pathologyOf(parameters, segmentId)
        doses = "\n".join(_doses(found.get(name)))
        rows.append(
            TumorRow(
                segmentId,
                name or _("(deleted)"),
                necrosisText(pack),
                {YES: _("yes"), NO: _("no")}.get(pack.microvascularEmboli if pack is not None else "", UNKNOWN),
                _gy(found[name].dose_gy) if name in found else "",
                doses,
            )
        )
    return tuple(rows)


def classesOf() -> dict[Necrosis, str]:
    """Return the classes of necrosis in words."""
    return {
        Necrosis.COMPLETE: _("complete"),
        Necrosis.EXTENSIVE: _("extensive"),
        Necrosis.PARTIAL: _("partial"),
    }


def classOf(pack: PathologyPack | None) -> Necrosis | None:
    """Return the class of a tumor, by its fraction or as it is stated; None for unknown."""
    if pack is None:
        return None
    if pack.necrosisFraction is not None:
        return necrosis_of(pack.necrosisFraction)
    return Necrosis(pack.stated) if pack.stated in list(Necrosis) else None


def necrosisText(pack: PathologyPack | None) -> str:
    """Return the necrosis of a tumor: its class, and the fraction where that is known."""
    found = classOf(pack)
    if found is None:
        return UNKNOWN
    if pack.necrosisFraction is None:
        return classesOf()[found]
    percent = f"{100 * pack.necrosisFraction:.3g}"
    return _("{words}, {percent} %").format(words=classesOf()[found], percent=percent)


def outcomeTitle(parameters: Parameters, explant: PatientNecrosis | None) -> str:
    """Return the outcome in one line: the poorest necrosis, recurrence, death; what is unknown is left out."""
    pack, parts = parameters.outcome, []
    if explant is not None and isinstance(explant.necrosis, Necrosis):
        parts.append(_("{words} necrosis").format(words=classesOf()[explant.necrosis]))
    parts.append({YES: _("recurrence"), NO: _("no recurrence")}.get(pack.recurred))
    parts.append({YES: _("died"), NO: _("alive")}.get(pack.died))
    said = ", ".join(part for part in parts if part)
    return _("Outcome: {what}").format(what=said) if said else _("Outcome")


def poorestText(explant: PatientNecrosis | None) -> str:
    """Return which tumor counts for the patient, or why that is open; empty without pathology."""
    if explant is None:
        return ""
    if isinstance(explant.necrosis, Missing):
        return _("The patient's class is open: {why}.").format(why=explant.necrosis.because)
    return _("The poorest tumor counts for the patient: {words} ({tumors}).").format(
        words=classesOf()[explant.necrosis], tumors=", ".join(tumor.tumor for tumor in explant.poorest)
    )


def _doses(tumor: TumorNecrosis | None) -> Iterator[str]:
    if tumor is None:
        return
    for title, gy in ((_("Delivered"), tumor.dose_gy), (_("Planned"), tumor.planned_dose_gy)):
        if isinstance(gy, Missing):
            yield _("{title}: unknown, {why}").format(title=title, why=gy.because)
        else:
            yield _("{title}: {gy:.0f} Gy").format(title=title, gy=gy)


def _gy(value: float | Missing) -> str:
    return UNKNOWN if isinstance(value, Missing) else f"{value:.0f}"
