"""History and events: each step of each object once, whatever comes twice."""

from collections import Counter

from chalicelib.projections.entrypoint import project_batch
from chalicelib.store.keys import history_partition
from chalicelib.store.port import Item
from tests.doubles.small_ledger import FUNDS_MINOR, TENANT
from tests.doubles.statements import Projected


def _events(world: Projected) -> list[Item]:
    return [item for key, item in world.streamed.items.items() if f"{TENANT}#event#" in key.pk]


def _steps(world: Projected, identifier: str) -> list[Item]:
    items = world.streamed.items.items()
    found = [item for key, item in items if key.pk == history_partition(TENANT, identifier)]
    return sorted(found, key=lambda item: str(item["sk"]))


def test_each_event_of_each_commit_once() -> None:
    world = Projected(3)
    payment = world.ledger.authorize()
    world.ledger.step(payment, "capture", amount=40)
    world.ledger.step(payment, "cancel")
    world.ledger.pay(amount=FUNDS_MINOR + 1)
    world.catch_up()
    said = Counter((str(row["k"]), str(row["o"])) for record in world.ledger.records() for row in _rows(record))
    assert Counter((str(item["k"]), str(item["o"])) for item in _events(world)) == said
    assert [(item["v"], item["k"]) for item in _steps(world, payment)] == [
        (1, "payment.authorized"),
        (2, "payment.partially_captured"),
        (3, "payment.captured"),
    ]


def _rows(record: Item) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = record["ev"]  # type: ignore[assignment]
    return rows


def test_a_step_and_its_event_are_written_together_or_not_at_all() -> None:
    world = Projected()
    world.ledger.pay()
    records = [row for row in world.waiting() if "#commit#" in row["dynamodb"]["Keys"]["pk"]["S"]]
    for _ in range(3):
        assert project_batch(world.bench, {"Records": records}) == {"batchItemFailures": []}
    steps = [item for key, item in world.streamed.items.items() if "#history#" in key.pk]
    assert len(steps) == len(_events(world)) == len({str(item["e"]) for item in steps})
