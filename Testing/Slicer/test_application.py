"""The panel inside 3D Slicer: what no stand-in can show. Run by `make test-slicer SLICER=/path/to/Slicer` or ctest."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from pathlib import Path

import qt
import slicer

sys.path.insert(0, str(Path(__file__).parent))
from application_kit import ApplicationTest, Renders, cramped, launch, settle, shown_in, write_ct

WIDTHS = (400, 500, 700)
BARE = {"isodoses": 0, "legend": False, "ct": False, "dose": False, "outlines": False, "chart": False, "table": False}


class Opening(ApplicationTest):
    """The first minute."""

    def test_an_empty_panel_offers_three_ways_in_and_warns_of_nothing(self) -> None:
        ui = self.panel.ui
        self.assertTrue(ui.welcomeFrame.visible)
        self.assertGreaterEqual(len(ui.welcomeSampleButton.menu().actions()), 3)
        self.assertFalse(ui.countersWidget.visible or ui.verdictLabel.visible or ui.messageLabel.visible)
        self.assertNotIn("wrong", [self.state(step.value) for step in self.panel.sections])
        opened = [step.value for step in self.panel.sections if not self.panel.button(step).collapsed]
        self.assertEqual(opened, ["images"])

    def test_the_next_step_opens_one_section_after_the_other_at_the_top(self) -> None:
        self.sample()
        area = self.panel.ui.sectionsArea
        for step in list(self.panel.sections)[1:]:
            self.panel.ui.nextButton.click()
            settle(300)
            opened = [one for one in self.panel.sections if not self.panel.button(one).collapsed]
            self.assertEqual(opened, [step])
            top = self.panel.button(step).mapTo(area.viewport(), qt.QPoint(0, 0)).y()
            bar = area.verticalScrollBar()
            self.assertTrue(top == 0 or bar.value == bar.maximum, f"{step.value} begins at {top} px")
        self.assertFalse(self.panel.ui.nextButton.visible, "there is nothing after the last step")

    def test_no_section_asks_for_more_width_or_squeezes_its_text(self) -> None:
        self.computed("delivered")
        self.sample("delivered", over_time=True)
        dock = slicer.util.findChild(slicer.util.mainWindow(), "PanelDockWidget")
        area = self.panel.ui.sectionsArea
        self.addCleanup(lambda: (dock.setMinimumWidth(0), dock.setMaximumWidth(16777215)))
        for width in WIDTHS:
            dock.setFixedWidth(width)
            for step in self.panel.sections:
                self.panel.openOnly(step)
                for box in self.panel.button(step).findChildren("ctkCollapsibleGroupBox"):
                    box.collapsed = False
                settle(100)
                inside = self.panel.ui.sectionsWidget
                self.assertLessEqual(inside.width, area.viewport().width, f"{step.value} at {width} px")
                self.assertEqual(cramped(self.panel.widget), [], f"{step.value} at {width} px")

    def test_the_panel_keeps_its_width_while_idle(self) -> None:
        self.sample("delivered", over_time=True)
        widths = set()
        for step in self.panel.sections:
            self.panel.openOnly(step)
            settle(400)
            widths.add(self.panel.widget.width)
        settle(1000)
        self.assertEqual(widths | {self.panel.widget.width}, {self.panel.widget.width})

    def test_reload_leaves_one_panel(self) -> None:
        self.sample()
        self.widget.onReload()
        settle()
        widget = slicer.modules.y90dosimetry.widgetRepresentation().self()
        self.assertIsNot(widget, self.widget)
        self.assertTrue(widget.panel.parameters.caseLabel)


class Working(ApplicationTest):
    """From a sample to a report."""

    def test_the_three_samples_come_by_the_real_buttons_and_are_shown(self) -> None:
        import SampleData
        from Y90DosimetrySlicer import sampledata

        sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory("Y90Dosimetry")
        self.assertEqual([s.sampleName for s in sources], list(sampledata.titled()))
        for number, source in enumerate(sources[:2], start=1):
            source.customDownloader(source)
            slicer.util.selectModule("SampleData")
            slicer.util.selectModule("Y90Dosimetry")
            settle()
            self.assertEqual(len(self.panel.logic.cases()), number)
            self.assertTrue(shown_in(self.panel.parameters)["ct"])
            self.assertFalse(self.panel.parameters.segmentation.GetDisplayNode().GetVisibility2DFill())

    def test_sliders_and_scenario_are_followed_at_once(self) -> None:
        self.sample()
        self.panel.measure()
        ui = self.ui("prescription")
        before = self.panel.status.verdict.sentence
        ui.prescribedSlider.value = 2 * ui.prescribedSlider.value
        settle()
        self.assertNotEqual(self.panel.status.verdict.sentence, before)
        self.assertEqual(self.state("prescription"), "outside")
        scenario = self.ui("patient").scenarioCombo
        scenario.currentIndex = 4
        settle()
        self.assertEqual(self.panel.parameters.scenario, 4)
        self.assertEqual({f.rule.id[:2] for f in self.panel.status.findings} & {"S2"}, set())

    def test_structures_are_outlined_with_the_real_editor_and_filled_only_there(self) -> None:
        parameters = self.sample()
        background = {v.GetBackgroundVolumeID() for v in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
        ui = self.ui("structures")
        shown = parameters.segmentation.GetDisplayNode()
        self.assertTrue(shown.GetVisibility2DFill())
        editor = ui.segmentEditor
        editor.setCurrentSegmentID(next(id_ for id_, r in self.panel.workflow.roles().items() if r.value == "tumor"))
        editor.setSourceVolumeNode(parameters.sessions[0].image)
        now = {v.GetBackgroundVolumeID() for v in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
        self.assertEqual(now, background, "the editor leaves the views alone")
        before = dict(self.panel.workflow.volumesMl())
        editor.setActiveEffectByName("Threshold")
        effect = editor.activeEffect()
        effect.setParameter(
            "MinimumThreshold", str(parameters.sessions[0].image.GetImageData().GetScalarRange()[1] / 2)
        )
        effect.self().onApply()
        settle(1200)
        self.assertNotEqual(self.panel.workflow.volumesMl(), before)
        places = [widget.mapToGlobal(qt.QPoint(0, 0)).y() for widget in (ui.rolesTable, ui.segmentEditor)]
        self.assertLess(*places, "the roles stand above the editor")
        self.ui("treatment")
        self.assertFalse(shown.GetVisibility2DFill())

    def test_the_dose_is_shown_hidden_and_restyled_with_one_drawing_of_each_view(self) -> None:
        parameters = self.computed()
        self.assertEqual(shown_in(parameters)["dose"], True)
        self.assertGreater(shown_in(parameters)["isodoses"], 1)
        ui = self.ui("dose")
        for change in (lambda: ui.showDoseCheck.click(), lambda: ui.showDoseCheck.click(), ui.showIsodosesCheck.click):
            settle()
            with Renders() as renders:
                change()
            self.assertTrue(renders.counts)
            self.assertLessEqual(max(renders.counts.values()), 2, renders.counts)

    def test_findings_lead_to_a_field_in_sight(self) -> None:
        self.computed()
        ui = self.ui("findings")
        ui.filterCombo.currentIndex = 1
        for row in range(ui.findingsTable.rowCount):
            ui = self.ui("findings")
            ui.findingsTable.selectRow(row)
            self.assertTrue(ui.goButton.visible)
            ui.goButton.click()
            settle(50)
            opened = [s for s in self.panel.sections if not self.panel.button(s).collapsed]
            self.assertEqual(len(opened), 1)
            self.assertNotEqual(opened[0].value, "findings")

    def test_a_report_is_written_with_the_views(self) -> None:
        self.computed()
        ui = self.ui("report")
        ui.openCheck.checked = False
        ui.folderEdit.currentPath = str(self.folder)
        settle()
        ui.writeButton.click()
        settle()
        (page,) = self.folder.glob("*/report.html")
        self.assertIn("View Red", page.read_text(encoding="utf-8"))
        self.assertEqual(self.state("report"), "done")

    def test_a_registration_is_judged_without_the_dose_and_accepted(self) -> None:
        parameters = self.computed()
        ui = self.ui("images")
        box = self.panel.sections[self.step("images")].registration.ui
        box.registrationBox.collapsed = False
        box.registerButton.click()
        settle()
        shown = shown_in(parameters)
        self.assertEqual([shown[name] for name in ("dose", "isodoses", "legend")], [False, 0, False])
        box.acceptRegistrationButton.click()
        settle()
        self.assertEqual(self.state("dose"), "stale")
        self.assertTrue(ui.factsLabel.visible)

    def test_a_dicom_folder_is_loaded_by_its_dialog(self) -> None:
        from Y90DosimetrySlicer.widgets.dicomfolder import SeriesDialog, Use, sort_folder

        folder = self.folder / "ct"
        write_ct(folder)
        dialog = SeriesDialog(self.panel.widget, sort_folder(folder), "")
        self.assertEqual((dialog.table.rowCount, dialog.chosen(Use.CT)), (1, [1]))
        parameters = self.panel.logic.loadDicomFolder(folder, dialog.choices())
        self.panel.setParameters(parameters)
        settle()
        self.assertTrue(shown_in(parameters)["ct"])
        view = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
        bounds = [0.0] * 6
        parameters.ct.GetRASBounds(bounds)
        self.assertLess(max(view.GetFieldOfView()[:2]), 3 * max(bounds[1] - bounds[0], bounds[3] - bounds[2]))


class Cases(ApplicationTest):
    """Nothing of one patient is seen over another."""

    def test_every_pair_of_samples_shows_only_the_one_that_is_chosen(self) -> None:
        from Y90DosimetrySlicer import display
        from Y90DosimetrySlicer.cases import labelOf

        cases = [self.computed("lobectomy"), self.computed("delivered"), self.sample("bilobar")]
        self.panel.setParameters(self.panel.logic.newCase())
        cases.append(self.panel.parameters)
        alone: dict[int, dict] = {}
        for first in range(len(cases)):
            for second in range(len(cases)):
                for index in (first, second):
                    self.panel.setParameters(cases[index])
                    settle(100)
                    shown = shown_in(cases[index])
                    self.assertEqual(alone.setdefault(index, shown), shown)
                for other, case in enumerate(cases):
                    if other != second:
                        self.assertEqual(shown_in(case), BARE, f"case {other} while case {second} is shown")
                texts = str(self.panel._header._overlay.texts)
                self.assertEqual(labelOf(self.panel.parameters) in texts, bool(alone[second]["dose"]))
        visible = [
            m for m in slicer.util.getNodesByClass("vtkMRMLModelNode") if m.GetAttribute(display.ISODOSE_ATTRIBUTE)
        ]
        self.assertTrue(visible)
        self.assertTrue(alone[0]["dose"] and alone[1]["dose"] and not alone[3]["ct"])

    def test_two_cases_never_share_a_name(self) -> None:
        first, second = self.sample(), self.sample()
        self.assertNotEqual(first.caseLabel, second.caseLabel)

    def test_the_scene_is_closed_at_each_step(self) -> None:
        for step in list(self.panel.sections):
            self.computed()
            self.panel.openOnly(step)
            settle(100)
            slicer.mrmlScene.Clear(0)
            settle()
            self.assertTrue(self.panel.status.isBlank and self.panel.ui.welcomeFrame.visible, step.value)
            self.assertEqual(self.raised, [], step.value)

    def test_a_saved_scene_opens_in_a_fresh_application_as_it_was(self) -> None:
        self.computed("delivered")
        case = self.computed()
        self.ui("dose").layoutButton.click()
        settle()
        scene, answer = self.folder / "case.mrb", self.folder / "answer.json"
        self.assertTrue(slicer.util.saveScene(str(scene)))
        told = {
            "label": case.caseLabel,
            "shown": shown_in(case),
            "curves": case.dvhChart.GetNumberOfPlotSeriesNodes(),
            "verdict": self.panel.status.verdict.sentence,
            "states": {step.value: self.state(step.value) for step in self.panel.sections},
        }
        for options in ([], ["--again"]):
            answer.unlink(missing_ok=True)
            subprocess.run(launch("reopen.py", str(scene), str(answer), *options), timeout=600, check=False)
            self.assertTrue(answer.exists(), "the application ended before it answered")
            found = json.loads(answer.read_text(encoding="utf-8"))
            self.assertGreaterEqual(found.pop("views"), 3)
            self.assertEqual(found, json.loads(json.dumps(told)))


class WithoutWindow(unittest.TestCase):
    """The logic needs no window."""

    def test_the_console_has_a_summary(self) -> None:
        slicer.mrmlScene.Clear(0)
        from Y90DosimetrySlicer import selftest

        selftest.sampleNode()
        text = str(slicer.util.getModuleLogic("Y90Dosimetry").assess("Digital patient, lobectomy"))
        self.assertIn("Perfused normal liver", text)
        self.assertLess(len(text), 6000)


if slicer.util.mainWindow() is None:  # --no-main-window
    del Opening, Working, Cases
