"""Every key a case file may have: its type, what it asks, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from ..case import (
    SCENARIOS,
    ActivityDifference,
    Basis,
    CountReference,
    DoseModel,
    Encephalopathy,
    Grade,
    Intent,
    Settings,
)
from ..facts import CATALOG, GROUPS, MODALITIES, TIMED_FACTS, Fact, Kind
from ..outcome import Necrosis
from ..planning import StatedInputs
from ..structures import OUTSIDE, Role
from ..timepoints import TYPED_ROLES, TimeKind
from ..volumetry import Bsa, Telv

WIDEST = (-1e9, 1e9)
"""Any number that a case can be computed with; most are refused far below, with their own reason."""
BOUNDS: Mapping[str, tuple[float, float]] = {
    "joule_per_gbq": (-1.0, 1e6),
    "half_life_h": (-1.0, 1e7),
    "lung_mass_g": (-1.0, 1e5),
    "tumor_to_normal_ratio": (-1.0, 1e6),
    **dict.fromkeys(("activity_gbq", "activity_at_infusion_gbq"), (-1.0, 1e6)),
    **dict.fromkeys(("weight_kg", "height_cm"), (-1e3, 1e6)),
    **dict.fromkeys(map(str, TYPED_ROLES), (-1.0, 1e5)),
}


class Form(StrEnum):
    """What a value looks like in TOML, as a message calls it."""

    TEXT = 'text in "quotes"'
    TEXTS = 'a list of texts, ["…", "…"]'
    NUMBER = "a number"
    WHOLE = "a whole number"
    YES_NO = "true or false"
    DATE = "a date without quotes, 2026-03-04"
    TIME = "a date and time without quotes, 2026-03-04T10:00:00+01:00"
    TRIPLE = "three numbers, [x, y, z]"
    POINTS = "a list of threes of numbers, [[x, y, z]]"
    ROLES = 'a table of roles, or "by_name"'
    TABLES = "a list of tables in [[double brackets]]"


@dataclass(frozen=True)
class Key:
    """One key: what it asks (shown in the template), an example in TOML, and the words it takes.

    A number with `words` may be one of them instead.
    """

    name: str
    form: Form
    says: str
    example: str
    required: bool = False
    words: tuple[str, ...] = ()
    group: str = ""

    @property
    def bounds(self) -> tuple[float, float]:
        """Of a number: what can be computed with, both ends included."""
        return BOUNDS.get(self.name, WIDEST)


@dataclass(frozen=True)
class Table:
    """One table: its dotted name, what it is for, its keys, and what the template fills in."""

    name: str
    says: str
    keys: tuple[Key, ...]
    many: bool = False
    filled: tuple[Mapping[str, str], ...] = field(default_factory=tuple)

    @property
    def header(self) -> str:
        """The table's name as TOML writes it."""
        return f"[[{self.name}]]" if self.many else f"[{self.name}]"


IMAGE_VALUES: Mapping[str, float | None] = {"counts": None, "bq_ml": 1.0, "kbq_ml": 1e3, "mbq_ml": 1e6}
"""What the voxels of a session's image may hold, and the Bq/mL of one unit; None is relative."""
FROM_IMAGE = "from_image"
FROM_CT = "from_ct"
BY_NAME = "by_name"
AT_INFUSION = "infusion"

_LABEL = "its name, shown in the report"
_SERIES = "SeriesInstanceUID, only for a folder with several DICOM series"


def _patient() -> Iterator[Key]:
    number = Form.NUMBER
    yield Key("weight_kg", number, "body weight, kg", "70")
    yield Key("height_cm", number, "body height, cm", "170")
    yield Key("bilirubin_umol_l", number, "bilirubin, umol/L; or bilirubin_mg_dl", "10.5")
    yield Key("bilirubin_mg_dl", number, "bilirubin, mg/dL; or bilirubin_umol_l", "0.6")
    yield Key("albumin_g_l", number, "albumin, g/L; or albumin_g_dl", "43")
    yield Key("albumin_g_dl", number, "albumin, g/dL; or albumin_g_l", "4.3")
    yield Key("inr", number, "international normalized ratio", "1.1")
    yield Key("creatinine_umol_l", number, "creatinine, umol/L; or creatinine_mg_dl", "80")
    yield Key("creatinine_mg_dl", number, "creatinine, mg/dL; or creatinine_umol_l", "0.9")
    yield Key("gfr_ml_min_173m2", number, "glomerular filtration rate, mL/min for 1.73 m2", "90")
    yield _choice("ascites", tuple(Grade), "ascites")
    yield _choice("encephalopathy", tuple(Encephalopathy), "hepatic encephalopathy, West Haven")
    yield Key("ecog", Form.WHOLE, "performance status, 0 to 4", "0")
    yield Key("afp_ng_ml", number, "alpha-fetoprotein, ng/mL", "20")


