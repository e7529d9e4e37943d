"""A stage's keys in memory: KMS as strict as AWS's, a published document, and what must be true of both at any moment.

moto lets keys that are being deleted be tagged and named by aliases; AWS does not (KMS developer guide, "Key states").
"""

# ruff: noqa: N803 - a client of boto3 has its parameters named so

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha512
from typing import Any, Final

from chalicelib.kernel.jwk import public_jwk
from chalicelib.keys.document import Copy, Overtaken
from chalicelib.keys.rotation import Rotation
from chalicelib.settings import LONGEST_TOKEN_SECONDS
from infra.resources import read_resources
from infra.rotation import Command
from infra.signing_keys import keyring_of
from tests.doubles.time_and_chance import HandClock

RESOURCES: Final = read_resources("local")
ALIAS: Final = RESOURCES.signing_key
HOUR: Final = 3_600
DAY: Final = 24 * HOUR
STALE_SECONDS: Final = 300
"""How long KMS may know an alias by its former key."""

_P256: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


class NotFoundException(Exception):
    """No such key or alias."""


class AlreadyExistsException(Exception):
    """There is such an alias."""


class KMSInvalidStateException(Exception):
    """A key that is being deleted."""


class Exceptions:
    """As a client of boto3 has them."""

    NotFoundException = NotFoundException
    AlreadyExistsException = AlreadyExistsException
    KMSInvalidStateException = KMSInvalidStateException


@dataclass
class MemoryKey:
    """A key of KMS."""

    id: str
    made_at: int
    state: str = "Enabled"
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def der(self) -> bytes:
        return _P256 + sha512(self.id.encode()).digest()

    @property
    def kid(self) -> str:
        return public_jwk(self.der)["kid"]


CHANGES: Final = (
    "create_key",
    "create_alias",
    "update_alias",
    "delete_alias",
    "tag_resource",
    "schedule_key_deletion",
)
READS: Final = ("describe_key", "get_public_key", "list_resource_tags")


