"""Wrong constants, signs, units and thresholds to be sown into the library, one at a time."""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from types import FunctionType

import pytest

from Y90DosimetryLib.dosimetry import kernel
from Y90DosimetryLib.guidelines import loading
from Y90DosimetryLib.verify import Group

CACHED: tuple[Callable[..., object], ...] = (kernel.radial_energy, kernel._built, loading.load_rules)


@dataclass(frozen=True)
class Fault:
    """*old* becomes *new* in a function ("module:name"), a constant ("module:NAME") or a file ("folder/name.toml")."""

    group: Group
    where: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.where}: {self.old} -> {self.new}"


@contextmanager
def sown(fault: Fault) -> Iterator[None]:
    """Let the library be wrong for as long as the block runs."""
    for cached in CACHED:
        cached.cache_clear()  # type: ignore[attr-defined]
    try:
        with pytest.MonkeyPatch.context() as patch:
            module, colon, name = fault.where.partition(":")
            if not colon:
                _in_file(patch, fault)
            elif name.isupper():
                _everywhere(patch, importlib.import_module(f"Y90DosimetryLib.{module}"), name, fault)
            else:
                _in_function(patch, importlib.import_module(f"Y90DosimetryLib.{module}"), name, fault)
            yield
    finally:
        for cached in CACHED:
            cached.cache_clear()  # type: ignore[attr-defined]


def _in_function(patch: pytest.MonkeyPatch, module: object, name: str, fault: Fault) -> None:
    """Give a function, method or property the code of its source with the fault in it: all who hold it see that."""
    found: object = module
    for part in name.split("."):
        found = vars(found)[part]
    for wrapped in ("__wrapped__", "fget", "func", "__func__"):
        found = getattr(found, wrapped, found)
    assert isinstance(found, FunctionType)
    source = textwrap.dedent(inspect.getsource(found))
    assert fault.old in source, f"{fault.where} does not say '{fault.old}' any more: sow another fault"
    flags = __future__.annotations.compiler_flag
    lines = source[source.index("def ") :] if source.startswith("@") else source
    scope: dict[str, FunctionType] = {}
    exec(compile(lines.replace(fault.old, fault.new), fault.where, "exec", flags), dict(found.__globals__), scope)
    (wrong,) = scope.values()
    patch.setattr(found, "__code__", wrong.__code__)


def _everywhere(patch: pytest.MonkeyPatch, module: object, name: str, fault: Fault) -> None:
    """Replace a constant wherever it was imported to, and where it became a default."""
    value, wrong = getattr(module, name), eval(fault.new)
    assert value == eval(fault.old), f"{fault.where} is {value} now: sow another fault"
    for one in [m for key, m in sys.modules.items() if key.startswith("Y90DosimetryLib")]:
        if getattr(one, name, None) is value:
            patch.setattr(one, name, wrong)
        held = [f for f in vars(one).values() if inspect.isfunction(f) or inspect.isclass(f)]
        for function in (getattr(f, "__init__", f) if inspect.isclass(f) else f for f in held):
            defaults = getattr(function, "__defaults__", None) or ()
            if any(d is value for d in defaults):
                patch.setattr(function, "__defaults__", tuple(wrong if d is value else d for d in defaults))
            named = getattr(function, "__kwdefaults__", None) or {}
            if any(d is value for d in named.values()):
                patch.setattr(function, "__kwdefaults__", {n: wrong if d is value else d for n, d in named.items()})


def _in_file(patch: pytest.MonkeyPatch, fault: Fault) -> None:
    """Let a file that the library reads hold the fault."""
    whole = type(loading._folder()).read_text

    def read(self: Traversable, *args: object, **kwargs: object) -> str:
        text = str(whole(self, *args, **kwargs))  # type: ignore[arg-type]
        if Path(str(self)).as_posix().endswith(fault.where):
            assert fault.old in text, f"{fault.where} does not say '{fault.old}' any more: sow another fault"
            return text.replace(fault.old, fault.new)
        return text

    patch.setattr(type(loading._folder()), "read_text", read)


CONST, VOL, ONE, PART, KERN, DVH = (
    Group.CONSTANTS,
    Group.VOLUMES,
    Group.SINGLE,
    Group.PARTITION,
    Group.KERNEL,
    Group.DVH,
)
LIVER, LUNG, RULE, STAT, DICOM, VIAL = Group.SCORES, Group.SHUNT, Group.RULES, Group.COHORT, Group.DICOM, Group.VIALS

