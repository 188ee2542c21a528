"""The whole way through the panel, from loaded images to a report, by typing and clicking."""

from pathlib import Path

import pytest
import slicer

from Y90DosimetryLib.structures import Role

pytest_plugins = ("panel_kit",)


def texts(table, column=0):
    return [table.item(row, column).text() for row in range(table.rowCount)]


def fill_patient(hand):
    ui = hand.open("patient")
    for edit, text in (
        (ui.weightEdit, "74"),
        (ui.heightEdit, "174"),
        (ui.bilirubinEdit, "12"),
        (ui.albuminEdit, "41"),
        (ui.inrEdit, "1,05"),
        (ui.creatinineEdit, "78"),
    ):
        hand.type(edit, text)
    hand.choose(ui.ascitesCombo, "none")
    hand.choose(ui.encephalopathyCombo, "none")
    hand.choose(ui.ecogCombo, "0")
    hand.choose(fact(hand, "lobes_involved"), "uni")
    hand.choose(fact(hand, "pvtt_grade"), "VP3")
    hand.choose(ui.scenarioCombo, "2")
    hand.choose(ui.intentCombo, "bridge to resection")


def fact(hand, name):
    return hand.panel.sections[hand.Step.PATIENT].places[name]


def fill_treatment(hand):
    ui = hand.open("treatment")
    hand.choose(ui.zoneCombo, "Europe/Paris")
    hand.press(ui.addInfusionButton)
    hand.choose(ui.perfusedCombo, "Right lobe")
    hand.type(ui.activityEdit, "6")
    hand.choose(ui.calibratedZoneCombo, "US Eastern")
    hand.type(ui.calibratedEdit, "2026-03-01 12:00")
    hand.choose(ui.givenZoneCombo, "Europe/Paris")
    hand.type(ui.givenEdit, "2026-03-04 09:30")
    hand.type(ui.residualEdit, "1")
    hand.type(ui.shuntEdit, "5")


def plan(hand):
    """Everything up to the dose."""
    fill_patient(hand)
    hand.images()
    ui = hand.open("images")
    hand.press(ui.acceptButton)
    hand.draw()
    fill_treatment(hand)


def test_a_radiologist_gets_from_images_to_findings_without_a_manual(hand, tmp_path):
    assert hand.state("patient") == "todo"
    fill_patient(hand)
    assert hand.state("patient") == "done"
    scores = hand.ui("patient").scoresLabel.text
    assert "<b>5</b>" in scores and "<b>A</b>" in scores and "<b>-2.77</b>" in scores and "1594 mL" in scores

    assert hand.state("images") == "todo"
    ct, spect = hand.images()
    ui = hand.open("images")
    assert "CT" in ui.suggestionLabel.text and "MAA SPECT" in ui.suggestionLabel.text
    assert hand.parameters.ct is None, "a suggestion is never taken by itself"
    hand.press(ui.acceptButton)
    assert hand.parameters.ct is ct and hand.parameters.sessions[0].image is spect
    assert ui.valuesCombo.currentText.startswith("counts"), "the node's units say what the values are"
    assert hand.state("images") == "done"

    ui = hand.open("structures")
    hand.press(ui.createButton)
    assert texts(ui.rolesTable)[:2] == ["Liver", "Perfused right"]
    assert hand.state("structures") == "todo", "empty segments are not outlines"
    hand.draw()
    assert hand.state("structures") in ("done", "warnings")

    fill_treatment(hand)
    assert hand.state("treatment") == "done"

    ui = hand.open("dose")
    assert ui.reasonLabel.isHidden(), ui.reasonLabel.text
    hand.press(ui.computeButton)
    assert hand.message() == ""
    assert hand.state("dose") == "done"
    dose = hand.parameters.doseVolume
    assert dose.GetVoxelValueUnits().GetCodeValue() == "Gy"
    table = hand.parameters.doseTable.GetTable()
    single = [
        table.GetValueByName(row, "Mean, single compartment (Gy)").ToString() for row in range(table.GetNumberOfRows())
    ]
    rows = dict(zip(texts(ui.doseTable), single, strict=True))
    right = hand.parameters.segmentation.GetSegmentation().GetSegmentIdBySegmentName("Right lobe")
    mass_kg = hand.panel.workflow.volumesMl()[right] * 1.03e-3
    given_gbq = 6 * 2 ** (-63.5 / 64.1) * 0.99 * 0.95  # 63.5 h after calibration, residual 1 %, lung shunt 5 %
    assert float(rows["Right lobe"]) == pytest.approx(50 * given_gbq / mass_kg, abs=0.06)

    ui = hand.open("findings")
    assert ui.findingsTable.rowCount > 0
    assert "that is scenario 5" in hand.panel.ui.verdictLabel.text, "the thrombus that was stated"

    ui = hand.open("report")
    assert not ui.writeButton.enabled and "folder" in ui.writeButton.toolTip
    ui.folderEdit.currentPath = str(tmp_path)
    hand.press(ui.writeButton)
    (page,) = tmp_path.glob("*/report.html")
    assert "Right lobe" in page.read_text(encoding="utf-8")
    assert (page.parent / "assessment.json").stat().st_size > 1000
    assert hand.state("report") == "done"


