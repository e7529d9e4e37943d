"""What time it is for whom."""

from chalicelib.store.keys import clock_key
from chalicelib.web.tenant_clock import is_sandbox, tenant_now_at
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.time_and_chance import START_AT, HandClock


def test_a_sandbox_tenant_is_as_far_ahead_as_its_clock() -> None:
    store = MemoryDynamo()
    assert tenant_now_at(store, HandClock(), "demo.sandbox") == START_AT
    store.seed(clock_key("demo.sandbox"), {"ah": 5_000})
    assert tenant_now_at(store, HandClock(), "demo.sandbox") == START_AT + 5_000
    assert tenant_now_at(store, HandClock(), "other.sandbox") == START_AT


def test_a_live_tenant_has_no_other_time_whatever_is_stored() -> None:
    store = MemoryDynamo()
    store.seed(clock_key("demo.live"), {"ah": 5_000})
    assert not is_sandbox("demo.live")
    assert tenant_now_at(store, HandClock(), "demo.live") == START_AT
