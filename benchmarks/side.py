"""One stack under load: starting it, the request of a payment, and whether its books still balance."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import KEY_MARK, http_request
from benchmarks.report import row
from infra.local.engines import free_port
from infra.local.place import WORKERS, Place
from infra.local.run import running
from infra.local.seed import CURRENCY, TENANT, Sandbox, seed


@dataclass(frozen=True, slots=True)
class Side:
    """One stack under load, and where its tables are."""

    name: str
    sandbox: Sandbox
    engine_url: str


@dataclass(frozen=True, slots=True)
class StackKind:
    """What a stack is made of: the client for the ledger, the worker, the tenant, and whether streams are followed."""

    client: str = "lean"
    worker: str = WORKERS[0]
    follows: bool = True
    tenant: str = TENANT

    @property
    def name(self) -> str:
        """Return what distinguishes it from the usual stack."""
        worker = "" if self.worker == WORKERS[0] else f", {self.worker} worker"
        return f"{self.client}{worker}{'' if self.follows else ', no projections'}"


@contextmanager
def running_side(folder: Path, name: str, kind: StackKind | None = None) -> Iterator[Side]:
    """Run a stack of its own."""
    kind = kind or StackKind()
    engine = os.environ.get("ENGINE") or "auto"
    place = Place(free_port(), folder / "data", folder, engine, kind.worker, kind.follows)
    os.environ["DYNAMO_CLIENT"] = kind.client
    folder.mkdir(parents=True)
    try:
        with running(place, access_log=folder / "access.log") as (stack, _):
            sandbox = seed(place.data, place.base_url, stack.certificates.ca, kind.tenant)
            yield Side(name, sandbox, stack.engine.url)
    finally:
        os.environ.pop("DYNAMO_CLIENT", None)


def payment_request(sandbox: Sandbox, token: str, payer: str, payee: str) -> str:
    """Render a one-shot payment of the least amount; each time it is sent it has a key of its own."""
    body = {"amount": 1, "currency": CURRENCY, "payer": payer, "payee": payee}
    headers = {"Content-Type": "application/json", "Idempotency-Key": KEY_MARK.decode()}
    return http_request("POST", "/v1/payments", _headers(sandbox, token) | headers, json.dumps(body))


def read_request(sandbox: Sandbox, token: str, path: str) -> str:
    """Render a read."""
    return http_request("GET", path, _headers(sandbox, token))


def _headers(sandbox: Sandbox, token: str) -> dict[str, str]:
    return {"Host": "localhost", "Authorization": f"Bearer {token}", "x-api-key": sandbox.credentials.api_key}


def check_books(side: Side, more_accounts: Iterable[str] = ()) -> None:
    """A rate of wrong balances is no rate: what the payers lost is what the merchants have."""
    api = side.sandbox.api().login()
    accounts = [*side.sandbox.accounts.values(), *more_accounts]
    total = sum(api.get(f"/v1/accounts/{account}").json["balance"]["posted"] for account in accounts)
    api.close()
    row(f"{side.name}: sum of all balances", str(total))
    assert total == 0, "the books do not balance"
