"""Taking a mandate back: it debits nothing from the next commit on."""

from tests.doubles.small_ledger import ALICE, BOB, SHOP, SmallLedger

BODY = {"principal": "prn_shop"}


def test_from_the_next_commit_on() -> None:
    ledger = SmallLedger()
    ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/grant", BODY)
    held = ledger.made(ledger.pay(SHOP, capture="manual"))
    answer = ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/revoke", BODY)
    assert (answer.status, answer.json["mandates"]) == (200, [])
    assert ledger.pay(SHOP).status == 404
    assert ledger.step(held, "capture", SHOP).status == 200, "what was promised is kept"


def test_a_payment_under_way_when_it_is_revoked() -> None:
    """The condition stands in the payment's own commit: whichever comes first decides."""
    ledger = SmallLedger()
    ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/grant", BODY)
    transact, raced = ledger.store.transact, list[int]()

    def meanwhile(*args: object, **more: object) -> None:
        if not raced:
            raced.append(1)
            assert ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/revoke", BODY).status == 200
        transact(*args, **more)  # type: ignore[arg-type]

    ledger.store.transact = meanwhile  # type: ignore[method-assign]
    assert ledger.pay(SHOP).status == 404


def test_what_is_not_there() -> None:
    ledger = SmallLedger()
    assert ledger.post(ALICE, f"/v1/accounts/{ledger.alice}/revoke", BODY).status == 409
    assert ledger.post(BOB, f"/v1/accounts/{ledger.alice}/revoke", BODY).status == 404
