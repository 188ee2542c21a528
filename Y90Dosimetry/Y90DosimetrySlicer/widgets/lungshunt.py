"""The lung shunt by both methods side by side; a value becomes the infusion's only when the user presses Use."""

from __future__ import annotations

from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.errors import DosimetryError
from Y90DosimetryLib.lung_shunt import PlanarShunt, ShuntComparison, SpectShunt
from Y90DosimetryLib.missing import Missing

from ..lungshunt import REGIONS, VIEWS, countsMember, pixelsMember
from .fields import IN_PERCENT, NumberField


class LungShuntBox:
    """The box "Lung shunt: planar and SPECT" in the section Treatment."""

    def __init__(self, section) -> None:
        self._section = section
        self._offered: dict[str, float] = {}
        self.widget = slicer.util.loadUI(section.panel.resourcePath("UI/Y90DosimetryLungShunt.ui"))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        layout = section.widget.layout()
        layout.insertWidget(layout.indexOf(section.ui.advancedBox), self.widget)
        names = {"Lungs": _("lungs"), "Liver": _("liver"), "Background": _("background")}
        for region in REGIONS:
            for view in VIEWS:
                title = _("Counts of the {region}").format(region=names[region])
                self._bind(title, f"planar{region}{view}Edit", countsMember(region, view))
            title = _("Pixels of the {region}").format(region=names[region])
            self._bind(title, f"planar{region}PixelsEdit", pixelsMember(region), whole=True)
        self._margin = NumberField(_("Margin"), self.ui.marginEdit, self._storeMargin)
        section.add(self._margin, lambda: section.parameters.settings.shuntMarginMm if section.parameters else None)
        self.ui.lungShuntBox.connect("toggled(bool)", self._onToggled)
        self.ui.measureShuntButton.connect("clicked(bool)", self._onMeasure)
        for stem in ("planarShunt", "spectShunt", "wholeShunt"):
            button = getattr(self.ui, f"{stem}Button")
            button.connect("clicked(bool)", lambda _checked=False, stem=stem: self._onUse(stem))
        self._orderTabs(section.ui.advancedBox)

    def _orderTabs(self, following) -> None:
        """Let the Tab key come through this box before the one under it, as it is seen."""
        ui = self.ui
        stems = [(region, part) for region in REGIONS for part in (*VIEWS, "Pixels")]
        edits = [getattr(ui, f"planar{region}{part}Edit") for region, part in stems]
        buttons = [ui.measureShuntButton, ui.planarShuntButton, ui.spectShuntButton, ui.wholeShuntButton]
        before = following.previousInFocusChain()
        while before.focusPolicy == qt.Qt.NoFocus:
            before = before.previousInFocusChain()
        for widget in (ui.lungShuntBox, *edits, ui.marginEdit, *buttons):
            qt.QWidget.setTabOrder(before, widget)
            before = widget

    def _bind(self, title: str, widget: str, member: str, *, whole: bool = False) -> None:
        edit = getattr(self.ui, widget)
        self._section.bind(NumberField, title, edit, member, root=self._section.infusion, whole=whole)

    def _storeMargin(self, value) -> None:
        if self._section.parameters is None:
            return
        if value is None or value < 0:
            self._margin.refuse(_("enter 0 or more"))
        else:
            self._section.parameters.settings.shuntMarginMm = value
        self._section.panel.scheduleRefresh()

    def show(self) -> None:
        """Show both methods for the selected infusion."""
        ui, panel = self.ui, self._section.panel
        infusion, session = self._section.infusion(), self._section.session()
        ui.lungShuntBox.enabled = infusion is not None
        if infusion is None:
            self._showValues({}, "")
            return
        hasImage = session is not None and session.image is not None
        ui.measureShuntButton.enabled = hasImage
        ui.measureShuntButton.toolTip = (
            _("Count liver and lungs on the image of the session")
            if hasImage
            else _("Choose the image of the session, in Images, first")
        )
        try:
            found = self._section.workflow.lungShunt.compared(panel.sessionIndex, panel.infusionIndex)
        except DosimetryError as error:
            self._showValues({}, escape(str(error)))
            return
        self._showValues(valuesOf(found), "<br>".join(escape(line) for line in remarksOf(found)))
        entered = infusion.lungShuntFraction
        said = _("unknown") if entered is None else _percent(entered)
        ui.enteredShuntLabel.text = _("measured on the image") if infusion.lungShuntFromImage else said

    def _showValues(self, values: dict[str, float | Missing], detail: str) -> None:
        self._offered = {stem: value for stem, value in values.items() if not isinstance(value, Missing)}
        for stem in ("planarShunt", "spectShunt", "wholeShunt"):
            label, button = getattr(self.ui, f"{stem}Label"), getattr(self.ui, f"{stem}Button")
            button.enabled = stem in self._offered
            label.text = _percent(self._offered[stem]) if stem in self._offered else "–"
        self.ui.enteredShuntLabel.text = "–"
        self.ui.shuntDetailLabel.visible = bool(detail)
        self.ui.shuntDetailLabel.text = detail

    # What the user does

    def _onToggled(self, isOpen: bool) -> None:
        if isOpen and self._section.parameters is not None:
            self.show()  # a box that opens shows all it holds

    def _onMeasure(self, _checked: bool = False) -> None:
        panel = self._section.panel
        with panel.attempt(waitCursor=True):
            self._section.workflow.lungShunt.measure(panel.sessionIndex)
        panel.refresh()

    def _onUse(self, stem: str) -> None:
        infusion = self._section.infusion()
        if infusion is None or stem not in self._offered:
            return
        with self._section.panel.attempt(), slicer.util.NodeModify(self._section.parameters):
            infusion.lungShuntFromImage = False
            infusion.lungShuntFraction = self._offered[stem]
        self._section.forgive()
        self._section.panel.refresh()


