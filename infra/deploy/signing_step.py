"""The issuer: signing key, pepper, and the documents by which gateways learn the keys, before any gateway asks.

Order: key, documents, and a look at them from outside; only then can an authorizer be made, because API Gateway reads
them from the public internet when it is.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError

from chalicelib.kernel.clock import SECOND_MS, SystemClock
from chalicelib.keys.document import NAME as KEYS_DOCUMENT
from chalicelib.keys.document import Copy
from chalicelib.keys.key import Keys, NoKey
from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import missing
from infra.files import PUBLIC_MODE, replace_file
from infra.local.api_client import Api, Credentials
from infra.resources import Resources
from infra.signing import TOKEN_PATH, documents, ensure_pepper, note_published
from infra.signing_keys import ensure_keys, give_up_keys, keyring_of, lacking

WELL_KNOWN: Final = "/.well-known/"


class Publisher(Protocol):
    """Where the issuer's host takes its documents from."""

    def publish(self, name: str, text: bytes) -> None:
        """Put a document in the place of the one that is there."""
        ...

    @property
    def documents(self) -> str:
        """The place as a URL, for the function that rotates the keys: `s3://<bucket>` or `file:///<folder>`."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that a web server serves under `/.well-known/`."""

    path: Path

    def publish(self, name: str, text: bytes) -> None:
        """Put a document there in one rename."""
        replace_file(self.path / name, text, PUBLIC_MODE)

    @property
    def documents(self) -> str:
        """The folder as a URL."""
        return self.path.absolute().as_uri()


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer's URL, who serves it, and the authority to trust for it (empty: the system's)."""

    url: str
    publisher: Publisher
    ca: str = ""

    @property
    def documents(self) -> str:
        """Where the documents are kept: `s3://<bucket>` or `file:///<folder>`."""
        return self.publisher.documents

    def read(self, name: str) -> bytes | None:
        """Return a document as the world sees it; None if it is not there."""
        api = Api(self.url, self.ca, Credentials("", "", ""))
        try:
            answer = api.send("GET", WELL_KNOWN + name, None, {})
        except (OSError, HTTPException):
            return None
        finally:
            api.close()
        return answer.body if answer.status == 200 else None


@dataclass(slots=True)
class SigningStep:
    """Key, pepper and documents of a stage; `api_url` is asked when it is known, since the documents name it.

    The pepper is kept in a file where Secrets Manager forgets it.
    """

    account: Account
    resources: Resources
    issuer: Issuer
    api_url: Callable[[], str]
    pepper_file: Path | None = None
    give_up_ledger: bool = False
    name: str = field(default="issuer", init=False)

    def differences(self) -> list[str]:
        """Compare key, pepper and what the issuer's host serves."""
        found = lacking(self._kms, self.resources.signing_key, self.resources.stage)
        if found:
            return found
        if not self._has_pepper():
            found.append(f"the secret {self.resources.pepper} is missing")
        for name, text in self._documents(keyring_of(self._kms, self.resources.signing_key).read()).items():
            if self.issuer.read(name) != text:
                found.append(f"{self.issuer.url}{WELL_KNOWN}{name} is not what it should be, or cannot be read")
        return found

    def _documents(self, keys: Keys) -> dict[str, bytes]:
        return documents(self.issuer.url, self.api_url() + TOKEN_PATH, keys.published(_now()))

    def _has_pepper(self) -> bool:
        try:
            self.account.client("secretsmanager").describe_secret(SecretId=self.resources.pepper)
        except ClientError as error:
            if missing(error):
                return False
            raise
        return True

    def apply(self) -> None:
        """Make them; DeployFault if the documents cannot be read where they should be."""
        ensure_pepper(self.account.client("secretsmanager"), self.resources.pepper, self.pepper_file)
        texts = self._documents(self._ensured())
        for name, text in texts.items():
            self.issuer.publisher.publish(name, text)
        if not self._readable(texts):
            raise DeployFault(
                f"{self.issuer.url}{WELL_KNOWN} cannot be read from here, so API Gateway could not read it either: "
                "see to the issuer's host, then run this again"
            )

    def _readable(self, names: Iterable[str]) -> bool:
        unseen = [name for name in names if self.issuer.read(name) is None]
        for seconds in self.account.settling_seconds:
            if not unseen:
                break
            time.sleep(seconds)
            unseen = [name for name in unseen if self.issuer.read(name) is None]
        return not unseen

    def _ensured(self) -> Keys:
        """The keys, made where they are missing; the hour of a standby that nobody sees yet begins."""
        alias, before = self.resources.signing_key, self.issuer.read(KEYS_DOCUMENT)
        try:
            keys = ensure_keys(self._kms, alias, self.resources.stage)
        except NoKey as fault:
            raise DeployFault(str(fault)) from None
        note_published(self._kms, alias, keys, Copy(before).kids() if before else frozenset(), _now())
        return keys

    def destroy(self) -> list[str]:
        """Delete what only a new deployment could use; where money is kept, key and pepper stay."""
        if self.resources.keeps_money and not self.give_up_ledger:
            return [f"(stays: {self.resources.signing_key} and {self.resources.pepper}, which clients live by)"]
        gone = list(give_up_keys(self._kms, self.resources.signing_key))
        if self._has_pepper():
            self.account.client("secretsmanager").delete_secret(
                SecretId=self.resources.pepper, ForceDeleteWithoutRecovery=True
            )
            gone.append(f"the secret {self.resources.pepper}")
        return gone

    @property
    def _kms(self) -> Any:
        return self.account.client("kms")


def _now() -> int:
    return SystemClock().now_at() // SECOND_MS
