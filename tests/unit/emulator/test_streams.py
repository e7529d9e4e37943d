"""A function behind a stream: in order, at least once, and never held up by what has been given up.

Sources: AWS Lambda developer guide: with-ddb and services-ddb-batchfailurereporting.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from emulator.clock import Clock
from emulator.lambdas.checkpoints import Checkpoints
from emulator.lambdas.config import Outcome
from emulator.lambdas.event_sources import StreamSource
from emulator.lambdas.streams import LONGEST_PAUSE_SECONDS, Record, ShardFollower, StreamFollower, Unavailable

NOW_MS = 1_795_424_400_000
FAILED = Outcome(b'{"errorType":"ValueError"}', "Unhandled")
DONE = Outcome(b"null")


def record(number: int, age_seconds: int = 0) -> Record:
    created_at = NOW_MS / 1_000 - age_seconds
    return {
        "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": created_at},
    }


def partial(*numbers: int) -> Outcome:
    failures = [{"itemIdentifier": str(number)} for number in numbers]
    return Outcome(orjson.dumps({"batchItemFailures": failures}))


@dataclass
class FakeStream:
    """Records by shard; `broken` makes the next reads fail."""

    by_shard: dict[str, list[Record]]
    broken: int = 0
    limits: list[int] = field(default_factory=list)
    stream: str = "arn:1"

    async def shards(self) -> Sequence[str]:
        self._maybe_break()
        return list(self.by_shard)

    async def read(self, shard: str, after: str | None, limit: int, start: str) -> Sequence[Record]:
        self._maybe_break()
        self.limits.append(limit)
        rows = self.by_shard[shard]
        if after is None and start == "LATEST":
            return []
        return [row for row in rows if after is None or int(row["dynamodb"]["SequenceNumber"]) > int(after)][:limit]

    def _maybe_break(self) -> None:
        if self.broken:
            self.broken -= 1
            raise Unavailable("not now")


@dataclass
class World:
    """One shard with its function: `answer` decides for the numbers of a batch."""

    tmp: Path
    source: StreamSource
    stream: FakeStream
    answer: Callable[[list[int]], Outcome]
    batches: list[list[int]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    told: list[tuple[str, Any]] = field(default_factory=list)
    now_ms: int = NOW_MS

    def follower(self, shard: str = "s1") -> ShardFollower:
        clock = Clock(wall=lambda: self.now_ms, steady=lambda: self.now_ms)
        checkpoints = Checkpoints(self.tmp / "streams.json")
        return ShardFollower(
            self.source, shard, self.stream, self.invoke, checkpoints, clock, self.wait, self.deliver, "arn:function"
        )

    async def deliver(self, arn: str, body: str) -> None:
        self.told.append((arn, orjson.loads(body)))

    async def invoke(self, _function: str, payload: bytes) -> Outcome:
        numbers = [int(row["dynamodb"]["SequenceNumber"]) for row in orjson.loads(payload)["Records"]]
        self.batches.append(numbers)
        return self.answer(numbers)

    async def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        self.now_ms += int(seconds * 1_000)

    def settle(self) -> None:
        """Step until there is nothing more to read."""

        async def play() -> None:
            follower = self.follower()
            while await follower.step():
                pass

        asyncio.run(play())


def world(tmp_path: Path, answer: Callable[[list[int]], Outcome], count: int = 10, **settings: Any) -> World:
    source = StreamSource("project", "ledger", **{"batch_size": 4, **settings})
    return World(tmp_path, source, FakeStream({"s1": [record(n) for n in range(1, count + 1)]}), answer)


def test_batches_in_order_and_only_once(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE)
    one.settle()
    one.settle()
    assert one.batches == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert set(one.stream.limits) == {4}


def test_a_batch_that_is_not_full_waits_for_its_window(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, count=5, maximum_batching_window_seconds=2)
    wait = one.wait

    async def wait_and_record(seconds: float) -> None:
        await wait(seconds)
        rows = one.stream.by_shard["s1"]
        rows.append(record(len(rows) + 1))

    one.wait = wait_and_record  # type: ignore[method-assign]
    asyncio.run(_steps(one, 2))
    assert one.batches == [[1, 2, 3, 4], [5, 6]], "the full one at once, the other with what came meanwhile"
    assert one.pauses == [2.0]


async def _steps(one: World, count: int) -> None:
    follower = one.follower()
    for _ in range(count):
        assert await follower.step()


def test_the_rest_of_a_partly_failed_batch_comes_again(tmp_path: Path) -> None:
    failing = {3: 2}

    def answer(numbers: list[int]) -> Outcome:
        bad = [n for n in numbers if failing.get(n, 0) > 0]
        for n in bad:
            failing[n] -= 1
        return partial(*bad)

    one = world(tmp_path, answer, 5, report_batch_item_failures=True)
    one.settle()
    assert one.batches == [[1, 2, 3, 4], [3, 4], [3, 4], [5]]


@pytest.mark.parametrize("payload", [b"null", b"{}", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}'])
def test_no_failures_named_is_success(tmp_path: Path, payload: bytes) -> None:
    one = world(tmp_path, lambda _: Outcome(payload), 4, report_batch_item_failures=True)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]]


@pytest.mark.parametrize("identifier", ["99", "", None])
def test_a_failure_that_is_not_in_the_batch_fails_all_of_it(tmp_path: Path, identifier: str | None) -> None:
    strange = Outcome(orjson.dumps({"batchItemFailures": [{"itemIdentifier": identifier}]}))
    answers = [strange, DONE]
    one = world(tmp_path, lambda _: answers.pop(0), 4, report_batch_item_failures=True)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]] * 2


def test_bisection_finds_the_poison_and_the_others_go_on(tmp_path: Path) -> None:
    settings = {"bisect_batch_on_function_error": True, "maximum_retry_attempts": 0, "on_failure": "arn:queue"}
    one = world(tmp_path, lambda n: FAILED if 6 in n else DONE, 8, batch_size=8, **settings)
    one.settle()
    good = [number for batch in one.batches if 6 not in batch for number in batch]
    assert good == [1, 2, 3, 4, 5, 7, 8], "in order, each once"
    ((arn, given_up),) = one.told
    assert arn == "arn:queue"
    assert given_up["DDBStreamBatchInfo"]["startSequenceNumber"] == "6"


def test_a_destination_is_told_where_the_records_are(tmp_path: Path) -> None:
    """Source: Lambda developer guide, "Retain discarded records for a DynamoDB event source in Lambda"."""
    one = world(tmp_path, lambda _: FAILED, 2, maximum_retry_attempts=1, on_failure="arn:queue")
    one.settle()
    ((_, given_up),) = one.told
    assert given_up["requestContext"].pop("requestId")
    assert given_up.pop("timestamp").endswith("Z")
    created = "2026-11-23T09:00:00.000Z"
    assert given_up == {
        "requestContext": {
            "functionArn": "arn:function",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "DDBStreamBatchInfo": {
            "shardId": "s1",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": created,
            "approximateArrivalOfLastRecord": created,
            "batchSize": 2,
            "streamArn": "arn:1",
        },
    }


def test_a_destination_is_told_of_records_that_grew_too_old(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: FAILED, 1, maximum_record_age_seconds=60, on_failure="arn:queue")
    one.settle()
    ((_, given_up),) = one.told
    assert given_up["requestContext"]["condition"] == "MaximumRecordAgeExceeded"


def test_attempts_are_counted_and_the_shard_goes_on(tmp_path: Path) -> None:
    one = world(tmp_path, lambda n: FAILED if 2 in n else DONE, 8, maximum_retry_attempts=2)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]] * 3 + [[5, 6, 7, 8]]


def test_a_new_stream_of_the_same_table_is_read_from_its_start(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 4)
    one.settle()
    anew = FakeStream({"s1": [record(n) for n in range(1, 4)]}, stream="arn:2")
    again = World(tmp_path, one.source, anew, lambda _: DONE)
    again.settle()
    assert again.batches == [[1, 2, 3]]


@pytest.mark.parametrize("payload", [b'"done"', b"[1]", b"not json", b'{"batchItemFailures":7}'])
def test_a_strange_answer_is_no_answer(tmp_path: Path, payload: bytes) -> None:
    answers = [Outcome(payload), DONE]
    one = world(tmp_path, lambda _: answers.pop(0), 4, report_batch_item_failures=True)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]] * 2


def test_only_what_is_too_old_is_given_up_by_age(tmp_path: Path) -> None:
    one = world(tmp_path, lambda n: FAILED if 1 in n else DONE, 0, maximum_record_age_seconds=60)
    one.stream.by_shard["s1"] = [record(1, age_seconds=100), record(2), record(3)]
    one.settle()
    assert one.batches == [[1, 2, 3], [2, 3]]


def test_a_follower_outlives_whatever_goes_wrong(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 4)
    rows = one.stream.by_shard.pop("s1")  # the reader raises what nobody foresaw

    async def play() -> None:
        task = asyncio.get_running_loop().create_task(one.follower().follow())
        while LONGEST_PAUSE_SECONDS not in one.pauses:
            await asyncio.sleep(0)
        one.stream.by_shard["s1"] = rows
        while not one.batches:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(play(), 30))
    assert one.batches[0] == [1, 2, 3, 4]


def test_old_records_are_given_up(tmp_path: Path) -> None:
    one = world(tmp_path, lambda n: FAILED if 1 in n else DONE, 8, maximum_record_age_seconds=60)
    one.settle()
    assert one.batches[-1] == [5, 6, 7, 8]
    assert len(one.batches) > 3
    assert sum(one.pauses) > 60


def test_without_limits_a_batch_waits_for_ever_longer_and_nothing_passes_it(tmp_path: Path) -> None:
    left = [20]

    def answer(_: list[int]) -> Outcome:
        left[0] -= 1
        return FAILED if left[0] else DONE

    one = world(tmp_path, answer, 4)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]] * 20
    assert one.pauses == sorted(one.pauses)
    assert max(one.pauses) == LONGEST_PAUSE_SECONDS


def test_a_function_that_cannot_be_run_loses_nothing(tmp_path: Path) -> None:
    trouble = [RuntimeError("too many requests"), None]

    def answer(_: list[int]) -> Outcome:
        if (error := trouble.pop(0)) is not None:
            raise error
        return DONE

    one = world(tmp_path, answer, 4)
    one.settle()
    assert one.batches == [[1, 2, 3, 4]] * 2


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 4)
    one.settle()
    one.stream.by_shard["s1"].append(record(5))
    again = World(tmp_path, one.source, one.stream, lambda _: DONE)
    again.settle()
    assert again.batches == [[5]]


def test_a_crash_between_function_and_checkpoint_repeats_the_batch(tmp_path: Path) -> None:
    class Crash(BaseException):
        pass

    def crash(_: list[int]) -> Outcome:
        raise Crash

    one = world(tmp_path, crash, 4)
    with pytest.raises(Crash):
        one.settle()
    again = World(tmp_path, one.source, one.stream, lambda _: DONE)
    again.settle()
    assert again.batches == [[1, 2, 3, 4]]


def test_a_stream_that_cannot_be_read_is_read_later(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 4)
    one.stream.broken = 1
    one.settle()
    assert one.batches == []
    one.settle()
    assert one.batches == [[1, 2, 3, 4]]


def test_what_the_filter_leaves_out_is_passed_over_for_good(tmp_path: Path) -> None:
    pattern = {"dynamodb": {"SequenceNumber": ["2", "7"]}}
    one = world(tmp_path, lambda _: DONE, 8, filter_patterns=[pattern])
    one.settle()
    one.settle()
    assert one.batches == [[2], [7]]


def test_latest_starts_after_what_was_there(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 4, starting_position="LATEST")
    one.settle()
    assert one.batches == []


def test_each_shard_is_followed_and_a_new_one_too(tmp_path: Path) -> None:
    one = world(tmp_path, lambda _: DONE, 2)
    one.stream.by_shard["s2"] = [record(7)]
    one.stream.broken = 1

    async def play() -> None:
        follower = StreamFollower(one.source, one.stream, one.follower)
        task = asyncio.get_running_loop().create_task(follower.follow())
        while sorted(one.batches) != [[1, 2], [7]]:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(play(), 30))
