"""How sure a measured dose typically is."""

from __future__ import annotations

from ..dosimetry.regions import RegionKind
from ..dosimetry.typical import image_sd_ratio, volume_sd_ratio
from ..images import ActivityMap
from ..missing import Missing
from .view import View

_REGIONS = {
    "ntad_gy": RegionKind.PERFUSED_NORMAL,
    "ntad_session_gy": RegionKind.PERFUSED_NORMAL,
    "whole_normal_liver_dose_gy": RegionKind.WHOLE_NORMAL,
    "whole_liver_dose_gy": RegionKind.WHOLE_LIVER,
}


def sd_ratio(view: View, measure_id: str, item: str) -> float | None:
    """Return the typical relative standard deviation of a dose, or None where the volume it is of has no size."""
    base, _, model = measure_id.partition(".")
    volume_ml = 0.0
    if base in _REGIONS:
        region = view.region(_REGIONS[base])
        if not isinstance(region, Missing):
            volume_ml = view.compartments.volume_ml(region.indices)
    elif item in view.infusions:
        volume_ml = view.compartments.volume_ml(view.infusions[item][1].indices)
    elif item:
        volume_ml = view.compartments.volume_ml(view.compartments.lesion(item))
    if volume_ml <= 0:
        return None
    if model != "multicompartment" or any(view.rests_on_given_ratio(s) for s in view.sessions):
        return volume_sd_ratio(volume_ml)
    return image_sd_ratio(volume_ml, all(isinstance(s.session.image, ActivityMap) for s in view.sessions))
