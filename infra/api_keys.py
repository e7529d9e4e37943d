"""API keys: in a file for the emulator, or in API Gateway; either way issued with a client and bound to its plan."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from infra.files import replace_file, turn

VALUE_BYTES: Final = 32
PLANS_PER_PAGE: Final = 500
"""The most that API Gateway gives at once, and more than an account may have."""

_PREFIX: Final = "tgk_"


class NoPlan(Exception):
    """There is no usage plan of this name."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`value` is what the client sends as x-api-key; `key_id` is what the token and the gateway's event carry."""

    key_id: str
    value: str


class ApiKeys(Protocol):
    """Where API keys live."""

    def issue(self, name: str, plan: str) -> ApiKey:
        """Make a key that counts against a usage plan."""
        ...

    def disable(self, key_id: str) -> None:
        """Refuse a key from now on; an unknown one is no fault."""
        ...


@dataclass(frozen=True, slots=True)
class FileApiKeys:
    """The emulator's file: {"keys": [{"id", "value", "plan", "enabled"}]}; several writers take turns."""

    file: Path

    def issue(self, name: str, plan: str) -> ApiKey:
        """Add a key; the emulator sees it at the next request."""
        del name
        key = ApiKey(secrets.token_hex(5), _PREFIX + secrets.token_urlsafe(VALUE_BYTES))
        row = {"id": key.key_id, "value": key.value, "plan": plan, "enabled": True}
        self._change(lambda rows: [*rows, row])
        return key

    def disable(self, key_id: str) -> None:
        """Mark a key as disabled; its line stays, so that nobody is given the id again."""
        self._change(lambda rows: [row | {"enabled": row["enabled"] and row["id"] != key_id} for row in rows])

    def _change(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        with turn(self.file.with_name(f".{self.file.name}.lock")):
            rows = json.loads(self.file.read_bytes())["keys"] if self.file.exists() else []
            replace_file(self.file, json.dumps({"keys": change(rows)}, indent=2).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class GatewayApiKeys:
    """API Gateway's own keys (`boto3.client("apigateway")`); `prefix` and a plan's name are its name there."""

    apigateway: Any
    prefix: str = ""

    def issue(self, name: str, plan: str) -> ApiKey:
        """Create a key and put it under a usage plan; without the plan there is no key."""
        plan_id = self._plan_id(self.prefix + plan)
        made = self.apigateway.create_api_key(name=name, enabled=True)
        try:
            self.apigateway.create_usage_plan_key(usagePlanId=plan_id, keyId=made["id"], keyType="API_KEY")
        except BaseException:
            self.apigateway.delete_api_key(apiKey=made["id"])
            raise
        return ApiKey(made["id"], made["value"])

    def disable(self, key_id: str) -> None:
        """Disable the key; it stays under its plan, so that its usage can still be read."""
        operation = {"op": "replace", "path": "/enabled", "value": "false"}
        try:
            self.apigateway.update_api_key(apiKey=key_id, patchOperations=[operation])
        except self.apigateway.exceptions.NotFoundException:
            return

    def _plan_id(self, name: str) -> str:
        plans = self.apigateway.get_usage_plans(limit=PLANS_PER_PAGE)["items"]
        found = [plan["id"] for plan in plans if plan["name"] == name]
        if len(found) != 1:
            raise NoPlan(f"there are {len(found)} usage plans named {name!r}, and one is needed")
        return str(found[0])
