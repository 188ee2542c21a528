"""The page, the figures and the command: what is computed is what is shown."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from pictures import SVG, Figure, polylines

from Y90DosimetryLib.cli import parser
from Y90DosimetryLib.cohort.agreement import bland_altman
from Y90DosimetryLib.cohort.analysis import Change, cohort_statistics
from Y90DosimetryLib.cohort.content import CAUTION, DEPENDENT, SAME, as_json, as_text, sections_of
from Y90DosimetryLib.cohort.figures import (
    agreement_plot,
    change_plot,
    figures_of,
    months_axis,
    survival_plot,
)
from Y90DosimetryLib.cohort.page import as_page
from Y90DosimetryLib.cohort.survival import Times, kaplan_meier
from Y90DosimetryLib.cohort.table import example_table, parse_table
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.response.terms import Response

EXAMPLE = cohort_statistics(example_table())


def whole_table():
    """Sixteen patients of one tumor each, with everything that a table may hold."""
    head = (
        "tumor_id,patient,necrosis,best_mrecist,planned_dose_gy,post_dose_gy,best_change_fraction,"
        "progressed,progression_months,died,survival_months,follow_up_months\n"
    )
    rows = []
    for i in range(16):
        necrosis = ("Partial", "Extensive", "CPN", "Extensive")[i % 4] if i < 12 else "CPN"
        response = "CR" if i % 3 == 0 else "PR"
        died = int(i % 5 == 0)
        rows.append(f"{i},{i},{necrosis},{response},{200 + 20 * i},{190 + 22 * i + 15 * (i % 3)},{-i / 16},"
                    f"{i % 2},{6 + i},{died},{20 + i},{20 + i}")  # fmt: skip
    return parse_table(head + "\n".join(rows), "sixteen <b>.csv")


WHOLE = cohort_statistics(whole_table())


def command(*words: str) -> int:
    args = parser("cohort-stats").parse_args(["cohort-stats", *words])
    return int(args.run(args))


class TestWords:
    def test_the_unit_of_analysis_and_the_caution_are_said(self) -> None:
        text = as_text(EXAMPLE)
        assert DEPENDENT in text
        assert CAUTION in text
        assert "p = 0.045 by tumor; p = 0.143 by patient" in text
        assert re.search(r"^Tumor +CPN +8 +445.5 \[293-1131\]", text, re.MULTILINE)

    def test_one_tumor_each_needs_no_second_unit(self) -> None:
        text = as_text(WHOLE)
        assert SAME in text
        assert DEPENDENT not in text
        assert "Patient, lowest" not in text

    def test_every_missing_thing_has_a_reason(self) -> None:
        said = {s.title: " ".join(s.sentences) for s in sections_of(EXAMPLE)}
        assert "no tumor has a planned and a delivered dose" in said["Planned against delivered"]
        assert "no change of diameter" in said["Best change of diameter"]
        assert "who died (18 of 18 patients)" in said["Survival"]

    def test_a_dose_that_can_not_be_is_said_in_words(self) -> None:
        assert "1219 (95 % CI 582 to above 11310)" in as_text(EXAMPLE)
        linear = as_text(cohort_statistics(example_table(), log_dose=False))
        assert "171 (95 % CI below 0 to 262)" in linear
        assert "regression on the dose by" in linear

    def test_the_json_holds_the_numbers_and_the_gaps(self) -> None:
        data = json.loads(json.dumps(as_json(EXAMPLE), allow_nan=False))
        assert data["dose_by_necrosis"][0]["test"]["h_statistic"] == pytest.approx(6.19767, abs=1e-5)
        assert data["dose_by_necrosis"][0]["by"] == "tumor"
        assert data["follow_up"]["needs"] == ["died", "survival_months"]
        assert "missing_because" in data["dose_responses"][1]["result"]["d50"]
        assert json.dumps(as_json(WHOLE), allow_nan=False)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "svg":
            self.images.append(dict(attrs))
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        assert not any(name in {"src", "href"} and not value.startswith("data:") for name, value in attrs)

    def handle_startendtag(self, tag, attrs):
        """An element without content, which has no end of its own."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_escaped_and_fetches_nothing() -> None:
    text = as_page(WHOLE, {"Best change of diameter, tumors": "<svg ></svg>"})
    page = Page(text)
    assert page.open == []
    assert "<script" not in text
    assert "sixteen <b>" not in text
    assert [i["aria-label"] for i in page.images] == ["Best change of diameter, tumors"]


def polylines_of(figure: Figure, width: str) -> list[np.ndarray]:
    """The lines of a width."""
    paths = (e.get("d") for e in figure.root.iter(f"{SVG}path") if e.get("stroke-width") == width)
    return [line for path in paths for line in polylines(path)]


