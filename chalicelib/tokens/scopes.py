"""The scopes there are, and which of them a client gets."""

from collections.abc import Collection
from typing import Final

from chalicelib.tokens.refusal import TokenRefusal

SCOPES: Final = (
    "accounts:read",
    "accounts:write",
    "payments:read",
    "payments:write",
    "refunds:read",
    "refunds:write",
    "transfers:read",
    "transfers:write",
    "events:read",
    "clocks:read",
    "clocks:write",
    "external:write",
)
"""All but the last stand in the gateway's definitions; `external:write` is asked for by the functions."""


def grant(asked: str | None, registered: Collection[str]) -> str:
    """Return the scopes to grant, in the catalogue's order: what is asked for, reduced to what is registered.

    A scope that does not exist is a mistake worth naming; one that the client merely lacks is left out, and
    the answer says what was granted (RFC 6749, 3.3).
    """
    wanted = SCOPES if asked is None else tuple(asked.split(" "))
    if not set(wanted) <= set(SCOPES):
        raise TokenRefusal("invalid_scope", "A scope does not exist; scopes are separated by one space.")
    granted = [scope for scope in SCOPES if scope in wanted and scope in registered]
    if not granted:
        raise TokenRefusal("invalid_scope", "The client is registered for none of these scopes.")
    return " ".join(granted)
