"""What became of a plan, and how sure its doses are: only with what the user has given or stated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import qt
from slicer.i18n import tr as _

from Y90DosimetryLib.dosimetry.deposits import Model
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import Comparison, Safety, Side, WindowEnd, safety_of, window_ends
from Y90DosimetryLib.planning.prescription import one_infusion
from Y90DosimetryLib.planning.uncertainty import COVERAGE_FACTOR_RATIO

from ..prescribing import keyOf
from ..windowview import boundText, joined, reason, shortName, spanText
from .fields import IN_PERCENT, PLAIN, NumberField
from .marks import badge, markOf, paragraphs
from .section import fitHeight

STATED = (
    ("contourVoxelEdit", "contour_voxel_fraction", IN_PERCENT),
    ("contourResolutionEdit", "contour_resolution_fraction", IN_PERCENT),
    ("resolutionEdit", "resolution_mm", PLAIN),
    ("eventsEdit", "events_per_value_ratio", PLAIN),
    ("shuntSdEdit", "lung_shunt_fraction", IN_PERCENT),
    ("residualSdEdit", "residual_fraction", IN_PERCENT),
    ("ratioSdEdit", "tumor_to_normal_fraction", IN_PERCENT),
    ("calibrationSdEdit", "calibration_fraction", IN_PERCENT),
    ("densitySdEdit", "density_fraction", IN_PERCENT),
    ("registrationSdEdit", "registration_mm", PLAIN),
    ("recoveryVolumeEdit", "recovery_half_volume_ml", PLAIN),
    ("recoveryExponentEdit", "recovery_exponent", PLAIN),
    ("recoveryVolumeSdEdit", "recovery_sd_half_volume_ml", PLAIN),
    ("recoveryExponentSdEdit", "recovery_sd_exponent", PLAIN),
)
"""Fields, the library's names for what is typed there, and units."""
CERTAIN = 0.99


class ComparisonBox:
    """The box "Planned against delivered"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        _stretchFirst(self._ui.comparisonTable)

    def key(self, live) -> tuple:
        """Return what the box depends on."""
        return keyOf(live.engine, "")

    def work(self, live) -> None:
        """Compare and show what differs."""
        ui = self._ui
        found = self._section.prescriber.comparison(live.engine)
        ui.comparisonTable.visible = ui.secondLabel.visible = found is not None
        if found is None:
            ui.comparisonLabel.text = _("No session says which plan it delivers: choose it in Treatment.")
            return
        title = _("'{planned}' was delivered as '{delivered}'.").format(
            planned=found.planned, delivered=found.delivered
        )
        marks = [f"{badge(markOf('warning'))} {escape(one.message)}" for one in found.differences]
        none = [escape(_("No difference that matters was found."))]
        ui.comparisonLabel.text = paragraphs([escape(title), *(marks or none)])
        rows = [(row.region.label, _gy(row.planned_gy), _gy(row.delivered_gy)) for row in found.rows]
        _fill(ui.comparisonTable, rows)
        ui.secondLabel.text = paragraphs([escape(line) for line in secondLines(found)])


def secondLines(found: Comparison) -> list[str]:
    """Return the activity that a second session would need, with all that was delivered counted."""
    lines = []
    for one in found.second:
        if not one.is_empty:
            ends = joined((*one.low_binding, *one.high_binding))
            lines.append(
                _("A second session that spreads as planned would need {span} ({label}); bound by {ends}.").format(
                    label=one.label.rpartition(": ")[2], span=spanText(one), ends=ends or "–"
                )
            )
            continue
        why = [reason(c) for c in one.impossible]
        if one.conflict is not None:
            why.append(
                _("{low} against {high}").format(low=reason(one.conflict.lower), high=reason(one.conflict.upper))
            )
        lines.append(
            _("A second session by {label}: no activity keeps everything ({why}).").format(
                label=one.label.rpartition(": ")[2], why="; ".join(dict.fromkeys(why))
            )
        )
    return lines


class SureBox:
    """The box "How sure"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        for name, key, scale in STATED:
            edit = getattr(self._ui, name)
            title = getattr(self._ui, f"{name}Label").text
            section.add(NumberField(title, edit, self._storing(key), scale), self._reading(key))
        self._ui.sureButton.connect("clicked(bool)", self._onWork)
        _stretchFirst(self._ui.sureTable)

    def _storing(self, key: str):
        def store(value) -> None:
            parameters = self._section.parameters
            if parameters is None:
                return
            if value is not None:
                parameters.stated[key] = repr(value)
            elif key in parameters.stated:
                del parameters.stated[key]
            self._section.panel.scheduleRefresh()

        return store

    def _reading(self, key: str):
        def read() -> float | None:
            parameters = self._section.parameters
            text = dict(parameters.stated).get(key) if parameters is not None else None
            return float(text) if text is not None else None

        return read

    def key(self, live) -> tuple:
        """Return what the box depends on."""
        parameters = self._section.parameters
        now = self._section.now
        return (
            keyOf(live.engine, ""),
            tuple(sorted(parameters.stated.items())),
            None if now is None else now.constraints,
        )

    def work(self, live) -> None:
        """Show intervals, and how safely constraints are kept; what takes long is done when it is asked for."""
        section, ui = self._section, self._ui
        found = section.prescriber.intervals(live.engine, dict(section.parameters.stated), True)
        isThere = found is not None and not isinstance(found, Missing)
        ui.sureTable.visible = isThere
        ui.safetyLabel.visible = isThere and section.now is not None
        ui.sureButton.visible = found is None
        if isThere:
            self._showIntervals(found)
        elif found is None:
            ui.sureLabel.text = escape(_("The intervals of these values and inputs are not worked out yet."))
        else:
            ui.sureLabel.text = escape(_("No dose has an interval: {why}.").format(why=found.because))

    def _onWork(self, _checked: bool = False) -> None:
        section, live = self._section, self._section.panel.status.live
        if live is None:
            return
        with section.panel.work() as progress:
            progress(0.0, _("propagating uncertainties"))
            section.prescriber.intervals(live.engine, dict(section.parameters.stated))
        section.catchUp(again="sure")

    def _showIntervals(self, found) -> None:
        section, ui = self._section, self._ui
        ui.sureLabel.text = escape(
            _("Doses with {factor:g} standard deviations either way, about 95 %:").format(factor=COVERAGE_FACTOR_RATIO)
        )
        rows = [
            (
                _doseTitle(one),
                f"{one.dose_gy:.0f}",
                f"{one.low_gy:.0f} – {one.high_gy:.0f}",
                one.contributions[0].factor if one.contributions else "–",
            )
            for one in found
        ]
        _fill(ui.sureTable, rows)
        if section.now is not None:
            now = section.now
            safe = safety_of(now.constraints.asked, found, now.lines.entered_gbq)
            ends = window_ends(now.window, found, one_infusion(now.lines, now.index))
            surely = {side: [end.sure_gbq for end in ends if end.side is side] for side in Side}
            lines = [*map(endLine, ends), *safetyLines(safe)]
            if max(surely[Side.AT_LEAST], default=0.0) > min(surely[Side.AT_MOST], default=math.inf):
                lines.insert(len(ends), _("No activity keeps both ends of the window for sure."))
            ui.safetyLabel.text = paragraphs([escape(line) for line in lines])


