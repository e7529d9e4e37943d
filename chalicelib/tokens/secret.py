"""Client secrets: 256 random bits, kept only as a keyed hash, compared in constant time."""

import hmac
import secrets
from collections.abc import Sequence
from typing import Final

SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "tgs_"  # noqa: S105 - the part of a secret that is none
"""A prefix by which scanners of code and logs can tell a leaked secret."""

VALID_AT_ONCE: Final = 2
"""The current secret and the one before it: that is what a rotation without an outage needs."""

_PURPOSE: Final = b"tollgate client secret 1\0"
_NOBODYS_HASH: Final = bytes(32)


def new_secret() -> str:
    """Return a fresh secret; it is shown once and never stored."""
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(pepper: bytes, secret: str) -> bytes:
    """Return HMAC-SHA256 of a secret: the table alone cannot be used to test guesses."""
    return hmac.digest(pepper, _PURPOSE + secret.encode(), "sha256")


def matches(pepper: bytes, secret: str, hashes: Sequence[bytes]) -> bool:
    """Tell whether the secret is one of the valid ones; costs the same for any number of them, also none."""
    assert len(hashes) <= VALID_AT_ONCE, "more secrets are valid than a rotation needs"
    presented = hash_secret(pepper, secret)
    stored = (*hashes, *(_NOBODYS_HASH,) * VALID_AT_ONCE)[:VALID_AT_ONCE]
    equal = [hmac.compare_digest(presented, known) for known in stored]
    return any(equal) and bool(hashes)
