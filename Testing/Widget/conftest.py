"""Starts the panel in a Qt window offscreen, on the real MRML scene. Run it as a process of its own."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
for folder in (HERE.parent, HERE, ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from Standins import boot  # noqa: E402
from standins import application, bindings, ctk_widgets, qt_module, sampledata, shots  # noqa: E402
from standins.module import OpenModule  # noqa: E402
from standins.pythonqt import QtCore, QtWidgets  # noqa: E402

APPLICATION = application.application()
boot.install_bases(qt_module.build(), ctk_widgets.build())
if boot.real_sources() is None:
    bindings.add_to(sys.modules["slicer.parameterNodeWrapper"])
sampledata.install()
# PySide6 6.12 frees widgets of a closed window twice where the cyclic collector meets them: valgrind shows writes to
# freed memory below Shiboken::Object::invalidate, and now and then a later test aborts. Counting references goes on.
gc.disable()
MODULE = ROOT / "Y90Dosimetry" / "Y90Dosimetry.py"
EXIT_STATUS = pytest.StashKey[int]()


@pytest.fixture
def desk():
    """What the user saw beside the panel (messages, opened files), and the answers to dialogs."""
    return qt_module.desk


@pytest.fixture
def scene():
    """A new, empty MRML scene, with logics, views and `slicer.app`; errors in slots and observers fail the test."""
    qt_module.desk.clear()
    QtCore.QSettings().clear()
    headless = boot.Application()
    APPLICATION._begin(headless)
    yield headless.scene
    APPLICATION.processEvents()
    APPLICATION._end()
    uncaught, unanswered = qt_module.desk.uncaught, qt_module.desk.answers
    assert not uncaught, f"errors in slots or observers: {uncaught!r}"
    assert not unanswered, f"dialogs that never opened: {unanswered}"


@pytest.fixture
def headless(scene):
    """The Application of Testing/Standins behind *scene*: save(path), load(path), close_scene()."""
    return APPLICATION._headless


@pytest.fixture
def open_module(scene):
    """Open a scripted module's file: its panel in a window, 400 pixels wide."""
    opened = []

    def open_(file: Path) -> OpenModule:
        opened.append(OpenModule(Path(file)))
        return opened[-1]

    yield open_
    for module in opened:
        module.close()


@pytest.fixture
def panel(open_module):
    """The panel of Y90Dosimetry; `panel.widget` is its Python object, `panel.<objectName>` any of its widgets."""
    return open_module(MODULE)


@pytest.fixture
def click():
    """Press a button as a mouse would: a hidden or disabled one fails."""

    def press(button: QtWidgets.QAbstractButton) -> None:
        assert button.visible, f"{button.name or button.text} is not on the screen"
        assert button.enabled, f"{button.name or button.text} is disabled: {button.toolTip}"
        button.click()
        APPLICATION.processEvents()

    return press


@pytest.fixture
def shot():
    """Write <name>-light.png and <name>-dark.png of a widget, 400 pixels wide, into Y90_SHOTS."""
    return shots.shoot


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Remember the result for `pytest_unconfigure`."""
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config):
    """End the process after everything was counted and written, before pytest and Python collect what is left.

    pytest calls the collector by itself here, with what `gc.disable` above avoids; and a compiled wheel (Qt's or VTK's)
    releases True once too often, over which Python 3.11 aborts while it ends. Both would hide the result of the tests.
    """
    if EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[EXIT_STATUS])
