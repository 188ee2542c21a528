"""`python -m Y90DosimetryLib …` is the command `y90`, where it is not installed (3D Slicer's `PythonSlicer`)."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
