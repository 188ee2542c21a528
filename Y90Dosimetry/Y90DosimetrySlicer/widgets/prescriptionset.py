"""Several infusions of one session: the set of activities that keep everything, and the best choice for an aim."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import qt
import slicer
from slicer.i18n import tr as _

from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.planning import Aim, Bound, FeasibleSet, Side
from Y90DosimetryLib.planning.infusions import SHOWN

from ..prescribing import Prescription, setActivity
from ..windowview import Box, boundText, edgesOf, freeBox, joined, lineWithin, niceAbove, shortName, shortText, stepsOf
from .fields import ChoiceField
from .marks import paragraphs
from .prescriptionpicture import (
    ALLOWED,
    ALLOWED_OPACITY,
    FORBIDDEN,
    FORBIDDEN_OPACITY,
    LIMIT,
    NOW,
    TARGET,
    Names,
    Resized,
    blank,
    painting,
    penOf,
)

NAME_PX, REACH_RATIO = 15, 1.5


@dataclass(frozen=True)
class Shown:
    """What the picture of a set shows."""

    labels: tuple[str, str]
    scalesGbq: tuple[float, float]
    cornersGbq: tuple[tuple[float, float], ...]
    enteredGbq: tuple[float, float]
    bestGbq: tuple[float, float] | None
    bounds: tuple[Bound, ...]
    """Drawn as the lines along which a dose is its limit."""
    named: tuple[Bound, ...]
    """Those of them that make the set, or its emptiness."""


class SetPicture:
    """Draws which activities of two infusions keep everything: the set, what is entered, and the best choice."""

    HEIGHT_PX, LEFT_PX, BOTTOM_PX, TOP_PX, RIGHT_PX = 210, 36, 34, 8, 10

    def __init__(self, label) -> None:
        self._label = label
        self._shown: Shown | None = None
        self._names = Names(label)
        self._resized = Resized(label, self._draw)
        label.setFixedHeight(self.HEIGHT_PX)

    def show(self, shown: Shown | None) -> None:
        """Show a set; None for none."""
        self._shown = shown
        self._draw()

    def _draw(self) -> None:
        shown, label = self._shown, self._label
        if shown is None or label.width < 1:
            return
        area = qt.QRect(
            self.LEFT_PX,
            self.TOP_PX,
            label.width - self.LEFT_PX - self.RIGHT_PX,
            self.HEIGHT_PX - self.TOP_PX - self.BOTTOM_PX,
        )
        scales = shown.scalesGbq

        def at(point) -> tuple[float, float]:
            across, up = point[0] / scales[0], point[1] / scales[1]
            return area.x() + area.width() * across, area.y() + area.height() * (1 - up)

        pixmap = blank(label, label.width, self.HEIGHT_PX)
        self._names.begin()
        with painting(pixmap) as painter:
            painter.setRenderHint(qt.QPainter.Antialiasing)
            painter.setClipRect(area)
            lines = self._paintSet(painter, at, shown, area)
            painter.setClipping(False)
            painter.setPen(penOf(FORBIDDEN, 1))
            painter.drawRect(area)
            self._writeAxes(at, shown, area)
            taken: list[Box] = []
            for point, text, color in ((shown.enteredGbq, _("now"), NOW), (shown.bestGbq, _("best"), ALLOWED)):
                if point is not None:
                    x, y = at(point)
                    for pair in (((x - 6, y), (x + 6, y)), ((x, y - 6), (x, y + 6))):
                        self._paintLine(painter, pair, color, 3)
                    taken.append((x - 7, y - 7, x + 7, y + 7))
                    beside = [(x + 8, y - 8), (x, y + 8), (x, y - 22), (x - 30, y - 8)]
                    self._writeBeside(text, text, beside, taken, area, isBold=True)
            for bound, pair in lines:
                if bound in shown.named:
                    self._writeBeside(shortText(bound), bound.text, _along(pair), taken, area)
        self._names.end()
        label.setPixmap(pixmap)

    def _paintSet(self, painter, at, shown: Shown, area) -> list:
        """Fill the set and draw the lines around it; return each bound with the ends of its line."""
        ground, green = qt.QColor(FORBIDDEN), qt.QColor(ALLOWED)
        ground.setAlpha(FORBIDDEN_OPACITY)
        green.setAlpha(ALLOWED_OPACITY)
        painter.fillRect(area, qt.QBrush(ground))
        if shown.cornersGbq:
            painter.fillPath(_pathOf([at(corner) for corner in shown.cornersGbq]), qt.QBrush(green))
        ends = [
            (b, lineWithin(b.line.per_activity_gy_per_gbq, b.limit_gy - b.line.already_gy, shown.scalesGbq))
            for b in shown.bounds
        ]
        lines = [(bound, [at(p) for p in pair]) for bound, pair in ends if pair is not None]
        for bound, pair in lines:
            color = TARGET if bound.side is Side.AT_LEAST else LIMIT
            self._paintLine(painter, pair, color, 2 if bound in shown.named else 1)
        return lines

    def _paintLine(self, painter, pair, color: str, width: int) -> None:
        (x0, y0), (x1, y1) = pair
        painter.setPen(penOf(color, width))
        painter.drawLine(round(x0), round(y0), round(x1), round(y1))

    def _writeBeside(self, text: str, tip: str, places, taken: list[Box], area, isBold=False) -> None:
        """Write a name at the first of some places where it covers nothing."""
        font = qt.QFont(self._label.font)
        font.setBold(isBold)
        room = qt.QFontMetrics(font).horizontalAdvance(text) + 6
        candidates = []
        for x, y in places:
            left = min(max(area.left() + 2, x), area.right() - room)
            top = min(max(area.top() + 1, y), area.bottom() - NAME_PX)
            candidates.append((left, top, left + room, top + NAME_PX))
        box = freeBox(candidates, taken)
        taken.append(box)
        self._names.write(text, tip, box[0], box[1], room, NAME_PX, font)

    def _writeAxes(self, at, shown: Shown, area) -> None:
        metrics = qt.QFontMetrics(self._label.font)
        tip = _("Activity at the infusion, in GBq")
        for axis, scale in enumerate(shown.scalesGbq):
            for gbq in stepsOf(scale):
                x, y = at((0.0, gbq) if axis else (gbq, 0.0))
                room = metrics.horizontalAdvance(f"{gbq:g}") + 2
                left, top = (x - room - 4, y - NAME_PX / 2) if axis else (x - room / 2, y + 2)
                self._names.write(f"{gbq:g}", tip, left, top, room, NAME_PX)
        text = _("→ {first}, GBq    ↑ {second}, GBq").format(first=shown.labels[0], second=shown.labels[1])
        self._names.write(text, tip, area.left(), self.HEIGHT_PX - NAME_PX - 2, area.width(), NAME_PX)


def _pathOf(places):
    path = qt.QPainterPath()
    path.moveTo(qt.QPointF(*places[0]))
    for place in places[1:]:
        path.lineTo(qt.QPointF(*place))
    path.closeSubpath()
    return path


def _along(pair) -> list[tuple[float, float]]:
    """Return places beside a line, from its upper end down."""
    (x0, y0), (x1, y1) = sorted(pair, key=lambda p: p[1])
    shares = [n / 12 for n in range(13)]
    return [(x0 + s * (x1 - x0) + 4, y0 + s * (y1 - y0) + away) for away in (1, -NAME_PX - 1) for s in shares]


class TogetherBox:
    """The box "Several infusions together"."""

    def __init__(self, section) -> None:
        self._section, self._ui = section, section.ui
        self._found: FeasibleSet | None = None
        self._picture = SetPicture(self._ui.setLabel)
        aims = {
            Aim.HIGHEST_TUMOR: _("the highest lowest tumor dose"),
            Aim.LEAST_NORMAL: _("the least dose to the whole normal liver"),
            Aim.FIXED_SPLIT: _("the tumor, in the split as entered"),
        }
        choices = [(text, aim.value) for aim, text in aims.items()]
        section.bind(ChoiceField, _("Best for"), self._ui.aimCombo, "prescription.aim", choices=choices)
        self._ui.useBestButton.connect("clicked(bool)", self._onUse)

    def key(self, now: Prescription) -> tuple:
        """Return what the box depends on."""
        return (now.lines.entered_gbq, now.constraints, self._section.parameters.prescription.aim)

    def work(self, now: Prescription) -> None:
        """Find the set and show it."""
        aim = Aim(self._section.parameters.prescription.aim)
        found = self._found = self._section.prescriber.together(now, aim)
        ui = self._ui
        isPair = len(now.lines.labels) == 2
        ui.setLabel.visible = isPair
        if isPair:
            self._picture.show(shownOf(now, found))
        ui.useBestButton.visible = not isinstance(found.best, Missing)
        ui.togetherLabel.text = paragraphs([escape(line) for line in _told(found)])

    def clear(self) -> None:
        """Forget the set."""
        self._found = None
        self._picture.show(None)

    def _onUse(self, _checked: bool = False) -> None:
        section, found = self._section, self._found
        now = section.now
        if now is None or found is None or found.labels != now.lines.labels or isinstance(found.best, Missing):
            return  # another plan is shown by now
        with section.change("best"), slicer.util.NodeModify(section.parameters):
            for index, gbq in enumerate(found.best.activities_gbq):
                setActivity(section.parameters, now.lines.session.label, index, gbq)


def shownOf(now: Prescription, found: FeasibleSet) -> Shown:
    """Return what the picture of a set shows: near the activities that matter, however far the set reaches."""
    best = None if isinstance(found.best, Missing) else found.best.activities_gbq
    near = [p for p in (now.lines.entered_gbq, best, found.relaxation and found.relaxation.activities_gbq) if p]
    scales = tuple(niceAbove(REACH_RATIO * max(p[axis] for p in near)) for axis in (0, 1))
    single = [b for c in now.constraints.hard if len(c.bounds) == 1 for b in c.bounds]
    bounds = tuple({boundText(bound): bound for bound in single}.values())
    if found.relaxation is not None:
        giving = {boundText(b) for c in found.relaxation.giving for b in c.bounds}
        named = tuple(b for b in bounds if boundText(b) in giving)
    else:
        named = tuple(edgesOf(bounds, found.corners_gbq))
    return Shown(now.lines.labels, scales, found.corners_gbq, now.lines.entered_gbq, best, bounds, named)


def _told(found: FeasibleSet) -> list[str]:
    lines = []
    if isinstance(found.best, Missing):
        lines.append(_("No best choice: {why}.").format(why=found.best.because))
    else:
        pairs = zip(found.labels, found.best.activities_gbq, strict=True)
        amounts = ", ".join(f"{name} {gbq:.2f} GBq" for name, gbq in pairs)
        lines.append(_("Best: {amounts}.").format(amounts=amounts))
        doses = zip(SHOWN, found.best.doses_gy, strict=True)
        known = [f"{shortName(name)} {dose:.0f} Gy" for name, dose in doses if dose is not None]
        lines.append("; ".join(known) + ".")
    lines += [f"{conflict.text}." for conflict in found.conflicts]
    if found.relaxation is not None:
        give = found.relaxation
        pairs = zip(found.labels, give.activities_gbq, strict=True)
        amounts = ", ".join(f"{name} {gbq:.2f} GBq" for name, gbq in pairs)
        lines.append(
            _("Every target and limit eased by {give:.1f} % would let {amounts} do; all of it give: {what}.").format(
                give=100 * give.give_fraction, amounts=amounts, what=joined(give.giving)
            )
        )
    return lines