_FACT_FORMS = {
    Kind.YES_NO: (Form.YES_NO, "true"),
    Kind.COUNT: (Form.WHOLE, "1"),
    Kind.NUMBER: (Form.NUMBER, "1.0"),
    Kind.CHOICE: (Form.TEXT, ""),
    Kind.DATE: (Form.DATE, "2026-03-04"),
}


def _disease() -> Iterator[Key]:
    scenarios = "; ".join(f"{number} {title.lower()}" for number, title in SCENARIOS.items())
    yield Key("scenario", Form.WHOLE, scenarios, "2")
    yield _choice("intent", tuple(Intent), "what the treatment is for")
    for fact in CATALOG.values():
        yield _fact(fact, GROUPS[fact.group])


def _fact(fact: Fact, group: str) -> Key:
    form, example = _FACT_FORMS[fact.kind]
    says = f"{fact.title}, {fact.unit}" if fact.unit else fact.title
    if len(fact.scenarios) < 5:
        says += f" (scenario {', '.join(map(str, fact.scenarios))})"
    if fact.choices:
        return _choice(fact.id, fact.choices, says, group=group)
    return Key(fact.id, form, says, example, group=group)


def _choice(name: str, words: tuple[str, ...], says: str, *, required: bool = False, group: str = "") -> Key:
    return Key(name, Form.TEXT, f"{says}: {', '.join(words)}", f'"{words[0]}"', required, tuple(words), group)


_SETTINGS_SAY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "joule_per_gbq": ("energy of the complete decay of 1 GBq, J", ()),
    "half_life_h": ("half-life of Y-90, h", ()),
    "liver_density_g_ml": ("density of liver and tumor, g/mL", ()),
    "lung_mass_g": (f'mass of both lungs, g; or "{FROM_CT}"', (FROM_CT,)),
    "lung_shunt_margin_mm": ("lungs this near the liver are not counted in a measured lung shunt, mm", ()),
    "bsa_formula": ("body surface area", tuple(Bsa)),
    "telv_formula": ("estimated liver volume", tuple(Telv)),
    "dose_model": ("voxel dose; the kernel is for research", tuple(DoseModel)),
    "count_reference": ("over which counts an infusion's activity is spread", tuple(CountReference)),
    "sphere_activity_bq": ("activity of one microsphere at calibration, Bq", ()),
    "hospital_time_zone": ("for weekdays; without it, the offset of the infusion's own time", ()),
}


def _settings() -> Iterator[Key]:
    default = Settings()
    for name in (f.name for f in fields(Settings)):
        says, words = _SETTINGS_SAY[name]
        value = getattr(default, name)
        if isinstance(value, float):
            yield Key(name, Form.NUMBER, says, f"{value:g}", words=words)
        else:
            says = f"{says}: {', '.join(words)}" if words else says
            yield Key(name, Form.TEXT, says, f'"{value or "Europe/Paris"}"', words=words)


