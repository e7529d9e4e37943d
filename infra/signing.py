"""The signing key, the pepper and the issuer's documents: `python -m infra.signing --stage local ...`.

Each step finds out what is there before it makes anything, so running it again changes nothing. KMS never lets a
private key out, so a stand-in that forgets its keys gets a new one at each start, and the documents follow it. The
pepper must outlive that: on a laptop it is kept in a file and put back.
"""

import argparse
import json
import secrets
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from chalicelib.kernel.clock import SECOND_MS, SystemClock
from chalicelib.kernel.jwk import ALGORITHM, Jwk
from chalicelib.keys.document import NAME as KEYS_DOCUMENT
from chalicelib.keys.document import FolderDocument, encoded
from chalicelib.keys.key import PUBLISHED_AT, Keys
from chalicelib.tokens.scopes import SCOPES
from infra.files import PUBLIC_MODE, replace_file
from infra.resources import read_resources
from infra.signing_keys import WrongKey, ensure_keys, keyring_of

PEPPER_BYTES: Final = 32
METADATA_DOCUMENTS: Final = ("openid-configuration", "oauth-authorization-server")
TOKEN_PATH: Final = "/oauth2/token"  # noqa: S105 - a path, not a secret


def ensure_pepper(secrets_manager: Any, name: str, file: Path | None = None) -> bytes:
    """Return the pepper, making it where there is none.

    With a `file` the file is the truth: it is put (back) into Secrets Manager. Without one (on AWS) it exists in
    Secrets Manager only, and is never replaced.
    """
    if file is None:
        return _stored(secrets_manager, name) or _make(secrets_manager, name)
    pepper = _kept(file)
    if _stored(secrets_manager, name) == pepper:
        return pepper
    return _store(secrets_manager, name, pepper)


def _kept(file: Path) -> bytes:
    if not file.exists():
        replace_file(file, secrets.token_bytes(PEPPER_BYTES))
    pepper = file.read_bytes()
    if len(pepper) != PEPPER_BYTES:
        raise WrongKey(f"{file} does not hold {PEPPER_BYTES} bytes")
    return pepper


def _stored(secrets_manager: Any, name: str) -> bytes | None:
    try:
        pepper: bytes = secrets_manager.get_secret_value(SecretId=name)["SecretBinary"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None
    return pepper


def _make(secrets_manager: Any, name: str) -> bytes:
    pepper = secrets.token_bytes(PEPPER_BYTES)
    try:
        secrets_manager.create_secret(Name=name, SecretBinary=pepper)
    except secrets_manager.exceptions.ResourceExistsException:  # somebody else was faster: theirs may be in use already
        theirs = _stored(secrets_manager, name)
        if theirs is None:
            raise WrongKey(f"the secret {name} exists and holds nothing: put {PEPPER_BYTES} bytes") from None
        return theirs
    return pepper


def _store(secrets_manager: Any, name: str, pepper: bytes) -> bytes:
    try:
        secrets_manager.create_secret(Name=name, SecretBinary=pepper)
    except secrets_manager.exceptions.ResourceExistsException:
        secrets_manager.put_secret_value(SecretId=name, SecretBinary=pepper)
    return pepper


def write_documents(directory: Path, issuer: str, token_endpoint: str, keys: list[Jwk]) -> None:
    """Write what the issuer's host serves, each in one rename."""
    for name, text in documents(issuer, token_endpoint, keys).items():
        replace_file(directory / name, text, PUBLIC_MODE)


def note_published(kms: Any, alias: str, keys: Keys, listed: frozenset[str], now_at: int) -> None:
    """Let a standby's hour begin that is about to be published; `listed` are the keys published until now."""
    if keys.standby and keys.standby.signs_from(listed) is None:
        keyring_of(kms, alias).note(keys.standby.id, PUBLISHED_AT, now_at)


def documents(issuer: str, token_endpoint: str, keys: list[Jwk]) -> dict[str, bytes]:
    """Return what the issuer's host serves, in order: the keys first, so that no metadata ever points to nothing."""
    metadata = _encoded(discovery(issuer, token_endpoint))
    return {KEYS_DOCUMENT: encoded(keys)} | dict.fromkeys(METADATA_DOCUMENTS, metadata)


def discovery(issuer: str, token_endpoint: str) -> dict[str, Any]:
    """Return the metadata of the issuer (RFC 8414; OpenID Connect Discovery has the same shape)."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "token_endpoint": token_endpoint,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": list(SCOPES),
        # Required by OpenID Connect Discovery, though no ID token is ever issued.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode() + b"\n"


def main(argv: list[str] | None = None) -> None:
    """Make key and pepper exist, and write the documents."""
    parser = argparse.ArgumentParser(prog="infra.signing", description="Signing key, pepper, issuer documents.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--issuer", required=True, help="https URL, as in the tokens' iss")
    parser.add_argument("--api", required=True, help="https URL of the API; the token endpoint is under it")
    parser.add_argument("--directory", type=Path, required=True, help="where the documents are written")
    parser.add_argument("--pepper-file", type=Path, help="keeps the pepper where Secrets Manager forgets it")
    options = parser.parse_args(argv)
    resources = read_resources(options.stage)
    kms, now_at = boto3.client("kms"), SystemClock().now_at() // SECOND_MS
    keys, before = ensure_keys(kms, resources.signing_key, options.stage), FolderDocument(options.directory).read()
    note_published(kms, resources.signing_key, keys, before.kids() if before else frozenset(), now_at)
    ensure_pepper(boto3.client("secretsmanager"), resources.pepper, options.pepper_file)
    write_documents(options.directory, options.issuer, options.api.rstrip("/") + TOKEN_PATH, keys.published(now_at))
    print(f"{resources.signing_key}: kid {keys.signs.jwk and keys.signs.jwk['kid']}")


if __name__ == "__main__":
    main()
