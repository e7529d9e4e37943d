"""Children are watched, stopped in order and in time, and never outlive who started them."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.children import STOP_SECONDS, ChildEnded, Children, dying_with_us
from infra.local.engines import ROOT
from tests.e2e.local_stack import alive, until

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
OBEDIENT = "import signal; print('up', flush=True); signal.pause()"
NAMED = (
    "import signal, sys\n"
    "def end(*_): print(sys.argv[1], flush=True); sys.exit()\n"
    "signal.signal(signal.SIGTERM, end); print('up', flush=True); signal.pause()"
)


@pytest.fixture
def children() -> Iterator[Children]:
    started = Children()
    yield started
    started.stop()


def _start(children: Children, name: str, code: str, log: Path) -> psutil.Process:
    children.start(name, [sys.executable, "-c", code, name], log)
    process = psutil.Process(children.running[-1][1].pid)
    until(f"{name} is up", lambda: "up" in log.read_text())
    return process


def test_a_child_that_ended_is_named(children: Children) -> None:
    children.start("the clerk", [sys.executable, "-c", "raise SystemExit(3)"])
    children.running[0][1].wait(10)
    with pytest.raises(ChildEnded, match=r"^the clerk ended by itself \(exit 3\)$"):
        children.check()


def test_the_last_started_ends_first(children: Children, tmp_path: Path) -> None:
    for name in ("engine", "gateway"):
        _start(children, name, NAMED, tmp_path / "log")
        until("both are up", lambda: (tmp_path / "log").read_text().count("up") == len(children.running))
    children.check()
    children.stop()
    assert (tmp_path / "log").read_text().split() == ["up", "up", "gateway", "engine"]
    assert not children.running


def test_who_does_not_listen_is_killed_within_the_time(children: Children, tmp_path: Path) -> None:
    processes = [_start(children, str(number), STUBBORN, tmp_path / str(number)) for number in range(2)]
    started = time.monotonic()
    children.stop()
    assert not alive(processes)
    assert time.monotonic() - started < STOP_SECONDS + 5, "not once for each child"


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = (
        "import sys, signal\n"
        "from pathlib import Path\n"
        "from infra.local.children import Children\n"
        "children = Children()\n"
        f"children.start('child', [sys.executable, '-c', {STUBBORN!r}], Path(sys.argv[1]))\n"
        "signal.pause()\n"
    )
    log = tmp_path / "log"
    process = subprocess.Popen([sys.executable, "-c", parent, str(log)], cwd=ROOT)
    until("the child is up", lambda: log.exists() and "up" in log.read_text())
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 1
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    until("the child is gone", lambda: not alive(family))


def test_a_child_of_a_parent_that_is_gone_already_does_not_start() -> None:
    _, program, _, *command = dying_with_us([sys.executable, "-c", "print('started')"])
    done = subprocess.run([sys.executable, program, "1", *command], capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, b"")
