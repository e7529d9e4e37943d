"""The bucket of the issuer's documents: read by everybody over TLS, written by the rotation of keys alone."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.resources import Resources
from infra.template import BUCKET, BUCKET_POLICY, Row, of_kind

_FIRST_REGION: Final = "us-east-1"
_FOLDER: Final = ".well-known/"
_NOT_SET: Final = (
    "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchPublicAccessBlockConfiguration",
    "OwnershipControlsNotFoundError",
    "NoSuchBucketPolicy",
)
_SHARED_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Bucket:
    """The publisher of an issuer that lives in the stage's bucket."""

    account: Account
    name: str

    def publish(self, name: str, text: bytes) -> None:
        """Put a document in the place of the one that is there."""
        self.account.client("s3").put_object(
            Bucket=self.name,
            Key=_FOLDER + name,
            Body=text,
            ContentType="application/json",
            CacheControl=f"max-age={_SHARED_SECONDS}",
        )

    @property
    def documents(self) -> str:
        """The bucket as a URL."""
        return f"s3://{self.name}"

    @property
    def url(self) -> str:
        """What the world, and the tokens' `iss`, call it."""
        return f"https://{self.name}.s3.{self.account.region}.amazonaws.com"


@dataclass(slots=True)
class BucketStep:
    """The bucket, what protects it, and its policy."""

    account: Account
    resources: Resources
    give_up_ledger: bool = False
    wait: Callable[[float], None] = time.sleep
    name: str = field(default="bucket", init=False)

    def differences(self) -> list[str]:
        """Compare every setting with its description; DeployFault for a bucket of somebody else."""
        wanted = {**self._settings, "policy": self._policy}
        if not self._is_there():
            return [f"the bucket {self._name} is missing"]
        return list(compare.differences(wanted, self._found(), f"bucket {self._name}"))

    @property
    def _name(self) -> str:
        return self.resources.issuer_bucket_of(self.account.account)

    @property
    def _settings(self) -> Row:
        (row,) = of_kind(self.resources, self.account.where, BUCKET)
        return {name: value for name, value in row.items() if name != "BucketName"}

    @property
    def _policy(self) -> Row:
        (row,) = of_kind(self.resources, self.account.where, BUCKET_POLICY)
        policy: Row = row["PolicyDocument"]
        return policy

    def _is_there(self) -> bool:
        try:
            self._s3.head_bucket(Bucket=self._name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
                return False
            if error.response["Error"]["Code"] in ("403", "AccessDenied"):
                raise DeployFault(
                    f"the bucket {self._name} is somebody else's: name another one in infra/resources.yaml"
                ) from None
            raise
        return True

    def _found(self) -> Row:
        s3, here = self._s3, {"Bucket": self._name}
        versioning = s3.get_bucket_versioning(**here).get("Status", "Off")
        return {
            "BucketEncryption": _set(lambda: _encryption(s3.get_bucket_encryption(**here))),
            "OwnershipControls": _set(lambda: s3.get_bucket_ownership_controls(**here)["OwnershipControls"]),
            "PublicAccessBlockConfiguration": _set(
                lambda: s3.get_public_access_block(**here)["PublicAccessBlockConfiguration"]
            ),
            "VersioningConfiguration": {"Status": versioning},
            "policy": _set(lambda: json.loads(s3.get_bucket_policy(**here)["Policy"])),
        }

    def apply(self) -> None:
        """Create it and set everything; the policy last, when nothing else can make it public."""
        s3, here, wanted = self._s3, {"Bucket": self._name}, self._settings
        if not self._is_there():
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.account.region}}
            s3.create_bucket(**here, **({} if self.account.region == _FIRST_REGION else elsewhere))
        encryption = {"Rules": _rules(wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"])}
        s3.put_bucket_encryption(**here, ServerSideEncryptionConfiguration=encryption)
        s3.put_bucket_ownership_controls(**here, OwnershipControls=wanted["OwnershipControls"])
        s3.put_bucket_versioning(**here, VersioningConfiguration=wanted["VersioningConfiguration"])
        blocked = wanted["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(**here, PublicAccessBlockConfiguration=blocked)
        self._open_documents()

    def _open_documents(self) -> None:
        """S3 may refuse the policy for some seconds after it was told that policies may open this bucket."""
        for seconds in self.account.settling_seconds:
            if self._is_opened():
                return
            self.wait(seconds)
        if not self._is_opened():
            raise DeployFault(
                f"this account lets no bucket be read by everybody, so nobody could read {self._name}: serve the "
                "documents from another host, and name it with ISSUER=https://... ISSUER_DIRECTORY=..."
            )

    def _is_opened(self) -> bool:
        try:
            self._s3.put_bucket_policy(Bucket=self._name, Policy=json.dumps(self._policy))
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    def destroy(self) -> list[str]:
        """Delete the documents in all their versions, and the bucket; where money is kept, its name is too."""
        if not self._is_there():
            return []
        if self.resources.keeps_money and not self.give_up_ledger:
            return [f"(stays: the bucket {self._name}, which tokens name as their issuer)"]
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._name)
        for page in pages:
            for row in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                self._s3.delete_object(Bucket=self._name, Key=row["Key"], VersionId=row["VersionId"])
        self._s3.delete_bucket(Bucket=self._name)
        return [f"the bucket {self._name}"]

    @property
    def _s3(self) -> Any:
        return self.account.client("s3")


def _set(read: Callable[[], Any]) -> Any:
    """What is set, or nothing."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_SET:
            return {}
        raise


def _rules(configurations: list[Row]) -> list[Row]:
    return [{"ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"]} for one in configurations]


def _encryption(answer: Mapping[str, Any]) -> Row:
    """How objects are encrypted, in CloudFormation's words; bucket keys and the like are S3's own business."""
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    found = [{"ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault", {})} for rule in rules]
    return {"ServerSideEncryptionConfiguration": found}