def valuesOf(found: ShuntComparison) -> dict[str, float | Missing]:
    """Return the fraction of each method, by the stem of its widgets."""
    planar, spect = found.planar, found.spect
    measured = isinstance(spect, SpectShunt)
    return {
        "planarShunt": planar.best_fraction if isinstance(planar, PlanarShunt) else planar,
        "spectShunt": spect.fraction if measured else spect,
        "wholeShunt": spect.extrapolated_fraction if measured else spect,
    }


def remarksOf(found: ShuntComparison) -> list[str]:
    """Return what is to be known about the numbers, a line each."""
    lines = []
    planar, spect, difference = found.planar, found.spect, found.difference_fraction
    if isinstance(planar, Missing):
        lines.append(_("Planar: {why}").format(why=planar.because))
    else:
        counted = _percent(planar.uncorrected_fraction)
        if isinstance(planar.fraction, Missing):
            lines.append(_("Planar: as counted, {why}").format(why=planar.fraction.because))
        else:
            lines.append(_("Planar without subtracting the background: {value}").format(value=counted))
    if isinstance(spect, Missing):
        lines.append(_("SPECT or PET: {why}").format(why=spect.because))
    else:
        if isinstance(spect.fraction, Missing):
            lines.append(_("SPECT or PET: {why}").format(why=spect.fraction.because))
        else:
            text = _("Beyond {margin:g} mm from the liver only: {least}; all lungs without margin: {most}")
            least, most = _percent(spect.beyond_margin_fraction), _percent(spect.without_margin_fraction)
            lines.append(text.format(margin=spect.margin_mm, least=least, most=most))
        outside = _("Lungs outside the field of view: {share}")
        lines.append(outside.format(share=_percent(spect.outside_view_fraction)))
    if not isinstance(difference, Missing):
        points = f"{IN_PERCENT.shown(difference):+.1f}"
        lines.append(_("Planar minus SPECT: {points} percentage points").format(points=points))
    return lines + ([found.note] if found.note else [])


def _percent(fraction: float) -> str:
    return f"{IN_PERCENT.shown(fraction):.3g} %"
