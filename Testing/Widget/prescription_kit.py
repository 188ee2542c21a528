"""What the tests of the section Prescription share: the section on a measured patient, and where to look."""

import pytest
import slicer
from standins.pythonqt import QtGui

BOXES = ("limitsBox", "vialsBox", "togetherBox", "comparisonBox", "sureBox")


@pytest.fixture
def opened(hand):
    """Open the section on a digital patient that is measured; return it."""

    def open_(variant="lobectomy", *, narrow=True):
        hand.sample(variant)
        if variant == "lobectomy" and narrow:
            decided(hand)
        hand.panel.workflow.prepare()
        hand.only("prescription")
        return hand.panel.sections[hand.Step.PRESCRIPTION]

    return open_


INSIDE_GBQ = 3.11
"""At the infusion: above 3.04, where the thrombus gets 205 Gy, and below 3.15, where the normal liver gets 120 Gy."""


def decided(hand):
    """Let the perfused normal liver decide, and enter an activity that lies in the window."""
    from Y90DosimetrySlicer.parameters import setFact

    setFact(hand.parameters, "normal_liver_limit", "perfused")
    infusion = hand.parameters.sessions[0].infusions[0]
    case = hand.panel.workflow.case()
    infusion.activityGbq *= INSIDE_GBQ / case.sessions[0].infusions[0].activity_at_infusion_gbq(
        case.settings.half_life_h
    )
    hand.refresh()


def texts(table, column=0):
    items = [table.item(row, column) for row in range(table.rowCount)]
    return [item.text() if item is not None else "" for item in items]


def look(hand, section, box):
    """Open a box and wait as long as a user would."""
    box.collapsed = False
    hand.refresh()
    section.catchUp()
    slicer.app.processEvents()


def choose_limit(section, name):
    table = section.ui.limitsTable
    table.selectRow(next(row for row, text in enumerate(texts(table)) if text.replace("\u2011", "-").endswith(name)))


def deliver(hand, share=0.6):
    """Say that the plan was delivered with a share of its activity."""
    from Y90DosimetrySlicer.parameters import newInfusion, newSession

    plan = hand.parameters.sessions[0]
    i = plan.infusions[0]
    values = {name: getattr(i, name) for name in ("calibratedAt", "givenAt", "residualFraction", "lungShuntFraction")}
    given = newInfusion(i.label, i.perfusedSegmentId, activityGbq=share * i.activityGbq, **values)
    options = {"image": plan.image, "values": plan.values, "basis": "delivered", "delivers": plan.label}
    hand.parameters.sessions.append(newSession("Given", (given,), **options))
    hand.panel.workflow.prepare()
    hand.refresh()


def names(section):
    return section._picture.names.texts


def colors(section):
    """Return the colors of the picture along the upper edge of the track, from left to right."""
    label = section.ui.pictureLabel
    image = QtGui.QPixmap(label.pixmap).toImage()
    ratio = image.devicePixelRatio()
    y = section.ui.prescribedSlider.geometry.top() + 3
    return [QtGui.QColor(image.pixelColor(int(x * ratio), int(y * ratio))) for x in range(int(label.width))]


def is_green(color):
    return color.green() > color.red() + 40 and color.green() > color.blue() + 40
