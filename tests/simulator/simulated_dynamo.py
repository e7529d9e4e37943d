"""The store's port of one environment, over a network that loses, delays and refuses.

A call is on its way, in the tables, and on its way back; others have their turn in between. What was sent is done by
the database whether its sender is still alive or not, and however late it arrives.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import Final

from chalicelib.store.codec import check_writes
from chalicelib.store.port import (
    Cancelled,
    Item,
    Key,
    OutcomeUnknown,
    Table,
    Throttled,
    Unreachable,
    Write,
)
from tests.simulator.process import Process
from tests.simulator.scheduler import Promise

LONGEST_LEG_US: Final = 3_000
LONGEST_FLIGHT_US: Final = 8_000
LONGEST_LAG_US: Final = 1_000_000
READ_SECONDS: Final = 5.0

WRITE_TROUBLES: Final = ("unreachable", "throttled", "lost_before", "lost_after", "late")
READ_TROUBLES: Final = ("unreachable", "throttled", "lost_before")
THROTTLES: Final = ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")

Outcome = Cancelled | None
Answer = Promise[tuple[Outcome]]


class SimulatedDynamo:
    """Dynamo for one environment; the database behind it is everybody's."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._database = process.world.database

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        self._read("get", key.sk)
        item = self._database.as_of(key, self._instant(consistent=consistent))
        self._come_back()
        return None if item is None else dict(item)

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        """Each item is as it was at an instant of its own."""
        wanted = sorted(set(keys), key=lambda key: (key.table, key.pk, key.sk))  # a set has another order elsewhere
        if not wanted:
            return {}
        self._read("get_many", *[key.sk for key in wanted])
        found: dict[Key, Item] = {}
        for part in (wanted[::2], wanted[1::2]):
            found |= self._database.get_many(part)
            self._world.scheduler.pause(self._leg_us())
        self._process.step("back")
        return found

    def query(
        self,
        table: Table,
        pk: str,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        consistent: bool = False,
    ) -> list[Item]:
        self._read("query", pk)
        instant = self._instant(consistent=consistent)
        found = self._database.query_as_of(
            instant, (table, pk), limit=limit, after=after, before=before, newest_first=newest_first
        )
        self._come_back()
        return found

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        assert token is None, "the ledger repeats itself under its own keys (decision 0010)"
        check_writes(writes)
        trouble = self._set_out(WRITE_TROUBLES, "transact", *[write.key.sk for write in writes])
        self._refuse(trouble)
        if trouble == "throttled" and self._chance_of(0.5):
            raise Throttled("refused for its rate")
        answer: Answer = Promise()
        if trouble != "lost_before":
            self._send_off(writes, answer, trouble)
            if self._world.meets("dies"):
                self._process.die()
        heard = self._world.scheduler.wait(answer, self._patience_us(timeout_seconds, trouble))
        self._process.step("heard", "nothing" if heard is None else heard[0] or "done")
        if heard is None:
            raise OutcomeUnknown("no answer")
        if heard[0] is not None:
            raise heard[0]

    # The way of a transaction: off, arrived, done; each is a turn of its own.

    def _send_off(self, writes: Sequence[Write], answer: Answer, trouble: str | None) -> None:
        delay_us = self._chance.randrange(self._process.latest_us) if trouble == "late" else self._leg_us()
        back: Answer = Promise() if trouble in {"late", "lost_after"} else answer
        code = self._chance.choice(THROTTLES) if trouble == "throttled" else None
        send = self._process.send

        def arrive() -> None:
            try:
                if code:
                    place = self._chance.randrange(len(writes))
                    self._database.cancel(writes, [code if n == place else None for n in range(len(writes))])
                self._database.begin(writes)
            except Cancelled as cancelled:
                self._world.troubles["conflict"] += code is None
                come_back(cancelled)
            else:
                self._world.scheduler.after(self._chance.randrange(LONGEST_FLIGHT_US), finish)

        def finish() -> None:
            outcome: Outcome = None
            try:
                self._database.finish(writes, send)
            except Cancelled as cancelled:
                outcome = cancelled
            self._world.note("database", "cancels" if outcome else "does", writes[0].key.sk)
            come_back(outcome)

        def come_back(outcome: Outcome) -> None:
            self._world.scheduler.after(self._leg_us(), lambda: back.keep((outcome,)))

        self._world.scheduler.after(delay_us, arrive)

    def _patience_us(self, timeout_seconds: float, trouble: str | None) -> int:
        """A lost answer is noticed at the end of patience, or at once when the connection breaks."""
        longest_us = round(timeout_seconds * 1_000_000)
        if trouble in {"lost_before", "lost_after", "late"} and self._chance_of(0.7):
            return min(longest_us, self._chance.randrange(50_000))
        return longest_us

    # What reads and writes have in common.

    def _read(self, *words: str) -> None:
        trouble = self._set_out(READ_TROUBLES, *words)
        self._refuse(trouble)
        if trouble == "throttled":
            raise Throttled("refused for its rate")
        if trouble == "lost_before":
            self._world.scheduler.pause(self._patience_us(READ_SECONDS, trouble))
            raise OutcomeUnknown("no answer")

    def _set_out(self, troubles: tuple[str, ...], *words: str) -> str | None:
        """Count the call, let time pass, and draw what is going to happen to it."""
        if self._process.send is not None:
            self._process.send.calls += 1
        trouble = next((name for name in troubles if self._world.meets(name)), None)
        self._process.step(*words, trouble or "")
        self._world.scheduler.pause(self._leg_us())
        return trouble

    def _refuse(self, trouble: str | None) -> None:
        if trouble == "unreachable":
            raise Unreachable("no connection")

    def _come_back(self) -> None:
        self._world.scheduler.pause(self._leg_us())
        self._process.step("back")

    def _instant(self, *, consistent: bool) -> int:
        """A read that is not asked to be consistent may be up to a second behind."""
        now_us = self._world.now_us()
        if consistent or not self._world.meets("stale"):
            return now_us
        return max(0, now_us - self._chance.randrange(LONGEST_LAG_US))

    @property
    def _chance(self) -> Random:
        return self._world.chance

    def _leg_us(self) -> int:
        return self._chance.randrange(200, LONGEST_LEG_US)

    def _chance_of(self, rate: float) -> bool:
        return self._chance.random() < rate