def test_every_section_opens_at_any_time(hand):
    for step in hand.Step:
        hand.open(step)
        assert not hand.panel.button(step).collapsed
    assert not hand.ui("dose").computeButton.enabled
    assert "outline the liver" in hand.ui("dose").computeButton.toolTip


def test_doses_and_findings_follow_the_slider(hand):
    plan(hand)
    ui = hand.open("treatment")
    hand.press(ui.prepareButton)
    row = texts(ui.liveTable).index("Right lobe")
    before = float(ui.liveTable.item(row, 2).text())
    ui.activitySlider.value = 3.0
    hand.refresh()
    assert float(ui.activityEdit.text) == 3.0
    assert float(ui.liveTable.item(row, 2).text()) == pytest.approx(before / 2, abs=0.06)
    assert "0 of" in hand.panel.ui.verdictLabel.text or "missed" in hand.panel.ui.verdictLabel.text.lower()


def test_a_change_after_the_dose_marks_it_out_of_date_and_says_why(hand):
    hand.sample()
    ui = hand.open("dose")
    hand.press(ui.computeButton)
    assert hand.state("dose") == "done"
    hand.type(hand.open("treatment").activityEdit, "4")
    assert hand.state("dose") == "stale"
    assert "out of date" in hand.panel.button(hand.Step.DOSE).text
    assert hand.why("dose"), "it says why"
    hand.press(ui.computeButton)
    assert hand.state("dose") == "done"


def test_editing_a_segment_marks_the_dose_out_of_date(hand):
    import numpy as np

    hand.sample()
    hand.press(hand.open("dose").computeButton)
    node = hand.parameters.segmentation
    segment = next(i for i, role in hand.panel.workflow.roles().items() if role is Role.TUMOR)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, hand.parameters.ct)
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (array * (np.arange(array.shape[0])[:, None, None] % 2)).astype(np.uint8), node, segment, hand.parameters.ct
    )
    hand.refresh()
    assert hand.state("dose") == "stale"
    assert "Tumor 1" in hand.why("dose")


def test_a_canceled_computation_changes_nothing(hand):
    hand.sample()
    ui = hand.open("dose")
    original = hand.panel._header.showProgress

    def press_cancel(fraction, doing):
        original(fraction, doing)
        if fraction > 0.4:
            hand.panel.ui.cancelButton.click()

    hand.panel._header.showProgress = press_cancel
    hand.press(ui.computeButton)
    assert hand.parameters.doseVolume is None
    assert "Canceled" in hand.message()
    assert hand.panel.ui.progressBar.isHidden()
    assert ui.computeButton.enabled


def test_helpers_outline_and_undo(hand):
    hand.sample()
    ui = hand.open("structures")
    before = ui.rolesTable.rowCount
    hand.press(ui.tumorButton)
    assert ui.rolesTable.rowCount == before + 1
    assert "Tumor by threshold" in ui.helperLabel.text
    hand.press(ui.undoButton)
    assert ui.rolesTable.rowCount == before
    assert not ui.undoButton.enabled


def test_the_tables_can_be_exported(hand, tmp_path):
    hand.sample()
    ui = hand.open("dose")
    assert not ui.exportButton.enabled and "first" in ui.exportButton.toolTip
    hand.press(ui.computeButton)
    ui.exportBox.collapsed = False
    ui.exportEdit.currentPath = str(tmp_path)
    hand.press(ui.exportButton)
    head, *rows = (tmp_path / "doses.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t")[:2] == ["Volume", "mL"] and rows[0].startswith("Tumor 1\t")
    assert {p.name for p in Path(tmp_path).iterdir()} == {"doses.tsv", "dvh.tsv", "findings.tsv"}


