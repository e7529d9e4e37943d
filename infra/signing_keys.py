"""Makes the keys that sign access tokens, and the three aliases by which chalicelib/keys/ knows which is for what."""

import time
from collections.abc import Iterator
from typing import Any, Final

from chalicelib.keys.aws import KmsKeyring, alias_of
from chalicelib.keys.key import DELETED_DAYS, STAGE, Keys, NoKey, Role

_KNOWN_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
ROLES: Final[tuple[Role, ...]] = ("signs", "standby", "replaced")


class WrongKey(Exception):
    """What is there is not what it should be; nothing was changed."""


def keyring_of(kms: Any, alias: str) -> KmsKeyring:
    """Return the keys behind an alias, through a client that is open already."""
    return KmsKeyring(alias, lambda: kms)


def ensure_keys(kms: Any, alias: str, stage: str) -> Keys:
    """Make a key that signs and a standby exist, with the stage's tag; NoKey for what only people should repair."""
    signs = _target(kms, alias)
    if signs is None:
        _name(kms, alias, create_key(kms, stage))
        signs = _target(kms, alias)
    if _target(kms, alias_of("replaced", alias)) is None:
        _name(kms, alias_of("replaced", alias), signs)
    standby = alias_of("standby", alias)
    # What is there now is what a new key takes the place of: if it is something else by then, somebody was faster.
    before = _target(kms, standby)
    if keyring_of(kms, alias).read().standby is None:
        _make_standby(kms, standby, before, stage)
    for key_id in _without_tag(kms, alias, stage):
        kms.tag_resource(KeyId=key_id, Tags=_tags(stage))
    return keyring_of(kms, alias).read()


def lacking(kms: Any, alias: str, stage: str) -> list[str]:
    """Say what `ensure_keys` would make, in sentences; it changes nothing."""
    if _target(kms, alias) is None:
        return [f"the signing key {alias} is missing"]
    found = []
    try:
        if keyring_of(kms, alias).read().standby is None:
            found.append(f"the standby key {alias_of('standby', alias)} is missing")
    except NoKey as fault:
        return [str(fault)]
    if _target(kms, alias_of("replaced", alias)) is None:
        found.append(f"the alias {alias_of('replaced', alias)} is missing")
    return [*found, *(f"the key {key_id} lacks the tag {STAGE}" for key_id in _without_tag(kms, alias, stage))]


def give_up_keys(kms: Any, alias: str) -> Iterator[str]:
    """Take the aliases away and have their keys deleted; say which."""
    targets = {name: _target(kms, name) for name in (alias_of(role, alias) for role in ROLES)}
    for name, key_id in targets.items():
        if key_id is not None:
            kms.delete_alias(AliasName=name)
    for key_id in dict.fromkeys(filter(None, targets.values())):
        keyring_of(kms, alias).delete(key_id)
        yield f"the key {key_id} of {alias}, for good in {DELETED_DAYS} days"


def create_key(kms: Any, stage: str) -> str:
    """Make a key that can sign tokens; return its id."""
    made = kms.create_key(
        KeySpec="ECC_NIST_P256",
        KeyUsage="SIGN_VERIFY",
        Description="Signs Tollgate's access tokens",
        Tags=_tags(stage),
    )
    key_id: str = made["KeyMetadata"]["KeyId"]
    return key_id


def _make_standby(kms: Any, name: str, before: str | None, stage: str) -> None:
    made = create_key(kms, stage)
    if before is None:
        _name(kms, name, made)
    elif _target(kms, name) == before:
        kms.update_alias(AliasName=name, TargetKeyId=made)
    else:
        _give_up(kms, made)


def _name(kms: Any, name: str, key_id: str | None) -> None:
    """Make an alias; where somebody else was faster theirs stays, and a key made for it is not needed."""
    try:
        kms.create_alias(AliasName=name, TargetKeyId=key_id)
        _await(kms, name)
    except kms.exceptions.AlreadyExistsException:
        if not name.endswith(alias_of("replaced", "")):
            _give_up(kms, str(key_id))


def _await(kms: Any, name: str) -> None:
    """Wait until a new alias is known. Source: KMS developer guide, "Eventual consistency"."""
    for seconds in _KNOWN_SECONDS:
        if _target(kms, name) is not None:
            return
        time.sleep(seconds)


def _give_up(kms: Any, key_id: str) -> None:
    kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=DELETED_DAYS)


def _target(kms: Any, name: str) -> str | None:
    try:
        key_id: str = kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"]
    except kms.exceptions.NotFoundException:
        return None
    return key_id


def _without_tag(kms: Any, alias: str, stage: str) -> list[str]:
    """The keys that the stage's function may not touch: made before there was one, or by hand."""
    keys = keyring_of(kms, alias).read()
    there = [key.id for key in (keys.signs, keys.standby, keys.replaced) if key and key.jwk]
    return [key_id for key_id in there if _tags(stage)[0] not in kms.list_resource_tags(KeyId=key_id)["Tags"]]


def _tags(stage: str) -> list[dict[str, str]]:
    return [{"TagKey": STAGE, "TagValue": stage}]
