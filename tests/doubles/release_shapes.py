"""Releases that differ in the shapes of items, planted into this process before any room is imported.

| release | payment | balance | commit |
|---|---|---|---|
| `present` | 1 | 1 | 1: what the code is |
| `learned` | writes 1, reads 2 | the same | the same |
| `changed` | writes 2, reads 2 | the same | the same |

In shape 2 what was captured of a payment is called `cp` and not `ac`, a balance says besides how many decimals its
currency has (`dp`), and the fingerprint of a commit is `fp` and not `f`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

import pytest

from chalicelib.kernel.currencies import EXPONENTS
from chalicelib.store.port import Item
from chalicelib.store.schema import Schema

WRITTEN: Final[Mapping[str, int]] = {"learned": 1, "changed": 2}

PAYMENTS: Final = "chalicelib.payments.records"
ACCOUNTS: Final = "chalicelib.accounts.records"
COMMITS: Final = "chalicelib.store.commit"


def plant(release: str) -> None:
    """Make this process a release; in this order, for each room takes what it needs from those below it."""
    if release in WRITTEN:
        written = WRITTEN[release]
        for kind in ("commit", "payment", "balance"):
            _set(f"chalicelib.store.schema.{kind.upper()}", Schema(kind, written=written, read=2))
        _replace(f"{COMMITS}._record", _commit_written)
        _replace(f"{COMMITS}.read_record", lambda intact: lambda item: intact(_renamed(item, "fp", "f")))
        _replace(f"{ACCOUNTS}.zero", _balance_written)
        _replace(f"{PAYMENTS}.attributes", _payment_written)
        _replace(f"{PAYMENTS}.read_payment", lambda intact: lambda item: intact(_renamed(item, "cp", "ac")))


def _set(path: str, value: Any) -> None:
    pytest.MonkeyPatch().setattr(path, value)


def _replace(path: str, change: Callable[[Any], Any]) -> None:
    module, _, name = path.rpartition(".")
    _set(path, change(getattr(import_module(module), name)))


def _renamed(item: Item, name: str, other: str) -> Item:
    """The item with an attribute under its other name, where it has it."""
    return {other if key == name else key: value for key, value in item.items()}


def _commit_written(intact: Any) -> Any:
    def record(commit: Any) -> Item:
        item = intact(commit)
        if item["sc"] == 1:
            return dict(item)
        renamed = _renamed(item, "f", "fp")
        checksum = import_module(COMMITS).checksum(renamed)
        return {**renamed, "x": checksum}

    return record


def _balance_written(intact: Any) -> Any:
    def zero(account: Any, commit_key: str, schema: int | None = None) -> Item:
        item: Item = intact(account, commit_key) if schema is None else intact(account, commit_key, schema)
        return item if item["sc"] == 1 else {**item, "dp": EXPONENTS[account.currency]}

    return zero


def _payment_written(intact: Any) -> Any:
    def attributes(payment: Any, commit_key: str, schema: int | None = None) -> Item:
        item: Item = intact(payment, commit_key) if schema is None else intact(payment, commit_key, schema)
        return item if item["sc"] == 1 else _renamed(item, "ac", "cp")

    return attributes
