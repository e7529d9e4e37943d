"""A registered client: its item in the clients table, and the proof that it is asking.

| attribute | meaning |
|---|---|
| `tenant` `principal` `role` | the ledger it works on, whom it acts for, operator, merchant or owner |
| `scopes` `plan` `api_key_id` | what it may ask for, its usage plan, the API key issued with it |
| `secret_hashes` | one or two of `{h: HMAC-SHA256, created_at}`, the newest last |
| `status` `created_at` | active or revoked; when it was registered (ms) |
| `sc` | schema |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from chalicelib.store.keys import client_key
from chalicelib.store.port import Dynamo, Item, Value
from chalicelib.store.schema import CLIENT
from chalicelib.tokens.form import Credentials
from chalicelib.tokens.refusal import invalid_client
from chalicelib.tokens.secret import matches

CLIENT_ID: Final = re.compile(r"cl_[0-9a-z_]{1,60}")
ACTIVE: Final = "active"
REVOKED: Final = "revoked"

_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class Client:
    """Whom a token speaks for."""

    client_id: str
    tenant: str
    principal: str
    role: str
    scopes: tuple[str, ...]
    api_key_id: str


def authenticate(dynamo: Dynamo, pepper: bytes, shown: Credentials) -> Client:
    """Return the client that proved itself, or refuse.

    One read and the same comparisons for a known client, an unknown one and an id of no valid form, so that
    neither the answer nor its time tells which clients exist.
    """
    known_form = CLIENT_ID.fullmatch(shown.client_id) is not None
    item = dynamo.get(client_key(shown.client_id if known_form else _NOBODY))
    proved = matches(pepper, shown.secret, _hashes(item))
    if item is None or not proved or item["status"] != ACTIVE:
        raise invalid_client()
    return _client(shown.client_id, item)


def _hashes(item: Item | None) -> list[bytes]:
    if item is None:
        return []
    CLIENT.require(item)
    rows = cast("list[Mapping[str, Value]]", item["secret_hashes"])
    return [cast("bytes", row["h"]) for row in rows]


def _client(client_id: str, item: Item) -> Client:
    return Client(
        client_id=client_id,
        tenant=cast("str", item["tenant"]),
        principal=cast("str", item["principal"]),
        role=cast("str", item["role"]),
        scopes=tuple(cast("list[str]", item["scopes"])),
        api_key_id=cast("str", item["api_key_id"]),
    )
