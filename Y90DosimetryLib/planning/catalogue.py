"""The vials that can be ordered, what they hold at a moment, and what was left in them afterwards."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, time
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ..errors import InputError
from ..measures import DAY_NAMES
from ..physics import decay_factor, elapsed_h
from ..quantities import require_positive
from . import calendar


@dataclass(frozen=True)
class Catalogue:
    """The vials that can be ordered."""

    standard_gbq: tuple[float, ...]
    custom_gbq: tuple[float, ...]
    shelf_life_h: float
    calibration_weekday: int
    """0 is Sunday."""
    calibration_clock: time
    calibration_zone: str
    unverified: tuple[str, ...] = ()
    """Tables of the file whose numbers no source backs."""
    source: str = ""

    def __post_init__(self) -> None:
        for activity_gbq in (*self.standard_gbq, *self.custom_gbq):
            require_positive(activity_gbq, "vial catalogue", "GBq")
        require_positive(self.shelf_life_h, "vial catalogue, shelf life", "h")

    def sizes_gbq(self, custom: bool) -> tuple[float, ...]:
        """Return the sizes at calibration, smallest first."""
        return tuple(sorted({*self.standard_gbq, *(self.custom_gbq if custom else ())}))

    def is_unverified(self, activity_gbq: float) -> bool:
        """Return whether no source that was read backs a size: a custom one, where those are unverified."""
        return "custom" in self.unverified and activity_gbq not in self.standard_gbq

    def size_words(self, activity_gbq: float) -> str:
        """Return a size in words, marked where it is unverified."""
        return f"{activity_gbq:g} GBq{' (custom size, unverified)' if self.is_unverified(activity_gbq) else ''}"

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is unverified, in words."""
        words = {
            "custom": "custom sizes",
            "shelf_life": f"shelf life of {self.shelf_life_h / 24:g} days",
            "calibration": f"calibration on {DAY_NAMES[self.calibration_weekday]} {self.calibration_clock:%H:%M}"
            f" ({self.calibration_zone})",
        }
        return tuple(words.get(name, name) for name in self.unverified)


@dataclass(frozen=True)
class StockVial:
    """A vial of the catalogue with its calibration instant."""

    activity_gbq: float
    calibrated_at: datetime

    def at_gbq(self, moment: datetime, half_life_h: float) -> float:
        """Return its activity at a moment."""
        return self.activity_gbq * decay_factor(elapsed_h(self.calibrated_at, moment), half_life_h)


def load_catalogue(path: Path | Traversable | None = None) -> Catalogue:
    """Return the vial catalogue of this package, or of another file with the same keys.

    Raises
    ------
    InputError
        If the file can't be read, or a key is missing or unknown.
    """
    file = path or resources.files(__package__).joinpath("vials.toml")
    try:
        text = tomllib.loads(file.read_text("utf-8"))
        standard, custom = text["standard"]["activity_gbq"], text["custom"]
        count = round((custom["to_gbq"] - custom["from_gbq"]) / custom["step_gbq"])
        calibration = text["calibration"]
        catalogue = Catalogue(
            tuple(float(a) for a in standard),
            tuple(custom["from_gbq"] + n * custom["step_gbq"] for n in range(count + 1)),
            float(text["shelf_life"]["after_calibration_h"]),
            DAY_NAMES.index(calibration["weekday"]),
            time.fromisoformat(calibration["clock"]),
            str(calibration["time_zone"]),
            tuple(text.get("unverified", ())),
            str(text.get("source", "")),
        )
    except KeyError as error:
        raise InputError(f"{error} is missing", where=str(file), remedy="Write it as in vials.toml") from None
    except (OSError, UnicodeDecodeError, ValueError, TypeError, ZeroDivisionError) as error:
        raise InputError(f"it can't be read: {error}", where=str(file), remedy="Write it as in vials.toml") from None
    calendar.zone_of(catalogue.calibration_zone)
    return catalogue


def delivered_activity_gbq(
    vial: StockVial, moment: datetime, residual_gbq: float, measured_at: datetime, half_life_h: float
) -> float:
    """Return what was infused, in GBq at infusion: the vial's activity less the residual measured afterwards.

    Raises
    ------
    InputError
        If the residual is negative or more than the vial held.
    """
    held_gbq = vial.at_gbq(moment, half_life_h)
    left_gbq = residual_gbq / decay_factor(elapsed_h(moment, measured_at), half_life_h)
    if not 0 <= left_gbq <= held_gbq:
        raise InputError(
            f"{residual_gbq:g} GBq is not between 0 and what the vial held",
            where="residual",
            remedy=f"At infusion it held {held_gbq:.3g} GBq",
        )
    return held_gbq - left_gbq


def residual_fraction(delivered_gbq: float, held_gbq: float) -> float:
    """Return the residual as the case file states it: the fraction of the vial's activity that stayed behind."""
    return 1.0 - delivered_gbq / held_gbq
