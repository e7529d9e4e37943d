"""As much of JOSE as signing with one P-256 key needs: compact form, raw signature.

Written out because `cryptography` costs 75 ms of every cold start, and KMS does all the cryptography.
"""

from collections.abc import Mapping
from typing import Final

import orjson

from chalicelib.kernel.jwk import ALGORITHM, COORDINATE_BYTES, base64url

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type, not a secret

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02


def signing_input(kid: str, claims: Mapping[str, str | int]) -> bytes:
    """Return the part of an access token that is signed (RFC 9068, section 2.1)."""
    header = {"alg": ALGORITHM, "typ": ACCESS_TOKEN_TYPE, "kid": kid}
    return f"{base64url(orjson.dumps(header))}.{base64url(orjson.dumps(claims))}".encode()


def compact(signed: bytes, der_signature: bytes) -> str:
    """Return the token: what was signed, and its signature."""
    return f"{signed.decode()}.{base64url(raw_signature(der_signature))}"


def raw_signature(der: bytes) -> bytes:
    """Return R and S as 32 bytes each from the DER that KMS answers (RFC 7518, section 3.4).

    Raises ValueError for anything but one SEQUENCE of two positive INTEGERs.
    """
    if len(der) < 2 or der[0] != _SEQUENCE or der[1] != len(der) - 2:
        raise ValueError("not a DER signature")
    r, rest = _integer(der[2:])
    s, rest = _integer(rest)
    if rest:
        raise ValueError("something follows the DER signature")
    return r + s


def _integer(der: bytes) -> tuple[bytes, bytes]:
    if len(der) < 3 or der[0] != _INTEGER or not 0 < der[1] <= len(der) - 2:
        raise ValueError("not a DER integer")
    end = 2 + der[1]
    value = der[2:end].lstrip(b"\0")
    if der[2] & 0x80 or len(value) > COORDINATE_BYTES:
        raise ValueError("not a coordinate of P-256")
    return value.rjust(COORDINATE_BYTES, b"\0"), der[end:]
