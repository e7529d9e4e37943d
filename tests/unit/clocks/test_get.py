"""Reading a sandbox's time before and after it was moved."""

from tests.doubles.small_ledger import ALICE, ELSEWHERE, SmallLedger


def test_a_clock_that_was_never_moved_is_at_real_time() -> None:
    ledger = SmallLedger()
    answer = ledger.get(ELSEWHERE, "/v1/test_clock")
    assert answer.json["now"] == "2026-11-23T09:00:00.000Z"
    assert (answer.json["ahead_seconds"], answer.json["version"]) == (0, 0)
    assert ledger.get(ALICE, "/v1/test_clock").status == 403
