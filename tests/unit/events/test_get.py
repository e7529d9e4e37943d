"""One event."""

from tests.doubles.small_ledger import ALICE, ELSEWHERE, OPERATOR
from tests.doubles.statements import Projected


def test_an_event_by_its_id() -> None:
    world = Projected()
    world.ledger.pay()
    world.catch_up()
    identifier = next(key.sk for key in world.streamed.items if "#event#" in key.pk)
    path = f"/v1/events/{identifier}"
    assert world.ledger.get(OPERATOR, path).status == 404, "it is younger than ten seconds"
    world.ledger.clock.move(11)
    answer = world.ledger.get(OPERATOR, path)
    assert (answer.status, answer.json["id"], answer.json["object"]) == (200, identifier, "event")
    assert answer.json in world.ledger.get(OPERATOR, "/v1/events", limit="100").json["data"]
    assert world.ledger.get(ALICE, path).status == 403
    assert world.ledger.get(ELSEWHERE, path).status == 404
    assert world.ledger.get(OPERATOR, "/v1/events/evt_x").status == 404
