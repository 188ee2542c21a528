"""Over which counts an infusion's activity is spread: what is known of the tracer decides, and is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..case import Basis, Case, CountReference, Session
from ..compartments import Compartments
from ..images import ActivityMap
from ..missing import Missing
from .uptake import Uptake

ELSEWHERE_FRACTION = 0.10
"""Tool default: with more of the liver's counts outside the perfused volumes, blur and outlines do not explain them."""
WHOLE_FRACTION = 0.97
"""Tool default: perfused volumes that hold so much of the liver are the whole liver."""
UPSTREAM_OF_A_LOBE = frozenset({"proper_hepatic", "split_right_left", "two_mappings"})
LOBAR = frozenset({"lobar", "dominant_lobe"})
SEGMENTECTOMY, MOST_SEGMENTS = 1, 2


@dataclass(frozen=True)
class Reference:
    """The counts over which a relative image spreads an infusion, and why these."""

    over: CountReference
    because: str

    @property
    def text(self) -> str:
        """The reference in words for the report."""
        where = {CountReference.LIVER: "whole liver", CountReference.PERFUSED: "perfused volume"}[self.over]
        return f"activity spread by the counts of the {where}: {self.because}"


References = Sequence[Reference | Missing] | None
"""One for each session; None leaves them to what the case says."""


def reference_of(case: Case, session: Session, compartments: Compartments, uptake: Uptake) -> Reference | Missing:
    """Return the counts that an infusion of a session is spread over.

    The spheres lie where the treatment reaches; counts of a tracer that was given upstream of it say nothing about
    them (Salem et al. 2023: lobar MAA for a segment in scenario 1, the proper hepatic artery in scenario 4). Missing
    where it can't be known and more than `ELSEWHERE_FRACTION` of the liver's counts lies elsewhere.
    """
    whole, own = CountReference.LIVER, CountReference.PERFUSED
    if isinstance(session.image, ActivityMap):
        return Reference(whole, "the image shows the activity itself")
    if session.basis is Basis.DELIVERED:
        return Reference(whole, "the image shows what was delivered")
    if case.settings.count_reference is own:
        return Reference(own, "as set")
    inside = compartments.inside(i.perfused for i in session.infusions)
    if compartments.volume_ml(inside) >= WHOLE_FRACTION * compartments.whole_ml:
        return Reference(whole, "the infusions reach all of it")
    facts = case.disease.facts
    site, same = facts.get("maa_site"), facts.get("maa_same_position")
    counts = uptake.counts
    total = float(counts.sum())
    elsewhere = 1.0 - float(counts[list(inside)].sum()) / total if total > 0 else 0.0
    said = f"MAA given {str(site).replace('_', ' ')}"
    if site in UPSTREAM_OF_A_LOBE:
        return Reference(own, f"{said}, upstream of what is treated")
    if site in LOBAR:
        segments = facts.get("segments_treated_count")
        of_segments = isinstance(segments, int) and segments <= MOST_SEGMENTS
        if case.disease.scenario == SEGMENTECTOMY or of_segments:
            return Reference(own, f"{said}, upstream of a segment")
        if same is not True and elsewhere > ELSEWHERE_FRACTION:
            return Reference(own, f"{said}, with {elsewhere * 100:.0f} % of the counts beyond what is treated")
    if site is not None:
        return Reference(whole, f"{said}, where the treatment is")
    if same is True:
        return Reference(whole, "MAA given at the place of the treatment")
    if elsewhere <= ELSEWHERE_FRACTION:
        return Reference(whole, f"{elsewhere * 100:.0f} % of the counts lie outside the perfused volumes")
    return Missing(
        f"{elsewhere * 100:.0f} % of the liver's counts lie outside the perfused volumes, and where the MAA was given"
        " is not stated",
        ("maa_site",),
    )
