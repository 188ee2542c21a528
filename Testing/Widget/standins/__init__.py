"""Qt as PythonQt shows it, CTK's and Slicer's widgets, and the application, for a panel in a plain Qt window."""

import os

os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x2"  # enumerations are integers; read when PySide6 is imported
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
