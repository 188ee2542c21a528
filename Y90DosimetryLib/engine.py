"""The engine: the only way from a case to doses, measurements, findings and verdict.

`Engine.prepare` measures images and outlines once. What an engine then says is arithmetic: `live` for a slider step,
`assess` with the dose of every voxel; `planning` asks the same engine. What may be believed is decided here, once,
from the errors of the technical checks and the fields that say what each is about, so that no consumer can show a
number that another withholds.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape

from .case import Case, DoseModel, counted_sessions
from .checks import (
    CheckResult,
    Part,
    check_believed,
    check_measured,
    check_stated,
    in_order,
)
from .dosimetry.deposits import Model, SessionDoses
from .dosimetry.doses import Doses, Prepared, Withheld, doses_of, prepare
from .dosimetry.dvh import Dvh
from .dosimetry.maps import SessionMap, dvh_of_part, session_map, total_map
from .dosimetry.reference import References
from .dosimetry.regions import Region, regions_of
from .errors import InputError
from .followup.overview import FollowUp, follow_up_of
from .guidelines import Finding, Rulebook, Verdict, judge, load_rules, verdict
from .images import DoseMap
from .measurements import measure
from .measures import Measurement
from .missing import Missing
from .occupancy import Grid, occupancy_of, union
from .progress import Progress, part, silent
from .structures import Role
from .studies import volumes_of_point


@dataclass(frozen=True)
class RegionDvh:
    """The dose-volume histogram of a reported volume on the total dose map."""

    region: Region
    dvh: Dvh | Missing


_SHOWN = (Model.SINGLE, Model.PARTITION, Model.MULTI)


@dataclass(frozen=True, repr=False)
class Live:
    """What follows from a case at once: everything but the dose of the voxels."""

    engine: Engine
    case: Case
    doses: Doses
    regions: tuple[Region, ...]
    measurements: tuple[Measurement, ...]
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict

    def dose(self, label: str, model: Model = Model.MULTI) -> float | Missing:
        """Return the mean absorbed dose of a reported volume, in Gy; *model* is multicompartment unless named.

        Raises
        ------
        InputError
            If no reported volume has this label; the nearest one is suggested.
        """
        return self.doses.dose_gy(model, self._region(label).indices)

    def dvh(self, label: str, dose_map: DoseMap) -> Dvh | Missing:
        """Return the dose-volume histogram of a reported volume on any dose map, also one of your own."""
        parts = self.doses.prepared.compartments
        shares = dict(zip(parts.everything, parts.occupancies(Grid.of(dose_map.image)), strict=True))
        return dvh_of_part(dose_map, union([shares[i] for i in self._region(label).indices]))

    def _region(self, label: str) -> Region:
        known = {region.label: region for region in self.regions}
        if label not in known:
            near = difflib.get_close_matches(label, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}"
            raise InputError(f"no volume '{label}' is reported", where=self.case.label, remedy=hint)
        return known[label]

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("", "mL", *(f"{m.value.replace('_', ' ')}, Gy" for m in _SHOWN))]
        for region in self.regions:
            doses = (self.doses.dose_gy(model, region.indices) for model in _SHOWN)
            volume_ml = self.doses.prepared.compartments.volume_ml(region.indices)
            texts = ("missing" if isinstance(d, Missing) else f"{d:.1f}" for d in doses)
            rows.append((region.label, f"{volume_ml:.1f}", *texts))
        return rows

    def __repr__(self) -> str:
        """Return one line; `print` shows verdict and doses."""
        return f"<{type(self).__name__} of '{self.case.label}': {len(self.regions)} volumes, {self.verdict.sentence}>"

    def __str__(self) -> str:
        """Return the verdict and the mean doses as a short table."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(w) if n else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join([self.case.label, self.verdict.sentence, "", *(line.rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        """Return what `print` shows, for a notebook."""
        cells = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows()]
        return f"<b>{escape(self.case.label)}</b><p>{escape(self.verdict.sentence)}</p><table>{''.join(cells)}</table>"

    @cached_property
    def follow_up(self) -> FollowUp | None:
        """The studies of other days and what follows from them; None where the case has no time point."""
        return follow_up_of(self.case, self.doses.prepared, self.doses, self.measurements)


@dataclass(frozen=True, repr=False)
class Assessment(Live):
    """Everything that follows from a case; each number names its model, each missing one its reason."""

    maps: tuple[SessionMap | Missing, ...]
    """One for each session."""
    dose_map: DoseMap | Missing
    """All counted sessions together."""
    dvhs: tuple[RegionDvh, ...]
    flr_dvh: Dvh | Missing

    def dvh(self, label: str, dose_map: DoseMap | None = None) -> Dvh | Missing:
        """Return the dose-volume histogram of a reported volume on the total dose map, or on one of your own."""
        if dose_map is not None:
            return super().dvh(label, dose_map)
        region = self._region(label)
        return next(d.dvh for d in self.dvhs if d.region == region)


def assess(case: Case, progress: Progress = silent, rules: Rulebook | None = None) -> Assessment:
    """Measure, compute and judge a case; by the rules of this package unless *rules* are given (`read_rules`).

    Raises
    ------
    InputError
        If the case is impossible; missing facts are no error, what needs them is reported as missing.
    Cancelled
        If *progress* stopped it.
    """
    engine = Engine.prepare(case, part(progress, 0.0, 0.5))
    return (replace(engine, rules=rules) if rules else engine).assess(part(progress, 0.5, 1.0))


@dataclass(frozen=True, eq=False)
class Engine:
    """A case, and what was measured of its images and outlines."""

    case: Case
    prepared: Prepared
    measured: tuple[CheckResult, ...]
    """The checks that look at voxels."""
    rules: Rulebook = field(default_factory=load_rules)
    """What findings are judged by."""

    @classmethod
    def prepare(cls, case: Case, progress: Progress = silent) -> Engine:
        """Measure volumes and counts of a case: all that does not depend on an activity.

        Raises
        ------
        InputError
            If structures or images are impossible together.
        """
        prepared = prepare(case, part(progress, 0.0, 0.8))
        progress(0.8, "checking images and outlines")
        return cls(case, prepared, check_measured(case, prepared))

    def fits(self, case: Case) -> bool:
        """Return whether what was measured holds for a case: the same images and outlines, used alike."""
        return _same(_measured_of(self.case), _measured_of(case))

    def at(self, case: Case, progress: Progress = silent) -> Engine:
        """Return the engine of a case with other typed values; only what does not fit is measured again."""
        if case is self.case:
            return self
        if not self.fits(case):
            return replace(Engine.prepare(case, progress), rules=self.rules)
        known = list(zip(self.case.time_points, self.prepared.time_points, strict=True))
        points = tuple(
            next((v for p, v in known if _same(p.structures, point.structures) and p.volumes_ml == point.volumes_ml
                  and p.label == point.label), None) or volumes_of_point(point)
            for point in case.time_points
        )  # fmt: skip
        prepared = replace(self.prepared, time_points=points)
        if case.settings.lung_mass_g is not None:
            prepared = replace(prepared, lung_mass_g=case.settings.lung_mass_g)
        return Engine(case, prepared, self.measured, self.rules)

    # What may be believed

    @cached_property
    def _basic(self) -> tuple[CheckResult, ...]:
        """The checks that decide what is withheld."""
        stated = check_stated(self.case, self.prepared, doses_of(self.case, self.prepared))
        return (*self.measured, *stated)

    @cached_property
    def withheld(self) -> Withheld:
        """What may not be believed, each with its reason and what to do."""
        return withheld_by(self._basic)

    @property
    def errors(self) -> tuple[CheckResult, ...]:
        """The checks that found an error in what went in, the first measured first."""
        return tuple(r for r in self._basic if r.is_error)

    def require_belief(self) -> None:
        """Raise `InputError` where anything is withheld: what is planned on wrong doses is wrong."""
        for result in self.errors:
            raise InputError(
                result.message.rstrip("."),
                where=f"check {result.check.id}",
                remedy=f"No plan without it: {result.check.remedy}",
            )

    # Doses

    @cached_property
    def doses(self) -> Doses:
        """The doses of the case, without what may not be believed."""
        return self.doses_in(self.case, self.prepared)

    def doses_in(self, case: Case, prepared: Prepared, references: References = None) -> Doses:
        """Return the doses with other activities or slightly other inputs: as much of them is believed as of these."""
        return doses_of(case, prepared, self.withheld, references)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The volumes whose doses are reported."""
        return regions_of(self.case, self.prepared.compartments)

    def measurements_at(self, case: Case) -> tuple[Measurement, ...]:
        """Return every measurement with other activities."""
        return measure(case, self.prepared, self.doses_in(case, self.prepared), self.regions)

    def map_of(self, index: int, model: DoseModel | None = None, progress: Progress = silent) -> SessionMap | Missing:
        """Return the dose of every voxel of one session, by the model of the settings unless another is named."""
        session = self.doses.sessions[index]
        gone = self.withheld.of_map(session.session.label)
        if gone is not None:
            return gone
        settings = self.case.settings if model is None else replace(self.case.settings, dose_model=model)
        return session_map(session, self.prepared.compartments, self.prepared.uptakes[index], settings, progress)

    def only(self, label: str) -> Engine:
        """Return the engine of the case with one session alone, as if no other were given."""
        index = [s.label for s in self.case.sessions].index(label)
        case = replace(self.case, sessions=(replace(self.case.sessions[index], delivers=None),))
        own = replace(
            self.prepared,
            uptakes=(self.prepared.uptakes[index],),
            lungs=(self.prepared.lungs[index],),
            foci=self.prepared.foci[index : index + 1],
        )
        return Engine(case, own, self.measured)

    def alone(self, index: int) -> tuple[SessionDoses, ...]:
        """Return the doses of one session, each infusion by itself."""
        whole, prepared = self.case, self.prepared
        session = replace(whole.sessions[index], delivers=None)
        one = replace(prepared, uptakes=(prepared.uptakes[index],), lungs=(prepared.lungs[index],), foci=())
        cases = (
            Case(whole.label, whole.structures, (replace(session, infusions=(i,)),), settings=whole.settings)
            for i in session.infusions
        )
        reference = (self.doses.sessions[index].reference,)
        return tuple(self.doses_in(case, one, reference).sessions[0] for case in cases)

    # Results

    def live(self) -> Live:
        """Return everything but the dose of the voxels."""
        return self._live

    @cached_property
    def _live(self) -> Live:
        measurements = self.measurements_at(self.case)
        findings = judge(self.rules, measurements, self.case.disease.scenario)
        checks = in_order((*self._basic, *check_believed(self.case, self.doses)))
        return Live(
            self,
            self.case,
            self.doses,
            self.regions,
            measurements,
            checks,
            findings,
            verdict(findings, [r.message for r in self.errors]),
        )

    def assess(self, progress: Progress = silent) -> Assessment:
        """Return everything, with the dose of every voxel."""
        live, doses = self._live, self.doses
        progress(0.0, "computing the dose of every voxel")
        maps = tuple(self.map_of(i, progress=part(progress, 0.0, 0.6)) for i in range(len(doses.sessions)))
        checks = in_order((*self._basic, *check_believed(self.case, doses, maps)))
        broken = withheld_by(checks)
        maps = tuple(broken.of_map(s.session.label) or m for s, m in zip(doses.sessions, maps, strict=True))
        dose_map = _total(maps, doses)
        progress(0.6, "drawing dose-volume histograms")
        dvhs = tuple(RegionDvh(region, _dvh(dose_map, region, self.prepared)) for region in self.regions)
        flr_dvh = _structure_dvh(self.case, Role.FLR, dose_map)
        progress(1.0, "done")
        return Assessment(
            self,
            self.case,
            doses,
            self.regions,
            live.measurements,
            checks,
            live.findings,
            live.verdict,
            maps,
            dose_map,
            dvhs,
            flr_dvh,
        )


