"""Every planted bug is found, and a finding is seen again by its seed."""

import sys

import pytest

from tests.docs.pages import page, table_rows
from tests.simulator import __main__ as command
from tests.simulator.planted import BUGS
from tests.simulator.planting import Bug
from tests.simulator.simulation import Outcome, simulate


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    assert _hunt(range(20), bug.about).finding


def test_the_page_names_every_planted_bug() -> None:
    rows = table_rows(page("docs/simulator.md"), "bug")
    assert [row[0] for row in rows] == [bug.name for bug in BUGS]
    assert f"{len(BUGS)} planted bugs" in page("CHANGELOG.md")


def test_a_finding_is_seen_again_with_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _bug("decline not remembered").plant(monkeypatch)
    found = _hunt(range(20))
    assert simulate(found.seed) == found
    monkeypatch.setattr(sys, "argv", ["simulator", "--seed", str(found.seed)])
    assert command.main() == 1
    said = capsys.readouterr().out
    assert said == command.report(found) + "\n"
    assert said.endswith(f"make sim SEED={found.seed}\n")


def _hunt(seeds: range, about: tuple[str, ...] = ()) -> Outcome:
    for seed in seeds:
        outcome = simulate(seed, about=about)
        if outcome.finding:
            return outcome
    raise AssertionError(f"nothing was found in {len(seeds)} runs")


def _bug(name: str) -> Bug:
    return next(bug for bug in BUGS if bug.name == name)
