"""Quotas: periods, offset, and what survives a restart.

Sources: API Gateway developer guide: api-gateway-api-usage-plans; API reference: QuotaSettings.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from emulator.definition import Plan, Quota
from emulator.gateway.context import ApiKey, Exchange, Ids, Request
from emulator.gateway.errors import Refusal
from emulator.gateway.quota import Quotas, period_of
from tests.doubles.gateway import START, HandClock, Rig, header, message, signed

DAY = 86_400_000


def exchange() -> Exchange:
    found = Exchange(Request("GET", "/", b"", [], b"", ""), Ids("", "", ""), 0, 0)
    found.key = ApiKey("k", "v", "p")
    return found


def used(quotas: Quotas, tries: int) -> int:
    count = 0
    for _ in range(tries):
        with contextlib.suppress(Refusal):
            quotas(exchange())
            count += 1
    return count


def quotas_of(quota: Quota, time: HandClock, file: Path | None = None) -> Quotas:
    return Quotas({"p": Plan("p", quota=quota)}, time.clock(), file)


@pytest.mark.parametrize(
    ("period", "at", "expected"),
    [
        ("DAY", START, "2026-11-23"),
        ("DAY", START - 36_000_001, "2026-11-22"),
        ("WEEK", START, "2026-11-22"),
        ("WEEK", START - 2 * DAY, "2026-11-15"),
        ("MONTH", START, "2026-11-01"),
        ("MONTH", START + 8 * DAY, "2026-12-01"),
    ],
)
def test_periods_begin_in_utc(period: str, at: int, expected: str) -> None:
    assert period_of(period, at) == expected  # type: ignore[arg-type]


def test_the_quota_is_whole_again_in_the_next_period() -> None:
    time = HandClock()
    quotas = quotas_of(Quota(3, "DAY"), time)
    assert used(quotas, 5) == 3
    time.advance(DAY)
    assert used(quotas, 5) == 3


def test_the_offset_counts_in_the_first_period_only() -> None:
    time = HandClock()
    quotas = quotas_of(Quota(5, "DAY", offset=2), time)
    assert used(quotas, 9) == 3
    time.advance(DAY)
    assert used(quotas, 9) == 5


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    time, file = HandClock(), tmp_path / "quotas.json"
    first = quotas_of(Quota(5, "MONTH", offset=1), time, file)
    assert used(first, 2) == 2
    first.save()
    second = quotas_of(Quota(5, "MONTH", offset=1), time, file)
    second.load()
    assert used(second, 9) == 2
    assert not second.file or sorted(path.name for path in tmp_path.iterdir()) == ["quotas.json"]


def test_nothing_is_written_when_nothing_was_counted(tmp_path: Path) -> None:
    quotas = quotas_of(Quota(5, "DAY"), HandClock(), tmp_path / "quotas.json")
    quotas.save()
    assert list(tmp_path.iterdir()) == []


def test_an_exceeded_quota_is_429_and_throttled_requests_do_not_count(rig: Rig) -> None:
    def ask() -> int:
        return rig.ask("DELETE", "/things/1", headers=signed(key="small-value")).status

    assert [ask() for _ in range(9)] == [200] * 5 + [429] * 4
    rig.time.advance(5_000)
    assert [ask() for _ in range(3)] == [200] * 3
    reply = rig.ask("DELETE", "/things/1", headers=signed(key="small-value"))
    assert (reply.status, message(reply)) == (429, "Limit Exceeded")
    assert header(reply, "x-amzn-ErrorType") == "LimitExceededException"


def test_counts_that_cannot_be_written_now_are_written_later(tmp_path: Path) -> None:
    file = tmp_path / "gone" / "quotas.json"
    quotas = quotas_of(Quota(5, "DAY", 0), HandClock(), file)
    used(quotas, 3)
    quotas.save()
    file.parent.mkdir()
    quotas.save()
    assert b'"used":3' in file.read_bytes()
