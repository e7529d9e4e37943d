"""Key, pepper and documents: made once, put back when forgotten, never half written (requirements O12, O13)."""

import json
import stat
from pathlib import Path

import boto3
import pytest
from joserfc.jwk import ECKey

from chalicelib.keys.key import NoKey
from infra.resources import read_resources
from infra.signing import discovery, ensure_pepper, main
from infra.signing_keys import WrongKey, ensure_keys, give_up_keys, lacking

pytestmark = pytest.mark.usefixtures("aws")

ALIAS = "alias/tollgate-local-tokens"


def _run(directory: Path) -> None:
    main(
        [
            "--stage=local",
            "--issuer=https://localhost:8443/_emulator/issuer",
            "--api=https://localhost:8443/",
            f"--directory={directory / 'issuer'}",
            f"--pepper-file={directory / 'pepper'}",
        ]
    )


def test_the_keys_are_made_once() -> None:
    kms = boto3.client("kms")
    keys = ensure_keys(kms, ALIAS, "local")
    assert ensure_keys(kms, ALIAS, "local") == keys
    assert len(kms.list_keys()["Keys"]) == 2
    for key in (keys.signs, keys.standby):
        assert key is not None
        assert key.jwk is not None
        assert key.jwk["kid"] == ECKey.import_key({**key.jwk}).thumbprint()


def test_each_missing_part_is_said_and_made() -> None:
    kms = boto3.client("kms")
    assert lacking(kms, ALIAS, "local") == [f"the signing key {ALIAS} is missing"]
    signs = ensure_keys(kms, ALIAS, "local").signs.id
    assert lacking(kms, ALIAS, "local") == []
    kms.update_alias(AliasName=f"{ALIAS}-next", TargetKeyId=signs)
    kms.delete_alias(AliasName=f"{ALIAS}-previous")
    kms.untag_resource(KeyId=signs, TagKeys=["tollgate:stage"])
    assert lacking(kms, ALIAS, "local") == [
        f"the standby key {ALIAS}-next is missing",
        f"the alias {ALIAS}-previous is missing",
        f"the key {signs} lacks the tag tollgate:stage",
    ]
    assert ensure_keys(kms, ALIAS, "local").signs.id == signs
    assert lacking(kms, ALIAS, "local") == []


def test_the_slower_of_two_first_deployments_gives_its_key_up(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = boto3.client("kms")
    create, faster = kms.create_key, iter([True, True])

    def lose_the_race(**wanted: object) -> object:
        made = create(**wanted)
        if next(faster, False):
            ensure_keys(kms, ALIAS, "local")
        return made

    monkeypatch.setattr(kms, "create_key", lose_the_race)
    keys = ensure_keys(kms, ALIAS, "local")
    states = {
        one["KeyId"]: kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]["KeyState"] for one in kms.list_keys()["Keys"]
    }
    assert keys.standby is not None
    assert {key for key, state in states.items() if state == "Enabled"} == {keys.signs.id, keys.standby.id}


def test_what_is_given_up_goes_with_its_aliases() -> None:
    kms = boto3.client("kms")
    ensure_keys(kms, ALIAS, "local")
    assert len(list(give_up_keys(kms, ALIAS))) == 2, "two keys behind three aliases"
    assert list(give_up_keys(kms, ALIAS)) == []
    assert lacking(kms, ALIAS, "local") == [f"the signing key {ALIAS} is missing"]


def test_an_alias_that_points_to_something_else_is_not_used() -> None:
    kms = boto3.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key)
    with pytest.raises(NoKey, match="P-256"):
        ensure_keys(kms, ALIAS, "local")
    assert "P-256" in lacking(kms, ALIAS, "local")[0]


def test_o12_the_documents_agree_with_each_other(tmp_path: Path) -> None:
    _run(tmp_path)
    documents = {file.name: json.loads(file.read_text()) for file in (tmp_path / "issuer").iterdir()}
    assert documents.keys() == {"openid-configuration", "oauth-authorization-server", "jwks.json"}
    metadata = documents["openid-configuration"]
    assert metadata == documents["oauth-authorization-server"]
    assert metadata["issuer"] == "https://localhost:8443/_emulator/issuer"
    assert metadata["jwks_uri"] == "https://localhost:8443/_emulator/issuer/.well-known/jwks.json"
    assert metadata["token_endpoint"] == "https://localhost:8443/oauth2/token"
    assert metadata == discovery(metadata["issuer"], metadata["token_endpoint"])
    assert documents["jwks.json"] == {"keys": ensure_keys(boto3.client("kms"), ALIAS, "local").published(0)}


def test_o13_only_public_halves_leave(tmp_path: Path) -> None:
    _run(tmp_path)
    keys = json.loads((tmp_path / "issuer" / "jwks.json").read_text())["keys"]
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in keys)


def test_the_pepper_outlives_a_service_that_forgets(tmp_path: Path) -> None:
    secrets_manager, name, file = boto3.client("secretsmanager"), read_resources("local").pepper, tmp_path / "pepper"
    pepper = ensure_pepper(secrets_manager, name, file)
    assert len(pepper) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secrets_manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert ensure_pepper(secrets_manager, name, file) == pepper
    assert secrets_manager.get_secret_value(SecretId=name)["SecretBinary"] == pepper
    secrets_manager.put_secret_value(SecretId=name, SecretBinary=b"x" * 32)
    ensure_pepper(secrets_manager, name, file)
    assert secrets_manager.get_secret_value(SecretId=name)["SecretBinary"] == pepper, "the file is the truth"


def test_without_a_file_the_pepper_is_never_replaced() -> None:
    secrets_manager = boto3.client("secretsmanager")
    pepper = ensure_pepper(secrets_manager, "pepper")
    assert ensure_pepper(secrets_manager, "pepper") == pepper


def test_the_slower_of_two_first_starts_takes_the_pepper_of_the_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets_manager, faster = boto3.client("secretsmanager"), b"f" * 32
    create = secrets_manager.create_secret

    def lose_the_race(**wanted: object) -> object:
        create(Name="pepper", SecretBinary=faster)
        return create(**wanted)

    monkeypatch.setattr(secrets_manager, "create_secret", lose_the_race)
    assert ensure_pepper(secrets_manager, "pepper") == faster
    assert secrets_manager.get_secret_value(SecretId="pepper")["SecretBinary"] == faster


def test_a_secret_without_a_value_is_not_guessed() -> None:
    secrets_manager = boto3.client("secretsmanager")
    secrets_manager.create_secret(Name="pepper")
    with pytest.raises(WrongKey, match="holds nothing"):
        ensure_pepper(secrets_manager, "pepper")


def test_a_damaged_pepper_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "pepper"
    file.write_bytes(b"short")
    with pytest.raises(WrongKey, match="32 bytes"):
        ensure_pepper(boto3.client("secretsmanager"), "pepper", file)
    assert file.read_bytes() == b"short"
