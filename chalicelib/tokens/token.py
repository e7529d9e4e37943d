"""The claims of an access token (RFC 9068, section 2.2), and the answer that carries it."""

from dataclasses import dataclass
from typing import Final

from chalicelib.kernel.clock import SECOND_MS
from chalicelib.kernel.jwk import base64url
from chalicelib.tokens.client import Client

JTI_BITS: Final = 128

Claims = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all tokens of a stage have in common."""

    issuer: str
    audience: str
    token_seconds: int


def claims(terms: Terms, client: Client, scope: str, now_at: int, jti_bits: int) -> Claims:
    """Return what the token says; `now_at` is in ms, the instants of a JWT are in seconds (RFC 7519)."""
    issued_at_seconds = now_at // SECOND_MS
    return {
        "iss": terms.issuer,
        "aud": terms.audience,
        "sub": client.client_id,
        "client_id": client.client_id,
        "iat": issued_at_seconds,
        "exp": issued_at_seconds + terms.token_seconds,
        "jti": base64url(jti_bits.to_bytes(JTI_BITS // 8, "big")),
        "scope": scope,
        # The authorizer can ask for a claim, not for the header's typ.
        "token_use": "access",
        "tenant": client.tenant,
        "principal": client.principal,
        "role": client.role,
        "api_key_id": client.api_key_id,
    }


def answer(token: str, terms: Terms, scope: str) -> Claims:
    """Return the body of a successful answer (RFC 6749, section 5.1)."""
    return {"access_token": token, "token_type": "Bearer", "expires_in": terms.token_seconds, "scope": scope}
