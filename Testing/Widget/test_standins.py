"""The stand-ins are strict where PythonQt is strict, offer no more than the real classes, and follow the real scene."""

import inspect

import ctk
import numpy as np
import pytest
import qt
import slicer
import vtk
from standins import api, application, mrml_segments, mrml_views, mrml_widgets, ui_loader
from standins.pythonqt import QtCore

HERE = (application, mrml_segments, mrml_views, mrml_widgets)
STANDINS = {n: c for n, c in vars(ctk).items() if n.startswith("ctk")} | {
    n: c for module in HERE for n, c in vars(module).items() if n.startswith(("qMRML", "qSlicer"))
}
pytestmark = pytest.mark.usefixtures("scene")


def heard(obj, specification):
    calls = []
    obj.connect(specification, lambda *values: calls.append(values))
    return calls


# PythonQt's face


def test_properties_are_attributes():
    button = qt.QPushButton("Go")
    button.enabled = False
    assert (button.text, button.enabled, button.size.width()) == ("Go", False, 640)


def test_calling_a_property_fails():
    with pytest.raises(TypeError, match="'str' object is not callable"):
        qt.QPushButton("Go").text()


@pytest.mark.parametrize(
    "make", [qt.QPushButton, qt.QColor, qt.QVBoxLayout, ctk.ctkSliderWidget, slicer.qMRMLNodeComboBox]
)
def test_writing_an_unknown_attribute_fails(make):
    with pytest.raises(AttributeError, match="creating new attributes on C\\+\\+ objects is not allowed"):
        make().enable = True


def test_a_python_subclass_may_have_attributes_of_its_own_but_not_under_a_propertys_name():
    class Row(qt.QWidget):
        pass

    row = Row()
    row.segmentID = "a"
    assert row.segmentID == "a"
    with pytest.raises(AttributeError, match="not writable"):
        row.x = 1


def test_a_value_of_the_wrong_type_fails():
    with pytest.raises(AttributeError, match="does not accept"):
        qt.QPushButton().icon = 3


@pytest.mark.parametrize("specification", ["clicked(int)", "click()", "clickd(bool)", "clicked"])
def test_connecting_to_an_unknown_signal_fails(specification):
    with pytest.raises(ValueError, match="does not exist on QPushButton"):
        qt.QPushButton().connect(specification, print)


def test_an_unknown_signal_of_a_slicer_widget_fails():
    with pytest.raises(ValueError, match="nodeChanged"):
        slicer.qMRMLNodeComboBox().connect("nodeChanged(vtkMRMLNode*)", print)


def test_a_signal_passes_what_its_signature_says():
    button = qt.QPushButton()
    plain, checked, attribute = heard(button, "clicked()"), heard(button, "clicked(bool)"), []
    button.clicked.connect(lambda *values: attribute.append(values))
    button.click()
    assert (plain, checked, attribute) == ([()], [(False,)], [(False,)])


def test_a_disconnected_function_is_not_called():
    button, calls = qt.QPushButton(), []
    button.connect("clicked()", calls.clear)
    button.disconnect("clicked()", calls.clear)
    calls.append(1)
    button.click()
    assert calls == [1]


def test_numbers_and_texts_are_converted():
    spin, label = qt.QSpinBox(), qt.QLabel()
    spin.value, label.text = 2.7, 5
    assert (spin.value, label.text) == (2, "5")


def test_enumerations_are_integers_and_lists_are_tuples():
    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLModelNode"]
    assert combo.nodeTypes == ("vtkMRMLModelNode",)
    assert qt.Qt.Checked == 2
    assert qt.QMessageBox.Yes | qt.QMessageBox.No == 81920


@pytest.mark.parametrize("make", ["QVBoxLayout()", "QRect()", "QPixmap()", "QIcon()", "QColor()", "QDate()"])
def test_what_is_empty_null_or_invalid_is_false(make):
    assert not eval(f"qt.{make}", {"qt": qt})
    assert qt.QColor("red") and qt.QRect(0, 0, 1, 1) and qt.QLabel()


def test_children_are_found_by_class_name_and_name():
    box = qt.QGroupBox()
    box.setLayout(qt.QVBoxLayout())
    button = qt.QPushButton("a")
    button.name = "go"
    box.layout().addWidget(button)
    assert box.findChildren("QPushButton") == (button,)
    assert box.findChild(qt.QWidget, "go") is button


