"""`make localstack` that cannot begin, or is stopped half way: it says so, and leaves no process behind."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.engines import free_port
from tests.e2e.local_stack import LocalStack, until

BEGIN_SECONDS = 60.0


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    made = LocalStack(tmp_path, module="infra.local.localstack")
    try:
        yield made
    finally:
        made.stop()


def test_where_nobody_listens_nothing_is_started(stack: LocalStack) -> None:
    stack.begin({"ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    assert stack.process is not None
    assert stack.process.wait(BEGIN_SECONDS) == 1
    assert "start what should listen there" in stack.log
    assert not (stack.data / "environment.sh").exists()


def test_what_cannot_be_meant_is_one_line(stack: LocalStack) -> None:
    stack.begin({"ENDPOINT": "localhost:4566"})
    assert stack.process is not None
    assert stack.process.wait(BEGIN_SECONDS) == 1
    assert stack.log.count("\n") == 1
    assert stack.log.startswith("tollgate: ENDPOINT is ministack, moto or a url")


def test_stopped_while_it_deploys_it_leaves_nothing(stack: LocalStack) -> None:
    stack.begin({"ENDPOINT": f"ministack:{free_port()}"})
    begun = "function tollgate-dev-tokens is missing"
    until("the functions are being deployed", lambda: stack.ended or begun in stack.log, BEGIN_SECONDS)
    assert not stack.ended, stack.log
    until("Chalice runs", lambda: any("chalice" in " ".join(one.cmdline()) for one in stack.members()))
    stack.family = stack.members()
    assert stack.signal(signal.SIGTERM) == 0, stack.log
    assert stack.log.rstrip().endswith("stopped")
    stack.wait_gone()
    assert not (stack.data / "environment.sh").exists()
    assert not (stack.data / "functions").exists()
