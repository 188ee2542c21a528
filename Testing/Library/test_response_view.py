"""The response over time as it is shown: months, lengths of each lesion, classes of invasion, and the two pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from pictures import Figure
from response_kit import BEFORE, CR, MONTH, PD, PR, SD, TREATED, Study, course, studies, tumor, why

from Y90DosimetryLib.draw.courses import lesion_plot, waterfall_plot
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.response import InvasionSeen, LesionTrack, ResponseOverTime, response_over_time
from Y90DosimetryLib.lesions import ThrombusReading
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.response import Scope
from Y90DosimetryLib.staging import HepaticVeinInvasion, PortalInvasion


def view_of(found: list[Study]) -> ResponseOverTime:
    return response_over_time(reversed(found), TREATED)


def monthly(*lengths_mm: float | None) -> list[Study]:
    """Return studies on the same day of the month as the treatment; the first lies before it."""
    days = [BEFORE, *(date(2026, 1 + month, 10) for month in range(1, len(lengths_mm)))]
    return [Study(day, (tumor("T", mm),)) for day, mm in zip(days, lengths_mm, strict=True)]


def test_months_of_the_best_response_and_of_progression_are_calendar_months() -> None:
    view = view_of(monthly(100.0, 90.0, 80.0, 60.0, 60.0, 72.0))
    for scope in Scope:
        best, worst = view.best(scope), view.progression(scope)
        assert not isinstance(best, Missing) and worst is not None
        assert (best.response, best.months_count) == (PR, 3.0)
        assert (worst.response, worst.months_count) == (PD, 5.0)
        assert [s.response for s in view.seen(scope)] == [SD, SD, PR, PR, PD]
    assert view.course(Scope.OVERALL) == course(monthly(100.0, 90.0, 80.0, 60.0, 60.0, 72.0))


def test_a_scope_that_can_not_be_followed_says_why() -> None:
    rows = studies([tumor("T", 50.0, treated=None)], [tumor("T", 0.0, treated=None)])
    view = view_of(rows)
    assert view.seen(Scope.LOCALIZED) == () and view.progression(Scope.LOCALIZED) is None
    best = view.best(Scope.LOCALIZED)
    assert isinstance(best, Missing) and "treated zone" in best.because
    assert [s.response for s in view.seen(Scope.OVERALL)] == [CR]


def test_a_lesion_is_tracked_on_the_days_it_was_measured() -> None:
    (track,) = view_of(monthly(50.0, None, 20.0)).tracks
    assert track.days == (BEFORE, date(2026, 3, 10))
    assert track.viable_mm == (50.0, 20.0)
    assert track.latest_change_fraction == pytest.approx(-0.6)
    assert track.is_target and not track.is_new


def test_a_lesion_that_was_not_there_before_has_no_change() -> None:
    rows = studies(
        [tumor("A", 50.0), tumor("B", 0.0)], [tumor("A", 20.0), tumor("B", 4.0), tumor("C", 12.0, is_new=True)]
    )
    changes = {t.lesion: t.latest_change_fraction for t in view_of(rows).tracks}
    assert "not measured before" in why(changes["C"])  # type: ignore[arg-type]
    assert "did not enhance before" in why(changes["B"])  # type: ignore[arg-type]
    assert [t.is_new for t in view_of(rows).tracks] == [False, False, True]


def test_studies_before_the_reference_are_not_shown() -> None:
    early = Study(date(2025, 9, 1), (tumor("T", 12.0),))
    (track,) = view_of([early, *monthly(50.0, 20.0)]).tracks
    assert track.days[0] == BEFORE
    assert track.baseline_mm == 50.0


# Classes of invasion


def thrombi(*grades: str | None) -> list[Study]:
    """Return studies of one thrombus by its class."""
    rows = studies(*([tumor("T", 50.0)] for _ in grades))
    return [replace(s, thrombi=(ThrombusReading("P", grade=g),)) for s, g in zip(rows, grades, strict=True)]


def test_the_class_of_invasion_is_carried_with_its_change() -> None:
    seen = view_of(thrombi("VP3", "VP2", "none", "VP4")).invasion
    assert [s.portal for s in seen] == [PortalInvasion.VP3, PortalInvasion.VP2, PortalInvasion.NONE, PortalInvasion.VP4]
    assert [s.portal_change for s in seen] == [0, -1, -3, 1]
    assert {s.hepatic for s in seen} == {HepaticVeinInvasion.NONE}


def test_the_highest_class_of_each_vein_counts() -> None:
    rows = studies([tumor("T", 50.0)])
    found = (ThrombusReading("P", grade="VP3"), ThrombusReading("Q", grade="VP1"), ThrombusReading("V", grade="VV2"))
    (seen,) = view_of([replace(rows[0], thrombi=found)]).invasion
    assert seen == InvasionSeen(BEFORE, PortalInvasion.VP3, HepaticVeinInvasion.VV2, 0, 0)


def test_a_thrombus_without_class_leaves_its_own_vein_open() -> None:
    seen = view_of(thrombi("VP2", None)).invasion[1]
    assert isinstance(seen.portal, Missing) and "'" not in seen.portal.because and "P not stated" in seen.portal.because
    assert isinstance(seen.portal_change, Missing)
    assert seen.hepatic is HepaticVeinInvasion.NONE
    never = view_of(thrombi(None, None)).invasion[1]
    assert isinstance(never.portal, Missing) and isinstance(never.hepatic, Missing)


def test_studies_that_read_no_thrombus_say_nothing_of_invasion() -> None:
    rows = thrombi("VP2", "VP2")
    assert view_of([replace(rows[0], thrombi=()), replace(rows[1], thrombi=())]).invasion == ()
    late = view_of([replace(rows[0], thrombi=()), rows[1]]).invasion
    assert isinstance(late[0].portal_change, Missing)


# Pictures


def track(name: str, *lengths_mm: float, **more: bool) -> LesionTrack:
    days = tuple(BEFORE if not i else TREATED + i * MONTH for i in range(len(lengths_mm)))
    return LesionTrack(name, days, lengths_mm, lengths_mm[0], more.pop("is_target", True), **more)


def bar(figure: Figure, lesion: str) -> tuple[float, float, float, float]:
    """The box of a lesion's bar."""
    (name,) = (n for n in figure.names if n.startswith(f"{lesion}: "))
    (box,) = figure.rects(name)
    return box