FAULTS = (
    Fault(CONST, "physics:JOULE_PER_MEV", "1.602176634e-13", "1.60e-13"),
    Fault(CONST, "physics:DEFAULT_JOULE_PER_GBQ", "50.0", "49.67"),
    Fault(CONST, "physics:DEFAULT_HALF_LIFE_H", "64.1", "61.4"),
    Fault(CONST, "physics:SECONDS_PER_HOUR", "3600.0", "60.0"),
    Fault(CONST, "physics:decay_factor", "-elapsed_h", "elapsed_h"),
    Fault(CONST, "physics:elapsed_h", ".astimezone(UTC)", ".replace(tzinfo=UTC)"),
    Fault(CONST, "dosimetry.radiobiology:_quadratic_per_gy", "(repair_h + half_life_h)", "(repair_h - half_life_h)"),
    Fault(VOL, "dosimetry.lung:LARGEST_LUNG_DENSITY_G_ML", "1.1", "11.0"),
    Fault(VOL, "dosimetry.lung:AIR_HU", "-1000.0", "-1024.0"),
    Fault(VOL, "structures:Structure.volume_ml", "self.voxel_ml", "self.voxel_ml * 1000"),
    Fault(VOL, "volumetry:hepatic_reserve_fraction", "1.0 - perfused_fraction", "perfused_fraction"),
    Fault(VOL, "dosimetry.tissue:density_of", "dtype=np.float32), hu", "dtype=np.float32) - 1000, hu"),
    Fault(ONE, "dosimetry.mird:net_activities", "(1.0 - lung_shunt_fraction)", "(1.0 - lung_shunt_fraction) ** 2"),
    Fault(ONE, "dosimetry.mird:activity_for_dose_gbq", "* kept_fraction)", "/ kept_fraction)"),
    Fault(ONE, "dosimetry.mird:mean_dose_gy", "G_PER_KG / mass_g", "mass_g / G_PER_KG"),
    Fault(ONE, "dosimetry.mird:net_activities", "lung_gbq=infused_gbq", "lung_gbq=activity_gbq"),
    Fault(PART, "dosimetry.mird:divided_gbq", "masses * ratios", "masses / ratios"),
    Fault(PART, "dosimetry.deposits:concentration_ratio", "(normal_counts / normal_ml)", "normal_counts"),
    Fault(PART, "dosimetry.deposits:mean_decay_factor", "given_gbq / left_gbq", "left_gbq / given_gbq"),
    Fault(KERN, "dosimetry.kernel:_octant", "/= 2.0", "/= 1.0"),
    Fault(KERN, "dosimetry.kernel:radial_energy", "rows[:, 0].copy()", "rows[:, 0] * 1.02"),
    Fault(KERN, "dosimetry.kernel:_built", "x * density_g_ml", "x / density_g_ml"),
    Fault(KERN, "dosimetry.kernel:DECAYS_PER_MBQ_S", "1e6", "1e9"),
    Fault(DVH, "dosimetry.dvh:Dvh.d_gy", "(volume_fraction -", "(1 - volume_fraction -"),
    Fault(DVH, "dosimetry.dvh:Dvh.summary", "self.d_gy(0.95)", "self.d_gy(0.05)"),
    Fault(DVH, "dosimetry.dvh:Dvh.summary", "self.v_fraction(205.0)", "self.v_fraction(200.0)"),
    Fault(LIVER, "volumetry:body_surface_m2", "0.425", "0.452"),
    Fault(LIVER, "volumetry:estimated_liver_ml", "-794.41", "794.41"),
    Fault(LIVER, "scores:BILIRUBIN_UMOL_L_PER_MG_DL", "17.1", "88.4"),
    Fault(LIVER, "scores:CREATININE_UMOL_L_PER_MG_DL", "88.4", "8.84"),
    Fault(LIVER, "scores:ALBI_GRADE_1_UP_TO", "-2.60", "-2.06"),
    Fault(LIVER, "scores:albi_score", "math.log10", "math.log"),
    Fault(LIVER, "scores:meld_score", "11.2", "1.12"),
    Fault(LIVER, "scores:_points", "value <= two_up_to", "value < two_up_to"),
    Fault(LIVER, "response.terms:PARTIAL_DECREASE_FRACTION", "0.30", "0.20"),
    Fault(LIVER, "staging:within_milan", "50.0", "5.0"),
    Fault(LUNG, "dosimetry.lung:lung_shunt_fraction", "(lung_counts + liver_counts)", "liver_counts"),
    Fault(LUNG, "dosimetry.lung:geometric_mean_counts", "math.sqrt(anterior_counts) *", "math.sqrt(anterior_counts) +"),
    Fault(LUNG, "lung_shunt:DEFAULT_MARGIN_MM", "20.0", "40.0"),
    Fault(LUNG, "lung_shunt:_net", "- share *", "+ share *"),
    Fault(RULE, "rules/scenario3.toml", "205.0", "250.0"),
    Fault(RULE, "rules/scenario2.toml", "above = 120.0", "at_least = 120.0"),
    Fault(RULE, "rules/label.toml", "above = 30.0", "above = 50.0"),
    Fault(RULE, "rules/cohort.toml", "below = 0.40", "below = 40.0"),
    Fault(STAT, "cohort.statistics:holm", "(len(order) - step)", "len(order)"),
    Fault(STAT, "cohort.agreement:bland_altman", "ddof=1", "ddof=0"),
    Fault(STAT, "cohort.survival:Times.data", "~np.array(self.happened)", "np.array(self.happened)"),
    Fault(DICOM, "io.dicom_dose:LARGEST_STORED", "65535", "6553"),
    Fault(DICOM, "io.dicom_activity:_of_suv", "G_PER_KG", "1.0"),
    Fault(DICOM, "io.dicom_instant:_uncorrected", "_within(frame_h)", "1.0"),
    Fault(VIAL, "planning/vials.toml", "3.0,", "2.0,"),
    Fault(VIAL, "planning/vials.toml", "America/New_York", "Europe/Paris"),
    Fault(VIAL, "planning.catalogue:delivered_activity_gbq", "residual_gbq / ", "residual_gbq * "),
    Fault(VIAL, "planning.stated:Recovery.fraction", "volume_ml / b", "b / volume_ml"),
    Fault(VIAL, "planning.uncertainty:_interval", "** 0.5", "** 1.0"),
)  # fmt: skip
