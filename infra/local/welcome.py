"""What `make run` says when it is ready: what runs, and four lines that work when pasted.

What is printed lives on in terminals and logs, so no secret is among it: the lines read them from the sandbox's file,
which only its owner may read.
"""

import shlex
from pathlib import Path
from typing import Final

from infra.local.place import Place
from infra.local.seed import Sandbox

_ACCESS_TOKEN: Final = r"""sed 's/.*"access_token":"\([^"]*\)".*/\1/'"""  # noqa: S105 - a filter, not a token
_ONE_VALUE: Final = r"""sed -n 's/^ *"'"$1"'": "\([^"]*\)".*/\1/p'"""


def welcome(place: Place, sandbox: Sandbox, engine: str) -> str:
    """Return the text; the lines use the sandbox's own credentials."""
    lines = (
        "",
        f"Tollgate is ready at {sandbox.base_url}",
        f"  {engine}",
        f"  data     {short(place.data)}",
        f"  sandbox  {short(place.local / 'sandbox.json')}",
        "",
        *lines_to_paste(sandbox, place.sandbox_file),
        "",
        "Ctrl-C stops everything.",
    )
    return "\n".join(lines)


def lines_to_paste(sandbox: Sandbox, file: Path) -> list[str]:
    """Return: how to read what is known from the file, get a token, pay 12.50, read the payer's balance."""
    curl = f"curl -sS --cacert {shlex.quote(sandbox.ca)}"
    auth = '-H "Authorization: Bearer $TOKEN" -H "x-api-key: $(known api_key)"'
    payment = (
        f'{{"amount":1250,"currency":"USD","payer":"{sandbox.accounts["payer"]}",'
        f'"payee":"{sandbox.accounts["merchant"]}"}}'
    )
    token = f'{curl} -u "$(known client_id):$(known client_secret)" -d grant_type=client_credentials'
    headers = f'{auth} -H "Content-Type: application/json" -H "Idempotency-Key: order-$RANDOM-$RANDOM"'
    return [
        f"known() {{ {_ONE_VALUE} {shlex.quote(str(file))}; }}",
        f"TOKEN=$({token} {sandbox.base_url}/oauth2/token | {_ACCESS_TOKEN})",
        f"{curl} {headers} -d '{payment}' {sandbox.base_url}/v1/payments",
        f"{curl} {auth} {sandbox.base_url}/v1/accounts/{sandbox.accounts['payer']}",
    ]


def short(path: Path) -> str:
    """Return a path as somebody here would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
