"""`python -m infra.deploy deploy|plan|destroy|rollback --stage STAGE`: see docs/operations.md."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.account import Account, read_account
from infra.deploy.bucket_step import Bucket
from infra.deploy.course import deploy, destroy, plan, turn_of
from infra.deploy.fault import DeployFault
from infra.deploy.here import here
from infra.deploy.release_step import ReleaseStep
from infra.deploy.signing_step import Folder, Issuer
from infra.deploy.steps import Target, check_stage, steps_of
from infra.event_sources import APP
from infra.functions import UnknownStage, UnreadableApp
from infra.local.attach import attach
from infra.local.engines import ROOT
from infra.local.finding import Finding
from infra.local.place import STAGE, Place
from infra.resources import LOCAL_STAGE, read_resources

FOLDER: Final = ROOT / ".local" / "deploy"


def _run(options: argparse.Namespace) -> None:
    check_stage(options.stage)
    if options.command == "destroy":
        _check_confirmed(options)
    data = attach(options.stage)
    if data is None and options.stage == STAGE and not any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ):
        raise DeployFault("no stack is running to deploy to: start one with make run DEPLOYED=1")
    if options.command == "rollback":
        for line in ReleaseStep(read_account(), _functions(options.stage)).rollback():
            print(line, flush=True)
        return
    target = _target(options, data)
    with turn_of(target):
        _act(options.command, target)


def _act(command: str, target: Target) -> None:
    match command:
        case "plan":
            plan(steps_of(target))
        case "deploy":
            deploy(target)
        case "destroy":
            destroy(steps_of(target))


def _check_confirmed(options: argparse.Namespace) -> None:
    if options.confirm != options.stage:
        how = f"CONFIRM={options.stage} (--confirm {options.stage})"
        raise DeployFault(f"this takes the stage {options.stage} away: say so with {how}")


def _functions(stage: str) -> dict[str, str]:
    """The deployed names of the functions, from the configuration: who goes back may have code that does not load."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return {short: f"{APP}-{stage}-{short}" for short in config["stages"][LOCAL_STAGE]["lambda_functions"]}


def _target(options: argparse.Namespace, data: Path | None) -> Target:
    if data is not None:
        return here(Place.of_running(data), read_account())
    if bool(options.issuer) != bool(options.issuer_directory):
        raise DeployFault("an issuer has a URL and a folder: ISSUER=https://... ISSUER_DIRECTORY=..., or neither")
    account = read_account()
    return Target(
        options.stage,
        account,
        _issuer(options, account),
        url=options.url.rstrip("/"),
        ca=options.ca,
        folder=options.folder or FOLDER / options.stage,
        give_up_ledger=options.give_up_ledger,
    )


def _issuer(options: argparse.Namespace, account: Account) -> Issuer:
    if not options.issuer:
        bucket = Bucket(account, read_resources(options.stage).issuer_bucket_of(account.account))
        return Issuer(bucket.url, bucket)
    return Issuer(options.issuer, Folder(options.issuer_directory), options.ca)


def guarded(work: Callable[[], None]) -> int:
    """Run a command; what goes wrong outside of us is one line."""
    try:
        work()
    except (DeployFault, Finding) as fault:
        return _told(str(fault), 1)
    except (ClientError, BotoCoreError, OSError, UnknownStage, UnreadableApp) as fault:
        return _told(f"{fault}: nothing after this was done; mend it, and run the same again", 1)
    except KeyboardInterrupt:
        return _told("stopped in the middle: run the same again, it goes on from there", 130)
    return 0


def _told(text: str, code: int) -> int:
    print(f"tollgate: {text}", file=sys.stderr, flush=True)
    return code


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.deploy", description="Deploys a stage, and takes it away.")
    parser.add_argument("command", choices=("plan", "deploy", "rollback", "destroy"))
    parser.add_argument("--stage", required=True)
    parser.add_argument("--url", default="", help="the API's public URL; default: the one that API Gateway gives it")
    parser.add_argument("--issuer", default="", help="the issuer's URL; default: the stage's bucket")
    parser.add_argument("--issuer-directory", type=Path, help="the folder that the issuer's host serves")
    parser.add_argument("--ca", default="", help="the authority to trust besides the system's")
    parser.add_argument("--folder", type=Path, help="where the Chalice project is; default: .local/deploy/STAGE")
    parser.add_argument("--confirm", default="", metavar="STAGE", help="destroy: the stage once more")
    parser.add_argument("--give-up-ledger", action="store_true", help="destroy: tables, bucket, keys and pepper too")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; 1 with one line for what went wrong."""
    options = _arguments().parse_args(argv)
    return guarded(lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
