"""The sandbox tenant: a client and four accounts, made once, and continued where a crash left off.

The accounts and their funds go through the HTTPS API with fixed idempotency keys, so that a second run repeats
what the first one did and changes nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chalicelib.tokens.scopes import SCOPES
from infra.clients import Place as Registry
from infra.files import replace_file
from infra.local.api_client import Answer, Api, Credentials
from infra.local.finding import Finding
from infra.register import NewClient
from infra.resources import LOCAL_STAGE, read_resources

TENANT: Final = "demo.sandbox"
PRINCIPAL: Final = "prn_sandbox"
PLAN: Final = "sandbox"
CURRENCY: Final = "USD"
FUNDS_MINOR: Final = 10_000_000
ACCOUNTS: Final = {"external": "external", "payer": "wallet", "payer2": "wallet", "merchant": "merchant"}


class SeedError(Finding):
    """The sandbox could not be made; the text says which call failed."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What sandbox.json says: how to call the API, and the accounts by name."""

    base_url: str
    ca: str
    credentials: Credentials
    accounts: dict[str, str]

    def api(self) -> Api:
        """Return a client that is not logged in yet."""
        return Api(self.base_url, self.ca, self.credentials)

    def as_json(self) -> bytes:
        """Return the file's content."""
        body: dict[str, Any] = {
            "base_url": self.base_url,
            "ca": self.ca,
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "api_key": self.credentials.api_key,
            "accounts": self.accounts,
        }
        return json.dumps(body, indent=2).encode() + b"\n"


def read_sandbox(file: Path) -> Sandbox:
    """Read a sandbox.json."""
    row = json.loads(file.read_text())
    credentials = Credentials(row["client_id"], row["client_secret"], row["api_key"])
    return Sandbox(row["base_url"], row["ca"], credentials, row["accounts"])


def seed(data: Path, base_url: str, ca: Path, tenant: str = TENANT, registry: Registry | None = None) -> Sandbox:
    """Return the sandbox of this data folder, making what is missing; a tenant named otherwise has no test clock.

    The client is put into the `registry`; without one, API keys and pepper are files of the data folder.
    """
    file = data / "sandbox.json"
    kept = registry or Registry(read_resources(LOCAL_STAGE), data / "api_keys.json", data / "pepper")
    credentials = _known(file, base_url, ca) or _register(kept, tenant)
    # Written before the accounts: a crash from here on is continued with the same client.
    replace_file(file, Sandbox(base_url, str(ca), credentials, {}).as_json())
    api = Api(base_url, str(ca), credentials).login()
    try:
        sandbox = Sandbox(base_url, str(ca), credentials, _accounts(api))
    finally:
        api.close()
    replace_file(file, sandbox.as_json())
    return sandbox


def _known(file: Path, base_url: str, ca: Path) -> Credentials | None:
    """Return the client of an earlier run if its data and its API key are still there (moto forgets them)."""
    if not file.exists():
        return None
    credentials = read_sandbox(file).credentials
    api = Api(base_url, str(ca), credentials)
    try:
        if api.ask_token().status != 200:
            return None
        # Its API key may be in the other place: DEPLOYED=1 has API Gateway's keys, without it a file has them.
        return credentials if api.login().get("/v1/accounts?limit=1").status == 200 else None
    finally:
        api.close()


def _register(registry: Registry, tenant: str) -> Credentials:
    wanted = NewClient(tenant, "operator", SCOPES, PLAN, PRINCIPAL)
    issued = registry.open().create(wanted)
    return Credentials(issued.client_id, issued.client_secret, issued.api_key)


def _accounts(api: Api) -> dict[str, str]:
    """Open and fund the accounts; the keys make a repetition harmless."""
    accounts = {name: _open(api, name, kind) for name, kind in ACCOUNTS.items()}
    for name, kind in ACCOUNTS.items():
        if kind == "wallet":
            funding = {
                "source": accounts["external"],
                "destination": accounts[name],
                "amount": FUNDS_MINOR,
                "currency": CURRENCY,
            }
            _made(api.post("/v1/transfers", funding, key=f"sandbox-fund-{name}"))
    return accounts


def _open(api: Api, name: str, kind: str) -> str:
    body = {"currency": CURRENCY, "kind": kind, "metadata": {"name": name}}
    account: str = _made(api.post("/v1/accounts", body, key=f"sandbox-open-{name}"))["id"]
    return account


def _made(answer: Answer) -> Any:
    if answer.status != 201:
        raise SeedError(f"the sandbox could not be made: {answer.status} {answer.body.decode(errors='replace')}")
    return answer.json
