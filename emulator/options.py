"""The command line: what is served, which functions answer, and where this machine keeps what it remembers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from emulator.yaml_source import DefinitionError

DEFAULT_PORT = 3000
DEFAULT_STAGE = "dev"
DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT = "123456789012"
# What Lambda gives a function that says nothing. Source: Lambda developer guide, "Configure memory" and "timeout".
DEFAULT_MEMORY_MB = 128
DEFAULT_TIMEOUT_SECONDS = 3.0


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; exits with 2 and a usage line for what cannot be meant."""
    parser = argparse.ArgumentParser(prog="emulator", description="Amazon API Gateway (REST) and Lambda, here.")
    _served(parser)
    _functions(parser)
    _place(parser)
    _deployed(parser)
    arguments = parser.parse_args(argv)
    if arguments.control_port is not None:
        _check_deployed(parser, arguments)
    elif arguments.api is None and not _is_chalice(arguments.functions):
        parser.error("--api is needed, unless --functions is a Chalice app with routes of its own")
    if (arguments.cert is None) != (arguments.key is None):
        parser.error("--cert and --key go together; without both, the emulator speaks plain HTTP")
    return arguments


def _check_deployed(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    given = ("api", "stages", "functions", "event_sources", "api_keys")
    wrong = [name for name in given if getattr(arguments, name) is not None]
    if wrong or arguments.lambdas:
        parser.error("--control-port serves what is deployed to it, and takes no definitions and no functions")
    if arguments.front is not None and arguments.front.count("/") != 1:
        parser.error("--front is written API/STAGE")


def _deployed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--control-port", type=int, help="serve what is deployed by AWS's API on this port (0: any)")
    parser.add_argument("--front", metavar="API/STAGE", help="the deployed stage that stands at the host's root")


def _served(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--api", type=Path, help="OpenAPI 3.0 with x-amazon-apigateway extensions")
    parser.add_argument(
        "--stages", type=Path, help="what OpenAPI cannot hold: throttles, usage plans, the log's format"
    )
    parser.add_argument("--stage", default=DEFAULT_STAGE)
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="for ${NAME} in the definitions"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--base-path", default="", help="serve under /BASE-PATH, as a custom domain's mapping does")
    where.add_argument("--stage-path", action="store_true", help="serve under /STAGE, as the API's own URL does")
    parser.add_argument("--api-keys", type=Path, help='{"keys": [{"id", "value", "plan", "enabled"}]}')
    parser.add_argument("--event-sources", type=Path, help="what starts functions besides the gateway (JSON)")


def _functions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--functions", type=Path, metavar="FILE", help="a Chalice app.py, or JSON as infra.functions")
    parser.add_argument("--lambda", action="append", default=[], dest="lambdas", metavar="NAME=MODULE:HANDLER")
    parser.add_argument("--endpoint", help="invoke functions at this Lambda endpoint instead (LocalStack, say)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for functions of --lambda")
    parser.add_argument("--memory", type=int, default=DEFAULT_MEMORY_MB, help="MB, for functions of --lambda")
    parser.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_SECONDS, help="seconds, for those of --lambda")
    parser.add_argument("--code-root", type=Path, help="the folder of the functions' code")
    parser.add_argument(
        "--worker",
        choices=("awslambdaric", "fast"),
        default="awslambdaric",
        help="how functions reach the Runtime API: by awslambdaric's own client, or by a leaner one (same answers)",
    )


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--ca", type=Path, help="the authority to trust besides the system's, for issuers")
    parser.add_argument("--state-dir", type=Path, help="quota counts and checkpoints; forgotten at the end without it")
    parser.add_argument("--issuer-dir", type=Path, help="serve an issuer's documents from this folder")
    parser.add_argument("--metrics-log", type=Path, help="append the metrics, in CloudWatch's embedded metric format")
    parser.add_argument("--json", action="store_true", help="log lines for machines, where the stage names no format")


def _is_chalice(functions: Path | None) -> bool:
    return functions is not None and functions.suffix == ".py"


def pairs(given: Sequence[str], option: str, form: str = "NAME=VALUE") -> dict[str, str]:
    """Read the values of an option that may be given several times; DefinitionError for one that is no pair."""
    found = {}
    for pair in given:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise DefinitionError(f"{option} {pair}: expected {form}")
        found[name] = value
    return found
