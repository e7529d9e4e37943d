r"""Rotates the key that signs access tokens: `python -m infra.rotation continue --stage prod --documents s3://bucket`.

The scheduled function does the same every hour (chalicelib/keys/); the command does it now, and makes what keys are
missing, which the function may not:

    continue          whatever is due; --every DAYS for another age than the function's
    begin             another key signs as soon as the standby has been published for an hour, whatever the age
    replace-at-once   the key is known to somebody: the standby signs now, and the old key is published no more

Any run may be cut off anywhere; the next one, of the command or of the function, goes on.
"""

import argparse
import sys
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.clock import SECOND_MS, Clock, SystemClock
from chalicelib.keys.aws import KmsKeyring
from chalicelib.keys.desk import document_at
from chalicelib.keys.document import Document, Overtaken, encoded
from chalicelib.keys.key import REPLACED_AT, SIGNS_AT, WANTED_AT, Key, Keys, NoKey, NoStandby
from chalicelib.keys.rotation import Rotation, TooLate
from infra.deploy.account import read_account
from infra.deploy.fault import DeployFault
from infra.deploy.steps import check_stage
from infra.local.attach import attach
from infra.resources import Resources, read_resources
from infra.signing_keys import ensure_keys, keyring_of

EVERY_DAYS: Final = 90
_DAY_SECONDS: Final = 86_400
_KNOWN_ATTEMPTS: Final = 60
_KNOWN_SECONDS: Final = 5.0
_LONG_AGO: Final = 0
"""When a key was replaced that is to be given up at once."""


@dataclass(frozen=True, slots=True)
class Command:
    """The rotation of a stage's keys by somebody who may make keys."""

    kms: Any
    resources: Resources
    document: Document
    clock: Clock
    every_days: int = EVERY_DAYS

    def go_on(self) -> list[str]:
        """Make what is missing and do what is due; return it in sentences."""
        self._ensured()
        return self._run()

    def begin(self) -> list[str]:
        """Let another key sign as soon as it may; what this run cannot do yet, a later one does."""
        keys = self._ensured()
        if WANTED_AT not in keys.signs.instants:
            self._keyring.note(keys.signs.id, WANTED_AT, self._now())
        return self._run()

    def replace_at_once(self) -> list[str]:
        """Give up the key that signs, and the one before it: the standby signs, and only what follows it is published.

        Tokens of the old keys are refused as soon as a gateway reads the keys again: within an hour on AWS.
        """
        keys = self._ensured()
        assert keys.standby is not None
        self._publish(keys)
        self._give_up(keys, keys.standby)
        self._wait_for(keys.standby)
        said = self._run()
        old, told = keys.signs.id, "when it reads the keys again, within an hour"
        return [f"{keys.standby.id} signs now; a gateway refuses tokens of {old} {told}", *said, *self.go_on()]

    def _publish(self, keys: Keys) -> None:
        """Publish the standby, if it is not: a standby that was made by a deployment has been for long."""
        before = self.document.read()
        assert keys.standby is not None
        assert keys.standby.jwk is not None
        if before is None or keys.standby.jwk["kid"] not in before.kids():
            self.document.write(encoded(keys.published(self._now())), before)

    def _give_up(self, keys: Keys, standby: Key) -> None:
        """Switch, with nothing to wait for. The alias of the old key is how any later run finds what is left to do."""
        if keys.replaced:
            self._keyring.delete(keys.replaced.id)
        self._keyring.note(standby.id, SIGNS_AT, self._now())
        self._keyring.note(keys.signs.id, REPLACED_AT, _LONG_AGO)
        self._keyring.point("replaced", keys.signs.id)
        self._keyring.point("signs", standby.id)

    def _wait_for(self, signs: Key) -> None:
        """KMS may know an alias by its former key for some minutes, and what is published would be the old keys."""
        for _ in range(_KNOWN_ATTEMPTS):
            if self._keyring.read().signs.id == signs.id:
                return
            self.clock.wait(_KNOWN_SECONDS)
        raise TooLate(f"{signs.id} signs, but KMS does not say so yet: run `continue` until the old key is gone")

    def _ensured(self) -> Keys:
        return ensure_keys(self.kms, self.resources.signing_key, self.resources.stage)

    def _run(self) -> list[str]:
        return Rotation(self._keyring, self.document, self.clock, self.every_days * _DAY_SECONDS).run()

    @property
    def _keyring(self) -> KmsKeyring:
        return keyring_of(self.kms, self.resources.signing_key)

    def _now(self) -> int:
        return self.clock.now_at() // SECOND_MS


def main(argv: list[str] | None = None) -> int:
    """Run one command and print what was done."""
    options = _arguments().parse_args(argv)
    try:
        return _run(options)
    except (NoKey, NoStandby, Overtaken, TooLate, DeployFault, ClientError, BotoCoreError) as fault:
        print(f"tollgate: {fault}", file=sys.stderr)
        return 1


def _documents(options: argparse.Namespace) -> str:
    """Where the issuer's documents are: as told, those of the running stack, or the stage's bucket."""
    data = attach(options.stage)
    if options.documents:
        return str(options.documents)
    if data:
        return (data / "issuer").as_uri()
    return f"s3://{read_resources(options.stage).issuer_bucket_of(read_account().account)}"


def _run(options: argparse.Namespace) -> int:
    check_stage(options.stage)
    where = _documents(options)
    document = document_at(where)
    if document.read() is None:
        print(
            f"no documents of an issuer at {where}: name them with --documents s3://... or file:///... "
            "(make deploy, or infra.signing, puts them there)",
            file=sys.stderr,
        )
        return 2
    command = Command(
        boto3.client("kms"), read_resources(options.stage), document, SystemClock(), options.every or EVERY_DAYS
    )
    acts = {"begin": command.begin, "continue": command.go_on, "replace-at-once": command.replace_at_once}
    print("\n".join(acts[options.command]()))
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.rotation", description="Rotates the key that signs access tokens.")
    parser.add_argument("command", choices=("begin", "continue", "replace-at-once"))
    parser.add_argument("--stage", required=True)
    parser.add_argument(
        "--documents", metavar="URL", help="where the issuer's documents are: s3://... or file:///...; "
        "default: the running stack's, or the stage's bucket"
    )  # fmt: skip
    parser.add_argument("--every", type=int, metavar="DAYS", help=f"continue: at this age, not at {EVERY_DAYS} days")
    return parser


if __name__ == "__main__":
    sys.exit(main())
