"""A ledger in which a good deal has happened, with its statements up to date."""

from random import Random

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.web.internal import Sweeper
from tests.doubles.platform import Context
from tests.doubles.small_ledger import ALICE, BOB, FUNDS_MINOR, OPERATOR
from tests.doubles.statements import Projected


def lived(seed: int, steps: int = 40) -> Projected:
    """Play a random life of every kind of object, and bring all records to the projections."""
    world, chance = Projected(seed), Random(seed)
    for _ in range(steps):
        world.ledger.clock.move(chance.choice([0, 0.001, 1, 60]))
        _step(world, chance)
    world.ledger.clock.move(7 * DAY_SECONDS)
    Sweeper("payment", expire, lambda: world.ledger.platform.bench)({}, Context())
    held = world.ledger.authorize(amount=5, reference=f"last-{seed}")
    assert world.ledger.step(held, "capture", amount=2).status == 200
    world.catch_up()
    return world


def _step(world: Projected, chance: Random) -> None:
    ledger, amount = world.ledger, chance.randint(1, 150)
    match chance.randrange(8):
        case 0:
            ledger.pay(amount=amount, reference=f"order-{chance.randrange(9)}")
        case 1:
            ledger.transfer(amount=amount, destination=chance.choice([ledger.bob, ledger.shop]))
        case 2:
            ledger.authorize(amount=amount)
        case 3:
            ledger.step(ledger.authorize(amount=amount), chance.choice(["capture", "cancel"]))
        case 4:
            ledger.refund(ledger.made(ledger.pay(amount=50)), amount=20)
        case 5:
            ledger.pay(amount=FUNDS_MINOR * 2)
        case 6:
            ledger.open(BOB, "wallet")
        case 7:
            account = ledger.open(ALICE, "wallet")
            ledger.post(OPERATOR, f"/v1/accounts/{account}/freeze")
