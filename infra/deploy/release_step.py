"""Versions and the alias `live`: what serves is a version, and going back is moving the alias back.

    $LATEST --publish--> version --it answers--> live
                            ^-----rollback-------'

Everything is published and asked before the first alias moves, so a release that does not start serves nobody. An alias
says in its description which version it named before.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import missing
from infra.functions import Row

ALIAS: Final = "live"
_BEFORE: Final = re.compile(r"before: (\d+)")
_COMPARED: Final = ("CodeSha256", "Handler", "Runtime", "MemorySize", "Timeout", "Environment")
"""What makes a version another one."""

_READY_ATTEMPTS: Final = 60

NO_RECORDS: Final[Row] = {"Records": []}
_REQUEST: Final[Row] = {
    "httpMethod": "GET",
    "resource": "/v1/health",
    "path": "/v1/health",
    "headers": {},
    "multiValueHeaders": {},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "body": None,
    "isBase64Encoded": False,
    "requestContext": {"requestId": "release", "stage": "release", "identity": {}, "authorizer": None},
}
PROBES: Final[Mapping[str, Any]] = {
    "projections": NO_RECORDS,
    "payments_due": {},
    "transfers_due": {},
    "keys": {},
    "verifier": None,
}
"""What a new version is asked before it serves; what is not named gets a request, and None is not asked: the verifier
reads the whole ledger. A sweeper does what it would do a minute later."""


@dataclass(slots=True)
class ReleaseStep:
    """The alias `live` of every function; `functions` maps the names within the stage to the deployed ones."""

    account: Account
    functions: Mapping[str, str]
    name: str = field(default="release", init=False)

    def differences(self) -> list[str]:
        """Compare what serves with what was deployed last."""
        return [text for name in self.functions.values() if (text := self._difference(name))]

    def _difference(self, name: str) -> str:
        latest, live = self._settings(name), self._live(name)
        if latest is None:
            return f"{name} is missing"
        if live is None:
            return f"{name} has no alias {ALIAS}"
        serving = self._settings(name, live["FunctionVersion"])
        if serving is None or not _same(serving, latest):
            return f"{name}: {ALIAS} is version {live['FunctionVersion']}, which is not what was deployed last"
        return ""

    def apply(self) -> None:
        """Publish and ask all that has changed; then move the aliases. DeployFault if a version does not answer."""
        changed = {short: name for short, name in self.functions.items() if self._difference(name)}
        versions = {name: self._published(name) for name in changed.values()}
        for short, name in changed.items():
            self._ask(name, versions[name], PROBES.get(short, _REQUEST))
        for name, version in versions.items():
            self._move(name, version)

    def rollback(self) -> list[str]:
        """Move every alias to the version it named before; return what was done."""
        return list(self._rolled_back())

    def _rolled_back(self) -> Iterator[str]:
        lives = {name: self._live(name) for name in self.functions.values()}
        earlier = {name: _BEFORE.search((live or {}).get("Description", "")) for name, live in lives.items()}
        if not any(earlier.values()):
            raise DeployFault("there is no earlier release to go back to: no alias names one")
        for name, found in earlier.items():
            if found is not None:
                now = (lives[name] or {})["FunctionVersion"]
                self._move(name, found[1])
                yield f"{name}: {ALIAS} is version {found[1]} again, after {now}"

    def destroy(self) -> list[str]:
        """Nothing: versions and aliases go with their functions."""
        return []

    def _settings(self, name: str, version: str = "$LATEST") -> Row | None:
        try:
            found: Row = self._lambda.get_function_configuration(FunctionName=name, Qualifier=version)
        except ClientError as error:
            if missing(error):
                return None
            raise
        return found

    def _live(self, name: str) -> Row | None:
        try:
            found: Row = self._lambda.get_alias(FunctionName=name, Name=ALIAS)
        except ClientError as error:
            if missing(error):
                return None
            raise
        return found

    def _published(self, name: str) -> str:
        """Return the version that is what was deployed last: the newest one, if it is that already."""
        self._lambda.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": _READY_ATTEMPTS}
        )
        latest = self._settings(name)
        assert latest is not None
        newest = max(self._versions(name), key=lambda row: int(row["Version"]), default=None)
        if newest is not None and _same(newest, latest):
            return str(newest["Version"])
        made = self._lambda.publish_version(FunctionName=name, CodeSha256=latest["CodeSha256"])
        return str(made["Version"])

    def _versions(self, name: str) -> list[Row]:
        rows = self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        return [row for answer in rows for row in answer["Versions"] if row["Version"] != "$LATEST"]

    def _ask(self, name: str, version: str, event: Any) -> None:
        if event is None:
            return
        self._lambda.get_waiter("published_version_active").wait(
            FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1, "MaxAttempts": _READY_ATTEMPTS}
        )
        answer = self._lambda.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(event).encode())
        said = answer["Payload"].read().decode(errors="replace")
        if answer.get("FunctionError") or answer["StatusCode"] != 200:
            raise DeployFault(f"{name}: version {version} does not start: {said[:500]}\nNothing was released: mend it.")

    def _move(self, name: str, version: str) -> None:
        live = self._live(name)
        if live is None:
            self._lambda.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        elif live["FunctionVersion"] != version:
            before = f"before: {live['FunctionVersion']}"
            self._lambda.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version, Description=before)

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")


def _same(one: Row, other: Row) -> bool:
    return all(one.get(name) == other.get(name) for name in _COMPARED)
