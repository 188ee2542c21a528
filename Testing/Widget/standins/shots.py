"""Pictures of widgets, to look at: in Slicer's light and dark look, as wide as Slicer's module panel."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .pythonqt import QtCore, QtGui, QtWidgets

WIDTH = 400
FOLDER = Path(os.environ.get("Y90_SHOTS") or Path(tempfile.gettempdir()) / "y90-shots")
LIGHT = {"Window": "#f0f0f0", "Base": "#ffffff", "AlternateBase": "#f6f6f6", "Button": "#e4e4e4"}
DARK = {"Window": "#323232", "Base": "#232323", "AlternateBase": "#2d2d2d", "Button": "#3c3c3c"}


def palette(dark: bool) -> QtGui.QPalette:
    """Return a light or a dark palette for the Fusion style."""
    made = QtGui.QPalette()
    text = QtGui.QColor("#e6e6e6" if dark else "#141414")
    for role, color in (DARK if dark else LIGHT).items():
        made.setColor(getattr(QtGui.QPalette, role), QtGui.QColor(color))
    for role in ("WindowText", "Text", "ButtonText", "ToolTipText"):
        made.setColor(getattr(QtGui.QPalette, role), text)
        faded = QtGui.QColor("#7d7d7d" if dark else "#8c8c8c")
        made.setColor(QtGui.QPalette.Disabled, getattr(QtGui.QPalette, role), faded)
    made.setColor(QtGui.QPalette.PlaceholderText, QtGui.QColor("#8c8c8c"))
    made.setColor(QtGui.QPalette.Highlight, QtGui.QColor("#2a82da"))
    made.setColor(QtGui.QPalette.HighlightedText, QtGui.QColor("#ffffff"))
    made.setColor(QtGui.QPalette.Link, QtGui.QColor("#6db3f2" if dark else "#1a5fb4"))
    return made


def use_palette(dark: bool) -> None:
    """Make the whole application light or dark, as the user's choice of style does."""
    application = QtWidgets.QApplication.instance()
    application.setPalette(palette(dark))
    application.processEvents()


def shoot(widget, name: str, width: int = WIDTH, folder: Path | None = None) -> list[Path]:
    """Write <name>-light.png and <name>-dark.png of *widget* at *width* pixels and the height it asks for."""
    folder = Path(folder or FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    application, written = QtWidgets.QApplication.instance(), []
    for dark in (False, True):
        use_palette(dark)
        if widget.isWindow():
            widget.show()
            widget.setFixedWidth(width)
            for _ in range(3):  # heights follow widths, children first
                application.processEvents()
                widget.resize(width, height_for(widget, width))
        path = folder / f"{name}-{'dark' if dark else 'light'}.png"
        if not widget.grab().save(str(path)):
            raise OSError(f"{path} can't be written")
        written.append(path)
    use_palette(False)
    if widget.isWindow():
        widget.setMinimumWidth(0)
        widget.setMaximumWidth(16777215)
    return written


def height_for(widget, width: int) -> int:
    """Return the height that the whole of *widget* takes at this width."""
    inside = widget.layout()
    wanted = inside.heightForWidth(width) if inside and inside.hasHeightForWidth() else -1
    return max(wanted, QtWidgets.QWidget.sizeHint(widget).height(), 50)


def too_wide(widget, width: int = WIDTH) -> list[str]:
    """Return the visible widgets that need more than *width* pixels: the panel would scroll sideways."""
    asking = [w for w in widget.findChildren(QtWidgets.QWidget) if w.isVisibleTo(widget)]
    names = []
    for one in asking:
        needed = max(one.minimumWidth, QtWidgets.QWidget.minimumSizeHint(one).width())
        if needed > width:
            names.append(f"{one.className()} {one.name or one.parent().name}: {needed} px")
    return names


__all__ = ["FOLDER", "WIDTH", "QtCore", "height_for", "palette", "shoot", "too_wide", "use_palette"]
