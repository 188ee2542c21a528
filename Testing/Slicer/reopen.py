"""Open a saved scene in a fresh application and tell what is seen: reopen.py SCENE ANSWER [--again]."""

import json
import sys
from pathlib import Path

import slicer

sys.path.insert(0, str(Path(__file__).parent))
from application_kit import settle, shown_in


def main(scene: str, answer: str, again: bool) -> None:
    """Write what the views and the panel show into a JSON file; with *again* the scene is closed and opened twice."""
    from Y90DosimetrySlicer.widgets.steps import stateOf

    slicer.util.selectModule("Y90Dosimetry")
    panel = slicer.modules.y90dosimetry.widgetRepresentation().self().panel
    for _time in range(2 if again else 1):
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(scene)
        settle(3000)
    case, manager = panel.parameters, slicer.app.layoutManager()
    found = {
        "label": case.caseLabel,
        "shown": shown_in(case),
        "curves": case.dvhChart.GetNumberOfPlotSeriesNodes(),
        "verdict": panel.status.verdict.sentence if panel.status.verdict is not None else "",
        "states": {step.value: stateOf(step, panel.status)[0].value for step in panel.sections},
        "views": sum(bool(manager.sliceWidget(name).visible) for name in manager.sliceViewNames()),
    }
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    again = sys.argv[-1] == "--again"
    scene, answer = sys.argv[-3:-1] if again else sys.argv[-2:]
    try:
        main(scene, answer, again)
    finally:
        slicer.util.exit(0)
