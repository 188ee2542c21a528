"""What Meerun et al. 2022 print, row by row of Docs/cohort.md, and the same computed from their Table 5."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import product

from scipy import stats

from Y90DosimetryLib.cohort.analysis import By, cohort_statistics
from Y90DosimetryLib.cohort.content import dose_text
from Y90DosimetryLib.cohort.statistics import kruskal_wallis, summary_of
from Y90DosimetryLib.cohort.survival import Times, kaplan_meier
from Y90DosimetryLib.cohort.table import example_table
from Y90DosimetryLib.followup.pathology import Necrosis
from Y90DosimetryLib.response.terms import Response

TABLE = example_table()
STATS = cohort_statistics(TABLE)
PATIENTS = TABLE.patients
PVTT = [p for p in PATIENTS if p.of("pvtt")]
RECURRED = [p for p in PATIENTS if p.of("ttr_months") is not None]
LAST = 60.0  # months: later than anything that matters here

Row = tuple[str, str, str]
"""What it is, as printed (a dash where it is not), as computed."""


def text(values, divide_by=1.0):
    return summary_of([v / divide_by for v in values], "", "").text


def counts(values, of):
    found = list(values)
    return "/".join(str(found.count(v)) for v in of)


def by_necrosis(value):
    return {n: [value(p) for p in PATIENTS if p.worst_necrosis is n] for n in Necrosis}


def rows() -> dict[str, list[Row]]:
    """Return every row under its heading."""
    return {
        "Dose": dose_rows(),
        "Necrosis, response and invasion": necrosis_rows(),
        "Size, alpha-fetoprotein and time to surgery": size_rows(),
        "Recurrence and survival": survival_rows(),
    }


def dose_rows() -> list[Row]:
    tumor, lowest, index = STATS.dose_by_necrosis
    cpn, extensive, partial = (g.text for g in tumor.groups)
    complete, complete_patient, not_partial, not_partial_patient = (f.result for f in STATS.dose_responses)
    highest = max(complete.doses_gy)
    return [
        ("Dose after treatment, tumors, Gy", "331 [31-1131]", text(t.post_dose_gy for t in TABLE.tumors)),
        ("with complete necrosis", "446 [293-1131]", cpn),
        ("with extensive necrosis", "320 [169-678]", extensive),
        ("with partial necrosis", "187 [31-340]", partial),
        ("Kruskal-Wallis by tumor, p", "0.045", f"{tumor.test.p:.4f}"),
        ("its H", "-", f"{tumor.test.h_statistic:.4f}"),
        (f"p by {By.LOWEST.value}", "-", f"{lowest.test.p:.4f}"),
        (f"p by {By.INDEX.value}", "-", f"{index.test.p:.4f}"),
        ("Dose in patients with PVTT, lowest, Gy", "320 [31-1131]", text(p.lowest_dose_gy for p in PVTT)),
        ("Complete necrosis by tumor: D50, Gy", "-", dose_text(complete.d50, highest)),
        ("its p", "-", f"{complete.p:.4f}"),
        ("the same by patient, p", "-", f"{complete_patient.p:.4f}"),
        ("Complete or extensive necrosis by tumor: D50, Gy", "-", dose_text(not_partial.d50, highest)),
        ("its D90, Gy", "-", dose_text(not_partial.d90, highest)),
        ("its p", "-", f"{not_partial.p:.4f}"),
        ("the same by patient: D50, Gy", "-", dose_text(not_partial_patient.d50, highest)),
        ("its p by patient", "-", f"{not_partial_patient.p:.4f}"),
    ]


def necrosis_rows() -> list[Row]:
    complete = [p for p in PATIENTS if p.worst_necrosis is Necrosis.COMPLETE]
    responded = [p for p in PATIENTS if p.of("best_mrecist") is Response.CR]
    emboli = [p for p in PATIENTS if p.of("mve")]
    several = [p for p in PATIENTS if len(p.tumors) > 1]
    large = [p for p in PATIENTS if p.of("large_gt8cm")]
    veins = [p for p in PATIENTS if p.of("hvt")]
    sums = sorted(sum(t.index_tumor_size_mm for t in p.tumors) for p in several if p not in PVTT)
    necrotic = [t for t in TABLE.tumors if t.necrosis is Necrosis.COMPLETE]
    crossed = ", ".join("/".join(map(str, row[:3])) for row in STATS.response_by_necrosis.counts)
    return [
        ("Tumors with complete/extensive/partial necrosis", "8/10/4",
         counts((t.necrosis for t in TABLE.tumors), Necrosis)),
        ("Patients by worst necrosis", "5/9/4", counts((p.worst_necrosis for p in PATIENTS), Necrosis)),
        ("CR/PR/SD in each of these", "5/0/0, 2/7/0, 0/3/1", crossed),
        ("Patients with CR/PR/SD", "7/10/1", counts((p.of("best_mrecist") for p in PATIENTS), list(Response)[:3])),
        ("CR with complete necrosis / all CR", "5/7", f"{sum(p in responded for p in complete)}/{len(responded)}"),
        ("Patients with complete necrosis: with PVTT / all", "5/5",
         f"{sum(p in PVTT for p in complete)}/{len(complete)}"),
        ("Tumors with complete necrosis: of patients with PVTT / all", "-",
         f"{sum(t.pvtt is not None for t in necrotic)}/{len(necrotic)}"),
        ("PVTT patients by worst necrosis", "5/8/1", counts((p.worst_necrosis for p in PVTT), Necrosis)),
        ("PVTT patients with VP1/2/3/4", "1/7/5/1", counts((p.of("pvtt").value for p in PVTT), (1, 2, 3, 4))),
        ("HVT patients / with PVTT as well", "3/2", f"{len(veins)}/{sum(p in PVTT for p in veins)}"),
        ("Large (> 8 cm) / with PVTT as well", "5/3", f"{len(large)}/{sum(p in PVTT for p in large)}"),
        ("Patients with several tumors", "2", str(len(several))),
        ("with PVTT among them", "0", str(sum(p in PVTT for p in several))),
        ("Sum of their diameters, mm, those without PVTT", "82, 110",
         ", ".join(f"{s:g}" for s in sums)),
        ("Microvascular emboli, patients", "6", str(len(emboli))),
        ("recurred / with emboli", "4/7", f"{sum(p in RECURRED for p in emboli)}/{len(emboli)}"),
        ("with emboli and PVTT", "4", str(sum(p in PVTT for p in emboli))),
        ("with emboli and complete necrosis", "0", str(sum(p in complete for p in emboli))),
    ]  # fmt: skip


def size_rows() -> list[Row]:
    size = {n: [t.index_tumor_size_mm for t in TABLE.tumors if t.necrosis is n] for n in Necrosis}
    afp, wait = by_necrosis(lambda p: p.of("afp_ng_ml")), by_necrosis(lambda p: p.of("tts_months"))
    others = [*wait[Necrosis.EXTENSIVE], *wait[Necrosis.PARTIAL]]

    def p_of(groups):
        return f"{kruskal_wallis({k.value: v for k, v in groups.items()}, '').p:.4f}"

    return [
        ("Index tumor, largest of each patient, mm", "53 [20-150]", text(p.largest_mm for p in PATIENTS)),
        ("Tumors with complete necrosis, mm", "37 [20-93]", text(size[Necrosis.COMPLETE])),
        ("with extensive necrosis, mm", "65 [34-111]", text(size[Necrosis.EXTENSIVE])),
        ("with partial necrosis, mm", "56 [29-150]", text(size[Necrosis.PARTIAL])),
        ("Size by necrosis, p (Kruskal-Wallis)", "0.24", p_of(size)),
        ("AFP, patients, ng/mL", "16.2 [2.2-3071]", text(p.of("afp_ng_ml") for p in PATIENTS)),
        ("AFP with complete necrosis", "38 [3.5-3071]", text(afp[Necrosis.COMPLETE])),
        ("AFP with extensive necrosis", "15 [2.2-1032]", text(afp[Necrosis.EXTENSIVE])),
        ("AFP with partial necrosis", "16 [3.4-16.7]", text(afp[Necrosis.PARTIAL])),
        ("AFP by worst necrosis, p (Kruskal-Wallis)", "0.7", p_of(afp)),
        ("AFP with PVTT", "15.5 [2.2-3071]", text(p.of("afp_ng_ml") for p in PVTT)),
        ("Time to surgery, months", "6.2 [2-14.6]", text(p.of("tts_months") for p in PATIENTS)),
        ("with complete necrosis, months", "8.3 [5.8-14.6]", text(wait[Necrosis.COMPLETE])),
        ("with extensive necrosis, months", "4.3 [3.7-13.6]", text(wait[Necrosis.EXTENSIVE])),
        ("with partial necrosis, months", "4.9 [2.1-10.5]", text(wait[Necrosis.PARTIAL])),
        ("Complete against other necrosis, p (Mann-Whitney)", "0.05",
         f"{stats.mannwhitneyu(wait[Necrosis.COMPLETE], others).pvalue:.4f}"),
        ("Time to surgery with PVTT, months", "6.7 [2.1-14.6]", text(p.of("tts_months") for p in PVTT)),
    ]  # fmt: skip


def survival_rows() -> list[Row]:
    def months(patients):
        return [p.of("ttr_months") for p in patients]

    not_complete = [p for p in RECURRED if p.worst_necrosis is not Necrosis.COMPLETE]
    not_cr = [p for p in PATIENTS if p.of("best_mrecist") is not Response.CR]
    late = [p for p in RECURRED if p in not_cr]
    recurred_pvtt = [p for p in RECURRED if p in PVTT]
    pfs, os = progression_free_at_year(0, 1, 0), overall_at_year(2)
    return [
        ("Recurred / patients", "7/18", f"{len(RECURRED)}/{len(PATIENTS)}"),
        ("Recurred / complete response", "1/7", f"{len(RECURRED) - len(late)}/{len(PATIENTS) - len(not_cr)}"),
        ("Recurred / other response", "6/11", f"{len(late)}/{len(not_cr)}"),
        ("Recurred with complete necrosis", "0", str(len(RECURRED) - len(not_complete))),
        ("Time to recurrence without complete necrosis, years", "1.2 [0.6-4.1]", text(months(not_complete), 12)),
        ("Time to recurrence with PR or SD, years", "1 [0.6-1.8]", text(months(late), 12)),
        ("Recurred with PVTT", "5", str(len(recurred_pvtt))),
        ("Time to recurrence with PVTT, months", "21.5 [10.3-49.3]", text(months(recurred_pvtt))),
        ("Progression-free at 12 months, %, see below", "82.6 [55.3-94.1]", percent(pfs)),
        ("Alive at 12 months, %, see below", "93.8 [63.2-99.1]", percent(os)),
        ("Ways of leaving early that give the first", "-", str(len(progression_ways()))),
        ("Ways of leaving early that give the second", "-", str(len(overall_ways()))),
    ]


def percent(point) -> str:
    """Return a point of a curve in percent with two decimals: the four digits that Stata prints of a fraction."""
    parts = (point.surviving_fraction, point.low_fraction, point.high_fraction)
    middle, low, high = (f"{100 * v:.2f}" for v in parts)
    return f"{middle} [{low}-{high}]"


def at_year(times, happened):
    return kaplan_meier(Times("all", tuple(times), tuple(happened))).at(12.0)


def progression_free_at_year(before, between, late):
    """Return the curve at a year when so many leave before the first recurrence, before the second, and the third.

    The other patients are seen for long; nobody dies before a recurrence in the first year.
    """
    first, second, third, *_ = sorted(p.of("ttr_months") for p in RECURRED)
    left = [first / 2] * before + [(first + second) / 2] * between + [(second + third) / 2] * late
    stayed = [LAST] * (len(PATIENTS) - 3 - len(left))
    return at_year([first, second, third, *left, *stayed], [True] * 3 + [False] * (len(left) + len(stayed)))


def overall_at_year(left_before, deaths=1):
    """Return the curve at a year when so many leave early, and then so many die within it."""
    stayed = len(PATIENTS) - left_before - deaths
    times = [1.0] * left_before + [6.0 + i for i in range(deaths)] + [LAST] * stayed
    return at_year(times, [False] * left_before + [True] * deaths + [False] * stayed)


def printed_alike(point, printed):
    parts = (point.surviving_fraction, point.low_fraction, point.high_fraction)
    return None not in parts and agrees(printed, percent(point))


def progression_ways():
    """Return how many may leave before each of the first three recurrences so that the printed value follows."""
    free = range(len(PATIENTS) - 3 + 1)
    return [
        ways
        for ways in product(free, free, free)
        if sum(ways) < len(free) and printed_alike(progression_free_at_year(*ways), "82.6 [55.3-94.1]")
    ]


def overall_ways():
    """Return the pairs of (left before, deaths) that give the printed value."""
    return [
        (left, deaths)
        for deaths in range(1, 5)
        for left in range(len(PATIENTS) - deaths + 1)
        if printed_alike(overall_at_year(left, deaths), "93.8 [63.2-99.1]")
    ]


NUMBER = re.compile(r"\d+(?:\.\d+)?")


def agrees(printed: str, computed: str) -> bool:
    """Whether every computed number, rounded as far as the printed one, is that one."""
    theirs, ours = NUMBER.findall(printed), NUMBER.findall(computed)
    return len(theirs) == len(ours) and all(
        Decimal(our).quantize(Decimal(their), ROUND_HALF_UP) == Decimal(their)
        for their, our in zip(theirs, ours, strict=True)
    )


def verdict(printed: str, computed: str) -> str:
    return "" if printed == "-" else "yes" if agrees(printed, computed) else "no"
