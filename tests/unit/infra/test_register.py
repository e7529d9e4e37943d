"""Clients are created, rotated and revoked; what the register writes is what the tokens function reads."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.store.keys import client_key
from chalicelib.store.port import Cancelled, Item, Key, Reason
from chalicelib.tokens.client import authenticate
from chalicelib.tokens.form import Credentials
from chalicelib.tokens.refusal import TokenRefusal
from infra.api_keys import ApiKey
from infra.register import NewClient, Register, RegisterError
from tests.doubles.memory_dynamo import MemoryDynamo
from tests.doubles.time_and_chance import HandClock, SeededChance

PEPPER = bytes(32)
WANTED = NewClient("demo.live", "operator", ("payments:write", "payments:read"), "sandbox")


@dataclass(slots=True)
class _Keys:
    disabled: list[str] = field(default_factory=list)

    def issue(self, name: str, plan: str) -> ApiKey:
        return ApiKey(f"id of {name} in {plan}", "tgk_value")

    def disable(self, key_id: str) -> None:
        self.disabled.append(key_id)


def _register(dynamo: MemoryDynamo | None = None) -> Register:
    plans = frozenset({"sandbox", "trial"})
    return Register(dynamo or MemoryDynamo(), _Keys(), PEPPER, HandClock(), SeededChance(), plans)


def _may_log_in(register: Register, client_id: str, secret: str) -> bool:
    try:
        authenticate(register.dynamo, PEPPER, Credentials(client_id, secret))
    except TokenRefusal:
        return False
    return True


def test_a_new_client_can_log_in() -> None:
    register = _register()
    issued = register.create(WANTED)
    client = authenticate(register.dynamo, PEPPER, Credentials(issued.client_id, issued.client_secret))
    assert (client.tenant, client.role, client.principal) == ("demo.live", "operator", issued.principal)
    assert client.scopes == ("payments:read", "payments:write")
    assert client.api_key_id == issued.api_key_id == f"id of demo.live {issued.client_id} in sandbox"
    assert issued.principal.startswith("prn_")


def test_two_clients_can_act_for_one_principal() -> None:
    register = _register()
    first = register.create(WANTED)
    second = register.create(replace(WANTED, principal=first.principal))
    assert second.principal == first.principal
    assert second.client_id != first.client_id


def test_o5_the_table_holds_no_secret() -> None:
    dynamo = MemoryDynamo()
    issued = _register(dynamo).create(WANTED)
    stored = repr(dynamo.get(client_key(issued.client_id)))
    assert issued.client_secret not in stored
    assert issued.api_key not in stored


@pytest.mark.parametrize(
    ("field_name", "value", "named"),
    [
        ("tenant", "demo", "tenant"),
        ("tenant", "demo#1.sandbox", "tenant"),
        ("tenant", "demo.live\n", "tenant"),
        ("tenant", "Demo.live", "tenant"),
        ("role", "admin", "role"),
        ("principal", "operator", "principal"),
        ("principal", "prn_a#b", "principal"),
        ("scopes", (), "scopes"),
        ("scopes", ("payments:delete",), "scopes"),
        ("plan", "gold", "plan"),
    ],
)
def test_what_the_functions_would_not_understand_is_refused(field_name: str, value: Any, named: str) -> None:
    dynamo = MemoryDynamo()
    wanted = replace(WANTED, **{field_name: value})
    with pytest.raises(RegisterError, match=named):
        _register(dynamo).create(wanted)
    assert not dynamo.items


def test_o5_at_most_two_secrets_are_valid() -> None:
    register = _register()
    issued = register.create(WANTED)
    secrets = [issued.client_secret, *(register.rotate(issued.client_id) for _ in range(2))]
    assert [_may_log_in(register, issued.client_id, one) for one in secrets] == [False, True, True]
    last = register.rotate(issued.client_id, retire_old=True)
    assert [_may_log_in(register, issued.client_id, one) for one in (*secrets, last)] == [False, False, False, True]


def test_a_revoked_client_is_out_and_stays_out() -> None:
    register = _register()
    issued = register.create(WANTED)
    register.revoke(issued.client_id)
    register.revoke(issued.client_id)
    assert not _may_log_in(register, issued.client_id, issued.client_secret)
    assert isinstance(register.api_keys, _Keys)
    assert set(register.api_keys.disabled) == {issued.api_key_id}
    with pytest.raises(RegisterError, match="revoked"):
        register.rotate(issued.client_id)


@pytest.mark.parametrize("client_id", ["cl_nobody", "nonsense", ""])
def test_an_unknown_client_is_said_to_be_unknown(client_id: str) -> None:
    with pytest.raises(RegisterError, match="there is no client"):
        _register().rotate(client_id)
    with pytest.raises(RegisterError, match="there is no client"):
        _register().revoke(client_id)


def test_of_two_rotations_at_once_one_is_told_to_look_again() -> None:
    class Overtaken(MemoryDynamo):
        def get(self, key: Key, *, consistent: bool = True) -> Item | None:
            found = super().get(key, consistent=consistent)
            self.seed(key, {**(found or {}), "secret_hashes": []})
            return found

    dynamo = Overtaken()
    register = _register(dynamo)
    issued = register.create(WANTED)
    with pytest.raises(RegisterError, match="somebody else"):
        register.rotate(issued.client_id)


def test_a_client_that_could_not_be_written_leaves_no_usable_key() -> None:
    class Refusing(MemoryDynamo):
        def transact(self, *_: Any, **__: Any) -> None:
            raise Cancelled([Reason("ConditionalCheckFailed", None)])

    register = _register(Refusing())
    with pytest.raises(RegisterError):
        register.create(WANTED)
    assert isinstance(register.api_keys, _Keys)
    assert len(register.api_keys.disabled) == 1
