"""A ledger in which a good deal has happened, with its statements up to date."""

from random import Random

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.payments.expire import expire
from chalicelib.transfers.due import happen
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
    Sweeper("transfer", happen, lambda: world.ledger.platform.bench)({}, Context())
    held = world.ledger.authorize(amount=5, reference=f"last-{seed}")
    assert world.ledger.step(held, "capture", amount=2).status == 200
    world.ledger.hold(amount=5)
    world.ledger.made(world.ledger.transfer(amount=5, scheduled_for="2027-01-01"))
    world.catch_up()
    return world


def _step(world: Projected, chance: Random) -> None:
    ledger, amount = world.ledger, chance.randint(1, 150)
    match chance.randrange(14):
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
        case 12 | 13:
            _settings(world, chance, amount)
        case kind:
            _transfer(world, chance, kind, amount)


def _settings(world: Projected, chance: Random, amount: int) -> None:
    ledger, shop = world.ledger, f"/v1/accounts/{world.ledger.shop}"
    match chance.randrange(6):
        case 0:
            ledger.patch(OPERATOR, f"/v1/accounts/{ledger.bob}", {"overdraft_limit": amount})
        case 1:
            ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/grant", {"principal": BOB.principal})
        case 2:
            ledger.patch(OPERATOR, shop, {"negative_limit": None, "slices": chance.randint(1, 6)})
        case 3:
            ledger.patch(OPERATOR, shop, {"slices": 1, "negative_limit": amount})
        case 4:
            rule = {"basis_points": 100, "fixed": 1, "account": ledger.open(OPERATOR, "platform")}
            ledger.patch(OPERATOR, shop, {"fee": rule})
        case 5:
            ledger.post(ALICE, f"/v1/accounts/{ledger.open(ALICE, 'wallet')}/close")


def _transfer(world: Projected, chance: Random, kind: int, amount: int) -> None:
    ledger = world.ledger
    match kind:
        case 8:
            held = [ledger.hold(amount=1) for _ in range(3)]
            assert [ledger.turn(one, verb).status for one, verb in zip(held, ("post", "void"), strict=False)] == [
                200,
                200,
            ]
        case 9:
            ledger.transfer(amount=amount * chance.choice([1, 100]), scheduled_for="2026-11-25")
        case 10:
            ledger.turn(ledger.made(ledger.transfer(amount=amount)), "reverse", BOB, amount=1)
        case 11:
            ledger.batch((ledger.alice, ledger.bob, amount), (ledger.alice, ledger.shop, chance.choice([1, 10**9])))
