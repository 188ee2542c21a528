"""Run the test suites one after another, each in a process of its own, and print one count at the end.

Arguments are passed to pytest. The suites can't share a process: each puts its own `slicer` in place.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("Library", "Scene", "Widget")
NO_TESTS = 5  # pytest's exit code when nothing was collected
KINDS = ("tests", "failures", "errors", "skipped")


def run(suite: str, arguments: list[str], results: Path) -> tuple[int, dict[str, int]]:
    """Run one suite and return pytest's exit code and its counts."""
    environment = {**os.environ, "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
    print(f"\n=== Testing/{suite}", flush=True)
    command = [sys.executable, "-m", "pytest", f"Testing/{suite}", f"--junitxml={results}", *arguments]
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    counts = dict.fromkeys(KINDS, 0)
    if results.exists():
        for found in ElementTree.parse(results).iter("testsuite"):
            for kind in KINDS:
                counts[kind] += int(found.get(kind, 0))
    return code, counts


def main(arguments: list[str]) -> int:
    """Run all suites; 0 when none failed and something ran."""
    total, failed_suites = dict.fromkeys(KINDS, 0), []
    with tempfile.TemporaryDirectory() as folder:
        for suite in SUITES:
            if not any((ROOT / "Testing" / suite).glob("test_*.py")):
                continue
            code, counts = run(suite, arguments, Path(folder) / f"{suite}.xml")
            for kind in KINDS:
                total[kind] += counts[kind]
            if code not in {0, NO_TESTS}:
                failed_suites.append(f"{suite} (pytest ended with {code})")
    failed = total["failures"] + total["errors"]
    if failed_suites:
        print(f"\nFailed: {', '.join(failed_suites)}")
    print(f"\n{total['tests'] - failed - total['skipped']} passed, {failed} failed, {total['skipped']} skipped")
    return 1 if failed_suites or failed or not total["tests"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
