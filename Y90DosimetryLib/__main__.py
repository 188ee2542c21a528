"""`python -m Y90DosimetryLib …` is the command `y90`, where the command is not installed (`PythonSlicer` of 3D Slicer)."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
