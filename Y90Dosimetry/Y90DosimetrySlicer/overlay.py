"""What is written over the slices: the verdict in one line with the case's name, and the doses of the isodose lines.

Texts stand on a dark ground of their own, so that they are read over bone as over air. Slicer's own annotations keep
the corners that they use.
"""

from __future__ import annotations

from dataclasses import dataclass

import vtk

from .display import layoutManager

GROUND, GROUND_OPACITY = (0.0, 0.0, 0.0), 0.65
FONT_PX, KEY_FONT_PX = 15, 13
TOP, KEY_PLACE = 0.985, (0.012, 0.80)
LONGEST = 90
"""Characters of the line; a narrow view gets a smaller share."""
CHARACTER_PX = 8.5
KEY_ROW_PX = 18


@dataclass(frozen=True)
class Line:
    """A text and its color, parts 0 to 1."""

    text: str
    color: tuple[float, float, float]


class Overlay:
    """Keeps one line and a key of isodoses in every slice view of the present layout."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple] = {}
        """By the view's name: its renderer, the actors in it, and what they say."""

    def show(self, line: Line | None, key: tuple[Line, ...] = ()) -> None:
        """Write a line and a key into every slice view; views that show them already are left alone."""
        manager = layoutManager()
        for name in manager.sliceViewNames() if manager is not None else ():
            view = manager.sliceWidget(name).sliceView()
            width, height = view.renderWindow().GetSize()
            renderer = view.renderWindow().GetRenderers().GetFirstRenderer()
            said = (line, key, width, height)
            if renderer is None or self._shown.get(name, (None, (), ()))[::2] == (renderer, said):
                continue
            self._take(name)
            actors = _actors(line, key, max(width, 1), max(height, 1))
            for actor in actors:
                renderer.AddViewProp(actor)
            self._shown[name] = (renderer, actors, said)
            view.scheduleRender()

    def clear(self) -> None:
        """Take everything away."""
        if any(actors for _renderer, actors, _said in self._shown.values()):
            self.show(None)

    @property
    def texts(self) -> dict[str, list[str]]:
        """What is written, by the view's name."""
        return {name: [actor.GetInput() for actor in actors] for name, (_r, actors, _s) in self._shown.items()}

    def _take(self, name: str) -> None:
        renderer, actors, _said = self._shown.pop(name, (None, (), ()))
        for actor in actors:
            renderer.RemoveViewProp(actor)


def _actors(line: Line | None, key: tuple[Line, ...], width: int, height: int) -> tuple:
    actors = []
    if line is not None and line.text:
        room = min(LONGEST, max(12, int(width / CHARACTER_PX)))
        text = line.text if len(line.text) <= room else f"{line.text[: room - 1]}…"
        actors.append(_actor(text, line.color, FONT_PX, 0.5, TOP))
        actors[-1].GetTextProperty().SetJustificationToCentered()
    for row, one in enumerate(key):
        actors.append(
            _actor(f" {one.text} ", one.color, KEY_FONT_PX, KEY_PLACE[0], KEY_PLACE[1] - row * KEY_ROW_PX / height)
        )
    return tuple(actors)


def _actor(text: str, color, fontPx: int, x: float, y: float):
    actor = vtk.vtkTextActor()
    actor.SetInput(f" {text} " if text else "")
    style = actor.GetTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(fontPx)
    style.BoldOn()
    style.SetColor(*color)
    style.SetBackgroundColor(*GROUND)
    style.SetBackgroundOpacity(GROUND_OPACITY)
    style.SetVerticalJustificationToTop()
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(x, y)
    return actor
