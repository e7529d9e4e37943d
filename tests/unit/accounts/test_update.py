"""Changing settings: who may, what follows for the money, and that the very next posting knows."""

from typing import Any

import pytest

from chalicelib.ledger.chart import slices_of
from chalicelib.store.keys import balance_key
from tests.doubles.audit import audit
from tests.doubles.platform import Client, Response
from tests.doubles.small_ledger import ALICE, BOB, ELSEWHERE, FUNDS_MINOR, OPERATOR, SHOP, TENANT, SmallLedger


def update(ledger: SmallLedger, account: str, client: Client = OPERATOR, **body: Any) -> Response:
    return ledger.patch(client, f"/v1/accounts/{account}", body)


def test_an_owner_replaces_metadata() -> None:
    ledger = SmallLedger()
    answer = update(ledger, ledger.alice, ALICE, metadata={"colour": "blue"})
    assert (answer.status, answer.json["metadata"], answer.json["version"]) == (200, {"colour": "blue"}, 2)
    assert ledger.get(ALICE, f"/v1/accounts/{ledger.alice}").json["metadata"] == {"colour": "blue"}
    assert update(ledger, ledger.alice, ALICE, metadata={}).json["metadata"] == {}


@pytest.mark.parametrize("client", [BOB, ELSEWHERE], ids=["bob", "elsewhere"])
def test_nobody_elses(client: Client) -> None:
    ledger = SmallLedger()
    assert update(ledger, ledger.alice, client, metadata={}).status == 404


@pytest.mark.parametrize(
    ("setting", "account"),
    [
        ({"overdraft_limit": 5}, "alice"),
        ({"slices": 2}, "shop"),
        ({"fee": None}, "shop"),
        ({"negative_limit": None}, "shop"),
    ],
    ids=str,
)
def test_some_settings_are_the_operators(setting: dict[str, Any], account: str) -> None:
    ledger = SmallLedger()
    owner = ALICE if account == "alice" else SHOP
    refused = update(ledger, getattr(ledger, account), owner, **setting)
    assert (refused.status, refused.json["param"]) == (403, next(iter(setting)))
    assert update(ledger, getattr(ledger, account), OPERATOR, **setting).status == 200


@pytest.mark.parametrize(
    ("setting", "account"),
    [
        ({"overdraft_limit": 5}, "shop"),
        ({"slices": 2}, "alice"),
        ({"fee": None}, "alice"),
        ({"fee": None}, "external"),
        ({"negative_limit": 5}, "alice"),
        ({"negative_limit": 5}, "external"),
        ({"negative_limit": 5}, "shop"),
    ],
    ids=str,
)
def test_a_setting_that_the_kind_does_not_have(setting: dict[str, Any], account: str) -> None:
    ledger = SmallLedger()
    refused = update(ledger, getattr(ledger, account), **setting)
    assert (refused.status, refused.json["code"]) == (422, "setting_not_allowed")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": None},
        {"slices": 0},
        {"slices": 65},
        {"slices": 1.0},
        {"overdraft_limit": -1},
        {"overdraft_limit": "5"},
        {"negative_limit": -1},
        {"status": "closed"},
        {"fee": {"basis_points": 10_001, "account": "acct_00000000000000000000000000p0"}},
        {"fee": {"account": "x", "basis_points": 1}},
    ],
    ids=str,
)
def test_a_bad_body(body: dict[str, Any]) -> None:
    ledger = SmallLedger()
    assert update(ledger, ledger.shop, **body).status == 400


def test_an_overdraft_lets_spend_more_and_no_more() -> None:
    ledger = SmallLedger()
    assert update(ledger, ledger.alice, overdraft_limit=500).json["overdraft_limit"] == 500
    assert ledger.pay(amount=FUNDS_MINOR + 501).status == 402
    assert ledger.pay(amount=FUNDS_MINOR + 500).status == 201
    assert ledger.pay(amount=1).status == 402
    money = ledger.get(ALICE, f"/v1/accounts/{ledger.alice}").json["balance"]
    assert money == {"posted": -500, "held": 0, "available": -500, "spendable": 0}
    audit(ledger.store.inner.items)


def test_an_overdraft_in_use_cannot_be_taken_away() -> None:
    ledger = SmallLedger()
    update(ledger, ledger.alice, overdraft_limit=500)
    ledger.pay(amount=FUNDS_MINOR + 300)
    before = ledger.snapshot()
    refused = update(ledger, ledger.alice, overdraft_limit=299)
    assert (refused.status, refused.json["param"]) == (409, "overdraft_limit")
    assert ledger.snapshot() == before
    assert update(ledger, ledger.alice, overdraft_limit=300).status == 200
    assert ledger.pay(amount=1).status == 402


def _used_slices(ledger: SmallLedger, account: str) -> set[int]:
    items = ledger.store.inner.items
    return {number for number in range(64) if (items.get(balance_key(TENANT, account, number)) or {}).get("q")}


@pytest.mark.parametrize("slices", [1, 2, 16, 64])
def test_slices_change_without_a_pause(slices: int) -> None:
    ledger = SmallLedger()
    for _ in range(12):
        ledger.made(ledger.pay(amount=1))
    answer = update(ledger, ledger.shop, slices=slices)
    total = max(slices, slices_of(ledger.shop))
    assert (answer.json["slices"], answer.json["slices_total"]) == (slices, total)
    before = _used_slices(ledger, ledger.shop)
    for _ in range(60):
        ledger.made(ledger.pay(amount=1))
    assert ledger.balance(ledger.shop)["posted"] == 72
    grown = _used_slices(ledger, ledger.shop)
    assert grown - before <= set(range(slices))
    assert len(grown) > 4 or slices <= 4
    audit(ledger.store.inner.items)


