"""Where every item lives: the tenant stands in the partition key of all of them.

| item | table | pk | sk |
|---|---|---|---|
| commit record | commits | `<tenant>#commit#<2 hex of its SHA-256>` | `c/<principal>/<key>` or `s/<purpose>/...` |
| state (account, payment, refund, transfer) | ledger | `<tenant>#<kind>#<shard>` | `<id>` |
| balance, one item per slice | ledger | `<tenant>#balance#<shard of the slice>` | `<account>/<slice>` |
| due (something that happens by itself) | ledger | `<tenant>#due-<kind>#<shard>` | `<instant, ms>/<id>` |
| reference (a payee's, taken by a payment) | ledger | `<tenant>#reference#<payee>` | `<reference>` |
| line (of an account's statement) | projections | `<tenant>#line#<account>/<slice>` | `<sequence>` |
| history (of one object) | projections | `<tenant>#history#<id>` | `<version>/<event>` |
| event | projections | `<tenant>#event#<shard>` | `<id>` |
| test clock (sandbox only) | ledger | `<tenant>#clock` | `clock` |
| owned (the accounts of one principal) | ledger | `<tenant>#owned#<principal>` | `<account>` |
| client | clients | `client#<client id>` | `client` |
| tenant | clients | `tenants` | `<tenant>` |

A client is looked up before its tenant is known, which makes it the one key without a tenant.
"""

from hashlib import sha256
from typing import Final, Literal

from chalicelib.kernel.ids import shard_of
from chalicelib.ledger.chart import shard_of_slice
from chalicelib.store.port import Key, Table

StateKind = Literal["account", "payment", "refund", "transfer", "event"]

TENANTS: Final = "tenants"
"""The partition that lists the tenants, for work that no request asks for."""


def client_commit_key(principal: str, key: str) -> str:
    """Return the commit key of a client's Idempotency-Key: its principal's own, so that nobody can take another's."""
    return f"c/{principal}/{key}"


def system_commit_key(purpose: str) -> str:
    """Return the commit key of internal work: a key space that no client can name."""
    return f"s/{purpose}"


def commit_key(tenant: str, key: str) -> Key:
    """Return where the commit record of an idempotency key lives."""
    return Key("commits", f"{tenant}#commit#{sha256(key.encode()).hexdigest()[:2]}", key)


def commit_partitions(tenant: str) -> list[str]:
    """Return all partitions that hold a tenant's commit records."""
    return [f"{tenant}#commit#{number:02x}" for number in range(256)]


def state_partition(tenant: str, kind: StateKind, shard: str) -> str:
    """Return the partition that holds the objects of one kind and shard."""
    return f"{tenant}#{kind}#{shard}"


def state_table(kind: StateKind) -> Table:
    """Return the table that holds the objects of one kind: events are made from what others are."""
    return "projections" if kind == "event" else "ledger"


def state_key(tenant: str, kind: StateKind, identifier: str) -> Key:
    """Return where an object lives; its id carries its shard."""
    return Key(state_table(kind), state_partition(tenant, kind, shard_of(identifier)), identifier)


def balance_key(tenant: str, account: str, slice_number: int) -> Key:
    """Return where one slice of an account's balance lives."""
    shard = shard_of_slice(account, slice_number)
    return Key("ledger", balance_partition(tenant, shard), f"{account}/{slice_number}")


def balance_partition(tenant: str, shard: str) -> str:
    """Return the partition that holds the balance items of one shard."""
    return f"{tenant}#balance#{shard}"


def due_key(tenant: str, kind: StateKind, due_at: int, identifier: str) -> Key:
    """Return where the reminder of something due at `due_at` (ms) lives; sorts by time within its shard."""
    return Key("ledger", due_partition(tenant, kind, shard_of(identifier)), f"{due_at:014d}/{identifier}")


def due_partition(tenant: str, kind: StateKind, shard: str) -> str:
    """Return the partition that holds what is due of one kind and shard, earliest first."""
    return f"{tenant}#due-{kind}#{shard}"


def reference_key(tenant: str, payee: str, reference: str) -> Key:
    """Return where the fact lives that a payment to this payee bears this reference."""
    return Key("ledger", reference_partition(tenant, payee), reference)


def reference_partition(tenant: str, payee: str) -> str:
    """Return the partition of the references that payments to a payee bear."""
    return f"{tenant}#reference#{payee}"


def line_partition(tenant: str, account: str, slice_number: int) -> str:
    """Return the partition of the statement lines of one slice."""
    return f"{tenant}#line#{account}/{slice_number}"


def line_key(tenant: str, account: str, slice_number: int, sequence: int) -> Key:
    """Return where the line of one entry of one slice lives."""
    return Key("projections", line_partition(tenant, account, slice_number), f"{sequence:012d}")


def history_partition(tenant: str, identifier: str) -> str:
    """Return the partition of what happened to one object, by version."""
    return f"{tenant}#history#{identifier}"


def history_key(tenant: str, identifier: str, version: int, name: str) -> Key:
    """Return where one step of an object's history lives."""
    return Key("projections", history_partition(tenant, identifier), f"{version:08d}/{name}")


def clock_key(tenant: str) -> Key:
    """Return where a sandbox tenant's test clock lives."""
    return Key("ledger", f"{tenant}#clock", "clock")


def owned_key(tenant: str, principal: str, account: str) -> Key:
    """Return where the line "this principal owns this account" lives."""
    return Key("ledger", owned_partition(tenant, principal), account)


def owned_partition(tenant: str, principal: str) -> str:
    """Return the partition that lists the accounts of one principal."""
    return f"{tenant}#owned#{principal}"


def tenant_key(tenant: str) -> Key:
    """Return where the fact that there is such a tenant lives."""
    return Key("clients", TENANTS, tenant)


def client_key(client_id: str) -> Key:
    """Return where a client's registration lives."""
    return Key("clients", f"client#{client_id}", "client")
