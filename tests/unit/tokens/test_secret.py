"""Client secrets (requirement O5)."""

import base64

from chalicelib.tokens.secret import SECRET_PREFIX, hash_secret, matches, new_secret

PEPPER = bytes(32)


def test_a_secret_has_256_bits_and_is_never_given_twice() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert len(base64.urlsafe_b64decode(secret.removeprefix(SECRET_PREFIX) + "=")) == 32


def test_the_hash_needs_the_pepper() -> None:
    assert len(hash_secret(PEPPER, "s")) == 32
    assert hash_secret(PEPPER, "s") == hash_secret(PEPPER, "s")
    assert hash_secret(PEPPER, "s") != hash_secret(bytes([1]) * 32, "s")


def test_either_valid_secret_matches_and_nothing_else() -> None:
    hashes = [hash_secret(PEPPER, "old"), hash_secret(PEPPER, "new")]
    assert matches(PEPPER, "old", hashes)
    assert matches(PEPPER, "new", hashes)
    assert not matches(PEPPER, "other", hashes)
    assert not matches(PEPPER, "old", hashes[1:])


def test_a_client_without_secrets_matches_nothing() -> None:
    assert not matches(PEPPER, "", [])
    assert not matches(PEPPER, "anything", [])
