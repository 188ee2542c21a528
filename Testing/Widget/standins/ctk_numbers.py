"""Stand-ins of the CTK widgets that hold numbers."""

from __future__ import annotations

import math

from . import api
from .pythonqt import QtCore, QtWidgets

Property, Qt = QtCore.Property, QtCore.Qt


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A number field; a widget of its own around QDoubleSpinBox."""

    api.fill(locals(), "ctkDoubleSpinBox")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._box)
        self.setFocusProxy(self._box)
        self._box.connect("valueChanged(double)", self._value_changed)
        self._box.connect("editingFinished()", self.editingFinished.emit)

    valueChanged = QtCore.Signal(float)
    _valueChanged_QString = QtCore.Signal(str)

    def _value_changed(self, value):
        self.valueChanged.emit(value)
        self._valueChanged_QString.emit(self._box.text)

    def _forward(name, type_):  # noqa: N805
        return Property(type_, lambda self: getattr(self._box, name), lambda self, v: setattr(self._box, name, v))

    value, minimum, maximum = _forward("value", float), _forward("minimum", float), _forward("maximum", float)
    singleStep, decimals = _forward("singleStep", float), _forward("decimals", int)
    prefix, suffix = _forward("prefix", str), _forward("suffix", str)
    readOnly, frame = _forward("readOnly", bool), _forward("frame", bool)
    cleanText = Property(str, lambda self: self._box.cleanText)

    def setValueIfDifferent(self, value):
        self.value = value

    def setValueAlways(self, value):
        self.value = value


class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider of real numbers."""

    api.fill(locals(), "ctkDoubleSlider")
    _STEPS = 1000

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(Qt.Horizontal, self)
        self._slider.setRange(0, self._STEPS)
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._slider)
        self._slider.connect("sliderMoved(int)", self._moved)
        self._slider.connect("sliderPressed()", self.sliderPressed.emit)
        self._slider.connect("sliderReleased()", self.sliderReleased.emit)

    minimum = api.remembered(float, 0.0, changed="_clamp")
    maximum = api.remembered(float, 99.0, changed="_clamp")
    value = Property(float, lambda self: self._number, lambda self, v: self._set(v))
    _number = 0.0

    def _set(self, value):
        value = min(max(value, self.minimum), self.maximum)
        if value != self._number:
            self._number = value
            self._show()
            self.valueChanged.emit(value)

    def _clamp(self):
        self._set(self._number)
        self._show()
        self.rangeChanged.emit(self.minimum, self.maximum)

    def _show(self):
        span = self.maximum - self.minimum
        if math.isfinite(span) and span > 0:
            self._slider.value = (self._number - self.minimum) / span * self._STEPS

    def _moved(self, position):
        self._set(self.minimum + position / self._STEPS * (self.maximum - self.minimum))
        self.sliderMoved.emit(self._number)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a number field for one value."""

    api.fill(locals(), "ctkSliderWidget")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider, self._box = ctkDoubleSlider(self), QtWidgets.QDoubleSpinBox(self)
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._slider)
        inside.addWidget(self._box)
        self._updating = False
        self._slider.connect("valueChanged(double)", self._changed)
        self._box.connect("valueChanged(double)", self._typed)

    def _typed(self, value):
        if not self._updating:
            self._slider.value = value

    def _changed(self, value):
        self._updating = True
        self._box.value = value
        self._updating = False
        self.valueIsChanging.emit(value)
        self.valueChanged.emit(value)

    def _both(name, type_=float):  # noqa: N805
        def write(self, value):
            setattr(self._box, name, value)
            setattr(self._slider, name, value)

        return Property(type_, lambda self: getattr(self._slider, name), write)

    def _box_only(name, type_):  # noqa: N805
        return Property(type_, lambda self: getattr(self._box, name), lambda self, v: setattr(self._box, name, v))

    minimum, maximum = _both("minimum"), _both("maximum")
    singleStep = _both("singleStep")
    decimals, prefix, suffix = _box_only("decimals", int), _box_only("prefix", str), _box_only("suffix", str)
    tracking = api.remembered(bool, True)
    spinBoxVisible = Property(bool, lambda self: not self._box.isHidden(), lambda self, v: self._box.setVisible(v))
    value = Property(float, lambda self: self._slider.value, lambda self, v: self._set(v))

    def _set(self, value):
        """Take a value as CTK does: through the number field, which rounds it to its decimals."""
        self._slider.value = round(min(max(value, self.minimum), self.maximum), self.decimals)

    def reset(self):
        self.value = self.minimum


class _Range(QtWidgets.QWidget):
    """Two numbers in order."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._boxes = QtWidgets.QDoubleSpinBox(self), QtWidgets.QDoubleSpinBox(self)
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        for index, box in enumerate(self._boxes):
            box.setRange(0, 99)
            inside.addWidget(box)
            box.connect("valueChanged(double)", lambda value, index=index: self._changed(index))
        self._boxes[1].value = 99.0

    def _changed(self, index):
        low, high = (box.value for box in self._boxes)
        if low > high:
            self._boxes[1 - index].value = self._boxes[index].value
            return
        (self.minimumValueChanged, self.maximumValueChanged)[index].emit((low, high)[index])
        self.valuesChanged.emit(low, high)

    def setValues(self, low, high):
        self._boxes[0].value, self._boxes[1].value = low, high

    def setRange(self, low, high):
        for box in self._boxes:
            box.setRange(low, high)


def _of_box(index, name):
    def write(self, value):
        for box in self._boxes if name != "value" else (self._boxes[index],):
            setattr(box, name, value)

    return Property(float, lambda self: getattr(self._boxes[index], name), write)


class ctkRangeWidget(_Range):
    """A range with two number fields."""

    api.fill(locals(), "ctkRangeWidget")
    minimum, maximum, singleStep = _of_box(0, "minimum"), _of_box(1, "maximum"), _of_box(0, "singleStep")
    minimumValue, maximumValue = _of_box(0, "value"), _of_box(1, "value")
    setValues, setRange = _Range.setValues, _Range.setRange


class ctkDoubleRangeSlider(_Range):
    """A range on one slider."""

    api.fill(locals(), "ctkDoubleRangeSlider")
    minimum, maximum, singleStep = _of_box(0, "minimum"), _of_box(1, "maximum"), _of_box(0, "singleStep")
    minimumValue, maximumValue = _of_box(0, "value"), _of_box(1, "value")
    setValues, setRange = _Range.setValues, _Range.setRange