@dataclass
class StrictKms:
    """KMS, as far as it is used here; after each change `changed` is called."""

    clock: HandClock
    changed: Callable[[], None]
    keys: dict[str, MemoryKey] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    exceptions: type[Exceptions] = Exceptions

    def _key(self, name: str) -> MemoryKey:
        try:
            return self.keys[self.aliases.get(name, name)]
        except KeyError:
            raise NotFoundException(name) from None

    def _usable(self, name: str) -> MemoryKey:
        key = self._key(name)
        if key.state == "PendingDeletion":
            raise KMSInvalidStateException(name)
        return key

    def describe_key(self, KeyId: str) -> dict[str, Any]:
        key = self._key(KeyId)
        made = datetime.fromtimestamp(key.made_at, UTC)
        return {"KeyMetadata": {"KeyId": key.id, "KeyState": key.state, "CreationDate": made}}

    def get_public_key(self, KeyId: str) -> dict[str, Any]:
        return {"PublicKey": self._usable(KeyId).der}

    def list_resource_tags(self, KeyId: str) -> dict[str, Any]:
        return {"Tags": [{"TagKey": name, "TagValue": value} for name, value in self._key(KeyId).tags.items()]}

    def create_key(self, Tags: list[dict[str, str]], **_: str) -> dict[str, Any]:
        key = MemoryKey(f"key-{len(self.keys)}", self.clock.now_at() // 1_000)
        self.keys[key.id] = key
        self.tag_resource(key.id, Tags)
        return {"KeyMetadata": {"KeyId": key.id}}

    def create_alias(self, AliasName: str, TargetKeyId: str) -> None:
        if AliasName in self.aliases:
            raise AlreadyExistsException(AliasName)
        self.aliases[AliasName] = self._usable(TargetKeyId).id
        self.changed()

    def update_alias(self, AliasName: str, TargetKeyId: str) -> None:
        if AliasName not in self.aliases:
            raise NotFoundException(AliasName)
        self.aliases[AliasName] = self._usable(TargetKeyId).id
        self.changed()

    def delete_alias(self, AliasName: str) -> None:
        if self.aliases.pop(AliasName, None) is None:
            raise NotFoundException(AliasName)

    def tag_resource(self, KeyId: str, Tags: list[dict[str, str]]) -> None:
        self._usable(KeyId).tags.update({one["TagKey"]: one["TagValue"] for one in Tags})

    def schedule_key_deletion(self, KeyId: str, PendingWindowInDays: int) -> None:
        assert PendingWindowInDays == 30
        self._usable(KeyId).state = "PendingDeletion"
        self.changed()


@dataclass
class ServedDocument:
    """The published document; `guarded` as a bucket is, which writes over what was read and nothing else."""

    changed: Callable[[], None]
    guarded: bool = True
    text: bytes | None = None

    def read(self) -> Copy | None:
        return None if self.text is None else Copy(self.text, str(hash(self.text)))

    def write(self, text: bytes, over: Copy | None) -> None:
        if self.guarded and self.text != (over.text if over else None):
            raise Overtaken
        self.text = text
        self.changed()


class KeyWorld:
    """A stage's keys, what is published of them, and since when."""

    def __init__(self, *, guarded: bool = True) -> None:
        self.clock = HandClock()
        self.kms = StrictKms(self.clock, self.look)
        self.document = ServedDocument(self.look, guarded)
        self.published_at: dict[str, int] = {}
        self.signed_at: dict[str, int] = {}
        self.signs = ""
        self.given_up = set[str]()
        """Keys whose tokens shall be refused."""

    @property
    def now(self) -> int:
        return self.clock.now_at() // 1_000

    @property
    def listed(self) -> frozenset[str]:
        copy = self.document.read()
        return copy.kids() if copy else frozenset()

    def key(self, role: str) -> MemoryKey:
        return self.kms.keys[self.kms.aliases[ALIAS + role]]

    def look(self) -> None:
        """Hold the world against the promises; called after every change, and whenever time has passed."""
        listed = self.listed
        self.published_at = {kid: self.published_at.get(kid, self.now) for kid in listed}
        name = self.kms.aliases.get(ALIAS)
        if name is None or self.document.text is None:
            return  # nothing has been deployed yet, so nobody signs
        signs = self.kms.keys[name]
        assert signs.state == "Enabled"
        assert signs.kid in listed, "a key that signs is published"
        if self.signs not in ("", signs.id) and not self.given_up:
            assert self.now - self.published_at[signs.kid] >= HOUR, "a key signs that was not published for an hour"
        self.signs = signs.id
        self.signed_at[signs.id] = self.now
        for key_id, at in self.signed_at.items():
            if self.now < at + LONGEST_TOKEN_SECONDS + STALE_SECONDS and key_id not in self.given_up:
                assert self.kms.keys[key_id].kid in listed, "a key is unpublished whose tokens may be valid"
                assert self.kms.keys[key_id].state == "Enabled"

    def pass_seconds(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.look()

    def rotation(self, kms: Any = None, days: int = 90) -> Rotation:
        return Rotation(keyring_of(kms or self.kms, ALIAS), self.document, self.clock, days * DAY)

    def command(self, kms: Any = None, days: int = 90) -> Command:
        return Command(kms or self.kms, RESOURCES, self.document, self.clock, days)

    def assert_at_rest(self, *, standby: bool) -> None:
        """The run before had nothing to do: one key signs, none is on its way out."""
        assert self.key("-previous").id == self.key("").id
        there = {self.key("").kid} | ({self.key("-next").kid} if standby else set())
        assert self.listed == there
        assert (self.key("-next").id != self.key("").id) is standby
        named = set(self.kms.aliases.values())
        assert all(key.state == "PendingDeletion" for key in self.kms.keys.values() if key.id not in named)
