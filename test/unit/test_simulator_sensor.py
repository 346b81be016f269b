import numpy as np
import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.simulator.noise import NoiseSource
from hybrid_pose_ros.simulator.sensor import EventSensor, SensorModel

DARK = 0.01  # radiance of the dark current
IDEAL = SensorModel(
    threshold_on=0.1, threshold_off=0.2, threshold_spread=0.0, time_constant_s=0.0, refractory_s=0.0
)
SHAPE = (6, 8)
GREY = np.full((260, 346), 0.2, np.float32)  # the light for which rates and constants are given


def everywhere():
    return np.tile(np.array([0, SHAPE[1]], np.int32), (SHAPE[0], 1))


def uniform(log_light: float) -> np.ndarray:
    return np.full(SHAPE, np.exp(log_light) - DARK, np.float32)


def shown(model: SensorModel, logs: list[float], step_ns: int = 1_000_000, seed: int = 0):
    """Events of pictures of uniform light, given as logarithms."""
    sensor = EventSensor(model, uniform(logs[0]), 0, np.random.default_rng(seed))
    events, count = empty_events(100_000), 0
    for i, log in enumerate(logs[1:], start=1):
        count = sensor.see(uniform(log), everywhere(), i * step_ns, events, count)
    return events[:count]


@pytest.mark.parametrize(("rise", "threshold"), [(1.0, 0.1), (-1.0, 0.2)])
def test_a_ramp_gives_the_closed_form_number_of_events(rise, threshold):
    events = shown(IDEAL, np.linspace(-1.0, -1.0 + rise, 21).tolist())
    pixels = SHAPE[0] * SHAPE[1]
    # A pixel starts up to half a threshold above or below its last event: n or n - 1 events.
    expected = abs(rise) / threshold - 0.5
    counts = np.bincount(events["y"].astype(int) * SHAPE[1] + events["x"], minlength=pixels)
    assert counts.min() >= np.floor(expected - 0.5)
    assert counts.max() <= np.ceil(expected + 0.5)
    assert counts.mean() == pytest.approx(expected, abs=0.25)
    assert set(events["p"]) == {1 if rise > 0 else 0}


def test_stamps_of_a_ramp_are_evenly_spread():
    events = shown(IDEAL, [0.0, 1.0], step_ns=10_000_000)
    one = np.sort(events["t"][(events["x"] == 2) & (events["y"] == 3)])
    np.testing.assert_allclose(np.diff(one), 1_000_000, atol=2000)
    assert 0 <= events["t"].min() < events["t"].max() <= 10_000_000


def test_the_same_light_gives_nothing():
    assert len(shown(IDEAL, [-1.0] * 50)) == 0


def test_refractory_time_keeps_events_apart():
    model = SensorModel(threshold_spread=0.0, time_constant_s=0.0, refractory_s=0.003)
    logs = (2.0 * np.sin(np.linspace(0.0, 6.0, 100))).tolist()
    events = shown(model, logs)
    assert len(events) > 200
    for x in range(SHAPE[1]):
        times = np.sort(events["t"][(events["x"] == x) & (events["y"] == 1)])
        assert np.diff(times).min() >= 3_000_000


def test_the_low_pass_delays_a_step_and_loses_nothing():
    slow = SensorModel(threshold_spread=0.0, time_constant_s=0.01, refractory_s=0.0)
    fast = SensorModel(threshold_spread=0.0, time_constant_s=0.0, refractory_s=0.0)
    grey = float(np.log(0.2 + DARK))
    logs = [grey - 1.5] + [grey] * 100
    late, prompt = shown(slow, logs), shown(fast, logs)
    assert len(late) == len(prompt)
    assert prompt["t"].max() <= 1_000_000
    # Half of a first-order step is over after ln 2 time constants.
    assert np.median(late["t"]) == pytest.approx(np.log(2) * 10e6, rel=0.15)


def test_the_photoreceptor_is_slower_in_the_dark():
    slow = SensorModel(threshold_spread=0.0, time_constant_s=0.01, refractory_s=0.0)
    grey = float(np.log(0.2 + DARK))
    bright = shown(slow, [grey - 1.0] + [grey] * 200)
    dark = shown(slow, [grey - 2.0] + [grey - 1.0] * 200)
    assert np.median(dark["t"]) / np.median(bright["t"]) == pytest.approx(np.e, rel=0.1)


def test_dark_surfaces_make_more_shot_noise_and_leakage_only_on_events():
    light = GREY.copy()
    light[:, :173] = 0.2 / 4
    model = SensorModel(noise_hz=0.1, hot_pixels=0, leak_share=0.0)
    events = NoiseSource(model, light, np.random.default_rng(3)).between(0, 20 * 10**9)
    dark = np.mean(events["x"] < 173)
    expected = np.sqrt((0.2 + DARK) / (0.05 + DARK))
    assert dark / (1.0 - dark) == pytest.approx(expected, rel=0.05)
    assert events["p"].mean() == pytest.approx(0.5, abs=0.01)
    leak = SensorModel(noise_hz=0.1, hot_pixels=0, leak_share=1.0)
    assert NoiseSource(leak, light, np.random.default_rng(3)).between(0, 10**9)["p"].all()


def test_thresholds_spread_over_the_pixels():
    model = SensorModel(threshold_on=0.2, threshold_spread=0.04)
    sensor = EventSensor(model, np.ones((100, 100), np.float32), 0, np.random.default_rng(0))
    assert sensor.thresholds[1].mean() == pytest.approx(0.2, abs=0.002)
    assert sensor.thresholds[1].std() == pytest.approx(0.04, rel=0.05)


def test_a_full_buffer_is_not_overrun():
    sensor = EventSensor(IDEAL, uniform(0.0), 0, np.random.default_rng(0))
    events = empty_events(10)
    assert sensor.see(uniform(2.0), everywhere(), 1_000_000, events, 4) == 10
    assert not events["t"][:4].any()


def test_noise_has_the_rate_that_was_set():
    model = SensorModel(noise_hz=0.1, hot_pixels=0)
    events = NoiseSource(model, GREY, np.random.default_rng(3)).between(0, 10_000_000_000)
    rate = len(events) / 10.0 / (346 * 260)
    assert rate == pytest.approx(0.1, rel=0.05)
    assert events["x"].max() < 346
    assert events["y"].max() < 260
    assert 0 <= events["t"].min() < events["t"].max() < 10_000_000_000
    none = SensorModel(noise_hz=0.0, hot_pixels=0)
    assert len(NoiseSource(none, GREY, np.random.default_rng(3)).between(0, 10**10)) == 0


def test_hot_pixels_stand_out():
    model = SensorModel(noise_hz=0.01, hot_pixels=3, hot_pixel_hz=50.0)
    events = NoiseSource(model, GREY[:80, :100], np.random.default_rng(3)).between(0, 4 * 10**9)
    counts = np.bincount(events["y"].astype(int) * 100 + events["x"], minlength=8000)
    assert (counts > 100).sum() == 3


@pytest.mark.parametrize("name", ["threshold_on", "noise_hz", "refractory_s"])
def test_impossible_settings_are_named(name):
    with pytest.raises(ConfigError, match=f"{name}.*-1"):
        SensorModel(**{name: -1.0})
