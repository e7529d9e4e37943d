"""The register of clients: the writing side of what the tokens function reads."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Chance, new_id
from chalicelib.store.keys import client_key, tenant_key
from chalicelib.store.port import Absent, Cancelled, Dynamo, Equals, Item, Put, Update, Value, Write
from chalicelib.store.schema import CLIENT, TENANT
from chalicelib.tokens.client import ACTIVE, CLIENT_ID, REVOKED
from chalicelib.tokens.scopes import SCOPES
from chalicelib.tokens.secret import VALID_AT_ONCE, hash_secret, new_secret
from infra.api_keys import ApiKeys

ROLES: Final = ("operator", "merchant", "owner")
TENANT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,38}\.(sandbox|live)")
PRINCIPAL: Final = re.compile(r"prn_[0-9a-z]{1,60}")
WRITE_SECONDS: Final = 10.0


class RegisterError(Exception):
    """What was asked for cannot be done; nothing was changed."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """What is asked for; no principal means a new one."""

    tenant: str
    role: str
    scopes: tuple[str, ...]
    plan: str
    principal: str | None = None

    def check(self, plans: frozenset[str]) -> None:
        """Refuse what the functions would not understand."""
        if not TENANT_NAME.fullmatch(self.tenant):
            raise RegisterError(f"a tenant is named <name>.sandbox or <name>.live, not {self.tenant!r}")
        if self.role not in ROLES:
            raise RegisterError(f"a role is one of {', '.join(ROLES)}, not {self.role!r}")
        if self.principal is not None and not PRINCIPAL.fullmatch(self.principal):
            raise RegisterError(f"a principal is named prn_ and small letters and digits, not {self.principal!r}")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise RegisterError(f"scopes are some of {' '.join(SCOPES)}")
        if self.plan not in plans:
            raise RegisterError(f"there is no usage plan {self.plan!r}")


@dataclass(frozen=True, slots=True)
class Issued:
    """What the client is told, once."""

    tenant: str
    principal: str
    role: str
    scopes: tuple[str, ...]
    plan: str
    client_id: str
    client_secret: str
    api_key: str
    api_key_id: str


@dataclass(frozen=True, slots=True)
class Register:
    """Writes the clients table; each change is one conditional write, so two administrators cannot lose one."""

    dynamo: Dynamo
    api_keys: ApiKeys
    pepper: bytes
    clock: Clock
    chance: Chance
    plans: frozenset[str]
    make_secret: Callable[[], str] = field(default=new_secret)

    def create(self, wanted: NewClient) -> Issued:
        """Register a client with a secret and an API key of its own."""
        wanted.check(self.plans)
        now_at = self.clock.now_at()
        client_id, secret = new_id("cl", now_at, self.chance), self.make_secret()
        principal = wanted.principal or new_id("prn", now_at, self.chance)
        key = self.api_keys.issue(f"{wanted.tenant} {client_id}", wanted.plan)
        attributes: dict[str, Value] = {
            "tenant": wanted.tenant,
            "principal": principal,
            "role": wanted.role,
            "scopes": [scope for scope in SCOPES if scope in wanted.scopes],
            "secret_hashes": [self._hashed(secret, now_at)],
            "api_key_id": key.key_id,
            "plan": wanted.plan,
            "status": ACTIVE,
            "created_at": now_at,
            "sc": CLIENT.written,
        }
        try:
            self._write(Put(tenant_key(wanted.tenant), {"created_at": now_at, "sc": TENANT.written}))
            self._write(Put(client_key(client_id), attributes, (Absent(),)))
        except BaseException:
            # Where nobody knows whether the client was written, its key must stay good.
            if self.dynamo.get(client_key(client_id)) is None:
                self.api_keys.disable(key.key_id)
            raise
        return Issued(
            tenant=wanted.tenant,
            principal=principal,
            role=wanted.role,
            scopes=wanted.scopes,
            plan=wanted.plan,
            client_id=client_id,
            client_secret=secret,
            api_key=key.value,
            api_key_id=key.key_id,
        )

    def rotate(self, client_id: str, *, retire_old: bool = False) -> str:
        """Add a secret; the one before it stays valid beside it, unless it is retired. Older ones end now."""
        before = self._find(client_id)["secret_hashes"]
        secret = self.make_secret()
        kept = [] if retire_old else cast("list[Value]", before)[-(VALID_AT_ONCE - 1) :]
        after = [*kept, self._hashed(secret, self.clock.now_at())]
        same = (Equals("secret_hashes", before), Equals("status", ACTIVE))
        self._write(Update(client_key(client_id), set={"secret_hashes": after}, when=same))
        return secret

    def revoke(self, client_id: str) -> None:
        """End a client: no more tokens, refused by the functions within 5 s, its API key disabled."""
        item = self._find(client_id)
        known = (Equals("created_at", item["created_at"]),)
        self._write(Update(client_key(client_id), set={"status": REVOKED}, when=known))
        self.api_keys.disable(cast("str", item["api_key_id"]))

    def _hashed(self, secret: str, now_at: int) -> Value:
        return {"h": hash_secret(self.pepper, secret), "created_at": now_at}

    def _find(self, client_id: str) -> Item:
        item = self.dynamo.get(client_key(client_id)) if CLIENT_ID.fullmatch(client_id) else None
        if item is None:
            raise RegisterError(f"there is no client {client_id!r}")
        CLIENT.require(item)
        return item

    def _write(self, write: Write) -> None:
        try:
            self.dynamo.transact([write], token=secrets.token_hex(16), timeout_seconds=WRITE_SECONDS)
        except Cancelled:
            raise RegisterError("somebody else changed this client meanwhile, or it is revoked") from None
