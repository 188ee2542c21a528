"""The module `ctk`: stand-ins of the CTK widgets that a panel uses."""

from __future__ import annotations

import sys
from types import ModuleType

from . import api, ctk_numbers
from .pythonqt import QtCore, QtGui, QtWidgets
from .qt_module import desk

Property, Qt = QtCore.Property, QtCore.Qt


class _Collapsing:
    """Shows and hides its children with its check mark, but leaves hidden what was hidden on purpose."""

    _moving = False

    def _begin(self):
        self._explicitly_hidden = set()
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._show_children)

    def _show(self, child, shown):
        self._moving = True
        child.setVisible(shown)
        self._moving = False

    def _show_children(self):
        for child in self.children():
            if child.isWidgetType() and child not in self._explicitly_hidden:
                self._show(child, self.checked)
        self.updateGeometry()

    def childEvent(self, event):
        child = event.child()
        if event.type() == QtCore.QEvent.ChildAdded and child.isWidgetType():
            child.installEventFilter(self)
            if not self.checked:
                self._show(child, False)
        super().childEvent(event)

    def eventFilter(self, child, event):
        if not self._moving and event.type() == QtCore.QEvent.HideToParent:
            self._explicitly_hidden.add(child)
        if not self._moving and event.type() == QtCore.QEvent.ShowToParent:
            self._explicitly_hidden.discard(child)
            if not self.checked:
                self._show(child, False)
        return False


def _collapsed() -> Property:
    return Property(bool, lambda self: not self.checked, lambda self, value: self.setChecked(not value))


class ctkCollapsibleButton(_Collapsing, QtWidgets.QAbstractButton):
    """A header that shows and hides the widget's children."""

    api.fill(locals(), "ctkCollapsibleButton", without=("collapsed",))
    collapsed = _collapsed()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._begin()
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.setContentsMargins(0, self._header(), 0, 0)
        self.connect("toggled(bool)", lambda shown: self.contentsCollapsed.emit(not shown))

    def _header(self):
        return self.fontMetrics().height() + 12

    def sizeHint(self):
        size = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text) + 60, self._header() + 4)
        inside = self.layout().totalSizeHint() if self.layout() and self.checked else QtCore.QSize()
        return QtCore.QSize(max(size.width(), inside.width()), max(size.height(), inside.height()))

    def minimumSizeHint(self):
        inside = self.layout().totalMinimumSize() if self.layout() and self.checked else QtCore.QSize(0, self._header())
        return QtCore.QSize(inside.width(), max(inside.height(), self._header()))

    def hitButton(self, position):
        return position.y() <= self._header()

    def paintEvent(self, event):
        painter, option = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, super().width(), self._header())
        option.state |= QtWidgets.QStyle.State_Raised
        painter.drawPrimitive(QtWidgets.QStyle.PE_PanelButtonCommand, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, self._header() // 2 - 5, 10, 10)
        style = QtWidgets.QStyle
        painter.drawPrimitive(style.PE_IndicatorArrowDown if self.checked else style.PE_IndicatorArrowRight, arrow)
        left = 22
        if not self.icon.isNull():
            self.icon.paint(painter, left, self._header() // 2 - 8, 16, 16)
            left += 22
        text = QtCore.QRect(left, 0, super().width() - left - 4, self._header())
        painter.setPen(self.palette.color(QtGui.QPalette.ButtonText))
        painter.drawText(text, Qt.AlignVCenter | Qt.AlignLeft | Qt.TextShowMnemonic, self.text)


class ctkCollapsibleGroupBox(_Collapsing, QtWidgets.QGroupBox):
    """A group box whose check mark shows and hides the children."""

    api.fill(locals(), "ctkCollapsibleGroupBox", without=("collapsed",))
    collapsed = _collapsed()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._begin()


class ctkPathLineEdit(QtWidgets.QWidget):
    """A path: a field and a button."""

    api.fill(locals(), "ctkPathLineEdit", without=("currentPath",))

    def __init__(self, parent=None):
        super().__init__(parent)
        self._field, self._button = QtWidgets.QComboBox(self), QtWidgets.QToolButton(self)
        self._field.setEditable(True)
        self._button.text = "..."
        inside = QtWidgets.QHBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self._field)
        inside.addWidget(self._button)
        self._button.connect("clicked()", self.browse)
        self._field.connect("editTextChanged(QString)", self.currentPathChanged.emit)

    currentPath = Property(str, lambda self: self._field.currentText, lambda self, v: self._field.setEditText(v))

    def browse(self):
        self.currentPath = desk.ask("browse")

    def addCurrentPathToHistory(self):
        self._field.addItem(self.currentPath)

    def comboBox(self):
        return self._field


class ctkDirectoryButton(QtWidgets.QWidget):
    """A folder, chosen in a dialog."""

    api.fill(locals(), "ctkDirectoryButton")
    directory = api.remembered(str, ".", "directoryChanged")

    def browse(self):
        self.directory = desk.ask("browse")
        self.directorySelected.emit(self.directory)


class ctkColorPickerButton(QtWidgets.QPushButton):
    """A color; a click opens the color dialog."""

    api.fill(locals(), "ctkColorPickerButton")
    color = api.remembered(QtGui.QColor, QtGui.QColor(), "colorChanged", "update")

    def __init__(self, parent=None):
        super().__init__(parent)
        self.connect("clicked()", self.changeColor)

    def changeColor(self):
        self.color = desk.ask("getColor")

    def paintEvent(self, event):
        super().paintEvent(event)
        QtGui.QPainter(self).fillRect(self.rect.adjusted(6, 6, -6, -6), self.color)


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that can be told not to come back."""

    api.fill(locals(), "ctkMessageBox")


REMEMBERING = (
    "ctkCheckBox",
    "ctkComboBox",
    "ctkCheckableComboBox",
    "ctkExpandableWidget",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkPushButton",
    "ctkCheckablePushButton",
)


def remembering(name: str, base: type | None = None) -> type:
    """Return a stand-in that shows Qt's own widget and remembers what the real class adds."""
    base = base or api.qt_base(name)
    namespace: dict = {"__module__": __name__, "__qualname__": name, "__doc__": f"Remembers what {name} is told."}
    api.fill(namespace, name)
    return type(base)(name, (base,), namespace)


def build() -> ModuleType:
    """Make `ctk` and return it; the same module every time."""
    if "ctk" not in sys.modules:
        ctk = ModuleType("ctk")
        for name, value in (vars(ctk_numbers) | globals()).items():
            if name.startswith("ctk") and isinstance(value, type):
                setattr(ctk, name, value)
        for name in REMEMBERING:
            base = getattr(ctk, api.classes()[name]["base"], None)
            setattr(ctk, name, remembering(name, base))
        sys.modules["ctk"] = ctk
    return sys.modules["ctk"]
