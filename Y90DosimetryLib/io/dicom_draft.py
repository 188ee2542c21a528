"""A session that an image alone does not complete, as lines of a case file for the user to fill in."""

from __future__ import annotations

from datetime import datetime

from ..case import Basis
from ..images import ActivityMap, CountMap
from .case_keys import AT_INFUSION


def session_draft(
    label: str,
    image: str,
    values: CountMap | ActivityMap | None = None,
    activity_gbq: float | None = None,
    given: datetime | None = None,
    *,
    delivered: bool,
) -> str:
    """Return the tables of a session with what is known, and empty keys for what is not."""
    lines = [
        "To use this image: complete the lines below and take away the leading #.",
        "[[sessions]]",
        f'label = "{label}"',
        f'basis = "{Basis.DELIVERED if delivered else Basis.PLANNED}"',
        f'image = "{image}"',
    ]
    if isinstance(values, ActivityMap):
        at = values.reference_time
        lines.append('image_values = "bq_ml"')
        lines.append(f"image_time = {at.isoformat()}" if at else f'image_decay_corrected_to = "{AT_INFUSION}"')
    else:
        lines.append('image_values = "counts"')
    return "\n".join(
        [
            *lines,
            "",
            "[[sessions.infusions]]",
            'label = "Infusion 1"',
            'perfused = "label of the perfused volume"',
            "activity_at_infusion_gbq = " + (f"{activity_gbq:g}" if activity_gbq else "  # GBq of Y-90"),
            "given_at = " + (given.isoformat() if given else "  # 2026-03-04T10:30:00+01:00"),
            "residual_fraction =   # 0.01 is 1 %",
            "lung_shunt_fraction =   # 0.05 is 5 %",
        ]
    )
