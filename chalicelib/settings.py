"""What a function reads from its environment, as a type: checked once at cold start, with one clear error."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

SHORTEST_TOKEN_SECONDS: Final = 300
LONGEST_TOKEN_SECONDS: Final = 900
"""Access tokens live 5 to 15 minutes: long enough to be kept, short enough to be waited out."""

SHORTEST_ROTATION_DAYS: Final = 1
LONGEST_ROTATION_DAYS: Final = 3_650

DynamoClient = Literal["lean", "boto3"]
SettingsT = TypeVar("SettingsT")


class SettingsError(Exception):
    """The environment lacks something; the text names every variable that is wrong, and what it should be."""


@dataclass(slots=True)
class _Reader:
    """Collects what is wrong, so that a deployment is corrected once and not variable by variable."""

    environ: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        value = self.environ.get(name, "")
        if not value:
            self.faults.append(f"{name} is missing")
        return value

    def whole(self, name: str, lowest: int, highest: int) -> int:
        text = self.text(name)
        if not text:
            return lowest
        if not (text.isascii() and text.isdigit() and lowest <= int(text[:9]) <= highest):
            self.faults.append(f"{name} must be a whole number from {lowest} to {highest}, not {text!r}")
            return lowest
        return int(text)

    def dynamo_client(self) -> DynamoClient:
        match self.text("DYNAMO_CLIENT"):
            case "boto3":
                return "boto3"
            case "lean" | "":
                return "lean"
            case other:
                self.faults.append(f"DYNAMO_CLIENT must be lean or boto3, not {other!r}")
                return "lean"

    def https(self, name: str) -> str:
        value = self.text(name)
        if value and (not value.startswith("https://") or "?" in value or "#" in value):
            self.faults.append(f"{name} must be an https URL without query or fragment, not {value!r}")
        return value

    def documents(self, name: str) -> str:
        value = self.text(name)
        scheme, _, place = value.partition("://")
        bucket, folder = scheme == "s3" and place and "/" not in place, scheme == "file" and place.startswith("/")
        if value and not (bucket or folder):
            self.faults.append(f"{name} must be s3://<bucket> or file:///<folder>, not {value!r}")
        return value


def _read(read: Callable[[_Reader], SettingsT], environ: Mapping[str, str]) -> SettingsT:
    reader = _Reader(environ)
    settings = read(reader)
    if reader.faults:
        raise SettingsError("the environment of this function is not complete: " + "; ".join(reader.faults))
    return settings


@dataclass(frozen=True, slots=True)
class Settings:
    """What every function needs."""

    stage: str
    commits_table: str
    ledger_table: str
    projections_table: str
    clients_table: str
    dynamo_client: DynamoClient

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; raise SettingsError naming all that is wrong with it."""
        return _read(cls._from, environ)

    @classmethod
    def _from(cls, reader: _Reader) -> "Settings":
        return cls(
            stage=reader.text("TOLLGATE_STAGE"),
            commits_table=reader.text("COMMITS_TABLE"),
            ledger_table=reader.text("LEDGER_TABLE"),
            projections_table=reader.text("PROJECTIONS_TABLE"),
            clients_table=reader.text("CLIENTS_TABLE"),
            dynamo_client=reader.dynamo_client(),
        )

    def table_names(self) -> dict[Literal["commits", "ledger", "projections", "clients"], str]:
        """Return the deployed name of each table."""
        return {
            "commits": self.commits_table,
            "ledger": self.ledger_table,
            "projections": self.projections_table,
            "clients": self.clients_table,
        }


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What the tokens function needs besides; `signing_key_id` is an alias, so that a key can be replaced."""

    issuer: str
    audience: str
    signing_key_id: str
    pepper_secret_id: str
    token_seconds: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "TokenSettings":
        """Read the environment; raise SettingsError naming all that is wrong with it."""
        return _read(cls._from, environ)

    @classmethod
    def _from(cls, reader: _Reader) -> "TokenSettings":
        return cls(
            issuer=reader.https("ISSUER"),
            audience=reader.text("AUDIENCE"),
            signing_key_id=reader.text("SIGNING_KEY_ID"),
            pepper_secret_id=reader.text("PEPPER_SECRET_ID"),
            token_seconds=reader.whole("TOKEN_SECONDS", SHORTEST_TOKEN_SECONDS, LONGEST_TOKEN_SECONDS),
        )


@dataclass(frozen=True, slots=True)
class KeySettings:
    """What the keys function needs; `issuer_documents` is where the issuer's host takes its documents from."""

    issuer: str
    issuer_documents: str
    signing_key_id: str
    rotate_after_days: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "KeySettings":
        """Read the environment; raise SettingsError naming all that is wrong with it."""
        return _read(cls._from, environ)

    @classmethod
    def _from(cls, reader: _Reader) -> "KeySettings":
        return cls(
            issuer=reader.https("ISSUER"),
            issuer_documents=reader.documents("ISSUER_DOCUMENTS"),
            signing_key_id=reader.text("SIGNING_KEY_ID"),
            rotate_after_days=reader.whole("ROTATE_AFTER_DAYS", SHORTEST_ROTATION_DAYS, LONGEST_ROTATION_DAYS),
        )
