"""A network on which a write may arrive long after its sender has given up, between two calls of somebody else."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

from chalicelib.store.port import Cancelled, OutcomeUnknown, Write
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.memory_dynamo import MemoryDynamo


class LateDynamo(FaultyDynamo):
    """Besides the faults of FaultyDynamo: writes on their way, and things that happen meanwhile.

    `late_rate` is the share of transactions that are put on their way (the sender hears nothing); each call may let
    one of them arrive. `meanwhile` holds what happens right before the next transactions are done.
    """

    def __init__(
        self, inner: MemoryDynamo | None = None, *, seed: int = 0, rate: float = 0.0, late_rate: float = 0.0
    ) -> None:
        super().__init__(inner, seed=seed, rate=rate)
        self.late_rate = late_rate
        self.on_their_way: list[tuple[Sequence[Write], str | None]] = []
        self.meanwhile: deque[Callable[[], object]] = deque()
        self._lateness = Random(seed + 1)

    def heal(self) -> None:
        """From now on nothing fails; what is on its way stays there."""
        self.rate = self.late_rate = 0.0

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        if self.meanwhile:
            self.meanwhile.popleft()()
        if self.on_their_way and self._lateness.random() < 0.5:
            self.arrive(self._lateness.randrange(len(self.on_their_way)))
        if self._lateness.random() < self.late_rate:
            self.on_their_way.append((writes, token))
            raise OutcomeUnknown("still on its way")
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)

    def arrive(self, place: int = 0) -> None:
        """Let one of the writes on their way be done, or be cancelled unheard."""
        writes, token = self.on_their_way.pop(place)
        with suppress(Cancelled):
            self.inner.transact(writes, token=token, timeout_seconds=1.0)
