"""The command line: verbs, help, and how errors reach the user."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from argparse import Namespace
from types import SimpleNamespace

import pytest

from hybrid_pose_ros.cli import demo, main, up
from hybrid_pose_ros.cli import infer as infer_verb
from hybrid_pose_ros.errors import ConfigError, RecordingError


@pytest.fixture
def verb(monkeypatch):
    """A verb `probe` whose run is given by the test."""
    module = SimpleNamespace(add_arguments=lambda parser: parser.add_argument("--x", type=int))
    monkeypatch.setitem(main.VERBS, "probe", ("probe", "only for tests"))
    monkeypatch.setitem(sys.modules, "hybrid_pose_ros.cli.probe", module)
    return module


@pytest.fixture
def interruptible(monkeypatch):
    """Ctrl-C interrupts, and what Python discards goes where it goes without pytest."""
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_run_gets_the_arguments_and_its_status_is_returned(verb):
    verb.run = lambda args: args.x
    assert main.main(["probe", "--x", "3"]) == 3


def test_user_error_is_one_line_and_status_2(verb, capsys):
    def run(args):
        raise RecordingError("recording walk does not exist; check the path")

    verb.run = run
    assert main.main(["probe"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: recording walk does not exist; check the path\n"
    assert captured.out == ""


def test_other_errors_are_not_hidden(verb):
    def run(args):
        raise RuntimeError("a bug")

    verb.run = run
    with pytest.raises(RuntimeError, match="a bug"):
        main.main(["probe"])


@pytest.mark.parametrize("below", ["", "more"])
def test_a_path_that_cannot_be_is_named_in_one_line(verb, capsys, tmp_path, below):
    path = tmp_path / "file"
    path.touch()

    def run(args):
        (path / below).mkdir()

    verb.run = run
    assert main.main(["probe"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {path / below}: ") and told.count("\n") == 1


def test_a_system_error_without_a_path_is_not_hidden(verb):
    def run(args):
        raise OSError("a bug")

    verb.run = run
    with pytest.raises(OSError, match="a bug"):
        main.main(["probe"])


def test_ctrl_c_is_130(verb):
    def run(args):
        raise KeyboardInterrupt

    verb.run = run
    assert main.main(["probe"]) == 130


def test_ctrl_c_in_a_callback_that_cannot_raise_is_not_lost(verb, interruptible, capfd):
    """So it is when Numba's compiler hands over what it has compiled."""

    def press():
        signal.raise_signal(signal.SIGINT)

    def run(args):
        ctypes.CFUNCTYPE(None)(press)()
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            time.sleep(0.01)
        return 0

    verb.run = run
    assert main.main(["probe"]) == 130
    assert capfd.readouterr().err == ""
    assert sys.unraisablehook is sys.__unraisablehook__


def test_other_errors_in_such_a_callback_are_told(verb, interruptible, capfd):
    def fail():
        raise RuntimeError("a bug")

    verb.run = lambda args: ctypes.CFUNCTYPE(None)(fail)() or 0
    assert main.main(["probe"]) == 0
    assert "RuntimeError: a bug" in capfd.readouterr().err


def test_unknown_verb_lists_the_known(capsys):
    with pytest.raises(SystemExit) as stop:
        main.main(["dance"])
    assert stop.value.code == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize("verb", sorted(main.VERBS))