_UNCERTAINTY_SAYS: Mapping[str, tuple[str, str]] = {
    "contour_voxel_fraction": ("position of every outline's surface, a fraction of its voxel", "0.5"),
    "contour_resolution_fraction": ("the same, a fraction of resolution_mm", "0.1"),
    "resolution_mm": ("FWHM of the emission image, for the line above; no uncertainty itself", "12"),
    "events_per_value_ratio": ("detected events for each unit of a voxel's value: counting noise", "1"),
    "lung_shunt_fraction": ("lung shunt fraction, absolute (0.01: 5 % is 4 to 6 %)", "0.01"),
    "residual_fraction": ("residual, absolute", "0.005"),
    "tumor_to_normal_fraction": ("T:N that was entered, relative", "0.2"),
    "calibration_fraction": ("every activity, relative", "0.05"),
    "density_fraction": ("density of the liver, relative", "0.02"),
    "registration_mm": ("position of the emission image along each axis", "3"),
    "recovery_half_volume_ml": ("recovery of counts by volume: where half is recovered; no uncertainty itself", "3"),
    "recovery_exponent": ("its exponent; no uncertainty itself", "1"),
    "recovery_sd_half_volume_ml": ("standard deviation of that volume", "0.5"),
    "recovery_sd_exponent": ("standard deviation of that exponent", "0.1"),
}


def _uncertainty() -> Iterator[Key]:
    for name in StatedInputs.names():
        says, example = _UNCERTAINTY_SAYS[name]
        yield Key(name, Form.NUMBER, says, example)


_OUTLINE = (
    Key("label", Form.TEXT, _LABEL, '"Liver"', required=True),
    _choice("role", tuple(Role), "what it is", required=True),
    Key("file", Form.TEXT, "mask: 0 outside; or volume_ml, or mass_g", '"liver.nrrd"'),
    Key("volume_ml", Form.NUMBER, "instead of a file: a worksheet without images", "1500.0"),
    Key("mass_g", Form.NUMBER, "instead of volume_ml, at the liver density of the settings", "1545.0"),
    Key("inside", Form.TEXT, f'perfused volume that holds a typed volume, or "{OUTSIDE}"', '"Right lobe"'),
    Key("treated_otherwise", Form.YES_NO, "tumor to be ablated or resected: no target of the infusions", "true"),
    Key("label_value", Form.WHOLE, "which label of the file, where it holds several", "1"),
)
_SEGMENTATION = (
    Key("file", Form.TEXT, "the segmentation", '"segmentation.seg.nrrd"', required=True),
    Key(
        "roles",
        Form.ROLES,
        f'role of each segment by its name; or "{BY_NAME}": as the names suggest',
        '{ "Liver" = "liver", "Tumor 1" = "tumor" }',
        required=True,
        words=(BY_NAME,),
    ),
)


def _time_point() -> Iterator[Key]:
    yield Key("label", Form.TEXT, _LABEL, '"Month 3"', required=True)
    yield Key("date", Form.DATE, "the day", "2026-06-04", required=True)
    kinds = tuple(TimeKind)
    says = f"what it is, follow_up when left out: {', '.join(kinds)}"
    yield Key("kind", Form.TEXT, says, f'"{TimeKind.FOLLOW_UP}"', words=kinds)
    yield _choice("modality", MODALITIES, "imaging of this day")
    yield Key("ct", Form.TEXT, "CT of this day, in Hounsfield units", '"month_3/ct.nrrd"')
    yield Key("series", Form.TEXT, _SERIES, '"1.2.840.1"')
    yield Key("new_lesions", Form.YES_NO, "whether any lesion is new", "false")
    for name in TIMED_FACTS:
        yield _fact(CATALOG[name], "Stated for this day")
    for name in ("volumes_ml", "patient", "structures", "segmentation", "lesions", "thrombi"):
        yield Key(name, Form.TABLES, "below", "")


def _typed_volumes() -> Iterator[Key]:
    for role in TYPED_ROLES:
        together = ", all together" if role.takes_several else ""
        yield Key(str(role), Form.NUMBER, f"{role.display_name}{together}, mL", "500")


