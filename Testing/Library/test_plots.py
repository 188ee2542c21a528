"""Curves run where their numbers say, each with its name beside it, and what is no curve is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import Figure

from Y90DosimetryLib.draw.chart import Chart
from Y90DosimetryLib.draw.colors import LineStyle, structure_styles
from Y90DosimetryLib.draw.histograms import Curve, dvh_plot
from Y90DosimetryLib.draw.scales import Scale, around, from_zero
from Y90DosimetryLib.draw.svg import Pen
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.structures import Role

RED, BLUE = LineStyle((255, 0, 0), (255, 0, 0)), LineStyle((0, 0, 255), (0, 0, 255), (9.0, 4.0))
BLACK = Pen((0, 0, 0))


def axis(figure: Figure, which: int, *numbers: str) -> list[float]:
    """Where numbers stand along the dose (0) or the volume axis (1), in pixels."""
    return [figure.text(number).middle[which] for number in numbers]


class TestHistograms:
    def test_a_uniform_dose_is_a_step_at_that_dose(self):
        curves = [Curve("A", [100.0], [1.0], style=RED), Curve("B", [200.0], [1.0], style=BLUE)]
        figure = Figure(dvh_plot(curves, highest_dose_gy=400.0))
        left, right = axis(figure, 0, "200", "400")
        for name, dose_gy in (("A", 100.0), ("B", 200.0)):
            assert figure.line(name)[:, 0].max() == pytest.approx(
                left + (right - left) * (dose_gy - 200) / 200, abs=0.1
            )
        assert figure.pens("A") == {("#ff0000", "")} and figure.pens("B") == {("#0000ff", "9 4")}

    def test_half_of_the_volume_is_halfway_up_and_the_curve_passes_its_marker(self):
        dose_gy = np.linspace(0.0, 200.0, 401)
        figure = Figure(
            dvh_plot([Curve("A", dose_gy, 1 - dose_gy / 200)], marker_doses_gy=(100.0,), highest_dose_gy=200.0)
        )
        line, (x, _) = figure.line("A"), figure.line("100 Gy")[0]
        low, high = line[:, 1].max(), line[:, 1].min()
        assert np.interp(x, *line[:-1].T) == pytest.approx((low + high) / 2, abs=0.5)
        assert np.mean(axis(figure, 1, "40", "60")) == pytest.approx((low + high) / 2, abs=3)

    def test_curves_wear_colors_and_dashes_of_the_pictures_and_have_their_names_in_them(self):
        styles = structure_styles([Role.TUMOR, Role.PVTT])
        figure = Figure(
            dvh_plot([Curve("T", [50.0, 90.0], [1.0, 0.5], Role.TUMOR), Curve("P", [70.0], [1.0], Role.PVTT)])
        )
        for name, style in zip("TP", styles, strict=True):
            color = "#{:02x}{:02x}{:02x}".format(*style.on_light)
            assert figure.pens(name) == {(color, " ".join(f"{d:g}" for d in style.dashes_px))}
            assert figure.text(name).color == color

    def test_the_dose_axis_reaches_the_curves_and_the_markers(self):
        low = Curve("A", [10.0], [1.0], style=RED)
        assert "10" in Figure(dvh_plot([low])).words
        assert {"400", "400 Gy"} <= set(Figure(dvh_plot([low], marker_doses_gy=(400.0,))).words)

    @pytest.mark.parametrize("count", [1, 3, 8, 16])
    def test_names_stand_at_their_curves_and_touch_no_other_text(self, count):
        dose_gy = np.linspace(0.0, 300.0, 100)
        curves = [
            Curve(f"Tumor {i}, segment {i % 8 + 1}", dose_gy, 1 / (1 + (dose_gy / (60 + 14 * i)) ** 6), Role.TUMOR)
            for i in range(count)
        ]
        figure = Figure(dvh_plot(curves, marker_doses_gy=(120.0, 205.0), title="Histogram"))
        assert figure.overlaps() == []
        assert {c.label for c in curves} <= set(figure.words), "each name is there, below the figure if need be"
        beside = 0
        for curve in curves:
            left, top, right, bottom = figure.text(curve.label).box
            x, y = figure.line(curve.label).T
            away = np.hypot(
                np.maximum(0, np.maximum(left - x, x - right)), np.maximum(0, np.maximum(top - y, y - bottom))
            )
            beside += bool(away.min() < 60)
        assert beside >= min(count, 8)

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


class TestChart:
    def test_a_place_is_where_its_value_says(self):
        chart = Chart(Scale("x", 0, 10), Scale("y", 10, 1000, is_log=True))
        left, top, right, bottom = chart.area
        assert chart.placed(5, 10**2.5).tolist() == pytest.approx([(left + right) / 2, top + (bottom - top) / 4])

    def test_markers_outside_the_axis_are_left_out(self):
        chart = Chart(Scale("x", 0, 1), Scale("y", 0, 1), rows_above=1)
        for x in (0.5, 1.1):
            chart.marker(x, f"at {x}")
        assert "at 0.5" in Figure(chart.svg()).words and "at 1.1" not in chart.svg()

    def test_lines_end_at_the_axes(self):
        chart = Chart(Scale("x", 0, 4), Scale("y", 0, 1))
        chart.curve("spike", np.arange(5.0), np.array([0.0, 1e12, 0.0, -1e12, 0.0]), BLACK)
        _, top, _, bottom = chart.area
        parts = np.concatenate(Figure(chart.svg()).lines("spike"))
        assert parts[:, 1].min() >= top - 1.1 and parts[:, 1].max() <= bottom + 1.1

    def test_axes_hold_constant_and_negative_values(self):
        assert from_zero("y", 0.0).high == 1.0
        for values in ([-2.0, -2.0], [-1.0, 3.0]):
            y = around("y", values)
            assert y.low < min(values) and y.high > max(values)

    def test_labels_that_would_touch_are_left_out(self):
        labels = tuple((float(i), f"a rather long label {i}") for i in range(12))
        figure = Figure(Chart(Scale("x", -0.5, 11.5, labels=labels), Scale("y", 0, 1)).svg())
        written = [words for words in figure.words if words.startswith("a rather")]
        assert figure.overlaps() == [] and 2 < len(written) < 12
