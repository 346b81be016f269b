"""No verb replaces a file of the user's unasked; what cannot be written is told before the work."""

from __future__ import annotations

import pytest

from hybrid_pose_ros.cli import main

# Each would read something that is not there. (`events convert` is in test_events_convert.)
VERBS = {
    "events view": ("events", "view", "nothing.raw", "--out"),
    "infer": ("infer", "nothing.raw", "--rig", "nothing.yaml", "--out"),
    "infer, as published": ("infer", "--weights", "nothing.pt", "--txt_path"),
    "energy": ("energy", "--models", "lite/cnn=nothing.safetensors", "--out"),
    "calibrate refine": ("calibrate", "refine", "nothing.raw", "--rig", "nothing.yaml", "--out"),
    "import-checkpoint": ("import-checkpoint", "--model", "snn", "nothing.pt"),
}


@pytest.fixture
def told(capsys, tmp_path, monkeypatch):
    """told(words): the error of a verb that cannot do its work."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        assert main.main([*map(str, words)]) == 2
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("words", VERBS.values(), ids=VERBS)
def test_a_file_that_exists_stays_unless_forced(words, told, tmp_path):
    out = tmp_path / "mine.png"
    out.write_text("years of work")
    refusal = f"error: {out} exists already; choose another name or give --force\n"
    assert told(*words, out) == refusal
    assert "nothing" in told(*words, out, "--force")  # it goes on to what it reads
    assert out.read_text() == "years of work"


@pytest.mark.parametrize("words", VERBS.values(), ids=VERBS)
def test_a_file_that_cannot_be_written_is_told_before_the_work(words, told, tmp_path):
    (tmp_path / "file").touch()
    assert told(*words, tmp_path, "--force") == f"error: {tmp_path} is a folder; name a file\n"
    assert f"{tmp_path / 'file'} is no folder that can be written to" in told(
        *words, tmp_path / "file" / "a.png"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_a_verb_names_by_itself_stays_too(told, tmp_path):
    (tmp_path / "view.mp4").write_text("yesterday's")
    assert "view.mp4 exists already" in told("events", "view", "nothing.raw")
    assert (tmp_path / "view.mp4").read_text() == "yesterday's"