def endLine(end: WindowEnd) -> str:
    """Return how sure one end of the window is."""
    title = _("Lower end") if end.side is Side.AT_LEAST else _("Upper end")
    line = _("{title} of the window: {gbq:.2f} GBq, between {low:.2f} and {high:.2f} GBq").format(
        title=title, gbq=end.activity_gbq, low=end.low_gbq, high=end.high_gbq
    )
    if not 0 < end.sure_gbq < math.inf:
        return _("{line}; no activity keeps it for sure.").format(line=line)
    reach = _("from {gbq:.2f} GBq on") if end.side is Side.AT_LEAST else _("up to {gbq:.2f} GBq")
    return _("{line}; safely kept {reach}.").format(line=line, reach=reach.format(gbq=end.sure_gbq))


def safetyLines(safe: Sequence[Safety]) -> list[str]:
    """Return how surely constraints are kept: each in doubt by itself, the same asked by several rules once."""
    lines: dict[str, None] = {}
    certain = 0
    for one in safe:
        if one.probability_share > CERTAIN and not one.flipped_by:
            certain += 1
            continue
        asked = _(" or ").join(boundText(bound) for bound in one.constraint.bounds)
        share = _("less than 1 %") if one.probability_share < 1 - CERTAIN else f"{100 * one.probability_share:.0f} %"
        line = _("{what}: kept with a probability of {share}").format(what=asked, share=share)
        if one.flipped_by:
            line += _("; {inputs} alone could turn it").format(inputs=", ".join(one.flipped_by))
        lines[f"{line}."] = None
    if certain:
        lines[_("The other {count} are kept with a probability above 99 %.").format(count=certain)] = None
    return list(lines)


def _doseTitle(interval) -> str:
    base, _sep, model = interval.measure_id.partition(".")
    isVolume = model == Model.MULTI.value
    title = shortName(base, interval.about if isVolume else "")
    about = "" if not interval.about or interval.about == title else f" ({interval.about})"
    return f"{title}{about}, {model.replace('_', ' ')}"


def _gy(value) -> str:
    return "–" if isinstance(value, Missing) else f"{value:.0f}"


def _stretchFirst(table) -> None:
    table.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    for column in range(table.columnCount):
        mode = qt.QHeaderView.ResizeToContents if column else qt.QHeaderView.Stretch
        table.horizontalHeader().setSectionResizeMode(column, mode)


def _fill(table, rows) -> None:
    table.rowCount = len(rows)
    for r, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            if column:
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
            table.setItem(r, column, item)
    fitHeight(table)
