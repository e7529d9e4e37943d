"""Reading one event."""

import orjson

from chalicelib.events.horizon import horizon_id
from chalicelib.projections.records import event, is_event_id
from chalicelib.web.call import Call, Reply, missing


def get(call: Call) -> Reply:
    """Answer an event of the tenant, once it may be shown."""
    call.caller.require_operator()
    identifier = call.request.path_parameters["id"]
    item = call.find("event", identifier, is_event_id)
    if identifier >= horizon_id(call.bench.clock):
        raise missing("event", identifier)
    return Reply(200, orjson.dumps(event(item)))
