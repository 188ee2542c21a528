"""The stand-ins carry a whole module: .ui file, parameter node, widgets, scene closing, reloading."""

from pathlib import Path

import pytest
import qt
import slicer

DEMO = Path(__file__).parent / "demo" / "DemoPanel.py"


@pytest.fixture
def demo(open_module):
    return open_module(DEMO)


def volume(name="CT"):
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


def test_a_widget_and_its_parameter_follow_each_other(demo):
    demo.weightBox.value = 81.5
    assert demo.widget.parameters.weightKg == 81.5
    demo.widget.parameters.label = "patient 7"
    assert demo.labelEdit.text == "patient 7"
    demo.widget.parameters.inverted = True
    assert demo.invertCheckBox.checked


def test_apply_waits_for_a_volume_and_runs(demo, click):
    assert not demo.applyButton.enabled
    with pytest.raises(AssertionError, match="disabled"):
        click(demo.applyButton)
    node = volume()
    demo.volumeSelector.setCurrentNode(node)
    demo.labelEdit.text = "x"
    click(demo.applyButton)
    assert demo.widget.status.text == "CT: 70 kg"


def test_an_error_is_one_message(demo, click, desk):
    demo.volumeSelector.setCurrentNode(volume())
    click(demo.applyButton)
    assert desk.messages == ["It did not work.\n\nno label"]


def test_closing_the_scene_leaves_an_empty_panel_that_works(demo, headless, click):
    demo.volumeSelector.setCurrentNode(volume())
    headless.close_scene()
    assert demo.volumeSelector.currentNode() is None
    assert not demo.applyButton.enabled
    demo.volumeSelector.setCurrentNode(volume("PET"))
    assert demo.widget.parameters.volume.GetName() == "PET"


def test_reloading_the_panel_finds_what_was_entered(demo):
    demo.weightBox.value = 55
    demo.reload()
    assert demo.weightBox.value == 55


def test_pictures_are_written_at_panel_width(demo, shot, tmp_path):
    written = shot(demo.container, "demo", folder=tmp_path)
    assert [path.name for path in written] == ["demo-light.png", "demo-dark.png"]
    light, dark = (qt.QImage(str(path)) for path in written)
    assert light.width() == dark.width() == 400
    assert light.pixelColor(2, 2).lightness() > 200 > 100 > dark.pixelColor(2, 2).lightness()
