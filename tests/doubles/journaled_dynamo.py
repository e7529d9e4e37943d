"""RuledDynamo that keeps a journal: each commit as it was done, with what it left on every balance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from chalicelib.store.port import Delete, Item, Key, Write
from tests.doubles.ledger_rules import RuledDynamo


@dataclass(frozen=True, slots=True)
class Done:
    """One commit: its record, the items it wrote (None: taken away), and all balance items afterwards."""

    record: Item
    written: Mapping[Key, Item | None]
    balances: Mapping[Key, Item]

    @property
    def operation(self) -> str:
        return cast("str", self.record["op"])


@dataclass
class JournaledDynamo(RuledDynamo):
    """`journal` has the commits in their order; what is no commit (a reminder taken away) is not in it."""

    journal: list[Done] = field(default_factory=list)

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        super().transact(writes, token=token, timeout_seconds=timeout_seconds)
        for write in writes:
            if write.key.table == "commits":
                self.journal.append(self._done(write.key, writes))

    def _done(self, record: Key, writes: Sequence[Write]) -> Done:
        return Done(
            self.items[record],
            {write.key: None if isinstance(write, Delete) else self.items[write.key] for write in writes},
            {key: item for key, item in self.items.items() if "#balance#" in key.pk},
        )
