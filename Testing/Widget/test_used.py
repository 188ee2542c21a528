"""What the module's files use of Qt, CTK and Slicer exists there."""

from pathlib import Path

import pytest
from standins import used

HERE = Path(__file__).parent
MODULE = HERE.parents[1] / "Y90Dosimetry"

WRONG = {
    "label = qt.QLabel(); label.txt = 'a'": "QLabel has no txt",
    "box = qt.QSpinBox(); box.value()": "value of QSpinBox is a property: no parentheses",
    "w = qt.QWidget(); w.sizeHint()": "sizeHint of QWidget is a property: no parentheses",
    "b = qt.QPushButton('x'); b.connect('clicked(int)', f)": "QPushButton has no signal clicked(int)",
    "b = qt.QPushButton(enabled=True)": "QPushButton(): PythonQt's constructors take no keyword arguments",
    "self.s = ctk.ctkSliderWidget(); self.s.setRange(0, 1)": "ctkSliderWidget has no setRange",
    "self.n = slicer.qMRMLNodeComboBox(); self.n.currentNode = 3": "currentNode of qMRMLNodeComboBox is no property",
    "self.ui.applyButton.text()": "text of QPushButton is a property: no parentheses",
    "self.ui.aplyButton.text": "no .ui file has a widget named aplyButton",
    "self.ui.volumeSelector.connect('nodeChanged()', f)": "qMRMLNodeComboBox has no signal nodeChanged()",
    "x = qt.QNothing()": "qt.QNothing does not exist",
    "x = ctk.ctkNothing()": "ctk.ctkNothing is not in qt_api_extract.json",
    "x = qt.Qt.CheckState.Checked": "qt.Qt.CheckState.Checked: not every PythonQt knows scoped enumerations",
    "slicer.app.layoutManager().sliceWidget('Red').sliceView().fit()": "qMRMLSliceView has no fit",
    "isinstance(self.ui.applyButton, qt.QWidget)": "only a plain QWidget is an instance",
    "isinstance(self.ui.applyButton, (str, ctk.ctkComboBox))": "only a plain ctkComboBox is an instance",
    "for b in (self.ui.applyButton, self.ui.labelEdit): b.row": "QLineEdit or QPushButton has no row",
    "if self.ui.applyButton: pass": "truth of QPushButton",
    "grid = qt.QGridLayout(); a = grid or 1": "truth of QGridLayout: an empty, null or invalid one is false",
    "a = 1 if not qt.QColor('x') else 2": "truth of qt.QColor",
    "self.ui.formLayout": "no .ui file has a widget named formLayout",
    "b = self.ui.applyButton; b.checkStateChanged": "checkStateChanged does not exist in Qt 5",
}


def complaints_about(code: str, folder: Path) -> str:
    (folder / "demo.ui").write_text(
        (HERE / "demo/Resources/UI/DemoPanel.ui").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (folder / "panel.py").write_text(f"class Panel:\n    def setup(self):\n        {code}\n", encoding="utf-8")
    return "\n".join(used.complaints(folder))


@pytest.mark.parametrize(("code", "complaint"), WRONG.items(), ids=list(WRONG))
def test_a_mistake_is_reported(code, complaint, tmp_path):
    assert complaint in complaints_about(code, tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "label = qt.QLabel(); label.text = 'a'; label.setWordWrap(True); label.name = 'x'",
        "b = qt.QPushButton('x'); b.connect('clicked(bool)', f); b.clicked.connect(f); b.toolTip = ''",
        "self.ui.volumeSelector.connect('currentNodeChanged(vtkMRMLNode*)', f); self.ui.volumeSelector.currentNode()",
        "self.c = ctk.ctkCollapsibleButton(); self.c.collapsed = True; self.c.text = 'a'; qt.QFormLayout(self.c)",
        "x = qt.Qt.AlignRight | qt.Qt.AlignTop; qt.QTimer.singleShot(0, f); qt.QFileDialog.getSaveFileName()",
        "slicer.app.layoutManager().sliceWidget('Red').sliceController().fitSliceToBackground()",
        "a = self.ui.applyButton\n        while a is not b: a = a.parentWidget()\n        a.ensureWidgetVisible(b)",
        "w = qt.QComboBox() if x else qt.QLineEdit(); w.count; w.toolTip = ''",
        "item = qt.QTableWidgetItem('a'); item.setText('b')",
    ],
)
def test_what_slicer_offers_passes(code, tmp_path):
    assert complaints_about(code, tmp_path) == ""


def test_the_demo_panel_uses_what_exists():
    assert used.complaints(HERE / "demo") == []


@pytest.mark.skipif(not MODULE.is_dir(), reason="the module's folder is not there")
def test_the_module_uses_what_exists():
    found = used.complaints(MODULE)
    assert not found, "\n".join(found)
