"""The batched simulator against the other one: same pictures, same pixels, same statistics."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator import noise
from hybrid_pose_ros.simulator.batched.batch import Batch
from hybrid_pose_ros.simulator.batched.cast import cast
from hybrid_pose_ros.simulator.batched.motion import BIN_NS, STEPS
from hybrid_pose_ros.simulator.batched.noise import NoiseSource
from hybrid_pose_ros.simulator.batched.pixels import EventPixels, blurred
from hybrid_pose_ros.simulator.batched.simulate import simulate_batch
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.presets import fitted, rig_for
from hybrid_pose_ros.simulator.sensor import DAVIS346, EventSensor, SensorModel
from hybrid_pose_ros.simulator.simulate import camera_run, record

WIDTH, HEIGHT = 115, 86
RIG, _ = rig_for(None, None, ["cam1", "cam2"])
CAMERAS = [fitted(camera, WIDTH, HEIGHT) for camera in RIG.cameras.values()]


def window(camera: Camera) -> Camera:
    """What the full camera sees around the person, in a smaller picture of the same scale."""
    u, v = camera.project(np.array([0.0, 0.0, 1.1]))
    shift = np.array([[1, 0, -round(u) + 64.0], [0, 1, -round(v) + 72.0], [0, 0, 1]])
    return replace(camera, width=128, height=144, projection=shift @ camera.projection)


WINDOWS = [window(camera) for camera in RIG.cameras.values()]
# jumping, walking, with long hair and no spheres, all movements of the body at once
PEOPLE = ((13, "22"), (4, "9"), (1003, "free"), (2, "33"))


def performances(seconds: float, count: int = len(PEOPLE)):
    return [perform_movement(who, what, 3, seconds) for who, what in PEOPLE[:count]]


def takes(count: int):
    return [(who, camera) for who in range(count) for camera in CAMERAS]


def test_both_draw_the_same_pictures():
    people = performances(1.0)
    batch = Batch(people, [3] * 4, takes(4), device="cpu")
    drawn = batch.pictures(batch._motion.parts(40, 1)).numpy()
    for number, (who, camera) in enumerate(takes(4)):
        run = camera_run(people[who], camera, DAVIS346, 3)
        for step in range(STEPS):
            wanted = run.picture((40 * STEPS + step + 1) * BIN_NS // STEPS)
            body = wanted != batch._scenes.background[number].numpy()
            apart = np.abs(drawn[step, number] - wanted)
            assert body.sum() > 400
            assert (apart > 1e-3).sum() <= 0.003 * body.sum() + 1  # pixels that just touch
            assert np.median(apart[body]) < 1e-6


def test_parts_behind_the_camera_are_left_out_and_the_nearer_wins():
    part = np.concatenate([np.eye(3).ravel(), np.zeros(3), [0.0, 0.2, 0.2, 1.0]])
    parts = np.stack([part, part, part])
    parts[:, 10] = [0.5, -0.5, -9.0]  # along the line of sight; the camera is at -3
    parts[1, 13:15] = 0.05
    view = np.zeros((1, 4, 4))
    view[0, :3] = [[100, 50, 0, 150], [0, 40, -100, 120], [0, 1, 0, 3]]
    view[0, 3, 0] = 100.0
    rays = np.linalg.inv(view[:, :3, :3])
    arguments = (parts[None], np.ones((1, 3), bool), view, rays, [[0.0, -3.0, 0.0]])
    hits = cast(*map(torch.as_tensor, arguments), (80, 100))
    numbers = dict(zip(hits.pixel.tolist(), hits.part.tolist(), strict=True))
    assert numbers[40 * 100 + 50] == 1
    assert set(numbers.values()) == {0, 1}
    assert len(numbers) == pytest.approx(np.pi * (100 * 0.2 / 3.5) ** 2, rel=0.05)


def both_see(model: SensorModel, steps: int):
    """Numbers of events (2, steps, h, w) and all stamps of both executors' pixels."""
    rng = np.random.default_rng(5)
    phase, speed = rng.uniform(0.2, 0.5, (2, 24, 32))
    wave = np.sin(np.arange(steps + 1)[:, None, None] * speed + 20.0 * phase)
    images = (0.02 + np.exp(2.0 * wave - 1.0)).astype(np.float32)
    sensor = EventSensor(model, images[0], 0, rng)
    phase = (sensor._state[3] - sensor._state[2]) / sensor.thresholds.min(axis=0)
    first = blurred(torch.as_tensor(images[:1]))
    np.testing.assert_allclose(first[0], sensor._state[0], rtol=1e-6)
    thresholds = torch.as_tensor(sensor.thresholds)[:, None]
    pixels = EventPixels(model, first, thresholds, torch.as_tensor(phase)[None])
    numbers, stamps = np.zeros((2, steps, 24, 32), int), ([], [])
    rows = np.tile(np.array([0, 32], np.int32), (24, 1))
    for step, image in enumerate(images[1:]):
        events = empty_events(20000)
        events = events[: sensor.see(image, rows, (step + 1) * 3_000_000, events, 0)]
        np.add.at(numbers[0, step], (events["y"], events["x"]), 1)
        stamps[0].append(events["t"] - step * 3_000_000)
        fired = pixels.see(blurred(torch.as_tensor(image))[None], 3e6)
        numbers[1, step] = fired.number[0]
        for i in range(int(fired.number.max())):
            t = (fired.first + i * fired.pitch)[fired.number > i]
            stamps[1].append(t.clamp(0.0, 3e6).numpy())
    return numbers, [np.sort(np.concatenate(each)) for each in stamps]