class TestFigures:
    def test_every_figure_has_a_place_on_the_page_exactly_once(self) -> None:
        for stats, least in ((EXAMPLE, 7), (WHOLE, 10)):
            found = figures_of(stats)
            assert len(found) >= least
            assert sorted(i["aria-label"] for i in Page(as_page(stats, found)).images) == sorted(found)

    def test_texts_of_every_figure_neither_touch_nor_leave_it(self) -> None:
        for stats in (EXAMPLE, WHOLE):
            for caption, svg in figures_of(stats).items():
                assert Figure(svg).overlaps() == [], caption

    @pytest.mark.parametrize(
        ("longest_months", "marks"),
        [(2.5, [0, 1, 2, 3]), (0.0, [0, 1]), (24.0, [0, 3, 6, 9, 12, 15, 18, 21, 24]), (24.1, [0, 6, 12, 18, 24, 30]),
         (61.8, [0, 12, 24, 36, 48, 60, 72]), (600.0, [0, 120, 240, 360, 480, 600])],
    )  # fmt: skip
    def test_survival_is_marked_where_it_is_read_at_whole_years_or_parts_of_one(self, longest_months, marks) -> None:
        axis = months_axis(longest_months)
        assert [m for m, _ in axis.marks(8)] == marks
        assert axis.high == marks[-1]

    def test_a_survival_curve_steps_at_its_events_and_ticks_the_censored(self) -> None:
        curve = kaplan_meier(Times("all", (10, 20, 30, 40), (True, False, True, False)))
        figure = Figure(survival_plot([curve], "t"))
        x, y = figure.line("all (n = 4)").T
        month = {m: figure.text(str(m)).middle[0] for m in (6, 12, 24)}
        percent = {p: figure.text(str(p)).middle[1] for p in (20, 60)}
        months = 6 + (x - month[6]) / (month[12] - month[6]) * 6
        percents = 20 + (y - percent[20]) / (percent[60] - percent[20]) * 40
        steps = {(round(float(m)), round(float(p), 0)) for m, p in zip(months, percents, strict=True)}
        assert {(0, 100), (10, 100), (10, 75), (30, 75), (30, 38), (40, 38)} <= steps
        ticks = [p for p in polylines_of(figure, "1.6") if len(p) == 2 and p[0, 0] == p[1, 0]]
        at = sorted(round(6 + (p[0, 0] - month[6]) / (month[12] - month[6]) * 6) for p in ticks)
        assert at == [20, 40], "the censored"

    def test_limits_of_agreement_are_drawn_at_their_values(self) -> None:
        first = [100, 200, 300, 400, 500, 600]
        agreement = bland_altman(first, [110, 190, 310, 390, 510, 590], "Gy")
        figure = Figure(agreement_plot(agreement))
        names = {n.split(" ")[0]: figure.line(n)[0, 1] for n in figure.names}
        assert names["bias"] == pytest.approx((names["upper"] + names["lower"]) / 2, abs=0.1)
        assert names["upper"] < names["bias"], "rows count down"

    def test_a_waterfall_has_a_bar_a_tumor_colored_by_response(self) -> None:
        svg = change_plot((Change("a", 0.1, Response.SD), Change("b", -0.6, Response.PR)))
        (up,), (down,) = (Figure(svg).rects(name) for name in ("a, SD: +10 %", "b, PR: -60 %"))
        assert (down[3] - down[1]) / (up[3] - up[1]) == pytest.approx(6.0, rel=0.01)
        assert "partial response" in " ".join(Figure(svg).words).lower()


class TestCommand:
    def test_the_example_is_printed(self, capsys) -> None:
        assert command("--example") == 0
        assert "H = 6.1977, 2 df, p = 0.0451" in capsys.readouterr().out

    def test_json_is_one_object(self, capsys) -> None:
        assert command("--example", "--json", "--dose-scale", "linear") == 0
        data = json.loads(capsys.readouterr().out)
        assert data["dose_responses"][0]["result"]["is_log"] is False

    def test_a_folder_gets_page_numbers_and_figures(self, tmp_path, capsys) -> None:
        table = tmp_path / "tumors.csv"
        table.write_text("tumor_id,patient,post_dose_gy,necrosis\n1,1,200,CPN\n2,2,0,Partial\n")
        assert command(str(table), "--out", str(tmp_path / "out")) == 0
        assert json.loads((tmp_path / "out" / "statistics.json").read_text("utf-8"))["tumor_count"] == 2
        assert "<h1>Cohort: tumors.csv</h1>" in (tmp_path / "out" / "cohort.html").read_text("utf-8")
        assert "a dose is 0 Gy and has no logarithm" in capsys.readouterr().out
        with pytest.raises(InputError, match="not empty"):
            command(str(table), "--out", str(tmp_path / "out"))

    @pytest.mark.parametrize("words", [(), ("--example", "t.csv")])
    def test_a_table_or_the_example(self, words) -> None:
        with pytest.raises(InputError, match="--example"):
            command(*words)
