"""The pictures show what is there, at its place, in its color; checked on analytic phantoms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from pictures import Figure, area_of, ball, grid, near, on
from shapes import FLIPPED, IDENTITY, PERMUTED, rotation

from Y90DosimetryLib.draw.colors import blend, dose_rgb, structure_styles
from Y90DosimetryLib.draw.planes import Plane, View, contours, region_of, view_of
from Y90DosimetryLib.draw.slices import (
    ISODOSES_GY,
    SliceOptions,
    dose_slice,
    full_scale_gy,
    point_to_show_mm,
    three_planes,
)
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.geometry import center_mm
from Y90DosimetryLib.structures import Role, Structure

# 900 pixels wide and 630 high: the picture proper is 900 x 600 below a title of 30 pixels.
HEAD_PX, AREA_PX = 30, (900, 600)
BARE = SliceOptions(size_px=(900, 630), legend=False, margin_mm=10.0)
CT_HU = 60.0
CT_GRAY = round((CT_HU - (40 - 200)) / 400 * 255)


def at(plane: Plane, point_mm):
    """Where a point is in a bare picture of the liver: x and y in pixels of the figure."""
    x, y, z = point_mm
    across, down = {Plane.AXIAL: (x, y), Plane.CORONAL: (x, -z), Plane.SAGITTAL: (y, -z)}[plane]
    return AREA_PX[0] / 2 + across / PITCH_MM, HEAD_PX + AREA_PX[1] / 2 + down / PITCH_MM


def seen(figure: Figure, plane: Plane, point_mm) -> np.ndarray:
    """The color of the pixel at a point of a bare picture."""
    shown, (left, top, right, bottom) = figure.images()[0]
    x, y = at(plane, point_mm)
    height, width = shown.shape[:2]
    return shown[int((y - top) / (bottom - top) * height), int((x - left) / (right - left) * width)]


def hexed(color) -> str:
    return "#" + "".join(f"{part:02x}" for part in np.asarray(color))


LIVER = ball(Role.LIVER, "Liver", (0, 0, 0), 91.0)
PITCH_MM = 2 * (91.5 + 10.0) / 600  # the outermost voxels inside are 90 mm from the center and 3 mm wide
GRID, PLACES = grid()
CT = on(GRID, np.full(GRID.GetSize()[::-1], CT_HU))


class TestPlanes:
    def test_letters_follow_the_radiological_convention(self):
        assert Plane.AXIAL.letters == ("R", "L", "A", "P")
        assert Plane.CORONAL.letters == ("R", "L", "S", "I")
        assert Plane.SAGITTAL.letters == ("A", "P", "S", "I")

    def test_positions_are_named_from_the_patient(self):
        assert Plane.AXIAL.position((1.0, 2.0, 12.34)) == "S 12.3 mm"
        assert Plane.CORONAL.position((1.0, -2.0, 12.34)) == "A 2.0 mm"
        assert Plane.SAGITTAL.position((-7.0, 2.0, 12.34)) == "R 7.0 mm"

    @pytest.mark.parametrize("plane", Plane)
    def test_the_pixel_of_a_point_shows_what_is_there(self, plane):
        view = view_of(plane, (10.0, -20.0, 30.0), (300, 200), np.array([[-100.0] * 3, [100.0] * 3]), 0.0)
        for axis, name in enumerate("xyz"):
            cut = view.cut(on(GRID, PLACES[..., axis]), np.nan)
            point = [10.0, -20.0, 30.0]
            column, row = view.pixel(tuple(point))
            assert cut[int(row), int(column)] == pytest.approx(point[axis], abs=view.pitch_mm), name

    def test_a_view_is_centered_on_its_region_and_holds_it_with_the_margin(self):
        region = np.array([[-50.0, -10.0, 0.0], [30.0, 20.0, 200.0]])
        view = view_of(Plane.CORONAL, (0.0, 5.0, 7.0), (400, 300), region, 10.0)
        assert view.pitch_mm == pytest.approx(220 / 300)
        assert view.pixel((-10.0, 5.0, 100.0)) == pytest.approx((200.0, 150.0))
        assert view.first_mm[1] == 5.0

    def test_a_sphere_keeps_its_radius_between_the_slices(self):
        sphere = ball(Role.TUMOR, "T", (4.0, -3.0, 2.0), 30.0, spacing_mm=(1.5, 1.5, 4.0), half_mm=50.0)
        for height_mm in (2.0, 3.3, 5.7, 16.0):
            view = view_of(Plane.AXIAL, (0, 0, height_mm), (400, 400), np.array([[-50.0] * 3, [50.0] * 3]), 0.0)
            (line,) = view.outline(sphere)
            center = np.array(view.pixel((4.0, -3.0, height_mm)))
            radius_mm = np.linalg.norm(line - center, axis=1) * view.pitch_mm
            expected_mm = np.sqrt(30.0**2 - (height_mm - 2.0) ** 2)
            assert radius_mm.mean() == pytest.approx(expected_mm, abs=0.6)
            assert np.ptp(radius_mm) < 2.0

    @pytest.mark.parametrize("degree", [0, 25])
    def test_outlines_lie_where_the_patient_is_on_turned_and_flipped_grids(self, degree):
        turned = rotation(degree, degree / 2) @ FLIPPED
        sphere = ball(Role.TUMOR, "T", (30.0, -20.0, 10.0), 25.0, turned, spacing_mm=(2.0, 2.0, 3.0))
        for plane in Plane:
            view = view_of(plane, (30.0, -20.0, 10.0), (400, 400), np.array([[-80.0] * 3, [80.0] * 3]), 0.0)
            (line,) = view.outline(sphere)
            away_mm = np.linalg.norm(line - np.array(view.pixel((30.0, -20.0, 10.0))), axis=1) * view.pitch_mm
            assert away_mm.mean() == pytest.approx(25.0, abs=0.5), plane
            assert np.ptp(away_mm) < 3.0, plane

    def test_a_structure_that_fills_its_grid_has_a_closed_outline(self):
        full = Structure(Role.LIVER, "Cut", on(grid(half_mm=20.0)[0], np.ones((11, 13, 13)), np.uint8))
        view = view_of(Plane.AXIAL, (0, 0, 0), (300, 300), np.array([[-40.0] * 3, [40.0] * 3]), 0.0)
        (line,) = view.outline(full)
        assert np.allclose(line[0], line[-1])
        assert np.ptp(line[:, 0]) * view.pitch_mm == pytest.approx(39.0, abs=1.6)

    def test_a_single_voxel_is_outlined_too(self):
        one = np.zeros(GRID.GetSize()[::-1])
        middle = tuple(n // 2 for n in one.shape)
        one[middle] = 1
        view = view_of(Plane.AXIAL, (0, 0, 0), (300, 300), np.array([[-40.0] * 3, [40.0] * 3]), 0.0)
        assert len(view.outline(Structure(Role.PVTT, "Small", on(GRID, one, np.uint8)))) == 1

    def test_planes_beside_a_structure_do_not_meet_it(self):
        view = View(Plane.AXIAL, (-50.0, -50.0, 95.0), 1.0, (100, 100))
        assert view.outline(LIVER) == []
        empty = Structure(Role.TUMOR, "Empty", on(GRID, np.zeros(GRID.GetSize()[::-1]), np.uint8))
        assert View(Plane.AXIAL, (-50.0, -50.0, 0.0), 1.0, (100, 100)).outline(empty) == []

    def test_an_isodose_line_runs_at_the_radius_of_its_dose(self):
        fine, places = grid(spacing_mm=(2.0, 2.0, 2.0), half_mm=60.0)
        dose = on(fine, 3000.0 / np.maximum(np.linalg.norm(places, axis=-1), 1.0))
        view = view_of(Plane.SAGITTAL, (0, 0, 0), (400, 400), np.array([[-55.0] * 3, [55.0] * 3]), 0.0)
        for level_gy in (75.0, 100.0, 205.0):
            (line,) = contours(view.cut(dose, 0.0), level_gy)
            radius_mm = np.linalg.norm(line - np.array(view.pixel((0, 0, 0))), axis=1) * view.pitch_mm
            assert np.abs(radius_mm - 3000.0 / level_gy).max() < 0.15

    def test_a_contour_crosses_halfway_between_two_values(self):
        step = np.zeros((5, 8))
        step[:, 4:] = 1.0
        (line,) = contours(step, 0.5)
        assert line[:, 0] == pytest.approx(4.0)  # pixel 3 ends and pixel 4 begins there
        assert contours(step, 2.0) == []

    def test_the_longest_contour_comes_first(self):
        peaks = np.zeros((40, 60))
        peaks[5:8, 5:8] = peaks[15:35, 20:50] = peaks[5:8, 55:58] = 1.0
        assert [np.ptp(line[:, 0]) for line in contours(peaks, 0.5)] == [30, 3, 3]

    def test_the_center_of_a_structure_is_found_on_a_turned_grid(self):
        sphere = ball(Role.TUMOR, "T", (30.0, -20.0, 10.0), 25.0, rotation(20, 35))
        assert center_mm(sphere) == pytest.approx((30.0, -20.0, 10.0), abs=0.3)

    def test_the_region_is_the_liver_not_the_lungs_and_the_ct_if_asked(self):
        lungs = ball(Role.LUNGS, "Lungs", (0, 0, 60), 45.0)
        assert region_of([LIVER, lungs], [CT], whole=False).max(axis=0)[2] < 95
        assert region_of([lungs], [CT], whole=False).max(axis=0)[2] > 100
        assert np.ptp(region_of([LIVER], [CT], whole=True), axis=0) == pytest.approx((219.0, 219.0, 220.0))
        with pytest.raises(InputError, match="nothing to show"):
            region_of([], [], whole=False)


class TestSlices:
    @pytest.mark.parametrize("plane", Plane)
    def test_dose_is_blended_over_the_ct_and_stops_at_the_lowest_dose(self, plane):
        radius = np.linalg.norm(PLACES, axis=-1)
        dose = on(GRID, np.where(radius < 40, 160.0, 5.0))
        options = replace(BARE, isodoses_gy=(), full_scale_gy=200.0, opacity_fraction=0.4)
        figure = Figure(dose_slice(CT, dose, [LIVER], plane, (0, 0, 0), options))
        hot = CT_GRAY + 0.4 * (dose_rgb(160.0, 200.0).astype(float) - CT_GRAY)
        assert near(seen(figure, plane, (10, 10, 10)), hot, 1)
        assert near(seen(figure, plane, (55, 55, 55)), (CT_GRAY,) * 3, 1)

    def test_the_window_decides_the_gray(self):
        ramp = on(GRID, PLACES[..., 0] * 4)
        options = replace(BARE, window_center_hu=100.0, window_width_hu=200.0)
        figure = Figure(dose_slice(ramp, None, [LIVER], Plane.AXIAL, (0, 0, 0), options))
        for x_mm, gray in ((-20.0, 0), (25.0, 127.5), (40.0, 204), (60.0, 255)):
            assert near(seen(figure, Plane.AXIAL, (x_mm, 20.0, 0)), (gray,) * 3, 4)
        assert "CT 100 / 200 HU" in figure.words

    def test_outside_the_ct_there_is_air(self):
        part = sitk.RegionOfInterest(CT, (CT.GetSize()[0] // 2, *CT.GetSize()[1:]), (0, 0, 0))
        figure = Figure(dose_slice(part, None, [LIVER], Plane.AXIAL, (0, 0, 0), BARE))
        assert near(seen(figure, Plane.AXIAL, (-40, 20, 0)), (CT_GRAY,) * 3, 1)
        assert near(seen(figure, Plane.AXIAL, (40, 20, 0)), (0, 0, 0), 1)

    @pytest.mark.parametrize(
        ("plane", "center_mm", "side"),
        [
            (Plane.AXIAL, (-50, 0, 0), "left"),
            (Plane.CORONAL, (-50, 0, 0), "left"),
            (Plane.SAGITTAL, (0, -50, 0), "left"),
            (Plane.AXIAL, (0, -50, 0), "top"),
            (Plane.CORONAL, (0, 0, 50), "top"),
            (Plane.SAGITTAL, (0, 0, 50), "top"),
        ],
    )
    def test_right_and_anterior_are_left_and_the_head_is_up(self, plane, center_mm, side):
        tumor = ball(Role.TUMOR, "T", center_mm, 15.0)
        figure = Figure(dose_slice(CT, None, [LIVER, tumor], plane, (0, 0, 0), BARE))
        outline = figure.line("T")
        assert (outline.min(axis=0) + outline.max(axis=0)) / 2 == pytest.approx(at(plane, center_mm), abs=3)
        assert area_of(outline) * PITCH_MM**2 == pytest.approx(np.pi * 15.0**2, rel=0.1)
        assert outline[:, 0].max() < 450 if side == "left" else outline[:, 1].max() < HEAD_PX + 300
        assert figure.pens("T") == {(hexed(structure_styles([Role.TUMOR])[0].on_dark), "")}
        letter = figure.text({"left": "A" if plane is Plane.SAGITTAL else "R"}.get(side) or plane.letters[2])
        assert letter.middle[0] < 40 if side == "left" else letter.middle[1] < HEAD_PX + 30

    def test_flipped_voxel_order_gives_the_same_picture(self):
        def case(direction):
            spacing_mm = tuple(np.abs(direction).T @ (3.0, 3.0, 4.0))
            image, places = grid(direction, spacing_mm)
            radius = np.linalg.norm(places - (-30, 10, 5), axis=-1)
            ct = on(image, 40 + places[..., 0] + 0.5 * places[..., 1] - 0.3 * places[..., 2])
            liver = ball(Role.LIVER, "Liver", (0, 0, 0), 91.0, direction, spacing_mm=spacing_mm)
            tumor = ball(Role.TUMOR, "T", (-30, 10, 5), 20.0, direction, spacing_mm=spacing_mm)
            return ct, on(image, 3000.0 / np.maximum(radius, 8)), [liver, tumor]

        plain = {plane: Figure(svg) for plane, svg in three_planes(*case(IDENTITY), (-30, 10, 5), BARE).items()}
        for direction in (FLIPPED, np.diag([1.0, 1.0, -1.0]), PERMUTED):
            for plane, svg in three_planes(*case(direction), (-30, 10, 5), BARE).items():
                figure = Figure(svg)
                differing = np.abs(figure.images()[0][0] - plain[plane].images()[0][0]).max(axis=-1) > 8
                assert differing.mean() < 0.002, (plane, direction.tolist())
                assert area_of(figure.line("T")) == pytest.approx(area_of(plain[plane].line("T")), rel=1e-3)

    @pytest.mark.parametrize("level_gy", [75.0, 100.0, 205.0])
    def test_an_isodose_path_encloses_the_circle_of_its_dose_in_its_color(self, level_gy):
        """5000 Gy mm / r: the dose d is met at r = 5000 / d, so the path's area is pi r squared."""
        fine, places = grid(spacing_mm=(2.0, 2.0, 2.0))
        dose = on(fine, 5000.0 / np.maximum(np.linalg.norm(places, axis=-1), 1.0))
        options = replace(BARE, isodoses_gy=(level_gy,), full_scale_gy=400.0, isodose_sigma_ratio=0.0)
        figure = Figure(dose_slice(None, dose, [LIVER], Plane.AXIAL, (0, 0, 0), options))
        line = figure.line(f"{level_gy:g} Gy")
        assert area_of(line) * PITCH_MM**2 == pytest.approx(np.pi * (5000.0 / level_gy) ** 2, rel=0.005)
        assert (line.min(axis=0) + line.max(axis=0)) / 2 == pytest.approx((450.0, HEAD_PX + 300.0), abs=0.3)
        color = hexed(blend(dose_rgb(level_gy, 400.0), (255, 255, 255), 0.5))
        assert figure.pens(f"{level_gy:g} Gy") == {(color, "")}
        label = np.array(figure.text(f"{level_gy:g}").middle)
        assert np.hypot(*(line - label).T).min() < 3.0, "its dose stands on the line"

    def test_noise_makes_no_scribbles_of_an_isodose_line_and_the_colors_stay_as_they_are(self):
        """A quarter less than the line in the mean, 15 % of noise: lines through single voxels vanish."""
        noise = np.random.default_rng(1).normal(1.0, 0.15, GRID.GetSize()[::-1])
        dose = on(GRID, 75.0 * noise)
        options = replace(BARE, isodoses_gy=(100.0,), full_scale_gy=200.0)
        plain, smooth = (
            Figure(dose_slice(None, dose, [LIVER], Plane.AXIAL, (0, 0, 0), replace(options, isodose_sigma_ratio=s)))
            for s in (0.0, 1.0)
        )
        counts = [len(f.lines("100 Gy")) if "100 Gy" in f.names else 0 for f in (plain, smooth)]
        assert counts[0] > 50 and counts[1] < counts[0] / 10
        assert (plain.images()[0][0] == smooth.images()[0][0]).all()

    def test_stripes_fill_a_volume_and_nothing_else(self):
        """Each stripe ends on the circle, and their length is the disk's area over the distance between them."""
        part = ball(Role.PLANNED_RESECTION, "Part", (20.0, 0.0, 0.0), 30.0)
        options = replace(BARE, hatched=part)
        svg = dose_slice(CT, None, [], Plane.AXIAL, (0, 0, 0), replace(options, whole=True))
        figure = Figure(svg)
        (path,) = {
            e.get("d") for e in figure.root.iter("{http://www.w3.org/2000/svg}path") if e.get("d").count("M") > 5
        }
        ends = np.array([[float(v) for v in p.split(",")] for m in path.split("M")[1:] for p in m.split()])
        pitch_mm = (219.0 + 20.0) / 600
        center = np.array([450 + 20.0 / pitch_mm, HEAD_PX + 300])
        assert np.hypot(*(ends - center).T) * pitch_mm == pytest.approx(30.0, abs=3.0)
        steps = np.diff(ends.reshape(-1, 2, 2), axis=1)[:, 0]
        length_mm = np.hypot(*steps.T).sum() * pitch_mm
        assert length_mm == pytest.approx(np.pi * 30.0**2 / (10.0 / np.sqrt(2) * pitch_mm), rel=0.05)

    def test_the_scale_bar_is_as_long_as_it_says(self):
        figure = Figure(dose_slice(CT, None, [LIVER], Plane.AXIAL, (0, 0, 0), BARE))
        assert np.ptp(figure.line("5 cm")[:, 0]) * PITCH_MM == pytest.approx(50.0, abs=0.01)
        # the longest of 1, 2, 5, 10 cm in a quarter of 304 mm

    def test_the_color_bar_shows_the_colors_seen_over_soft_tissue(self):
        dose = on(GRID, np.where(np.linalg.norm(PLACES, axis=-1) < 40, 160.0, 0.0))
        options = SliceOptions(full_scale_gy=200.0, isodoses_gy=())
        picture, bar = Figure(dose_slice(CT, dose, [LIVER], Plane.AXIAL, (0, 0, 0), options)).images()
        shown = CT_GRAY + 0.5 * (dose_rgb(160.0, 200.0).astype(float) - CT_GRAY)
        assert near(picture[0], shown, 2).any() and near(bar[0], shown, 2).any()

    def test_the_color_bar_rises_upward_from_the_lowest_dose_beside_its_numbers(self):
        dose = on(GRID, np.full(GRID.GetSize()[::-1], 160.0))
        options = SliceOptions(full_scale_gy=200.0, isodoses_gy=(), lowest_dose_gy=50.0)
        figure = Figure(dose_slice(None, dose, [LIVER], Plane.AXIAL, (0, 0, 0), options))
        bar, (_, top, right, bottom) = figure.images()[1]
        for dose_gy, color in ((200.0, 199.9), (150.0, 150.0), (100.0, 100.0)):
            y = figure.text(f"{dose_gy:g}").middle[1]
            row = min(int((y - top) / (bottom - top) * len(bar)), len(bar) - 1)
            assert near(bar[max(row, 0), 3], dose_rgb(color, 200.0), 6), dose_gy
            assert figure.text(f"{dose_gy:g}").box[0] > right
        assert near(bar[-5, 3], (0, 0, 0)), "below the lowest dose nothing is colored"

    def test_without_a_ct_the_colors_are_those_of_the_scale(self):
        dose = on(GRID, np.full(GRID.GetSize()[::-1], 160.0))
        options = SliceOptions(full_scale_gy=200.0, isodoses_gy=())
        picture, bar = Figure(dose_slice(None, dose, [LIVER], Plane.AXIAL, (0, 0, 0), options)).images()
        assert near(picture[0], dose_rgb(160.0, 200.0), 2).mean() > 0.5
        assert near(bar[0], dose_rgb(160.0, 200.0), 2).any()

    def test_what_the_plane_does_not_meet_is_not_in_the_legend(self):
        tumor = ball(Role.TUMOR, "T", (0, 0, 60), 15.0)
        high, low = (
            Figure(dose_slice(CT, None, [LIVER, tumor], Plane.AXIAL, (0, 0, z_mm))).words for z_mm in (60.0, 0.0)
        )
        assert "T" in high and "T" not in low and "Liver" in low

    def test_texts_neither_touch_nor_leave_the_figure(self):
        fine, places = grid(spacing_mm=(2.0, 2.0, 2.0))
        dose = on(fine, 9000.0 / np.maximum(np.linalg.norm(places - (20, 30, 0), axis=-1), 1.0))
        many = [ball(Role.TUMOR, f"Tumor {i} in the right lobe, segment 7", (i * 4 - 40, 5, 0), 9.0) for i in range(20)]
        for structures in ([LIVER], [LIVER, *many]):
            for svg in three_planes(CT, dose, structures, (0, 5, 0)).values():
                assert Figure(svg).overlaps() == []
        words = Figure(dose_slice(CT, dose, [LIVER, *many], Plane.AXIAL, (0, 5, 0))).words
        assert sum(w.startswith("Tumor") for w in words) + int(words[-1].split()[1]) == 20, "the others are counted"

    def test_a_crosshair_marks_the_point_and_leaves_it_free(self):
        point = (20.0, 30.0, 0.0)
        figure = Figure(dose_slice(CT, None, [LIVER], Plane.AXIAL, point, replace(BARE, crosshair=True)))
        arms = np.concatenate(figure.lines("Point shown"))
        assert arms.mean(axis=0) == pytest.approx(at(Plane.AXIAL, point), abs=0.5)
        assert np.hypot(*(arms - at(Plane.AXIAL, point)).T).min() > 6

    def test_the_same_case_gives_the_same_bytes(self):
        dose = on(GRID, 3000.0 / np.maximum(np.linalg.norm(PLACES, axis=-1), 8))
        first, second = (dose_slice(CT, dose, [LIVER], Plane.CORONAL, (0, 0, 0)) for _ in range(2))
        assert first == second

    def test_the_scale_ends_above_nearly_all_voxels_at_a_round_dose(self):
        values = np.zeros(GRID.GetSize()[::-1])
        values.ravel()[:10000] = np.linspace(100, 331, 10000)
        values.ravel()[20000] = 9000.0  # one hot voxel must not darken the rest
        assert full_scale_gy(on(GRID, values)) == 400.0
        assert full_scale_gy(on(GRID, values * 0)) > 0

    def test_the_ablative_dose_of_a_segment_does_not_make_all_isodoses_look_alike(self):
        shape = GRID.GetSize()[::-1]
        scale_gy = full_scale_gy(on(GRID, np.linspace(0.0, 2000.0, int(np.prod(shape))).reshape(shape)))
        assert scale_gy > max(ISODOSES_GY)
        low, normal, high = (dose_rgb(level_gy, scale_gy).astype(float) for level_gy in (50.0, 120.0, 400.0))
        assert np.abs(normal - low).sum() > 60
        assert np.abs(high - normal).sum() > 200

    def test_the_largest_lesion_is_shown(self):
        small, large = (ball(Role.TUMOR, str(r), (x, 5, 7), r) for x, r in ((-40, 10.0), (40, 14.0)))
        assert point_to_show_mm([LIVER, small, large]) == pytest.approx((40, 5, 7), abs=0.2)
        assert point_to_show_mm([LIVER]) == pytest.approx((0, 0, 0), abs=0.2)
        with pytest.raises(InputError, match="every structure is empty"):
            point_to_show_mm([])

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"size_px": (200, 200)}, "too few to read"),
            ({"opacity_fraction": 40.0}, "Enter a fraction"),
            ({"window_width_hu": 0.0}, "window_width_hu is 0"),
            ({"full_scale_gy": float("nan")}, "full_scale_gy is nan"),
            ({"lowest_dose_gy": -1.0}, "lowest_dose_gy is -1"),
        ],
    )
    def test_impossible_options_are_refused(self, wrong, told):
        with pytest.raises(InputError, match=told):
            SliceOptions(**wrong)
