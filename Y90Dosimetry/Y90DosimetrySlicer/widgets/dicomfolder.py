"""Load a case from a folder of DICOM files: the folder is asked for, then what only the user can say."""

from __future__ import annotations

from pathlib import Path

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import Cancelled
from Y90DosimetryLib.io.dicom_case import Choices
from Y90DosimetryLib.io.dicom_sort import Sorting, sort_folder
from Y90DosimetryLib.progress import part

from .. import display
from ..dicomloading import lacksZone, questionsOf, summaryOf


def loadFolder(panel) -> None:
    """Ask for a folder, make a case of it, and show it with what was found and left out."""
    folder = qt.QFileDialog.getExistingDirectory(panel.widget, _("Folder of DICOM files"))
    if not folder:
        return
    loaded = []
    with panel.work() as progress:
        sorting = sort_folder(Path(folder), part(progress, 0.0, 0.2))
        choices = _asked(panel, sorting)
        loaded.append(panel.logic.loadDicomFolder(folder, choices, part(progress, 0.2, 1.0)))
    if loaded:
        panel.setParameters(loaded[0])
        panel.say("\n".join(summaryOf(loaded[0])), "note")
        image = next((pack.image for pack in loaded[0].sessions if pack.image is not None), None)
        display.showFused(loaded[0].ct, image)


def _asked(panel, sorting: Sorting) -> Choices:
    """Return what the user says; nothing is chosen for them.

    Raises
    ------
    Cancelled
        If a question is not answered.
    """
    titles = {
        "patient": _("The folder holds several patients. Which one?"),
        "ct": _("Which series is the planning CT?"),
        "spect": _("Which series is the SPECT?"),
        "pet": _("Which series is the PET?"),
    }
    said: dict[str, int] = {}
    while questions := [q for q in questionsOf(sorting, said.get("patient")) if q.member not in said]:
        question = questions[0]
        said[question.member] = _choose(panel, titles[question.member], dict(question.answers))
    zone = panel.parameters.settings.hospitalTimeZone if panel.parameters is not None else ""
    if not zone and said.get("pet") != 0 and lacksZone(sorting):
        zone = qt.QInputDialog.getText(
            panel.widget,
            _("Load from DICOM"),
            _("The PET doesn't say its time zone. The hospital's, such as Europe/Paris:"),
        )
    return Choices(**said, time_zone=zone.strip() or None)


def _choose(panel, title: str, answers: dict[str, int]) -> int:
    """Ask one question; the first entry is no answer, as is closing the dialog."""
    none = _("– choose –")
    chosen = qt.QInputDialog.getItem(panel.widget, _("Load from DICOM"), title, [none, *answers], 0, False)
    if chosen not in answers:
        raise Cancelled(title)
    return answers[chosen]
