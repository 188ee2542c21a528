"""Colors, round numbers, lines and letters: what every picture of the report is made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import drawing

from Y90DosimetryLib.errors import MissingToolError
from Y90DosimetryLib.report import rendering
from Y90DosimetryLib.report.colors import blend, dose_colors, dose_rgb, structure_styles
from Y90DosimetryLib.report.legend import Entry, draw_entries
from Y90DosimetryLib.report.rendering import Canvas, can_render, shortened, text_width_px
from Y90DosimetryLib.report.scales import round_down, round_up, ticks
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


@drawing
class TestDrawing:
    @settings(max_examples=20, deadline=None)
    @given(st.floats(2.0, 6.0), st.floats(0.0, 3.0), st.floats(0.0, 1.0))
    def test_a_line_has_the_ink_of_its_length_and_width(self, width_px, slope, shift):
        canvas = Canvas((120, 260), (0, 0, 0))
        ends = np.array([[20.0, 20.0 + shift], [80.0, 20.0 + shift + 60 * slope]])
        canvas.lines([ends], (255, 255, 255), width_px)
        length = 60 * np.hypot(1, slope)
        expected = length * width_px + np.pi * width_px**2 / 4  # its ends are round
        assert canvas.pixels[..., 0].sum() / 255 == pytest.approx(expected, rel=0.06)

    def test_dashes_leave_out_their_share(self):
        ink = []
        for dashes in ((), (30.0, 30.0)):
            canvas = Canvas((700, 20), (0, 0, 0))
            canvas.lines([np.array([[40.0, 10.0], [640.0, 10.0]])], (255, 255, 255), 2.0, dashes_px=dashes)
            ink.append(canvas.pixels[..., 0].sum())
        assert ink[1] / ink[0] == pytest.approx(0.5, abs=0.04)
        assert canvas.pixels[9, 42, 0] > 128 > canvas.pixels[9, 85, 0]  # it begins with a dash

    def test_lines_stay_inside_their_clip(self):
        canvas = Canvas((100, 100), (0, 0, 0))
        canvas.lines([np.array([[-50.0, 50.0], [150.0, 55.0]])], (255, 255, 255), 5.0, clip=(20, 0, 60, 100))
        assert canvas.pixels[:, 20:60].any()
        canvas.pixels[:, 20:60] = 0
        assert not canvas.pixels.any()

    def test_text_is_where_it_was_asked_for(self):
        canvas = Canvas((200, 100), (0, 0, 0))
        left, top, right, bottom = canvas.text("205 Gy", 190, 50, 20, (255, 255, 255), across="right", bold=True)
        rows, columns = np.nonzero(canvas.pixels[..., 0])
        assert right == 190 and left == 190 - text_width_px("205 Gy", 20, bold=True)
        assert left <= columns.min() and columns.max() < right and top <= rows.min() and rows.max() < bottom
        assert abs((top + bottom) / 2 - 50) <= 1

    def test_text_beyond_the_edge_is_cut_not_wrapped(self):
        canvas = Canvas((60, 30), (0, 0, 0))
        canvas.text("wide text", 40, 15, 20, (255, 255, 255))
        assert canvas.pixels[:, 40:].any() and not canvas.pixels[:, :38].any()
        canvas.text("wide text", 20, 15, 20, (255, 255, 255), across="right")
        assert canvas.pixels[:, :19].any() and not canvas.pixels[:, 21:38].any()
        canvas.text("outside", 400, -90, 20, (255, 255, 255))

    def test_letters_that_the_font_lacks_show_as_question_marks(self):
        assert text_width_px("肝", 20) == text_width_px("?", 20) > 0

    def test_a_long_name_is_shortened_to_its_room(self):
        assert shortened("Tumor", 17, 500) == "Tumor"
        short = shortened("Tumor in segments 5, 6, 7 and 8", 17, 120)
        assert short.startswith("Tumor") and short.endswith("...") and text_width_px(short, 17) <= 120

    def test_a_legend_too_long_stays_in_its_box(self):
        canvas = Canvas((900, 600), (0, 0, 0))
        draw_entries(canvas, (600, 100, 890, 300), [Entry(f"Tumor {i}", (0, 255, 0)) for i in range(40)], (255,) * 3)
        rows = np.nonzero(canvas.pixels.any(axis=(1, 2)))[0]
        assert rows.min() >= 100 and 260 < rows.max() < 300

    def test_without_fonts_the_reason_and_the_remedy_are_told(self, monkeypatch):
        rendering._text_renderer.cache_clear()
        monkeypatch.setitem(sys.modules, "vtkmodules.vtkRenderingFreeType", None)
        try:
            assert not can_render()
            with pytest.raises(MissingToolError, match="VTK is missing or incomplete.*Install the package vtk"):
                Canvas((100, 100), (0, 0, 0))
        finally:
            rendering._text_renderer.cache_clear()

    def test_no_graphics_driver_is_asked_for(self):
        code = (
            "import sys, numpy as np\n"
            "from Y90DosimetryLib.report.plots import Curve, dvh_plot\n"
            "from Y90DosimetryLib.report.planes import contours\n"
            "contours(np.eye(9), 0.5)\n"
            "assert dvh_plot([Curve('Liver', [50.0], [1.0])]).startswith(b'\\x89PNG')\n"
            "print(sum('OpenGL' in name for name in sys.modules))\n"
            "if sys.platform == 'linux':\n"
            "    maps = open('/proc/self/maps').read()\n"
            "    print([name for name in ('libGL.', 'libEGL', 'libOSMesa', 'libX11') if name in maps])\n"
        )
        root = Path(__file__).resolve().parents[2]
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
        assert result.stdout.split() in (["0", "[]"], ["0"])
        assert result.stderr == ""