@pytest.mark.parametrize(
    "model",
    [
        DAVIS346,
        replace(DAVIS346, time_constant_s=0.0),
        replace(DAVIS346, refractory_s=0.0, threshold_spread=0.0),
        replace(DAVIS346, refractory_s=0.004, threshold_on=0.1),
    ],
)
def test_equal_pixels_fire_equally(model):
    numbers, stamps = both_see(model, 60)
    assert numbers[0].sum() > 20_000
    assert (numbers[0] != numbers[1]).mean() < 2e-3  # single precision at a threshold
    assert numbers[1].sum() == pytest.approx(numbers[0].sum(), rel=2e-3)
    share = np.linspace(0.02, 0.98, 25)
    ours, theirs = np.quantile(stamps[1], share), np.quantile(stamps[0], share)
    np.testing.assert_allclose(ours, theirs, atol=15_000)


def described(events: np.ndarray) -> dict[str, float]:
    """What two recordings of one scene with other noise have in common."""
    pixel = events["y"].astype(int) * 1000 + events["x"]
    order = np.lexsort((events["t"], pixel))
    gaps = np.diff(events["t"][order])[np.diff(pixel[order]) == 0]
    return {
        "rate": len(events),
        "on": 1e3 * events["p"].mean(),
        "active": len(np.unique(pixel)),
        "median gap": np.median(gaps),
        "long gap": np.quantile(gaps, 0.9),
    }


def test_both_make_recordings_of_the_same_statistics():
    people = performances(0.4, 3)
    batched = simulate_batch(people, [3] * 3, WINDOWS, device="cpu")
    sums: dict[str, np.ndarray] = {}
    for ours, who in zip(batched, people, strict=True):
        theirs = record(who, 3, WINDOWS)
        np.testing.assert_array_equal(ours.truth_xyz, theirs.truth_xyz)
        assert (ours.stem, ours.seconds) == (theirs.stem, theirs.seconds)
        for camera in WINDOWS:
            pair = [each.cameras[camera.name] for each in (ours, theirs)]
            assert (np.diff(pair[0]["t"]) >= 0).all()
            assert 0 <= pair[0]["t"][0] < pair[0]["t"][-1] < 400_000_000
            a, b = map(described, pair)
            assert a["rate"] == pytest.approx(b["rate"], rel=0.05)
            assert a["on"] == pytest.approx(b["on"], abs=20)
            for key in a:
                sums[key] = sums.get(key, 0.0) + np.array([a[key], b[key]])
            # the same places: correlation of the counts on cells of 8 x 8 pixels
            box = [[0, 144], [0, 128]]
            maps = [np.histogram2d(e["y"], e["x"], (18, 16), box)[0].ravel() for e in pair]
            assert np.corrcoef(maps)[0, 1] > 0.98
    for key, bound in (
        ("rate", 0.02), ("active", 0.02), ("on", 0.02), ("median gap", 0.06), ("long gap", 0.06)
    ):  # fmt: skip
        assert sums[key][0] == pytest.approx(sums[key][1], rel=bound), key


