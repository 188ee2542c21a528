"""The selected study of the follow-up: day, images, outlines with their roles, body and laboratory values, facts."""

from __future__ import annotations

from datetime import date

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.case import Encephalopathy, Grade
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.facts import CATALOG, MODALITIES, TIMED_FACTS
from Y90DosimetryLib.structures import Role
from Y90DosimetryLib.timepoints import TimeKind

from ..followup import NO_ROLE, rolesOfPoint, setVolume, structuresOf
from ..outlines import createStudyOutlines, sameNamed
from ..parameters import factsOf
from .facts import CAPITALS, FactRow
from .fields import PLAIN, ChoiceField, DateField, NumberField, TextField
from .patient import ECOG_GRADES, IN_MG_DL
from .section import fitHeight

NAME, ROLE, VOLUME = range(3)
VOLUMES = {
    Role.LIVER: "Liver",
    Role.FLR: "Flr",
    Role.TUMOR: "Tumor",
    Role.PVTT: "Pvtt",
    Role.HEPATIC_VEIN_THROMBUS: "Hvtt",
    Role.PERFUSED: "Perfused",
}
"""Roles whose volume may be typed, and their fields."""


class StudyBox:
    """The box of one study."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._showing = False
        self._segments: list[str] = []
        self._known: dict = {}
        self.places: dict[str, object] = {}
        """Where a fact of this study is stated; what a finding needs is stated with the patient."""
        ui = self._ui
        self._name = section.add(TextField(_("Name of the study"), ui.studyNameEdit, self._storeName), self._label)
        section.add(DateField(_("Day of the study"), ui.studyDayEdit, self._storeDay), self._day)
        kinds = [
            (_("follow-up"), TimeKind.FOLLOW_UP.value),
            (_("baseline"), TimeKind.BASELINE.value),
            (_("before surgery"), TimeKind.BEFORE_SURGERY.value),
            (_("any other"), TimeKind.ANY.value),
        ]
        self._bind(ChoiceField, _("Kind"), ui.studyKindCombo, "kind", choices=kinds)
        modalities = [(_(CAPITALS.get(name, name.replace("_", " "))), name) for name in MODALITIES]
        unknown = _("unknown")
        self._bind(
            ChoiceField, _("Imaging"), ui.studyModalityCombo, "modality", empty="", choices=modalities, unknown=unknown
        )
        self._bindPatient()
        for role, name in VOLUMES.items():
            edit = getattr(ui, f"study{name}VolumeEdit")
            title = _("Volume of {role}").format(role=role.display_name.lower())
            section.add(
                NumberField(title, edit, lambda ml, role=role: self._storeVolume(role, ml)),
                lambda role=role: self._volume(role),
            )
        grid = qt.QGridLayout()
        ui.studyFactsBox.layout().addLayout(grid)
        self._facts = [FactRow(self, self._known, CATALOG[name], grid, r) for r, name in enumerate(TIMED_FACTS)]
        for one in self._facts:
            one.widget.objectName = f"{one.fact.id}OfStudy"
        ui.studyCtSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: self._storeNode("ct", node))
        ui.studySegmentationSelector.connect(
            "currentNodeChanged(vtkMRMLNode*)", lambda node: self._storeNode("segmentation", node)
        )
        ui.createStudyOutlinesButton.connect("clicked(bool)", self._onCreate)
        ui.studyRolesTable.connect("itemSelectionChanged()", self._showRole)
        roles = [(role.display_name, role.value) for role in Role]
        self._role = ChoiceField(
            _("Role"), ui.studyRoleCombo, self._storeRole, roles, unknown=_("nothing of the treatment")
        )
        ui.studyRolesTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header = ui.studyRolesTable.horizontalHeader()
        for column in (NAME, ROLE, VOLUME):
            stretches = column == NAME
            header.setSectionResizeMode(
                column, qt.QHeaderView.Stretch if stretches else qt.QHeaderView.ResizeToContents
            )

    def _bind(self, kind, title: str, widget, path: str, **options):
        return self._section.bind(kind, title, widget, path, root=self._section.point, **options)

    def _bindPatient(self) -> None:
        ui, unknown = self._ui, _("unknown")
        for title, edit, member in (
            (_("Weight"), ui.studyWeightEdit, "weightKg"),
            (_("Albumin"), ui.studyAlbuminEdit, "albuminGL"),
            (_("INR"), ui.studyInrEdit, "inrRatio"),
            (_("Creatinine"), ui.studyCreatinineEdit, "creatinineUmolL"),
            (_("GFR"), ui.studyGfrEdit, "gfrMlMin173m2"),
            (_("AFP"), ui.studyAfpEdit, "afpNgMl"),
        ):
            self._bind(NumberField, title, edit, f"patient.{member}")
        self._bilirubin = self._bind(NumberField, _("Bilirubin"), ui.studyBilirubinEdit, "patient.bilirubinUmolL")
        ascites = [
            (_("none"), Grade.NONE.value),
            (_("slight"), Grade.SLIGHT.value),
            (_("moderate or severe"), Grade.MODERATE.value),
        ]
        encephalopathy = [
            (_("none"), Encephalopathy.NONE.value),
            (_("grade 1 or 2"), Encephalopathy.GRADE_1_2.value),
            (_("grade 3 or 4"), Encephalopathy.GRADE_3_4.value),
        ]
        for title, combo, member, choices in (
            (_("Ascites"), ui.studyAscitesCombo, "ascites", ascites),
            (_("Encephalopathy"), ui.studyEncephalopathyCombo, "encephalopathy", encephalopathy),
        ):
            self._bind(ChoiceField, title, combo, f"patient.{member}", empty="", choices=choices, unknown=unknown)
        grades = [(str(grade), grade) for grade in ECOG_GRADES]
        self._bind(ChoiceField, _("ECOG"), ui.studyEcogCombo, "patient.ecog", choices=grades, unknown=unknown)

    # What `FactRow` asks of a section

    @property
    def parameters(self):
        """The study, whose facts are stated like those of a case."""
        return self._section.point()

    @property
    def panel(self):
        """The panel."""
        return self._section.panel

    def add(self, field, read):
        """Keep a field up to date with what *read* returns."""
        return self._section.add(field, read)

    # Showing

    def show(self, pack) -> None:
        """Show one study; its fields are shown by the section."""
        ui = self._ui
        inMgDl = self._section.parameters.display.bilirubinInMgDl
        self._bilirubin.scale = IN_MG_DL if inMgDl else PLAIN
        ui.studyBilirubinUnit.text = "mg/dL" if inMgDl else "µmol/L"
        self._known.clear()
        if pack is None:
            return
        self._known.update(factsOf(pack))
        ui.studyBox.title = _("Study: {label}").format(label=pack.label)
        self._showing = True
        try:
            ui.studyCtSelector.setCurrentNode(pack.ct)
            ui.studySegmentationSelector.setCurrentNode(pack.segmentation)
        finally:
            self._showing = False
        self._showSegments(pack)

    def _showSegments(self, pack) -> None:
        ui, table = self._ui, self._ui.studyRolesTable
        node = pack.segmentation
        ui.createStudyOutlinesButton.visible = node is None
        table.visible = ui.studyRoleCombo.visible = ui.studyRoleComboLabel.visible = node is not None
        if node is None:
            self._segments = []
            table.rowCount = 0
            return
        roles, segmentation = rolesOfPoint(pack), node.GetSegmentation()
        try:
            structures, _empty = structuresOf(pack, self._section.workflow.sources)
            volumesMl = {s.label: s.volume_ml for s in structures}
        except InputError:
            volumesMl = {}
        chosen = table.currentRow()
        table.blockSignals(True)
        self._segments = list(segmentation.GetSegmentIDs())
        table.rowCount = len(self._segments)
        for r, id_ in enumerate(self._segments):
            name = segmentation.GetSegment(id_).GetName()
            role = roles.get(id_)
            ml = volumesMl.get(name)
            texts = (name, role.display_name if role else "–", "" if role is None else f"{ml or 0:.0f}")
            for c, text in enumerate(texts):
                if table.item(r, c) is None:
                    table.setItem(r, c, qt.QTableWidgetItem(""))
                table.item(r, c).setText(text)
        if self._segments and not 0 <= chosen < len(self._segments):
            table.selectRow(0)
        table.blockSignals(False)
        fitHeight(table)
        self._showRole()

    def _showRole(self) -> None:
        row, pack = self._ui.studyRolesTable.currentRow(), self._section.point()
        isChosen = pack is not None and 0 <= row < len(self._segments)
        self._ui.studyRoleCombo.enabled = isChosen
        role = rolesOfPoint(pack).get(self._segments[row]) if isChosen else None
        self._role.show(role.value if role else None)

    def forget(self) -> None:
        """Another study is shown."""
        self._ui.studyRolesTable.clearSelection()

    def clear(self) -> None:
        """Let go of the scene's nodes."""
        self._segments = []
        self._ui.studyRolesTable.rowCount = 0
        self._showing = True
        self._ui.studyCtSelector.setCurrentNode(None)
        self._ui.studySegmentationSelector.setCurrentNode(None)
        self._showing = False

    def _label(self) -> str:
        pack = self._section.point()
        return pack.label if pack is not None else ""

    def _day(self) -> date | None:
        pack = self._section.point()
        return date.fromisoformat(pack.day) if pack is not None and pack.day else None

    def _volume(self, role: Role) -> float | None:
        pack = self._section.point()
        text = dict(pack.volumesMl).get(role.value) if pack is not None else None
        return float(text) if text else None

    # Storing

    def _storeName(self, name: str) -> None:
        section = self._section
        if section.point() is None:
            return
        others = [pack.label for n, pack in enumerate(section.studies) if n != section.index]
        if not name:
            self._name.refuse(_("give it a name"))
        elif name in others:
            self._name.refuse(_("'{name}' is taken").format(name=name))
        else:
            section.point().label = name
        self.panel.scheduleRefresh()

    def _storeDay(self, day) -> None:
        if self._section.point() is not None:
            self._section.point().day = day.isoformat() if day else ""
        self.panel.scheduleRefresh()

    def _storeVolume(self, role: Role, volumeMl) -> None:
        if self._section.point() is not None:
            setVolume(self._section.point(), role, volumeMl)
        self.panel.scheduleRefresh()

    def _storeNode(self, member: str, node) -> None:
        pack = self._section.point()
        if self._showing or pack is None or getattr(pack, member) is node:
            return
        with self.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
            if member == "segmentation" and node is not None:  # IDs repeat in segmentations
                ids = sameNamed(pack.segmentation, node)
                pack.roles = {ids[id_]: role for id_, role in dict(pack.roles).items() if id_ in ids}
            setattr(pack, member, node)
        self.panel.refresh()

    def _storeRole(self, role) -> None:
        row = self._ui.studyRolesTable.currentRow()
        if self._section.point() is not None and 0 <= row < len(self._segments):
            self._section.point().roles[self._segments[row]] = role or NO_ROLE
        self.panel.scheduleRefresh()

    def _onCreate(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            createStudyOutlines(self._section.parameters, self._section.index)
        self.panel.refresh()
