"""The keys that sign access tokens, in KMS: one that does, and beside it the next and the one before (rotation.py)."""

from dataclasses import dataclass
from typing import Any, Final

from chalicelib.kernel.jwk import Jwk, public_jwk

# Tags of keys: since when (seconds since the epoch).
PUBLISHED_AT: Final = "tollgate:published-at"
REPLACED_AT: Final = "tollgate:replaced-at"

DELETED_DAYS: Final = 30
"""How long KMS keeps what is gone, in case that was a mistake."""


class WrongKey(Exception):
    """What the alias points to cannot sign tokens; nothing was changed."""


def ensure_key(kms: Any, alias: str) -> Jwk:
    """Make the alias point to a P-256 signing key, creating one where there is none; return its public half."""
    try:
        answer = kms.get_public_key(KeyId=alias)
    except kms.exceptions.NotFoundException:
        kms.create_alias(AliasName=alias, TargetKeyId=create_key(kms))
        answer = kms.get_public_key(KeyId=alias)
    try:
        return public_jwk(answer["PublicKey"])
    except ValueError as fault:
        raise WrongKey(f"{alias} does not point to a P-256 key: {fault}") from None


def create_key(kms: Any) -> str:
    """Make a key that can sign tokens; return its id."""
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description="Signs Tollgate's access tokens")
    key_id: str = made["KeyMetadata"]["KeyId"]
    return key_id


@dataclass(frozen=True, slots=True)
class Key:
    """A key behind one of the aliases; `since` is when it came to stand there (seconds), None if that was not noted."""

    id: str
    jwk: Jwk
    since: int | None


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a stage: the one that signs, the one that will, and the one that did."""

    current: Key
    following: Key | None
    previous: Key | None

    def published(self) -> list[Jwk]:
        """Return the public halves that an issuer's document holds, each once."""
        there = [key for key in (self.current, self.following, self.previous) if key]
        return list({key.id: key.jwk for key in there}.values())


def read_keys(kms: Any, alias: str) -> Keys:
    """Return the keys of a stage; the one that signs is made where there is none."""
    ensure_key(kms, alias)
    current = read_key(kms, alias, None)
    assert current is not None
    return Keys(
        current, read_key(kms, next_alias(alias), PUBLISHED_AT), read_key(kms, previous_alias(alias), REPLACED_AT)
    )


def next_alias(alias: str) -> str:
    return f"{alias}-next"


def previous_alias(alias: str) -> str:
    return f"{alias}-previous"


def read_key(kms: Any, alias: str, tag: str | None) -> Key | None:
    try:
        answer = kms.get_public_key(KeyId=alias)
    except kms.exceptions.NotFoundException:
        return None
    key_id = answer["KeyId"].rpartition("/")[2]
    tags = {one["TagKey"]: one["TagValue"] for one in kms.list_resource_tags(KeyId=key_id)["Tags"]} if tag else {}
    return Key(key_id, public_jwk(answer["PublicKey"]), int(tags[tag]) if tag in tags else None)
