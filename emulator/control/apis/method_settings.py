"""The settings of a stage's methods: throttles, metrics and logs, by `~1v1~1payments/GET`, or `*/*` for all.

Sources: API Gateway API reference, UpdateStage; the answer with its defaults: the CLI's page of update-stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from emulator.control.apis.catalog import Row, bad
from emulator.control.apis.patch import invalid, parts, typed
from emulator.stages import ACCOUNT_THROTTLE

_SETTINGS: Final = {
    "throttling/burstLimit": ("throttlingBurstLimit", "integer"),
    "throttling/rateLimit": ("throttlingRateLimit", "double"),
    "metrics/enabled": ("metricsEnabled", "boolean"),
    "logging/loglevel": ("loggingLevel", "string"),
    "logging/dataTrace": ("dataTraceEnabled", "boolean"),
}
_LEVELS: Final = ("OFF", "ERROR", "INFO")
_OF_THE_STAGE: Final = ("variables", "accessLogSettings", "canarySettings", "tags")
"""What a patch's path may begin with that is no resource."""

_NO_LIMIT: Final = -1
_DEFAULTS: Final[Mapping[str, Any]] = {
    "metricsEnabled": False,
    "loggingLevel": "OFF",
    "dataTraceEnabled": False,
    "throttlingBurstLimit": ACCOUNT_THROTTLE.burst,
    "throttlingRateLimit": ACCOUNT_THROTTLE.rate,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def settings_shown(settings: Mapping[str, Row]) -> dict[str, Row]:
    """The settings as answers have them: with what API Gateway adds to each."""
    return {name: {**_DEFAULTS, **row} for name, row in settings.items()}


def patch_setting(row: Row, patch: Mapping[str, str]) -> bool:
    """Apply a patch of a method's setting, `/~1v1~1payments/GET/throttling/rateLimit`; tell whether it was one."""
    path = parts(patch.get("path", ""))
    if len(path) not in (2, 4) or path[0] in _OF_THE_STAGE:
        return False
    name = f"{path[0].replace('/', '~1')}/{path[1]}"
    if len(path) == 2:
        if patch.get("op") != "remove":
            raise invalid(patch)
        row["methodSettings"].pop(name, None)
        return True
    row["methodSettings"].setdefault(name, {}).update([_setting(path, patch)])
    return True


def _setting(path: list[str], patch: Mapping[str, str]) -> tuple[str, Any]:
    if path[2] == "caching":
        raise bad("A cache is not served here")
    member, kind = _SETTINGS.get(f"{path[2]}/{path[3]}", ("", ""))
    if not member or patch.get("op") not in ("replace", "add"):
        raise bad(f"Invalid method setting path: {patch['path']}")
    value = typed(kind, patch.get("value", ""), patch["path"])
    if member == "loggingLevel" and value not in _LEVELS:
        raise bad(f"Invalid value '{value}' specified for {patch['path']}: it is one of {', '.join(_LEVELS)}.")
    if member.startswith("throttling") and value < 0 and value != _NO_LIMIT:
        raise bad(f"Invalid value '{value}' specified for {patch['path']}: it is 0 or more, or -1 for no limit.")
    return member, value