def test_a_finding_leads_to_the_field_that_is_missing(hand):
    hand.sample()
    hand.press(hand.open("dose").computeButton)
    ui = hand.only("findings")
    row = next(r for r in range(ui.findingsTable.rowCount) if "Label" in ui.findingsTable.item(r, 1).text())
    ui.findingsTable.selectRow(row)
    assert "Missing" in ui.detailLabel.text and "Source" in ui.detailLabel.text
    hand.press(ui.goButton)
    assert not hand.panel.button(hand.Step.PATIENT).collapsed
    place = fact(hand, hand.panel.sections[hand.Step.FINDINGS]._chosen().finding.needs[0])
    assert place.visible, "its group is opened"


def test_show_buttons_center_the_views_one_tumor_after_the_other(hand):
    hand.sample()
    ui = hand.open("dose")
    red = slicer.util.getNode("vtkMRMLSliceNodeRed")
    places = []
    for _ in range(3):
        hand.press(ui.showTumorButton)
        matrix = red.GetSliceToRAS()
        places.append(tuple(round(matrix.GetElement(i, 3)) for i in range(3)))
    assert places[0] != places[1] and places[0] == places[2], "two tumors, round and round"


def test_the_views_show_slices_histogram_and_table(hand):
    from Y90DosimetrySlicer import layout

    hand.sample()
    ui = hand.open("dose")
    assert not ui.layoutButton.enabled
    hand.press(ui.computeButton)
    hand.press(ui.layoutButton)
    assert slicer.app.layoutManager().layout == layout.RESULTS
    plot = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")[0]
    assert plot.GetPlotChartNodeID() == hand.parameters.dvhChart.GetID()
    line, *key = hand.panel._header._overlay.texts["Red"]
    assert hand.parameters.caseLabel in line or line.rstrip().endswith("…")
    assert key[0].strip() == "400 Gy" and key[-1].strip() == "50 Gy"
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    props = view.renderWindow().GetRenderers().GetFirstRenderer().GetViewProps()
    assert props.GetNumberOfItems() == 1 + len(key)
    hand.refresh()
    assert props.GetNumberOfItems() == 1 + len(key), "nothing is written twice"


def test_images_that_are_shown_first_fill_the_views_and_later_stay_where_the_user_looks(hand):
    hand.images()
    manager = slicer.app.layoutManager()
    node = manager.sliceWidget("Red").mrmlSliceNode()
    node.SetFieldOfView(1000.0, 1000.0, 1.0)
    hand.press(hand.open("images").acceptButton)
    hand.press(hand.ui("images").fusedButton)
    ct = hand.parameters.ct
    bounds = [0.0] * 6
    ct.GetRASBounds(bounds)
    size = max(bounds[1] - bounds[0], bounds[3] - bounds[2])
    assert size <= max(node.GetFieldOfView()[:2]) < 1.5 * size
    node.SetFieldOfView(80.0, 80.0, 1.0)
    hand.press(hand.ui("images").fusedButton)
    assert node.GetFieldOfView()[0] == 80.0


def test_the_report_holds_the_views_and_can_be_printed(hand, tmp_path):
    hand.sample()
    hand.press(hand.open("dose").computeButton)
    hand.press(hand.ui("dose").layoutButton)
    slicer.app.layoutManager().sliceWidget("Red").show()
    ui = hand.open("report")
    ui.folderEdit.currentPath = str(tmp_path)
    hand.press(ui.pdfCheck)
    hand.press(ui.writeButton)
    hand.press(ui.writeButton)
    first, second = sorted(tmp_path.iterdir())
    assert second.name.endswith("2"), "a report is never overwritten"
    page = (first / "report.html").read_text(encoding="utf-8")
    assert 'aria-label="View Red"' in page and 'aria-label="Axial"' in page
    assert 'aria-label="View Yellow"' not in page, "only what is on the screen"
    pdf = (first / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/Subtype /Image" in pdf, "no picture is left out"
    assert "report.html" in ui.resultLabel.text


def test_a_folder_that_is_not_there_is_named(hand, tmp_path):
    hand.sample()
    hand.press(hand.open("dose").computeButton)
    ui = hand.open("report")
    ui.folderEdit.currentPath = str(tmp_path / "nowhere")
    hand.press(ui.writeButton)
    assert "there is no such folder" in hand.message()
    assert not list(tmp_path.iterdir())


def test_an_installation_is_verified_into_a_protocol(hand, tmp_path, monkeypatch):
    from Y90DosimetryLib.verify import load_entries, run

    few = load_entries()[:3]
    monkeypatch.setattr(run, "load_entries", lambda: few)
    ui = hand.open("report")
    hand.press(ui.verifyButton)
    assert "there is no such folder" in hand.message()
    ui.folderEdit.currentPath = str(tmp_path)
    hand.press(ui.verifyButton)
    assert "All 3 values came out" in hand.message()
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} >= {"protocol.json", "protocol.html"}
