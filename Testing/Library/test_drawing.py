"""Colors, round numbers, and the emitter that every figure is made with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import SVG, Figure, pixels, polylines

from Y90DosimetryLib.draw.colors import blend, dose_colors, dose_rgb, structure_styles
from Y90DosimetryLib.draw.pixels import png_of_figure
from Y90DosimetryLib.draw.scales import round_down, round_up, ticks
from Y90DosimetryLib.draw.svg import Drawing, Pen, clipped, png_of, shortened, text_box, text_width_px
from Y90DosimetryLib.errors import MissingToolError
from Y90DosimetryLib.structures import Role


class TestColors:
    def test_lightness_of_the_dose_scale_rises_evenly(self):
        linear = (lambda c: np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))(dose_colors() / 255)
        luminance = linear @ (0.2126, 0.7152, 0.0722)
        lightness = np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)
        assert (np.diff(lightness[::4]) > 0).all()
        straight = np.linspace(lightness[0], lightness[-1], lightness.size)
        assert np.abs(lightness - straight).max() < 2.5
        assert lightness[-1] - lightness[0] > 70

    def test_a_dose_has_the_color_of_its_place_on_the_scale(self):
        assert (dose_rgb([0.0, 200.0, 400.0, 900.0], 400.0) == dose_colors()[[0, 128, 255, 255]]).all()

    def test_blending_half_and_half_is_the_mean(self):
        assert blend((100, 0, 50), (200, 100, 50), 0.5).tolist() == [150, 50, 50]

    def test_no_two_structures_look_alike(self):
        roles = [*Role, Role.TUMOR, Role.TUMOR, Role.PVTT, Role.PERFUSED]
        styles = structure_styles(roles)
        assert len({(s.on_dark, s.dashes_px) for s in styles}) == len(roles)
        assert len({(s.on_light, s.dashes_px) for s in styles}) == len(roles)

    def test_the_second_tumor_keeps_its_color_whatever_else_is_outlined(self):
        alone = structure_styles([Role.TUMOR, Role.TUMOR])
        among = structure_styles([Role.LIVER, Role.TUMOR, Role.PVTT, Role.TUMOR])
        assert [among[1], among[3]] == alone


class TestScales:
    @given(st.floats(1e-6, 1e6))
    def test_a_round_end_is_near(self, value):
        assert value * (1 - 1e-6) <= round_up(value) <= value * 1.51
        assert value / 2.51 <= round_down(value) <= value * (1 + 1e-6)

    @given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(2, 12))
    def test_ticks_are_few_even_and_inside(self, low, span, at_most):
        marks = ticks(low, low + span, at_most)
        assert at_most / 3 <= len(marks) <= at_most + 1
        assert min(marks) >= low - 1e-6 * span and max(marks) <= low + span * (1 + 1e-6)
        assert np.ptp(np.diff(marks)) <= 1e-6 * span if len(marks) > 1 else True

    def test_ticks_of_a_dose_axis(self):
        assert ticks(0.0, 400.0, 8) == [0, 50, 100, 150, 200, 250, 300, 350, 400]
        assert ticks(0.0, 400.0, 7) == [0, 100, 200, 300, 400]


class TestEmitter:
    def test_lines_are_where_they_were_asked_for(self):
        drawing = Drawing((120, 100))
        with drawing.named("one"):
            drawing.lines([[(20, 20.126), (80, 60)], [(0, 0), (1, 0), (1, 1), (0, 0)]], Pen((255, 0, 0), 2, (4, 2)))
        figure = Figure(drawing.svg())
        open_, closed = figure.lines("one")
        assert open_.tolist() == [[20, 20.13], [80, 60]]
        assert closed.tolist() == [[0, 0], [1, 0], [1, 1], [0, 0]]
        assert figure.pens("one") == {("#ff0000", "4 2")}

    @pytest.mark.parametrize(
        "words", ["a < b & \"c\" > 'd'", "Łódź, Ελλάδα, Москва, 肝", "a\x00b\x0bc", "\ud800", "]]>"]
    )
    def test_any_words_make_well_formed_xml_and_come_back(self, words):
        drawing = Drawing((100, 50))
        with drawing.named(words):
            drawing.text(words, 5, 5, 12)
        (shown,) = Figure(drawing.svg()).words
        assert shown == "".join(c if c.isprintable() else " " for c in words)

    def test_a_text_is_written_on_the_base_line_of_its_box(self):
        drawing = Drawing((200, 100))
        left, top, right, bottom = drawing.text("205 Gy", 190, 50, 20, across="right", bold=True)
        (text,) = Figure(drawing.svg()).texts
        assert right == 190 and left == pytest.approx(190 - text_width_px("205 Gy", 20, bold=True))
        assert text.box == pytest.approx((left, top, right, bottom), abs=0.02) and text.is_bold
        assert abs((top + bottom) / 2 - 50) <= 2

    def test_widths_are_those_of_helvetica_and_a_little_more(self):
        """Adobe's metrics: "Dose (Gy)" is 722 + 556 + 500 + 556 + 278 + 333 + 778 + 500 + 333 thousandths wide."""
        assert 4.556 <= text_width_px("Dose (Gy)", 1.0) <= 4.556 * 1.1
        assert text_width_px("肝", 10) == pytest.approx(10.6)
        assert text_width_px("e\u0301", 10) == text_width_px("e", 10)

    def test_a_long_name_is_shortened_to_its_room(self):
        assert shortened("Tumor", 17, 500) == "Tumor"
        short = shortened("Tumor in segments 5, 6, 7 and 8", 17, 120)
        assert short.startswith("Tumor") and short.endswith("…") and text_width_px(short, 17) <= 120

    @given(st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 150)), min_size=2, max_size=8))
    def test_what_is_clipped_stays_inside_and_nothing_inside_is_lost(self, points):
        box = (0.0, 0.0, 100.0, 60.0)
        parts = clipped(points, box)
        for part in parts:
            assert (part >= -1e-6).all() and (part <= (100 + 1e-6, 60 + 1e-6)).all()
        given_points = np.array(points)
        inside = given_points[(given_points >= 0.001).all(axis=1) & (given_points <= (99.999, 59.999)).all(axis=1)]
        for point in inside:
            assert min(np.hypot(*(part - point).T).min() for part in parts) < 1e-6

    def test_a_line_through_the_box_ends_at_its_sides(self):
        (part,) = clipped([(-50, 50), (150, 50)], (20, 0, 60, 100))
        assert part == pytest.approx(np.array([[20, 50], [60, 50]]))
        assert clipped([(-50, 50), (10, 50)], (20, 0, 60, 100)) == []

    def test_pixels_come_back_from_the_png_as_they_were(self):
        colors = np.random.default_rng(0).integers(0, 256, (13, 7, 3)).astype(np.uint8)
        assert (pixels(png_of(colors)) == colors).all()

    def test_a_figure_becomes_pixels_for_print(self):
        pytest.importorskip("resvg_py", reason="resvg-py makes pixels of figures")
        drawing = Drawing((200, 100))
        drawing.rect((0, 0, 100, 100), (255, 0, 0))
        shown = pixels(png_of_figure(drawing.svg(), 400))[..., :3]
        assert shown.shape == (200, 400, 3)
        assert (shown[100, 100] == (255, 0, 0)).all() and (shown[100, 300] == 255).all()

    def test_without_a_converter_it_is_said_what_to_do(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "resvg_py", None)
        with pytest.raises(MissingToolError, match="pip install resvg-py.*use the SVG files"):
            png_of_figure(Drawing((20, 20)).svg())

    def test_only_what_browsers_qt_and_pdf_writers_read_is_written(self):
        drawing = Drawing((100, 50))
        drawing.rect((0, 0, 10, 10), (255, 0, 0), 0.5, Pen((0, 0, 0)))
        drawing.dot(5, 5, 3, (0, 0, 0), hollow=True)
        drawing.area([(0, 0), (9, 0), (9, 9)], (0, 0, 0), 0.2)
        drawing.image(np.zeros((2, 2, 3), np.uint8), (0, 0, 5, 5))
        drawing.text("a", 1, 1, 9, chip=True)
        root = Figure(drawing.svg()).root
        assert {e.tag.removeprefix(SVG) for e in root.iter()} <= {
            *("svg", "g", "title", "path", "rect", "circle", "image", "text")
        }
        assert not any(
            name in {"id", "style", "class", "clip-path", "transform"} for e in root.iter() for name in e.attrib
        )
        assert len(polylines("M0,0 9,0 9,9Z")[0]) == 4

    def test_boxes_follow_the_side_asked_for(self):
        for across, down, sign in (("left", "top", (1, 1)), ("right", "bottom", (-1, -1))):
            left, top, right, bottom = text_box("words", 50, 50, 10, across, down, False)
            assert np.sign([(left + right) / 2 - 50, (top + bottom) / 2 - 50]).tolist() == list(sign)

    def test_no_graphics_driver_and_no_font_is_asked_for(self):
        code = (
            "import sys, numpy as np\n"
            "from Y90DosimetryLib.draw.histograms import Curve, dvh_plot\n"
            "from Y90DosimetryLib.draw.planes import contours\n"
            "contours(np.eye(9), 0.5)\n"
            "assert dvh_plot([Curve('Liver', [50.0], [1.0])]).startswith('<svg')\n"
            "print(sum('OpenGL' in name or 'FreeType' in name for name in sys.modules))\n"
            "if sys.platform == 'linux':\n"
            "    maps = open('/proc/self/maps').read()\n"
            "    print([name for name in ('libGL.', 'libEGL', 'libOSMesa', 'libX11') if name in maps])\n"
        )
        root = Path(__file__).resolve().parents[2]
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
        assert result.stdout.split() in (["0", "[]"], ["0"])
        assert result.stderr == ""