def test_a_change_costs_an_environment_one_refused_write() -> None:
    ledger = SmallLedger()
    ledger.made(ledger.pay(amount=1))  # the environment knows the client now
    update(ledger, ledger.shop, slices=16)
    ledger.store.reset_counters()
    ledger.made(ledger.pay(amount=1))
    assert ledger.store.round_trips == {"transact": 2}
    ledger.store.reset_counters()
    ledger.made(ledger.pay(amount=1))
    assert ledger.store.round_trips == {"transact": 1}


def test_an_account_opened_with_one_slice_is_found() -> None:
    ledger = SmallLedger()
    body = {"kind": "merchant", "currency": "USD", "slices": 1}
    shop = ledger.made(ledger.post(OPERATOR, "/v1/accounts", body))
    for _ in range(8):
        ledger.made(ledger.pay(amount=1, payee=shop))
    assert ledger.balance(shop)["posted"] == 8


def _fee(ledger: SmallLedger, basis_points: int, fixed: int) -> str:
    platform = ledger.open(OPERATOR, "platform")
    rule = {"basis_points": basis_points, "fixed": fixed, "account": platform}
    answer = update(ledger, ledger.shop, fee=rule)
    assert answer.json["fee"] == rule
    return platform


@pytest.mark.parametrize(
    ("amount", "fee"),
    [(1_000, 59), (100, 33), (1, 1), (20, 20), (50, 31), (150, 34)],
)
def test_a_fee_is_a_leg_of_the_capture(amount: int, fee: int) -> None:
    """2.9 % and 30: rounded half to even, and never more than what is captured."""
    ledger = SmallLedger()
    platform = _fee(ledger, 290, 30)
    payment = ledger.pay(amount=amount).json
    assert payment["fee"] == fee
    assert ledger.balance(ledger.shop)["posted"] == amount - fee
    assert ledger.balance(platform)["posted"] == fee
    assert ledger.balance(ledger.alice)["posted"] == FUNDS_MINOR - amount
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("parts", [[1_000], [500, 500], [1, 1, 998], [333, 333, 334]])
def test_capturing_in_parts_costs_the_same(parts: list[int]) -> None:
    ledger = SmallLedger()
    platform = _fee(ledger, 290, 30)
    payment = ledger.authorize(amount=1_000)
    answers = [ledger.step(payment, "capture", amount=part) for part in parts]
    assert answers[-1].json["fee"] == 59
    assert ledger.balance(platform)["posted"] == 59
    assert ledger.balance(ledger.shop)["posted"] == 941
    audit(ledger.store.inner.items)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_fee_that_is_raised_takes_no_more_than_the_next_capture_brings(frozen: bool) -> None:
    ledger = SmallLedger()
    payment = ledger.authorize(amount=100)
    assert ledger.step(payment, "capture", amount=90).json["fee"] == 0
    platform = _fee(ledger, 5_000, 0)
    if frozen:
        assert ledger.post(OPERATOR, f"/v1/accounts/{ledger.shop}/freeze").status == 200
    rest = ledger.step(payment, "capture")
    assert (rest.status, rest.json["fee"]) == (200, 10), "half of everything were 50, and 10 is all there is"
    assert (ledger.balance(ledger.shop)["posted"], ledger.balance(platform)["posted"]) == (90, 10)


def test_a_payment_that_a_fee_takes_whole_is_refused_by_a_closed_merchant() -> None:
    ledger = SmallLedger()
    platform = _fee(ledger, 10_000, 0)
    assert ledger.pay(amount=7).json["fee"] == 7
    assert ledger.post(OPERATOR, f"/v1/accounts/{ledger.shop}/close").status == 200
    assert ledger.pay(amount=7).json["code"] == "account_closed"
    assert ledger.balance(platform)["posted"] == 7


def test_a_refund_gives_no_fee_back_and_the_end_of_a_rule_ends_it() -> None:
    ledger = SmallLedger()
    platform = _fee(ledger, 0, 30)
    payment = ledger.made(ledger.pay(amount=100))
    ledger.made(ledger.refund(payment))
    assert (ledger.balance(ledger.shop)["posted"], ledger.balance(platform)["posted"]) == (-30, 30)
    assert update(ledger, ledger.shop, fee=None).json["fee"] is None
    assert ledger.pay(amount=100).json["fee"] == 0


def test_a_decline_charges_nothing() -> None:
    ledger = SmallLedger()
    platform = _fee(ledger, 100, 30)
    declined = ledger.pay(amount=FUNDS_MINOR + 1)
    assert declined.status == 402
    assert ledger.get(OPERATOR, f"/v1/payments/{declined.json['payment']}").json["fee"] == 0
    assert ledger.balance(platform)["posted"] == 0


@pytest.mark.parametrize(("kind", "currency", "status"), [("wallet", "USD", 422), ("platform", "EUR", 422)])
def test_a_fee_needs_somewhere_to_go(kind: str, currency: str, status: int) -> None:
    ledger = SmallLedger()
    account = ledger.open(OPERATOR, kind, currency)
    assert update(ledger, ledger.shop, fee={"basis_points": 1, "account": account}).status == status


def test_if_match() -> None:
    ledger = SmallLedger()
    path = f"/v1/accounts/{ledger.alice}"
    body: dict[str, Any] = {"metadata": {}}
    assert ledger.patch(ALICE, path, body, headers={"If-Match": '"7"'}).status == 412
    assert ledger.patch(ALICE, path, body, headers={"If-Match": '"1"'}).status == 200