def test_a_dialog_needs_a_prepared_answer(desk):
    with pytest.raises(AssertionError, match="no answer"):
        qt.QFileDialog.getSaveFileName()
    desk.answer("getSaveFileName", "/x.html")
    assert qt.QFileDialog.getSaveFileName(None, "Save") == "/x.html"


def test_an_error_in_a_slot_is_kept_for_the_end_of_the_test(desk, capsys):
    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert isinstance(desk.uncaught.pop(), ZeroDivisionError)


def test_settings_stay_in_the_test():
    qt.QSettings().setValue("Y90/zone", "Europe/Rome")
    assert "settings_" in qt.QSettings().fileName()
    assert slicer.util.settingsValue("Y90/zone", "") == "Europe/Rome"


# no more than the real classes


def added(class_):
    """Return the public names that a stand-in has beyond Qt's class."""
    mine = [c for c in class_.__mro__ if c.__module__.startswith("standins")]
    return {n for c in mine for n in vars(c) if not n.startswith("_")}


@pytest.mark.parametrize("name", sorted(STANDINS))
def test_a_standin_offers_only_what_the_real_class_offers(name):
    qt_names = set(dir(api.qt_base(name)))
    assert added(STANDINS[name]) - api.own_names(name) - qt_names == set()


@pytest.mark.parametrize("name", sorted(n for n in STANDINS if n.startswith(("ctk", "qMRML"))))
def test_a_standin_is_made_with_nothing_but_a_parent(name):
    if name in ("ctkMessageBox",):
        pytest.skip("a dialog")
    parent = qt.QWidget()
    assert STANDINS[name](parent).parent() is parent


def test_what_a_standin_only_remembers_is_kept_and_read_back():
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setReadOnly(True)
    editor.defaultTerminologyEntry = "x"
    assert (editor.readOnly, editor.defaultTerminologyEntry) == (True, "x")


# CTK


def test_a_slider_clamps_and_tells_once():
    slider = ctk.ctkSliderWidget()
    calls = heard(slider, "valueChanged(double)")
    slider.maximum = 5
    slider.value = 9
    slider.value = 9
    assert calls == [(5.0,)]


def test_a_collapsed_section_hides_its_children_but_not_what_was_hidden_on_purpose():
    section, layout = ctk.ctkCollapsibleButton(), None
    layout = qt.QVBoxLayout(section)
    shown, hidden = qt.QLabel("a"), qt.QLabel("b")
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.visible = False
    section.show()
    calls = heard(section, "contentsCollapsed(bool)")
    section.collapsed = True
    assert not shown.visible
    section.collapsed = False
    assert shown.visible and not hidden.visible
    assert calls == [(True,), (False,)]


def test_a_range_stays_in_order():
    widget = ctk.ctkRangeWidget()
    widget.setRange(0, 10)
    widget.minimumValue, widget.maximumValue = 4, 2
    assert widget.minimumValue <= widget.maximumValue


# MRML


@pytest.fixture
def combo(scene):
    combo = slicer.qMRMLNodeComboBox()
    combo.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    combo.noneEnabled = True
    combo.setMRMLScene(scene)
    return combo


