"""Statement lines: one per entry, in order, with the balance that stood afterwards, however the records come."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from chalicelib.ledger.chart import slices_of
from chalicelib.projections.entrypoint import project_batch
from chalicelib.projections.records import Line, read_line
from chalicelib.store.commit import read_legs
from chalicelib.store.keys import balance_key, line_partition
from tests.doubles.faulty_dynamo import Fault, FaultyDynamo
from tests.doubles.small_ledger import ALICE, FUNDS_MINOR, OPERATOR, TENANT
from tests.doubles.statements import Projected


def lines(world: Projected, account: str) -> list[Line]:
    """All lines of an account, by slice and sequence."""
    items = world.streamed.items.items()
    partitions = {line_partition(TENANT, account, number) for number in range(slices_of(account))}
    found = [read_line(item) for key, item in items if key.pk in partitions]
    return sorted(found, key=lambda line: (line.slice_number, line.sequence))


def check(world: Projected, accounts: Sequence[str]) -> None:
    """Lines and balances equal the commits: every leg has its line, every line its leg, nothing is missing between."""
    legs: dict[tuple[str, str, int], tuple[int, int]] = {}
    for record in world.ledger.records():
        for leg in read_legs(record):
            legs[str(record["sk"]), leg.account, leg.slice_number] = (leg.posted_minor, leg.held_minor)
    for account in accounts:
        running: dict[int, tuple[int, int, int, int]] = defaultdict(lambda: (0, 0, 0, 0))
        for line in lines(world, account):
            sequence, posted, held, at = running[line.slice_number]
            assert legs.pop((line.commit, account, line.slice_number)) == (line.posted_minor, line.held_minor)
            posted, held = posted + line.posted_minor, held + line.held_minor
            assert line.sequence == sequence + 1
            assert (line.balance_posted_minor, line.balance_held_minor) == (posted, held)
            assert line.at >= at, "a statement goes forward in time"
            running[line.slice_number] = (line.sequence, posted, held, line.at)
        for number in range(slices_of(account)):
            item = world.streamed.items[balance_key(TENANT, account, number)]
            assert running[number][:3] == (item["q"], item["p"], item["h"])
    assert not legs, f"legs without a line: {legs}"


def _busy(world: Projected, chance: Random, steps: int) -> None:
    ledger = world.ledger
    holds = []
    for _ in range(steps):
        ledger.clock.move(chance.choice([0, 0.001, 5, -2]))  # another function's clock may be behind
        match chance.randrange(5):
            case 0:
                ledger.pay(amount=chance.randint(1, 300))
            case 1:
                ledger.transfer(amount=chance.randint(1, 300))
            case 2:
                holds.append(ledger.authorize(amount=chance.randint(1, 300)))
            case 3 if holds:
                ledger.step(holds.pop(), "capture", amount=1, final=True)
            case _:
                ledger.refund(ledger.made(ledger.pay(amount=50)), amount=20)
        if chance.random() < 0.2:
            world.catch_up()


@pytest.mark.parametrize("seed", range(6))
def test_lines_equal_the_commits_in_whatever_order_records_come(seed: int) -> None:
    world = Projected(seed)
    _busy(world, Random(seed), 40)
    world.catch_up()
    ledger = world.ledger
    check(world, [ledger.external, ledger.alice, ledger.bob, ledger.shop])


def test_a_line_says_what_and_by_which_object() -> None:
    world = Projected()
    payment = world.ledger.made(world.ledger.pay(amount=250))
    world.catch_up()
    line = lines(world, world.ledger.alice)[-1]
    assert (line.sequence, line.posted_minor, line.balance_posted_minor) == (2, -250, FUNDS_MINOR - 250)
    assert (line.operation, line.object_id) == ("payments.create", payment)


def test_a_freeze_is_no_entry() -> None:
    world = Projected()
    world.catch_up()
    before = lines(world, world.ledger.alice)
    assert world.ledger.post(OPERATOR, f"/v1/accounts/{world.ledger.alice}/freeze").status == 200
    world.catch_up()
    assert lines(world, world.ledger.alice) == before


def test_a_line_after_a_gap_is_right_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    world = Projected()
    world.catch_up()
    world.ledger.pay(amount=1)
    lost = world.waiting()
    world.ledger.pay(amount=2)
    world.catch_up()
    last = lines(world, world.ledger.alice)[-1]
    assert (last.sequence, last.balance_posted_minor) == (3, FUNDS_MINOR - 3)
    assert "a statement has a gap" in caplog.text
    for record in lost:
        assert project_batch(world.bench, {"Records": [record]}) == {"batchItemFailures": []}
    check(world, [world.ledger.external, world.ledger.alice, world.ledger.bob, world.ledger.shop])


@pytest.mark.parametrize("fault", list(Fault))
def test_what_could_not_be_written_is_named_and_comes_again(fault: Fault) -> None:
    world = Projected()
    world.ledger.pay(ALICE)
    records = world.waiting()
    # All together, then one by one: the second of them fails as well.
    faulty = FaultyDynamo(world.streamed, transacts=[Fault.THROTTLED, None, fault])
    bench = replace(world.bench, dynamo=faulty)
    failed = project_batch(bench, {"Records": records})["batchItemFailures"]
    assert len(failed) == 1
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    rest = records[numbers.index(failed[0]["itemIdentifier"]) :]
    assert project_batch(world.bench, {"Records": rest}) == {"batchItemFailures": []}
    check(world, [world.ledger.external, world.ledger.alice, world.ledger.bob, world.ledger.shop])