_TREATED = Key("is_treated", Form.YES_NO, "whether it lies in the treated zone", "true")
_LESION = (
    Key("label", Form.TEXT, "its name, the same at all times", '"Tumor 1"', required=True),
    Key("viable_mm", Form.NUMBER, "longest diameter of what enhances in the arterial phase; 0 where none", "32"),
    Key("longest_mm", Form.NUMBER, "longest diameter of the whole lesion", "45"),
    _TREATED,
    Key("is_new", Form.YES_NO, "seen for the first time on this day", "false"),
    Key("is_target", Form.YES_NO, "before the treatment: whether it is followed as a target; else by its size", "true"),
    Key("progresses", Form.YES_NO, "no target: whether it clearly progresses", "false"),
)
_THROMBUS_GRADES = tuple(dict.fromkeys(CATALOG["pvtt_grade"].choices + CATALOG["hepatic_vein_thrombus_grade"].choices))
_THROMBUS = (
    Key("label", Form.TEXT, "its name, the same at all times", '"PVTT"', required=True),
    Key("enhances", Form.YES_NO, "whether it enhances in the arterial phase", "false"),
    Key("diameter_mm", Form.NUMBER, "of the vein that it fills", "14"),
    Key("extends_proximally", Form.YES_NO, "nearer to the main trunk than before the treatment", "false"),
    _TREATED,
    _choice("grade", _THROMBUS_GRADES, "its class; none where it is gone"),
)
_OUTCOME = (
    Key("recurred", Form.YES_NO, "recurrence after surgery, or progression without one; false: none so far", "true"),
    Key("recurred_on", Form.DATE, "the day on which it was found", "2027-09-04"),
    Key("died", Form.YES_NO, "of any cause; false: alive when last seen", "false"),
    Key("died_on", Form.DATE, "the day of death; then last_seen_on is left out", "2028-03-04"),
    Key("last_seen_on", Form.DATE, "the last contact with the living patient", "2027-12-04"),
    Key("pathology", Form.TABLES, "below", ""),
)
_PATHOLOGY = (
    Key("label", Form.TEXT, "label of the tumor among the structures", '"Tumor 1"', required=True),
    Key("necrosis_fraction", Form.NUMBER, "necrotic, a fraction (0.95 is 95 %)", "0.95"),
    _choice("necrosis", tuple(Necrosis), "its class, where no percentage is reported"),
    Key("microvascular_emboli", Form.YES_NO, "whether there are any", "false"),
)

