"""A session that an image alone does not complete, and its lines in a case file for the user to fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from ..case import Basis, Settings
from ..images import ActivityMap, CountMap
from .case_keys import AT_INFUSION
from .case_writer import toml_text


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


def known_tables(document: Mapping[str, object]) -> dict[str, list[dict[str, str]]]:
    """Return the tables of a case file as the template takes them; settings that nobody chose are left out."""
    usual = {f.name: getattr(Settings(), f.name) for f in fields(Settings)}
    found: dict[str, list[dict[str, str]]] = {}
    for name, value in document.items():
        for row in value if isinstance(value, list) else [value]:
            assert isinstance(row, dict), "a case file holds tables"
            inner = {k: v for k, v in row.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
            kept = {
                k: v for k, v in row.items() if k not in inner and (name != "settings" or k == "hospital_time_zone")
            }
            found.setdefault(name, []).append({k: toml_text(v) for k, v in kept.items()})
            for key, rows in inner.items():
                found.setdefault(f"{name}.{key}", []).extend({k: toml_text(v) for k, v in r.items()} for r in rows)
    if found.get("settings") == [{"hospital_time_zone": toml_text(usual["hospital_time_zone"])}]:
        del found["settings"]
    return found
