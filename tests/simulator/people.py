"""Who uses the ledgers: the same names, and the same keys, in two tenants on purpose."""

from typing import Final

from tests.doubles.platform import SCOPES, Client

TENANTS: Final = ("acme.live", "acme.sandbox")
WITHOUT_EXTERNAL: Final = SCOPES.replace("external:write", "").strip()

_PEOPLE: Final = (
    ("operator", "prn_operator", "operator", SCOPES),
    ("alice", "prn_alice", "owner", SCOPES),
    ("alice_too", "prn_alice", "owner", WITHOUT_EXTERNAL),
    ("bob", "prn_bob", "owner", WITHOUT_EXTERNAL),
    ("agent", "prn_agent", "owner", WITHOUT_EXTERNAL),
    ("shop", "prn_shop", "merchant", WITHOUT_EXTERNAL),
)
"""Name, principal, role and scopes of each tenant's clients; the agent holds a mandate of Alice."""


def clients_of(tenant: str) -> list[Client]:
    """Return the tenant's clients, the operator first."""
    return [Client(f"cl_{name}.{tenant}", principal, role, tenant, scope) for name, principal, role, scope in _PEOPLE]
