"""docs/events.md has every type of event, and the fields that a reader is given."""

from chalicelib.events.horizon import HORIZON_SECONDS
from chalicelib.projections.once import WRITE_SECONDS
from chalicelib.store.commit import read_events
from tests.docs.pages import page, quoted, table_rows
from tests.docs.stored_items import measured
from tests.doubles.small_ledger import ALICE, OPERATOR
from tests.doubles.statements import Projected

PAGE = page("docs/events.md")


def test_every_type_of_event_is_shown() -> None:
    happened = {event.name for one in measured() for event in read_events(one.done.record)}
    said = [name for row in table_rows(PAGE, "of") for name in quoted(row[1])]
    assert sorted(said) == sorted(happened)


def test_an_event_has_the_fields_that_are_shown() -> None:
    world = _refunded()
    events = world.ledger.get(OPERATOR, "/v1/events", limit="100").json["data"]
    said = {name for row in table_rows(PAGE, "field of an event") for name in quoted(row[0])}
    assert all(set(event) == said for event in events)
    assert {event["type"] for event in events if event["data"] is None} == {"payment.refunded"}


def test_a_step_has_the_fields_that_are_shown() -> None:
    world = _refunded()
    payment = next(key.sk for key in world.ledger.store.inner.items if "#payment#" in key.pk)
    for step in world.ledger.get(ALICE, f"/v1/payments/{payment}/history").json["data"]:
        assert set(step) == {"id", "object", "type", "object_version", "principal", "created_at", "data"}
        assert step["object"] == "history_entry"
        assert world.ledger.get(OPERATOR, f"/v1/events/{step['id']}").json["object_id"] == payment


def _refunded() -> Projected:
    world = Projected()
    world.ledger.made(world.ledger.refund(world.ledger.made(world.ledger.pay())))
    world.catch_up()
    world.ledger.clock.move(HORIZON_SECONDS + 1)
    return world


def test_the_seconds_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())
    assert f"none younger than {HORIZON_SECONDS} seconds" in words
    assert {5.0: "within the five seconds"}[WRITE_SECONDS] in words
