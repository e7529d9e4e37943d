"""KMS, as far as this room uses it: sign with the key behind an alias, and name the key that signed."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from chalicelib.kernel.jwk import public_jwk
from chalicelib.tokens.jose import compact, signing_input

CALL_SECONDS: Final = 3.0

_ALGORITHM: Final = "ECDSA_SHA_256"


class JsonCaller(Protocol):
    """The part of store.wire.AwsJson that is used here."""

    def call(
        self, operation: str, body: dict[str, Any], timeout_seconds: float, *, repeatable: bool = False
    ) -> dict[str, Any]:
        """Return the parsed answer to one attempt."""
        ...


@dataclass(frozen=True, slots=True)
class _Key:
    key_id: str
    kid: str


@dataclass(slots=True)
class KmsSigner:
    """Signs tokens with the key that `alias` points to; its kid is asked for once per environment.

    Sign tells which key it used. When that is not the key whose kid the header names, the alias has moved on
    since: the key is asked for anew and the token signed again, so no token ever names a wrong key.
    """

    kms: JsonCaller
    alias: str
    _key: _Key | None = field(default=None, init=False)

    def sign(self, claims: Mapping[str, str | int]) -> str:
        """Return the signed token in compact form."""
        for _ in range(2):
            key = self._key or self._ask()
            signed = signing_input(key.kid, claims)
            answer = self._call("Sign", Message=signed, MessageType="RAW", SigningAlgorithm=_ALGORITHM)
            if _bare(answer["KeyId"]) == key.key_id:
                return compact(signed, b64decode(answer["Signature"]))
            self._key = None
        raise RuntimeError(f"{self.alias} changes faster than tokens are signed")

    def _ask(self) -> _Key:
        answer = self._call("GetPublicKey")
        self._key = _Key(_bare(answer["KeyId"]), public_jwk(b64decode(answer["PublicKey"]))["kid"])
        return self._key

    def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        body = {"KeyId": self.alias, **parameters}
        return self.kms.call(operation, body, CALL_SECONDS, repeatable=True)


def _bare(key_id: str) -> str:
    """Return the id at the end of an ARN: KMS answers ARNs, its local stand-in sometimes ids."""
    return key_id.rpartition("/")[2]
