"""Every process gives each test the same name: a name that prints a set, or the time, breaks a run on several cores."""

import os
import subprocess
import sys
from pathlib import Path

from tests.law.source import ROOT

COLLECT = ["-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
SEEDS = ("1", "4")
"""Chosen so that a set of two strings is written in both orders."""

PLANTED = """
import time
import pytest

@pytest.mark.parametrize("value", [{"prn_agent", "prn_other"}, time.time_ns()], ids=repr)
def test_it(value):
    pass
"""


def _differ(folder: Path) -> set[str]:
    """Return the names that only one of two processes gives."""
    running = [
        subprocess.Popen(
            [sys.executable, *COLLECT, "tests"],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in SEEDS
    ]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said[0][-2_000:]
    first, second = ({line for line in text.splitlines() if "::" in line} for text in said)
    assert first
    return first ^ second


def test_names_are_the_same_in_every_process() -> None:
    assert not _differ(ROOT)


def test_a_name_that_changes_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_planted.py").write_text(PLANTED)
    assert len(_differ(tmp_path)) == 4
