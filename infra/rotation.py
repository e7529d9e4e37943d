r"""Rotates the key that signs access tokens: `python -m infra.rotation continue --stage prod --directory issuer`.

    begin --> published --an hour--> signs --its successor does--> kept --its last token has expired--> gone

Gateways keep an issuer's keys for up to an hour, so a key is published that long before it signs. `continue` takes
every step whose time has come and says when the next one is due: it is made for a schedule, and with `--every DAYS` it
begins by itself. Any run may be cut off anywhere; the next one goes on. Source of the times: requirement O14.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3

from chalicelib.kernel.clock import SECOND_MS, SystemClock
from chalicelib.kernel.jwk import Jwk, public_jwk
from chalicelib.settings import LONGEST_TOKEN_SECONDS
from infra.local.attach import attach
from infra.resources import read_resources
from infra.signing import write_keys
from infra.signing_keys import (
    DELETED_DAYS,
    PUBLISHED_AT,
    REPLACED_AT,
    Key,
    create_key,
    next_alias,
    previous_alias,
    read_key,
    read_keys,
)

PUBLISHED_SECONDS: Final = 3_600
"""How long a key is published before it signs."""

# KMS may know an alias by its former key for some minutes.
KEPT_SECONDS: Final = LONGEST_TOKEN_SECONDS + 300
"""How long a key is published after another one has taken its place."""

_DAY_SECONDS: Final = 86_400

Publish = Callable[[list[Jwk]], None]


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of one alias; `publish` brings public keys to where the issuer's document is served."""

    kms: Any
    alias: str
    publish: Publish
    now: int

    def begin(self) -> list[str]:
        """Publish a successor, unless there is one; then go on as far as it is time."""
        if read_keys(self.kms, self.alias).following is None:
            self._point(next_alias(self.alias), create_key(self.kms))
        return self.go_on()

    def go_on(self) -> list[str]:
        """Take every step that is due; return what was done and what comes next, in sentences."""
        return [*self._retire(), *self._succeed()]

    def begin_if_older(self, days: int) -> list[str]:
        """Begin if the key that signs was made so many days ago, else go on."""
        metadata = self.kms.describe_key(KeyId=self.alias)["KeyMetadata"]
        age_seconds = self.now - metadata["CreationDate"].timestamp()
        return self.begin() if age_seconds >= days * _DAY_SECONDS else self.go_on()

    def replace_at_once(self) -> list[str]:
        """Give up the key that signs: another one does from now on, and no other is published.

        Tokens of the old key are refused as soon as a gateway reads the keys again: within an hour on AWS.
        """
        keys = read_keys(self.kms, self.alias)
        successor = keys.following.id if keys.following else create_key(self.kms)
        self._point(next_alias(self.alias), successor)
        self.publish([public_jwk(self.kms.get_public_key(KeyId=successor)["PublicKey"])])
        self._point(self.alias, successor)
        for alias in (next_alias(self.alias), previous_alias(self.alias)):
            self._forget(alias)
        for gone in (keys.current, keys.previous):
            if gone and gone.id != successor:
                self.kms.schedule_key_deletion(KeyId=gone.id, PendingWindowInDays=DELETED_DAYS)
        return [f"{successor} signs now, and nothing else is published"]

    def _succeed(self) -> list[str]:
        keys = read_keys(self.kms, self.alias)
        self.publish(keys.published())
        if keys.following is None:
            return [f"{keys.current.id} signs"]
        if keys.following.since is None:
            self._note(keys.following.id, PUBLISHED_AT)
            return [f"{keys.following.id} is published, and signs from {_told(self.now + PUBLISHED_SECONDS)} on"]
        due = keys.following.since + PUBLISHED_SECONDS
        if self.now < due:
            return [f"{keys.following.id} signs from {_told(due)} on"]
        return self._switch(keys.current, keys.following)

    def _switch(self, old: Key, new: Key) -> list[str]:
        """Let the successor sign. The order leaves no moment in which a key that signs is behind no alias."""
        if old.id != new.id:
            self._point(previous_alias(self.alias), old.id)
            self._point(self.alias, new.id)
        replaced = read_key(self.kms, previous_alias(self.alias), REPLACED_AT)
        if replaced:
            self._note(replaced.id, REPLACED_AT)
        self._forget(next_alias(self.alias))
        return [f"{new.id} signs now; the one before stays published until {_told(self.now + KEPT_SECONDS)}"]

    def _retire(self) -> list[str]:
        keys = read_keys(self.kms, self.alias)
        gone = keys.previous
        if gone is None or gone.since is None or gone.id == keys.current.id:
            return []
        if self.now < gone.since + KEPT_SECONDS:
            return [f"{gone.id} stays published until {_told(gone.since + KEPT_SECONDS)}"]
        self.publish([jwk for jwk in keys.published() if jwk != gone.jwk])
        self._forget(previous_alias(self.alias))
        self.kms.schedule_key_deletion(KeyId=gone.id, PendingWindowInDays=DELETED_DAYS)
        return [f"{gone.id} is gone"]

    def _point(self, alias: str, key_id: str) -> None:
        try:
            self.kms.create_alias(AliasName=alias, TargetKeyId=key_id)
        except self.kms.exceptions.AlreadyExistsException:
            self.kms.update_alias(AliasName=alias, TargetKeyId=key_id)

    def _forget(self, alias: str) -> None:
        try:
            self.kms.delete_alias(AliasName=alias)
        except self.kms.exceptions.NotFoundException:
            return

    def _note(self, key_id: str, tag: str) -> None:
        self.kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": tag, "TagValue": str(self.now)}])


def _told(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def main(argv: list[str] | None = None) -> int:
    """Run one command and print what was done."""
    options = _arguments().parse_args(argv)
    data = attach(options.stage)
    directory: Path | None = options.directory or (data / "issuer" if data else None)
    if directory is None or not (directory / "jwks.json").exists():
        print("name the folder of the issuer's documents with --directory (infra.signing makes them)", file=sys.stderr)
        return 2
    alias = read_resources(options.stage).signing_key
    now = SystemClock().now_at() // SECOND_MS
    rotation = Rotation(boto3.client("kms"), alias, lambda keys: write_keys(directory, keys), now)
    for sentence in _run(rotation, options):
        print(sentence)
    return 0


def _run(rotation: Rotation, options: argparse.Namespace) -> list[str]:
    if options.command == "begin":
        return rotation.begin()
    if options.command == "replace-at-once":
        return rotation.replace_at_once()
    return rotation.begin_if_older(options.every) if options.every else rotation.go_on()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.rotation", description="Rotates the key that signs access tokens.")
    parser.add_argument("command", choices=("begin", "continue", "replace-at-once"))
    parser.add_argument("--stage", required=True)
    parser.add_argument("--directory", type=Path, help="where the issuer's documents are; that of the running stack")
    parser.add_argument("--every", type=int, metavar="DAYS", help="continue: begin when the key is that old")
    return parser


if __name__ == "__main__":
    sys.exit(main())
