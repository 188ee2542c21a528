"""The page of rules: the same text for Docs/rules.md, the command line and the panel."""

from __future__ import annotations

import json
from collections.abc import Iterator

from . import wording
from .loading import load_references, load_rules
from .rule import AnyOf, Band, Basis, Requirement, Rule, Source

BASIS_NAMES = {
    Basis.CONSENSUS: "consensus",
    Basis.COHORT: "surgical cohort",
    Basis.LABEL: "product label, in neither source",
    Basis.PRACTICE: "common practice, not a limit of this product",
    Basis.TOOL_DEFAULT: "default of this tool",
}

SECTIONS = {
    "GEN": "Every scenario",
    "S1": "Scenario 1: radiation segmentectomy",
    "S2": "Scenario 2: radiation lobectomy",
    "S3": "Scenario 3: multifocal disease of one lobe",
    "S4": "Scenario 4: multifocal disease of both lobes",
    "S5": "Scenario 5: macrovascular invasion",
    "LUNG": "Lung",
    "C0": "Surgical cohort",
}

AGE = (
    "Sources: consensus of 2022 (Salem et al. 2023, literature up to September 2021) and surgical cohort of 2022"
    " (Meerun et al.). Later recommendations may exist and are not in here."
)
"""How old the knowledge is: said wherever rules are listed or judged."""

_HEAD = f"""# Rules

{AGE}

Written by `y90 rules --markdown` from `Y90DosimetryLib/guidelines/rules`. A rule that is not met is a
contraindication, a warning, a missed target or an information; what is missing is never a pass.
"Established for" names the patients in whom the source showed the rule: beyond them its warnings count all the
same, and so does a dose too high; its targets and a pass do not. Numbers are those of the data, conditions are tried
in the order given."""


def markdown() -> str:
    """Return the page of all rules and references."""
    parts = [_HEAD]
    for prefix, title in SECTIONS.items():
        parts.append(f"## {title}")
        parts += [_markdown_rule(rule) for rule in load_rules().values() if rule.id.split("-")[0] == prefix]
    parts.append("## References")
    parts += [f"- **{r.short}**: {r.citation}.{_doi(r.doi)} Read: {r.read}." for r in load_references().values()]
    return "\n\n".join(parts) + "\n"


def text(rule: Rule) -> str:
    """Return one rule as plain lines."""
    return "\n".join([f"{rule.id}  {rule.title}", *(f"  {label}: {value}" for label, value in lines(rule))])


def lines(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what there is to say about a rule, as label and text."""
    yield "Scenarios", ", ".join(str(s) for s in rule.scenarios)
    yield "Rests on", BASIS_NAMES[rule.basis]
    if rule.each:
        yield "Judged for", f"each {rule.each}"
    if rule.gate:
        yield "Gate", "nothing else is judged when this is not met, but what holds for every tumor"
    if rule.every_tumor:
        yield "Every tumor", "judged whatever the tumor and the device"
    if rule.is_range:
        yield "Range", "a plan is made for it where no doses by compartment are available"
    if rule.function:
        yield "Function", f"`{rule.function}` in named.py"
    if rule.when:
        yield "Applies when", wording.requirements_text(rule.when)
    if rule.established_for:
        yield "Established for", wording.requirements_text(rule.established_for)
    for band in rule.bands:
        yield str(band.severity).capitalize(), _band(band)
    for remark in rule.remarks:
        said = wording.in_general(remark.says, remark.when)
        yield "Remark", f'{wording.requirements_text(remark.when)}. "{said}"'
    for source in rule.sources:
        yield "Source", source_text(source)
    for label, value in (
        ("Note", rule.note),
        ("Tool default", rule.tool_default),
        ("Beside another source", rule.difference),
    ):
        if value:
            yield label, value
    yield "Checked", rule.checked.isoformat()


def source_text(source: Source) -> str:
    """Return reference, place, degree and strength of a source."""
    printed = [f"degree {source.degree}"] if source.degree else []
    printed += [f"{source.consensus} consensus"] if source.consensus else []
    scenarios = f" (scenario {', '.join(str(s) for s in source.scenarios)})" if source.scenarios else ""
    short = load_references()[source.reference].short
    return f"{short}, {source.place}{scenarios}; {', '.join(printed) or 'no degree printed'}"


def as_object(rule: Rule) -> dict[str, object]:
    """Return a rule as plain objects, numbers in full precision."""
    return {
        "id": rule.id,
        "title": rule.title,
        "topic": rule.topic,
        "scenarios": list(rule.scenarios),
        "basis": str(rule.basis),
        "each": str(rule.each) or None,
        "gate": rule.gate,
        "function": rule.function or None,
        "when": [_object(r) for r in rule.when],
        "established_for": [_object(r) for r in rule.established_for],
        "bands": [
            {"if": [_object(r) for r in b.when], "severity": str(b.severity), "says": b.says, "then": list(b.then)}
            for b in rule.bands
        ],
        "remarks": [{"if": [_object(r) for r in x.when], "says": x.says} for x in rule.remarks],
        "sources": [
            {
                "reference": s.reference,
                "place": s.place,
                "degree": s.degree or None,
                "consensus": s.consensus or None,
                "scenarios": list(s.scenarios or rule.scenarios),
            }
            for s in rule.sources
        ],
        "asks": wording.asked(rule),
        "note": rule.note,
        "tool_default": rule.tool_default,
        "difference": rule.difference,
        "checked": rule.checked.isoformat(),
    }


def as_json(rules: list[Rule]) -> str:
    """Return rules as one JSON object."""
    content = {"sources": AGE, "rules": [as_object(rule) for rule in rules]}
    return json.dumps(content, indent=2, ensure_ascii=False)


def _markdown_rule(rule: Rule) -> str:
    return "\n".join([f"### {rule.id} {rule.title}", "", *(f"- {label}: {value}" for label, value in lines(rule))])


def _band(band: Band) -> str:
    condition = wording.requirements_text(band.when) or "always"
    then = f" Then also: {', '.join(band.then)}." if band.then else ""
    return f'{condition}. "{wording.in_general(band.says, band.when)}"{then}'


def _object(requirement: Requirement) -> dict[str, object]:
    if isinstance(requirement, AnyOf):
        return {"any": [_object(c) for c in requirement.alternatives]}
    limit = list(requirement.limit) if isinstance(requirement.limit, tuple) else requirement.limit
    return {"measure": requirement.measure_id, str(requirement.comparison): limit}


def _doi(doi: str) -> str:
    return f" doi:{doi}." if doi else ""
