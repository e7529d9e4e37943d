"""Creates, rotates and revokes clients: `python -m infra.clients create|rotate|revoke ...` prints JSON.

A tenant (`demo.sandbox`) and a principal (`prn_...`) exist by being named by a client. Secrets are shown once, in the
output of the command that made them.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.store.dynamo import Boto3Dynamo
from infra.api_keys import ApiKeys, FileApiKeys, GatewayApiKeys, NoPlan
from infra.event_sources import APP
from infra.local.attach import attach
from infra.register import NewClient, Register, RegisterError
from infra.resources import Resources, read_resources
from infra.signing import ensure_pepper

STAGES_FILE = Path(__file__).parent / "stages.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where clients are kept: the stage's names, and the files that stand in for services on a laptop."""

    resources: Resources
    api_keys_file: Path | None = None
    pepper_file: Path | None = None

    def open(self) -> Register:
        """Open the register there."""
        keys: ApiKeys = FileApiKeys(self.api_keys_file) if self.api_keys_file else _gateway_keys(self.resources.stage)
        pepper = ensure_pepper(boto3.client("secretsmanager"), self.resources.pepper, self.pepper_file)
        tables = Boto3Dynamo({"clients": self.resources.tables["clients"]})
        return Register(tables, keys, pepper, SystemClock(), SystemChance(), plan_names())


def _gateway_keys(stage: str) -> GatewayApiKeys:
    """Several stages may share an account: the plans of each are named after it."""
    return GatewayApiKeys(boto3.client("apigateway"), prefix=f"{APP}-{stage}-")


def plan_names(file: Path = STAGES_FILE) -> frozenset[str]:
    """Return the names of the usage plans there are."""
    return frozenset(yaml.safe_load(file.read_text())["usage_plans"])


def main(argv: list[str] | None = None) -> int:
    """Run one command; 2 when it was refused."""
    options = _arguments().parse_args(argv)
    data = attach(options.stage)
    if data is not None:
        if "AWS_ENDPOINT_URL_API_GATEWAY" not in os.environ:
            options.api_keys = options.api_keys or data / "api_keys.json"
        options.pepper_file = options.pepper_file or data / "pepper"
    place = Place(read_resources(options.stage), options.api_keys, options.pepper_file)
    try:
        print(json.dumps(_run(options, place.open()), indent=2))
    except (RegisterError, NoPlan) as fault:
        print(f"clients: {fault}", file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace, register: Register) -> dict[str, Any]:
    if options.command == "create":
        wanted = NewClient(
            tenant=options.tenant,
            role=options.role,
            principal=None if options.principal == "new" else options.principal,
            scopes=tuple(options.scopes.split()),
            plan=options.plan,
        )
        return asdict(register.create(wanted))
    if options.command == "rotate":
        secret = register.rotate(options.client, retire_old=options.retire_old)
        return {"client_id": options.client, "client_secret": secret}
    register.revoke(options.client)
    return {"client_id": options.client, "status": "revoked"}


def _arguments() -> argparse.ArgumentParser:
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--stage", default="local")
    place.add_argument("--api-keys", type=Path, metavar="FILE", help="the emulator's file; default: API Gateway")
    place.add_argument("--pepper-file", type=Path, metavar="FILE", help="default: Secrets Manager alone")
    parser = argparse.ArgumentParser(prog="infra.clients", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", parents=[place])
    create.add_argument("--tenant", required=True, help="<name>.sandbox or <name>.live")
    create.add_argument("--role", required=True, help="operator, merchant or owner")
    create.add_argument("--principal", required=True, help="prn_..., or new")
    create.add_argument("--scopes", required=True, help='"payments:write payments:read"')
    create.add_argument("--plan", required=True)
    rotate = commands.add_parser("rotate", parents=[place])
    rotate.add_argument("--client", required=True)
    rotate.add_argument("--retire-old", action="store_true", help="only the new secret is valid from now on")
    revoke = commands.add_parser("revoke", parents=[place])
    revoke.add_argument("--client", required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
