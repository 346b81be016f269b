"""The main of all nodes: how a process ends, and what it says then."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

DEADLINE_S = 60.0
BEGIN = """
    import time
    from rclpy.node import Node
    from hybrid_pose_ros.errors import RecordingError
    from hybrid_pose_ros.nodes import run
"""


@pytest.fixture
def start():
    """start(code): a process that runs a node; what it says comes on its stdout."""
    started = []

    def run(code):
        # What a shell starts in the background ignores Ctrl-C; the process must not inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        code = textwrap.dedent(BEGIN) + textwrap.dedent(code)
        process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-c", code],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        signal.signal(signal.SIGINT, before)
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_start_that_does_not_notice_it(start, number):
    """Like a compiler, in whose callbacks Python discards a KeyboardInterrupt."""
    process = start(
        """
        class Stubborn(Node):
            def __init__(self):
                super().__init__("stubborn")
                print("compiling")
                while True:
                    try:
                        while True:
                            time.sleep(0.01)
                    except KeyboardInterrupt:
                        pass

        run.main(Stubborn)
        """
    )
    assert process.stdout.readline() == "compiling\n"
    process.send_signal(number)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, output) == (0, "")


def test_an_orderly_end_is_not_cut_short(start):
    """Only the start is: a node that has begun to spin may take its time."""
    process = start(
        """
        class Slow(Node):
            def __init__(self):
                super().__init__("slow")
                self.create_timer(0.01, lambda: print("spins"))

            def close(self):
                time.sleep(1.0)
                print("closed")

        run.main(Slow)
        """
    )
    assert process.stdout.readline() == "spins\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    assert output.endswith("closed\n")


@pytest.mark.parametrize("where", ["timer", "close", "timer, and again in close"])
def test_an_error_is_told_once(start, where):
    process = start(
        f"""
        class Writer(Node):
            def __init__(self):
                super().__init__("writer")
                self.failure = RecordingError("the disk is full; make room")
                self.create_timer(0.01, self.check)

            def check(self):
                if "timer" in {where!r}:
                    raise self.failure
                raise run.Finished

            def close(self):
                if "close" in {where!r}:
                    raise self.failure

        run.main(Writer)
        """
    )
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert output.count("the disk is full; make room") == 1
    assert output.count("FATAL") == 1
