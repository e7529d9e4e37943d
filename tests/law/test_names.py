"""Every process gives each test the same name: a name that prints a set, or the time, breaks a run on several cores."""

import os
import subprocess
import sys

from tests.law.source import ROOT

COLLECT = ["-m", "pytest", "--collect-only", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
SEEDS = ("1", "4")
"""Chosen so that a set of two strings is written in both orders."""


def test_names_are_the_same_in_every_process() -> None:
    running = [
        subprocess.Popen(
            [sys.executable, *COLLECT, "tests"],
            cwd=ROOT,
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
    assert not first ^ second