def withheld_by(results: Iterable[CheckResult]) -> Withheld:
    """Return what errors falsify; one that names no session falsifies what it falsifies in every session."""
    everything: Missing | None = None
    found: dict[Part, dict[str, Missing]] = {Part.SESSION: {}, Part.IMAGE: {}, Part.MAP: {}}
    for result in results:
        touched = result.check.falsifies
        if not result.is_error or touched is None or touched is Part.BODY:
            continue
        if touched is Part.EVERYTHING or not result.subject.session:
            everything = _joined(everything, result)
        else:
            session = result.subject.session
            found[touched][session] = _joined(found[touched].get(session), result)
    return Withheld(everything, found[Part.SESSION], found[Part.IMAGE], found[Part.MAP])


def _joined(before: Missing | None, result: CheckResult) -> Missing:
    reason = f"{result.message.rstrip('.')}. {result.check.remedy}"
    return Missing(f"withheld: {reason}" if before is None else f"{before.because}; {reason}")


def _measured_of(case: Case) -> tuple[object, ...]:
    """Return what `Engine.prepare` looks at."""
    settings = case.settings
    images = [s.image for s in case.sessions]
    used = [(s.label, s.delivers, tuple(i.perfused for i in s.infusions)) for s in case.sessions]
    counted = [s.label for s in counted_sessions(case)]
    typed = (settings.count_reference, settings.lung_mass_g is None, settings.lung_shunt_margin_mm)
    return (*case.structures, case.ct, *images, (used, counted, *typed))


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Return whether two lists hold the same objects, or equal tuples of words."""
    same = (a is b or (isinstance(a, tuple) and a == b) for a, b in zip(one, other, strict=False))
    return len(one) == len(other) and all(same)


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
