"""The token request read strictly: a form without surprises, and exactly one way of naming the client."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from chalicelib.tokens.refusal import TokenRefusal, invalid_client, invalid_request

FORM_TYPE: Final = "application/x-www-form-urlencoded"
MAXIMUM_BYTES: Final = 8_192

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PARAMETERS: Final = frozenset({"grant_type", "client_id", "client_secret", "scope"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the client says it is."""

    client_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A client credentials request; `scope` is None when all registered scopes are asked for."""

    credentials: Credentials
    scope: str | None


def read_request(
    body: bytes, content_types: tuple[str, ...], authorizations: tuple[str, ...], query: Mapping[str, object]
) -> TokenRequest:
    """Return what is asked for, or raise TokenRefusal before anybody is looked up."""
    if query.keys() & _PARAMETERS:
        raise invalid_request("Parameters belong in the body: a URL ends up in logs.")
    if len(content_types) != 1 or content_types[0].partition(";")[0].strip().lower() != FORM_TYPE:
        raise invalid_request(f"The body must be {FORM_TYPE}.")
    form = read_form(body)
    if "grant_type" not in form:
        raise invalid_request("grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        raise TokenRefusal("unsupported_grant_type", "The only grant type is client_credentials.")
    return TokenRequest(_credentials(form, authorizations), form.get("scope"))


def read_form(body: bytes) -> dict[str, str]:
    """Return the parameters of a form; repeated ones are refused, empty ones count as absent (RFC 6749, 3.2)."""
    if len(body) > MAXIMUM_BYTES:
        raise invalid_request(f"The body has more than {MAXIMUM_BYTES} bytes.")
    seen: dict[str, str] = {}
    for pair in body.split(b"&") if body else ():
        raw_name, _, raw_value = pair.partition(b"=")
        name = _decoded(raw_name)
        if name in seen:
            raise invalid_request("A parameter is repeated.")
        seen[name] = _decoded(raw_value)
    return {name: value for name, value in seen.items() if value}


def _decoded(part: bytes) -> str:
    if _BROKEN_ESCAPE.search(part):
        raise invalid_request("The body is not a form: a percent sign stands alone.")
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise invalid_request("The body is not a form in UTF-8.") from None


def _credentials(form: Mapping[str, str], authorizations: tuple[str, ...]) -> Credentials:
    if len(authorizations) > 1:
        raise invalid_request("There is more than one Authorization header.")
    if authorizations:
        return _basic(authorizations[0], form)
    if "client_id" not in form or "client_secret" not in form:
        raise invalid_client()
    return Credentials(form["client_id"], form["client_secret"])


def _basic(authorization: str, form: Mapping[str, str]) -> Credentials:
    """Read id and secret from HTTP Basic; both are form-urlencoded inside (RFC 6749, 2.3.1)."""
    if "client_secret" in form:
        raise invalid_request("The client authenticates twice: in the header and in the form.")
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        pair = b64decode(encoded.strip(), validate=True)
    except (Base64Error, ValueError):
        raise invalid_request("The Authorization header is not valid base64.") from None
    name, colon, secret = pair.partition(b":")
    if not colon:
        raise invalid_request("The Authorization header holds no colon.")
    credentials = Credentials(_decoded(name), _decoded(secret))
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise invalid_request("The header and the form name different clients.")
    return credentials
