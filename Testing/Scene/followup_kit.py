"""The digital patient over time in the scene, and what the tests of its follow-up share."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scene_kit import matrix4, segment, segmentation
from Y90DosimetrySlicer import readings
from Y90DosimetrySlicer.parameters import Parameters

from Y90DosimetryLib.phantom import PhantomSettings
from Y90DosimetryLib.phantom.followup import patient_over_time

COARSE = PhantomSettings(
    ct_spacing_mm=(5.0, 5.0, 5.0), spect_spacing_mm=(8.0, 8.0, 8.0), pet_spacing_mm=(8.0, 8.0, 8.0), seed=5
)


@lru_cache
def over_time():
    """Return a digital patient with studies before the treatment and at months 1, 3 and 6, made once."""
    return patient_over_time(COARSE)


def read(parameters: Parameters, label: str):
    return next(pack for pack in parameters.timePoints if pack.label == label)


def block(name: str, node=None, side: int = 20):
    """Return a segmentation with a cube of *side* mm, and the segment's ID."""
    node = node or segmentation(name)
    return node, segment(node, np.ones((side, side, side), np.uint8), matrix4(), name)


def line_of(parameters, label: str, length_mm: float, which: str = "viable", lesion: int = 0):
    line = readings.drawLine(read(parameters, label), lesion, which)
    line.AddControlPoint(10.0, 0.0, 0.0)
    line.AddControlPoint(10.0 + 0.6 * length_mm, 0.8 * length_mm, 0.0)
    return line
