"""What Chalice would deploy, as the file from which functions are run on this machine: `python -m infra.functions`.

Chalice's own objects are asked (the app's functions, the configuration scoped to each), so memory, timeout, environment
and handler are those of a deployment, by Chalice's own rules of which setting wins.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from chalice.cli.factory import CLIFactory
from chalice.constants import DEFAULT_LAMBDA_MEMORY_SIZE, DEFAULT_LAMBDA_TIMEOUT

from infra.files import replace_file

ROOT: Final = Path(__file__).parent.parent

Row = dict[str, Any]


class UnknownStage(Exception):
    """The configuration lacks this stage; Chalice alone would go on with its defaults and no environment."""


class UnreadableApp(Exception):
    """The app's own code fails when it is imported; the text says how."""


def function_rows(stage: str, overrides: Mapping[str, str] | None = None, root: Path = ROOT) -> list[Row]:
    """Return one row per function of `app.py`.

    An override whose name is in the configuration of some functions replaces it there and appears nowhere else (ISSUER
    is the tokens function's business); any other one is what the place gives to all (AWS_ENDPOINT_URL, credentials).
    """
    rows = list(_rows(stage, root))
    configured = {name for row in rows for name in row["environment"]}
    for row in rows:
        for name, value in (overrides or {}).items():
            if name in row["environment"] or name not in configured:
                row["environment"][name] = value
    return rows


def _rows(stage: str, root: Path) -> Iterator[Row]:
    config = CLIFactory(str(root)).create_config_obj(stage)
    if stage not in config.config_from_disk.get("stages", {}):
        raise UnknownStage(f"there is no stage {stage!r} in .chalice/config.json")
    for function in _app(config).pure_lambda_functions:
        scoped = config.scope(stage, function.name)
        yield {
            "name": f"{config.app_name}-{stage}-{function.name}",
            "handler": function.handler_string,
            "memory_mb": scoped.lambda_memory_size or DEFAULT_LAMBDA_MEMORY_SIZE,
            "timeout_seconds": scoped.lambda_timeout or DEFAULT_LAMBDA_TIMEOUT,
            "environment": dict(scoped.environment_variables),
        }


def _app(config: Any) -> Any:
    try:
        return config.chalice_app
    except Exception as error:
        said = str(error).strip().splitlines() or [""]
        raise UnreadableApp(f"app.py cannot be imported: {type(error).__name__}: {said[-1]}: mend it") from error


def write_functions(file: Path, rows: list[Row]) -> None:
    """Write the rows for the emulator; credentials may be among them, so only the owner may read it."""
    replace_file(file, json.dumps({"functions": rows}, indent=2).encode() + b"\n")


def main(argv: list[str] | None = None) -> None:
    """Write the file for a stage."""
    parser = argparse.ArgumentParser(prog="infra.functions", description="What Chalice would deploy, as JSON.")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="as this machine needs it")
    options = parser.parse_args(argv)
    overrides = dict(pair.split("=", 1) for pair in options.env)
    write_functions(options.out, function_rows(options.stage, overrides))


if __name__ == "__main__":
    main()
