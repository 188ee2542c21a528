"""What the dose looks like in a slice view, and the nodes that show it; drawn offscreen on the real MRML."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk
from scene_kit import FLIPPED, matrix4, turned, volume
from slice_view import SliceView
from Y90DosimetrySlicer import display, layout, tables, views
from Y90DosimetrySlicer.parameters import newParameters

from Y90DosimetryLib.draw.colors import dose_rgb, structure_styles
from Y90DosimetryLib.engine import assess
from Y90DosimetryLib.phantom import PhantomSettings, case_variant
from Y90DosimetryLib.structures import Role

SHAPE = (24, 40, 40)
CT_HU, LOW_GY, HIGH_GY = 40.0, 60.0, 300.0
COARSE = PhantomSettings(ct_spacing_mm=(4.0, 4.0, 5.0), spect_spacing_mm=(6.0, 6.0, 6.0), seed=5)


@pytest.fixture(scope="module")
def assessment():
    return assess(case_variant("lobectomy", COARSE))


@pytest.fixture
def view(application):
    shown = SliceView(application)
    yield shown
    shown.close()


def two_doses() -> np.ndarray:
    """A block of low dose that holds a block of high dose; nothing around."""
    dose = np.zeros(SHAPE, dtype=np.float32)
    dose[4:20, 8:32, 8:32] = LOW_GY
    dose[8:16, 14:26, 14:26] = HIGH_GY
    return dose


def case_with_dose(axes=None):
    """A case with a CT and a dose on one grid of 5 mm; display as by default, isodoses at 50 and 205 Gy."""
    parameters = newParameters("A case")
    place = matrix4(axes, (5.0, 5.0, 5.0), (-100.0, -100.0, -60.0))
    parameters.ct = volume(np.full(SHAPE, CT_HU, dtype=np.int16), place, "CT")
    parameters.doseVolume = volume(two_doses(), place, "Dose")
    parameters.isodosesGy = [50.0, 205.0]
    display.showFused(parameters.ct, None)
    return parameters


def world(parameters, i, j, k):
    matrix = vtk.vtkMatrix4x4()
    parameters.doseVolume.GetIJKToRASMatrix(matrix)
    return matrix.MultiplyPoint([i, j, k, 1.0])[:3]


def color_at(view, ras):
    row, column = view.pixel_of(ras)
    return view.pixels()[row, column].astype(int)


def show(view, parameters):
    display.showDose(parameters)
    view.fit()
    views.centerViews(slicer.mrmlScene, world(parameters, 20, 20, 12))


@pytest.mark.parametrize("axes", [None, FLIPPED, turned(90.0)], ids=["straight", "flipped", "turned"])
def test_the_dose_lies_over_the_ct_in_its_colors(view, axes):
    parameters = case_with_dose(axes)
    show(view, parameters)
    highest = display.fullScaleGy(parameters)
    gray = round(255 * (CT_HU - (40.0 - 200.0)) / 400.0)
    for ijk, doseGy in (((20, 20, 12), HIGH_GY), ((10, 20, 12), LOW_GY)):
        expected = (np.array(dose_rgb(doseGy, highest), dtype=float) + gray) / 2
        assert np.abs(color_at(view, world(parameters, *ijk)) - expected).max() <= 6, (ijk, doseGy)
    outside = color_at(view, world(parameters, 3, 20, 12))
    assert np.abs(outside - gray).max() <= 3, "below the threshold only the CT is seen"


def test_the_opacity_is_what_the_user_chose(view):
    parameters = case_with_dose()
    parameters.display.doseOpacityFraction = 1.0
    show(view, parameters)
    expected = dose_rgb(HIGH_GY, display.fullScaleGy(parameters))
    assert np.abs(color_at(view, world(parameters, 20, 20, 12)) - expected).max() <= 3


def test_low_doses_are_left_uncolored(view):
    parameters = case_with_dose()
    parameters.display.doseThresholdGy = 100.0
    show(view, parameters)
    low = color_at(view, world(parameters, 10, 20, 12))
    assert low.max() - low.min() <= 2, "gray: only the CT"


def test_isodose_lines_run_where_the_dose_passes_their_level(view):
    parameters = case_with_dose()
    show(view, parameters)
    models = display.isodoseModels(parameters)
    assert [m.GetName() for m in models] == ["Isodose 50 Gy", "Isodose 205 Gy"]
    for model, edge in zip(models, (8.0, 14.0), strict=True):
        bounds = model.GetPolyData().GetBounds()
        assert bounds[0] == pytest.approx(-100 + 5 * (edge - 0.5), abs=5.0)
        assert model.GetPolyData().GetPointData().GetScalars() is None, "scalars would override the color"
        assert model.GetDisplayNode().GetVisibility2D()
    assert [bool(m.GetDisplayNode().GetVisibility3D()) for m in models] == [False, True], "one surface in 3D"
    first, second = (np.array(m.GetDisplayNode().GetColor()) for m in models)
    assert np.abs(first - second).max() > 0.1, "each line has its own color"


def test_an_isodose_line_is_seen_in_the_slice(view):
    parameters = case_with_dose()
    parameters.display.showLegend = False
    show(view, parameters)
    model = display.isodoseModels(parameters)[0]
    line = np.array(model.GetDisplayNode().GetColor()) * 255
    with_lines = np.abs(view.pixels().astype(int) - line).max(axis=2) < 8
    parameters.display.showIsodoses = False
    display.showDose(parameters)
    without = np.abs(view.pixels().astype(int) - line).max(axis=2) < 8
    assert with_lines.sum() > without.sum() + 200


def test_isodoses_follow_the_list_and_reuse_their_nodes(scene, view):
    parameters = case_with_dose()
    show(view, parameters)
    before = [m.GetID() for m in display.isodoseModels(parameters)]
    parameters.isodosesGy = [100.0]
    display.showDose(parameters)
    models = display.isodoseModels(parameters)
    assert [m.GetName() for m in models] == ["Isodose 100 Gy"] and models[0].GetID() in before
    lines = [n for n in slicer.util.getNodesByClass("vtkMRMLModelNode") if n.GetAttribute(display.ISODOSE_ATTRIBUTE)]
    assert len(lines) == 1, "the other one is gone from the scene"
    parameters.isodosesGy = [100.0, 999.0]
    display.showDose(parameters)
    assert len(display.isodoseModels(parameters)) == 1, "a level that the dose never reaches has no line"


def test_isodoses_lie_under_the_doses_transform(view):
    parameters = case_with_dose()
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    parameters.doseVolume.SetAndObserveTransformNodeID(transform.GetID())
    display.showDose(parameters)
    assert all(m.GetTransformNodeID() == transform.GetID() for m in display.isodoseModels(parameters))


def test_the_legend_names_quantity_and_unit(view):
    parameters = case_with_dose()
    show(view, parameters)
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(parameters.doseVolume)
    assert legend.GetTitleText() == "Dose (Gy)" and legend.GetVisibility()
    legend.SetSize(0.2, 0.6)
    display.showDose(parameters)
    assert tuple(legend.GetSize()) == (0.2, 0.6), "what the user chose stays"
    parameters.display.showDose = False
    display.showDose(parameters)
    assert not legend.GetVisibility()


def test_the_legend_covers_less_than_a_twentieth_of_the_view(view):
    parameters = case_with_dose()
    show(view, parameters)
    width, height = slicer.modules.colors.logic().GetColorLegendDisplayNode(parameters.doseVolume).GetSize()
    assert width * height < 0.05


def test_two_cases_share_the_colors_but_not_their_lines(scene, view):
    first, second = case_with_dose(), case_with_dose()
    display.showDose(first)
    display.showDose(second)
    assert first.doseVolume.GetDisplayNode().GetColorNodeID() == second.doseVolume.GetDisplayNode().GetColorNodeID()
    ids = {m.GetID() for p in (first, second) for m in display.isodoseModels(p)}
    assert len(ids) == 4


def test_removed_lines_and_dose_break_nothing(scene, view):
    parameters = case_with_dose()
    show(view, parameters)
    scene.RemoveNode(display.isodoseModels(parameters)[0])
    display.showDose(parameters)
    assert len(display.isodoseModels(parameters)) == 2
    scene.RemoveNode(parameters.doseVolume)
    display.showDose(parameters)
    assert not any(m.GetDisplayNode().GetVisibility() for m in display.isodoseModels(parameters))


def test_the_views_center_on_a_point(view):
    parameters = case_with_dose()
    show(view, parameters)
    target = world(parameters, 28, 12, 9)
    views.centerViews(slicer.mrmlScene, target)
    row, column = view.pixel_of(target)
    assert abs(row - view.size[1] / 2) <= 2 and abs(column - view.size[0] / 2) <= 2
    assert view.node.GetSliceToRAS().GetElement(2, 3) == pytest.approx(target[2])


def test_the_histogram_has_one_color_and_dash_a_structure(scene, assessment):
    parameters = newParameters("A case")
    tables.updateTables(parameters, assessment)
    chart = parameters.dvhChart
    names = [chart.GetNthPlotSeriesNode(i).GetName() for i in range(chart.GetNumberOfPlotSeriesNodes())]
    assert names[:3] == ["Tumor 1", "Tumor 2", "Portal vein thrombus"]
    styles = structure_styles([Role.TUMOR, Role.TUMOR, Role.PVTT])
    for index, style in enumerate(styles):
        series = chart.GetNthPlotSeriesNode(index)
        assert np.allclose(np.array(series.GetColor()) * 255, style.on_light)
        assert (series.GetLineStyle() == series.LineStyleSolid) == (not style.dashes_px)
        assert series.GetMarkerStyle() == series.MarkerStyleNone
    looks = {(tuple(s.GetColor()), s.GetLineStyle()) for s in map(chart.GetNthPlotSeriesNode, range(len(names)))}
    assert len(looks) == len(names)


def test_the_histogram_is_that_of_the_library(scene, assessment):
    parameters = newParameters("A case")
    tables.updateTables(parameters, assessment)
    table = parameters.dvhTable.GetTable()
    doses = np.array([table.GetValueByName(r, "Absorbed dose (Gy)").ToDouble() for r in range(table.GetNumberOfRows())])
    tumor = np.array([table.GetValueByName(r, "Tumor 1 (%)").ToDouble() for r in range(table.GetNumberOfRows())])
    assert doses[0] == 0 and tumor[0] == pytest.approx(100) and (np.diff(tumor) <= 1e-9).all()
    dvh = next(one.dvh for one in assessment.dvhs if one.region.label == "Tumor 1")
    middle = len(doses) // 2
    assert tumor[middle] == pytest.approx(100 * dvh.v_fraction(float(doses[middle])))


def test_computing_again_makes_no_new_nodes(scene, assessment):
    parameters = newParameters("A case")
    tables.updateTables(parameters, assessment)
    count = scene.GetNumberOfNodes()
    tables.updateTables(parameters, assessment)
    assert scene.GetNumberOfNodes() == count
    fewer = replace(assessment, regions=assessment.regions[:1], dvhs=assessment.dvhs[:1])
    tables.updateTables(parameters, fewer)
    assert parameters.dvhChart.GetNumberOfPlotSeriesNodes() == 2, "one region and the remnant"
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 2


def test_the_dose_table_says_why_a_dose_is_missing(scene):
    case = case_variant("lobectomy", COARSE)
    session = case.sessions[0]
    infusion = replace(session.infusions[0], lung_shunt_fraction=None)
    unknown = assess(replace(case, sessions=(replace(session, infusions=(infusion,)),)))
    parameters = newParameters("A case")
    tables.updateTables(parameters, unknown)
    texts = [row.dose for row in tables.doseCells(parameters.doseTable, unknown)]
    assert any("lung shunt" in text for text in texts)
    assert "0.0" not in texts


def test_the_short_table_names_the_judged_dose_and_its_limit(scene, assessment):
    parameters = newParameters("A case")
    tables.updateTables(parameters, assessment)
    rows = {row.label: row for row in tables.doseCells(parameters.doseTable, assessment)}
    known = {m.measure_id: m.value for m in assessment.measurements}
    normal = rows["Perfused normal liver"]
    assert float(normal.dose) == pytest.approx(known["ntad_gy.multicompartment"], abs=0.06)
    assert "≤ 120" in normal.limit and "at most" not in normal.limit  # S2-DOSE-02
    assert "≥ 205" in rows["Tumor 2"].limit  # S2-DOSE-01: the lowest tumor
    lungs = next(row for row in rows.values() if not row.volumeMl)
    assert "≤ 30" in lungs.limit  # LUNG-01
    assert rows["Unperfused normal liver"].limit == ""


def test_tables_are_exported_whole_as_tsv(scene, assessment, tmp_path):
    parameters = newParameters("A case")
    tables.updateTables(parameters, assessment)
    written = tables.exportAll(parameters, assessment.findings, tmp_path)
    assert [p.name for p in written] == ["doses.tsv", "dvh.tsv", "findings.tsv"]
    for path in written:
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        assert rows and all(row.count("\t") == head.count("\t") for row in rows)


def test_findings_are_rows_with_color_symbol_and_source(assessment):
    rows = tables.findingRows(assessment.findings)
    assert [r.finding.rank for r in rows] == sorted(r.finding.rank for r in rows)
    met = next(r for r in rows if r.finding.rule.id == "S2-DOSE-01")
    assert met.symbol and met.value and "205 Gy" in met.threshold and "Salem" in met.source


def test_results_are_arranged_as_any_slicer_can_and_old_scenes_open(scene):
    logic = slicer.vtkMRMLLayoutLogic()
    logic.SetMRMLScene(scene)
    node = logic.GetLayoutNode()
    views = [v.get("class") for v in ET.fromstring(node.GetLayoutDescription(layout.RESULTS)).iter("view")]
    assert sorted(views) == ["vtkMRMLPlotViewNode"] + ["vtkMRMLSliceNode"] * 3 + ["vtkMRMLTableViewNode"]
    assert not node.IsLayoutDescription(layout.OWN_UNTIL_1_0)


def test_a_picture_to_look_at(view, tmp_path, assessment):
    from Y90DosimetrySlicer import bridge, outlines

    parameters = newParameters("A case")
    parameters.ct = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    bridge.writeImage(assessment.case.ct.image, parameters.ct)
    parameters.doseVolume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Dose")
    bridge.writeDose(assessment.dose_map, parameters.doseVolume)
    node = outlines.segmentationOf(parameters)
    for structure in assessment.case.of_role(Role.TUMOR) + assessment.case.of_role(Role.LIVER):
        segment = outlines.addSegment(parameters, structure.role, structure.label)
        bridge.writeMask(node, segment, structure.mask)
    display.showFused(parameters.ct, None)
    display.showDose(parameters)
    view.fit()
    tumor = node.GetSegmentation().GetSegmentIdBySegmentName("Tumor 1")
    views.centerViews(slicer.mrmlScene, views.segmentCenterRas(node, tumor))
    view.save(tmp_path / "slice.png")
    picture = view.pixels()
    colored = (picture.max(axis=2).astype(int) - picture.min(axis=2)) > 40
    assert 0.01 < colored.mean() < 0.6


def test_structures_are_filled_only_while_they_are_edited(view):
    parameters = case_with_dose()
    parameters.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    views.showCase(parameters)
    shown = parameters.segmentation.GetDisplayNode()
    assert not shown.GetVisibility2DFill() and shown.GetSliceIntersectionThickness() == 2
    views.styleSegmentations(parameters, isEdited=True)
    assert shown.GetVisibility2DFill()
    views.styleSegmentations(parameters)
    assert not shown.GetVisibility2DFill()


def test_showing_hiding_and_restyling_the_dose_tells_each_observer_once(view):
    """Each event of an observed node draws every view; the color table alone made 256 of them."""
    parameters = case_with_dose()
    show(view, parameters)
    nodes = [display.doseColors(slicer.mrmlScene), parameters.doseVolume.GetDisplayNode()]
    nodes += [model.GetDisplayNode() for model in display.isodoseModels(parameters)]
    nodes += slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    nodes += slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    told = {node.GetID(): 0 for node in nodes}

    def count(caller, _event) -> None:
        told[caller.GetID()] += 1

    tags = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, count)) for node in nodes]
    surfaces = [model.GetPolyData().GetMTime() for model in display.isodoseModels(parameters)]
    for change in ({"showDose": False}, {"showDose": True}, {"doseThresholdGy": 20.0}):
        for name, value in change.items():
            setattr(parameters.display, name, value)
        display.showDose(parameters)
        assert max(told.values()) <= 3, f"{change}: {told}"
        told.update(dict.fromkeys(told, 0))
    assert surfaces == [model.GetPolyData().GetMTime() for model in display.isodoseModels(parameters)]
    for node, tag in tags:
        node.RemoveObserver(tag)


def test_nothing_of_another_case_is_shown(view):
    first, second = case_with_dose(), case_with_dose()
    for parameters in (first, second):
        parameters.segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    views.showCase(first)
    display.showDose(first)
    views.showCase(second)
    composite = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")[0]
    assert composite.GetBackgroundVolumeID() == second.ct.GetID()
    assert not any(m.GetDisplayNode().GetVisibility() for m in display.isodoseModels(first))
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(first.doseVolume)
    assert not legend.GetVisibility()
    assert [p.segmentation.GetDisplayNode().GetVisibility() for p in (first, second)] == [False, True]
    empty = newParameters("Nothing yet")
    views.showCase(empty)
    assert composite.GetBackgroundVolumeID() is None and composite.GetForegroundVolumeID() is None
    views.showCase(first)
    assert composite.GetForegroundVolumeID() == first.doseVolume.GetID()
    assert views.shownCase([first, second, empty]) is first
