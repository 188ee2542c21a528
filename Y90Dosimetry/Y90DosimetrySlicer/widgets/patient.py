"""Patient and disease: what is known of both, the scores that follow, and the scenario the user decides."""

from __future__ import annotations

from contextlib import suppress
from html import escape

from slicer.i18n import tr as _

from Y90DosimetryLib.case import Encephalopathy, Grade, Intent
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.scores import bilirubin_from_mg_dl, bilirubin_to_mg_dl

from ..cases import diseaseOf, labelOf, patientOf, settingsOf
from ..standing import SCENARIOS, impossibleValues, scenariosThatFit, scenarioTitle, scoresOf
from .facts import FactGroups
from .fields import PLAIN, ChoiceField, NumberField, Scale, TextField
from .marks import LINK
from .section import Section
from .steps import Step

IN_MG_DL = Scale(bilirubin_to_mg_dl, bilirubin_from_mg_dl)
ECOG_GRADES = range(5)


class PatientSection(Section):
    """The first section."""

    step = Step.PATIENT
    uiName = "Y90DosimetryPatient"

    def build(self) -> None:
        """Bind the fields."""
        ui = self.ui
        self._name = self.add(
            TextField(_("Case name"), ui.caseNameEdit, self._storeName),
            lambda: self.parameters.caseLabel if self.parameters is not None else "",
        )
        for name, title, value in (
            ("weight_kg", _("Weight"), "weightKg"),
            ("height_cm", _("Height"), "heightCm"),
            ("albumin_g_l", _("Albumin"), "albuminGL"),
            ("inr_ratio", _("INR"), "inrRatio"),
            ("creatinine_umol_l", _("Creatinine"), "creatinineUmolL"),
            ("gfr_ml_min_173m2", _("GFR"), "gfrMlMin173m2"),
            ("afp_ng_ml", _("AFP"), "afpNgMl"),
        ):
            edit = getattr(ui, f"{name.partition('_')[0]}Edit")
            self.bind(NumberField, title, edit, f"patient.{value}")
            self.places[name] = edit
        self._bilirubin = self.bind(NumberField, _("Bilirubin"), ui.bilirubinEdit, "patient.bilirubinUmolL")
        self.places["bilirubin_umol_l"] = self.places["bilirubin_mg_dl"] = ui.bilirubinEdit
        units = [("umol/L", False), ("mg/dL", True)]
        self.bind(ChoiceField, _("Unit"), ui.bilirubinUnitCombo, "display.bilirubinInMgDl", choices=units)
        self._bindChoices()
        self._facts = FactGroups(self, ui.factsWidget, ui.diseaseWidget)
        ui.suggestionLabel.connect("linkActivated(QString)", self._onSuggestion)

    def _bindChoices(self) -> None:
        ui, unknown = self.ui, _("unknown")
        ascites = {Grade.NONE: _("none"), Grade.SLIGHT: _("slight"), Grade.MODERATE: _("moderate or severe")}
        encephalopathy = {
            Encephalopathy.NONE: _("none"),
            Encephalopathy.GRADE_1_2: _("grade 1 or 2"),
            Encephalopathy.GRADE_3_4: _("grade 3 or 4"),
        }
        intents = {
            Intent.CURATIVE: _("curative"),
            Intent.BRIDGE_TO_TRANSPLANT: _("bridge to transplantation"),
            Intent.DOWNSTAGING: _("downstaging"),
            Intent.BRIDGE_TO_RESECTION: _("bridge to resection"),
            Intent.PALLIATIVE: _("palliative"),
        }
        for need, title, combo, path, texts in (
            ("ascites", _("Ascites"), ui.ascitesCombo, "patient.ascites", ascites),
            ("encephalopathy", _("Encephalopathy"), ui.encephalopathyCombo, "patient.encephalopathy", encephalopathy),
            ("intent", _("Intent"), ui.intentCombo, "intent", intents),
        ):
            choices = [(text, value.value) for value, text in texts.items()]
            self.bind(ChoiceField, title, combo, path, empty="", choices=choices, unknown=unknown)
            self.places[need] = combo
        grades = [(str(grade), grade) for grade in ECOG_GRADES]
        self.bind(ChoiceField, _("ECOG"), ui.ecogCombo, "patient.ecog", choices=grades, unknown=unknown)
        scenarios = [(f"{n}  {scenarioTitle(n)}", n) for n in SCENARIOS]
        chosen = _("not chosen yet")
        self.bind(ChoiceField, _("Scenario"), ui.scenarioCombo, "scenario", empty=0, choices=scenarios, unknown=chosen)
        self.places["ecog"], self.places["scenario"] = ui.ecogCombo, ui.scenarioCombo

    def _storeName(self, name: str) -> None:
        if self.parameters is None:
            return
        own = self.parameters.parameterNode
        if name in [labelOf(case) for case in self.panel.logic.cases() if case.parameterNode is not own]:
            self._name.refuse(_("another case of the scene is called '{name}'").format(name=name))
        else:
            self.parameters.caseLabel = name
        self.panel.scheduleRefresh()

    @property
    def problems(self) -> list[str]:
        """What was typed and can't be read, or can't be true."""
        found = super().problems
        if self.parameters is not None:
            with suppress(InputError):  # the workflow says it
                found += impossibleValues(patientOf(self.parameters), settingsOf(self.parameters))
        return found

    def show(self) -> None:
        """Show the fields, the scores and the scenarios that fit."""
        if self.parameters is None:
            return
        self._bilirubin.scale = IN_MG_DL if self.parameters.display.bilirubinInMgDl else PLAIN
        self._facts.read()
        super().show()
        self._facts.show(self.parameters.scenario)
        self._showScores()
        self._showSuggestion()

    def _showScores(self) -> None:
        try:
            scores = scoresOf(patientOf(self.parameters), settingsOf(self.parameters))
        except InputError as error:
            self.ui.scoresLabel.text = escape(str(error))
            return
        rows = (
            f"<tr><td>{escape(_(s.title))}&nbsp;&nbsp;</td><td>{_value(s.text, s.isKnown)}</td></tr>" for s in scores
        )
        self.ui.scoresLabel.text = f"<table>{''.join(rows)}</table>"

    def _showSuggestion(self) -> None:
        try:
            fitting = scenariosThatFit(diseaseOf(self.parameters))
        except InputError:
            fitting = ()
        if not fitting:
            self.ui.suggestionLabel.text = escape(_("State the lobes and the thrombi to see which scenarios fit."))
            return
        links = ", ".join(f'<a href="{n}" style="color:{LINK};">{n}</a>' for n in fitting)
        text = escape(_("Fit what is stated: {scenarios}. You decide; click one to choose it."))
        if self.parameters.scenario and self.parameters.scenario not in fitting:
            text = escape(_("The chosen one does not fit what is stated; these do: {scenarios}."))
        self.ui.suggestionLabel.text = text.format(scenarios=links)

    def _onSuggestion(self, link: str) -> None:
        self.parameters.scenario = int(link)


def _value(text: str, isKnown: bool) -> str:
    return f"<b>{escape(text)}</b>" if isKnown else f"<i>{escape(text)}</i>"
