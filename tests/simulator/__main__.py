"""Runs seeds one after the other, until one finds something or the budget is used up.

python -m tests.simulator --seed 7                 one run
python -m tests.simulator --operations 1000000     from seed 0 on, as many runs as it takes
python -m tests.simulator --minutes 10 --seed 7    from seed 7 on, for ten minutes
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.simulator.operations import unused_routes
from tests.simulator.simulation import Outcome, simulate

PROGRESS_SECONDS = 2.0
BAR = 20


@dataclass(slots=True)
class Totals:
    """What all runs together came to; the machine's clock only measures, it decides nothing within a run."""

    started: float = field(default_factory=time.monotonic)
    shown: float = 0.0
    runs: int = 0
    sends: int = 0
    commits: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    used: set[tuple[str, str]] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.sends += outcome.sends
        self.commits += outcome.commits
        self.answers += outcome.answers
        self.troubles += outcome.troubles
        if len(self.used) < 10_000:
            self.used |= outcome.used

    def line(self, seed: int) -> str:
        rate = self.sends / max(self.seconds, 0.001)
        return f"seed {seed}: {self.runs} runs, {self.sends} requests, {self.commits} commits, {rate:.0f} requests/s"


def main() -> int:
    """Return 1 when something was found."""
    asked = _arguments()
    totals = Totals()
    seed = asked.seed or 0
    while True:
        outcome = simulate(seed)
        totals.add(outcome)
        if outcome.finding:
            print(report(outcome))
            return 1
        if _is_over(asked, totals):
            break
        if totals.seconds - totals.shown >= PROGRESS_SECONDS:
            totals.shown = totals.seconds
            print(_bar(asked, totals), totals.line(seed), flush=True)
        seed += 1
    print(totals.line(seed))
    print("answers:", _counted(totals.answers))
    print("troubles:", _counted(totals.troubles))
    print("routes not driven:", ", ".join(unused_routes(totals.used)) or "none")
    print("digest:", outcome.digest)
    return 0


def report(outcome: Outcome) -> str:
    """Return all that is needed to see a finding again."""
    return "\n".join(
        [
            *outcome.last,
            "",
            f"seed {outcome.seed}, request {outcome.sends}: {outcome.finding}",
            "",
            f"see it again: make sim SEED={outcome.seed}",
        ]
    )


def _is_over(asked: argparse.Namespace, totals: Totals) -> bool:
    if asked.minutes is not None:
        return bool(totals.seconds >= asked.minutes * 60)
    return bool(totals.sends >= (asked.operations or 0))


def _bar(asked: argparse.Namespace, totals: Totals) -> str:
    """Show how much of the budget is used up."""
    share = totals.seconds / asked.minutes / 60 if asked.minutes else totals.sends / asked.operations
    done = min(BAR, int(BAR * share))
    return f"[{'#' * done}{'.' * (BAR - done)}]"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="the first seed; alone: this run only")
    parser.add_argument("--operations", type=int, help="stop after this many requests")
    parser.add_argument("--minutes", type=float, help="stop after this long")
    asked = parser.parse_args()
    if asked.seed is None and asked.operations is None and asked.minutes is None:
        asked.minutes = 1.0
    return asked


if __name__ == "__main__":
    sys.exit(main())
