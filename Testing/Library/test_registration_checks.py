"""The technical checks of a registration: each just beyond its threshold, and what is not known."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pytest
import SimpleITK as sitk
from check_cases import Edge, assert_edge
from shapes import constant, grid

from Y90DosimetryLib.checks import CATALOG, Outcome
from Y90DosimetryLib.cli import register as command
from Y90DosimetryLib.errors import InputError
from Y90DosimetryLib.io.writing import write_image
from Y90DosimetryLib.missing import Missing
from Y90DosimetryLib.registration import Guide, Kind, Registration, Start, check_registration, directions, fingerprint

PLAIN = Registration(
    Kind.RIGID,
    Guide.CT_TO_CT,
    Start.GEOMETRY,
    sitk.Euler3DTransform(),
    (3.0, 4.0, 12.0),
    4.0,
    0.5,
    0.8,
    0.7,
    0.95,
    1.0,
    1.0,
    "",
    "",
)
"""A registration about which nothing is remarkable."""


def image() -> sitk.Image:
    return constant(grid((4.0, 5.0, 6.0), (40.0, 40.0, 40.0)), 7.0)


def checked(**changes):
    """The results of a registration that was found on `image`, which is still the same."""
    found = replace(PLAIN, **{"moving_fingerprint": fingerprint(image()), **changes})
    return check_registration(found, moving=image())


def edge(raises: dict, passes: dict | None = None, step: float = 0.0) -> Edge:
    return Edge(lambda: checked(**raises), lambda: checked(**(passes or {})), step)


EDGES = {
    "registration_missing": Edge(lambda: check_registration(None, about="Plan"), checked),
    "registration_stale": edge({"moving_fingerprint": "another"}),
    "registration_moved": edge({"moved_mm": (0.0, 12.0, 16.1)}, {"moved_mm": (0.0, 12.0, 16.0)}),
    "registration_turned": edge({"rotation_deg": 10.1}, {"rotation_deg": 10.0}),
    "registration_not_improved": edge(
        {"mutual_information_after_score": 0.499}, {"mutual_information_after_score": 0.5}, step=0.002
    ),
    "registration_poor": edge(
        {"mutual_information_before_score": 0.1, "mutual_information_after_score": 0.249},
        {"mutual_information_before_score": 0.1, "mutual_information_after_score": 0.251},
    ),
    "registration_dice": edge({"dice_after_fraction": 0.849}, {"dice_after_fraction": 0.85}),
    "registration_not_rigid": edge({"kind": Kind.BSPLINE}),
    "registration_volume": edge({"volume_ratio": 0.89}, {"volume_ratio": 1.099}),
    "registration_folded": edge({"lowest_jacobian_ratio": 0.19}, {"lowest_jacobian_ratio": 0.2}),
    "registration_by_counts": edge({"guide": Guide.COUNTS_TO_CT}),
}


@pytest.mark.parametrize("check_id", EDGES)
def test_a_check_of_a_registration_is_raised_just_beyond_its_threshold_and_not_before(check_id):
    assert_edge(check_id, EDGES[check_id])
    raised = {r.check.id for r in EDGES[check_id].raises() if r.outcome is Outcome.RAISED}
    assert raised == {check_id}, "and it alone"


def raised(found, **more) -> set[str]:
    return {r.check.id for r in check_registration(found, **more) if r.outcome is Outcome.RAISED}


def test_nothing_is_raised_about_a_plausible_registration():
    assert raised(PLAIN) == set()
    assert PLAIN.distance_mm == 13.0


def test_a_folded_liver_is_told():
    assert raised(replace(PLAIN, lowest_jacobian_ratio=-0.1)) == {"registration_folded"}


def test_a_ct_alone_may_be_bent_without_a_warning_about_counts():
    assert raised(replace(PLAIN, kind=Kind.BSPLINE), quantitative=False) == set()


def test_what_is_not_known_is_not_passed():
    unknown = replace(
        PLAIN, dice_after_fraction=Missing("no outline"), mutual_information_before_score=Missing("they do not meet")
    )
    outcomes = {r.check.id: r.outcome for r in check_registration(unknown)}
    assert outcomes["registration_dice"] is outcomes["registration_not_improved"] is Outcome.NOT_EVALUABLE


def test_an_image_that_changed_or_moved_makes_the_registration_stale():
    fresh = replace(PLAIN, moving_fingerprint=fingerprint(image()))
    assert raised(fresh, moving=image()) == set()
    assert raised(fresh, moving=image() * 1.001) == {"registration_stale"}
    elsewhere = image()
    elsewhere.SetOrigin((1.0, 2.0, 3.0))
    assert raised(fresh, moving=elsewhere) == {"registration_stale"}


def test_thresholds_can_be_changed_by_id():
    assert raised(PLAIN, thresholds={"registration_moved": 10.0}) == {"registration_moved"}
    assert CATALOG["registration_moved"].threshold == 20.0


def test_a_poor_match_is_judged_between_cts_only():
    by_counts = checked(
        guide=Guide.COUNTS_TO_CT, mutual_information_before_score=0.1, mutual_information_after_score=0.2
    )
    assert "registration_poor" not in {r.check.id for r in by_counts}


def test_a_motion_is_told_in_directions_and_not_in_signs():
    assert directions((9.1, -20.6, 15.5)) == "9.1 mm left, 20.6 mm forward, 15.5 mm up"
    assert directions((-1.0, 2.0, -3.0)) == "1.0 mm right, 2.0 mm back, 3.0 mm down"
    moved = next(r for r in checked(moved_mm=(0.0, -30.0, 0.0)) if r.check.id == "registration_moved")
    assert "30.0 mm forward" in moved.message


def test_counts_are_not_taken_for_the_planning_ct(tmp_path):
    write_image(image(), tmp_path / "spect.nrrd")
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    both = [str(tmp_path / "spect.nrrd")] * 2
    args = parser.parse_args(["register", *both, "--out", str(tmp_path / "t.tfm")])
    with pytest.raises(InputError, match="no voxel lies below -100 .lowest 7.*the planning CT second"):
        args.run(args)
    assert not (tmp_path / "t.tfm").exists()
