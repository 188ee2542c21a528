"""The charts of the follow-up as the panel shows them: the library's figures, drawn anew for each width and style."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from Y90DosimetryLib.draw.courses import best_time, lesion_plot, remnant_plot
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.followup.overview import FollowUp
from Y90DosimetryLib.followup.response import ResponseOverTime
from Y90DosimetryLib.missing import Missing

Figure = Callable[..., str]
"""Draws a figure of `size_px` in the colors of a `theme`, and returns it as SVG."""


def remnantChart(followUp: FollowUp) -> Figure | None:
    """Return standardized and measured share in percent; None where no study has a share and a day."""
    figure = partial(remnant_plot, followUp.remnant, followUp.studies, best_time(followUp.time_line))
    try:
        figure()
    except InputError:
        return None
    return figure


def lesionChart(response: ResponseOverTime | Missing | None) -> Figure | None:
    """Return the viable length of each lesion in mm; None where none was measured."""
    if response is None or isinstance(response, Missing) or not response.tracks:
        return None
    return partial(lesion_plot, response.tracks, response.treated_on)