def test_every_verb_has_help_with_an_example(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main([verb, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    assert f"hybrid_pose {verb}" in text


def test_help_lists_all_verbs(capsys):
    with pytest.raises(SystemExit):
        main.main(["--help"])
    text = capsys.readouterr().out
    assert all(verb in text for verb in main.VERBS)


def test_listing_the_verbs_imports_none():
    code = (
        "import sys; from hybrid_pose_ros.cli.main import build_parser; build_parser();"
        "print([m for m in ('numpy', 'torch', 'cv2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def up_arguments(**given):
    return Namespace(
        **{
            "bag": None, "sim": False, "loop": False, "cameras": "", "config": None, "rig": "",
            "weights": "", "device": "", "namespace": "", "record": None, "overlay": False,
            "on_exit": "stop", "keyframes": "",
        } | given
    )  # fmt: skip


def test_up_starts_the_estimators():
    assert [s.name for s in up.processes(up_arguments())] == ["cnn_node", "snn_node", "fusion_node"]


def test_up_brings_simulated_cameras_in_place_of_a_recording(tmp_path):
    assert [spec.name for spec in up.processes(up_arguments(sim=True))][-1] == "sim_node"
    with pytest.raises(ConfigError, match="give --sim or --bag"):
        up.processes(up_arguments(sim=True, bag=tmp_path))


def test_up_does_not_start_what_could_not_be_recorded(tmp_path):
    with pytest.raises(ConfigError, match=f"--record {tmp_path} exists already"):
        up.processes(up_arguments(record=tmp_path))


@pytest.mark.parametrize("cameras", ["cam2,cam2", "cam2,,cam3"])
def test_up_wants_different_cameras(cameras):
    with pytest.raises(ConfigError, match="one or more different names"):
        up.processes(up_arguments(cameras=cameras))


def test_up_adds_what_was_asked_for(tmp_path):
    specs = up.processes(up_arguments(bag=tmp_path, overlay=True, record=tmp_path / "out"))
    assert [spec.name for spec in specs[3:]] == ["overlay_node", "recorder_node", "replay_node"]
    replay = specs[-1]
    assert replay.may_finish
    assert f'bag:="{tmp_path}"' in replay.command


def test_up_passes_the_kind_of_keyframes_to_every_node():
    for spec in up.processes(up_arguments(keyframes="on_demand")):
        assert 'timing.keyframes:="on_demand"' in spec.command
    assert not any("timing.keyframes" in word for word in up.processes(up_arguments())[0].command)


def test_up_passes_arguments_as_parameters():
    given = up_arguments(cameras="left, right", device="cpu", namespace="robot")
    for spec in up.processes(given):
        assert 'cameras:=["left", "right"]' in spec.command
        assert 'device:="cpu"' in spec.command
        assert "__ns:=/robot" in spec.command
        assert any(argument.endswith("nodes.yaml") for argument in spec.command)


@pytest.mark.parametrize("option", ["bag", "config", "rig", "weights"])
def test_up_names_missing_files_before_it_starts_anything(option, tmp_path):
    with pytest.raises(ConfigError, match=f"--{option} .*nothing does not exist"):
        up.processes(up_arguments(**{option: tmp_path / "nothing"}))


def test_demo_does_not_touch_a_foreign_folder(tmp_path):
    (tmp_path / "thesis.txt").write_text("my work")
    with pytest.raises(ConfigError, match="is not of a demo"):
        demo._refuse_foreign(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    demo._refuse_foreign(tmp_path)
    demo._refuse_foreign(tmp_path / "new")


def infer(capsys, *arguments):
    """What `infer` says to wrong arguments; it must not come to look at the recording."""
    assert main.main(["infer", "nothing.mcap", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_infer_looks_at_its_arguments_before_it_works(capsys):
    assert "cameras must be one or more different names" in infer(capsys, "--cameras", "")
    assert "'cam9 1 2 3 4' is for none of" in infer(capsys, "--mask", "cam9 1 2 3 4")


@pytest.mark.parametrize(
    ("keyframes", "last_ms", "per_s"),
    [
        (range(100, 1100, 100), 1000, 10.0),
        ((100, 500), 900, 1.25),
        ((100,), 100, 0.0),
        ((), 900, 0.0),
    ],
)
def test_keyframes_per_second_count_intervals(keyframes, last_ms, per_s):
    def at(ms):
        return SimpleNamespace(t_ns=ms * 1_000_000)

    poses = SimpleNamespace(keyframes=[at(ms) for ms in keyframes], updates=[at(last_ms)])
    assert infer_verb._keyframe_rate(poses) == per_s
