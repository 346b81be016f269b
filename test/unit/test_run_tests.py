"""The summary of the test tiers tells failures, skips and silence apart."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "run_tests.py"


@pytest.fixture
def run_tests():
    spec = importlib.util.spec_from_file_location("run_tests", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def outcome(module, tier: str = "unit", status: int = 0, passed: int = 3, **changes):
    values = {"failed": 0, "skipped": 0, "seconds": 1.0, "reasons": (), **changes}
    return module.Outcome(tier, status, passed, **values)


def test_counts_and_reasons_from_a_report(run_tests, tmp_path: Path):
    report = tmp_path / "unit.xml"
    report.write_text(
        '<testsuites><testsuite tests="6" failures="1" errors="1" skipped="2">'
        '<testcase name="a"><skipped message="no launch"/></testcase>'
        '<testcase name="b"><skipped message="collection skipped">'
        "('test/launch/test_x.py', 11, 'Skipped: no launch_pytest')</skipped></testcase>"
        "</testsuite></testsuites>"
    )
    assert run_tests.read_report(report) == (2, 2, 2, ("no launch", "no launch_pytest"))


def test_a_missing_report_counts_as_a_failure(run_tests, tmp_path: Path):
    assert run_tests.read_report(tmp_path / "none.xml")[1] == 1


def test_an_empty_tier_is_good_only_if_it_says_why(run_tests):
    assert not outcome(run_tests, status=5, passed=0).good
    assert outcome(run_tests, status=5, passed=0, skipped=1, reasons=("no launch",)).good
    assert not outcome(run_tests, status=1, failed=1).good


def test_the_last_two_lines_are_verdict_and_counts(run_tests):
    good = outcome(run_tests)
    skipped = outcome(run_tests, "launch", passed=0, skipped=2, reasons=("no launch",))
    bad = outcome(run_tests, "graph", status=1, failed=1)
    text = run_tests.summary([good, skipped])
    assert text.splitlines()[-2:] == ["OK", "tests: 3 passed, 0 failed, 2 skipped"]
    assert "skipped in launch: no launch" in text
    assert run_tests.summary([good, bad]).splitlines()[-2:] == [
        "FAILED in graph",
        "tests: 6 passed, 1 failed, 0 skipped",
    ]
