"""The demonstration is told against a running stack, and stops at the first answer that is another."""

import subprocess
import sys
from dataclasses import replace

import pytest

from infra.local import demo, story
from infra.local.engines import ROOT
from tests.e2e.local_stack import LocalStack, clean_environment


def test_the_story_holds(stack: LocalStack) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.demo"],
        cwd=ROOT,
        env={**clean_environment(), "LOCAL": str(stack.local)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"with the stack at {stack.sandbox.base_url}" in done.stdout
    assert "(replayed)" in done.stdout
    assert f"{len(list(story.steps()))} calls as told" in done.stdout


def test_another_answer_ends_it(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [replace(next(story.steps()), expected=418)]
    monkeypatch.setattr(demo, "steps", lambda: iter(wrong))
    with pytest.raises(demo.ToldOtherwise, match="expected 418, got 201"):
        demo.tell(stack.sandbox)
    assert "POST /v1/accounts" in capsys.readouterr().out
