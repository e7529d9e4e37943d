"""The accounts function: one line per route."""

from typing import Any

from chalice import Blueprint

from chalicelib.accounts.close import close
from chalicelib.accounts.create import create
from chalicelib.accounts.entries import entries
from chalicelib.accounts.freeze import freeze
from chalicelib.accounts.get import get
from chalicelib.accounts.grant import grant
from chalicelib.accounts.health import health
from chalicelib.accounts.list import list_accounts
from chalicelib.accounts.revoke import revoke
from chalicelib.accounts.schema import CreateAccount, Mandate, Nothing, UpdateAccount
from chalicelib.accounts.unfreeze import unfreeze
from chalicelib.accounts.update import update
from chalicelib.web.serve import OpenRoute, Route, Service
from chalicelib.wiring import open_bench

blueprint = Blueprint(__name__)

service = Service(
    "accounts",
    {
        "GET /v1/health": OpenRoute(health),
        "POST /v1/accounts": Route(create, CreateAccount, versioned=False),
        "GET /v1/accounts": Route(list_accounts),
        "GET /v1/accounts/{id}": Route(get),
        "GET /v1/accounts/{id}/entries": Route(entries),
        "PATCH /v1/accounts/{id}": Route(update, UpdateAccount),
        "POST /v1/accounts/{id}/close": Route(close, Nothing),
        "POST /v1/accounts/{id}/grant": Route(grant, Mandate),
        "POST /v1/accounts/{id}/revoke": Route(revoke, Mandate),
        "POST /v1/accounts/{id}/freeze": Route(freeze, Nothing),
        "POST /v1/accounts/{id}/unfreeze": Route(unfreeze, Nothing),
    },
    open_bench,
)


@blueprint.lambda_function(name="accounts")
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one gateway event."""
    return service(event, context)
