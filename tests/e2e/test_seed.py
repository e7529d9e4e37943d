"""The sandbox is made once, wherever an earlier attempt was cut off: nothing is opened or funded twice."""

from pathlib import Path

import pytest

from infra.local import seed as seeding
from infra.local.api_client import Answer, Api
from infra.local.seed import ACCOUNTS, FUNDS_MINOR, Sandbox, read_sandbox, seed
from tests.e2e.conftest import NewApi
from tests.e2e.local_stack import LocalStack

CALLS = len(ACCOUNTS) + 2
"""Each account is opened, each wallet is funded."""


class Cut(Exception):
    """The process is gone."""


@pytest.fixture
def data(tmp_path: Path, new_client: NewApi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a data folder whose sandbox is a tenant of its own on the shared stack."""
    registered = new_client(role="operator", tenant=f"{tmp_path.name.replace('_', '-')[-30:].lower()}.sandbox")
    monkeypatch.setattr(seeding, "_register", lambda *_: registered.credentials)
    return tmp_path


@pytest.mark.parametrize("answered", range(CALLS + 1))
def test_it_goes_on_where_it_was_cut(
    stack: LocalStack, data: Path, monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    url, ca = stack.sandbox.base_url, Path(stack.sandbox.ca)
    with monkeypatch.context() as patch:
        _cut_after(answered, patch)
        if answered < CALLS:
            with pytest.raises(Cut):
                seed(data, url, ca)
            assert read_sandbox(data / "sandbox.json").credentials, "known before the first account is opened"
        else:
            seed(data, url, ca)
    first = seed(data, url, ca)
    _funded_once(first)
    assert seed(data, url, ca) == first == read_sandbox(data / "sandbox.json")
    _funded_once(first)


def _cut_after(answered: int, patch: pytest.MonkeyPatch) -> None:
    """Let so many writes through; the answer to the next one never arrives, though it was done."""
    post, seen = Api.post, list[int]()

    def cut(api: Api, path: str, body: object = None, *, key: str | None = None) -> Answer:
        answer = post(api, path, body, key=key)
        seen.append(answer.status)
        if len(seen) > answered:
            raise Cut
        return answer

    patch.setattr(Api, "post", cut)


def _funded_once(sandbox: Sandbox) -> None:
    api = sandbox.api().login()
    balances = {name: api.available(account) for name, account in sandbox.accounts.items() if name != "external"}
    assert balances == {"payer": FUNDS_MINOR, "payer2": FUNDS_MINOR, "merchant": 0}
    external = api.get(f"/v1/accounts/{sandbox.accounts['external']}").json["balance"]["posted"]
    assert external == -2 * FUNDS_MINOR
    assert len(api.get("/v1/accounts?limit=100").json["data"]) == len(ACCOUNTS)
    api.close()
