"""A fixed budget of runs on seeds that nobody has chosen, and the promise that a seed is a whole run."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import fields

import pytest
import yaml

from tests.law.source import ROOT
from tests.simulator import __main__ as command
from tests.simulator.simulation import simulate
from tests.simulator.streams import PROJECTED
from tests.simulator.weather import Weather

RUNS = 6
"""Of each part; four parts are about twelve seconds of one core."""

SEEN = {"200", "201", "402 insufficient_funds", "402 account_frozen", "403 forbidden", "404 not_found"} | {
    "409 state_conflict",
    "409 reference_taken",
    "412 precondition_failed",
    "422 idempotency_key_reused",
    "422 capture_too_large",
    "422 refund_too_large",
    "503 busy",
    "503 outcome_unknown",
}


def _first_seed(config: pytest.Config) -> int:
    """Return a seed that differs from one test run to the next: pytest-randomly's, or what SEED says."""
    return int(os.environ.get("SEED") or config.getoption("randomly_seed", 0))


@pytest.mark.parametrize("part", range(4))
def test_nothing_is_found(part: int, pytestconfig: pytest.Config) -> None:
    first = _first_seed(pytestconfig) + part * RUNS
    for seed in range(first, first + RUNS):
        outcome = simulate(seed)
        assert not outcome.finding, command.report(outcome)


def test_it_meets_what_it_is_for() -> None:
    outcomes = [simulate(seed) for seed in range(6)]
    answers: Counter[str] = sum((outcome.answers for outcome in outcomes), Counter())
    troubles: Counter[str] = sum((outcome.troubles for outcome in outcomes), Counter())
    assert answers.keys() >= SEEN
    assert troubles.keys() == {field.name for field in fields(Weather)} | {"conflict"}
    assert answers["201"] > sum(answers.values()) / 5, "most requests come to nothing"


def test_a_seed_is_the_same_run_in_every_process() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulator", "--seed", "5"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for hash_seed in ("1", "4")
    ]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stdout + runs[0].stderr
    digests = {run.stdout.splitlines()[-1] for run in runs}
    assert digests == {f"digest: {simulate(5).digest}"}
    assert simulate(6).digest not in digests.pop()


def test_a_budget_of_requests_ends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--operations", "600"])
    assert command.main() == 0
    assert "seed 1: 2 runs" in capsys.readouterr().out


def test_the_streams_send_what_those_of_the_platform_send() -> None:
    rows = yaml.safe_load((ROOT / "infra/resources.yaml").read_text())["streams"]
    sent = {row["table"]: next(iter(row["only"]["dynamodb"]["NewImage"]), "") if "only" in row else "" for row in rows}
    assert sent == PROJECTED
