"""The settings of a function: which are taken, which are refused because nobody here would heed them."""

from __future__ import annotations

import re
from typing import Final

from emulator.control.functions.roster import Row, bad, only
from emulator.control.operation import Members
from emulator.lambdas.destinations import is_destination

HEEDED: Final = (
    "Runtime",
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "DeadLetterConfig",
)
KEPT: Final = ("TracingConfig", "EphemeralStorage", "LoggingConfig")
"""Members that are kept and told; here they have no effect, and nobody is less safe for it."""

_DEFAULTS: Final[Row] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "TracingConfig": {"Mode": "PassThrough"},
    "PackageType": "Zip",
    "EphemeralStorage": {"Size": 512},
}
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
_VARIABLES_BYTES: Final = 4 * 1024
_RESERVED: Final = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
"""Names that are Lambda's. Source: Lambda developer guide, "Defined runtime environment variables"."""

NEVER: Final[Row] = {"SnapStart": {"ApplyOn": "None"}, "PackageType": "Zip"}
"""What is not served, but for the value that asks for nothing."""


def fresh(asked: Members, *more: str) -> Row:
    """The settings of a new function; InvalidParameterValueException for what is not run here."""
    settings = {**_DEFAULTS, **changed({}, asked, *more)}
    settings["Architectures"] = asked.get("Architectures", ["x86_64"])
    return settings


def changed(before: Row, asked: Members, *more: str) -> Row:
    """The settings after a change; `more` are members of the request that are no settings."""
    given = {name: value for name, value in asked.items() if NEVER.get(name) != value}
    only(given, "RevisionId", "FunctionName", *HEEDED, *KEPT, *more)
    chosen = {name: asked[name] for name in (*HEEDED, *KEPT) if asked.get(name) is not None}
    settings = {**before, **chosen}
    _check({**_DEFAULTS, **settings})
    return settings


def told(settings: Row, arn: str = "") -> Row:
    """The settings as answers have them: here a function is ready when the call returns."""
    own = {name: value for name, value in settings.items() if value != {}}
    return {**own, "FunctionArn": arn or own["FunctionArn"], "State": "Active", "LastUpdateStatus": "Successful"}


def _check(settings: Row) -> None:
    if not str(settings.get("Runtime", "")).startswith("python3"):
        raise bad(f"Runtime {settings.get('Runtime')} is not run here: only Python is")
    if not re.fullmatch(r"[^\s.]+(\.[^\s.]+)+", settings.get("Handler", "")):
        raise bad("A handler is named module.function")
    if not 1 <= settings["Timeout"] <= 900:
        raise bad("Timeout is from 1 to 900 seconds")
    if not 128 <= settings["MemorySize"] <= 10_240:
        raise bad("MemorySize is from 128 to 10240 MB")
    dead_letters = settings.get("DeadLetterConfig", {}).get("TargetArn", "")
    if dead_letters and not is_destination(dead_letters):
        raise bad(f"Dead letters go to a standard queue or topic, not to {dead_letters}")
    _check_variables(settings.get("Environment", {}).get("Variables", {}))


def _check_variables(variables: dict[str, str]) -> None:
    why = "Lambda was unable to configure your environment variables because"
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        raise bad(f"{why} reserved keys are used that are not supported for modification: {', '.join(reserved)}")
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise bad(f"{why} {name!r} is no name of one, or its value no text")
    if sum(len(f"{name}{value}".encode()) for name, value in variables.items()) > _VARIABLES_BYTES:
        raise bad(f"{why} they are larger than {_VARIABLES_BYTES} bytes in all")
