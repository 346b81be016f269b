"""Supervisor: real child processes, none of ROS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from hybrid_pose_ros.runtime.child import ProcessSpec, describe_exit
from hybrid_pose_ros.runtime.process_usage import usage_of
from hybrid_pose_ros.runtime.supervisor import ProcessError, Supervisor

DEADLINE_S = 20.0
HELD = (signal.SIGINT, signal.SIGTERM)
READY = "print('ready', flush=True); "


def python(name, code, **options):
    return ProcessSpec(name, (sys.executable, "-S", "-c", code), **options)


def sleeper(name="sleeper"):
    return python(name, READY + "import time; time.sleep(600)")


class Lines(list):
    """Collects output and waits for a line."""

    def wait_for(self, text, count=1):
        deadline = time.monotonic() + DEADLINE_S
        while sum(text in line for line in self) < count:
            assert time.monotonic() < deadline, f"no line with {text!r} in {list(self)}"
            time.sleep(0.01)


@pytest.fixture
def lines():
    return Lines()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_output_carries_the_name(lines):
    spec = python("talker", "print('one'); print('two')", may_finish=True)
    with Supervisor([spec], write=lines.append) as supervisor:
        supervisor.wait()
    assert lines == ["[talker] one", "[talker] two"]


def test_wait_returns_when_the_named_process_has_finished(lines):
    short = python("short", READY, may_finish=True)
    with Supervisor([sleeper(), short], write=lines.append) as supervisor:
        supervisor.wait("short")
        assert "sleeper" in supervisor
        statuses = supervisor.stop()
    assert statuses == {"short": 0, "sleeper": -signal.SIGTERM}


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (False, "dying ended with exit status 7:\n    my last words"),
        (True, "dying ended with exit status 7; its last lines are above, after [dying]"),
    ],
)
def test_death_names_process_status_and_last_words(lines, shown, told):
    dying = python("dying", "import sys; print('my last words'); sys.exit(7)")
    with (
        pytest.raises(ProcessError) as error,
        Supervisor([sleeper(), dying], write=lines.append, shown=shown) as supervisor,
    ):
        supervisor.wait()
    assert str(error.value) == told
    assert lines.count("[dying] my last words") == 1
    assert "sleeper" not in supervisor  # the others were stopped


def test_death_by_signal_is_named(lines):
    dying = python("dying", "import os; os.kill(os.getpid(), 11)")
    with (
        pytest.raises(ProcessError, match="signal SIGSEGV"),
        Supervisor([dying], write=lines.append) as supervisor,
    ):
        supervisor.wait()


def test_finishing_unasked_is_a_death_too(lines):
    with (
        pytest.raises(ProcessError, match="node ended with exit status 0"),
        Supervisor([python("node", "pass")], write=lines.append) as supervisor,
    ):
        supervisor.wait()


def test_restart_until_the_limit(lines):
    dying = python("dying", "print('born', flush=True); raise SystemExit(3)")
    supervisor = Supervisor([dying], on_exit="restart", restart_limit=2, write=lines.append)
    with pytest.raises(ProcessError, match="exit status 3"), supervisor:
        supervisor.wait()
    assert "\n".join(lines).count("born") == 3
    assert sum("is started again" in line for line in lines) == 2


def test_missing_program_is_named_and_nothing_is_left(lines):
    missing = ProcessSpec("ghost", ("/no/such/program",))
    supervisor = Supervisor([sleeper(), missing], write=lines.append)
    with (
        pytest.raises(ProcessError, match=r"ghost cannot be started: /no/such/program"),
        supervisor,
    ):
        pass
    assert "sleeper" not in supervisor


def test_stubborn_process_is_killed_in_time(lines):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); " + READY + "time.sleep(600)"
    with Supervisor([python("stubborn", code)], write=lines.append) as supervisor:
        lines.wait_for("ready")
        began = time.monotonic()
        statuses = supervisor.stop()
        took = time.monotonic() - began
    assert statuses == {"stubborn": -signal.SIGKILL}
    assert "stubborn does not end by itself: killed" in lines
    assert took < 3.0


def test_grandchildren_end_too(lines):
    code = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        print("pid", child.pid, flush=True)
        time.sleep(600)
    """
    with Supervisor([python("parent", textwrap.dedent(code))], write=lines.append) as supervisor:
        lines.wait_for("pid")
        grandchild = int(lines[0].split()[-1])
        assert is_running(grandchild)
        supervisor.stop()
    deadline = time.monotonic() + DEADLINE_S
    while is_running(grandchild) and not is_zombie(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_children_end_with_a_killed_supervisor():
    code = """
        import sys, time
        from hybrid_pose_ros.runtime.child import ProcessSpec
        from hybrid_pose_ros.runtime.supervisor import Supervisor
        spec = ProcessSpec("c", (sys.executable, "-S", "-c", "import time; time.sleep(600)"))
        with Supervisor([spec]) as supervisor:
            print(supervisor._children["c"].pid, flush=True)
            time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while is_running(pid) and not is_zombie(pid):
        assert time.monotonic() < deadline, "the child outlives its supervisor"
        time.sleep(0.02)


@pytest.fixture
def handled():
    """Signals interrupt, also where the tests run in the background of a shell."""
    before = {n: signal.signal(n, signal.default_int_handler) for n in HELD}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", HELD)
def test_signal_in_the_callbacks_of_a_fork_is_not_lost(lines, handled, number):
    armed = [number]
    os.register_at_fork(after_in_parent=lambda: armed and signal.raise_signal(armed.pop()))
    supervisor = Supervisor([sleeper("first"), sleeper("second")], write=lines.append)
    with pytest.raises(KeyboardInterrupt), supervisor:
        pass
    assert armed == []
    assert supervisor.stop().keys() == {"first"}


@pytest.mark.parametrize("number", HELD)
def test_signal_right_after_a_start_leaves_no_process_behind(lines, handled, number, monkeypatch):
    started = []

    def popen(*arguments, **options):
        started.append(real(*arguments, **options))
        signal.raise_signal(number)
        return started[-1]

    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(KeyboardInterrupt), Supervisor([sleeper()], write=lines.append):
        pass
    assert [process.poll() for process in started] == [-signal.SIGTERM]


def test_signal_while_stopping_waits_until_all_have_ended(lines, handled):
    code = f"import os; os.kill({os.getpid()}, 2); os._exit(0)"
    code = f"import signal; signal.signal(15, lambda *_: exec('{code}')); {READY}signal.pause()"
    supervisor = Supervisor([sleeper(), python("presses", code)], write=lines.append)
    with supervisor:
        lines.wait_for("ready", 2)
        with pytest.raises(KeyboardInterrupt):
            supervisor.stop()
    assert supervisor.stop() == {"presses": 0, "sleeper": -signal.SIGTERM}


def test_ignored_signal_stays_ignored_also_for_children(lines, handled):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = "import signal; print(signal.getsignal(2) is signal.SIG_IGN)"
    with Supervisor([python("asks", code, may_finish=True)], write=lines.append) as supervisor:
        supervisor.wait()
    assert lines == ["[asks] True"]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_two_of_the_same_name_are_refused():
    with pytest.raises(ValueError, match="names must differ"):
        Supervisor([sleeper("a"), sleeper("a")])


def test_usage_counts_memory_and_time(lines):
    code = "x = b'1' * 50_000_000; sum(range(3_000_000)); " + READY + "import time; time.sleep(600)"
    with Supervisor([python("hog", code)], write=lines.append) as supervisor:
        lines.wait_for("ready")
        usage = supervisor.usage()["hog"]
    assert 50e6 < usage.pss_bytes < 120e6
    assert usage.cpu_s > 0
    assert usage_of(2**22 + 1) is None  # above the highest possible process number


@pytest.mark.parametrize(
    ("status", "text"), [(0, "exit status 0"), (2, "exit status 2"), (-9, "signal SIGKILL")]
)
def test_exit_in_words(status, text):
    assert describe_exit(status) == text
