"""Where every item lives: the tenant stands in the partition key of all of them.

| item | table | pk | sk |
|---|---|---|---|
| commit record | commits | `<tenant>#commit#<2 hex of the key's SHA-256>` | `c/<client's key>` or `s/<purpose>/...` |
| state (account, payment, refund, transfer) | ledger | `<tenant>#<kind>#<shard>` | `<id>` |
| balance, one item per slice | ledger | `<tenant>#balance#<shard of the slice>` | `<account>/<slice>` |
| due (a hold that expires) | ledger | `<tenant>#due#<shard>` | `<instant, ms>/<id>` |
| owned (the accounts of one principal) | ledger | `<tenant>#owned#<principal>` | `<account>` |
| client | clients | `client#<client id>` | `client` |

A client is looked up before its tenant is known, which makes it the one key without a tenant.
"""

from hashlib import sha256
from typing import Final, Literal

from chalicelib.kernel.ids import shard_of
from chalicelib.ledger.chart import shard_of_slice
from chalicelib.store.port import Key

StateKind = Literal["account", "payment", "refund", "transfer"]

CLIENT_KEY_SPACE: Final = "c/"
"""What the API may write; internal work (`s/...`) has keys no client can name."""


def commit_key(tenant: str, key: str) -> Key:
    """Return where the commit record of an idempotency key lives."""
    return Key("commits", f"{tenant}#commit#{sha256(key.encode()).hexdigest()[:2]}", key)


def state_partition(tenant: str, kind: StateKind, shard: str) -> str:
    """Return the partition that holds the objects of one kind and shard."""
    return f"{tenant}#{kind}#{shard}"


def state_key(tenant: str, kind: StateKind, identifier: str) -> Key:
    """Return where an object lives; its id carries its shard."""
    return Key("ledger", state_partition(tenant, kind, shard_of(identifier)), identifier)


def balance_key(tenant: str, account: str, slice_number: int) -> Key:
    """Return where one slice of an account's balance lives."""
    shard = shard_of_slice(account, slice_number)
    return Key("ledger", f"{tenant}#balance#{shard}", f"{account}/{slice_number}")


def due_key(tenant: str, due_at: int, identifier: str) -> Key:
    """Return where the reminder of something due at `due_at` (ms) lives; sorts by time within its shard."""
    return Key("ledger", f"{tenant}#due#{shard_of(identifier)}", f"{due_at:014d}/{identifier}")


def owned_key(tenant: str, principal: str, account: str) -> Key:
    """Return where the line "this principal owns this account" lives."""
    return Key("ledger", owned_partition(tenant, principal), account)


def owned_partition(tenant: str, principal: str) -> str:
    """Return the partition that lists the accounts of one principal."""
    return f"{tenant}#owned#{principal}"


def client_key(client_id: str) -> Key:
    """Return where a client's registration lives."""
    return Key("clients", f"client#{client_id}", "client")