class TestPictures:
    def test_a_lesion_that_halves_falls_to_half_the_height(self) -> None:
        figure = Figure(lesion_plot([track("A", 100.0, 50.0)], TREATED))
        (_, first), (_, last) = figure.line("A")
        zero = figure.text("20").middle[1] * 2 - figure.text("40").middle[1]
        assert zero - last == pytest.approx((zero - first) / 2, abs=0.1)

    def test_bars_stand_on_the_line_of_no_change_and_hang_below_it(self) -> None:
        figure = Figure(waterfall_plot([track("A", 50.0, 25.0), track("B", 50.0, 75.0), track("C", 50.0, 52.0)]))
        less, more, same = (bar(figure, name) for name in "ABC")
        assert more[3] - more[1] == pytest.approx(less[3] - less[1], abs=0.03), "half up and half down"
        assert more[3] == pytest.approx(less[1], abs=0.02) and same[3] == pytest.approx(less[1], abs=0.02)
        assert more[2] < same[0] < same[2] < less[0], "the largest growth first"
        assert {"+50", "-50", "+4"} <= set(figure.words)

    def test_thirty_percent_less_exactly_has_the_color_of_a_response(self) -> None:
        assert 'fill="#0064be"' in waterfall_plot([track("A", 11.0, 7.7)])
        assert 'fill="#0064be"' not in waterfall_plot([track("A", 11.0, 7.8)])

    def test_a_bar_that_would_leave_the_picture_ends_inside_it(self) -> None:
        figure = Figure(waterfall_plot([track("A", 10.0, 100.0), track("B", 10.0, 0.0)]))
        assert bar(figure, "A")[1] > 30 and "+900" in figure.words

    @pytest.mark.parametrize("size", [(900, 600), (420, 300)])
    def test_many_lesions_still_fit(self, size) -> None:
        many = [track(f"A lesion with a rather long name {i}", 50.0, float(i * 5)) for i in range(24)]
        for svg in (waterfall_plot(many, size_px=size), lesion_plot(many, TREATED, size_px=size)):
            assert Figure(svg).overlaps() == []
            assert all(any(t.lesion in name for name in Figure(svg).names) for t in many)

    def test_each_lesion_has_its_name_at_its_curve_and_dashes_of_its_own(self) -> None:
        lesions = [track(f"Tumor {i}", 60.0 - 8 * i, 40.0 - 5 * i, 30.0) for i in range(5)]
        figure = Figure(lesion_plot(lesions, TREATED))
        assert figure.overlaps() == []
        assert len({dashes for t in lesions for _, dashes in figure.pens(t.lesion)}) == 5
        for one in lesions:
            ((color, _),) = figure.pens(one.lesion)
            assert figure.text(one.lesion).color == color

    def test_nothing_to_draw_is_refused_and_an_unknown_change_is_named_only(self) -> None:
        for draw in (lambda: lesion_plot([], TREATED), lambda: waterfall_plot([])):
            with pytest.raises(InputError, match="no lesion"):
                draw()
        new = LesionTrack("New", (TREATED + MONTH,), (12.0,), Missing("not measured"), False, True)
        figure = Figure(waterfall_plot([new]))
        assert "No change known: New" in figure.words
        assert not any(name.startswith("New") for name in figure.names)
