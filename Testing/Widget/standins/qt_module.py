"""The module `qt`: every class of Qt under one name, with dialogs that a test answers in advance."""

from __future__ import annotations

import sys
import tempfile
from types import ModuleType

from . import pythonqt

from PySide6 import QtCore, QtGui, QtNetwork, QtPrintSupport, QtSvg, QtUiTools, QtWidgets, QtXml  # isort: skip

MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtXml, QtUiTools, QtPrintSupport)
FILE_DIALOGS = ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory")
INPUT_DIALOGS = ("getText", "getItem", "getInt", "getDouble", "getMultiLineText")
QUESTIONS = ("question", "warning", "information", "critical")


class Desk:
    """What the user sees beside the panel, and answers: messages, dialogs, opened files, progress."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything, as between two tests."""
        self.messages: list[str] = []  # shown by slicer.util.errorDisplay and its like
        self.shown_errors: list[BaseException] = []  # exceptions that were on their way while a message was shown
        self.status: list[str] = []  # slicer.util.showStatusMessage
        self.opened: list[str] = []  # addresses given to the desktop
        self.answers: list[tuple[str, object]] = []
        self.uncaught: list[BaseException] = []  # raised in slots and observers; a test fails over them
        self.cancel_progress = False  # press Cancel of the next progress dialog

    def answer(self, dialog: str, value: object) -> None:
        """Answer the next *dialog* (`getSaveFileName`, `exec`, `messageBox` …) with *value*."""
        self.answers.append((dialog, value))

    def ask(self, dialog: str) -> object:
        """Return the prepared answer; a dialog that nobody expects is a failure."""
        for index, (name, value) in enumerate(self.answers):
            if name == dialog:
                del self.answers[index]
                return value
        raise AssertionError(f"the dialog {dialog}() opened and the test has no answer for it")


desk = Desk()
_folder = tempfile.TemporaryDirectory(prefix="settings_")


def build() -> ModuleType:
    """Make `qt`, put the PythonQt face on its classes and return it; the same module every time."""
    if "qt" in sys.modules and getattr(sys.modules["qt"], "desk_of_tests", None) is desk:
        return sys.modules["qt"]
    qt = ModuleType("qt")
    for module in MODULES:
        vars(qt).update({n: getattr(module, n) for n in dir(module) if not n.startswith("_")})  # loaded when asked
    pythonqt.install(*MODULES)
    _answer_dialogs()
    _settings()
    for class_ in (QtGui.QTextDocument, QtWidgets.QTextEdit):
        class_.print = class_.print_
    qt.desk_of_tests = desk
    sys.modules["qt"] = qt
    return qt


def _executed(dialog, *_arguments):
    """Return the prepared answer of a dialog; a function gets the dialog first, as a user would."""
    answer = desk.ask("exec")
    return answer(dialog) if callable(answer) else answer


def _answer_dialogs() -> None:
    for names, class_ in (
        (FILE_DIALOGS, QtWidgets.QFileDialog),
        (INPUT_DIALOGS, QtWidgets.QInputDialog),
        (QUESTIONS, QtWidgets.QMessageBox),
        (("getColor",), QtWidgets.QColorDialog),
    ):
        for name in names:
            setattr(class_, name, staticmethod(lambda *a, name=name, **k: desk.ask(name)))
    for class_ in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QMenu, QtWidgets.QFileDialog):
        class_.exec = class_.exec_ = _executed
    QtCore.QEventLoop.exec_ = QtCore.QEventLoop.exec

    def open_url(url):
        desk.opened.append(url.toString())
        return True

    QtGui.QDesktopServices.openUrl = staticmethod(open_url)


def _settings() -> None:
    """Keep the settings in a folder of their own, never in the user's."""
    QtCore.QCoreApplication.setOrganizationName("NA-MIC")
    QtCore.QCoreApplication.setApplicationName("Slicer")
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
    QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, QtCore.QSettings.UserScope, _folder.name)
