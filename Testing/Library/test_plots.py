"""Curves run where their numbers say, and what is no curve is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import drawing, near, pixels

from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.report.colors import LineStyle, structure_styles
from Y90DosimetryLib.report.plots import Axis, Curve, Line, dvh_plot, line_plot
from Y90DosimetryLib.structures import Role

RED, BLUE = LineStyle((255, 0, 0), (255, 0, 0)), LineStyle((0, 0, 255), (0, 0, 255))


@drawing
class TestPlots:
    def test_a_uniform_dose_is_a_step_at_that_dose(self):
        curves = [Curve("A", [100.0], [1.0], style=RED), Curve("B", [200.0], [1.0], style=BLUE)]
        picture = pixels(dvh_plot(curves, highest_dose_gy=400.0))
        steps = []
        for color in ((255, 0, 0), (0, 0, 255)):
            drawn = near(picture[:, :600], color, 40)
            columns = np.nonzero(drawn.sum(axis=0) > 200)[0]
            steps.append(columns.mean())
        dark = near(picture, (25, 25, 25), 3).sum(axis=0)
        axis = float(np.nonzero(dark > 400)[0].mean())
        assert steps[1] - steps[0] == pytest.approx(steps[0] - axis, abs=1.0)

    def test_half_of_the_volume_is_halfway_up_and_the_curve_passes_its_marker(self):
        dose_gy = np.linspace(0.0, 200.0, 401)
        curve = Curve("A", dose_gy, 1 - dose_gy / 200, style=RED)
        picture = pixels(dvh_plot([curve], marker_doses_gy=(100.0,), highest_dose_gy=200.0))
        ink = near(picture, (25, 25, 25), 3)
        left = int(np.nonzero(ink.sum(axis=0) > 380)[0].max())
        bottom = int(np.nonzero(ink.sum(axis=1) > 400)[0].min())
        marked = int(np.argmax(near(picture, (90, 90, 90), 40).sum(axis=0)))
        red = near(picture[:, :800], (255, 0, 0), 40)
        right = int(np.nonzero(ink[bottom])[0].max())
        rows = np.nonzero(red[:, marked])[0]
        top = int(np.nonzero(ink[:, left])[0].min())
        assert marked - left == pytest.approx((right - left) / 2, abs=5)
        assert rows.mean() == pytest.approx((top + bottom) / 2, abs=3)

    def test_curves_wear_the_colors_of_the_pictures(self):
        picture = pixels(dvh_plot([Curve("T", [50.0, 90.0], [1.0, 0.5], role=Role.TUMOR)]))
        assert near(picture, structure_styles([Role.TUMOR])[0].on_light).sum() > 100

    def test_the_dose_axis_reaches_the_curves_and_the_markers(self):
        low = Curve("A", [10.0], [1.0], style=RED)
        near_axis, far = (
            np.nonzero(near(pixels(dvh_plot([low], marker_doses_gy=m))[:, :600], (255, 0, 0), 40))[1].max()
            for m in ((400.0,), ())
        )
        assert far > 4 * (near_axis - 80)

    def test_markers_outside_the_axis_are_left_out(self):
        line = [Line("a", [0.0, 1.0], [0.0, 1.0])]
        axes = Axis("x", (0.0, 1.0)), Axis("y", (0.0, 1.0))
        inside, beyond, far_away = (line_plot(line, *axes, markers=[(value, "here")]) for value in (0.5, 1.1, 1.2))
        assert near(pixels(inside), (90, 90, 90), 3).sum() > 100
        assert beyond == far_away

    def test_values_far_outside_the_axis_do_not_take_forever(self):
        line = Line("spike", np.arange(5.0), np.array([0.0, 1e12, 0.0, -1e12, 0.0]))
        assert line_plot([line], Axis("x"), Axis("y", (0.0, 1.0))).startswith(b"\x89PNG")

    def test_constant_and_negative_values_get_an_axis(self):
        for y in ([0.0, 0.0], [-2.0, -2.0], [-1.0, 3.0]):
            picture = pixels(line_plot([Line("a", [0.0, 1.0], y, RED)], Axis("x"), Axis("y")))
            assert near(picture[:, :600], (255, 0, 0), 40).sum() > 100

    def test_pictures_have_the_size_asked_for(self):
        curve = Curve("A", [100.0], [1.0])
        assert pixels(dvh_plot([curve], size_px=(450, 300), title="Plan")).shape == (300, 450, 3)

    @pytest.mark.parametrize(
        ("dose_gy", "volume", "told"),
        [
            ([1.0, 2.0], [100.0, 50.0], "fractions from 0 to 1, not percentages"),
            ([2.0, 1.0], [1.0, 0.5], "doses must rise"),
            ([1.0, 2.0], [0.5, 1.0], "volumes fall"),
            ([1.0, 2.0], [1.0], "as many of each"),
            ([], [], "as many of each"),
            ([1.0, float("nan")], [1.0, 0.5], "doses must rise"),
        ],
    )
    def test_what_is_no_histogram_is_refused_by_name(self, dose_gy, volume, told):
        with pytest.raises(InputError, match=f"'Right lobe'.*{told}"):
            Curve("Right lobe", dose_gy, volume)

    def test_no_curve_is_an_error(self):
        with pytest.raises(InputError, match="no curve"):
            dvh_plot([])

    def test_lines_need_finite_points(self):
        with pytest.raises(InputError, match="not a number"):
            Line("a", [0.0, 1.0], [0.0, float("inf")])
        with pytest.raises(InputError, match="as many"):
            Line("a", [0.0, 1.0], [0.0])
