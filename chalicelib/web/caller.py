"""Who is asking: the verified claims of the token, and whether the client is still active."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.kernel.clock import Clock
from chalicelib.kernel.problems import CLIENT_REVOKED, FORBIDDEN, Problem
from chalicelib.store.commit import Author
from chalicelib.store.keys import client_key
from chalicelib.store.port import Dynamo, Item
from chalicelib.store.schema import CLIENT

STATUS_SECONDS: Final = 5.0
"""A revoked client is refused after this long at the latest, whatever its token says."""

_STATUSES_KEPT: Final = 10_000
_CLAIMS: Final = ("tenant", "principal", "role", "client_id", "scope", "api_key_id")


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a request, and the principal it acts for."""

    tenant: str
    principal: str
    role: str
    client_id: str
    scopes: frozenset[str]

    @property
    def author(self) -> Author:
        """The caller as the audit line names it."""
        return Author(self.tenant, self.principal, self.client_id)

    @property
    def is_operator(self) -> bool:
        """Tell whether the caller runs this ledger."""
        return self.role == "operator"

    def may_see(self, owner: object) -> bool:
        """Tell whether objects of `owner` exist for this caller."""
        return self.is_operator or owner == self.principal

    def require_scope(self, scope: str) -> None:
        """Refuse (403) a caller whose token lacks a scope that only the function can ask for."""
        if scope not in self.scopes:
            raise Problem(FORBIDDEN, f"This needs the scope {scope}.")

    def require_operator(self) -> None:
        """Refuse (403) everybody but the operator."""
        if not self.is_operator:
            raise Problem(FORBIDDEN, "This needs a client with the role operator.")


def identify(claims: Mapping[str, Any] | None, api_key_id: str | None) -> Caller:
    """Read the caller from the claims the gateway verified; refuse an API key issued to somebody else."""
    assert claims is not None, "the gateway let a request through without claims"
    tenant, principal, role, client_id, scope, key = (_claim(claims, name) for name in _CLAIMS)
    if key != api_key_id:
        raise Problem(FORBIDDEN, "The API key was not issued with this client.", param="x-api-key")
    return Caller(tenant, principal, role, client_id, frozenset(scope.split()))


def _claim(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that our tokens have; a token of the issuer without it was not made for this API."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Problem(FORBIDDEN, f"The token has no usable claim {name}.")
    return value


@dataclass(slots=True)
class ClientStatuses:
    """Which clients are active, remembered for at most five seconds per environment; fails closed."""

    dynamo: Dynamo
    clock: Clock
    _active_until: dict[str, float] = field(default_factory=dict)

    def require_active(self, client_id: str) -> None:
        """Refuse (401) a client that is revoked or unknown (half a read unit every five seconds)."""
        now_seconds = self.clock.elapsed_seconds()
        if self._active_until.get(client_id, -1.0) > now_seconds:
            return
        item = self.dynamo.get(client_key(client_id), consistent=False)
        if item is None or not _is_active(item):
            self._active_until.pop(client_id, None)
            raise Problem(CLIENT_REVOKED, "The client is revoked.")
        if len(self._active_until) >= _STATUSES_KEPT:
            self._active_until.clear()
        self._active_until[client_id] = now_seconds + STATUS_SECONDS


def _is_active(item: Item) -> bool:
    CLIENT.require(item)
    return item["status"] == "active"
