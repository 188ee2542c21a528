"""Structures: an embedded segment editor, the role of every segment, volumes as drawn, and helpers with undo."""

from __future__ import annotations

from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.structures import Role

from .. import outlines, totalsegmentator, views
from ..parameters import segmentName
from .fields import IN_PERCENT
from .section import Section
from .steps import Status, Step

EDITOR_TAG = "Y90DosimetrySegmentEditor"
NAME, ROLE, VOLUME = range(3)
THRESHOLDS = (("tumor", "tumorThresholdFraction"), ("perfused", "perfusedThresholdFraction"))


class StructuresSection(Section):
    """The third section."""

    step = Step.STRUCTURES
    uiName = "Y90DosimetryStructures"

    def build(self) -> None:
        """Connect the buttons, the editor and the table."""
        ui = self.ui
        self.contentChanged = True
        self._undo = None
        self._rows: list[tuple] = []
        self._volumesMl: dict[str, float] = {}
        self._editorNode = None
        self._edited: tuple = ()
        """IDs of the segmentation and of the CT that the editor was given last."""
        self._isObserving = self._showing = False
        ui.segmentEditor.autoShowSourceVolumeNode = False  # else it puts its volume under every other case's views
        ui.segmentEditor.switchToSegmentationsButtonVisible = False  # a narrow panel has no room for it
        self.panel.button(self.step).connect("contentsCollapsed(bool)", self._onCollapsed)
        ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._onSegmentation)
        ui.createButton.connect("clicked(bool)", self._onCreate)
        ui.totalSegmentatorButton.connect("clicked(bool)", self._onTotalSegmentator)
        ui.acceptButton.connect("clicked(bool)", self._onAcceptRoles)
        ui.undoButton.connect("clicked(bool)", self._onUndo)
        for name, member in THRESHOLDS:
            slider = getattr(ui, f"{name}Slider")
            slider.connect("valueChanged(double)", lambda percent, member=member: self._onThreshold(member, percent))
        ui.tumorButton.connect("clicked(bool)", lambda _c=False: self._outline(self._tumor))
        ui.perfusedButton.connect("clicked(bool)", lambda _c=False: self._outline(self._perfused))
        ui.flrButton.connect("clicked(bool)", lambda _c=False: self._outline(lambda o: o.flrFromResection()))
        ui.normalButton.connect("clicked(bool)", lambda _c=False: self._outline(lambda o: o.normalFromPerfused()))
        ui.thrombusButton.connect("clicked(bool)", lambda _c=False: self._outline(lambda o: o.thrombusOutsideTumors()))
        header = ui.rolesTable.horizontalHeader()
        header.setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(ROLE, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(VOLUME, qt.QHeaderView.ResizeToContents)
        ui.rolesTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        ui.rolesTable.connect("cellClicked(int,int)", self._onCell)
        self.places["structures"] = ui.rolesTable

    # The editor

    def _prepareEditor(self) -> None:
        editor = self.ui.segmentEditor
        isOpen = self.panel.isEntered and not self.panel.button(self.step).collapsed
        if isOpen and not self._isObserving:  # its keys (1 to 9, Space, Z, …) are those of the whole window
            editor.setupViewObservations()
            editor.installKeyboardShortcuts()
            self._isObserving = True
            views.styleSegmentations(self.parameters, isEdited=True)
        if self._editorNode is None:
            scene = slicer.mrmlScene
            node = scene.GetSingletonNode(EDITOR_TAG, "vtkMRMLSegmentEditorNode")
            if node is None:
                node = slicer.vtkMRMLSegmentEditorNode()
                node.SetSingletonTag(EDITOR_TAG)
                node = scene.AddNode(node)
            node.SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
            self._editorNode = node
            editor.setMRMLSegmentEditorNode(node)
        segmentation, ct = self.parameters.segmentation, self.parameters.ct
        if editor.segmentationNode() is not segmentation:
            editor.setSegmentationNode(segmentation)
            self._edited = ()
        edited = tuple(node.GetID() if node is not None else "" for node in (segmentation, ct))
        if self._edited != edited:  # else the user may have chosen another volume to outline on
            self._edited = edited
            editor.setSourceVolumeNode(ct)

    def leave(self) -> None:
        """Put the editor's tool down: the user goes elsewhere."""
        if self._isObserving:
            self.ui.segmentEditor.setActiveEffectByName("")
            self.ui.segmentEditor.uninstallKeyboardShortcuts()
            self.ui.segmentEditor.removeViewObservations()
            if self.parameters is not None:
                views.styleSegmentations(self.parameters)
        self._isObserving = False

    def clear(self) -> None:
        """Let go of the scene's nodes."""
        self.leave()
        if self._editorNode is not None:
            self.ui.segmentEditor.setSegmentationNode(None)
            self.ui.segmentEditor.setSourceVolumeNode(None)
            self.ui.segmentEditor.setMRMLSegmentEditorNode(None)
        self._editorNode = self._undo = None
        self._edited = ()
        self._rows, self._volumesMl = [], {}
        self.contentChanged = True
        self.ui.rolesTable.rowCount = 0

    # Showing

    def show(self) -> None:
        """Show the segments, their roles and volumes."""
        if self.parameters is None:
            return
        self._prepareEditor()
        self._showing = True
        self.ui.segmentationSelector.setCurrentNode(self.parameters.segmentation)
        self._showing = False
        display = self.parameters.display
        for name, member in THRESHOLDS:
            slider = getattr(self.ui, f"{name}Slider")
            slider.blockSignals(True)  # it rounds to its decimals: showing a threshold must not change it
            slider.value = IN_PERCENT.shown(getattr(display, member))
            slider.blockSignals(False)
        if self.contentChanged:
            with self.panel.attempt():
                self._volumesMl = self.workflow.volumesMl()
            self.contentChanged = False
        self._showRows()
        self._showSuggestions()
        self._showHelpers()

    def showStatus(self, status: Status) -> None:
        """Show state and checks; the extension that outlines the liver, or why it can't."""
        super().showStatus(status)
        reason = totalsegmentator.reasonAgainst(self.parameters)
        self.ui.totalSegmentatorButton.enabled = not reason
        self.ui.totalSegmentatorButton.toolTip = reason or _("Outline the liver on the CT by TotalSegmentator")
        self.ui.totalSegmentatorLabel.visible = bool(reason)
        self.ui.totalSegmentatorLabel.text = _("Liver by AI: {reason}").format(reason=reason)

    def _showRows(self) -> None:
        table, node = self.ui.rolesTable, self.parameters.segmentation
        segmentation = node.GetSegmentation() if node is not None else None
        roles = self.workflow.roles()
        rows = []
        for id_ in segmentation.GetSegmentIDs() if segmentation is not None else ():
            segment = segmentation.GetSegment(id_)
            rows.append((id_, segment.GetName(), segment.GetColor(), roles.get(id_), self._volumesMl.get(id_)))
        if rows == self._rows:
            return
        if [row[0] for row in rows] != [row[0] for row in self._rows]:
            table.rowCount = len(rows)
            for index, (id_, *_rest) in enumerate(rows):
                table.setItem(index, NAME, qt.QTableWidgetItem(""))
                table.setItem(index, VOLUME, qt.QTableWidgetItem(""))
                table.setCellWidget(index, ROLE, self._newRoleCombo(id_))
        for index, (_id, name, color, role, volume) in enumerate(rows):
            item = table.item(index, NAME)
            item.setText(name)
            item.setIcon(_swatch(color))
            combo = table.cellWidget(index, ROLE)
            combo.blockSignals(True)
            combo.currentIndex = 1 + list(Role).index(role) if role is not None else 0
            combo.toolTip = combo.currentText
            combo.blockSignals(False)
            number = table.item(index, VOLUME)
            number.setText("" if role is None or volume is None else f"{volume:.0f}" if volume else _("empty"))
            number.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        self._rows = rows

    def _newRoleCombo(self, segmentId: str):
        combo = qt.QComboBox()
        combo.addItem(_("no role"))
        for role in Role:
            combo.addItem(_(role.display_name))
        combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        combo.minimumContentsLength = 12
        combo.toolTip = _("What this segment is to the treatment")
        combo.connect("currentIndexChanged(int)", lambda index, id_=segmentId: self._onRole(id_, index))
        return combo

    def _showSuggestions(self) -> None:
        names = {id_: segmentName(self.parameters, id_) for id_ in self.workflow.suggestedRoles()}
        suggested = [f"{names[id_]}: {_(role.display_name)}" for id_, role in self.workflow.suggestedRoles().items()]
        self.ui.suggestionLabel.visible = self.ui.acceptButton.visible = bool(suggested)
        self.ui.suggestionLabel.text = escape(_("Suggested: {roles}").format(roles="; ".join(suggested)))

    def _showHelpers(self) -> None:
        sessions = self.parameters.sessions
        hasImage = any(session.image is not None and session.values for session in sessions)
        drawn = {role for id_, role in self.workflow.roles().items() if self._volumesMl.get(id_)}
        needLiver = _needs(Role.LIVER, drawn)
        needImage = "" if hasImage else _("Choose the SPECT or PET in Images, and what its values are")
        needs = {
            self.ui.tumorButton: needLiver or needImage,
            self.ui.perfusedButton: needLiver or needImage,
            self.ui.flrButton: needLiver or _needs(Role.PLANNED_RESECTION, drawn),
            self.ui.normalButton: _needs(Role.PERFUSED, drawn),
            self.ui.thrombusButton: _needs(Role.PVTT, drawn) or _needs(Role.TUMOR, drawn),
        }
        for button, reason in needs.items():
            button.enabled = not reason
            button.toolTip = reason or button.text
        self.ui.undoButton.enabled = self._undo is not None
        said = dict.fromkeys(reason for reason in needs.values() if reason)
        text = _("Done: {what}").format(what=self._undo.title) if self._undo else ""
        self.ui.helperLabel.text = text
        self.ui.targetLabel.text = ". ".join(said)
        self.ui.targetLabel.visible = bool(said)

    # What the user does

    def _onCollapsed(self, collapsed: bool) -> None:
        if collapsed:
            self.leave()

    def _onSegmentation(self, node) -> None:
        if self._showing or self.parameters is None:
            return
        if node is None:  # it was deleted, or the user means to choose none: a case keeps what it has
            self.panel.scheduleRefresh()
            return
        with self.panel.attempt():
            outlines.useSegmentation(self.parameters, node)
        self._undo = None
        self.contentChanged = True
        self.panel.refresh()

    def _onCreate(self, _checked: bool = False) -> None:
        with self.panel.attempt(), slicer.util.NodeModify(self.parameters):
            undo = self.workflow.createStructures()
            self._undo = undo or self._undo
            self.panel.say("" if undo else _("Every structure is there already."))
        self.contentChanged = True
        self.panel.refresh()

    def _onTotalSegmentator(self, _checked: bool = False) -> None:
        with self.panel.attempt(_("TotalSegmentator failed."), waitCursor=True):
            totalsegmentator.outlineLiver(self.parameters, self.workflow)
        self.contentChanged = True
        self.panel.refresh()

    def _onRole(self, segmentId: str, index: int) -> None:
        with self.panel.attempt():
            self.workflow.setRole(segmentId, list(Role)[index - 1] if index > 0 else None)
        self.contentChanged = True
        self.panel.refresh()

    def _onAcceptRoles(self, _checked: bool = False) -> None:
        with self.panel.attempt():
            for segmentId, role in self.workflow.suggestedRoles().items():
                self.workflow.setRole(segmentId, role)
        self.contentChanged = True
        self.panel.refresh()

    def _onCell(self, row: int, _column: int) -> None:
        if 0 <= row < len(self._rows):
            self.ui.segmentEditor.setCurrentSegmentID(self._rows[row][0])
            self.panel.centerOn(self._rows[row][0])

    def _onThreshold(self, member: str, percent: float) -> None:
        if self.parameters is not None:
            setattr(self.parameters.display, member, IN_PERCENT.stored(percent))

    def _tumor(self, outliner):
        share = self.parameters.display.tumorThresholdFraction
        return outliner.tumorByThreshold(share, self._emptyOf(Role.TUMOR), max(self.panel.sessionIndex, 0))

    def _perfused(self, outliner):
        share = self.parameters.display.perfusedThresholdFraction
        return outliner.perfusedByThreshold(share, self._emptyOf(Role.PERFUSED), max(self.panel.sessionIndex, 0))

    def _emptyOf(self, role: Role) -> str:
        """Return the selected segment of a role, else its first empty one; empty for a new segment."""
        ids = [id_ for id_, r in self.workflow.roles().items() if r is role]
        chosen = self.ui.segmentEditor.currentSegmentID()
        return chosen if chosen in ids else next((id_ for id_ in ids if not self._volumesMl.get(id_)), "")

    def _outline(self, helper) -> None:
        with self.panel.attempt(waitCursor=True):
            self._undo = helper(self.workflow.outliner)
            self.panel.say("")
        self.contentChanged = True
        self.panel.refresh()

    def _onUndo(self, _checked: bool = False) -> None:
        if self._undo is not None:
            with self.panel.attempt():
                self._undo.restore()
        self._undo = None
        self.contentChanged = True
        self.panel.refresh()


def _needs(role: Role, drawn) -> str:
    return "" if role in drawn else _("Outline first: {role}").format(role=_(role.display_name))


def _swatch(color):
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor.fromRgbF(*(float(part) for part in color)))
    return qt.QIcon(pixmap)
