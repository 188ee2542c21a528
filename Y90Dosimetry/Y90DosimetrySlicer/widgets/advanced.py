"""How doses are computed: the settings of the library, each with its unit, and the way back to the defaults."""

from __future__ import annotations

from slicer.i18n import tr as _

from Y90DosimetryLib.case import CountReference, DoseModel, Settings
from Y90DosimetryLib.volumetry import Bsa, Telv

from .fields import ChoiceField, NumberField
from .times import allZones

TITLES = {
    "dubois": "Du Bois",
    "vauthey": "Vauthey",
    DoseModel.LOCAL: "local deposition",
    DoseModel.KERNEL: "kernel (research)",
    CountReference.LIVER: "the liver",
    CountReference.PERFUSED: "the perfused volume",
}


class Advanced:
    """The fields of the box "Advanced" in the section Treatment."""

    def __init__(self, section) -> None:
        self._section = section
        ui = section.ui
        for widget, title, member in (
            (ui.jouleEdit, _("Energy"), "joulePerGbq"),
            (ui.halfLifeEdit, _("Half-life"), "halfLifeH"),
            (ui.densityEdit, _("Liver density"), "liverDensityGMl"),
            (ui.sphereEdit, _("One sphere"), "sphereActivityBq"),
        ):
            self._required(widget, title, member)
        section.bind(NumberField, _("Lung mass"), ui.lungMassEdit, "settings.lungMassG")
        for widget, title, member, kinds in (
            (ui.bsaCombo, _("Body surface"), "bsaFormula", Bsa),
            (ui.telvCombo, _("Estimated liver"), "telvFormula", Telv),
            (ui.modelCombo, _("Voxel dose"), "doseModel", DoseModel),
            (ui.referenceCombo, _("Counts over"), "countReference", CountReference),
        ):
            choices = [(_(TITLES.get(kind, kind.value.replace("_", " ").capitalize())), kind.value) for kind in kinds]
            section.bind(ChoiceField, title, widget, f"settings.{member}", choices=choices)
        self._zones = allZones()
        zones = [(name, name) for name in self._zones]
        self._zone = section.bind(
            ChoiceField,
            _("Hospital zone"),
            ui.zoneCombo,
            "settings.hospitalTimeZone",
            empty="",
            choices=zones,
            unknown=_("not chosen yet"),
        )
        ui.resetButton.connect("clicked(bool)", self._onReset)

    def _settings(self):
        return self._section.parameters.settings

    def _required(self, widget, title: str, member: str) -> None:
        """Bind a number that is never unknown: what is empty or not positive is refused, the old value stays."""

        def store(value) -> None:
            if self._section.parameters is None:
                return
            if value is None or value <= 0:
                field.refuse(_("enter a positive number"))
            else:
                setattr(self._settings(), member, value)
            self._section.panel.scheduleRefresh()

        field = NumberField(title, widget, store)
        self._section.add(field, lambda: getattr(self._settings(), member) if self._section.parameters else None)

    def _onReset(self, _checked: bool = False) -> None:
        default, pack = Settings(), self._settings()
        pack.joulePerGbq, pack.halfLifeH = default.joule_per_gbq, default.half_life_h
        pack.liverDensityGMl, pack.lungMassG = default.liver_density_g_ml, default.lung_mass_g
        pack.sphereActivityBq = default.sphere_activity_bq
        pack.bsaFormula, pack.telvFormula = default.bsa_formula, default.telv_formula
        pack.doseModel, pack.countReference = default.dose_model.value, default.count_reference.value
        for field, _read in self._section.bound:
            field.forgive()
        self._section.show()
        self._section.panel.refresh()

    def show(self) -> None:
        """Say in the box's title when something differs from the defaults."""
        pack, default = self._settings(), Settings()
        if pack.hospitalTimeZone and pack.hospitalTimeZone not in self._zones:  # as a file may say it
            self._zones.append(pack.hospitalTimeZone)
            self._zone.setChoices([(name, name) for name in self._zones])
            self._zone.show(pack.hospitalTimeZone)
        same = (
            pack.joulePerGbq == default.joule_per_gbq
            and pack.halfLifeH == default.half_life_h
            and pack.liverDensityGMl == default.liver_density_g_ml
            and pack.lungMassG == default.lung_mass_g
            and pack.doseModel == default.dose_model.value
            and pack.countReference == default.count_reference.value
        )
        self._section.ui.advancedBox.title = (
            _("Advanced: defaults") if same else _("Advanced: changed from the defaults")
        )
