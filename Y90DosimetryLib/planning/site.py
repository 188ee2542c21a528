"""The site's own uncertainties: what a phantom measurement left, taken where a case does not state its own."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import InputError
from .stated import StatedInputs, stated_from

PLACE = "Y90_SITE_PROFILE"
"""Environment variable with the path of the profile; empty: none is used."""
USUAL = ".y90/site_profile.toml"
"""In the user's home, where the variable is not set."""


@dataclass(frozen=True)
class SiteProfile:
    """Uncertainties measured at a site: whose, with what, when."""

    site: str
    system: str
    measured_on: date
    stated: StatedInputs

    @property
    def text(self) -> str:
        """The profile in a few words."""
        return f"{self.site}, {self.system}, {self.measured_on.isoformat()}"


def profile_path() -> Path | None:
    """Return where the site's profile lies or would lie; None where none is to be used."""
    place = os.environ.get(PLACE)
    if place is None:
        return Path.home() / USUAL
    return Path(place) if place.strip() else None


def site_profile() -> SiteProfile | None:
    """Return the profile of this site; None where there is none.

    Raises
    ------
    InputError
        If it can't be read, or the environment names a file that does not exist.
    """
    path = profile_path()
    if path is None or not (path.exists() or PLACE in os.environ):
        return None
    return read_site_profile(path)


def read_site_profile(path: Path) -> SiteProfile:
    """Return a profile as `y90 verify --phantom` writes it.

    Raises
    ------
    InputError
        If it can't be read, or lacks something.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"it can't be read: {getattr(error, 'strerror', None) or error}",
            where=f"site profile '{path}'",
            remedy=f"Make it with `y90 verify --phantom`, or set {PLACE} to nothing to use none",
        ) from None
    try:
        return _profile(document)
    except InputError as error:
        raise InputError(error.what, where=f"site profile '{path}'", remedy=error.remedy) from None


def with_site(stated: StatedInputs, profile: SiteProfile | None) -> StatedInputs:
    """Return stated inputs with those of the site where a case states none of its own; they say so in their notes."""
    if profile is None:
        return stated
    own, measured = stated.by_name(), profile.stated.by_name()
    has_curve = stated.recovery is not None
    added = {n: v for n, v in measured.items() if n not in own and not (has_curve and n.startswith("recovery_"))}
    if not added:
        return stated
    told = f"By the site's profile ({profile.text}): {', '.join(added)}."
    return replace(stated_from({**own, **added}), site=told)


def _profile(document: Mapping[str, Any]) -> SiteProfile:
    remedy = "Make it anew with `y90 verify --phantom`"
    for name, kind in (("site", str), ("system", str), ("measured_on", date), ("uncertainty", dict)):
        if not isinstance(document.get(name), kind) or not document[name]:
            raise InputError(f"'{name}' is missing or of another kind", remedy=remedy)
    values = document["uncertainty"]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values.values()):
        raise InputError("an uncertainty is no number", remedy=remedy)
    stated = stated_from({name: float(value) for name, value in values.items()})
    return SiteProfile(document["site"], document["system"], document["measured_on"], stated)
