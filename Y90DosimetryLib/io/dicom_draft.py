"""A session that an image alone does not complete, and its lines in a case file for the user to fill in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..case import Basis
from ..images import ActivityMap, CountMap
from .case_keys import AT_INFUSION


@dataclass(frozen=True)
class SessionDraft:
    """What headers tell of a session; what is None they do not tell."""

    label: str
    file_name: str
    basis: Basis
    values: CountMap | ActivityMap
    activity_gbq: float | None = None
    """At the infusion."""
    given: datetime | None = None

    def text(self) -> str:
        """Return the tables of the session with what is known, and empty keys for what is not."""
        lines = [
            "To use this image: complete the lines below and take away the leading #.",
            "[[sessions]]",
            f'label = "{self.label}"',
            f'basis = "{self.basis}"',
            f'image = "{self.file_name}"',
        ]
        if isinstance(self.values, ActivityMap):
            at = self.values.reference_time
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
                "activity_at_infusion_gbq = " + (f"{self.activity_gbq:g}" if self.activity_gbq else "  # GBq of Y-90"),
                "given_at = " + (self.given.isoformat() if self.given else "  # 2026-03-04T10:30:00+01:00"),
                "residual_fraction =   # 0.01 is 1 %",
                "lung_shunt_fraction =   # 0.05 is 5 %",
            ]
        )
