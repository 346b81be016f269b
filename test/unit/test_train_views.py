"""Views on disk say what views in memory say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.train.array_on_disk import array_in_npz
from hybrid_pose_ros.train.views import ViewInMemory, ViewOnDisk

END_NS = 50_000


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    rng = np.random.default_rng(0)
    events = np.zeros(5000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, END_NS, len(events)))  # many at the same time
    events["t"][1000:1100] = events["t"][1024]  # on both sides of an indexed one
    events["x"] = rng.integers(0, 300, len(events))
    path = tmp_path_factory.mktemp("clip") / "clip.npz"
    np.savez(path, truth=np.zeros((3, 2)), events_cam=events, none=events[:0])
    uv = np.zeros((6, 13, 2), np.float32)
    return (
        path,
        ViewInMemory("a", events, uv),
        ViewOnDisk("a", array_in_npz(path, "events_cam"), uv),
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(-10, END_NS + 10), st.integers(0, END_NS))
def test_any_interval_has_the_same_events(views, start, length):
    _, memory, disk = views
    expected = memory.between(start, start + length)
    assert np.array_equal(disk.between(start, start + length), expected)


def test_equal_times_are_all_found(views):
    _, memory, disk = views
    t_ns = int(memory.events["t"][1024])
    assert len(disk.between(t_ns, t_ns + 1)) == len(memory.between(t_ns, t_ns + 1)) >= 100


@pytest.mark.parametrize("index", [0, 1023, 4999, 5000])
def test_the_time_of_an_event(views, index):
    _, memory, disk = views
    assert disk.time_of(index) == memory.time_of(index)


def test_an_empty_array_and_wrong_ones(views, tmp_path):
    path = views[0]
    empty = ViewOnDisk("b", array_in_npz(path, "none"), np.zeros((1, 13, 2)))
    assert len(empty.between(0, 10)) == 0 and empty.time_of(0) is None
    with pytest.raises(KeyError):
        array_in_npz(path, "events_other")
    with pytest.raises(ValueError, match="has 2 dimensions"):
        array_in_npz(path, "truth")
    np.savez_compressed(tmp_path / "small.npz", events=np.zeros(4))
    with pytest.raises(ValueError, match="is compressed"):
        array_in_npz(tmp_path / "small.npz", "events")
    with pytest.raises(ValueError, match="step 1"):
        array_in_npz(path, "none")[::2]
