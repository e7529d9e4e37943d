"""How a bug is planted: by replacing something inside the platform while a test runs; nothing of the platform knows of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.store.commit import Commit
from chalicelib.store.port import Condition, Update, Write

Patch = pytest.MonkeyPatch
Change = Callable[[Write], Write]


@dataclass(frozen=True, slots=True)
class Bug:
    """A name and how it is planted; `about` names the operations that have to meet for a rare one to be seen."""

    name: str
    plant: Callable[[Patch], None]
    about: tuple[str, ...] = ()


def writing(change: Change) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        intact = Commit.writes
        patch.setattr(Commit, "writes", lambda self: [change(write) for write in intact(self)])

    return plant


def without(drops: Callable[[Condition], bool], table: str = "ledger") -> Callable[[Patch], None]:
    """Drop conditions."""

    def change(write: Write) -> Write:
        kept = tuple(condition for condition in write.when if not drops(condition))
        return replace(write, when=kept) if write.key.table == table else write

    return writing(change)


def not_adding(name: str) -> Callable[[Patch], None]:
    """Leave a number of the balances where it was."""

    def change(write: Write) -> Write:
        if isinstance(write, Update) and "q" in write.add:
            return replace(write, add={added: number for added, number in write.add.items() if added != name})
        return write

    return writing(change)


def replacing(path: str, change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Replace `module.name` by what `change` makes of it."""

    def plant(patch: Patch) -> None:
        module, _, name = path.rpartition(".")
        patch.setattr(path, change(getattr(__import__(module, fromlist=[name]), name)))

    return plant


def all_of(*plants: Callable[[Patch], None]) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        for one in plants:
            one(patch)

    return plant


def setting(owner: object, name: str, value: Any) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(owner, name, value)


def method(path: str, name: str, value: Any) -> Callable[[Patch], None]:
    """Replace a method of the class at `module.Class`."""

    def plant(patch: Patch) -> None:
        module, _, owner = path.rpartition(".")
        patch.setattr(getattr(__import__(module, fromlist=[owner]), owner), name, value)

    return plant
