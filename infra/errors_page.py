"""Writes docs/errors.md from the catalogue of problems and the gateway's responses: `python -m infra.errors_page`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from chalicelib.kernel.problems import CATALOGUE, TYPE_ROOT, Kind

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "errors.md"
API: Final = ROOT / "infra" / "api.yaml"
RESPONSES: Final = "x-amazon-apigateway-gateway-responses"

_HEAD = f"""# Errors

Every refusal is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `instance` (the id of the
request), `code`, and where they apply `param`, `errors[]`, `index` (of a batch), `decline_code` and `Retry-After`. The
`type` is `{TYPE_ROOT}` and the code. The function behind `POST /oauth2/token` refuses as OAuth 2.0
does (docs/tokens.md). This page is generated from `chalicelib/kernel/problems.py` and `infra/api.yaml`.

## Of the functions

"Remembered" answers are commits: the same key is answered with the same bytes for ever. After any other refusal the
same key may be tried again.

| status | code | what happened | what to do | remembered |
|---|---|---|---|---|
"""

_GATEWAY_HEAD = """
## Of the gateway

What the gateway refuses has reached no function and changed nothing; the same key may be tried again. After 502 and 504
a function was called and nobody knows how that ended: the same key tells. Nothing here is remembered.

| status | code | response | what happened | what to do | Retry-After |
|---|---|---|---|---|---|
"""

_HELP = "Repeat with the same key; quote `instance` when you ask for help."
REMEDIES: Final = {
    "ACCESS_DENIED": "Use a client that is registered for the scope: `<room>:read` or `<room>:write`.",
    "API_CONFIGURATION_ERROR": _HELP,
    "AUTHORIZER_CONFIGURATION_ERROR": _HELP,
    "AUTHORIZER_FAILURE": _HELP,
    "BAD_REQUEST_BODY": "Correct the body as `errors` says.",
    "BAD_REQUEST_PARAMETERS": "Send the parameters and headers that the detail names.",
    "DEFAULT_4XX": "Correct what the detail says.",
    "WAF_FILTERED": "Send nothing that looks like an attack; quote `instance` when you ask for help.",
}
"""What to do where the response itself says only what happened."""

_UNKNOWN_DETAIL = re.compile(r'(?<!")\$context\.error\.messageString')
_RETRY_AFTER = "gatewayresponse.header.Retry-After"


@dataclass(frozen=True, slots=True)
class Response:
    """One of the gateway's responses; `document` is what it answers, `detail` None where the request decides it."""

    kind: str
    status: int
    document: Mapping[str, Any]
    retry_after: str

    @property
    def cause(self) -> str:
        """What happened: the title, and on our side what the detail says of it."""
        title, detail = self.document["title"], self.document["detail"]
        return f"{title}: {detail.rstrip('.')}" if self.status >= 500 and self.kind in REMEDIES else title

    @property
    def remedy(self) -> str:
        """What to do about it."""
        remedy: str = REMEDIES.get(self.kind) or self.document["detail"]
        return remedy


def responses() -> Iterator[Response]:
    """Yield the gateway's responses as the API's definition has them."""
    rows: Mapping[str, Any] = yaml.safe_load(API.read_text())[RESPONSES]
    for kind, row in rows.items():
        template = _UNKNOWN_DETAIL.sub("null", row["responseTemplates"]["application/json"])
        retry_after = row["responseParameters"].get(_RETRY_AFTER, "").strip("'")
        yield Response(kind, int(row["statusCode"]), json.loads(template), retry_after)


def render() -> str:
    """Return the page."""
    kinds = sorted(CATALOGUE.values(), key=lambda kind: (kind.status, kind.code))
    refused = sorted(responses(), key=lambda one: (one.status, one.document["code"], one.kind))
    return _HEAD + "".join(map(_row, kinds)) + _GATEWAY_HEAD + "".join(map(_gateway_row, refused))


def _row(kind: Kind) -> str:
    remembered = "yes" if kind.declines else "no"
    return f"| {kind.status} | `{kind.code}` | {kind.title} | {kind.remedy} | {remembered} |\n"


def _gateway_row(one: Response) -> str:
    cells = (str(one.status), f"`{one.document['code']}`", f"`{one.kind}`", one.cause, one.remedy, one.retry_after)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(render())
