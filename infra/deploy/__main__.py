"""`python -m infra.deploy deploy|plan|destroy|rollback --stage STAGE`: see docs/operations.md."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.account import Account, read_account
from infra.deploy.bucket_step import Bucket
from infra.deploy.course import deploy, destroy, plan
from infra.deploy.fault import DeployFault
from infra.deploy.here import here
from infra.deploy.release_step import ReleaseStep
from infra.deploy.signing_step import Folder, Issuer
from infra.deploy.steps import Target, check_stage, functions_of, project_of, steps_of
from infra.local.attach import attach
from infra.local.engines import ROOT
from infra.local.place import STAGE, Place
from infra.resources import read_resources

FOLDER: Final = ROOT / ".local" / "deploy"


def _target(options: argparse.Namespace) -> Target:
    check_stage(options.stage)
    data = attach(options.stage)
    if data is not None:
        return here(Place.of_running(data), read_account())
    if options.stage == STAGE and not any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ):
        raise DeployFault("no stack is running to deploy to: start one with make run DEPLOYED=1")
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
    if not options.issuer and not options.issuer_directory:
        bucket = Bucket(account, read_resources(options.stage).issuer_bucket_of(account.account))
        return Issuer(bucket.url, bucket)
    if not options.issuer or not options.issuer_directory:
        raise DeployFault("an issuer has a URL and a folder: ISSUER=https://... ISSUER_DIRECTORY=..., or neither")
    return Issuer(options.issuer, Folder(options.issuer_directory), options.ca)


def _run(options: argparse.Namespace) -> None:
    target = _target(options)
    match options.command:
        case "plan":
            plan(steps_of(target))
        case "deploy":
            deploy(target)
        case "destroy":
            _check_confirmed(options)
            destroy(steps_of(target))
        case "rollback":
            for line in ReleaseStep(target.account, functions_of(project_of(target))).rollback():
                print(line, flush=True)


def _check_confirmed(options: argparse.Namespace) -> None:
    if options.confirm != options.stage:
        raise DeployFault(f"this takes the stage {options.stage} away: say so with --confirm {options.stage}")


def guarded(work: Callable[[], None]) -> int:
    """Run a command; what goes wrong outside of us is one line."""
    try:
        work()
    except DeployFault as fault:
        print(f"tollgate: {fault}", file=sys.stderr, flush=True)
        return 1
    except (ClientError, BotoCoreError, LookupError) as fault:
        print(f"tollgate: {fault}\nNothing after this was done: mend it, and run the same again.", file=sys.stderr)
        return 1
    return 0


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
    parser.add_argument("--give-up-ledger", action="store_true", help="destroy: tables, key and pepper too")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; 1 with one line for what went wrong."""
    options = _arguments().parse_args(argv)
    return guarded(lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
