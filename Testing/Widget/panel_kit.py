"""What the panel's tests share: images of the digital patient in the scene, and a hand that types and clicks."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace

import pytest

from Y90DosimetryLib.phantom import PhantomSettings, digital_patient

COARSE = PhantomSettings(
    ct_spacing_mm=(4.0, 4.0, 5.0), spect_spacing_mm=(6.0, 6.0, 6.0), pet_spacing_mm=(6.0, 6.0, 6.0), seed=5
)


@lru_cache
def patient(variant: str = "lobectomy"):
    """Return the digital patient in coarse voxels, made once."""
    found = digital_patient(COARSE, variant)
    return SimpleNamespace(patient=found, case=found.case(), truth=found.truth())


class Hand:
    """Finds widgets by section and name, types into them, presses them, and lets the panel catch up."""

    def __init__(self, opened, click) -> None:
        from Y90DosimetrySlicer.widgets.steps import Step, stateOf

        self.opened, self.click = opened, click
        self.Step, self._stateOf = Step, stateOf
        self.panel = opened.widget.panel
        self.logic = opened.widget.logic

    @property
    def parameters(self):
        return self.panel.parameters

    def ui(self, step: str):
        return self.panel.sections[self.Step(step)].ui

    def open(self, step: str):
        """Open a section as a click on its button does; return its widgets."""
        self.panel.button(self.Step(step)).collapsed = False
        self.refresh()
        return self.ui(step)

    def only(self, step: str):
        """Open one section and close the others."""
        for other in self.Step:
            self.panel.button(other).collapsed = other != step
        return self.open(step)

    def refresh(self) -> None:
        """Do at once what the panel would do in a moment."""
        import slicer

        self.panel.refresh()
        slicer.app.processEvents()

    def reveal(self, widget) -> None:
        """Open the boxes that hide a widget."""
        while widget is not None:
            if widget.className() == "ctkCollapsibleGroupBox":
                widget.collapsed = False
            widget = widget.parentWidget()

    def type(self, widget, text: str) -> None:
        """Replace what a line edit holds, as the keyboard does."""
        self.reveal(widget)
        assert widget.enabled, f"{widget.name} is disabled: {widget.toolTip}"
        widget.setFocus()
        widget.text = text
        widget.editingFinished.emit()
        self.refresh()

    def choose(self, combo, text: str) -> None:
        """Choose the first entry of a combo box that begins with *text*."""
        self.reveal(combo)
        assert combo.enabled, f"{combo.name} is disabled: {combo.toolTip}"
        entries = [combo.itemText(i) for i in range(combo.count)]
        combo.currentIndex = next(i for i, entry in enumerate(entries) if entry.startswith(text))
        self.refresh()

    def press(self, button) -> None:
        self.reveal(button)
        self.click(button)
        self.refresh()

    def state(self, step: str) -> str:
        """Return the state of a section as its button says it."""
        return self._stateOf(self.Step(step), self.panel.status)[0].value

    def why(self, step: str) -> str:
        return self._stateOf(self.Step(step), self.panel.status)[1]

    def message(self) -> str:
        label = self.panel.ui.messageLabel
        return label.text if not label.isHidden() else ""

    def images(self, variant: str = "lobectomy") -> tuple:
        """Put CT and nuclear image of the digital patient into the scene, as if they were loaded from files."""
        import slicer
        from Y90DosimetrySlicer import bridge, casenodes

        case = patient(variant).case
        ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        bridge.writeImage(case.ct.image, ct)
        nuclear = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "MAA SPECT")
        bridge.writeImage(case.sessions[0].image.image, nuclear)
        bridge.setUnits(nuclear, *casenodes.COUNTS)
        return ct, nuclear

    def draw(self, variant: str = "lobectomy") -> None:
        """Outline the digital patient's structures in segments of their names, as the user would."""
        from Y90DosimetrySlicer import bridge, outlines

        for structure in patient(variant).case.structures:
            node = outlines.segmentationOf(self.parameters)
            names = {node.GetSegmentation().GetSegment(i).GetName(): i for i in node.GetSegmentation().GetSegmentIDs()}
            found = names.get(structure.label) or outlines.addSegment(self.parameters, structure.role, structure.label)
            bridge.writeMask(node, found, structure.mask)
        self.refresh()

    def sample(self, variant: str = "lobectomy"):
        """Load the sample case in coarse voxels and show it."""
        from Y90DosimetrySlicer import sampledata

        sampledata.parametersOf(patient(variant).patient)
        self.panel.setParameters(self.logic.cases()[-1])
        self.refresh()
        return self.parameters


@pytest.fixture
def hand(panel, click) -> Hand:
    return Hand(panel, click)
