"""Nothing is kept of requests that are over: `make soak` in small (the 100,000 are for the command)."""

from pathlib import Path

from benchmarks.gateways.token import issuing
from benchmarks.soak import Kept, soak

REQUESTS = 2_000
TURN_SECONDS = 0.3


def test_a_mixed_load_leaves_no_worker_file_or_thread(tmp_path: Path) -> None:
    with issuing(tmp_path) as issuer:
        before, after, statuses = soak(tmp_path, issuer, REQUESTS, TURN_SECONDS)
    assert {"200", "401", "403", "502"} <= statuses.keys(), "each kind has been met"
    assert not after.exceeds(before), (before, after)


def test_what_counts_as_kept() -> None:
    before = Kept(10, 5, 4, 50.0)
    assert not before.exceeds(before)
    assert not Kept(9, 4, 3, 60.0).exceeds(before)
    more = (Kept(11, 5, 4, 50.0), Kept(10, 6, 4, 50.0), Kept(10, 5, 5, 50.0), Kept(10, 5, 4, 67.0))
    assert all(kept.exceeds(before) for kept in more)
