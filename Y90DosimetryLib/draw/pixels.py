"""Figures as pixels, for programs that read no SVG."""

from __future__ import annotations

from ..errors import MissingToolError

PRINT_WIDTH_PX = 2000
"""17 cm of an A4 page at 300 dots an inch (tool default)."""


def require_pixels() -> None:
    """Raise `MissingToolError`, saying what to do, where no PNG can be made."""
    try:
        import resvg_py  # noqa: F401
    except ImportError:
        raise MissingToolError(
            "Pictures as PNG need resvg-py: install it with `pip install resvg-py`, or use the SVG files, which"
            " browsers and word processors open"
        ) from None


def png_of_figure(svg: str, width_px: int = PRINT_WIDTH_PX) -> bytes:
    """Return a figure as a PNG file so many pixels wide.

    Raises
    ------
    MissingToolError
        If resvg-py is not installed.
    """
    require_pixels()
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width_px))
