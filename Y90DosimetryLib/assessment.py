"""The whole flow: from a case to measurements, doses, checks and findings."""

from __future__ import annotations

from dataclasses import dataclass

from .case import Case
from .checks import CheckResult, Level, Room, check_images, check_structures, raised, run_checks
from .dosimetry.doses import Doses, Prepared, Withheld, doses_of, prepare
from .dosimetry.dvh import Dvh
from .dosimetry.maps import SessionMap, dvh_of_part, session_map, total_map
from .dosimetry.regions import Region, regions_of
from .followup.overview import FollowUp, follow_up_of
from .guidelines import Finding, Verdict, judge, load_rules, verdict
from .images import DoseMap
from .measurements import measure
from .measures import Measurement
from .missing import Missing
from .occupancy import Grid, occupancy_of
from .progress import Progress, part, silent
from .structures import Role


@dataclass(frozen=True)
class RegionDvh:
    """The dose-volume histogram of a reported volume on the total dose map."""

    region: Region
    dvh: Dvh | Missing


@dataclass(frozen=True)
class Assessment:
    """Everything that follows from a case; each number names its model, each missing one its reason."""

    case: Case
    doses: Doses
    regions: tuple[Region, ...]
    maps: tuple[SessionMap | Missing, ...]
    """One for each session."""
    dose_map: DoseMap | Missing
    """All counted sessions together."""
    dvhs: tuple[RegionDvh, ...]
    flr_dvh: Dvh | Missing
    measurements: tuple[Measurement, ...]
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict
    follow_up: FollowUp | None = None
    """None where the case has no time point."""


def assess(case: Case, progress: Progress = silent, prepared: Prepared | None = None) -> Assessment:
    """Measure, compute and judge a case.

    Parameters
    ----------
    progress
        Told what is being done; raises `Cancelled` to stop.
    prepared
        What `prepare` returned for the same images and structures, to save the time of measuring them again.

    Raises
    ------
    InputError
        If the case is impossible; missing facts are no error, what needs them is reported as missing.
    """
    prepared = prepared or prepare(case, part(progress, 0.0, 0.5))
    withheld = _withheld((*check_images(case, prepared), *check_structures(case, prepared.compartments)))
    assessment = _assess(case, prepared, withheld, progress)
    broken = _withheld(assessment.checks)
    return assessment if broken == withheld else _assess(case, prepared, broken, progress)


def _assess(case: Case, prepared: Prepared, withheld: Withheld, progress: Progress) -> Assessment:
    doses = doses_of(case, prepared, withheld)
    regions = regions_of(case, prepared.compartments)
    progress(0.5, "computing the dose of every voxel")
    maps = tuple(
        Missing(f"withheld: {withheld.reason(session.session.label)}")
        if withheld.reason(session.session.label)
        else session_map(session, prepared.compartments, uptake, case.settings, part(progress, 0.5, 0.7))
        for session, uptake in zip(doses.sessions, prepared.uptakes, strict=True)
    )
    dose_map = _total(maps, doses)
    progress(0.7, "drawing dose-volume histograms")
    dvhs = tuple(RegionDvh(region, _dvh(dose_map, region, prepared)) for region in regions)
    flr_dvh = _structure_dvh(case, Role.FLR, dose_map)
    progress(0.8, "measuring")
    measurements = measure(case, prepared, doses, regions)
    progress(0.9, "judging")
    findings = judge(load_rules(), measurements, case.disease.scenario)
    checks = run_checks(case, prepared, doses, maps)
    progress(1.0, "done")
    return Assessment(
        case,
        doses,
        regions,
        maps,
        dose_map,
        dvhs,
        flr_dvh,
        measurements,
        checks,
        findings,
        verdict(findings),
        follow_up_of(case, prepared, doses, measurements),
    )


def _withheld(results: tuple[CheckResult, ...]) -> Withheld:
    """Return what raised errors falsify: an error about one session's image, its image doses; any other, everything."""
    everything, from_image = "", dict[str, str]()
    for result in raised(results, Level.ERROR):
        if result.check.room is Room.IMAGES:
            session = result.about.removeprefix("session ").strip("'")
            from_image[session] = "; ".join(filter(None, (from_image.get(session), result.message)))
        else:
            everything = everything or result.message
    return Withheld(everything, from_image)


def _total(maps: tuple[SessionMap | Missing, ...], doses: Doses) -> DoseMap | Missing:
    counted: list[SessionMap] = []
    for index in doses.counted:
        one = maps[index]
        if isinstance(one, Missing):
            return one
        counted.append(one)
    return total_map(counted) if counted else Missing("no session is planned", ("sessions",))


def _dvh(dose_map: DoseMap | Missing, region: Region, prepared: Prepared) -> Dvh | Missing:
    if isinstance(dose_map, Missing):
        return dose_map
    grid = Grid.of(dose_map.image)
    uptake = next((u for u in reversed(prepared.uptakes) if u is not None and u.grid == grid), None)
    assert uptake is not None, "the total dose map lies on the grid of a session's image"
    return dvh_of_part(dose_map, uptake.occupancy(region.indices))


def _structure_dvh(case: Case, role: Role, dose_map: DoseMap | Missing) -> Dvh | Missing:
    structure = case.one(role)
    if structure is None or structure.is_empty:
        return Missing(f"no {role.display_name.lower()} is outlined", ("structures",))
    if isinstance(dose_map, Missing):
        return dose_map
    return dvh_of_part(dose_map, occupancy_of(structure, Grid.of(dose_map.image)))
