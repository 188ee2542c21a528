"""Images: the CT, one nuclear image a session, what its values are and when they hold. Suggested, never taken."""

from __future__ import annotations

from html import escape

from slicer.i18n import tr as _

from Y90DosimetryLib.case import Basis

from .. import display
from ..parameters import newSession
from .fields import CheckField, ChoiceField, MomentField
from .registration import RegistrationBox
from .section import Section
from .steps import Step

PERCENT = 100.0


class ImagesSection(Section):
    """The second section."""

    step = Step.IMAGES
    uiName = "Y90DosimetryImages"

    def build(self) -> None:
        """Bind the selectors and fields."""
        ui = self.ui
        self._showing = False
        ui.ctSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onCt)
        ui.imageSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onImage)
        ui.sessionCombo.connect("currentIndexChanged(int)", self._onSession)
        values = [
            (_("counts (relative)"), "counts"),
            (_("Bq/mL"), "bq_ml"),
            (_("kBq/mL"), "kbq_ml"),
            (_("MBq/mL"), "mbq_ml"),
        ]
        self.bind(
            ChoiceField,
            _("Values"),
            ui.valuesCombo,
            "values",
            root=self.session,
            empty="",
            choices=values,
            unknown=_("not said yet"),
        )
        self._moment = self.add(
            MomentField(_("Valid at"), ui.referenceEdit, ui.referenceZoneCombo, self._storeMoment),
            lambda: self.session().referenceTime if self.session() is not None else "",
        )
        self.bind(CheckField, _("Corrected"), ui.correctedCheck, "correctedToInfusion", root=self.session)
        ui.fusedButton.connect("clicked(bool)", self._onFused)
        ui.fusedSlider.connect("valueChanged(double)", self._onOpacity)
        ui.acceptButton.connect("clicked(bool)", self._onAccept)
        self.registration = RegistrationBox(self)
        self.places["image"], self.places["image_time"] = ui.imageSelector, ui.referenceEdit

    def session(self):
        """Return the session that is shown, None when there is none."""
        if self.parameters is None:
            return None
        sessions, index = self.parameters.sessions, self.panel.sessionIndex
        return sessions[index] if 0 <= index < len(sessions) else None

    def _storeMoment(self, text: str) -> None:
        if self.session() is not None:
            self.session().referenceTime = text

    def show(self) -> None:
        """Show the images of the case and of its session."""
        if self.parameters is None:
            return
        ui = self.ui
        self._showing = True
        try:
            names = [session.label for session in self.parameters.sessions]
            if [ui.sessionCombo.itemText(i) for i in range(ui.sessionCombo.count)] != names:
                ui.sessionCombo.clear()
                for name in names:
                    ui.sessionCombo.addItem(name)
            ui.sessionCombo.currentIndex = self.panel.sessionIndex if names else -1
            ui.ctSelector.setCurrentNode(self.parameters.ct)
            session = self.session()
            ui.imageSelector.setCurrentNode(session.image if session is not None else None)
        finally:
            self._showing = False
        self._moment.setHospitalZone(self.parameters.settings.hospitalTimeZone)
        super().show()
        self._showAvailable()
        self._showFacts()
        self._showSuggestions()
        self.registration.show()

    def _showAvailable(self) -> None:
        ui, session = self.ui, self.session()
        image = session.image if session is not None else None
        isAbsolute = session is not None and session.values not in ("", "counts")
        for widget in (ui.referenceEdit, ui.referenceZoneCombo):
            widget.enabled = isAbsolute and not session.correctedToInfusion
        ui.correctedCheck.enabled = isAbsolute
        ui.valuesCombo.enabled = image is not None
        ui.sessionCombo.enabled = ui.sessionCombo.count > 1
        ui.fusedButton.enabled = image is not None or self.parameters.ct is not None
        ui.fusedButton.toolTip = (
            _("Show the nuclear image in color over the CT in the slice views")
            if ui.fusedButton.enabled
            else _("Choose a CT or a nuclear image first")
        )

    def _showFacts(self) -> None:
        image = self.session().image if self.session() is not None else None
        if image is None:
            self.ui.factsLabel.text = ""
            return
        facts = self.workflow.factsOfImage(image)
        sources = {
            "units": _("the node's units"),
            "DICOM": _("DICOM"),
            "values": _("its values"),
            "name": _("its name"),
        }
        lines = [
            (_("Values by {source}").format(source=sources.get(facts.source, facts.source)), facts.values),
            (_("Modality"), facts.modality),
            (_("Series"), facts.description),
            (_("Acquired"), facts.acquiredAt),
            (_("Decay-corrected to"), facts.correctedTo),
            (_("Injected"), facts.injectedAt),
        ]
        said = [f"{escape(title)}: <b>{escape(text)}</b>" for title, text in lines if text]
        self.ui.factsLabel.text = "<br>".join(said) or escape(_("The image says nothing about its values or times."))

    def _suggestions(self):
        found = self.workflow.suggestImages()
        ct = found.ct if self.parameters.ct is None else None
        used = {session.image.GetID() for session in self.parameters.sessions if session.image is not None}
        image = next((node for node in found.images if node.GetID() not in used), None)
        session = self.session()
        return ct, image if session is None or session.image is None else None

    def _showSuggestions(self) -> None:
        ct, image = self._suggestions()
        lines = []
        if ct is not None:
            lines.append(_("CT: {name}").format(name=ct.GetName()))
        if image is not None:
            lines.append(_("MAA SPECT or PET: {name}").format(name=image.GetName()))
            values = self.workflow.factsOfImage(image).values
            if values:
                lines.append(_("its values: {values}").format(values=values))
        self.ui.suggestionLabel.visible = self.ui.acceptButton.visible = bool(lines)
        self.ui.suggestionLabel.text = escape(_("Suggested, not taken yet")) + "".join(
            f"<br>&nbsp;&nbsp;{escape(line)}" for line in lines
        )

    def _onAccept(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            ct, image = self._suggestions()
            if ct is not None:
                self.parameters.ct = ct
            if image is not None:
                self._setImage(image)
                values = self.workflow.factsOfImage(image)
                session = self.session()
                if values.isUptake and not session.values:
                    session.values = values.values
            self.panel.refresh()

    def _onCt(self, node) -> None:
        if not self._showing and self.parameters is not None:
            self.parameters.ct = node

    def _onImage(self, node) -> None:
        if not self._showing and self.parameters is not None:
            with self.panel.attempt():
                self._setImage(node)

    def _setImage(self, node) -> None:
        if self.session() is None:
            if node is None:
                return
            facts = self.workflow.factsOfImage(node)
            isPet = facts.modality == "PT"
            label = _("Delivered") if isPet else _("Plan")
            basis = Basis.DELIVERED if isPet else Basis.PLANNED
            self.parameters.sessions.append(newSession(label, basis=basis.value))
            self.panel.sessionIndex = len(self.parameters.sessions) - 1
        self.session().image = node

    def _onSession(self, index: int) -> None:
        if not self._showing and index >= 0:
            self.panel.sessionIndex = index
            self.panel.refresh()

    def _onFused(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            session = self.session()
            image = session.image if session is not None else None
            display.showFused(self.parameters.ct, image, self.ui.fusedSlider.value / PERCENT)

    def _onOpacity(self, percent: float) -> None:
        if self.parameters is not None:
            display.setForegroundOpacity(percent / PERCENT)
