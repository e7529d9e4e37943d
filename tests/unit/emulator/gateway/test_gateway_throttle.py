"""Token buckets: AWS's worked examples, and whose bucket gives.

Sources: API Gateway developer guide: api-gateway-request-throttling and api-gateway-api-usage-plans.
"""

from __future__ import annotations

import orjson
import pytest

from emulator.definition import Throttle
from emulator.gateway.throttle import Bucket
from tests.doubles.gateway import Rig, header, message, signed


def served(bucket: Bucket, at: list[int]) -> int:
    count = 0
    for now in at:
        if bucket.ready(now):
            bucket.take()
            count += 1
    return count


AWS = Throttle(rate=10_000, burst=5_000)


def test_aws_10_000_in_the_first_millisecond_serves_5_000() -> None:
    assert served(Bucket(AWS), [0] * 10_000) == 5_000


def test_aws_5_000_in_the_1st_and_5_000_in_the_101st_millisecond_serves_6_000() -> None:
    bucket = Bucket(AWS)
    assert served(bucket, [0] * 5_000) == 5_000
    assert served(bucket, [100] * 5_000) == 1_000


def test_aws_5_000_and_5_000_spread_over_999_ms_serves_all() -> None:
    bucket = Bucket(AWS)
    assert served(bucket, [0] * 5_000) == 5_000
    assert served(bucket, [1 + number * 999 // 5_000 for number in range(5_000)]) == 5_000


@pytest.mark.parametrize(
    ("throttle", "at", "expected"),
    [
        (Throttle(1, 2), [0, 0, 0, 1, 500, 999, 1_000, 1_001], 3),
        (Throttle(0.5, 1), [0, 1_999, 2_000, 2_001, 4_001], 3),
        (Throttle(0, 3), [0, 0, 0, 0, 10_000_000], 3),
        (Throttle(5, 0), [0, 1_000, 2_000], 0),
        (Throttle(1_000, 1), [0, 1, 2, 3, 3, 4], 5),
        (Throttle(10, 2), [0, 0, 1_000_000, 1_000_000, 1_000_000], 4),
    ],
)
def test_a_bucket_gives_its_burst_and_then_its_rate(throttle: Throttle, at: list[int], expected: int) -> None:
    assert served(Bucket(throttle), at) == expected


def statuses(rig: Rig, count: int, path: str = "/things/1", **more: str) -> list[int]:
    return [rig.ask("DELETE" if more else "GET", path, headers=signed(**more)).status for _ in range(count)]


def test_the_plan_of_the_client_bites_with_429_and_retry_after(rig: Rig) -> None:
    assert statuses(rig, 7, key="small-value") == [200] * 5 + [429] * 2
    reply = rig.ask("DELETE", "/things/1", headers=signed(key="small-value"))
    assert (message(reply), header(reply, "Retry-After")) == ("Too Many Requests", "1")
    assert header(reply, "x-amzn-ErrorType") == "TooManyRequestsException"
    rig.time.advance(500)
    assert statuses(rig, 2, key="small-value") == [200, 429]


def test_one_client_does_not_empty_the_bucket_of_another(rig: Rig) -> None:
    assert 429 in statuses(rig, 6, key="small-value")
    assert statuses(rig, 6, key="big-value") == [200] * 6


def test_a_plan_may_throttle_a_method_more(rig: Rig) -> None:
    got = [rig.ask("GET", "/things/1", headers=signed(key="small-value")).status for _ in range(3)]
    assert got == [200, 429, 429]
    # What was refused for the method took nothing from the plan's bucket: four of five are left.
    assert statuses(rig, 5, key="small-value") == [200] * 4 + [429]


def test_a_method_with_its_own_throttle_leaves_the_stage_s_alone(rig: Rig) -> None:
    got = [rig.ask("GET", "/things/special").status for _ in range(4)]
    assert got == [200, 200, 429, 429]
    assert rig.ask("GET", "/open").status == 200


def test_the_stage_throttles_all_its_methods_together(rig: Rig) -> None:
    got = [rig.ask("GET", "/open").status for _ in range(498)]
    assert set(got) == {200}
    assert statuses(rig, 3) == [200, 200, 429]


def test_a_request_that_is_not_authorised_takes_no_token(rig: Rig) -> None:
    for _ in range(10):
        assert rig.ask("DELETE", "/things/1", headers={"x-api-key": "small-value"}).status == 401
    assert statuses(rig, 5, key="small-value") == [200] * 5


@pytest.mark.parametrize("value", ["", "wrong", "off-value", "lost-value", "big-value ", "key-big"])
def test_a_missing_or_wrong_key_is_403(rig: Rig, value: str) -> None:
    reply = rig.ask("GET", "/things/1", headers=signed(key=value))
    assert (reply.status, message(reply), header(reply, "x-amzn-ErrorType")) == (
        403,
        "Forbidden",
        "ForbiddenException",
    )


def test_keys_are_read_again_when_the_file_changes(rig: Rig) -> None:
    assert rig.ask("GET", "/things/1", headers=signed(key="big-value")).status == 200
    row = {"id": "key-new", "value": "a-new-value", "plan": "big", "enabled": True}
    rig.keys_file.write_bytes(orjson.dumps({"keys": [row]}))
    assert rig.ask("GET", "/things/1", headers=signed(key="a-new-value")).status == 200
    rig.time.advance(100)
    assert rig.ask("GET", "/things/1", headers=signed(key="big-value")).status == 403


def test_a_half_written_file_changes_nothing_and_a_missing_one_takes_all_keys_away(rig: Rig) -> None:
    assert rig.ask("GET", "/things/1", headers=signed(key="big-value")).status == 200
    rig.keys_file.write_bytes(b'{"keys": [')
    rig.time.advance(100)
    assert rig.ask("GET", "/things/1", headers=signed(key="big-value")).status == 200
    rig.keys_file.unlink()
    rig.time.advance(100)
    assert rig.ask("GET", "/things/1", headers=signed(key="big-value")).status == 403


def test_a_method_without_key_ignores_it(rig: Rig) -> None:
    event = rig.event("GET", "/open", headers={"x-api-key": "big-value"})
    assert event["requestContext"]["identity"]["apiKeyId"] is None
