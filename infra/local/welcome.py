"""What `make run` says when it is ready: what runs, and three lines that work when pasted."""

from pathlib import Path
from typing import Final

from infra.local.place import Place
from infra.local.seed import Sandbox

_ACCESS_TOKEN: Final = r"""sed 's/.*"access_token":"\([^"]*\)".*/\1/'"""  # noqa: S105 - a filter, not a token


def welcome(place: Place, sandbox: Sandbox, engine: str) -> str:
    """Return the text; the curl lines use the sandbox's own credentials."""
    lines = (
        "",
        f"Tollgate is ready at {sandbox.base_url}",
        f"  {engine}",
        f"  data     {_short(place.data)}",
        f"  sandbox  {_short(place.local / 'sandbox.json')}",
        "",
        *curl_lines(sandbox),
        "",
        "Ctrl-C stops everything.",
    )
    return "\n".join(lines)


def curl_lines(sandbox: Sandbox) -> list[str]:
    """Return: get a token, pay 12.50, read the payer's balance."""
    known = sandbox.credentials
    curl = f"curl -sS --cacert {sandbox.ca}"
    auth = f'-H "Authorization: Bearer $TOKEN" -H "x-api-key: {known.api_key}"'
    payment = (
        f'{{"amount":1250,"currency":"USD","payer":"{sandbox.accounts["payer"]}",'
        f'"payee":"{sandbox.accounts["merchant"]}"}}'
    )
    token = f"{curl} -u {known.client_id}:{known.client_secret} -d grant_type=client_credentials"
    headers = f'{auth} -H "Content-Type: application/json" -H "Idempotency-Key: order-$RANDOM-$RANDOM"'
    return [
        f"TOKEN=$({token} {sandbox.base_url}/oauth2/token | {_ACCESS_TOKEN})",
        f"{curl} {headers} -d '{payment}' {sandbox.base_url}/v1/payments",
        f"{curl} {auth} {sandbox.base_url}/v1/accounts/{sandbox.accounts['payer']}",
    ]


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
