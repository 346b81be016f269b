"""The command line: verbs, help, and how errors reach the user."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from types import SimpleNamespace

import pytest

from hybrid_pose_ros.cli import demo, main, up
from hybrid_pose_ros.errors import ConfigError, RecordingError


@pytest.fixture
def verb(monkeypatch):
    """A verb `probe` whose run is given by the test."""
    module = SimpleNamespace(add_arguments=lambda parser: parser.add_argument("--x", type=int))
    monkeypatch.setitem(main.VERBS, "probe", ("probe", "only for tests"))
    monkeypatch.setitem(sys.modules, "hybrid_pose_ros.cli.probe", module)
    return module


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


def test_ctrl_c_is_130(verb):
    def run(args):
        raise KeyboardInterrupt

    verb.run = run
    assert main.main(["probe"]) == 130


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