def test_a_node_selector_follows_the_scene(combo, scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    scene.AddNewNodeByClass("vtkMRMLModelNode", "surface")
    assert combo.nodeCount() == 1
    calls = heard(combo, "currentNodeChanged(vtkMRMLNode*)")
    combo.setCurrentNode(node)
    scene.RemoveNode(node)
    assert calls == [(node,), (None,)]
    assert combo.currentNode() is None


def test_a_renamed_node_is_shown_under_its_new_name(combo, scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    combo.setCurrentNode(node)
    calls = heard(combo, "currentNodeRenamed(QString)")
    node.SetName("contrast CT")
    assert calls == [("contrast CT",)]


def test_without_none_the_first_node_is_taken(combo, scene):
    combo.noneEnabled = False
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    assert combo.currentNode() is node


def test_a_node_of_another_class_is_not_taken(combo, scene):
    combo.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLModelNode", "surface"))
    assert combo.currentNode() is None


def test_closing_the_scene_empties_the_selector(combo, scene):
    combo.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT"))
    scene.Clear(False)
    assert combo.currentNode() is None
    assert combo.nodeCount() == 0


def test_the_segments_table_follows_the_segmentation(scene):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    table = slicer.qMRMLSegmentsTableView()
    table.setMRMLScene(scene)
    table.setSegmentationNode(node)
    segment = node.GetSegmentation().AddEmptySegment("", "Liver", [1, 0, 0])
    assert table.displayedSegmentIDs() == (segment,)
    table.setSelectedSegmentIDs([segment])
    assert table.selectedSegmentIDs() == (segment,)
    node.GetSegmentation().RemoveSegment(segment)
    assert table.segmentCount == 0


def test_the_segment_editor_wants_its_node_first(scene):
    editor = slicer.qMRMLSegmentEditorWidget()
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    with pytest.raises(RuntimeError, match="vtkMRMLSegmentEditorNode first"):
        editor.setSegmentationNode(segmentation)
    editor.setMRMLScene(scene)
    editor.setMRMLSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setSegmentationNode(segmentation)
    assert editor.segmentationNode() is segmentation
    with pytest.raises(ValueError, match="no effect"):
        editor.setActiveEffectByName("Pant")


def test_a_table_view_shows_the_cells(scene):
    node, view = scene.AddNewNodeByClass("vtkMRMLTableNode"), slicer.qMRMLTableView()
    column = vtk.vtkStringArray()
    column.SetName("Structure")
    column.InsertNextValue("Liver")
    node.AddColumn(column)
    view.setMRMLTableNode(node)
    assert view.model().index(0, 0).data() == "Liver"


def test_a_layout_makes_its_views():
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotTableView)
    assert set(manager.sliceViewNames()) == {"Red", "Yellow", "Green"}
    assert manager.plotWidget(0).mrmlPlotViewNode().IsA("vtkMRMLPlotViewNode")
    assert manager.tableWidget(0) is not None
    manager.sliceWidget("Red").sliceController().fitSliceToBackground()
    with pytest.raises(ValueError, match="no description"):
        manager.setLayout(987654)


def test_slice_layers_are_those_of_the_scene(scene):
    node = slicer.util.addVolumeFromArray(np.zeros((4, 4, 4)))
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    assert scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode").GetBackgroundVolumeID() == node.GetID()


def test_a_progress_dialog_can_be_canceled(desk):
    desk.cancel_progress = True
    dialog = slicer.util.createProgressDialog(labelText="Computing")
    slicer.app.processEvents()
    assert dialog.wasCanceled


# .ui files


FORM = '<ui version="4.0"><widget class="QWidget" name="top">{}</widget><connections>{}</connections></ui>'
PROPERTY = '<widget class="ctkSliderWidget" name="s"><property name="{}"{}><double>1</double></property></widget>'


@pytest.mark.parametrize(
    ("inside", "connections", "complaint"),
    [
        (PROPERTY.format("maximun", ""), "", "ctkSliderWidget has no property maximun"),
        ('<widget class="qMRMLPlotView" name="p"/>', "", "has no designer plugin"),
        ('<widget class="ctkNothing" name="p"/>', "", "ctkNothing is not known"),
        (PROPERTY.format("maximum", ""), "s|valueChange(double)|top|close()", "has no signal valueChange(double)"),
        (PROPERTY.format("maximum", ""), "top|destroyed()|s|setValu(double)", "has no slot setValu(double)"),
        (PROPERTY.format("SlicerParameterName", ' stdset="0"'), "s|valueChanged(double)|top|close()", None),
    ],
)
def test_a_form_is_read_strictly(inside, connections, complaint):
    parts = zip(("sender", "signal", "receiver", "slot"), connections.split("|"), strict=False)
    connection = "".join(f"<{k}>{v}</{k}>" for k, v in parts)
    root = ui_loader.ElementTree.fromstring(FORM.format(inside, f"<connection>{connection}</connection>"))
    found = ui_loader.complaints(root)
    assert found == [] if complaint is None else complaint in found[0]


def test_every_property_written_here_is_seen_by_the_form_reader():
    slider = ctk.ctkSliderWidget
    kept = {n for n, v in inspect.getmembers_static(slider) if isinstance(v, QtCore.Property)}
    assert set(api.classes()["ctkSliderWidget"]["properties"]) <= kept
