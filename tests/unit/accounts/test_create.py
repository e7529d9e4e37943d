"""Opening an account: who may open which kind, for whom, and what is stored."""

from typing import Any

import pytest

from chalicelib.ledger.chart import slices_of
from chalicelib.store.keys import balance_key, owned_key
from tests.doubles.audit import audit
from tests.doubles.platform import Client
from tests.doubles.small_ledger import ALICE, OPERATOR, SHOP, TENANT, SmallLedger, without_external

POOR_OPERATOR = without_external(OPERATOR)


def _open(ledger: SmallLedger, client: Client, **body: Any) -> Any:
    return ledger.post(client, "/v1/accounts", {"kind": "wallet", "currency": "USD", **body})


def test_the_answer() -> None:
    ledger = SmallLedger()
    answer = _open(ledger, ALICE, metadata={"colour": "red"})
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    identifier = answer.json["id"]
    assert answer.json == {
        "id": identifier,
        "object": "account",
        "kind": "wallet",
        "currency": "USD",
        "owner": "prn_alice",
        "status": "open",
        "metadata": {"colour": "red"},
        "overdraft_limit": 0,
        "mandates": [],
        "version": 1,
        "created_at": "2026-11-23T09:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("client", "kind", "status"),
    [
        (ALICE, "wallet", 201),
        (ALICE, "merchant", 201),
        (ALICE, "platform", 403),
        (ALICE, "external", 403),
        (SHOP, "merchant", 201),
        (SHOP, "external", 403),
        (OPERATOR, "wallet", 201),
        (OPERATOR, "merchant", 201),
        (OPERATOR, "platform", 201),
        (OPERATOR, "external", 201),
        (POOR_OPERATOR, "platform", 201),
        (POOR_OPERATOR, "external", 403),
    ],
    ids=lambda value: str(getattr(value, "client_id", value)),
)
def test_who_opens_what(client: Client, kind: str, status: int) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    assert _open(ledger, client, kind=kind).status == status
    assert (ledger.snapshot() == before) is (status == 403)


@pytest.mark.parametrize(
    ("client", "owner", "status"),
    [
        (ALICE, "prn_alice", 201),
        (ALICE, "prn_bob", 403),
        (SHOP, "prn_alice", 403),
        (OPERATOR, "prn_bob", 201),
        (OPERATOR, "prn_never_seen", 400),
        (OPERATOR, "bob", 400),
        (OPERATOR, "prn_" + "a" * 61, 400),
        (OPERATOR, "prn_a#balance", 400),
        (OPERATOR, "", 400),
    ],
    ids=lambda value: str(getattr(value, "client_id", value))[:20],
)
def test_for_whom(client: Client, owner: str, status: int) -> None:
    ledger = SmallLedger()
    answer = _open(ledger, client, owner=owner)
    assert answer.status == status
    if status == 201:
        assert answer.json["owner"] == owner
    else:
        assert answer.json["param"] == "owner"


@pytest.mark.parametrize(("kind", "slices"), [("wallet", 1), ("merchant", 4), ("platform", 4), ("external", 4)])
def test_what_is_stored(kind: str, slices: int) -> None:
    ledger = SmallLedger()
    account = ledger.open(OPERATOR, kind)
    assert slices_of(account) == slices
    items = ledger.store.inner.items
    for number in range(slices):
        balance = items[balance_key(TENANT, account, number)]
        assert (balance["o"], balance["c"], balance["s"]) == ("prn_operator", "USD", "open")
        assert (balance["p"], balance["h"], balance["q"]) == (0, 0, 0)
        assert ("f" in balance) is (kind == "wallet")
    assert owned_key(TENANT, "prn_operator", account) in items
    assert ledger.state("account", account)["lc"] == items[balance_key(TENANT, account, 0)]["lc"]
    audit(items)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"currency": "XAU"}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"currency": None}, "currency"),
        ({"kind": "vault"}, "kind"),
        ({"kind": 1}, "kind"),
        ({"metadata": {f"k{number}": "v" for number in range(51)}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata"),
        ({"metadata": {"k": "4111111111111111"}}, "metadata"),
        ({"balance": {"posted": 5}}, "balance"),
        ({"status": "frozen"}, "status"),
        ({"tenant": "other.sandbox"}, "tenant"),
        ({"id": "acct_1"}, "id"),
        ({"overdraft": 5}, "overdraft"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_request(changes: dict[str, Any], param: str) -> None:
    ledger = SmallLedger()
    before = ledger.snapshot()
    refused = _open(ledger, OPERATOR, **changes)
    assert (refused.status, refused.json["code"]) == (400, "invalid_request")
    assert refused.json["param"].split(".")[0] == param
    assert ledger.snapshot() == before


@pytest.mark.parametrize("missing", ["kind", "currency"])
def test_a_missing_field(missing: str) -> None:
    body = {"kind": "wallet", "currency": "USD"}
    del body[missing]
    refused = SmallLedger().post(ALICE, "/v1/accounts", body)
    assert (refused.status, refused.json["param"]) == (400, missing)


def test_the_most_metadata_there_may_be() -> None:
    ledger = SmallLedger()
    metadata = {f"{number:02d}" + "k" * 38: "v" * 500 for number in range(50)}
    answer = _open(ledger, ALICE, metadata=metadata)
    assert answer.status == 201
    assert ledger.get(ALICE, f"/v1/accounts/{answer.json['id']}").json["metadata"] == metadata


def test_a_clash_of_ids_draws_another() -> None:
    ledger = SmallLedger()
    first = _open(ledger, ALICE).json["id"]
    drawn = iter([first, first[:-3] + "zw0"])
    chance = ledger.platform.chance
    original = chance.bits

    def bits(count: int) -> int:
        """The first id's chance once more, then fresh ones."""
        return _chance_of(next(drawn)) if count == 80 else original(count)

    chance.bits = bits  # type: ignore[method-assign]
    chance.below = lambda _: int(first[-1])  # type: ignore[method-assign, assignment]
    second = _open(ledger, ALICE)
    assert second.status == 201
    assert second.json["id"] != first


def _chance_of(identifier: str) -> int:
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    number = 0
    for letter in identifier.removeprefix("acct_")[10:26]:
        number = number * 32 + alphabet.index(letter)
    return number
