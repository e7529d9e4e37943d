"""The public half of a P-256 signing key, as it is published (RFC 7517), and the id that it is known by."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import orjson

Jwk = dict[str, str]

ALGORITHM: Final = "ES256"
COORDINATE_BYTES: Final = 32

# SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480): always these 27 bytes, then X and Y.
_P256_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk(public_key: bytes) -> Jwk:
    """Return the JWK of a P-256 key given as DER SubjectPublicKeyInfo, its thumbprint as `kid`.

    Raises ValueError for any other kind of key.
    """
    point = public_key.removeprefix(_P256_PREFIX)
    if point == public_key or len(point) != 2 * COORDINATE_BYTES:
        raise ValueError("not the public key of an uncompressed P-256 point")
    x, y = base64url(point[:COORDINATE_BYTES]), base64url(point[COORDINATE_BYTES:])
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    return {**jwk, "kid": thumbprint(jwk), "use": "sig", "alg": ALGORITHM}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of an EC key (RFC 7638): its required members in alphabetical order."""
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return base64url(sha256(orjson.dumps(required, option=orjson.OPT_SORT_KEYS)).digest())
