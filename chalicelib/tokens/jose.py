"""As much of JOSE as signing with one P-256 key needs: key, thumbprint, compact form, raw signature.

Written out because `cryptography` costs 75 ms of every cold start, and KMS does all the cryptography.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import orjson

Jwk = dict[str, str]

ALGORITHM: Final = "ES256"
ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - a media type, not a secret

_COORDINATE_BYTES: Final = 32
# SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480): always these 27 bytes, then X and Y.
_P256_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(public_key: bytes) -> Jwk:
    """Return the JWK of a P-256 key given as DER SubjectPublicKeyInfo, its thumbprint as `kid`.

    Raises ValueError for any other kind of key.
    """
    point = public_key.removeprefix(_P256_PREFIX)
    if point == public_key or len(point) != 2 * _COORDINATE_BYTES:
        raise ValueError("not the public key of an uncompressed P-256 point")
    x, y = base64url(point[:_COORDINATE_BYTES]), base64url(point[_COORDINATE_BYTES:])
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    return {**jwk, "kid": thumbprint(jwk), "use": "sig", "alg": ALGORITHM}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of an EC key (RFC 7638): its required members in alphabetical order."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return base64url(sha256(orjson.dumps(required, option=orjson.OPT_SORT_KEYS)).digest())


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
    if der[2] & 0x80 or len(value) > _COORDINATE_BYTES:
        raise ValueError("not a coordinate of P-256")
    return value.rjust(_COORDINATE_BYTES, b"\0"), der[end:]
