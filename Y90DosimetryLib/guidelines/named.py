"""Rules that a comparison alone can't say: named functions that derive the measure such a rule judges.

Each takes the known measurements and the rulebook and returns one measurement. A rule in TOML names its function
and judges the measure with bands like any other rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..measures import Known, Measurement, needs_of
from .rule import Rulebook, Severity, all_hold

NamedFunction = Callable[[Known, Rulebook], Measurement]


def cumulative_lung_dose(known: Known, _rules: Rulebook) -> Measurement:
    """Return the lung dose of this case plus that of earlier Y-90 treatments, in Gy.

    Unknown while it is unknown whether there were earlier ones, or what they gave.
    """
    name = "lung_dose_gy.cumulative"
    here, before = known.get("lung_dose_gy.case"), known.get("previous_y90")
    earlier = known.get("earlier_lung_dose_gy")
    if here.value is None:
        return Measurement(name, missing_because=here.missing_because, needs=needs_of([here]))
    if earlier.value is not None:
        return Measurement(name, _number(here) + _number(earlier))
    if before.value is False:
        return Measurement(name, here.value)
    if before.value is None:
        return Measurement(name, missing_because="earlier Y-90 treatments are not stated", needs=("previous_y90",))
    reason = "the lung dose of the earlier Y-90 treatments is not stated"
    return Measurement(name, missing_because=reason, needs=("earlier_lung_dose_gy",))


def scenario_5_route(known: Known, _rules: Rulebook) -> Measurement:
    """Return which other scenario's doses fit macrovascular invasion.

    Bilobar disease goes the conservative way of scenario 4, unilobar disease with Child-Pugh A the way of
    scenario 2; for unilobar disease beyond Child-Pugh A the source names none.
    """
    name = "scenario_5_route"
    invasion, disease, liver = known.get("mvi_lobes"), known.get("lobes_involved"), known.get("child_pugh_class")
    if "bilobar" in {invasion.value, disease.value}:
        return Measurement(name, "like_bilobar")
    gone = [m for m in (invasion, disease, liver) if m.value is None]
    if gone:
        reason = "the lobes involved or Child-Pugh are not known"
        return Measurement(name, missing_because=reason, needs=needs_of(gone))
    return Measurement(name, "like_lobectomy" if liver.value == "A" else "not_named")


def good_maa_targeting(known: Known, rules: Rulebook) -> Measurement:
    """Return whether the plan shows good targeting: a high tumor dose and a low dose to the normal liver.

    "Good" is what scenario 4 asks of both doses itself: the target of S4-DOSE-02 and the limit of S4-DOSE-01.
    """
    name = "good_maa_targeting"
    failing = [
        band
        for rule_id, severity in (("S4-DOSE-02", Severity.TARGET), ("S4-DOSE-01", Severity.WARNING))
        for band in rules[rule_id].bands
        if band.severity is severity
    ]
    held = [all_hold(band.when, known) for band in failing]
    if True in held:
        return Measurement(name, value=False)
    if None in held:
        gone = [m for band in failing for requirement in band.when for m in requirement.unknown(known)]
        return Measurement(name, missing_because=gone[0].missing_because, needs=needs_of(gone))
    return Measurement(name, value=True)


FUNCTIONS: Mapping[str, tuple[str, NamedFunction]] = {
    "cumulative_lung_dose": ("lung_dose_gy.cumulative", cumulative_lung_dose),
    "scenario_5_route": ("scenario_5_route", scenario_5_route),
    "good_maa_targeting": ("good_maa_targeting", good_maa_targeting),
}
"""By the name a rule uses: the measure it derives, and the function."""


def derived(known: Known, rules: Rulebook) -> tuple[Measurement, ...]:
    """Return what the named functions of *rules* derive, except what is known already."""
    used = {rule.function for rule in rules.values() if rule.function}
    return tuple(
        function(known, rules) for name, (result, function) in FUNCTIONS.items() if name in used and result not in known
    )


def _number(measurement: Measurement) -> float:
    assert isinstance(measurement.value, int | float)
    return float(measurement.value)
