"""What time it is for a tenant: a sandbox tenant may have moved its clock forward, a live one never has.

Costs a sandbox request one consistent read; a live tenant is not asked about.
"""

from typing import Final, cast

from chalicelib.kernel.clock import Clock
from chalicelib.store.keys import clock_key
from chalicelib.store.port import Dynamo
from chalicelib.store.schema import CLOCK

_SANDBOX: Final = ".sandbox"


def is_sandbox(tenant: str) -> bool:
    """Tell whether a tenant plays with money that does not exist: its name says so."""
    return tenant.endswith(_SANDBOX)


def tenant_now_at(dynamo: Dynamo, clock: Clock, tenant: str) -> int:
    """Return the tenant's time in ms since the epoch."""
    return clock.now_at() + (ahead_ms(dynamo, tenant) if is_sandbox(tenant) else 0)


def ahead_ms(dynamo: Dynamo, tenant: str) -> int:
    """Return how far the tenant's clock was moved forward, in ms."""
    item = dynamo.get(clock_key(tenant))
    if item is None:
        return 0
    CLOCK.require(item)
    return cast("int", item["ah"])
