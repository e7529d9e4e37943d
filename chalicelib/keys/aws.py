"""KMS and S3, as far as this room uses them. boto3 comes with Lambda's runtime, and is loaded at the first call."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from chalicelib.kernel.jwk import Jwk, public_jwk
from chalicelib.keys.document import NAME, Copy, Overtaken
from chalicelib.keys.key import DELETED_DAYS, INSTANTS, Key, Keys, NoKey, Role

SUFFIXES: Final[dict[Role, str]] = {"signs": "", "standby": "-next", "replaced": "-previous"}
"""What follows the alias of the key that signs in the names of the others."""

OBJECT: Final = f".well-known/{NAME}"
MAX_AGE: Final = "max-age=300"

_CONNECT_SECONDS: Final = 3
_READ_SECONDS: Final = 5
_ATTEMPTS: Final = 3
_NOT_THERE: Final = ("NoSuchKey", "404", "AccessDenied")
"""Who may not list a bucket is told 403 of an object that is not there. Where reading is forbidden, so is writing."""

_NOT_THE_SAME: Final = ("PreconditionFailed", "ConditionalRequestConflict")

Open = Callable[[], Any]


@cache
def client(service: str) -> Any:
    """Return boto3's client of a service, opened once."""
    import boto3  # noqa: PLC0415 - 200 ms that a cold start need not wait for
    from botocore.config import Config  # noqa: PLC0415 - likewise

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    return boto3.client(
        service, config=Config(connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries=retries)
    )


def alias_of(role: Role, alias: str) -> str:
    """Return the alias of a role; `alias` is that of the key that signs."""
    return alias + SUFFIXES[role]


@dataclass(frozen=True, slots=True)
class KmsKeyring:
    """The keys behind `alias` and the two beside it."""

    alias: str
    kms: Open = lambda: client("kms")

    def read(self) -> Keys:
        """Return them; NoKey if there is none that can sign."""
        # In the order in which keys move on: one that does so meanwhile is met twice, never missed.
        standby, signs, replaced = (self._metadata(role) for role in ("standby", "signs", "replaced"))
        if signs is None or signs["KeyState"] != "Enabled":
            state = signs["KeyState"] if signs else "missing"
            raise NoKey(f"the key that signs ({self.alias}) is {state}: enable it in KMS, or run make deploy")
        taken = {signs["KeyId"]}
        replaced = None if replaced is None or replaced["KeyId"] in taken else replaced
        taken |= {replaced["KeyId"]} if replaced else set()
        standby = None if standby is None or standby["KeyId"] in taken else standby
        ready = standby and standby["KeyState"] == "Enabled"
        return Keys(
            self._key(signs),
            self._key(standby) if standby and ready else None,
            self._key(replaced) if replaced else None,
        )

    def _metadata(self, role: Role) -> dict[str, Any] | None:
        kms = self.kms()
        try:
            found: dict[str, Any] = kms.describe_key(KeyId=alias_of(role, self.alias))["KeyMetadata"]
        except kms.exceptions.NotFoundException:
            return None
        return found

    def _key(self, metadata: dict[str, Any]) -> Key:
        key_id = metadata["KeyId"]
        usable = metadata["KeyState"] == "Enabled"
        tags = {one["TagKey"]: one["TagValue"] for one in self.kms().list_resource_tags(KeyId=key_id)["Tags"]}
        instants = {name: int(tags[name]) for name in INSTANTS if name in tags}
        return Key(key_id, self._jwk(key_id) if usable else None, int(metadata["CreationDate"].timestamp()), instants)

    def _jwk(self, key_id: str) -> Jwk:
        try:
            return public_jwk(self.kms().get_public_key(KeyId=key_id)["PublicKey"])
        except ValueError as fault:
            raise NoKey(f"{key_id}, behind an alias of {self.alias}, is not a P-256 key: {fault}") from None

    def note(self, key_id: str, instant: str, at: int) -> None:
        """Tag a key with an instant."""
        self.kms().tag_resource(KeyId=key_id, Tags=[{"TagKey": instant, "TagValue": str(at)}])

    def point(self, role: Role, key_id: str) -> None:
        """Let an alias name this key; NoKey if there is no such alias."""
        kms, name = self.kms(), alias_of(role, self.alias)
        try:
            kms.update_alias(AliasName=name, TargetKeyId=key_id)
        except kms.exceptions.NotFoundException:
            raise NoKey(f"{name} is missing: run make deploy, which makes it") from None

    def delete(self, key_id: str) -> None:
        """Have a key deleted, unless it is being deleted already."""
        kms = self.kms()
        try:
            kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=DELETED_DAYS)
        except kms.exceptions.KMSInvalidStateException:
            return


@dataclass(frozen=True, slots=True)
class BucketDocument:
    """The document in the issuer's bucket. It is written over what was read, and over nothing else."""

    bucket: str
    s3: Open = lambda: client("s3")

    def read(self) -> Copy | None:
        """Return what is there; None if nothing is."""
        s3 = self.s3()
        try:
            found = s3.get_object(Bucket=self.bucket, Key=OBJECT)
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                return None
            raise
        return Copy(found["Body"].read(), found["ETag"])

    def write(self, text: bytes, over: Copy | None) -> None:
        """Put it there; Overtaken if something else is there by now."""
        s3 = self.s3()
        unchanged = {"IfMatch": over.version} if over else {"IfNoneMatch": "*"}
        try:
            s3.put_object(
                Bucket=self.bucket,
                Key=OBJECT,
                Body=text,
                ContentType="application/json",
                CacheControl=MAX_AGE,
                **unchanged,
            )
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THE_SAME:
                raise Overtaken("somebody else has published meanwhile: run this again") from None
            raise
