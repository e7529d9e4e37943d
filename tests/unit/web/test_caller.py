"""Who is asking, and how long a revoked client is still believed."""

import pytest

from chalicelib.kernel.problems import Problem
from chalicelib.store.keys import client_key
from chalicelib.web import caller as room
from chalicelib.web.caller import Caller, ClientStatuses, identify
from tests.doubles.faulty_dynamo import FaultyDynamo
from tests.doubles.small_ledger import ALICE, OPERATOR
from tests.doubles.time_and_chance import HandClock


def test_claims_make_the_caller() -> None:
    who = identify(ALICE.claims(), "key_cl_alice")
    assert (who.tenant, who.principal, who.role, who.client_id) == ("demo.live", "prn_alice", "owner", "cl_alice")
    assert "payments:write" in who.scopes
    assert not who.is_operator
    assert identify(OPERATOR.claims(), "key_cl_operator").is_operator


@pytest.mark.parametrize("api_key_id", ["key_cl_bob", "", None, "KEY_CL_ALICE"])
def test_another_clients_api_key(api_key_id: str | None) -> None:
    with pytest.raises(Problem) as caught:
        identify(ALICE.claims(), api_key_id)
    assert (caught.value.kind.status, caught.value.param) == (403, "x-api-key")


def test_no_claims_are_the_gateways_fault() -> None:
    with pytest.raises(AssertionError):
        identify(None, "key_cl_alice")


def _caller(role: str, scope: str = "") -> Caller:
    return Caller("t", "prn_me", role, "cl_me", frozenset(scope.split()))


@pytest.mark.parametrize(
    ("role", "owner", "sees"),
    [
        ("operator", "prn_you", True),
        ("owner", "prn_me", True),
        ("owner", "prn_you", False),
        ("merchant", "prn_you", False),
    ],
)
def test_who_sees_what(role: str, owner: str, sees: bool) -> None:
    assert _caller(role).may_see(owner) is sees


@pytest.mark.parametrize("role", ["owner", "merchant", "Operator", ""])
def test_only_the_operator_is_the_operator(role: str) -> None:
    _caller("operator").require_operator()
    with pytest.raises(Problem) as caught:
        _caller(role).require_operator()
    assert caught.value.kind.status == 403


@pytest.mark.parametrize("scope", ["", "external:writes", "payments:write"])
def test_a_missing_scope(scope: str) -> None:
    _caller("owner", "a external:write b").require_scope("external:write")
    with pytest.raises(Problem):
        _caller("owner", scope).require_scope("external:write")


class _Registry:
    def __init__(self) -> None:
        self.store, self.clock = FaultyDynamo(), HandClock()
        self.statuses = ClientStatuses(self.store, self.clock)

    def set(self, status: str) -> None:
        self.store.inner.seed(client_key("cl"), {"status": status})

    def reads(self) -> int:
        return self.store.round_trips["get"]


def test_a_status_is_read_once_in_five_seconds() -> None:
    registry = _Registry()
    registry.set("active")
    for _ in range(5):
        registry.statuses.require_active("cl")
        registry.clock.move(0.99)
    assert registry.reads() == 1
    assert registry.store.read_units == 0.5, "eventually consistent, half a unit"
    registry.clock.move(0.05)
    registry.statuses.require_active("cl")
    assert registry.reads() == 2


def test_a_revoked_client_is_refused_within_five_seconds() -> None:
    registry = _Registry()
    registry.set("active")
    registry.statuses.require_active("cl")
    registry.set("revoked")
    registry.clock.move(5)
    for _ in range(3):
        with pytest.raises(Problem) as caught:
            registry.statuses.require_active("cl")
        assert caught.value.kind.code == "client_revoked"
    registry.set("active")
    registry.statuses.require_active("cl")


@pytest.mark.parametrize("status", ["revoked", "suspended", "", "Active"])
def test_anything_but_active_is_refused(status: str) -> None:
    registry = _Registry()
    registry.set(status)
    with pytest.raises(Problem):
        registry.statuses.require_active("cl")


def test_an_unknown_client_is_refused() -> None:
    with pytest.raises(Problem):
        _Registry().statuses.require_active("cl")


def test_the_memory_of_statuses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_STATUSES_KEPT", 3)
    registry = _Registry()
    for number in range(10):
        registry.store.inner.seed(client_key(f"cl{number}"), {"status": "active"})
        registry.statuses.require_active(f"cl{number}")
        assert len(registry.statuses._active_until) <= 3


@pytest.mark.parametrize("missing", ["tenant", "principal", "role", "client_id", "scope", "api_key_id"])
@pytest.mark.parametrize("value", [None, "", 7, ["a"]])
def test_a_token_that_was_not_made_for_this_api(missing: str, value: object) -> None:
    claims = {**OPERATOR.claims(), missing: value}
    with pytest.raises(Problem) as caught:
        identify(claims, "key_cl_operator")
    assert caught.value.kind.status == 403
