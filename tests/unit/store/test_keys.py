"""Every key carries its tenant; the API can write one key space only."""

from itertools import product

import pytest

from chalicelib.store.keys import (
    balance_key,
    client_commit_key,
    client_key,
    clock_key,
    commit_key,
    due_key,
    history_key,
    line_key,
    owned_key,
    state_key,
)
from tests.doubles.small_ledger import ALICE, ELSEWHERE, SmallLedger

PAYMENT = "pay_" + "0" * 26 + "7"
MERCHANT = "acct_" + "0" * 26 + "m6"


def test_where_things_live() -> None:
    assert state_key("t", "payment", PAYMENT).pk == "t#payment#7"
    assert [balance_key("t", MERCHANT, number).pk for number in range(4)] == [
        "t#balance#6",
        "t#balance#7",
        "t#balance#0",
        "t#balance#1",
    ]
    assert balance_key("t", MERCHANT, 2).sk == f"{MERCHANT}/2"
    assert due_key("t", "payment", 5, PAYMENT).pk == "t#due-payment#" + PAYMENT[-1]
    assert due_key("t", "payment", 5, PAYMENT).sk == f"00000000000005/{PAYMENT}"
    assert owned_key("t", "prn_a", MERCHANT).pk == "t#owned#prn_a"
    assert client_key("cl_a").pk == "client#cl_a"


def test_what_is_due_sorts_by_time() -> None:
    instants = [1, 9, 10, 1_795_424_400_000, 9_999_999_999_999]
    keys = [due_key("t", "payment", instant, PAYMENT).sk for instant in instants]
    assert keys == sorted(keys)


def test_no_key_of_one_tenant_is_another_tenants() -> None:
    def keys(tenant: str) -> set[object]:
        return {
            commit_key(tenant, "c/k"),
            state_key(tenant, "payment", PAYMENT),
            balance_key(tenant, MERCHANT, 0),
            due_key(tenant, "payment", 1, PAYMENT),
            line_key(tenant, MERCHANT, 0, 1),
            history_key(tenant, PAYMENT, 1, "payment.captured"),
            clock_key(tenant),
            owned_key(tenant, "prn_a", MERCHANT),
        }

    assert all(not keys(one) & keys(other) for one, other in product(("a", "b", "a.live"), repeat=2) if one != other)


def test_commit_records_are_spread() -> None:
    partitions = {commit_key("t", f"c/{number}").pk for number in range(2_000)}
    assert len(partitions) == 256
    assert commit_key("t", "c/k") == commit_key("t", "c/k")


@pytest.mark.parametrize("key", ["k", '"k"', "s/expire/pay_1", "c/k", "#", "../s/expire"])
def test_the_api_writes_its_own_key_space(key: str) -> None:
    ledger = SmallLedger()
    known = len(ledger.records())
    assert ledger.pay(key=key).status == 201
    *_, record = ledger.records()
    assert len(ledger.records()) == known + 1
    bare = key.strip('"')
    assert record["sk"] == f"c/prn_alice/{bare}"
    assert record["pk"] == commit_key("demo.live", client_commit_key("prn_alice", bare)).pk


def test_one_key_of_two_tenants_is_two_keys() -> None:
    ledger = SmallLedger()
    body = {"kind": "wallet", "currency": "USD"}
    ours = ledger.post(ALICE, "/v1/accounts", body, key="shared")
    theirs = ledger.post(ELSEWHERE, "/v1/accounts", body, key="shared")
    assert (ours.status, theirs.status) == (201, 201)
    assert ours.json["id"] != theirs.json["id"]
    assert "Idempotent-Replayed" not in theirs.headers
