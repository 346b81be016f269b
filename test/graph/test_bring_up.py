"""hybrid_pose up: starts, watches, restarts, ends; and every bad input has its message."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time

import pytest
import yaml

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.resources import share_path

DEADLINE_S = 60.0


class Running:
    """A command that runs; collects its output."""

    def __init__(self, arguments):
        self.lines = []
        # What a shell starts in the background ignores Ctrl-C; the children must not inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        signal.signal(signal.SIGINT, before)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, pattern, count=1):
        deadline = time.monotonic() + DEADLINE_S
        while sum(bool(re.search(pattern, line)) for line in self.lines) < count:
            assert self.process.poll() is None, "\n".join(self.lines)
            assert time.monotonic() < deadline, f"no {pattern!r} in\n" + "\n".join(self.lines)
            time.sleep(0.02)

    def children(self):
        """Process number by node name."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        found = {}
        with open(path) as children:
            for pid in children.read().split():
                with open(f"/proc/{pid}/cmdline") as cmdline:
                    match = re.search(r"hybrid_pose_ros\.nodes\.(\w+)", cmdline.read())
                if match:
                    found[match[1]] = int(pid)
        return found


@pytest.fixture
def up(command, weights):
    running = []

    def start(*arguments):
        running.append(Running(command("up", "--weights", weights, *arguments)))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(30)


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything_within_3_s(up, number):
    running = up("--overlay")
    running.wait_for(r"ready: cam2, cam3", count=2)
    children = running.children()
    assert set(children) == {"cnn_node", "snn_node", "fusion_node", "overlay_node"}
    began = time.monotonic()
    running.process.send_signal(number)
    assert running.process.wait(30) == 0
    assert time.monotonic() - began < 3.0
    assert not any(exists(pid) for pid in children.values())
    assert "Traceback" not in "\n".join(running.lines)


def test_ctrl_c_during_the_start_is_clean_too(up):
    running = up()
    running.wait_for("starting cnn_node")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) in (0, 130)
    assert "Traceback" not in "\n".join(running.lines), running.lines


def test_a_node_that_dies_is_named_and_ends_the_rest(up):
    running = up()
    running.wait_for(r"ready: cam2, cam3", count=2)
    children = running.children()
    os.kill(children["snn_node"], signal.SIGKILL)
    assert running.process.wait(30) == 2
    text = "\n".join(running.lines)
    assert "error: snn_node ended with signal SIGKILL" in text
    assert not any(exists(pid) for pid in children.values())


def test_a_node_that_dies_is_started_again_if_asked_to(up):
    running = up("--on-exit", "restart")
    running.wait_for(r"\[snn_node\].*ready: cam2, cam3")
    os.kill(running.children()["snn_node"], signal.SIGKILL)
    running.wait_for("snn_node is started again")
    running.wait_for(r"\[snn_node\].*ready: cam2, cam3", count=2)


def test_a_recording_plays_to_its_end_and_is_recorded(up, recording, tmp_path):
    from hybrid_pose_ros.eval.results import read_results

    out = tmp_path / "poses"
    running = up("--bag", recording, "--record", out)
    assert running.process.wait(DEADLINE_S) == 0, "\n".join(running.lines)
    assert len(read_results(out, ("cam2", "cam3")).skeletons) > 50


@pytest.fixture
def rig_without_cam3(tmp_path):
    rig = yaml.safe_load(share_path("config", "dhp19_rig.yaml").read_text())
    del rig["cameras"]["cam3"]
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(rig))
    return path


@pytest.mark.parametrize("verb", ["demo", "infer"])
def test_bad_inputs_are_named_and_nothing_is_written(
    verb, capsys, make_recording, recording, weights, cuts, rig_without_cam3, tmp_path
):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:5000])
    wrong_size = make_recording(f"wrong_size_{verb}", cuts, width=640, height=480)
    morse = make_recording(f"morse_{verb}", cuts, encoding="morse")
    one_camera = make_recording(f"one_camera_{verb}", cuts, cameras=("cam2",))
    text = tmp_path / "text.mcap"
    text.write_text("this is no recording")
    out = tmp_path / "out"
    for options, message in (
        ({"--weights": tmp_path / "none.safetensors"}, "none.safetensors"),
        ({"--weights": damaged}, "damaged.safetensors are damaged"),
        ({"--rig": rig_without_cam3}, "no calibration for cam3"),
        ({"bag": one_camera}, "has no topic /cam3/events"),
        ({"bag": tmp_path / "nothing"}, "nothing does not exist"),
        ({"bag": text}, "text.mcap (is not a recording|cannot be read)"),
        ({"bag": wrong_size}, "640 x 480"),
        ({"bag": morse}, "'morse' is not known"),
        ({"--device": "cuda"} if verb == "infer" else {"--cameras": "cam9"}, "cuda|cam9"),
    ):
        given = {"bag": recording, "--weights": weights, "--out": out} | options
        bag = given.pop("bag")
        positional = [bag] if verb == "infer" else ["--bag", bag]
        arguments = [part for pair in given.items() for part in pair]
        status = main([str(part) for part in (verb, *positional, *arguments)])
        errors = capsys.readouterr().err
        if "--device" in options and status == 0:
            continue  # there is a GPU here
        assert status == 2, (options, errors)
        assert re.search(message, errors), (options, errors)
        assert "Traceback" not in errors
        assert not out.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"damaged.safetensors", "rig.yaml", "text.mcap"}


def test_parameter_out_of_range_ends_up_with_its_name(command, tmp_path, weights, hybrid_pose):
    config = tmp_path / "nodes.yaml"
    config.write_text("/**/cnn_node:\n  ros__parameters:\n    threads: 1000\n")
    status, output, errors = hybrid_pose("up", "--config", config, "--weights", weights)
    assert status == 2
    told = output + errors
    assert told.count("threads must be in 1..256, got 1000") == 1, told
    assert errors == (
        "error: cnn_node ended with exit status 2; its last lines are above, after [cnn_node]\n"
    )


def test_unreadable_parameter_file_is_named(tmp_path, weights, hybrid_pose):
    config = tmp_path / "broken.yaml"
    config.write_text("cnn_node: [")
    status, output, errors = hybrid_pose("up", "--config", config, "--weights", weights)
    assert status == 2
    assert "broken.yaml" in output + errors
