"""Where functions come from: named on the command line, listed in a file, or found in a Chalice app."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from emulator.lambdas import FunctionConfig
from emulator.lambdas.event_sources import BadEventSource, Source, event_source
from emulator.options import DEFAULT_ACCOUNT, DEFAULT_REGION, pairs
from emulator.yaml_source import DefinitionError

MAX_ENVIRONMENTS = 4
OPTIONAL = (
    "reserved_concurrency",
    "maximum_retry_attempts",
    "maximum_event_age_seconds",
    "on_success",
    "on_failure",
)
_ENDPOINTS = {
    "sqs": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS"),
    "dynamodb-stream": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"),
}
LAMBDA_FORM = "NAME=MODULE:HANDLER"


def read_functions(
    arguments: argparse.Namespace, variables: Mapping[str, str], given: Mapping[str, str]
) -> list[FunctionConfig]:
    """Return every function that the command line leads to; DefinitionError names what cannot be used.

    `given` is what the machine puts into the environment of each, unless the function has its own.
    """
    rows = _named(arguments)
    if arguments.functions is not None:
        rows += _listed(arguments)
    region, account = variables.get("region", DEFAULT_REGION), variables.get("account", DEFAULT_ACCOUNT)
    place = {"region": region, "account": account, "worker": arguments.worker}
    return [_config(row, given, place) for row in rows]


def _config(row: dict[str, Any], given: Mapping[str, str], place: dict[str, Any]) -> FunctionConfig:
    try:
        return FunctionConfig(
            name=row["name"],
            handler=row["handler"],
            code_root=row["code_root"],
            memory_mb=row["memory_mb"],
            timeout_seconds=row["timeout_seconds"],
            environment={**given, **row["environment"]},
            max_environments=row.get("max_environments", MAX_ENVIRONMENTS),
            **place,
            **{name: row[name] for name in OPTIONAL if name in row},
        )
    except (KeyError, TypeError) as error:
        raise DefinitionError(f"function {row!r}: {error!r}") from error


def _named(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The functions of `--lambda`."""
    environment = pairs(arguments.env, "--env")
    code_root = (arguments.code_root or Path()).resolve()
    rows = []
    for name, handler in pairs(arguments.lambdas, "--lambda", LAMBDA_FORM).items():
        module, separator, function = handler.rpartition(":")
        if not separator or not module or not function:
            raise DefinitionError(f"--lambda {name}={handler}: expected {LAMBDA_FORM}")
        if not _exists(code_root, module):
            raise DefinitionError(f"--lambda {name}={handler}: there is no module {module} in {code_root}")
        rows.append(
            {
                "name": name,
                "handler": f"{module}.{function}",
                "code_root": str(code_root),
                "memory_mb": arguments.memory,
                "timeout_seconds": arguments.timeout,
                "environment": environment,
            }
        )
    return rows


def _exists(code_root: Path, module: str) -> bool:
    place = code_root.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def _listed(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The functions of `--functions`."""
    file: Path = arguments.functions
    if file.suffix == ".py":
        rows = chalice_project(file, arguments.stage)["functions"]
        root = file.parent
    else:
        root = arguments.code_root or file.parent
        try:
            rows = orjson.loads(file.read_bytes())["functions"]
        except (OSError, KeyError, TypeError, orjson.JSONDecodeError) as error:
            raise DefinitionError(f"{file}: {error!r}") from error
    return [{**row, "code_root": str(root.resolve())} for row in rows]


def chalice_event_sources(arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> list[Source]:
    """Return what starts the functions of a Chalice app; what is not started here is said, and nothing else of it.

    Queues and streams are followed where an endpoint is named for them: an app on a laptop takes no messages from AWS.
    """
    found = []
    for row in chalice_project(arguments.functions, arguments.stage)["event_sources"]:
        lacking = [name for name in _ENDPOINTS.get(row["type"], ()) if not environ.get(name)]
        try:
            source = event_source(row)
        except BadEventSource as fault:
            _say(f"{row['function']} is not started by its own event source: {fault}")
            continue
        if lacking and len(lacking) == len(_ENDPOINTS[row["type"]]):
            _say(f"{row['function']} is not started by its own event source: set {' or '.join(lacking)}")
            continue
        found.append(source)
    return found


def _say(text: str) -> None:
    print(f"emulator: {text}", file=sys.stderr, flush=True)  # noqa: T201 - this is what the terminal is for


def chalice_project(app: Path, stage: str) -> dict[str, Any]:
    """Return the functions and the API of a Chalice app; it is imported in a process of its own, as anybody's code."""
    command = [sys.executable, "-m", "emulator.chalice_project", str(app.resolve().parent), stage]
    here = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, check=False, cwd=here)  # noqa: S603 - the developer's own app
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise DefinitionError(f"{app}: {said[-1] if said else 'it cannot be read'}")
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found
