"""The function by its handler string, with KMS and the issuer's bucket in moto (O14, F17)."""

import importlib
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import jwt
import pytest

from chalicelib.kernel.jwk import public_jwk
from chalicelib.keys.aws import OBJECT, BucketDocument
from chalicelib.keys.desk import document_at
from chalicelib.keys.document import Overtaken
from chalicelib.keys.key import PUBLISHED_AT, REPLACED_AT, SIGNS_AT, NoStandby
from chalicelib.settings import KeySettings, SettingsError
from chalicelib.tokens.jose import compact, signing_input
from infra.resources import read_resources
from infra.signing_keys import ensure_keys
from tests.unit.keys.conftest import ROW

ALIAS = ROW["environment"]["SIGNING_KEY_ID"]
BUCKET = read_resources("local").issuer_bucket_of("123456789012")
HOUR, DAY = 3_600, 86_400


class House:
    """A deployed stage: keys, a bucket, and the function."""

    def __init__(self) -> None:
        self.kms, self.s3 = boto3.client("kms"), boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        ensure_keys(self.kms, ALIAS, "local")

    def run(self) -> list[str]:
        module, _, name = ROW["handler"].rpartition(".")
        said: list[str] = getattr(importlib.import_module(module), name)({}, None)["said"]
        return said

    def key_id(self, suffix: str = "") -> str:
        found: str = self.kms.describe_key(KeyId=ALIAS + suffix)["KeyMetadata"]["KeyId"]
        return found

    def date(self, key_id: str, instant: str, ago_seconds: int) -> None:
        tag = {"TagKey": instant, "TagValue": str(int(time.time()) - ago_seconds)}
        self.kms.tag_resource(KeyId=key_id, Tags=[tag])

    def make_due(self) -> None:
        self.date(self.key_id(), SIGNS_AT, 91 * DAY)
        self.date(self.key_id("-next"), PUBLISHED_AT, 2 * HOUR)

    def document(self) -> Any:
        return self.s3.get_object(Bucket=BUCKET, Key=OBJECT)

    def published(self) -> dict[str, Any]:
        return {key["kid"]: key for key in json.loads(self.document()["Body"].read())["keys"]}

    def token(self) -> str:
        kid = public_jwk(self.kms.get_public_key(KeyId=ALIAS)["PublicKey"])["kid"]
        text = signing_input(kid, {"sub": "cl_1", "exp": int(time.time()) + 900})
        answer = self.kms.sign(KeyId=ALIAS, Message=text, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
        return compact(text, answer["Signature"])


@pytest.fixture
def house(aws: None) -> House:
    """A stage right after its first deployment."""
    return House()


def _verified(token: str, published: dict[str, Any]) -> str:
    key = jwt.PyJWK(published[jwt.get_unverified_header(token)["kid"]])
    found: str = jwt.decode(token, key, algorithms=["ES256"])["sub"]
    return found


def test_what_is_deployed_is_complete() -> None:
    assert ROW["handler"] == "chalicelib.keys.entrypoint.rotate"
    assert (ROW["memory_mb"], ROW["timeout_seconds"]) == (512, 60)
    assert KeySettings.from_environment(ROW["environment"]).issuer_documents == f"s3://{BUCKET}"


def test_it_publishes_both_keys_where_gateways_read_them(house: House) -> None:
    house.run()
    document = house.document()
    assert (document["ContentType"], document["CacheControl"]) == ("application/json", "max-age=300")
    assert len(house.published()) == 2
    before = house.document()["LastModified"], house.document()["ETag"]
    assert house.run() == [f"{house.key_id()} signs"]
    assert (house.document()["LastModified"], house.document()["ETag"]) == before, "nothing is written without a reason"


def test_f17_tokens_of_before_and_after_verify_by_what_is_published(house: House) -> None:
    house.run()
    old, cached, early = house.key_id(), house.published(), house.token()
    house.make_due()
    house.run()
    late = house.token()
    assert house.key_id() != old
    for published in (cached, house.published()):  # a gateway that has not asked for an hour, and one that has just
        assert _verified(early, published) == _verified(late, published) == "cl_1"
    house.date(old, REPLACED_AT, HOUR)
    assert house.run()[-1] == f"{old} is gone"
    assert list(house.published()) == [jwt.get_unverified_header(late)["kid"]]
    metadata = house.kms.describe_key(KeyId=old)["KeyMetadata"]
    assert metadata["KeyState"] == "PendingDeletion"
    assert 29 < (metadata["DeletionDate"].timestamp() - time.time()) / DAY <= 30


def test_without_a_standby_it_fails(house: House) -> None:
    house.kms.update_alias(AliasName=f"{ALIAS}-next", TargetKeyId=house.key_id())
    house.date(house.key_id(), SIGNS_AT, 91 * DAY)
    with pytest.raises(NoStandby, match="run make deploy"):
        house.run()
    assert len(house.kms.list_keys()["Keys"]) == 2, "it makes none"


def test_a_document_is_written_over_what_was_read_and_nothing_else(house: House) -> None:
    first = BucketDocument(BUCKET)
    assert first.read() is None
    first.write(b"one", None)
    read = first.read()
    with pytest.raises(Overtaken):
        first.write(b"two", None)
    first.write(b"two", read)
    with pytest.raises(Overtaken):
        first.write(b"three", read)
    assert read is not None
    assert house.document()["Body"].read() == b"two"


def test_a_bucket_that_is_not_there_is_no_empty_document(house: House) -> None:
    with pytest.raises(house.s3.exceptions.NoSuchBucket):
        BucketDocument("another").read()
    with pytest.raises(house.s3.exceptions.ClientError):
        BucketDocument("another").write(b"", None)


def test_the_local_issuers_folder(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "is sued"
    folder.mkdir()
    monkeypatch.setenv("ISSUER_DOCUMENTS", folder.as_uri())
    assert document_at(folder.as_uri()).read() is None
    house.run()
    assert [file.name for file in folder.iterdir()] == ["jwks.json"]
    assert len(json.loads((folder / "jwks.json").read_text())["keys"]) == 2
    assert house.run() == [f"{house.key_id()} signs"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ISSUER_DOCUMENTS", "", "ISSUER_DOCUMENTS is missing"),
        ("ISSUER_DOCUMENTS", "https://issuer.test", "must be s3://<bucket> or file:///<folder>"),
        ("ISSUER_DOCUMENTS", "s3://bucket/folder", "must be s3://<bucket> or file:///<folder>"),
        ("ISSUER_DOCUMENTS", "s3://", "must be s3://<bucket> or file:///<folder>"),
        ("ISSUER_DOCUMENTS", "file://host", "must be s3://<bucket> or file:///<folder>"),
        ("ROTATE_AFTER_DAYS", "0", "a whole number from 1 to 3650"),
        ("ROTATE_AFTER_DAYS", "90.5", "a whole number from 1 to 3650"),
        ("SIGNING_KEY_ID", "", "SIGNING_KEY_ID is missing"),
        ("ISSUER", "http://issuer.test", "ISSUER must be an https URL"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        KeySettings.from_environment(ROW["environment"] | {name: value})


def test_the_bucket_is_named_as_the_policy_has_it() -> None:
    assert urlsplit(ROW["environment"]["ISSUER_DOCUMENTS"]).netloc == BUCKET
