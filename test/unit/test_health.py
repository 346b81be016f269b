"""Health of a camera's stream."""

from __future__ import annotations

from hybrid_pose_ros.runtime.health import OK, WARN, CameraHealth

SECOND = 1_000_000_000
RATES = {"packets": "packet_rate_hz"}


def test_rates_are_per_second_since_the_last_report():
    health = CameraHealth("cam2", 0)
    health.heard(2 * SECOND)
    first = health.report(2 * SECOND, {"packets": 400}, RATES, set())
    health.heard(3 * SECOND)
    second = health.report(3 * SECOND, {"packets": 500}, RATES, set())
    assert first.values["packet_rate_hz"] == "200.0"
    assert second.values["packet_rate_hz"] == "100.0"
    assert second.values["packets"] == "500"
    assert (second.level, second.message) == (OK, "ok")


def test_silence_is_a_warning_with_its_length():
    health = CameraHealth("cam3", 0)
    health.heard(5 * SECOND)
    assert health.report(6 * SECOND, {}, RATES, set()).level == OK
    report = health.report(int(7.1 * SECOND), {}, RATES, set())
    assert (report.level, report.message) == (WARN, "no events from cam3 for 2.1 s")


def test_a_camera_that_never_came_is_silent_since_the_start():
    report = CameraHealth("cam3", 10 * SECOND).report(13 * SECOND, {}, RATES, set())
    assert report.message == "no events from cam3 for 3.0 s"


def test_growth_of_a_bad_counter_is_told_once():
    health = CameraHealth("cam2", 0)
    health.heard(SECOND)
    report = health.report(SECOND, {"skipped": 3}, RATES, {"skipped"})
    assert (report.level, report.message) == (WARN, "cam2: 3 skipped")
    assert health.report(SECOND, {"skipped": 3}, RATES, {"skipped"}).level == OK
