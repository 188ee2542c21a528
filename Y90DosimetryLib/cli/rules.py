"""`y90 rules`: the recommendations, one by one, with their conditions, severities and sources."""

from __future__ import annotations

import argparse
import difflib

from ..errors import InputError
from ..guidelines import document, wording
from ..guidelines.loading import load_rules
from ..guidelines.rule import ALL_SCENARIOS, Rule


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `rules` and `rules show ID` to the commands."""
    parser = commands.add_parser("rules", help="list the recommendations and their sources")
    parser.add_argument("--scenario", type=int, choices=ALL_SCENARIOS, help="only the rules judged in this scenario")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object, numbers in full precision")
    form.add_argument("--markdown", action="store_true", help="the page of all rules, Docs/rules.md")
    parser.set_defaults(run=run_list)

    actions = parser.add_subparsers(title="actions", metavar="show ID")
    show = actions.add_parser("show", help="everything about one rule")
    show.add_argument("id", help="such as S3-DOSE-01")
    show.add_argument("--json", action="store_true", dest="show_json", help="one JSON object")
    show.set_defaults(run=run_show)


def run_list(args: argparse.Namespace) -> int:
    """Print the rules, one line each, or all of them as JSON or markdown."""
    if args.markdown:
        if args.scenario:
            raise InputError("the page holds every scenario", where="--markdown", remedy="Leave out --scenario")
        print(document.markdown(), end="")
        return 0
    chosen = [r for r in load_rules().values() if not args.scenario or args.scenario in r.scenarios]
    if args.json:
        print(document.as_json(chosen))
        return 0
    width = max(len(rule.id) for rule in chosen)
    for rule in chosen:
        print(f"{rule.id:<{width}}  {rule.title}: {wording.asked(rule) or 'a note'}")
    print(document.AGE)
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print one rule."""
    rule = _find(args.id)
    print(document.as_json([rule]) if args.show_json or args.json else document.text(rule))
    return 0


def _find(rule_id: str) -> Rule:
    rules = load_rules()
    wanted = next((name for name in rules if name.lower() == rule_id.lower()), None)
    if wanted is None:
        near = difflib.get_close_matches(rule_id.upper(), rules, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "`y90 rules` lists them"
        raise InputError(f"there is no rule '{rule_id}'", where="rules", remedy=remedy)
    return rules[wanted]
