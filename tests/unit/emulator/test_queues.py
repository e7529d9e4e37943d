"""A function behind a queue: what it has done is deleted, all else comes again, and nobody waits for a poison message.

Sources: AWS Lambda developer guide, "Handling errors for an SQS event source in Lambda" (what counts as failed) and
"Lambda parameters for Amazon SQS event source mappings" (sizes and windows).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from emulator.clock import Clock
from emulator.lambdas.config import Outcome
from emulator.lambdas.event_sources import QueueSource
from emulator.lambdas.queues import PAUSE_SECONDS, POLLERS, Message, QueueFollower
from emulator.lambdas.streams import Unavailable

DONE = Outcome(b"null")
FAILED = Outcome(b'{"errorType":"ValueError"}', "Unhandled")
VISIBILITY_MS = 30_000
RECEIVES = 3


def partial(*ids: Any) -> Outcome:
    return Outcome(orjson.dumps({"batchItemFailures": [{"itemIdentifier": one} for one in ids]}))


@dataclass
class FakeQueue:
    """SQS as far as it matters here: visibility, a dead-letter queue, and messages of a group one after the other."""

    world: "World"
    bodies: dict[str, str] = field(default_factory=dict)
    group_of: dict[str, str] = field(default_factory=dict)
    hidden_until: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    broken: int = 0

    def put(self, *ids: str, body: str = "x", group: str = "") -> None:
        self.bodies |= dict.fromkeys(ids, body)
        self.group_of |= dict.fromkeys(ids, group)

    async def receive(self, limit: int, wait_seconds: float) -> Sequence[Message]:
        await asyncio.sleep(0)  # as whoever asks over a network
        if self.broken:
            self.broken -= 1
            raise Unavailable("not now")
        self.limits.append(limit)
        now, locked = self.world.now_ms, set[str]()
        given: list[Message] = []
        for one in list(self.bodies):
            group = self.group_of[one]
            if self.hidden_until.get(one, 0) > now or (group and group in locked):
                locked |= {group} - {""}
            elif len(given) < limit:
                if self.received.get(one, 0) >= RECEIVES:
                    self.dead.append(one)
                    del self.bodies[one]
                    continue
                self.received[one] = self.received.get(one, 0) + 1
                self.hidden_until[one] = now + VISIBILITY_MS
                given.append({"messageId": one, "receiptHandle": one, "body": self.bodies[one]})
        if not given:
            self.world.now_ms += int(wait_seconds * 1_000)
        return given

    async def delete(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.bodies.pop(str(message["messageId"]), None)


@dataclass
class World:
    """A queue and the function behind it, which `answer` plays."""

    answer: Callable[[list[str]], Outcome]
    settings: dict[str, Any] = field(default_factory=dict)
    now_ms: int = 0
    batches: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self)
        source = QueueSource("mail", "letters", **self.settings)
        self.follower = QueueFollower(source, self.queue, self.invoke, Clock(lambda: self.now_ms, lambda: self.now_ms))

    async def invoke(self, _function: str, payload: bytes) -> Outcome:
        ids = [row["messageId"] for row in orjson.loads(payload)["Records"]]
        self.batches.append(ids)
        return self.answer(ids)

    def steps(self, count: int) -> list[bool]:
        async def play() -> list[bool]:
            return [await self.follower.step() for _ in range(count)]

        return asyncio.run(play())


def test_a_batch_is_deleted_when_it_is_done() -> None:
    world = World(lambda _: DONE)
    world.queue.put(*(str(n) for n in range(12)))
    assert world.steps(3) == [True, True, True]
    assert [len(batch) for batch in world.batches] == [10, 2], "and nothing for an empty queue"
    assert world.queue.bodies == {}


def test_a_failed_batch_stays_and_comes_again_after_its_visibility_timeout() -> None:
    answers = [FAILED, DONE]
    world = World(lambda _: answers.pop(0))
    world.queue.put("a", "b")
    assert world.steps(2) == [False, True]
    assert world.batches == [["a", "b"]], "invisible for now"
    world.now_ms += VISIBILITY_MS
    world.steps(1)
    assert (world.batches, world.queue.bodies) == ([["a", "b"], ["a", "b"]], {})


def test_a_function_that_cannot_run_loses_no_message() -> None:
    world = World(lambda _: DONE)

    async def refuse(_function: str, _payload: bytes) -> Outcome:
        raise RuntimeError("no room")

    world.follower.invoke = refuse
    world.queue.put("a")
    assert world.steps(1) == [False]
    assert list(world.queue.bodies) == ["a"]


def test_only_what_failed_comes_back() -> None:
    world = World(lambda _: partial("b"), {"report_batch_item_failures": True})
    world.queue.put("a", "b", "c")
    assert world.steps(1) == [False]
    assert list(world.queue.bodies) == ["b"]


@pytest.mark.parametrize("payload", [b"null", b"{}", b'{"batchItemFailures":[]}', b'{"batchItemFailures":null}'])
def test_complete_success(payload: bytes) -> None:
    world = World(lambda _: Outcome(payload), {"report_batch_item_failures": True})
    world.queue.put("a", "b")
    assert world.steps(1) == [True]
    assert world.queue.bodies == {}


@pytest.mark.parametrize(
    "answer",
    [
        partial(""),
        partial(None),
        partial("nobody"),
        partial("a", "nobody"),
        Outcome(b'{"batchItemFailures":[{"id":"a"}]}'),
        Outcome(b'{"batchItemFailures":"a"}'),
        Outcome(b'["a"]'),
        Outcome(b"a"),
    ],
    ids=lambda answer: answer.payload.decode(),
)
def test_complete_failure(answer: Outcome) -> None:
    world = World(lambda _: answer, {"report_batch_item_failures": True})
    world.queue.put("a", "b")
    assert world.steps(1) == [False]
    assert list(world.queue.bodies) == ["a", "b"]


def test_without_the_setting_a_partial_answer_means_nothing() -> None:
    world = World(lambda _: partial("a"))
    world.queue.put("a")
    assert world.steps(1) == [True]
    assert world.queue.bodies == {}


def test_a_poison_message_ends_in_the_dead_letter_queue_and_the_others_are_done() -> None:
    world = World(lambda ids: partial(*(set(ids) & {"3"})), {"report_batch_item_failures": True, "batch_size": 4})
    world.queue.put(*(str(n) for n in range(8)))
    for _ in range(RECEIVES + 1):
        world.steps(3)
        world.now_ms += VISIBILITY_MS
    assert (world.queue.dead, world.queue.bodies) == (["3"], {})
    assert [n for batch in world.batches for n in batch if n != "3"] == [n for n in "01245678" if n != "8"]


def test_messages_of_a_group_come_in_order_and_wait_for_the_one_that_failed() -> None:
    failing = {"a1": 1}

    def answer(ids: list[str]) -> Outcome:
        """Stop at the first failure, as functions behind FIFO queues should."""
        bad = next((n for n, one in enumerate(ids) if failing.get(one)), len(ids))
        for one in ids[bad : bad + 1]:
            failing[one] -= 1
        return partial(*ids[bad:])

    world = World(answer, {"report_batch_item_failures": True, "batch_size": 2})
    world.queue.put("a1", "a2", "a3", group="a")
    world.queue.put("b1", "b2", group="b")
    world.steps(2)
    world.now_ms += VISIBILITY_MS
    world.steps(3)
    seen = [one for batch in world.batches for one in batch]
    assert [one for one in seen if one[0] == "b"] == ["b1", "b2"], "another group does not wait"
    assert [one for one in seen if one[0] == "a"] == ["a1", "a2", "a1", "a2", "a3"]
    assert world.queue.bodies == {}


def test_a_batch_is_gathered_for_as_long_as_its_window() -> None:
    world = World(lambda _: DONE, {"batch_size": 25, "maximum_batching_window_seconds": 3})
    world.queue.put(*(str(n) for n in range(12)))
    world.steps(1)
    assert [len(batch) for batch in world.batches] == [12]
    assert world.now_ms == 3_000, "the rest of the window was waited for more"
    assert world.queue.limits[:3] == [10, 10, 10]
    world.queue.put(*(f"n{n}" for n in range(30)))
    world.steps(1)
    assert len(world.batches[-1]) == 25
    assert world.now_ms == 3_000, "a full one does not wait"


def test_a_batch_is_not_lost_when_the_queue_falls_silent_meanwhile() -> None:
    world = World(lambda _: DONE, {"batch_size": 25, "maximum_batching_window_seconds": 3})
    world.queue.put(*(str(n) for n in range(5)))
    receive = world.queue.receive

    async def once(limit: int, wait_seconds: float) -> Sequence[Message]:
        found = await receive(limit, wait_seconds)
        world.queue.broken = 1 if found else 0
        return found

    world.queue.receive = once  # type: ignore[method-assign]
    assert world.steps(1) == [True]
    assert world.batches == [["0", "1", "2", "3", "4"]]


def test_what_no_filter_lets_through_is_deleted() -> None:
    """Source: "Control which events Lambda sends to your function": such messages are deleted from the queue."""
    world = World(lambda _: DONE, {"filter_patterns": [{"body": {"kind": ["letter"]}}]})
    world.queue.put("a", body='{"kind": "letter"}')
    world.queue.put("b", body='{"kind": "parcel"}')
    world.queue.put("c", body="not JSON")
    world.steps(1)
    assert (world.batches, world.queue.bodies) == ([["a"]], {})


@pytest.mark.parametrize(("maximum", "pollers"), [(None, POLLERS), (2, 2), (100, POLLERS)])
def test_so_many_batches_are_at_work_at_once(maximum: int | None, pollers: int) -> None:
    world = World(lambda _: DONE, {"maximum_concurrency": maximum, "batch_size": 1})
    world.queue.put(*(str(n) for n in range(9)))
    at_work, most = 0, 0
    release = asyncio.Event()

    async def invoke(_function: str, _payload: bytes) -> Outcome:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        if at_work == pollers:
            release.set()
        await release.wait()
        at_work -= 1
        return DONE

    world.follower.invoke = invoke

    async def play() -> None:
        following = asyncio.create_task(world.follower.follow())
        await release.wait()
        for _ in range(20):  # anybody else who could begin would have by now
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(asyncio.wait_for(play(), 10))
    assert most == pollers


def test_a_queue_that_is_not_there_is_asked_again_later() -> None:
    world = World(lambda _: DONE, {"maximum_concurrency": 2})
    world.queue.broken = 2
    pauses: list[float] = []
    done = asyncio.Event()

    async def wait(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    def answer(_ids: list[str]) -> Outcome:
        done.set()
        return DONE

    world.follower.wait, world.answer = wait, answer
    world.queue.put("a")

    async def play() -> None:
        following = asyncio.create_task(world.follower.follow())
        await done.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(asyncio.wait_for(play(), 10))
    assert pauses == [PAUSE_SECONDS] * 2
