"""Reading a sandbox tenant's time."""

from chalicelib.clocks.records import find_clock, resource
from chalicelib.web.call import Call, Reply


def get(call: Call) -> Reply:
    """Answer what time it is for the tenant (403 for live tenants)."""
    return call.show(resource(call, find_clock(call), call.now_at))
