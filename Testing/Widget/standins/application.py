"""`slicer.app`, the module manager and the parts of slicer.util that speak with the user."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import slicer

from . import api, ctk_widgets, mrml_segments, mrml_views, mrml_widgets, qt_module, ui_loader
from .pythonqt import QtCore, QtWidgets
from .qt_module import desk

Signal = QtCore.Signal


class qSlicerModuleManager(QtCore.QObject):
    """The loaded modules."""

    api.fill(locals(), "qSlicerModuleManager")

    def __init__(self):
        super().__init__()
        self._modules = {}

    def module(self, name):
        return self._modules.get(name) or getattr(slicer.modules, name.lower(), None)

    def modulesNames(self):
        return tuple(self._modules)


class qSlicerScriptedLoadableModule(QtCore.QObject):
    """What the module manager knows about a scripted module."""

    api.fill(locals(), "qSlicerAbstractCoreModule", without=("name", "path"))
    api.fill(locals(), "qSlicerAbstractModule")
    api.fill(locals(), "qSlicerScriptedLoadableModule")

    def __init__(self, name, path):
        super().__init__()
        self.objectName = name
        self._path, self._representation = path, None

    path = QtCore.Property(str, lambda self: self._path)

    def logic(self):
        return None

    def widgetRepresentation(self):
        return self._representation


class qSlicerScriptedLoadableModuleWidget(mrml_widgets.qSlicerWidget):
    """The container of a module's panel, with the layout that the panel fills."""

    api.fill(locals(), "qSlicerAbstractModuleWidget", without=("isEntered",))
    api.fill(locals(), "qSlicerScriptedLoadableModuleWidget")
    isEntered = api.remembered(bool, False)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._self = None
        QtWidgets.QVBoxLayout(self)

    def self(self):
        return self._self

    def enter(self):
        self.isEntered = True
        self._self.enter()

    def exit(self):
        self.isEntered = False
        self._self.exit()


class qSlicerApplication(QtWidgets.QApplication):
    """The application; made once a process, given a new scene by every test."""

    api.fill(locals(), "qSlicerCoreApplication", without=("temporaryPath", "majorVersion", "minorVersion"))
    _standin = "qSlicerApplication"
    startupCompleted, renderPaused = Signal(), Signal(bool)
    temporaryPath = QtCore.Property(str, lambda self: self._headless.folder.name)
    majorVersion, minorVersion = QtCore.Property(int, lambda self: 5), QtCore.Property(int, lambda self: 10)
    applicationLocaleName = QtCore.Property(str, lambda self: "en_US")
    documentationBaseUrl = QtCore.Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")

    def __init__(self):
        super().__init__(["Slicer"])
        self.setStyle("Fusion")
        self._headless = self._manager = self._layout = None
        self._main_window = QtWidgets.QMainWindow()
        self._main_window.objectName = "qSlicerMainWindow"  # slicer.util.mainWindow() looks for it
        self._kept = []  # VTK's logics of finished tests: their order of destruction is not Python's to choose

    def _begin(self, headless):
        """Take scene and logics from *headless*, an Application of Testing/Standins."""
        self._headless, self._manager = headless, qSlicerModuleManager()
        self._layout = mrml_views.qSlicerLayoutManager(headless.logic, headless.scene)
        slicer.app = self

    def _end(self):
        """Empty the scene of a finished test."""
        self._headless.scene.Clear(False)
        self._kept.append((self._headless, self._layout, self._manager))

    def mrmlScene(self):
        return slicer.mrmlScene

    def applicationLogic(self):
        return self._headless.logic

    def layoutManager(self):
        return self._layout

    def moduleManager(self):
        return self._manager

    def moduleLogic(self, name):
        return self._manager.module(name).logic()

    def testingEnabled(self):
        return False

    def commandOptions(self):
        return SimpleNamespace(testingEnabled=False, noMainWindow=False)

    def translate(self, context, text):
        return text

    def settings(self):
        return QtCore.QSettings()

    userSettings = revisionUserSettings = settings

    def openUrl(self, url):
        desk.opened.append(url)

    def openNodeModule(self, node, role="", context=""):
        desk.opened.append(node.GetID())

    def moduleDocumentationUrl(self, name):
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def pauseRender(self):
        self.renderPaused.emit(True)

    def resumeRender(self):
        self.renderPaused.emit(False)

    def setRenderPaused(self, paused):
        self.renderPaused.emit(paused)


def _message_box(text, parent=None, **options):
    """Stand in for slicer.util.messageBox: keep the text; a question gets the answer that the test prepared."""
    desk.messages.append(text)
    error = sys.exc_info()[1]
    if error is not None:
        desk.shown_errors.append(error)
    buttons = options.get("standardButtons") or QtWidgets.QMessageBox.Ok
    return QtWidgets.QMessageBox.Ok if buttons == QtWidgets.QMessageBox.Ok else desk.ask("messageBox")


def _watched_progress(create):
    def create_and_watch(*arguments, **options):
        dialog = create(*arguments, **options)
        if desk.cancel_progress:
            desk.cancel_progress = False
            QtCore.QTimer.singleShot(0, dialog, dialog.cancel)
        return dialog

    return create_and_watch


def application() -> qSlicerApplication:
    """Return the application; the first call puts qt, ctk and the widgets where Slicer has them."""
    running = QtWidgets.QApplication.instance()
    if running is not None:
        return running
    qt, ctk = qt_module.build(), ctk_widgets.build()
    widgets = dict(vars(ctk))
    for module in (mrml_widgets, mrml_segments, mrml_views, sys.modules[__name__]):
        widgets |= {n: v for n, v in vars(module).items() if n.startswith(("qMRML", "qSlicer"))}
    for name, class_ in widgets.items():
        if name.startswith(("qMRML", "qSlicer")):
            setattr(slicer, name, class_)
    ui_loader.install(qt, {n: c for n, c in widgets.items() if isinstance(c, type)})
    app = qSlicerApplication()
    sys.excepthook = lambda kind, error, trace: _uncaught(kind, error, trace)
    util = slicer.util
    util.messageBox = _message_box
    util.delayDisplay = lambda message, *a, **k: desk.messages.append(message)
    util.showStatusMessage = lambda message, duration=0: desk.status.append(message)
    util.createProgressDialog = _watched_progress(util.createProgressDialog)
    return app


def _uncaught(kind, error, trace) -> None:
    if any(error is shown for shown in desk.shown_errors):
        return
    desk.uncaught.append(error)
    sys.__excepthook__(kind, error, trace)
