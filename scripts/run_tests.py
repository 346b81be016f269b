"""Run the test tiers one after the other and say in a few lines how they went.

Each tier is a folder below test/ and a pytest process of its own: unit (no ROS), nodes (real rclpy
and DDS), graph (the whole graph), launch (launch files, where `launch` can be imported). All share
one random ROS domain that only this machine hears. Arguments are passed on to pytest.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
# The tier that may skip itself whole is not the last: some CI systems read pytest's last summary.
TIERS = ("unit", "nodes", "launch", "graph")
# Tests without ROS share nothing and spread over the processors, file by file: their fixtures are
# dear. Those with ROS share a domain.
PARALLEL = {"unit": ("-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile")}
NO_TESTS_COLLECTED = 5  # pytest's exit status, also when every file skipped itself


@dataclass(frozen=True)
class Outcome:
    """What one tier came to."""

    tier: str
    status: int
    passed: int
    failed: int
    skipped: int
    seconds: float
    reasons: tuple[str, ...]

    @property
    def good(self) -> bool:
        """True if nothing failed and something ran or said why it did not."""
        empty_but_explained = self.status == NO_TESTS_COLLECTED and self.skipped > 0
        return self.status == 0 or empty_but_explained


def read_report(path: Path) -> tuple[int, int, int, tuple[str, ...]]:
    """Passed, failed, skipped and the reasons for skipping, from a JUnit file."""
    if not path.is_file():
        return 0, 1, 0, ()
    suite = ElementTree.parse(path).getroot().find("testsuite")
    if suite is None:
        return 0, 1, 0, ()
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    reasons = {_reason(node) for node in suite.iter("skipped")}
    return total - failed - skipped, failed, skipped, tuple(sorted(reasons - {""}))


def _reason(node: ElementTree.Element) -> str:
    # Of a whole file that skips itself, pytest puts the reason into the text.
    inside = re.search(r"Skipped: (.+?)[\"']\)", node.text or "")
    return inside.group(1) if inside else node.get("message", "")


def run_tier(
    tier: str, reports: Path, arguments: list[str], environment: dict[str, str]
) -> Outcome:
    """Run pytest on one tier; its output goes straight through."""
    print(f"\n=== {tier} ===", flush=True)
    report = reports / f"{tier}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", f"test/{tier}", f"--junitxml={report}"]
    command += [*PARALLEL.get(tier, ()), *arguments]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - started
    status = done.returncode
    if status == NO_TESTS_COLLECTED and arguments:  # such as -k, which may leave a tier empty
        status = 0
    passed, failed, skipped, reasons = read_report(report)
    return Outcome(tier, status, passed, failed, skipped, seconds, reasons)


def isolated_environment() -> dict[str, str]:
    """The environment of the tests: a private ROS domain, and the installed package first."""
    environment = dict(os.environ)
    environment["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 101))
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    environment["PYTHONSAFEPATH"] = "1"
    return environment


def summary(outcomes: list[Outcome]) -> str:
    """One line per tier, why tests were skipped, the verdict, and the counts as the last line."""
    lines = ["", "tier     passed  failed  skipped  seconds"]
    for o in outcomes:
        lines.append(f"{o.tier:<8}{o.passed:7d}{o.failed:8d}{o.skipped:9d}{o.seconds:9.1f}")
    for o in outcomes:
        lines += [f"skipped in {o.tier}: {reason}" for reason in o.reasons]
    broken = [o.tier for o in outcomes if not o.good]
    lines.append(f"FAILED in {', '.join(broken)}" if broken else "OK")
    passed, failed, skipped = (
        sum(getattr(o, name) for o in outcomes) for name in ("passed", "failed", "skipped")
    )
    return "\n".join([*lines, f"tests: {passed} passed, {failed} failed, {skipped} skipped"])


def main() -> int:
    """Run all tiers that exist; 0 if every one of them is good."""
    reports = ROOT / "out" / "test"
    reports.mkdir(parents=True, exist_ok=True)
    environment = isolated_environment()
    outcomes = [run_tier(tier, reports, sys.argv[1:], environment) for tier in TIERS]
    print(summary(outcomes), flush=True)
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
