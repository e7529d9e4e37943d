"""What `make run` says when it is ready: what runs, and three lines that work when pasted."""

from pathlib import Path

from infra.local.place import Place
from infra.local.seed import Sandbox


def welcome(place: Place, sandbox: Sandbox, engine: str) -> str:
    """Return the text; the curl lines use the sandbox's own credentials."""
    return "\n".join([
        "",
        f"Tollgate is ready at {sandbox.base_url}",
        f"  {engine}",
        f"  data     {_short(place.data)}",
        f"  sandbox  {_short(place.local / 'sandbox.json')}",
        "",
        *curl_lines(sandbox),
        "",
        "Ctrl-C stops everything.",
    ])


def curl_lines(sandbox: Sandbox) -> list[str]:
    """Return: get a token, pay 12.50, read the payer's balance."""
    known = sandbox.credentials
    curl = f"curl -sS --cacert {sandbox.ca}"
    auth = f'-H "Authorization: Bearer $TOKEN" -H "x-api-key: {known.api_key}"'
    payment = (
        f'{{"amount":1250,"currency":"USD","payer":"{sandbox.accounts["payer"]}",'
        f'"payee":"{sandbox.accounts["merchant"]}"}}'
    )
    return [
        f"TOKEN=$({curl} -u {known.client_id}:{known.client_secret} -d grant_type=client_credentials "
        f"{sandbox.base_url}/oauth2/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
        f'{curl} {auth} -H "Content-Type: application/json" -H "Idempotency-Key: order-$RANDOM-$RANDOM" '
        f"-d '{payment}' {sandbox.base_url}/v1/payments",
        f"{curl} {auth} {sandbox.base_url}/v1/accounts/{sandbox.accounts['payer']}",
    ]


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