def test_noise_has_the_rates_and_the_light_dependence_of_the_other():
    model = SensorModel(noise_hz=0.1, hot_pixels=3, hot_pixel_hz=40.0, noise_spread=0.5)
    light = np.full((80, 100), 0.2, np.float32)
    light[40:] = 0.02
    wanted = noise.NoiseSource(model, light, np.random.default_rng(1)).between(0, 40 * 10**9)
    generator = torch.Generator().manual_seed(1)
    source = NoiseSource(model, torch.as_tensor(np.stack([light, light[::-1].copy()])), generator)
    pixel, p, t = (x.numpy() for x in source.during(40 * 10**9))
    assert 0 <= t.min() < t.max() < 40 * 10**9
    for take, dark_rows in ((0, slice(40, 80)), (1, slice(0, 40))):
        mine = pixel // 8000 == take
        counts = np.bincount(pixel[mine] % 8000, minlength=8000).reshape(80, 100)
        assert (counts > 800).sum() == 3
        theirs = np.bincount(wanted["y"].astype(int) * 100 + wanted["x"], minlength=8000)
        theirs = theirs.reshape(80, 100)
        for ours, other in ((counts[dark_rows], theirs[40:]), (counts, theirs)):
            usual = [x[x < 800].mean() for x in (ours, other)]
            assert usual[0] == pytest.approx(usual[1], rel=0.05)
            assert ours[ours < 800].std() == pytest.approx(other[other < 800].std(), rel=0.1)
        assert p[mine].mean() == pytest.approx(wanted["p"].mean(), abs=0.02)
    silent = NoiseSource(replace(model, noise_hz=0.0, hot_pixels=0), torch.ones(1, 9, 9), generator)
    assert len(silent.during(10**9)[0]) == 0


def test_counts_and_single_events_say_the_same():
    people = performances(1.0, 2)
    total = 0
    for each in Batch(people, [1, 2], takes(2), device="cpu").slices(25, events=True):
        assert each.counts.dtype == torch.uint8
        for take, events in enumerate(each.events.arrays()):
            counts = np.zeros(each.counts.shape[:1] + each.counts.shape[2:], int)
            number = events["t"] // BIN_NS - each.first_bin
            np.add.at(counts, (number, events["p"], events["y"], events["x"]), 1)
            np.testing.assert_array_equal(counts, each.counts[:, take])
            total += len(events)
    assert total > 2000


def whole(device: str, seed: int) -> list[np.ndarray]:
    people = [perform_movement(who, what, seed, 0.2) for who, what in PEOPLE[:2]]
    made = simulate_batch(people, [seed, seed], CAMERAS, device=device)
    return [events for each in made for events in each.cameras.values()]


def test_the_seed_decides_everything():
    first, again, other = whole("cpu", 4), whole("cpu", 4), whole("cpu", 5)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_progress_and_odd_lengths():
    shares = []
    people = [perform_movement(1, 9, 1, 0.205)]
    made = simulate_batch(people, [1], CAMERAS[:1], device="cpu", progress=shares.append)
    assert shares[-1] == 1.0
    assert made[0].cameras["cam1"]["t"].max() < 205_000_000
    assert len(made[0].truth_xyz) == 21


def test_what_cannot_be_simulated_is_named():
    people = performances(0.2, 2)
    with pytest.raises(ConfigError, match=r"one size, got 115 x 86, 346 x 260"):
        Batch(people, [1, 2], [(0, CAMERAS[0]), (1, RIG.cameras["cam2"])], device="cpu")
    with pytest.raises(ConfigError, match="one size, got none"):
        Batch(people, [1, 2], [], device="cpu")
    with pytest.raises(ConfigError, match="got 2 and 1 seeds"):
        Batch(people, [1], takes(1), device="cpu")
    with pytest.raises(ConfigError, match=r"one length, got \[0.2, 0.3\] s"):
        simulate_batch([people[0], perform_movement(1, 9, 1, 0.3)], [1, 2], CAMERAS)
    with pytest.raises(ConfigError, match="different names"):
        simulate_batch(people, [1, 2], [CAMERAS[0]] * 2)
    with pytest.raises(ConfigError, match=r"no device 'gpu'.*use cpu, cuda or auto"):
        simulate_batch(people, [1, 2], CAMERAS, device="gpu")
    away = replace(CAMERAS[0], projection=CAMERAS[0].projection @ np.diag([1, 1, 1, -1.0]))
    with pytest.raises(ConfigError, match="does not see the person"):
        simulate_batch(people, [1, 2], [away])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_makes_the_same_statistics_and_repeats_itself():
    first, again, host = whole("cuda", 4), whole("cuda", 4), whole("cpu", 4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for ours, theirs in zip(first, host, strict=True):
        a, b = described(ours), described(theirs)
        assert a["rate"] == pytest.approx(b["rate"], rel=0.1)
        assert a["on"] == pytest.approx(b["on"], abs=40)
        assert a["active"] == pytest.approx(b["active"], rel=0.1)