TABLES: tuple[Table, ...] = (
    Table(
        "case",
        "What this case is called. Use no patient's name: the label appears in the report.",
        (
            Key("label", Form.TEXT, _LABEL, '"Case 1, right lobe"', required=True),
            Key("notes", Form.TEXTS, "remarks for the report", '["first treatment"]'),
        ),
        filled=({"label": '"Case 1, right lobe"'},),
    ),
    Table(
        "images",
        "Images: NRRD, NIfTI, MetaImage, or a folder with one DICOM series. Paths start at this file's folder.",
        (
            Key("ct", Form.TEXT, "CT in Hounsfield units; needed for pictures and a measured lung mass", '"ct.nrrd"'),
            Key("series", Form.TEXT, _SERIES, '"1.2.840.1"'),
        ),
        filled=({"ct": '"ct.nrrd"'},),
    ),
    Table(
        "structures",
        "Outlines, one table each; every mask may have its own grid. Instead, or besides: [segmentation].",
        _OUTLINE,
        many=True,
        filled=(
            {"label": '"Liver"', "role": '"liver"', "file": '"liver.nrrd"'},
            {"label": '"Right lobe"', "role": '"perfused"', "file": '"perfused.nrrd"'},
            {"label": '"Tumor 1"', "role": '"tumor"', "file": '"tumor_1.nrrd"'},
        ),
    ),
    Table(
        "segmentation",
        "A segmentation saved by 3D Slicer; segments without a role are left out.",
        _SEGMENTATION,
    ),
    Table(
        "geometry",
        "Where the voxels of an image lie whose file does not say it, such as a TIFF; one table a file.",
        (
            Key("file", Form.TEXT, "the image, written as above or below", '"liver.tif"', required=True),
            Key("spacing_mm", Form.TRIPLE, "voxel to voxel, along each axis", "[0.8, 0.8, 2.0]", required=True),
            Key("origin_mm", Form.TRIPLE, "center of the first voxel, LPS", "[-200.0, -180.0, 900.0]", required=True),
            Key("direction", Form.POINTS, "of each axis, LPS", "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", required=True),
        ),
        many=True,
    ),
    Table("patient", "Body and laboratory values. What is left out is reported as missing.", (*_patient(),)),
    Table("disease", "Disease and intent, and facts that no image shows. Leave out what is not known.", (*_disease(),)),
    Table(
        "sessions",
        "What is given on one occasion, in the order of time, and the image that shows how it spreads.",
        (
            Key("label", Form.TEXT, _LABEL, '"Plan"', required=True),
            _choice("basis", tuple(Basis), "whether the image shows the plan or what was delivered", required=True),
            Key("delivers", Form.TEXT, "label of the planned session that this one carried out", '"Plan"'),
            Key("image", Form.TEXT, "MAA SPECT, or Y-90 PET or SPECT", '"maa.nrrd"'),
            _choice("activity_difference", tuple(ActivityDifference), "why the image shows other than was infused"),
            Key("series", Form.TEXT, _SERIES, '"1.2.840.1"'),
            _choice("image_values", tuple(IMAGE_VALUES), "what its voxels hold; needed with an image"),
            Key("image_time", Form.TIME, "instant for which Bq/mL hold", "2026-03-05T09:00:00+01:00"),
            Key(
                "image_decay_corrected_to",
                Form.TEXT,
                "instead of image_time: Bq/mL hold at infusion",
                f'"{AT_INFUSION}"',
                words=(AT_INFUSION,),
            ),
            Key("harmless_foci_mm", Form.POINTS, "points (LPS) in foci of free technetium", "[[-20.0, 10.0, 85.0]]"),
            Key("infusions", Form.TABLES, "below", "", required=True),
        ),
        many=True,
        filled=({"label": '"Plan"', "basis": '"planned"', "image": '"maa.nrrd"', "image_values": '"counts"'},),
    ),
    Table(
        "sessions.infusions",
        "One administration into one perfused volume; it belongs to the session above.",
        (
            Key("label", Form.TEXT, _LABEL, '"Right hepatic artery"', required=True),
            Key("perfused", Form.TEXT, "label of the perfused volume", '"Right lobe"', required=True),
            Key("activity_gbq", Form.NUMBER, "GBq at calibration", "3.0"),
            Key("calibrated_at", Form.TIME, "instant of calibration, with its offset", "2026-03-01T12:00:00-05:00"),
            Key("given_at", Form.TIME, "instant of infusion, with its offset", "2026-03-04T10:30:00+01:00"),
            Key(
                "activity_at_infusion_gbq", Form.NUMBER, "GBq at infusion; replaces activity_gbq, calibrated_at", "3.0"
            ),
            Key("residual_fraction", Form.NUMBER, "left in vial and lines, a fraction (0.01 is 1 %)", "0.01"),
            Key("lung_shunt_fraction", Form.NUMBER, f'0.05 is 5 %; or "{FROM_IMAGE}"', "0.05", words=(FROM_IMAGE,)),
            Key("tumor_to_normal_ratio", Form.NUMBER, "T:N for the partition model; else the image's", "4.0"),
        ),
        many=True,
        filled=({"label": '"Right hepatic artery"', "perfused": '"Right lobe"'},),
    ),
    Table(
        "time_points",
        "A study of another day, one table each: baseline, follow-up, before surgery. Outlines and images above are the"
        " planning study, which is the baseline unless one of these is of that kind.",
        (*_time_point(),),
        many=True,
    ),
    Table("time_points.volumes_ml", "Volumes of that day where there are no outlines.", (*_typed_volumes(),)),
    Table("time_points.patient", "Weight and laboratory values of that day.", (*_patient(),)),
    Table("time_points.structures", "Outlines of that day, one table each.", _OUTLINE, many=True),
    Table("time_points.segmentation", "A segmentation of that day, saved by 3D Slicer.", _SEGMENTATION),
    Table("time_points.lesions", "A tumor as measured on that day's images, one table each.", _LESION, many=True),
    Table("time_points.thrombi", "A tumor thrombus as seen on that day's images.", _THROMBUS, many=True),
    Table("uncertainty", "One standard deviation of each uncertain input: examples.", (*_uncertainty(),)),
    Table("outcome", "What became of the patient. The day of surgery is surgery_date of [disease].", _OUTCOME),
    Table("outcome.pathology", "What the pathologist found, one table a tumor.", _PATHOLOGY, many=True),
    Table("settings", "How things are computed; these are the defaults.", (*_settings(),)),
)
